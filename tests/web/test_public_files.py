"""What programs read of the archive: feeds, calendars, the map of the site, and the heads of pages."""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import chalice.test
import feedparser
import icalendar
import pytest
import vobject

from chalicelib.collect.collector import collect
from chalicelib.collect.entries import EntryStore
from chalicelib.collect.entry import Change
from chalicelib.collect.feeds import read_feed
from chalicelib.compose.editions import EditionStore
from chalicelib.content.values import Theme
from chalicelib.deliver.proofs import samples
from chalicelib.errors import NotFoundError
from chalicelib.runtime import Runtime
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_database import Database
from chalicelib.web import house
from chalicelib.web.calendars import calendar_entries, event_file
from chalicelib.web.feed_items import feed_of
from chalicelib.web.feeds import Feed, Item, atom, json_feed
from chalicelib.web.head import Head, Link, head_tags, with_foot, with_head
from chalicelib.web.pages import Pages
from chalicelib.web.pictures import first_picture
from chalicelib.web.public import application
from tests.render.test_ics import event
from tests.render.values import site as made_site
from tests.sites import feed_source
from tests.web.client import Client
from tests.web.harbour import harbour

BASE = "https://letters.example.org"
LOG = "/archive/harbour-log"
LATEST = f"{LOG}/2026-11-26"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    root = tmp_path_factory.mktemp("harbour")
    runtime = harbour(root / "site", root / "data")
    yield runtime
    runtime.close()


@pytest.fixture
def web(port: Runtime) -> Iterator[Client]:
    house.use(port)
    yield Client(chalice.test.Client(application()).http)
    house.use(None)


def feed_at(web: Client, path: str) -> Any:
    answer = web.get(path)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    found = feedparser.parse(io.BytesIO(answer.body))
    assert not found.bozo, found.get("bozo_exception")
    return found


def test_a_newsletters_atom_feed_holds_every_issue_in_its_language(web: Client) -> None:
    found = feed_at(web, f"{LOG}/feed.atom")
    assert (found.feed.title, found.feed.subtitle) == ("The Harbour Log", "What the guild builds.")
    assert [entry.title for entry in found.entries] == [
        "A new crane at the pier", "The Harbour Log, 12 November: Ropes & knots", "Old <b>news</b>",
    ]  # fmt: skip
    assert [entry.link for entry in found.entries] == [
        f"{BASE}{LATEST}/en", f"{BASE}{LOG}/2026-11-12/en", f"{BASE}{LOG}/2019-05-02-old/en",
    ]  # fmt: skip
    assert [entry.published for entry in found.entries] == [
        "2026-11-26T09:00:00Z", "2026-11-12T09:00:00Z", "2019-05-01T22:00:00Z",
    ]  # fmt: skip
    assert [entry.updated[:16] for entry in found.entries] == [
        "2026-11-26T09:30", "2026-11-12T09:30", "2019-05-01T22:00",
    ]  # fmt: skip
    assert found.entries[0].id == "tag:example.org,2026-11-26:harbour-log/2026-11-26/en"
    assert found.feed.updated == max(entry.updated for entry in found.entries)
    whole = found.entries[0].content[0].value
    assert "Dear reader, the crane is up" in whole
    assert '<a href="https://example.org/crane/">The crane is up</a>' in whole
    assert "Open day" in whole
    assert "<h2>News &amp; &lt;more&gt;</h2>" in whole
    assert ">Ropes &amp; knots</a>" in found.entries[1].content[0].value
    links = {(link.rel, link.get("type"), link.get("hreflang")): link.href for link in found.feed.links}
    assert links == {
        ("self", "application/atom+xml", None): f"{BASE}{LOG}/feed.atom",
        ("alternate", "text/html", "en"): f"{BASE}{LOG}",
        ("alternate", "application/atom+xml", "de"): f"{BASE}{LOG}/feed.atom?language=de",
    }


