"""Dates of feeds: right or absent."""

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.collect.dates import EARLIEST, LATEST, parse_date
from tests.corpus import CORPUS, needs_corpus

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-02T10:00:00Z", "2026-03-02T10:00"),
        ("2026-03-02T10:00:00.123456+01:00", "2026-03-02T09:00"),
        ("2026-03-02t10:00:00,5-0330", "2026-03-02T13:30"),
        ("2026-03-02 10:00:00 +0100", "2026-03-02T09:00"),
        ("2026-03-02 10:00", "2026-03-02T09:00"),
        ("2026-07-02 10:00", "2026-07-02T08:00"),
        ("2026-03-02", "2026-03-01T23:00"),
        ("2026/03/02 10:00:00", "2026-03-02T09:00"),
        ("20260302T100000Z", "2026-03-02T10:00"),
        ("20260302", "2026-03-01T23:00"),
        ("Mon, 02 Mar 2026 10:00:00 GMT", "2026-03-02T10:00"),
        ("Mon, 2 Mar 2026 10:00 +0100", "2026-03-02T09:00"),
        ("02 Mar 2026 10:00:00 EST", "2026-03-02T15:00"),
        ("Thu, 02 Jul 2026 10:00:00 CEST", "2026-07-02T08:00"),
        ("Thu, 02 Jul 2026 10:00:00 MESZ", "2026-07-02T08:00"),
        ("Mon, 02 Mar 2026 10:00:00 CET", "2026-03-02T09:00"),
        ("Mo, 02 Mär 2026 10:00:00 MEZ", "2026-03-02T09:00"),
        ("Mo, 02 Mär 2026 10:00 +0100", "2026-03-02T09:00"),
        ("Thu, 02 Jul 2026 10:00:00 WEST", "2026-07-02T09:00"),
        ("Thu, 02 Jul 2026 10:00:00 EEST", "2026-07-02T07:00"),
        ("Thu, 02 Jul 2026 10:00:00 BST", "2026-07-02T09:00"),
        ("Thu, 02 Jul 2026 10:00:00 PDT", "2026-07-02T17:00"),
        ("Mon, 02 Mar 2026 23:59:60 UT", "2026-03-02T23:59:59"),
        ("Mon, 02 Mar 2026 10:00:00", "2026-03-02T09:00"),
        ("Mon Mar  2 10:00:00 2026", "2026-03-02T09:00"),
        ("Mon Mar  2 10:00:00 UTC 2026", "2026-03-02T10:00"),
        ("Mon Mar 02 2026 10:00:00 GMT+0100 (Central European Standard Time)", "2026-03-02T09:00"),
        ("Mon, 02 Mar 2026 10:00:00 UTC+1", "2026-03-02T09:00"),
        ("Seg, 24 Set 2018 19:18:49 -0300", "2018-09-24T22:18:49"),
        ("2. März 2026", "2026-03-01T23:00"),
        ("Montag, den 2. März 2026, 14:30 Uhr", "2026-03-02T13:30"),
        ("Montag, 2. MÄRZ 2026 um 14.30 Uhr", "2026-03-02T13:30"),
        ("2. Jänner 2026", "2026-01-01T23:00"),
        ("March 2, 2026", "2026-03-01T23:00"),
        ("Monday, March 2nd, 2026 at 2:30 pm", "2026-03-02T13:30"),
        ("Mar. 2, 2026 12:05 a.m. UTC", "2026-03-02T00:05"),
        ("2 March 2026 12:05 PM GMT", "2026-03-02T12:05"),
        ("02-Mar-2026 10:00:00 +0000", "2026-03-02T10:00"),
        ("2nd of March 2026", "2026-03-01T23:00"),
        ("02.03.2026", "2026-03-01T23:00"),
        ("2. 3. 2026", "2026-03-01T23:00"),
        ("02.03.2026 14:30", "2026-03-02T13:30"),
        ("02.03.2026, 14:30:15 Uhr MEZ", "2026-03-02T13:30:15"),
        ("13/03/2026", "2026-03-12T23:00"),
        ("03/13/2026 10:00 UTC", "2026-03-13T10:00"),
        ("02/02/2026", "2026-02-01T23:00"),
        ("  2026-03-02T10:00:00Z\n", "2026-03-02T10:00"),
    ],
)
def test_what_is_read(text: str, moment: str) -> None:
    assert parse_date(text, BERLIN) == datetime.fromisoformat(f"{moment}Z")


