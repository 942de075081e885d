"""Feeds of all kinds, and what claims to be one."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.collect.broken_xml import tells_its_last, with_ends_set_right
from chalicelib.collect.feed_items import MAX_ENTRIES
from chalicelib.collect.feeds import read_feed
from chalicelib.collect.found import Found, SourceError
from chalicelib.content.values import Site
from tests.sites import NOW, feed_source, make_site

URL = "https://feeds.example.org/blog/feed.xml"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return make_site(tmp_path_factory.mktemp("site"))


def read(site: Site, body: str | bytes, url: str = URL) -> Found:
    return read_feed(site, feed_source(), body if isinstance(body, bytes) else body.encode(), url, NOW)


def rss(*items: str) -> str:
    listed = "".join(f"<item>{item}</item>" for item in items)
    return f"<rss version='2.0'><channel><title>F</title>{listed}</channel></rss>"


def json_feed(*items: Any, **more: Any) -> str:
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "F", "items": list(items), **more})


def titles(found: Found) -> list[str]:
    return [next(iter(entry.texts.values())).title for entry in found.entries]


def test_an_rss_item(site: Site) -> None:
    found = read(
        site,
        rss(
            "<title>A &amp;amp; B</title><link>/post?utm_source=rss</link><guid>g1</guid>"
            "<author>x@example.org (Ada)</author>"
            "<category>Security</category><category>Security</category>"
            "<pubDate>Fri, 20 Nov 2026 10:00:00 +0100</pubDate>"
            "<description>&lt;p onclick='x'&gt;Hi &lt;a href='b'&gt;b&lt;/a&gt;&lt;/p&gt;</description>"
        ),
    )
    (entry,) = found.entries
    assert found.problems == ()
    assert not found.complete
    text = entry.texts["en"]
    assert (text.title, text.url) == ("A & B", "https://feeds.example.org/post")
    assert text.html == '<p>Hi <a href="https://feeds.example.org/blog/b">b</a></p>'
    assert entry.categories == ("Security",)
    assert entry.published == datetime(2026, 11, 20, 9, tzinfo=UTC)
    assert entry.identities == ("url:feeds.example.org/post", "guid:feed:g1")
    assert len(entry.id) == 12


def test_a_json_feed_item(site: Site) -> None:
    found = read(
        site,
        json_feed(
            {"id": 7, "url": "a", "title": "Why <script> is <b>bold</b>", "content_text": "x < y\n\nz",
             "date_published": "2026-11-20T10:00:00+01:00", "authors": [{"name": "Ada"}, "x", {"url": "y"}],
             "image": "i.png", "language": "de-DE", "tags": ["t", 5]}
        ),
    )  # fmt: skip
    (entry,) = found.entries
    text = entry.texts["de"]
    assert text.title == "Why <script> is <b>bold</b>"
    assert text.html == "<p>x &lt; y</p><p>z</p>"
    assert (entry.authors, entry.categories) == (("Ada",), ("t",))
    assert entry.image
    assert entry.image.src == "https://feeds.example.org/blog/i.png"
    assert entry.identities == ("url:feeds.example.org/blog/a", "guid:feed:7")


WRONG: list[Any] = [None, 5, -1.5, True, "x", [], {}, [[]], ["x", None], {"a": [1]}, "\ud800", "\u202e", 10**30]
KEYS = ["id", "url", "external_url", "title", "content_html", "content_text", "summary", "image", "date_published",
        "date_modified", "author", "authors", "tags", "language"]  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(
    items=st.lists(
        st.one_of(
            st.sampled_from(WRONG), st.dictionaries(st.sampled_from(KEYS), st.sampled_from([*WRONG, "https://[", "//"]))
        ),
        max_size=5,
    ),
    more=st.dictionaries(st.sampled_from(["authors", "language", "title"]), st.sampled_from(WRONG)),
)
def test_wrong_types_in_a_json_feed_cost_only_their_entry(site: Site, items: list[Any], more: dict[str, Any]) -> None:
    found = read(site, json_feed(*items, {"id": "last", "title": "Last"}, **more))
    assert titles(found)[-1] == "Last"
    for entry in found.entries:
        json.dumps([entry.slug, *entry.categories, *entry.authors], ensure_ascii=False).encode()
        assert all(isinstance(part, str) for part in (*entry.authors, *entry.categories))


@pytest.mark.parametrize(
    "date",
    ["NaN", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "2026-13-01T00:00:00Z", "02/03/2026", "soon", "1e99",
     "9999-12-31T23:59:59Z", "2027-11-24T00:00:00Z", "Fri, 20 Nov 2026 10:00:00 XYZ", "Fri, 20 Nov 26 10:00:00 GMT"],
)  # fmt: skip
def test_a_date_that_is_none_leaves_the_entry_undated(site: Site, date: str) -> None:
    for body in (
        rss(f"<title>T</title><guid>g</guid><pubDate>{date}</pubDate>"),
        json_feed({"title": "T", "url": "a", "date_published": date}),
    ):
        found = read(site, body)
        assert [entry.published for entry in found.entries] == [None]
        assert not found.unfinished


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("Fri, 20 Nov 2026 10:00:00 CEST", "2026-11-20T08:00:00Z"),
        ("20. November 2026", "2026-11-19T23:00:00Z"),
        ("20.11.2026 10:00", "2026-11-20T09:00:00Z"),
        ("2026-11-20", "2026-11-19T23:00:00Z"),
        ("November 20, 2026", "2026-11-19T23:00:00Z"),
    ],
)
def test_dates_are_read_in_the_zone_of_the_site(site: Site, date: str, moment: str) -> None:
    for body in (
        rss(f"<title>T</title><guid>g</guid><pubDate>{date}</pubDate>"),
        json_feed({"title": "T", "url": "a", "date_published": date}),
        f"<feed xmlns='http://www.w3.org/2005/Atom'><entry><title>T</title><id>x</id><updated>{date}</updated></entry></feed>",
    ):
        assert [entry.published for entry in read(site, body).entries] == [datetime.fromisoformat(moment)]


def test_entries_dated_at_the_moment_of_reading_are_undated(site: Site) -> None:
    def dated(seconds: int) -> list[datetime | None]:
        date = format_datetime(NOW - timedelta(seconds=seconds))
        items = (f"<title>{n}</title><guid>{n}</guid><pubDate>{date}</pubDate>" for n in range(3))
        return [entry.published for entry in read(site, rss(*items)).entries]

    assert dated(30) == [None, None, None]
    assert dated(90) == [NOW - timedelta(seconds=90)] * 3


@pytest.mark.parametrize("date", ["2027-11-20T23:59:59Z", "2026-11-22T12:00:01Z"])
def test_a_future_entry_waits_and_the_feed_is_asked_for_it_in_full(site: Site, date: str) -> None:
    for body in (
        json_feed({"title": "T", "url": "a", "date_published": date}),
        rss(f"<title>T</title><guid>g</guid><pubDate>{date}</pubDate>"),
    ):
        found = read(site, body)
        assert found.entries == ()
        assert found.unfinished


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><html><form>Log in</form></html>", "web page"),
        (b"<HTML><body>Not found</body></HTML>", "web page"),
        (b"just words", "no RSS"),
        (b"<rss", "no RSS"),
        (b"<?xml version='1.0'?><opml><body/></opml>", "no RSS"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "no RSS"),
        (b"/etc/passwd", "no RSS"),
        (b"https://example.org/feed.xml", "no RSS"),
        (b"{", "can't be read"),
        (b"{}", "no JSON Feed"),
        (b'{"items": {"a": 1}}', "no JSON Feed"),
        (b'{"items": [' + b"[" * 100_000, "can't be read"),
        (b'{"items": "\xff"}', "can't be read"),
    ],
)
def test_what_is_no_feed_is_said_plainly(site: Site, body: bytes, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        read(site, body)
    assert "\n" not in str(caught.value)


def test_entries_without_links_stay_apart(site: Site) -> None:
    found = read(site, rss("<title>A</title>", "<title>B</title>", "<title>日本</title>", "<title>中国</title>"))
    assert titles(found) == ["A", "B", "日本", "中国"]
    assert [text.url for entry in found.entries for text in entry.texts.values()] == [""] * 4


def test_entries_that_share_a_link_stay_apart(site: Site) -> None:
    items = [f"<title>{n}</title><link>https://a.example.org/</link><guid>{n}</guid>" for n in "ABC"]
    found = read(site, rss(*items))
    assert titles(found) == ["A", "B", "C"]
    assert len({name for entry in found.entries for name in entry.identities}) == 3


def test_one_entry_listed_twice_is_one(site: Site) -> None:
    item = "<title>A</title><link>https://a.example.org/x</link>"
    assert titles(read(site, rss(item, item))) == ["A"]


def test_titles_are_made_where_there_is_none(site: Site) -> None:
    long = "Word " * 40
    found = read(
        site, rss("<description>A short text</description>", f"<description>{long}</description>", "<link>x</link>")
    )
    assert titles(found) == ["A short text", ("Word " * 16).strip()]
    assert [p.message for p in found.problems] == ["source 'feed' entry 3 has neither a title nor a text; left out"]
    assert [(p.file, p.line, str(p.severity)) for p in found.problems] == [("content/site.yaml", 7, "warning")]


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("&lt;script&gt;alert(1)&lt;/script&gt;", "<script>alert(1)</script>"),  # a text, as it is
        ("&lt;b&gt;Bold&lt;/b&gt; &amp;amp; plain", "Bold & plain"),
        ("a &lt; b", "a < b"),
        ("<![CDATA[<i>x</i> ]]>", "x"),
        ("x&#x202e;y", "xy"),
        ("{{ secret }}{% x %}", "{{ secret }}{% x %}"),
        ("A" * 1000, "A" * 300),
    ],
)
def test_titles_are_plain(site: Site, written: str, title: str) -> None:
    assert titles(read(site, rss(f"<title>{written}</title><guid>g</guid>"))) == [title]


@pytest.mark.parametrize(
    "link",
    ["http://[", "https://", "javascript:alert(1)", "https://a b", "https://%zz/x", "https://x" + "y" * 3000, "data:x"],
)
def test_a_link_that_is_none_is_left_out(site: Site, link: str) -> None:
    for body in (
        rss(f"<title>T</title><guid isPermaLink='false'>g</guid><link>{link}</link>"),
        json_feed({"id": "g", "title": "T", "url": link}),
    ):
        (entry,) = read(site, body).entries
        assert entry.texts["en"].url == ""
        assert entry.identities == ("guid:feed:g",)


@pytest.mark.timeout(60)  # a guard against what is not linear, no measure
def test_entities_are_not_expanded_without_end(site: Site) -> None:
    levels = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 12))
    bomb = f"<?xml version='1.0'?><!DOCTYPE r [<!ENTITY e0 'lol'>{levels}]>{rss('<title>&e11;</title><guid>g</guid>')}"
    outside = f"<?xml version='1.0'?><!DOCTYPE r [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>{rss('<title>A&x;</title><guid>g</guid>')}"
    for body in (bomb, outside):
        with suppress(SourceError):
            assert all(len(title) <= 300 and "root:" not in title for title in titles(read(site, body)))


@pytest.mark.parametrize("oldest_first", [False, True])
def test_of_a_huge_feed_the_newest_are_read_and_it_says_so(site: Site, oldest_first: bool) -> None:
    dates = [format_datetime(NOW - timedelta(hours=n)) for n in range(20_000)]
    order = list(range(20_000))[:: -1 if oldest_first else 1]
    for body in (
        json_feed(*({"id": str(n), "title": f"T{n}", "date_published": dates[n]} for n in order)),
        rss(*(f"<title>T{n}</title><guid>{n}</guid><pubDate>{dates[n]}</pubDate>" for n in order)),
    ):
        found = read(site, body)
        assert sorted(titles(found)) == sorted(f"T{n}" for n in range(MAX_ENTRIES))
        words = f"source 'feed' holds 20000 entries; only the {'last' if oldest_first else 'first'} 1000 are read"
        assert [p.message for p in found.problems] == [words]


def test_of_a_feed_that_breaks_off_the_whole_entries_are_read(site: Site) -> None:
    items = [f"<title>{n}</title><link>https://a.example.org/post-{n}</link><guid>{n}</guid>" for n in "ABC"]
    whole = rss(*items)
    for end in range(whole.index("post-C") + 3, whole.index("</item></channel>"), 7):
        found = read(site, whole[:end])
        assert titles(found) == ["A", "B"]
        assert found.unfinished
        assert "breaks off" in found.problems[0].message
    assert not read(site, whole).unfinished


def test_of_the_entry_a_feed_breaks_off_in_title_link_and_date_are_enough(site: Site) -> None:
    date = format_datetime(NOW - timedelta(days=1))
    items = [
        f"<title>{n}</title><link>https://a.example.org/{n}</link><pubDate>{date}</pubDate><description>{'w' * 90}"
        "</description>"
        for n in "AB"
    ]
    whole = rss(*items)
    told = whole.rindex("</pubDate>") + len("</pubDate>")
    for end in range(told, whole.index("</item></channel>"), 9):
        found = read(site, whole[:end])
        assert (titles(found), found.unfinished) == (["A", "B"], True)
    for end in range(whole.rindex("<item>") + 6, told, 9):
        assert titles(read(site, whole[:end])) == ["A"]


@pytest.mark.parametrize("wrong", ["titel", "title2", "b"])
def test_an_element_closed_by_another_name_costs_no_entry(site: Site, wrong: str) -> None:
    items = [f"<title>{n}</title><link>https://a.example.org/{n}</link><guid>{n}</guid>" for n in "ABC"]
    found = read(site, rss(*items).replace("</title>", f"</{wrong}>", 3))
    assert titles(found) == ["A", "B", "C"]
    assert [text.url for entry in found.entries for text in entry.texts.values()] == [
        f"https://a.example.org/{n}" for n in "ABC"
    ]


def test_a_mended_feed_counts_only_where_it_tells_more(site: Site) -> None:
    item = "<title>A</title><link>https://a.example.org/A</link><description><![CDATA[<b>x</i>]]></description>"
    (entry,) = read(site, rss(item)[:-6]).entries
    assert entry.texts["en"].html == "<b>x</b>"


@pytest.mark.parametrize("part", ["href", "<link href", "<link ", "<item ", "<b>"])
@pytest.mark.timeout(60)  # a guard against what is not linear, no measure
def test_the_end_of_a_broken_feed_is_judged_in_seconds(part: str) -> None:
    body = b"<item><title>A</title><pubDate>x</pubDate><link " + part.encode() * 200_000
    assert not tells_its_last(body)
    assert with_ends_set_right(body) == body


def test_guids_that_several_share_and_links_that_lead_home_name_nothing(site: Site) -> None:
    shared = [
        f"<title>{n}</title><link>https://a.example.org/{n}</link><guid isPermaLink='false'>0</guid>" for n in "AB"
    ]
    names = [entry.identities for entry in read(site, rss(*shared)).entries]
    assert names == [("url:a.example.org/A",), ("url:a.example.org/B",)]
    home = "<link>https://a.example.org/news/</link>"
    one = read(site, rss("<title>A</title><link>http://a.example.org/news</link><guid isPermaLink='false'>g</guid>")
               .replace("<title>F</title>", home, 1))  # fmt: skip
    assert [entry.identities for entry in one.entries] == [("guid:feed:g",)]
    root = read(site, json_feed({"id": "g", "title": "A", "url": "https://feeds.example.org/"}))
    assert [entry.identities for entry in root.entries] == [("guid:feed:g",)]
    assert [text.url for entry in root.entries for text in entry.texts.values()] == ["https://feeds.example.org/"]


def test_what_nothing_names_is_named_by_title_and_day(site: Site) -> None:
    dated = "<title>Call</title><pubDate>Fri, {} Nov 2026 10:00:00 GMT</pubDate>"
    found = read(site, rss(dated.format(13), dated.format(20), "<title>Call</title>"))
    names = [entry.identities for entry in found.entries]
    assert names == [("slug:feed:call/2026-11-13",), ("slug:feed:call/2026-11-20",), ("slug:feed:call",)]


def test_mojibake_is_repaired_wherever_it_stands(site: Site) -> None:
    broken, meant = "Gr√∂√üe", "Größe"
    item = (f"<title>{broken}</title><guid>g</guid><author>{broken}</author><category>{broken}</category>"
            f"<description>{broken}</description>")  # fmt: skip
    for body in (rss(item), json_feed({"id": "g", "title": broken, "content_text": broken, "tags": [broken],
                                       "authors": [{"name": broken}]})):  # fmt: skip
        (entry,) = read(site, body).entries
        text = entry.texts["en"]
        assert (text.title, *entry.authors, *entry.categories) == (meant, meant, meant)
        assert meant in text.html


def test_links_in_texts_are_absolute_and_tell_nobody_where_they_were_followed(site: Site) -> None:
    html = ("&lt;a href='x?utm_source=rss&amp;amp;a=1&amp;amp;b=%20'&gt;x&lt;/a&gt; "
            "&lt;img src='/i.png?utm_source=x'&gt;"
            "&lt;a href='javascript:alert(1)'&gt;y&lt;/a&gt; a href=\"?utm_source=z\"")  # fmt: skip
    base = "<item xml:base='https://b.example.org/deep/'>"
    found = read(site, rss(f"<title>T</title><guid>g</guid><description>{html}</description>").replace("<item>", base))
    (text,) = found.entries[0].texts.values()
    assert text.html == (
        '<a href="https://b.example.org/deep/x?a=1&amp;b=%20">x</a> <img src="https://b.example.org/i.png?utm_source=x">'
        '<a>y</a> a href="?utm_source=z"'
    )


@pytest.mark.parametrize(
    "content", ["<div>" * 20_000, "<!--" * 50_000, "<div></p>" * 20_000, "<a" * 50_000, "]]>" * 10_000, "&" * 50_000]
)
@pytest.mark.timeout(60)  # a guard against what is not linear, no measure
def test_hostile_content_costs_seconds_at_most(site: Site, content: str) -> None:
    escaped = content.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for body in (
        rss(f"<title>T</title><guid>g</guid><description>{escaped}</description>"),
        json_feed({"id": "1", "title": "T", "content_html": content}),
    ):
        assert titles(read(site, body)) == ["T"]


@settings(max_examples=80, deadline=None)
@given(
    st.one_of(
        st.binary(),
        st.text().map(lambda t: rss(t).encode("utf-8", "replace")),
        st.text().map(lambda t: ("{" + t).encode("utf-8", "replace")),
    )
)
def test_any_bytes_are_a_feed_or_not(site: Site, body: bytes) -> None:
    with suppress(SourceError):
        read(site, body)


def test_a_feed_in_a_file_has_no_address_to_resolve_against(site: Site) -> None:
    (entry,) = read(site, rss("<title>T</title><link>/x</link><guid isPermaLink='false'>g</guid>"), "").entries
    assert entry.texts["en"].url == ""


def test_an_entry_without_an_id_beside_others_with_the_same_link_is_named_by_its_title(site: Site) -> None:
    page = "https://example.org/news"
    items = ({"id": "1", "url": page, "title": "One"}, {"id": "2", "url": page, "title": "Two"})
    found = read(site, json_feed(*items, {"url": page, "title": "Three"}))
    assert found.problems == ()
    assert [entry.identities for entry in found.entries] == [("guid:feed:1",), ("guid:feed:2",), ("slug:feed:three",)]
