"""Real calendars beside what their owners wrote: each date that the YAML names is read from the ICS, and no other."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from chalicelib.collect.calendars import read_calendar
from chalicelib.content.values import Site
from tests.corpus import CORPUS, needs_corpus
from tests.sites import calendar_source, make_site

pytestmark = needs_corpus
BERLIN = ZoneInfo("Europe/Berlin")
CALENDAR = CORPUS / "scs" / "calendar"
Date = tuple[str, datetime]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return make_site(tmp_path_factory.mktemp("site"))


def events_of(files: list[Path]) -> list[dict[str, Any]]:
    return [event for file in files for event in yaml.safe_load(file.read_text()).get("events") or []]


def moment(value: Any) -> datetime:
    """A YAML date or time, local."""
    return value if isinstance(value, datetime) else datetime.combine(value, time())


def dates(event: dict[str, Any]) -> Iterator[Date]:
    """What the owner means: each interval, to the last day, but for the exceptions."""
    begin, repeat = moment(event["begin"]), event.get("repeat")
    if not repeat:
        yield event["summary"].strip(), begin
        return
    (unit, number), *_ = repeat["interval"].items()
    until, out = repeat["until"], {moment(day) for day in repeat.get("except_on") or []}
    last = until.date() if isinstance(until, datetime) else until
    current, count = begin, 0
    while current.date() <= last:
        if current not in out:
            yield event["summary"].strip(), current
        count += number
        if unit == "months":
            months = begin.month - 1 + count
            current = begin.replace(year=begin.year + months // 12, month=months % 12 + 1)
        else:
            current = begin + timedelta(**{unit: count})


def as_ics(events: list[dict[str, Any]]) -> bytes:
    """What yaml2ics makes of them: UNTIL is the midnight that begins the last day."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x"]
    for number, event in enumerate(events):
        zone = ";TZID=/ics.py/2020.1/Europe/Berlin:"
        lines += ["BEGIN:VEVENT", f"UID:{number}", f"DTSTART{zone}{moment(event['begin']):%Y%m%dT%H%M%S}"]
        lines += [f"SUMMARY:{event['summary'].strip()}".replace(",", "\\,"), *_repeat(event.get("repeat"), zone)]
        lines.append("END:VEVENT")
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def _repeat(repeat: dict[str, Any] | None, zone: str) -> Iterator[str]:
    if repeat:
        (unit, number), *_ = repeat["interval"].items()
        freq = {"days": "DAILY", "weeks": "WEEKLY", "months": "MONTHLY"}[unit]
        yield f"RRULE:FREQ={freq};INTERVAL={number};UNTIL={moment(repeat['until']):%Y%m%dT%H%M%S}"
        if out := repeat.get("except_on"):
            yield f"EXDATE{zone}" + ",".join(f"{moment(day):%Y%m%dT%H%M%S}" for day in out)


def read(site: Site, body: bytes, first: date, last: date) -> set[Date]:
    """All dates between two days, read as a newsletter would: again every month."""
    found: set[Date] = set()
    now = datetime.combine(first, time(), UTC)
    while now.date() <= last + timedelta(days=1):
        for entry in read_calendar(site, calendar_source(), body, now).entries:
            (text,) = entry.texts.values()
            assert entry.starts is not None
            local = entry.starts.astimezone(BERLIN).replace(tzinfo=None)
            if first <= local.date() <= last:
                found.add((text.title, local))
        now += timedelta(days=30)
    return found


def test_every_date_of_two_years_is_read_and_no_other(site: Site) -> None:
    events = events_of(sorted((CALENDAR / "yaml").rglob("*.yml")))
    first, last = date(2022, 1, 1), date(2024, 12, 31)
    meant = {d for event in events for d in dates(event) if first <= d[1].date() <= last}
    assert len(meant) > 400
    assert read(site, as_ics(events), first, last) == meant


def test_the_published_calendar_holds_what_its_yaml_says(site: Site) -> None:
    folder = CALENDAR / "yaml"
    files = [folder / f"{name}.yml" for name in ("onetimes", "openops", "other", "team_meetings")]
    for name in yaml.safe_load((folder / "main.yml").read_text())["include"]:
        files += [folder / file for file in yaml.safe_load((folder / name).read_text()).get("include") or []]
    events = events_of(files)
    first, last = date(2025, 2, 1), date(2026, 12, 31)
    meant = {d for event in events for d in dates(event) if first <= d[1].date() <= last}
    assert read(site, (CALENDAR / "ics" / "scs.ics").read_bytes(), first, last) == meant