@pytest.mark.parametrize(
    "text",
    [
        "", "soon", "NaN", "2026", "2026-03", "03/2026", "1e99", "now", "yesterday",
        "02/03/2026", "3/2/2026 10:00", "02-03-2026", "02.03.26", "Mon, 02 Mar 26 10:00:00 GMT", "02/03/26",
        "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "1970-01-01T00:00:00Z",
        "Thu, 01 Jan 1970 00:00:00 GMT", "2100-01-01T00:00:00Z", "31.06.2026", "2026-02-30", "2026-13-01T00:00:00Z",
        "2026-03-02T25:00:00Z", "2026-03-02T10:61:00Z", "Mon, 32 Mar 2026 10:00:00 GMT", "14:30", "13:00 pm",
        "March 2, 2026 13:00 pm", "2. Foo 2026", "Mon, 02 Mar 2026 10:00:00 IST", "Mon, 02 Mar 2026 10:00:00 XYZ",
        "Mon, 02 Mar 2026 10:00:00 CET+0200", "2026-03-02T10:00:00+25:00", "2026-03-02T10:00:00+01:75",
        "2026-03-02T10:00:00Z and more", "x 2026-03-02T10:00:00Z", "20260302100000", "1772445600", "2026-3-2",
        "٢٠٢٦-٠٣-٠٢",
        "2026-03-02" + " " * 1000 + "x", "9" * 99, "a" * 99, "1," * 49, None, 20260302,
    ],
)  # fmt: skip
def test_what_is_absent(text: object) -> None:
    assert parse_date(text, BERLIN) is None


MOMENTS = st.integers(631_240_000, 4_102_358_400).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
GERMAN = ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
          "Dezember")  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_every_moment_is_read_in_every_form(moment: datetime, minutes: int) -> None:
    local = moment.astimezone(timezone(timedelta(minutes=minutes)))
    there = moment.astimezone(BERLIN)
    assert parse_date(local.isoformat(), BERLIN) == moment
    assert parse_date(format_datetime(local), BERLIN) == moment
    assert parse_date(moment.strftime("%Y%m%dT%H%M%SZ"), BERLIN) == moment
    for form in (f"{there.day}. {GERMAN[there.month - 1]} {there:%Y, %H:%M:%S} Uhr", f"{there:%d.%m.%Y %H:%M:%S}",
                 f"{there:%B} {there.day}, {there:%Y %I:%M:%S %p}"):  # fmt: skip
        if there.fold == 0 and there.astimezone(UTC).astimezone(BERLIN) == there:
            assert parse_date(form, BERLIN) == moment


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(max_size=60), st.from_regex(re.compile(r"[0-9a-zäM,.:/+\- ]{0,50}"), fullmatch=True)))
def test_any_text_is_a_moment_of_these_times_or_none(text: str) -> None:
    moment = parse_date(text, BERLIN)
    assert moment is None or EARLIEST <= moment < LATEST


@needs_corpus
def test_every_date_of_the_real_feeds_is_read() -> None:
    pattern = re.compile(rb"<(?:pubDate|updated|published|dc:date)[^>]*>([^<]+)<")
    files = [path for path in (CORPUS / "feeds").iterdir() if path.suffix in {".xml", ".rss", ".atom"}]
    written = [text.decode("latin-1") for path in files for text in pattern.findall(path.read_bytes())]
    assert len(written) > 400
    assert [text for text in written if parse_date(text, BERLIN) is None] == []
