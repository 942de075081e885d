"""Calendar files: read again by two libraries, they hold what the entries hold, and every line is a lawful one."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import icalendar
import pytest
import vobject
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.collect.entry import Change, Entry, EntryText
from chalicelib.compose.edition import Content
from chalicelib.content.values import CalendarUse, Kind, Sender, Topic
from chalicelib.errors import AddressError, RenderError
from chalicelib.render.attendee import attendee_line
from chalicelib.render.calendar_part import calendar_of
from chalicelib.render.compiling import compile_letter
from chalicelib.render.ics import Calendar, Method, ics_pieces, ics_text, uid
from chalicelib.render.letter import Letter, Reader
from chalicelib.render.rendered import Rendered, event_url
from chalicelib.render.text import one_line
from chalicelib.render.variants import variant_for
from tests.render.values import NEWSLETTER, SLOT_AT, content, entry, site

HOUR = timedelta(hours=1)
READER = Reader("ada@example.com", "Ada Example", "https://news.example.org/u/x", "1.2@news.example.org", SLOT_AT)
RENDERED = Rendered("A meeting", "<p>Words.</p>", "Words.\n", "Words")


def event(number: int = 1, **changes: object) -> Entry:
    usual = {"kind": Kind.EVENT, "starts": SLOT_AT + 5 * HOUR, "ends": SLOT_AT + 7 * HOUR}
    return entry(number, **{**usual, **changes})  # type: ignore[arg-type]


def written(*entries: Entry, **changes: Any) -> str:
    """A calendar, after the checks that hold for all."""
    text = ics_text(site(), entries, Calendar(**{"language": "en", **changes}))
    check_lines(text)
    return text


def check_lines(text: str) -> None:
    raw = text.encode()
    assert raw.endswith(b"END:VCALENDAR\r\n")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 75
    for line in raw.split(b"\r\n"):
        line.decode()  # no character is cut in two
    assert not re.search(rb"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f]", raw)


def read(text: str) -> list[Any]:
    calendar = icalendar.Calendar.from_ical(text)
    assert not calendar.errors
    found = list(calendar.walk("VEVENT"))
    assert not [one.errors for one in found if one.errors]
    return found


def occurrences(text: str) -> tuple[list[Any], list[Any]]:
    """UID, start, end and status of each event, as icalendar and as vobject read them."""
    first = [
        (str(e["UID"]), e["DTSTART"].dt, e["DTEND"].dt if "DTEND" in e else None, str(e["STATUS"])) for e in read(text)
    ]
    again = vobject.readOne(text)
    second = [
        (e.uid.value, _utc(e.dtstart.value), _utc(e.dtend.value) if hasattr(e, "dtend") else None, e.status.value)
        for e in getattr(again, "vevent_list", [])
    ]
    return first, second


def _utc(moment: Any) -> Any:
    return moment.astimezone(UTC) if isinstance(moment, datetime) else moment


def test_an_event_has_every_field_that_publishing_asks_for() -> None:
    topics = (Topic("news", {"en": "News, and more"}, ()),)
    html = "<p>Come <a href='https://example.org/a'>here</a>.</p><p>Bye.</p>"
    one = event(place="Pier 1", texts={"en": EntryText("Launch", "https://example.org/launch", html)})
    form = Calendar("en", stamp=SLOT_AT, name="All, dates", source="https://x.example.org/c.ics")
    text = ics_text(site(topics=topics), [one], form)
    check_lines(text)
    calendar = icalendar.Calendar.from_ical(text)
    assert (calendar["VERSION"], calendar["METHOD"]) == ("2.0", "PUBLISH")
    assert "\r\nNAME:All\\, dates\r\nX-WR-CALNAME:All\\, dates\r\n" in text
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT12H\r\n" in text
    assert "SOURCE;VALUE=URI:https://x.example.org/c.ics\r\n" in text
    (found,) = read(text)
    assert {key: found[key].to_ical().decode() for key in found if key != "CATEGORIES"} == {
        "UID": "000000000001@news.example.org",
        "DTSTAMP": "20261126T090000Z",
        "LAST-MODIFIED": "20261124T090000Z",
        "SEQUENCE": "0",
        "DTSTART": "20261126T140000Z",
        "DTEND": "20261126T160000Z",
        "SUMMARY": "Launch",
        "STATUS": "CONFIRMED",
        "DESCRIPTION": "Come here [1].\\n\\nBye.\\n\\n[1] https://example.org/a\\n\\nhttps://example.org/launch",
        "LOCATION": "Pier 1",
        "URL": "https://example.org/launch",
        "ORGANIZER": "mailto:news@example.org",
    }
    assert found["CATEGORIES"].cats == ["News, and more"]
    assert found["ORGANIZER"].params == {"CN": "Open Example Cloud"}
    assert found["SUMMARY"].params == {"LANGUAGE": "en"}


def test_days_and_moments_are_written_as_they_are() -> None:
    midnight = datetime(2026, 12, 2, 23, tzinfo=UTC)  # in Berlin that of the 3rd
    autumn = datetime(2026, 10, 24, 22, tzinfo=UTC)
    rows = [
        (event(), (date_of(14), date_of(16))),
        (event(ends=None), (date_of(14), None)),
        (event(ends=SLOT_AT + 5 * HOUR), (date_of(14), None)),
        (event(starts=midnight, ends=None, all_day=True), (date(2026, 12, 3), date(2026, 12, 4))),
        (event(starts=midnight, ends=midnight + 48 * HOUR, all_day=True), (date(2026, 12, 3), date(2026, 12, 5))),
        (event(starts=midnight, ends=midnight + 36 * HOUR, all_day=True), (date(2026, 12, 3), date(2026, 12, 5))),
        (event(starts=autumn, ends=autumn + 25 * HOUR, all_day=True), (date(2026, 10, 25), date(2026, 10, 26))),
        (event(starts=datetime(9999, 12, 31, tzinfo=UTC), ends=None, all_day=True), (date(9999, 12, 31), None)),
        (replace(event(), kind=Kind.DEADLINE), (date_of(14), None)),
        (event(kind=Kind.DEADLINE, starts=midnight, ends=None, all_day=True), (date(2026, 12, 3), date(2026, 12, 4))),
    ]  # fmt: skip
    for one, expected in rows:
        first, second = occurrences(written(one))
        assert first == second == [(uid(site(), one), *expected, "CONFIRMED")]


def date_of(hour: int) -> datetime:
    return datetime(2026, 11, 26, hour, tzinfo=UTC)


def test_long_texts_and_lists_of_links_are_cut_and_a_summary_stands_for_none() -> None:
    many = "".join(f"<p><a href='https://example.org/{n}'>Link {n}</a> {'word ' * 100}</p>" for n in range(60))
    described = {}
    for name, html, summary in (("long", many, ""), ("none", "", "In short."), ("both", "<p>Text.</p>", "In short.")):
        one = event(texts={"en": EntryText("", "", html, summary)}, topics=("gone",))
        (found,) = read(written(one))
        described[name] = str(found["DESCRIPTION"])
        assert (str(found["SUMMARY"]), found["CATEGORIES"].cats) == ("entry-1", ["gone"])
    assert len(described["long"].partition("\n\n[1] ")[0]) <= 4000
    assert "\n[20] https://example.org/19" in described["long"]
    assert "\n[21] " not in described["long"]
    assert (described["none"], described["both"]) == ("In short.", "Text.")


def test_deadlines_leave_the_day_free() -> None:
    (found,) = read(written(replace(event(), kind=Kind.DEADLINE)))
    assert found["TRANSP"] == "TRANSPARENT"
    assert "TRANSP" not in read(written(event()))[0]


def test_a_day_that_has_no_midnight() -> None:
    zone = ZoneInfo("America/Santiago")  # 6 September 2026 begins at one o'clock
    one = event(starts=datetime(2026, 9, 5, 4, tzinfo=UTC), ends=datetime(2026, 9, 6, 4, tzinfo=UTC), all_day=True)
    (found,) = read(ics_text(site(time_zone=zone), [one], Calendar("en")))
    assert (found["DTSTART"].dt, found["DTEND"].dt) == (date(2026, 9, 5), date(2026, 9, 6))


def test_what_becomes_of_an_event_is_the_same_event_later() -> None:
    states = [
        event(),
        event(revision=1, change=Change.MOVED, starts=SLOT_AT + 30 * HOUR, ends=None, revised=SLOT_AT),
        event(revision=2, change=Change.CANCELLED),
        event(revision=3, change=Change.AGAIN),
        event(revision=4, withdrawn=True),
    ]
    found = [read(written(state, language=language))[0] for state in states for language in ("en", "de")]
    assert {str(one["UID"]) for one in found} == {"000000000001@news.example.org"}
    assert [one["SEQUENCE"] for one in found] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    status = [str(one["STATUS"]) for one in found[::2]]
    assert status == ["CONFIRMED", "CONFIRMED", "CANCELLED", "CONFIRMED", "CANCELLED"]
    assert found[2]["LAST-MODIFIED"].dt == found[2]["DTSTAMP"].dt == SLOT_AT
    assert [str(one["SUMMARY"]) for one in found[:2]] == ["Title 1", "Überschrift 1"]


def test_posts_and_news_of_whole_series_are_no_dates() -> None:
    series = event(series="s@example.org", identities=("guid:blog:s@example.org",), change=Change.CANCELLED)
    assert read(written(entry(3), event(starts=None, ends=None), series)) == []


def test_a_host_that_is_given_stands_in_uids() -> None:
    assert uid(site(), event(), "old.example.org") == "000000000001@old.example.org"
    assert uid(site(base_url="https://bücher.example/sub"), event()) == "000000000001@xn--bcher-kva.example"
    with pytest.raises(RenderError, match="base_url"):
        uid(site(base_url="nothing"), event())


def test_where_an_event_is_found() -> None:
    assert event_url(site(base_url="https://news.example.org/sub/"), event()) == (
        "https://news.example.org/sub/calendar/000000000001.ics"
    )


HOSTILE = st.text(max_size=200) | st.sampled_from(
    [
        "BEGIN:VEVENT\r\nUID:x", "END:VEVENT\nEND:VCALENDAR", "\r\nATTENDEE:x-sendbrief:reader\r\n", "a;b,c\\n\\;",
        '"\\', "שלום עולם ⁧x⁩", "\x00\x0b\x1b\x7f", "x" * 300, "ü" * 100, "😀" * 60, "\\", "\ud800", "\u2028\u2029",
    ]
)  # fmt: skip
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2199, 12, 1))  # noqa: DTZ001 (given zones below)
ZONES = st.sampled_from(["Europe/Berlin", "America/Santiago", "Asia/Kathmandu", "Pacific/Apia", "UTC"])


@settings(max_examples=150, deadline=None)
@given(title=HOSTILE, place=HOSTILE, starts=MOMENTS, zone=ZONES, days=st.integers(0, 400), all_day=st.booleans())
def test_whatever_stands_in_an_entry_is_read_again_alike(
    title: str, place: str, starts: datetime, zone: str, days: int, all_day: bool
) -> None:
    made = site(time_zone=ZoneInfo(zone))
    local = starts.replace(hour=0, minute=0, second=0, microsecond=0) if all_day else starts
    first = local.replace(tzinfo=made.time_zone).astimezone(UTC)
    last = (local + timedelta(days=days)).replace(tzinfo=made.time_zone).astimezone(UTC)
    texts = {"en": EntryText(title, "https://example.org/1", f"<p>{place.replace('<', '')}</p>")}
    one = event(starts=first, ends=last, all_day=all_day, place=place, texts=texts)
    text = ics_text(made, [one, event(2)], Calendar("en"))
    check_lines(text)
    ours, theirs = occurrences(text)
    assert ours == theirs
    assert [row[0] for row in ours] == ["000000000001@news.example.org", "000000000002@news.example.org"]
    found = read(text)[0]
    assert one_line(str(found["SUMMARY"])) == one_line(title) or str(found["SUMMARY"]) == one.slug
    assert one_line(str(found.get("LOCATION", ""))) == one_line(place)
    if all_day:
        expected = first.astimezone(made.time_zone).date()
        assert ours[0][1:3] == (
            expected,
            max(expected, (local + timedelta(days=max(days, 1) - 1)).date()) + timedelta(1),
        )
    else:
        assert ours[0][1] == first.replace(microsecond=0)


@settings(max_examples=100, deadline=None)
@given(name=HOSTILE, local=st.from_regex(r"[a-z!#$%&'*+/=?^_`{|}~-]{1,60}", fullmatch=True))
def test_a_readers_line_holds_one_reader_whatever_they_are_called(name: str, local: str) -> None:
    pieces = ics_pieces(site(), [event()], Calendar("en", Method.REQUEST, attendee=True))
    assert len(pieces) == 2
    text = f"{pieces[0]}{attendee_line(f'{local}@example.org', name)}\r\n{pieces[1]}"
    check_lines(text)
    (found,) = read(text)
    assert not any("x-sendbrief" in piece for piece in pieces)
    reader = found["ATTENDEE"]
    assert icalendar.vUri(reader).startswith("mailto:")
    assert unquote(str(reader)) == f"mailto:{local}@example.org"
    wanted = {"ROLE": "OPT-PARTICIPANT", "PARTSTAT": "NEEDS-ACTION", "RSVP": "TRUE"}
    assert {key: value for key, value in reader.params.items() if key != "CN"} == wanted
    assert [str(one.value) for one in vobject.readOne(text).vevent.attendee_list] == [str(reader)]


@pytest.mark.parametrize("address", ["a b@example.org", "a@example.org\r\nX:y", "ü@example.org", '"a"@example.org', ""])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(AddressError):
        attendee_line(address, "")


def test_a_reader_who_calls_himself_something_with_marks() -> None:
    assert attendee_line("ada@example.org", 'A "B"; ^n,\r\nX:y').replace("\r\n ", "") == (
        "ATTENDEE;ROLE=OPT-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN=\"A 'B'; ^^n, X:y\":mailto:ada@example.org"
    )


@pytest.mark.parametrize("letter", ["x", "ü", "😀"])
def test_lines_are_as_long_as_they_may_be_and_no_longer(letter: str) -> None:
    for more in range(8):
        line = attendee_line(f"{'a' * (50 + more)}@example.org", letter * 100)
        octets = [len(part.encode()) for part in line.split("\r\n")]
        assert max(octets) <= 75
        assert min(octets[:-1]) > 75 - len(letter.encode())
        assert line.replace("\r\n ", "").endswith(f'CN="{letter * 100}":mailto:{"a" * (50 + more)}@example.org')


def test_an_address_is_written_as_a_uri_has_it() -> None:
    assert "mailto:a%252Fb%26c%3Fd@" in attendee_line("a%2Fb&c?d@example.org", "").replace("\r\n ", "")


def test_a_sender_with_marks_in_the_name() -> None:
    sender = Sender({"en": 'The "Crew"; of\r\nUs'}, "crew@example.org")
    text = ics_text(site(sender=sender), [event()], Calendar("en"))
    check_lines(text)
    (found,) = read(text)
    assert found["ORGANIZER"].params == {"CN": "The 'Crew'; of Us"}
    assert vobject.readOne(text).vevent.organizer.params == {"CN": ["The 'Crew'; of Us"]}


def letter(edition: Content, use: CalendarUse) -> Letter:
    made, newsletter = site(), replace(NEWSLETTER, calendar=use)
    variant = variant_for(edition, made.languages, made.fallback, "en", None)
    assert variant
    part = calendar_of(made, newsletter, edition, variant)
    return compile_letter(RENDERED, site=made, newsletter=newsletter, content=edition, variant=variant, calendar=part)


def parts(made: Letter) -> tuple[Any, list[Any]]:
    raw = made.personalise(READER)
    assert raw.isascii()
    assert max(map(len, raw.partition(b"\r\n\r\n")[2].split(b"\r\n"))) <= 76
    message = message_from_bytes(raw, policy=policy.default)
    walked = list(message.walk())
    assert not [part.defects for part in walked if part.defects]
    return message, walked


@pytest.mark.parametrize(
    ("use", "entries", "method", "attendees"),
    [
        (CalendarUse.PUBLISH, [event()], "PUBLISH", 0),
        (CalendarUse.PUBLISH, [event(), event(2, change=Change.CANCELLED)], "PUBLISH", 0),
        (CalendarUse.PUBLISH, [event(revision=1, change=Change.CANCELLED)], "CANCEL", 0),
        (CalendarUse.INVITE, [event()], "REQUEST", 1),
        (CalendarUse.INVITE, [event(revision=2, change=Change.AGAIN)], "REQUEST", 1),
        (CalendarUse.INVITE, [event(revision=1, change=Change.CANCELLED)], "CANCEL", 1),
        (CalendarUse.INVITE, [event(), event(2)], "PUBLISH", 0),
        (CalendarUse.INVITE, [event(kind=Kind.DEADLINE, ends=None)], "PUBLISH", 0),
    ],
)
def test_a_mail_carries_its_events(use: CalendarUse, entries: list[Entry], method: str, attendees: int) -> None:
    made = letter(content(*entries, entry(9)), use)
    message, walked = parts(made)
    assert [part.get_content_type() for part in walked] == [
        "multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/calendar", "application/ics",
    ]  # fmt: skip
    shown, attached = walked[-2:]
    assert (shown.get_param("method"), shown.get_param("charset")) == (method, "utf-8")
    name = "entry-1.ics" if len(entries) == 1 else "digest-2026-11-26.ics"
    assert (attached.get_filename(), attached.get_content_disposition()) == (name, "attachment")
    text = shown.get_payload(decode=True).decode()
    assert attached.get_payload(decode=True).decode() == text
    check_lines(text)
    calendar = icalendar.Calendar.from_ical(text)
    assert calendar["METHOD"] == method
    found = read(text)
    assert [str(one["UID"])[:12] for one in found] == [one.id for one in entries]
    assert [one["SEQUENCE"] for one in found] == [one.revision for one in entries]
    assert {one["DTSTAMP"].dt for one in found} == {SLOT_AT}
    assert [str(one["ORGANIZER"]) for one in found] == ["mailto:news@example.org"] * len(entries)
    assert text.count("ATTENDEE") == attendees
    if attendees:
        assert str(found[0]["ATTENDEE"]) == "mailto:ada@example.com"
        assert found[0]["ATTENDEE"].params["CN"] == "Ada Example"
    assert "words" in message.get_body(("html",)).get_content().lower()


def test_letters_with_events_are_kept_and_read_like_others() -> None:
    made = letter(content(event()), CalendarUse.INVITE)
    assert Letter.from_bytes(made.to_bytes()) == made
    broken = made.to_bytes().replace(b'["attendee","ics",""]', b'["name","ics",""]')
    with pytest.raises(RenderError):
        Letter.from_bytes(broken)


def test_each_reader_is_invited_by_their_own_name() -> None:
    made = letter(content(event()), CalendarUse.INVITE)
    mails = [made.personalise(replace(READER, address=f"{name}@example.com", name="")) for name in ("bo", "cy")]
    assert [b"bo@example.com" in mail for mail in mails] == [True, False]
    assert [mail.count(b"ATTENDEE") for mail in mails] == [2, 2]
    with pytest.raises(AddressError):
        made.personalise(replace(READER, address="no address"))


def test_mails_without_dates_or_wish_are_as_they_always_were() -> None:
    plain = letter(content(entry(1), event(2)), CalendarUse.NONE)
    assert b'\r\nContent-Type: multipart/alternative; boundary="=_sendbrief_' in plain.personalise(READER)
    message, walked = parts(plain)
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in walked[1:]] == ["text/plain", "text/html"]
    without = letter(content(entry(1)), CalendarUse.PUBLISH)
    assert parts(without)[0].get_content_type() == "multipart/alternative"


def test_a_reader_gets_the_events_of_their_topics_alone() -> None:
    made = site()
    edition = content(event(1, topics=("news",)), event(2, topics=("security",)))
    variant = variant_for(edition, made.languages, made.fallback, "de", frozenset({"security"}))
    assert variant
    part = calendar_of(made, replace(NEWSLETTER, calendar=CalendarUse.PUBLISH), edition, variant)
    assert part
    (found,) = read(part.pieces[0])
    assert str(found["SUMMARY"]) == "Überschrift 2"
    assert part.filename == "entry-2.ics"


@pytest.mark.parametrize(
    ("slug", "name"), [("2026-11-26-ä/../x", "2026-11-26-x.ics"), ('"\r\n', "event.ics"), ("x" * 99, "x" * 60 + ".ics")]
)
def test_names_of_files_hold_nothing_odd(slug: str, name: str) -> None:
    edition = content(event(slug=slug))
    variant = variant_for(edition, ("en",), "en", "en", None)
    assert variant
    part = calendar_of(site(), replace(NEWSLETTER, calendar=CalendarUse.PUBLISH), edition, variant)
    assert part
    assert part.filename == name
