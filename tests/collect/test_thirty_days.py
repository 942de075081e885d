"""A month of ten blogs that edit, move, break and come back: each post goes out once, and none goes missing."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chalicelib.collect import entries as entries_module
from chalicelib.collect import merging
from chalicelib.collect.collector import collect
from chalicelib.collect.entry import Entry
from chalicelib.collect.fetch import fetcher
from chalicelib.collect.matching import Leads, match
from chalicelib.compose.composer import Composer
from chalicelib.store import Key
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_blobs import SqliteBlobs
from chalicelib.store.sqlite_database import Database
from tests.collect.newsroom import Month, blogs, serving
from tests.sites import SITE, make_site

START = datetime(2026, 3, 1, 3, tzinfo=UTC)
TICK = timedelta(hours=6)
DAILY = """\
title: Daily
schedule: {rule: FREQ=DAILY, at: '10:05', starts: 2026-02-28}
sections: [{title: News, rest: true}]
"""
TOKEN = re.compile(r"token:[^;]*;")


def played(folder: Path, seed: int, days: int = 30) -> tuple[Month, Counter[str]]:
    """The month, and how often each post stood in an edition."""
    month = Month(seed, START)
    database = Database(folder / "month.db")
    with serving(month) as address:
        sources = "sources:\n" + "".join(f"  {b.name}: {{feed: '{address}/{b.name}'}}\n" for b in blogs())
        site = make_site(folder, {"newsletters/daily.yaml": DAILY}, site=SITE + sources)
        table, blobs = SqliteTable(database), SqliteBlobs(database)
        now = START
        while now < START + timedelta(days=days + 4):
            month.pass_time(now, quiet=now >= START + timedelta(days=days))
            fetch = fetcher(folder, "https://news.example.org", deadline=1.5, allow=["127.0.0.0/8"])
            if month.chance.random() < 0.05:
                forget(table, month)
            collect(site, table, fetch, now)
            Composer(site, table, blobs).tick(now)
            now += TICK
        composer = Composer(site, table, blobs)
        told = [composer.editions.content(e) for e in composer.editions.of("daily") if e.claims_entries and e.entries]
    database.close()
    texts = [text.html for content in told for entry in content.entries for text in entry.texts.values()]
    return month, Counter(token for html in texts for token in TOKEN.findall(html))


def forget(table: SqliteTable, month: Month) -> None:
    """A cache is lost: nothing is known any more of what the feeds answered last."""
    for name in month.blogs:
        item = table.get(Key(f"SOURCE#{name}", "STATE"))
        if item:
            table.replace(item, {**item.data, "etag": "", "last_modified": "", "digest": ""})


def faults(month: Month, told: Counter[str]) -> dict[str, list[str]]:
    return {
        "repeated": sorted(token for token, count in told.items() if count > 1),
        "lost": sorted(month.published - set(told)),
        "flooded": sorted(month.old & set(told)),
    }


NONE: dict[str, list[str]] = {"repeated": [], "lost": [], "flooded": []}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_each_post_goes_out_once(tmp_path: Path) -> None:
    month, told = played(tmp_path, seed=1)
    assert faults(month, told) == NONE
    assert len(month.published) > 80
    happened = {event.split()[3] for event in month.events}
    assert happened >= {"500", "hangs", "truncated", "nothing", "login", "emptied", "redirected", "title", "guids",
                        "slug", "host", "scheme", "tracking", "date", "no"}  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(2, 10))
def test_each_post_goes_out_once_in_other_months(tmp_path: Path, seed: int) -> None:
    month, told = played(tmp_path, seed)
    assert faults(month, told) == NONE


Matching = Callable[[Sequence[Entry], Sequence[Leads]], list[Entry | None]]


def by_guid_alone(found: Sequence[Entry], leads: Sequence[Leads]) -> list[Entry | None]:
    return [next(iter((*lead.guid, *lead.sure)), None) for lead in leads]


def without_titles(found: Sequence[Entry], leads: Sequence[Leads]) -> list[Entry | None]:
    return match(found, [replace(lead, title=()) for lead in leads])


def without_guids(found: Sequence[Entry], leads: Sequence[Leads]) -> list[Entry | None]:
    return match(found, [replace(lead, guid=(), title=()) for lead in leads])


def titles_for_ever(found: Sequence[Entry], leads: Sequence[Leads]) -> list[Entry | None]:
    return [next(iter((*lead.sure, *lead.guid, *lead.title)), None) for lead in leads]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("mutant", "fault"),
    [(by_guid_alone, "lost"), (without_titles, "repeated"), (without_guids, "repeated"), (titles_for_ever, "lost")],
)
def test_the_month_notices_a_planted_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mutant: Matching, fault: str
) -> None:
    monkeypatch.setattr(entries_module, "match", mutant)
    month, told = played(tmp_path, seed=1)
    assert faults(month, told)[fault]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_month_notices_dates_that_move_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def moving(old: Entry, entry: Entry, *, trusted: bool) -> datetime | None:
        return entry.published

    monkeypatch.setattr(merging, "_published", moving)
    month, told = played(tmp_path, seed=1)
    assert faults(month, told) != NONE