def test_feeds_of_another_language_and_of_the_whole_site(web: Client) -> None:
    german = feed_at(web, f"{LOG}/feed.atom?language=de")
    assert german.feed.title == "Das Hafenlogbuch"
    assert [entry.title for entry in german.entries][::2] == ["Ein neuer Kran am Pier", "Alte Neuigkeiten"]
    assert "<h2>Neues</h2>" in german.entries[0].content[0].value
    assert '<h3 lang="en">' in german.entries[0].content[0].value, "what is in another language says so"
    assert feed_at(web, f"{LOG}/feed.atom?language=xx").feed.title == "The Harbour Log"
    same = web.get(f"{LOG}/feed.atom", accept_language="de")
    assert same.body == web.get(f"{LOG}/feed.atom").body, "a feed keeps its language"
    whole = feed_at(web, "/feed.atom")
    assert whole.feed.title == "Harbour Software Guild"
    assert len(whole.entries) == 3
    assert feed_at(web, "/archive/storm-warnings/feed.atom").entries == []
    assert feed_at(web, "/archive/storm-warnings/feed.atom").feed.updated == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "path",
    [
        *("/archive/nothing/feed.atom", "/archive/nothing/feed.json", "/calendar/x.ics"),
        *("/calendar/0123456789ab.ics", "/calendar/0123456789AB.ics", "/calendar/a%2Fb"),
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(web: Client, path: str) -> None:
    answer = web.get(path)
    assert answer.status == 404
    assert "no such page" in answer.text


def test_json_feeds_say_the_same(web: Client) -> None:
    answer = web.get(f"{LOG}/feed.json")
    assert answer.headers["content-type"] == "application/feed+json; charset=utf-8"
    data = json.loads(answer.text)
    atom_feed = feed_at(web, f"{LOG}/feed.atom")
    assert data["version"] == "https://jsonfeed.org/version/1.1"
    assert (data["feed_url"], data["home_page_url"]) == (f"{BASE}{LOG}/feed.json", f"{BASE}{LOG}")
    assert [item["id"] for item in data["items"]] == [entry.id for entry in atom_feed.entries]
    assert [item["content_html"] for item in data["items"]] == [e.content[0].value for e in atom_feed.entries]
    assert [item["date_published"] for item in data["items"]] == [e.published for e in atom_feed.entries]
    assert data["items"][0]["image"] == f"{BASE}/media/images/crane.png"
    assert json.loads(web.get("/feed.json?language=de").text)["language"] == "de"


@pytest.mark.parametrize("name", ["feed.atom", "feed.json"])
def test_our_own_reader_takes_the_feeds(web: Client, port: Runtime, name: str) -> None:
    url = f"{LOG}/{name}"
    found = read_feed(port.site, feed_source(), web.get(url).body, BASE + url, datetime(2026, 11, 27, tzinfo=UTC))
    assert [problem.message for problem in found.problems] == []
    assert sorted(text.url for entry in found.entries for text in entry.texts.values())[-1] == f"{BASE}{LATEST}/en"
    assert len(found.entries) == 3


def test_titles_that_are_equal_have_their_dates(port: Runtime) -> None:
    site = port.site
    again = [replace(site.archive[0], slot=f"2019-06-0{day}", title="Old <b>news</b>") for day in (1, 2)]
    changed = replace(site, archive=(*site.archive, *again))
    feed = feed_of(Pages(changed, "en"), EditionStore(port.table, port.blobs), "feed.atom", "harbour-log")
    titles = [item.title for item in feed.items]
    assert titles[2:] == [f"Old <b>news</b> ({day})" for day in ("2\xa0June 2019", "1\xa0June 2019", "2\xa0May 2019")]
    assert len(set(titles)) == len(titles)


def test_feeds_hold_any_text_and_stay_well_formed() -> None:
    odd = "]]> <![CDATA[ & \x00\x0b\ud800 \uffff </content> שלום"
    item = Item("tag:x", "https://x.example.org/?a=1&b=2", odd, *[datetime(2026, 1, 1, tzinfo=UTC)] * 2, "en", odd, odd)
    feed = Feed("tag:f", odd, odd, "https://f.example.org/", "https://h.example.org/", "en", odd, (item,))
    found = feedparser.parse(io.BytesIO(atom(feed)))
    assert not found.bozo
    assert "שלום" in found.entries[0].title
    assert found.entries[0].link == "https://x.example.org/?a=1&b=2"
    assert "שלום" in json.loads(json_feed(feed))["items"][0]["title"]


def test_readers_who_have_it_get_304(web: Client) -> None:
    for path in (f"{LOG}/feed.atom", "/feed.json", "/calendar.ics", "/sitemap.xml", "/robots.txt", f"{LATEST}/en"):
        first = web.get(path)
        again = web.get(path, if_none_match=first.headers["etag"])
        assert (again.status, again.body) == (304, b""), path
        assert web.get(path, if_none_match='"other"').status == 200
        assert web.request("HEAD", path).headers["etag"] == first.headers["etag"]


def events(text: str) -> list[Any]:
    assert [one.uid.value for one in getattr(vobject.readOne(text), "vevent_list", [])]
    return list(icalendar.Calendar.from_ical(text).walk("VEVENT"))


def test_the_sites_calendar_holds_what_is_to_come(web: Client) -> None:
    answer = web.get("/calendar.ics")
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    found = events(answer.text)
    assert [str(one["SUMMARY"]) for one in found] == ["Launch; the boat, at last", "Open day"]
    assert found[0]["DTSTART"].dt == datetime(2026, 12, 3, 18, tzinfo=UTC)
    assert f"SOURCE;VALUE=URI:{BASE}/calendar.ics\r\n" in answer.text
    german = web.get("/calendar.ics?language=de")
    assert [str(one["SUMMARY"]) for one in events(german.text)] == ["Stapellauf", "Open day"]
    assert [one["UID"] for one in events(german.text)] == [one["UID"] for one in found]
    assert web.get("/calendar.ics", accept_language="de").body == answer.body


def test_an_event_has_a_file_of_its_own(web: Client, port: Runtime) -> None:
    (launch, *_) = [e for e in EntryStore(port.table).dated(port.clock()) if "launch" in e.slug]
    answer = web.get(f"/calendar/{launch.id}.ics")
    assert answer.headers["content-disposition"] == f'attachment; filename="{launch.id}.ics"'
    (found,) = events(answer.text)
    assert str(found["UID"]) == f"{launch.id}@letters.example.org"
    asked = web.get(f"/calendar/{launch.id}.ics?language=de", accept_language="en")
    wished = web.get(f"/calendar/{launch.id}.ics", accept_language="de")
    assert asked.body == wished.body != answer.body
    assert "Accept-Language" in wished.headers["vary"]


def test_an_event_that_was_taken_back_is_cancelled_in_its_file_and_gone_from_the_calendar(tmp_path: Path) -> None:
    runtime = harbour(tmp_path / "site", tmp_path / "data")
    try:
        house.use(runtime)
        web = Client(chalice.test.Client(application()).http)
        (launch,) = [e for e in EntryStore(runtime.table).dated(runtime.clock()) if "launch" in e.slug]
        for path in (tmp_path / "site" / "content" / "events").rglob("launch.md"):
            path.unlink()
        collect(runtime.site, runtime.table, runtime.fetch, runtime.clock(), force=True)
        (found,) = events(web.get(f"/calendar/{launch.id}.ics").text)
        assert (str(found["STATUS"]), found["SEQUENCE"]) == ("CANCELLED", launch.revision + 1)
        assert [str(one["SUMMARY"]) for one in events(web.get("/calendar.ics").text)] == ["Open day"]
    finally:
        house.use(None)
        runtime.close()


def test_news_of_a_series_as_a_whole_is_no_event_of_its_own(tmp_path: Path) -> None:
    database = Database(tmp_path / "table.db")
    store = EntryStore(SqliteTable(database))
    now = datetime(2026, 11, 26, tzinfo=UTC)
    names = ("guid:calendar:weekly@example.org",)
    series = event(series="weekly@example.org", source="calendar", identities=names, change=Change.CANCELLED)
    store.keep([series])
    assert store.find_dated(series.id, now) is not None
    assert calendar_entries(store, now) == []
    with pytest.raises(NotFoundError):
        event_file(made_site(), store, now, series.id, "en")
    database.close()


def test_mails_carry_the_events_under_the_same_names(web: Client, port: Runtime) -> None:
    mails = [message_from_bytes(p.read_bytes(), policy=policy.default) for p in port.settings.maildir.glob("new/*")]
    texts = [
        part.get_payload(decode=True).decode()
        for mail in mails
        for part in mail.walk()
        if part.get_content_type() == "text/calendar"
    ]
    named = {str(one["UID"]) for text in texts for one in events(text)}
    assert named == {str(one["UID"]) for one in events(web.get("/calendar.ics").text)}
    assert len(texts) == len(mails) == 4
    editions = EditionStore(port.table, port.blobs)
    proofs = samples(port.site, editions.content(editions.find("harbour-log/2026-11-26")))
    assert ["method=PUBLISH" in str(proof.letter.segments) for proof in proofs] == [True, True]


def tags(html: str) -> tuple[dict[str, str], list[tuple[str, str, str]]]:
    head = html.partition("</head>")[0]
    metas = dict(re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)">', head))
    links = re.findall(
        r'<link rel="([a-z]+)"(?: hreflang="([^"]*)")?(?: type="[^"]*")?(?: title="[^"]*")? href="([^"]*)"', head
    )
    return {key: unescape(value) for key, value in metas.items()}, links


def test_an_edition_says_what_it_is_to_those_who_pass_it_on(web: Client) -> None:
    metas, links = tags(web.get(f"{LATEST}/de").text)
    assert {key: metas[key] for key in ("og:type", "og:title", "og:url", "og:locale", "og:locale:alternate")} == {
        "og:type": "article", "og:title": "Ein neuer Kran am Pier", "og:url": f"{BASE}{LATEST}/de",
        "og:locale": "de", "og:locale:alternate": "en",
    }  # fmt: skip
    assert metas["og:image"] == metas["twitter:image"] == f"{BASE}/media/images/crane.png"
    assert metas["og:image:alt"] == "A crane over the quay"
    assert metas["twitter:card"] == "summary_large_image"
    assert metas["og:description"] == metas["description"]
    assert metas["article:published_time"] == "2026-11-26T09:00:00+00:00"
    by_rel = {(rel, language): url for rel, language, url in links if rel != "alternate" or language}
    assert by_rel == {
        ("canonical", ""): f"{BASE}{LATEST}/de",
        ("alternate", "en"): f"{BASE}{LATEST}/en",
        ("alternate", "de"): f"{BASE}{LATEST}/de",
        ("alternate", "x-default"): f"{BASE}{LATEST}/en",
        ("prev", ""): f"{BASE}{LOG}/2026-11-12/de",
        ("up", ""): f"{BASE}{LOG}",
    }


@pytest.mark.parametrize(
    ("logo", "shown"),
    [("", ""), ("http://example.org/l.png", ""), ("https://example.org/l.png", "https://example.org/l.png"),
     ("media/l.png", "https://news.example.org/media/l.png"), ("javascript:x", "")],
)  # fmt: skip
def test_where_no_picture_is_the_logo_stands(logo: str, shown: str) -> None:
    site = made_site(theme=Theme(logo=logo, logo_alt="Us"))
    assert first_picture(site, "<p>Words</p>") == (shown, "Us" if shown else "")
    picture = '<p><img alt="x" src="https://example.org/a.png?b=1&amp;c=2"><img src="https://example.org/b.png"></p>'
    assert first_picture(site, picture) == ("https://example.org/a.png?b=1&c=2", "")


def test_issues_lead_to_those_beside_them(web: Client) -> None:
    def beside(path: str) -> list[str]:
        return re.findall(r'<a rel="(?:prev|next)" href="([^"]*)"', web.get(path).text)

    assert beside(f"{LATEST}/en") == [f"{LOG}/2026-11-12/en"]
    assert beside(f"{LOG}/2026-11-12/de") == [f"{LOG}/2019-05-09/de", f"{LATEST}/de"]
    assert beside(f"{LOG}/2019-05-09/de") == [f"{LOG}/2019-05-02-old/en", f"{LOG}/2026-11-12/de"]
    assert beside(f"{LOG}/2019-05-02-old/en") == [f"{LOG}/2019-05-09/de"]
    _, links = tags(web.get(f"{LOG}/2019-05-02-old/en").text)
    assert ("canonical", "", f"{BASE}{LOG}/2019-05-02-old/en") in links
    assert [language for rel, language, _ in links if rel == "alternate" and language] == [], "it is in one language"
    foot = web.get(f"{LATEST}/en").text.rpartition("<nav")[2]
    assert f'<a href="{LATEST}/de" hreflang="de" lang="de">Deutsch</a>' in foot
    assert f'<a rel="up" href="{LOG}">' in foot


def test_pages_of_the_archive_hold_nothing_personal(web: Client) -> None:
    for path in (
        "/",
        "/archive",
        LOG,
        f"{LATEST}/en",
        f"{LATEST}/de",
        f"{LOG}/feed.atom",
        "/feed.json",
        "/sitemap.xml",
    ):
        text = web.get(path).text
        for secret in ("ada@example.org", "bo@example.com", "/u/", "Unsubscribe", "abmelden", "\x02", "{name"):
            assert secret.lower() not in text.lower(), (path, secret)


def test_index_pages_name_their_feeds_and_languages(web: Client) -> None:
    for path, feed in (("/", "/feed"), ("/archive", "/feed"), (LOG, f"{LOG}/feed")):
        html = web.get(f"{path}?lang=de").text
        metas, links = tags(html)
        assert ("canonical", "", f"{BASE}{path}?lang=de") in links
        assert ("alternate", "en", f"{BASE}{path}") in links
        assert ("alternate", "", f"{BASE}{feed}.atom?language=de") in links
        assert f'href="{feed}.atom?language=de"' in html
        assert (metas["og:type"], metas["og:locale"]) == ("website", "de")
    assert 'href="/calendar.ics"' in web.get("/", accept_language="en").text


def test_the_map_names_every_public_page_in_every_language(web: Client) -> None:
    root = ElementTree.fromstring(web.get("/sitemap.xml").body)
    spaces = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9", "x": "http://www.w3.org/1999/xhtml"}
    found = {str(url.findtext("s:loc", "", spaces)): url for url in root.findall("s:url", spaces)}
    assert len(found) == 14
    for address in found:
        parts = urlsplit(address)
        assert web.get(parts.path + (f"?{parts.query}" if parts.query else "")).status == 200
    edition = found[f"{BASE}{LATEST}/de"]
    assert edition.findtext("s:lastmod", "", spaces).startswith("2026-11-26T09:30:")
    others = {link.get("hreflang"): link.get("href") for link in edition.findall("x:link", spaces)}
    assert others == {"en": f"{BASE}{LATEST}/en", "de": f"{BASE}{LATEST}/de"}
    assert found[f"{BASE}{LOG}/2019-05-09/de"].findall("x:link", spaces) == []
    assert found[f"{BASE}/"].findtext("s:lastmod", "", spaces) == edition.findtext("s:lastmod", "", spaces)
    assert f"Sitemap: {BASE}/sitemap.xml" in web.get("/robots.txt").text
    assert "Disallow: /u/" in web.get("/robots.txt").text


def test_values_of_a_head_can_end_nothing() -> None:
    odd = '"><script>x</script>\n&'
    made = str(head_tags(Head(odd, odd, "https://x.example.org/", "en", odd, links=(Link("up", odd, odd, odd, odd),))))
    assert "<script" not in made
    assert made.count("<meta") == made.count(">\n") - made.count("<link")
    assert with_head("<p>no head</p>", made) == "<p>no head</p>"
    assert with_foot("<p>no body</p>", made) == "<p>no body</p>"
    assert with_head("<head></head><pre></head></pre>", "T") == "<head>T</head><pre></head></pre>"
    assert with_foot("<body></body>x</body>", "T") == "<body></body>xT</body>"
