"""What makes two finds one entry."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.collect.entry import Entry, EntryText
from chalicelib.collect.identity import canonical_url, entry_id, identities, slugify, without_tracking
from chalicelib.collect.matching import Leads, match, same_by_guid, same_by_title
from chalicelib.content.values import Kind

SAME = [
    "https://example.org/a/b",
    "http://example.org/a/b",
    "https://www.example.org/a/b/",
    "https://EXAMPLE.org:443/a/b#top",
    "http://example.org:80/a/b/index.html",
    "https://example.org/a/b?utm_source=x&utm_medium=y&fbclid=z",
    " https://example.org/a/b// ",
    "https://user@example.org/a/b",
]


@pytest.mark.parametrize("url", SAME)
def test_one_page_has_one_name(url: str) -> None:
    assert canonical_url(url) == "example.org/a/b"


@pytest.mark.parametrize(
    "url",
    ["https://example.org/a", "https://example.com/a/b", "https://example.org:8080/a/b", "https://example.org/A/b",
     "https://example.org/a/b?page=2", "https://wwwexample.org/a/b", "https://example.org/a/b/index.htmls"],
)  # fmt: skip
def test_other_pages_have_other_names(url: str) -> None:
    assert canonical_url(url) != "example.org/a/b"


PARTS = st.sampled_from(
    ["https://", "http://", "//", "www.", "example.org", "/", "index.html", "?", "a=b", "&", "utm_source=x", "#",
     "[::1]",     ":8080", ":x", "[", "%20", "%ff", "ä", "@", "\\", "..", " ", "://", "=", ";", "+"]
)  # fmt: skip


@settings(max_examples=400)
@given(st.one_of(st.text(), st.lists(PARTS, max_size=9).map(lambda parts: "https://" + "".join(parts))))
def test_a_canonical_url_is_its_own(url: str) -> None:
    once = canonical_url(url)
    assert canonical_url(once) == once
    without_tracking(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/?a=1&utm_source=x&b=%20", "https://example.org/?a=1&b=%20"),
        ("https://example.org/?utm_source=x", "https://example.org/"),
        ("https://example.org/a?ref=x#y", "https://example.org/a?ref=x#y"),
        ("https://[bad/?utm_source=x", "https://[bad/?utm_source=x"),
    ],
)
def test_tracking_is_taken_out_and_nothing_else(url: str, expected: str) -> None:
    assert without_tracking(url) == expected


def test_names() -> None:
    assert identities("s", guid="g", urls=("https://a.example.org/", "http://www.a.example.org"), slug="x") == (
        "url:a.example.org",
        "guid:s:g",
        "slug:s:x",
    )
    assert identities("s", urls=("mailto:a@example.org", "")) == ()


@pytest.mark.parametrize(
    ("title", "slug"),
    [("Größe & Maß!", "grosse-mass"), ("日本", ""), ("a" * 90, "a" * 60), ("--x--", "x"), ("ﬁne", "fine")],
)
def test_slugs(title: str, slug: str) -> None:
    assert slugify(title) == slug


AT = datetime(2026, 3, 2, 10, 7, tzinfo=UTC)


def entry(
    title: str = "Community call",
    url: str = "https://a.example.org/call",
    guid: str = "g",
    at: datetime | None = AT,
    seen: datetime = AT,
    **more: object,
) -> Entry:
    names = identities("feed", guid=guid, urls=(url,) if url else (), slug="" if url or guid else slugify(title))
    texts = {str(more.pop("language", "en")): EntryText(title, url, str(more.pop("html", "")))}
    whole: dict[str, Any] = {"kind": Kind.POST, "source": "feed", "published": at, "identities": names, **more}
    return Entry(id=entry_id(f"{names}{at}"), slug=slugify(title), texts=texts, first_seen=seen, **whole)


DAYS = timedelta(days=1)
STORED = entry()
MOVED = "https://b.example.org/else"


@pytest.mark.parametrize(
    ("stored", "found", "same"),
    [
        (STORED, entry("Edited", url=MOVED), True),  # published the same second
        (STORED, entry("Edited", url="https://new.example.org/call", at=AT + 9 * DAYS), True),  # the host moved
        (STORED, entry(url=MOVED, at=AT + 2 * DAYS), True),  # a slug was edited
        (STORED, entry("COMMUNITY  CALL!", url=MOVED, at=AT - 2 * DAYS), True),
        (STORED, entry(url=MOVED, at=None, seen=AT + 90 * DAYS), True),
        (entry(at=None), entry(url=MOVED, at=AT + 90 * DAYS), True),
        (STORED, entry(url=MOVED, at=AT + 5 * DAYS), False),  # next week's call under the same GUID
        (STORED, entry("Another", url=MOVED, at=AT + DAYS), False),  # the GUID is used again
        (STORED, entry("Another", url=MOVED, at=None), False),
        (entry(at=None), entry("Another", url=MOVED, at=None), False),
        (entry(at=AT.replace(minute=0)), entry("Another", url=MOVED, at=AT.replace(minute=0)), False),  # only a date
        (entry(url=""), entry("Edited", url="", at=AT + DAYS), True),
        (entry(url=""), entry("Edited", url="", at=None), True),
        (entry(url=""), entry(url="", at=AT + 30 * DAYS), True),
        (entry(url=""), entry("Another", url="", at=AT + 5 * DAYS), False),
        (STORED, entry("Edited", url="", at=AT + DAYS), True),  # it lost its link
        (entry(kind=Kind.EVENT), entry("Edited", url=MOVED, at=None, kind=Kind.EVENT), True),  # a UID stays
    ],
)
def test_a_guid_means_the_same_entry_unless_it_is_used_again(stored: Entry, found: Entry, same: bool) -> None:
    assert same_by_guid(found, stored) is same
    assert match([found], [Leads(guid=(stored,))]) == [stored if same else None]


CALL_9, CALL_10 = "https://a.example.org/call/9", "https://a.example.org/call/10"


@pytest.mark.parametrize(
    ("stored", "found", "same"),
    [
        (STORED, entry(url=MOVED, guid="h", at=AT + 4 * DAYS), True),
        (STORED, entry(url=MOVED, guid="h", at=AT - 4 * DAYS), True),
        (STORED, entry(url=MOVED, guid="h", at=AT + 5 * DAYS), False),
        (STORED, entry(url=MOVED, guid="h", at=AT - 7 * DAYS), False),
        (STORED, entry(url="https://new.example.org/call", guid="h", at=AT + 90 * DAYS), True),  # the host moved
        (STORED, entry(url="https://new.example.org/call", guid="h", at=None, seen=AT + 90 * DAYS), True),
        (STORED, entry(url=MOVED, guid="h", at=None, seen=AT + 4 * DAYS), True),
        (STORED, entry(url=MOVED, guid="h", at=None, seen=AT + 5 * DAYS), False),
        (entry(url=CALL_9), entry(url=CALL_10, guid="h", at=AT + DAYS), False),  # a daily series
        (entry(url=CALL_9), entry(url=CALL_10, guid="h"), True),  # the same second
        (entry(url=CALL_9, html="<p>x</p>"), entry(url=CALL_10, guid="h", at=AT + DAYS, html="<p>x</p>"), True),
        (entry(url=CALL_9, html="<p>x</p>"), entry(url=CALL_10, guid="h", at=AT + DAYS, html="<p>y</p>"), False),
        (entry(url=""), entry(url="", guid="h", at=AT + DAYS), True),
        (entry(url=""), entry(url="", guid="h", at=None, seen=AT + 90 * DAYS), True),  # nothing but the title
        (entry(url=""), entry(url="", guid="h", at=AT + 7 * DAYS), False),
        (entry(authors=("Ada",)), entry(url=MOVED, guid="h", authors=("Eve",)), False),
        (entry(authors=("Ada",)), entry(url=MOVED, guid="h", authors=("Eve", "Ada")), True),
        (entry(authors=("Ada",)), entry(url=MOVED, guid="h"), True),
    ],
)
def test_a_title_means_the_same_entry_within_days(stored: Entry, found: Entry, same: bool) -> None:
    assert same_by_title(found, stored) is same
    assert match([found], [Leads(title=(stored,))]) == [stored if same else None]


def test_a_url_decides_whatever_else_is_said() -> None:
    found = entry("Another", guid="h", at=AT + 90 * DAYS, authors=("Eve",))
    assert match([found], [Leads(sure=(STORED,))]) == [STORED]


def test_where_url_and_guid_disagree_the_title_says_which_is_meant() -> None:
    by_url, by_guid = entry("One"), entry("Two", url=MOVED)
    leads = Leads(sure=(by_url,), guid=(by_guid,))
    assert match([entry("Two")], [leads]) == [by_guid]
    assert match([entry("One")], [leads]) == [by_url]
    assert match([entry("Three")], [leads]) == [by_url]


def test_two_at_one_time_are_two() -> None:
    again = entry(url=MOVED, guid="h", at=AT + DAYS)
    assert match([STORED, again], [Leads(sure=(STORED,)), Leads(title=(STORED,))]) == [STORED, None]
    assert match([again, STORED], [Leads(title=(STORED,)), Leads(sure=(STORED,))]) == [None, STORED]
    reused = entry(url=MOVED, at=AT + DAYS)
    assert match([reused, STORED], [Leads(guid=(STORED,)), Leads(sure=(STORED,))]) == [None, STORED]


def test_of_two_finds_with_urls_of_one_entry_the_surer_one_is_it() -> None:
    other, same = entry("Another", guid="h"), entry()
    assert match([other, same], [Leads(sure=(STORED,)), Leads(sure=(STORED,), guid=(STORED,))]) == [None, STORED]
    german = entry("Gemeinschaftsruf", guid="h", language="de")
    assert match([german, same], [Leads(sure=(STORED,)), Leads(sure=(STORED,))]) == [STORED, STORED]


def test_of_several_of_one_title_the_nearest_in_time_is_meant() -> None:
    week = [entry(url="", guid=str(n), at=AT + n * 3 * DAYS) for n in range(4)]
    found = entry(url="", guid="x", at=AT + 6 * DAYS)
    assert match([found], [Leads(title=tuple(week))]) == [week[2]]
