"""The archive as files: every link of every page leads somewhere, below any path, and equal data give equal bytes."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.collect.entries import EntryStore
from chalicelib.compose.editions import EditionStore
from chalicelib.runtime import Runtime
from chalicelib.web.export import Export, export
from chalicelib.web.folder import write_folder
from chalicelib.web.static_links import Place, StaticLinks
from tests.web.crawling import crawl, serving
from tests.web.harbour import harbour
from tests.web.site import runtime_at

PAGES = "https://guild.codeberg.page/letters"
OWN = "https://letters.example.org"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    root = tmp_path_factory.mktemp("harbour")
    runtime = harbour(root / "site", root / "data")
    folder = root / "site" / "content" / "archive" / "storm-warnings"
    folder.mkdir(parents=True)
    for number in range(35):
        text = f"---\ntitle: Storm {number}\n---\n![A crane](images/crane.png)\n"
        (folder / f"2018-{1 + number // 28:02}-{1 + number % 28:02}.md").write_text(text)
    runtime.reload()
    yield runtime
    runtime.close()


def made(runtime: Runtime, base_url: str = "") -> Export:
    editions = EditionStore(runtime.table, runtime.blobs)
    return export(runtime.site, editions, EntryStore(runtime.table), runtime.clock(), base_url)


@pytest.mark.parametrize(("below", "base"), [("", OWN), ("letters", PAGES)])
def test_every_link_of_every_page_leads_somewhere(port: Runtime, tmp_path: Path, below: str, base: str) -> None:
    files = made(port, base).files
    write_folder(tmp_path / below, files)
    with serving(tmp_path) as number:
        seen = crawl(number, f"/{below}/".replace("//", "/"))
    start = f"/{below}" if below else ""
    pages = {f"{start}/{name}".removesuffix("index.html") for name in files if name.endswith("index.html")}
    assert pages == {path for path, html in seen.items() if html}
    others = ("feed.atom", "feed.de.atom", "calendar.ics", "media/images/crane.png")
    assert {f"{start}/{name}" for name in others} <= set(seen)
    assert f"{start}/archive/storm-warnings/before/2018-01-06/" in seen
    assert f"{start}/de/archive/storm-warnings/before/2018-01-06/" in seen


def test_what_others_read_has_whole_addresses_of_files_that_are_there(port: Runtime) -> None:
    files = made(port, PAGES).files
    texts = {name: raw.decode() for name, raw in files.items() if not name.endswith(".png")}
    named = 0
    for name, text in texts.items():
        for url in re.findall(rf"{re.escape(PAGES)}[^\s\"'<>&\\]*", text):
            file = urlsplit(url).path.removeprefix("/letters/")
            assert (file + "index.html" if file.endswith("/") or not file else file) in files, (name, url)
            named += 1
        if not name.endswith(".ics") and name != "404.html":
            assert OWN not in text.replace(f"{OWN}/subscribe", ""), name
    assert named > 200
    page = texts["archive/harbour-log/2026-11-26/de/index.html"]
    assert f'<link rel="canonical" href="{PAGES}/archive/harbour-log/2026-11-26/de/"' in page
    assert f'content="{PAGES}/media/images/crane.png"' in page
    assert f'hreflang="en" href="{PAGES}/archive/harbour-log/2026-11-26/en/"' in page
    assert f"<loc>{PAGES}/de/archive/</loc>" in texts["sitemap.xml"]
    assert 'href="/letters/archive/"' in texts["404.html"]
    assert f"SOURCE;VALUE=URI:{PAGES}/calendar.de.ics" in texts["calendar.de.ics"].replace("\r\n ", "")


def test_feeds_hold_the_newest_thirty(port: Runtime) -> None:
    feed = made(port).files["archive/storm-warnings/feed.atom"].decode()
    assert feed.count("<entry ") == 30
    assert ">Storm 34<" in feed
    assert ">Storm 4<" not in feed


def test_an_edition_wins_over_an_old_issue_of_its_slot(port: Runtime, tmp_path: Path) -> None:
    old = replace(port.site.archive[0], newsletter="harbour-log", slot="2026-11-26", title="Not this")
    editions, site = EditionStore(port.table, port.blobs), replace(port.site, archive=(old,))
    files = export(site, editions, EntryStore(port.table), port.clock()).files
    assert not [name for name, raw in files.items() if b"Not this" in raw]
    assert b"A new crane at the pier" in files["archive/harbour-log/2026-11-26/en/index.html"]


def test_events_keep_the_names_that_mails_gave_them(port: Runtime) -> None:
    files = made(port, PAGES).files
    events = [raw.decode() for name, raw in files.items() if name.startswith("calendar/")]
    assert len(events) == 2
    calendar = files["calendar.ics"].decode()
    assert all("@letters.example.org" in text.replace("\r\n ", "") for text in (*events, calendar))


def test_pages_of_the_past_keep_the_files_of_their_events(port: Runtime, tmp_path: Path) -> None:
    editions = EditionStore(port.table, port.blobs)
    (edition, *_) = editions.of("harbour-log")
    (gone,) = [e for e in EntryStore(port.table).dated(port.clock()) if "long-ago" in e.slug]
    content = editions.content(edition)
    link = f'<p><a href="{OWN}/calendar/{gone.id}.ics">x</a> <a href="{OWN}/calendar/{"0" * 12}.ics">y</a></p>'
    changed = editions.save_content(replace(content, intro_html={"*": link}))
    kept = editions.change(edition, content=changed)
    try:
        files = made(port).files
        page = files[f"archive/harbour-log/{edition.slot}/en/index.html"].decode()
        assert f'href="../../../../calendar/{gone.id}.ics"' in page
        assert f'href="{OWN}/calendar/{"0" * 12}.ics"' in page
        assert f"calendar/{gone.id}.ics" in files
    finally:
        editions.change(kept, content=edition.content)


def test_equal_data_give_equal_bytes(port: Runtime, tmp_path: Path) -> None:
    first = made(port, PAGES)
    again = runtime_at(port.settings.site, port.settings.data)
    try:
        assert made(again, PAGES + "/") == first
    finally:
        again.close()
    assert first.missing == ()
    assert first.files[".nojekyll"] == b""
    write_folder(tmp_path, first.files)
    assert write_folder(tmp_path, first.files).changed == 0


def test_nothing_personal_is_in_the_folder(port: Runtime) -> None:
    for name, raw in made(port).files.items():
        text = raw.decode("utf-8", "replace")
        for secret in ("ada@example.org", "bo@example.com", "/u/e", "<script", "{name"):
            assert secret not in text, (name, secret)


def test_a_picture_that_is_gone_is_named(port: Runtime) -> None:
    picture = port.settings.site / "content" / "images" / "crane.png"
    content = picture.read_bytes()
    picture.unlink()
    try:
        found = made(port)
    finally:
        picture.write_bytes(content)
    assert found.missing == ("/media/images/crane.png",)
    assert "media/images/crane.png" not in found.files


@pytest.mark.parametrize(
    ("path", "query", "file"),
    [
        ("/", "", "index.html"),
        ("/", "lang=de", "de/index.html"),
        ("/archive", "lang=en", "archive/index.html"),
        ("/archive/log", "before=2026-01-01&lang=de", "de/archive/log/before/2026-01-01/index.html"),
        ("/archive/log/2026-01-01/de", "", "archive/log/2026-01-01/de/index.html"),
        ("/archive/log/2026-01-01/de", "lang=en", "archive/log/index.html"),
        ("/archive/log/2026-01-01/en", "lang=de", "de/archive/log/index.html"),
        ("/archive/log/feed.atom", "language=de", "archive/log/feed.de.atom"),
        ("/feed.json", "language=en", "feed.json"),
        ("/media/a%20b/%C3%BC.png", "", "media/a b/ü.png"),
        ("/calendar/0123456789ab.ics", "", "calendar/0123456789ab.ics"),
    ],
)
def test_where_a_page_lies(path: str, query: str, file: str) -> None:
    assert Place(path, query).file("en") == file


def links(*files: str) -> StaticLinks:
    return StaticLinks(("https://a.example/sub", "https://b.example"), "en", {"index.html", "de/index.html", *files})


@pytest.mark.parametrize(
    ("html", "turned"),
    [
        ('<a href="https://b.example/">', '<a href="../">'),
        ('<a href="https://b.example">', '<a href="../">'),
        ('<a href="/sub/?lang=de#x">', '<a href="../de/#x">'),
        ('<a href="?lang=de">', '<a href="../de/x/">'),
        ('<link rel="canonical" href="https://b.example/">', '<link rel="canonical" href="https://a.example/sub/">'),
        ('<meta property="og:url" content="/sub/">', '<meta property="og:url" content="https://a.example/sub/">'),
        ('<a href="https://b.example.org/">', '<a href="https://b.example.org/">'),
        ('<a href="https://a.example/subway/">', '<a href="https://a.example/subway/">'),
        ('<a href="//sub/">', '<a href="//sub/">'),
        ('<a href="/other/">', '<a href="/other/">'),
        ('<a href="/sub/gone">', '<a href="/sub/gone">'),
        ('<a href="#main">', '<a href="#main">'),
        ('<img src="https://b.example/media/%C3%BC.png">', '<img src="../media/%C3%BC.png">'),
    ],
)
def test_a_link_of_a_page(html: str, turned: str) -> None:
    assert links("x/index.html", "de/x/index.html", "media/ü.png").in_page(html, Place("/x", "", "en")) == turned


def test_addresses_that_begin_alike_are_told_apart() -> None:
    nested = StaticLinks(("https://a.example", "https://a.example/sub"), "en", {"index.html", "x/index.html"})
    page = '<a href="https://a.example/sub/x"><a href="https://a.example/x"><a href="//b.example/x">'
    assert nested.in_page(page, Place("/")) == '<a href="x/"><a href="x/"><a href="//b.example/x">'
    assert nested.in_text("https://a.example/sub/x https://a.example.org/x") == (
        "https://a.example/x/ https://a.example.org/x"
    )


@given(st.text(max_size=60) | st.from_regex(r"(https://a\.example/sub|/sub|\?)[/?&=#a-z%.]{0,30}", fullmatch=True))
def test_any_link_can_be_turned(url: str) -> None:
    page = f'<a href="{url}">'
    turned = links().in_page(page, Place("/x"))
    assert turned.startswith('<a href="')
    links().in_text(url)
    links().pictures(url)


@pytest.mark.parametrize("part", ["<link ", '<meta x="', ' href="', "https://a.example/sub", "<", "?lang=", "&amp;"])
def test_turning_links_takes_time_in_proportion(part: str) -> None:
    def seconds(text: str) -> float:
        began = perf_counter()
        links().in_page(text, Place("/x"))
        links().in_text(text)
        links().pictures(text)
        return perf_counter() - began

    assert seconds(part * 100_000) < 5
