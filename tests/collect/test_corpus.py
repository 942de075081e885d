"""Real posts, issues, feeds and calendars: all are read, and what can't be used is named with a reason."""

import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chalicelib.collect.calendars import read_calendar
from chalicelib.collect.feeds import read_feed
from chalicelib.collect.folder import read_folder
from chalicelib.collect.found import Found
from chalicelib.content.load import load_site
from chalicelib.content.values import Site
from tests.corpus import CORPUS, needs_corpus
from tests.corpus import make_site as make_corpus_site
from tests.sites import NOW, SITE, calendar_source, feed_source, make_site

pytestmark = needs_corpus
FEEDS = sorted(
    path
    for folder in ("feeds", "scs/feeds/website", "scs/feeds/docs-blog")
    for path in (CORPUS / folder).rglob("*")
    if path.suffix in {".xml", ".atom", ".rss", ".json"}
)
ENTRIES = {
    "feeds/feedjira-AtomFeedWithSpacesAroundEquals.xml": 1, "feeds/feedjira-SamRuby.xml": 20, "feeds/ffp-osm.xml": 20,
    "feeds/feedjira-google_alerts_atom.xml": 20, "feeds/feedjira-json_feed.json": 20, "feeds/ffp-stackoverflow.xml": 2,
    "feeds/ffp-utf16_encoded.xml": 1, "feeds/io7m-changelog-releases.atom": 11, "feeds/rssparser-encoding.rss": 40,
    "feeds/rssparser-heise.atom": 15, "feeds/rssparser-reddit-atom.rss": 24, "feeds/rssparser-rss-1.rss": 69,
    "feeds/rssparser-uolNoticias.rss": 15, "scs/feeds/docs-blog/atom.xml": 7, "scs/feeds/docs-blog/feed.json": 7,
    "scs/feeds/docs-blog/rss.xml": 7,
}  # fmt: skip
"""How many entries each feed holds, where it is not ten."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return make_site(tmp_path_factory.mktemp("site"))


@pytest.mark.parametrize("path", FEEDS, ids=lambda path: str(path.relative_to(CORPUS)))
def test_real_feeds(site: Site, path: Path) -> None:
    found = read_feed(site, feed_source(), path.read_bytes(), "https://feeds.example.org/feed", NOW)
    assert found.problems == ()
    assert len(found.entries) == ENTRIES.get(str(path.relative_to(CORPUS)), 10)
    names = Counter(name for entry in found.entries for name in entry.identities)
    assert set(names.values()) == {1}
    for entry in found.entries:
        (text,) = entry.texts.values()
        assert text.title
        assert text.url.startswith(("http://", "https://"))
        assert "<script" not in text.html


def test_there_are_feeds_of_all_kinds() -> None:
    assert len(FEEDS) == 31
    assert {path.suffix for path in FEEDS} == {".xml", ".atom", ".rss", ".json"}


def test_one_blog_in_three_formats_is_one_blog(site: Site) -> None:
    titles = [
        [entry.texts["en"].title for entry in _blog(site, name).entries]
        for name in ("atom.xml", "rss.xml", "feed.json")
    ]
    assert titles[0] == titles[1] == titles[2]
    ids = [{entry.id for entry in _blog(site, name).entries} for name in ("atom.xml", "rss.xml", "feed.json")]
    assert ids[0] == ids[1] == ids[2]


def _blog(site: Site, name: str) -> Found:
    body = (CORPUS / "scs/feeds/docs-blog" / name).read_bytes()
    return read_feed(site, feed_source(), body, f"https://feeds.example.org/{name}", NOW)


def test_all_real_posts_are_read(tmp_path: Path) -> None:
    site = load_site(make_corpus_site(tmp_path)).require()
    found = read_folder(site, site.sources[0], NOW)
    assert len(found.entries) == 77
    assert sum(len(entry.texts) for entry in found.entries) < 149  # copies of the English text are no translations
    assert Counter(p.code for p in found.problems) == {"missing-image": 107, "unknown-key": 6}
    assert all(p.line > 1 for p in found.problems)
    for entry in found.entries:
        assert entry.published
        for text in entry.texts.values():
            assert text.title
            prose = re.sub(r"<(pre|code)\b.*?</\1>", "", text.html, flags=re.DOTALL)
            assert not re.search(r"\{[%{:]|&lt;/?(?:div|figure|a)\b", text.title + text.summary + prose)
    log4j = next(entry for entry in found.entries if "log4j" in entry.slug).texts["en"]
    assert "{% if es_heap_size %}-Xms{{ es_heap_size }}" in log4j.html  # shown as code, between {% raw %}


def test_what_real_posts_list_in_their_front_matter_is_read(tmp_path: Path) -> None:
    site = load_site(make_corpus_site(tmp_path)).require()
    found = read_folder(site, site.sources[0], NOW)
    entries = {entry.slug: "".join(text.html for text in entry.texts.values()) for entry in found.entries}
    assert "Honey, I Blew Up the Cloud</a>" in entries["2022-06-23-this-was-oifsummit2022"]
    assert "Workload identities</a>" in entries["2023-03-31-hackathon-nuernberg"]
    assert 'href="https://posts.example.org/2022/11/25/hackathon-wrapup/"' in "".join(entries.values())
    assert not [slug for slug, html in entries.items() if "&lt;div" in html or "&lt;/figure" in html]


@pytest.mark.parametrize(("name", "entries", "problems"), [("lwkd", 20, {}), ("twir", 15, {})])
def test_real_issues(tmp_path: Path, name: str, entries: int, problems: dict[str, int]) -> None:
    sources = "sources: {issues: {folder: issues, pattern: '{date}-{slug}.md'}}\n"
    site = make_site(tmp_path, site=SITE + sources)
    (tmp_path / "content" / "issues").symlink_to(CORPUS / name)
    found = read_folder(site, site.sources[0], NOW)
    assert len(found.entries) == entries
    assert Counter(p.code for p in found.problems) == problems
    assert all(entry.published and text.title for entry in found.entries for text in entry.texts.values())


@pytest.mark.parametrize(
    ("name", "now", "entries"),
    [
        ("scs.ics", NOW, 11),
        ("sig_standard_cert.ics", NOW, 2),
        ("openops.ics", NOW, 0),
        ("scs.ics", datetime(2023, 3, 1, tzinfo=UTC), 0),
    ],
)
def test_real_calendars(site: Site, name: str, now: datetime, entries: int) -> None:
    body = (CORPUS / "scs/calendar/ics" / name).read_bytes()
    found = read_calendar(site, calendar_source(), body, now)
    assert all("'Team OPS/Sec/IAM Tooling Meeting' shares its UID" in problem.message for problem in found.problems)
    assert len(found.entries) == entries
    assert all(entry.starts and entry.texts["en"].title for entry in found.entries)


def test_links_and_copies_are_recognised_from_the_files_alone(tmp_path: Path) -> None:
    rows = {
        line.split("\t")[0].replace("/_posts", "")
        for line in (CORPUS / "scs/posts/SYMLINKS.tsv").read_text().splitlines()
    }
    site = load_site(make_corpus_site(tmp_path)).require()
    entries = {entry.slug: set(entry.texts) for entry in read_folder(site, site.sources[0], NOW).entries}
    filed = [path.relative_to(CORPUS / "scs/posts") for path in sorted((CORPUS / "scs/posts/de").rglob("*.md"))]
    links = {path.stem for path in filed if path.as_posix() in rows}
    assert (len(rows), len(links)) == (49, 48)
    assert all(entries[slug] == {"en"} for slug in links)  # also the one whose English text is not there
    german = {path.stem for path in filed} - links
    assert len(german) == 25
    assert {slug for slug in german if entries[slug] != {"en", "de"}} == {"2022-06-27-parldigi"}
    assert entries["2022-06-27-parldigi"] == {"de"}  # here the English file is the link
