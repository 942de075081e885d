"""Collecting into a real table: one entry for one thing, however often and by whatever way it comes."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from chalicelib.collect.collector import SourceReport, collect, read_sources
from chalicelib.collect.entries import EntryStore
from chalicelib.collect.entry import Entry
from chalicelib.collect.fetch import BusyError, Fetched, GoneError, Validators
from chalicelib.collect.found import SourceError
from chalicelib.collect.health import Health, HealthStore
from chalicelib.errors import StoreUnavailableError
from chalicelib.store import Item, Key, Put, Table, Write
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_database import Database
from tests.sites import FOLDER, NOW, SITE, make_site, post

FEED = "https://feeds.example.org/feed.json"
HOUR = timedelta(hours=1)


@dataclass
class Web:
    """Addresses and what they answer; a text, a failure, or nothing new."""

    pages: dict[str, str | SourceError | None] = field(default_factory=dict)
    asked: list[tuple[str, Validators]] = field(default_factory=list)

    def __call__(self, location: str, known: Validators) -> Fetched:
        self.asked.append((location, known))
        page = self.pages.get(location, SourceError("answered 404 Not Found"))
        if isinstance(page, SourceError):
            raise page
        return Fetched(page.encode() if page is not None else None, location, Validators('"e"') if page else known)


@dataclass
class House:
    """A site's folder, its table and the web around it."""

    root: Path
    table: Table
    web: Web
    sources: str = FOLDER
    now: datetime = NOW

    def write(self, name: str, text: str | None) -> None:
        path = self.root / "content" / "posts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink()
        else:
            path.write_text(text)

    def run(self, *, force: bool = False) -> dict[str, SourceReport]:
        self.now += HOUR
        (self.root / "content" / "posts").mkdir(parents=True, exist_ok=True)
        site = make_site(self.root, site=SITE + self.sources)
        return {report.source: report for report in collect(site, self.table, self.web, self.now, force=force)}

    @property
    def entries(self) -> list[Entry]:
        return list(EntryStore(self.table).since(self.now))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    database = Database(tmp_path / "table.db")
    yield House(tmp_path / "site", SqliteTable(database), Web())
    database.close()


def item(title: str = "A", url: str = "https://posts.example.org/en/a/", **more: object) -> dict[str, object]:
    return {"id": title, "title": title, "url": url, **more}


def feed(*items: dict[str, object]) -> str:
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": items})


BOTH = FOLDER.rstrip() + f"\n  web: {{feed: '{FEED}'}}\n"
ONLY_FEED = f"sources: {{web: {{feed: '{FEED}'}}}}\n"


def counts(report: SourceReport) -> tuple[str, int, int, int]:
    return report.outcome, report.changes.new, report.changes.changed, report.changes.withdrawn


@pytest.mark.parametrize(
    "url",
    [
        "https://posts.example.org/en/a",
        "http://www.posts.example.org/en/a/",
        "https://posts.example.org/en/a/?utm_source=rss#x",
    ],
)
def test_the_same_post_from_a_folder_and_a_feed_is_one_entry(house: House, url: str) -> None:
    house.sources = BOTH
    house.write("en/2026-11-20-a.md", post("From the folder"))
    house.web.pages[FEED] = feed(item("From the feed", url))
    house.run()
    house.run(force=True)
    (entry,) = house.entries
    assert (entry.source, entry.texts["en"].title) == ("posts", "From the folder")


def test_nothing_repeats_however_often_it_is_read(house: House) -> None:
    house.sources = ONLY_FEED
    house.web.pages[FEED] = feed(item("A"), item("B", "https://posts.example.org/b"))
    assert counts(house.run()["web"]) == ("read", 2, 0, 0)
    ids = [entry.id for entry in house.entries]
    assert counts(house.run()["web"]) == ("unchanged", 0, 0, 0)
    house.web.pages[FEED] = feed(item("B", "https://posts.example.org/b"), item("A"))
    assert counts(house.run()["web"])[1:] == (0, 0, 0)
    assert [entry.id for entry in house.entries] == ids


def test_edits_reach_the_entry_and_it_stays_itself(house: House) -> None:
    house.write("en/2026-11-20-a.md", post("Old", "Words"))
    house.run()
    (before,) = house.entries
    house.write("en/2026-11-20-a.md", post("New", "Other words", date="2026-11-21"))
    house.write("de/2026-11-20-a.md", post("Neu", "Andere"))
    assert counts(house.run()["posts"]) == ("read", 0, 1, 0)
    (after,) = house.entries
    assert (after.id, after.first_seen) == (before.id, before.first_seen)
    assert (after.texts["en"].title, list(after.texts)) == ("New", ["en", "de"])
    assert after.published != before.published


def test_an_entry_whose_address_changes_is_known_by_its_guid_and_then_by_the_new_address(house: House) -> None:
    house.sources = ONLY_FEED
    house.web.pages[FEED] = feed(item("A", "https://posts.example.org/old"))
    house.run()
    (before,) = house.entries
    house.web.pages[FEED] = feed(item("A", "https://posts.example.org/en/a/"))
    assert counts(house.run()["web"]) == ("read", 0, 1, 0)
    house.sources = BOTH
    house.write("en/2026-11-20-a.md", post("A"))
    house.run()
    assert [entry.id for entry in house.entries] == [before.id]


def test_a_withdrawn_file_goes_and_comes_back(house: House) -> None:
    house.write("en/2026-11-20-a.md", post("A"))
    house.write("en/2026-11-20-b.md", post("B"))
    house.run()
    ids = {entry.id for entry in house.entries}
    house.write("en/2026-11-20-a.md", None)
    assert counts(house.run()["posts"]) == ("read", 0, 0, 1)
    assert [entry.texts["en"].title for entry in house.entries] == ["B"]
    house.write("en/2026-11-20-a.md", post("A"))
    assert counts(house.run()["posts"]) == ("read", 0, 1, 0)
    assert {entry.id for entry in house.entries} == ids


def test_what_a_feed_no_longer_lists_stays(house: House) -> None:
    house.sources = ONLY_FEED
    house.web.pages[FEED] = feed(item("A"), item("B", "https://posts.example.org/b"))
    house.run()
    house.web.pages[FEED] = feed(item("B", "https://posts.example.org/b"))
    house.run()
    assert len(house.entries) == 2


def test_a_post_that_moves_to_another_source_comes_back_there(house: House) -> None:
    house.sources = BOTH
    house.write("en/2026-11-20-a.md", post("A"))
    house.web.pages[FEED] = feed()
    house.run()
    house.write("en/2026-11-20-a.md", None)
    house.run()
    assert house.entries == []
    house.web.pages[FEED] = feed(item("A"))
    house.run()
    assert [entry.source for entry in house.entries] == ["web"]


def test_a_post_of_the_future_waits_for_its_day(house: House) -> None:
    house.write("en/2026-11-20-a.md", post("A", date=f"{NOW + 3 * HOUR:%Y-%m-%d %H:%M} Z"))
    assert [house.run()["posts"].changes.new for _ in range(4)] == [0, 0, 1, 0]


def test_only_the_first_fetch_of_a_source_is_backlog(house: House) -> None:
    house.write("en/2026-11-20-a.md", post("A"))
    house.run()
    house.write("en/2026-11-20-b.md", post("B"))
    house.write("en/2026-11-20-a.md", post("A2"))
    house.run()
    assert {entry.slug[-1]: entry.backlog for entry in house.entries} == {"a": True, "b": False}


def test_another_language_from_another_source_joins_and_changes_nothing_else(house: House) -> None:
    house.sources = BOTH
    house.write("en/2026-11-20-a.md", post("A", author="Ada"))
    house.web.pages[FEED] = feed(item("Deutsch", language="de", authors=[{"name": "Eve"}]))
    house.run()
    house.run(force=True)
    (entry,) = house.entries
    assert {tag: text.title for tag, text in entry.texts.items()} == {"en": "A", "de": "Deutsch"}
    assert (entry.authors, entry.slug, entry.source) == (("Ada",), "2026-11-20-a", "posts")


def test_topics_come_from_rules_front_matter_and_source(house: House) -> None:
    house.sources = FOLDER.replace("pattern:", "topics: [security], pattern:")
    house.write("en/2026-11-20-a.md", post("A"))
    house.run()
    assert house.entries[0].topics == ("security", "news")
    house.sources = FOLDER
    house.write("en/2026-11-20-a.md", post("A", categories="[Security]"))
    house.write("en/2026-11-20-b.md", post("B", topics="security"))
    house.write("en/2026-11-20-c.md", post("C"))
    house.run()
    assert {e.slug[-1]: e.topics for e in house.entries} == {
        "a": ("security", "news"), "b": ("security", "news"), "c": ("news",),
    }  # fmt: skip


@pytest.mark.parametrize("failure", [SourceError("answered 500 Internal Server Error"), None])
def test_one_failing_source_stops_no_other(house: House, failure: SourceError | None) -> None:
    urls = {"a": FEED, "b": "https://b.example.org/", "c": "https://c.example.org/"}
    house.sources = "sources:\n" + "".join(f"  {name}: {{feed: '{url}'}}\n" for name, url in urls.items())
    pages = feed(item("A")), failure or "<html>", feed(item("C", "https://c.example.org/c"))
    house.web.pages = dict(zip(urls.values(), pages, strict=True))
    reports = house.run()
    assert {name: report.outcome for name, report in reports.items()} == {"a": "read", "b": "failed", "c": "read"}
    assert [(p.line, p.code) for p in reports["b"].problems] == [(12, "source")]
    assert len(house.entries) == 2


def test_a_surprise_in_one_source_stops_no_other(house: House) -> None:
    house.sources = BOTH
    house.write("en/2026-11-20-a.md", post("A"))

    def surprise(location: str, known: Validators) -> Fetched:
        raise ZeroDivisionError(location)

    site = make_site(house.root, site=SITE + BOTH)
    reports = {report.source: report for report in collect(site, house.table, surprise, NOW)}
    assert (reports["posts"].outcome, reports["web"].outcome) == ("read", "failed")
    assert "ZeroDivisionError" in reports["web"].health.error


def test_a_failing_source_waits_longer_each_time_and_recovers(house: House) -> None:
    house.sources = ONLY_FEED
    house.web.pages[FEED] = feed(item("A"))
    site = make_site(house.root, site=SITE + ONLY_FEED)
    collect(site, house.table, house.web, NOW)
    house.web.pages[FEED] = SourceError("answered 503 Service Unavailable")
    now, waits = NOW, []
    for _ in range(9):
        (report,) = collect(site, house.table, house.web, now, force=True)
        assert report.health.next_try
        waits.append((report.health.next_try - now) / timedelta(minutes=1))
    whole = [5, 10, 20, 40, 80, 160, 320, 360, 360]
    assert all(0.75 * most <= wait <= most for wait, most in zip(waits, whole, strict=True))
    assert len(set(waits)) == 9  # no two the same: sources that fail together come apart
    asked = len(house.web.asked)
    (report,) = collect(site, house.table, house.web, now + timedelta(hours=4, minutes=29))
    assert (report.outcome, len(house.web.asked)) == ("waiting", asked)
    assert (report.health.failures, report.health.error) == (9, "answered 503 Service Unavailable")
    house.web.pages[FEED] = feed(item("A"), item("B", "https://posts.example.org/b"))
    (report,) = collect(site, house.table, house.web, now + timedelta(hours=6))
    assert counts(report)[:2] == ("read", 1)
    assert (report.health.failures, report.health.error, report.health.next_try) == (0, "", None)
    assert house.web.asked[-1][1] == Validators('"e"')  # kept over the failures


def test_an_unchanged_source_keeps_its_count(house: House) -> None:
    house.sources = ONLY_FEED
    house.web.pages[FEED] = feed(item("A"))
    house.run()
    house.web.pages[FEED] = None
    report = house.run()["web"]
    assert (report.outcome, report.health.entries) == ("unchanged", 1)
    assert house.web.asked[-1][1] == Validators('"e"')


class FailingTable:
    """A table whose writes of entries fail until it is mended."""

    def __init__(self, table: Table) -> None:
        self.broken = True
        self._table = table
        self.get, self.get_many, self.query = table.get, table.get_many, table.query
        self.insert, self.replace, self.delete = table.insert, table.replace, table.delete
        self.add: Callable[..., dict[str, int]] = table.add
        self.put_many: Callable[[list[Put]], None] = table.put_many  # type: ignore[assignment]

    def transact(self, writes: list[Write]) -> None:
        if self.broken:
            raise StoreUnavailableError("The disk is full.")
        self._table.transact(writes)


def test_what_could_not_be_kept_is_read_again(house: House) -> None:
    house.sources = ONLY_FEED
    house.web.pages[FEED] = feed(item("A"))
    site = make_site(house.root, site=SITE + ONLY_FEED)
    failing = FailingTable(house.table)
    with pytest.raises(StoreUnavailableError):
        collect(site, failing, house.web, NOW)  # type: ignore[arg-type]
    assert HealthStore(house.table).load(["web"])["web"][0].digest == ""
    failing.broken = False
    (report,) = collect(site, failing, house.web, NOW + HOUR)  # type: ignore[arg-type]
    assert counts(report) == ("read", 1, 0, 0)
    assert house.web.asked[-1][1] == Validators()


def test_two_ticks_at_once_keep_one_entry(house: House) -> None:
    house.sources = ONLY_FEED
    house.web.pages[FEED] = feed(item("A"))
    site = make_site(house.root, site=SITE + ONLY_FEED)
    (found,) = [found for _, found, _ in read_sources(site, house.web, NOW) if found]
    store = EntryStore(house.table)
    assert (store.keep(found.entries).new, store.keep(found.entries).new) == (1, 0)
    later = [replace(entry, first_seen=NOW + HOUR) for entry in found.entries]
    assert store.keep(later).changed == 0
    assert [entry.first_seen for entry in store.since(NOW)] == [NOW]


@pytest.mark.parametrize("letter", ["x", "ß", "漢", "😀"])
def test_an_entry_too_large_for_the_store_is_kept_without_its_text(house: House, letter: str) -> None:
    house.sources = ONLY_FEED
    html = letter * 350_000
    large = item("A", content_html=html, summary=html, tags=[letter * 900] * 90)
    house.web.pages[FEED] = feed(large, item("B", "https://b.example.org/"))
    assert counts(house.run()["web"]) == ("read", 2, 0, 0)
    kept = next(entry for entry in house.entries if "A" in entry.texts["en"].title)
    assert kept.texts["en"].html == ""
    assert kept.texts["en"].url


def test_a_stored_entry_is_found_a_year_later(house: House) -> None:
    house.write("en/2026-11-20-a.md", post("A"))
    house.run()
    assert len(list(EntryStore(house.table).since(house.now + timedelta(days=365)))) == 1
    assert not list(EntryStore(house.table).since(house.now + timedelta(days=500)))


def test_the_state_of_a_source_is_in_one_item(house: House) -> None:
    house.run()
    stored: Item | None = house.table.get(Key("SOURCE#posts", "STATE"))
    assert stored
    assert stored.data["failures"] == 0


MANY = [f"https://h{n}.example.org/" for n in range(40)]


def many(house: House, *urls: str, **keys: str) -> None:
    extra = "".join(f", {key}: {value}" for key, value in keys.items())
    house.sources = "sources:\n" + "".join(f"  s{n}: {{feed: '{url}'{extra}}}\n" for n, url in enumerate(urls))


@pytest.mark.timeout(60)
def test_what_comes_is_kept_as_it_comes_and_told_in_order(house: House) -> None:
    """The first source answers only once all others are kept."""
    many(house, *MANY)
    kept: list[str] = []
    last = threading.Event()

    def fetch(location: str, known: Validators) -> Fetched:
        if location == MANY[0]:
            assert last.wait(30)
        return Fetched(feed(item(location, location)).encode(), location)

    def progress(report: SourceReport) -> None:
        kept.append(report.source)
        if len(kept) == len(MANY) - 1:
            last.set()

    site = make_site(house.root, site=SITE + house.sources)
    reports = collect(site, house.table, fetch, NOW, progress=progress)
    assert kept[-1] == "s0"
    assert [report.source for report in reports] == [f"s{n}" for n in range(len(MANY))]
    assert {report.outcome for report in reports} == {"read"}


@pytest.mark.timeout(60)
def test_a_source_that_hangs_delays_a_run_no_longer_than_it_may(house: House) -> None:
    many(house, *MANY[:3])
    hangs, until = threading.Event(), threading.Event()

    def fetch(location: str, known: Validators) -> Fetched:
        if location == MANY[1] and hangs.is_set():
            until.wait(50)
        return Fetched(feed(item(location, location)).encode(), location)

    site = make_site(house.root, site=SITE + house.sources)
    collect(site, house.table, fetch, NOW)  # what reads feeds has started
    hangs.set()
    reports = collect(site, house.table, fetch, NOW + HOUR, seconds=3)
    until.set()
    assert [report.outcome for report in reports] == ["unchanged", "waiting", "unchanged"]
    assert reports[1].why == "was not reached within 3 seconds; the next tick asks it first"
    assert HealthStore(house.table).load(["s1"])["s1"][0].checked == NOW
    (first,) = [r for r in collect(site, house.table, house.web, NOW + HOUR) if r.source == "s1"]
    assert (first.outcome, house.web.asked[0][0]) == ("failed", MANY[1])


@pytest.mark.timeout(60)
def test_after_a_run_nothing_more_is_asked_for(house: House) -> None:
    many(house, *(f"https://one.example.org/{n}" for n in range(20)))
    until, asked = threading.Event(), list[str]()

    def fetch(location: str, known: Validators) -> Fetched:
        asked.append(location)
        until.wait(50)
        raise SourceError("answered 500")

    site = make_site(house.root, site=SITE + house.sources)
    reports = collect(site, house.table, fetch, NOW, seconds=0.3)
    assert {report.outcome for report in reports} == {"waiting"}
    until.set()
    for thread in threading.enumerate():
        if thread.name in {"ask", "read"}:
            thread.join(30)
    assert len(asked) == 2
    assert not [thread for thread in threading.enumerate() if thread.name in {"ask", "read"}]


def test_those_asked_longest_ago_are_asked_first(house: House) -> None:
    """More of one server than there is time for: each gets its turn in some run."""
    urls = [f"https://one.example.org/{n}" for n in range(6)]
    many(house, *urls)
    asked: list[str] = []

    def fetch(location: str, known: Validators) -> Fetched:
        asked.append(location)
        raise SourceError("answered 500")

    site = make_site(house.root, site=SITE + house.sources)
    store = HealthStore(house.table)
    for n, url in enumerate(urls):
        health = Health(f"s{n}", location=url, checked=NOW - timedelta(minutes=[3, 1, 9, 4, 1, 5][n]))
        store.save(health, None)
    collect(site, house.table, fetch, NOW)
    assert {asked[0], asked[1]} == {urls[2], urls[5]}
    assert {asked[4], asked[5]} == {urls[1], urls[4]}


def test_a_slow_server_of_many_sources_keeps_no_other_waiting(house: House) -> None:
    """Ninety sources of one server, all of which hang, and one of another."""
    many(house, *(f"https://one.example.org/{n}" for n in range(90)), MANY[0])
    until, asked = threading.Event(), list[str]()

    def fetch(location: str, known: Validators) -> Fetched:
        asked.append(location)
        if location != MANY[0]:
            until.wait(50)
            raise SourceError("took too long to answer")
        until.set()
        return Fetched(feed(item("A")).encode(), location)

    site = make_site(house.root, site=SITE + house.sources)
    reports = collect(site, house.table, fetch, NOW)
    assert [report.outcome for report in reports] == ["failed"] * 90 + ["read"]
    assert asked.index(MANY[0]) == 2


@dataclass
class Moving:
    """A source whose answers a test sets one by one."""

    answer: Fetched | SourceError
    asked: list[tuple[str, Validators]] = field(default_factory=list)

    def __call__(self, location: str, known: Validators) -> Fetched:
        self.asked.append((location, known))
        if isinstance(self.answer, SourceError):
            raise self.answer
        return self.answer


def run(house: House, fetch: Moving, url: str = FEED, more: str = "", *, force: bool = False) -> SourceReport:
    house.now += 7 * HOUR
    site = make_site(house.root, site=SITE + f"sources: {{web: {{feed: '{url}'{more}}}}}\n")
    (report,) = collect(site, house.table, fetch, house.now, force=force)
    return report


def test_a_new_address_is_used_until_site_yaml_names_another(house: House) -> None:
    new, body = "https://new.example.org/feed", feed(item("A")).encode()
    web = Moving(Fetched(body, new, Validators('"e"'), moved_to=new))
    assert run(house, web).health.moved_to == new
    web.answer = Fetched(None, new, Validators('"e"'))
    assert run(house, web).health.moved_to == new
    web.answer = Fetched(b"<html>a login</html>", "https://login.example.org/", moved_to="https://login.example.org/")
    assert run(house, web).health.moved_to == new  # only an answer that is a feed is moved to
    web.answer = SourceError("answered 404 Not Found")
    for _ in range(3):
        run(house, web)
    assert [location for location, _ in web.asked] == [FEED] + [new] * 4 + [FEED]
    web.answer = Fetched(body, new, Validators('"e"'), moved_to=new)
    run(house, web)
    other = "https://other.example.org/feed"
    report = run(house, web, other)
    assert web.asked[-1] == (other, Validators())
    assert (report.outcome, report.health.location) == ("read", other)


def test_an_ended_source_is_asked_again_only_by_hand_or_at_a_new_address(house: House) -> None:
    web = Moving(Fetched(feed(item("A")).encode(), FEED))
    run(house, web)
    web.answer = GoneError("answered 410 Gone: it has ended")
    assert run(house, web).health.state == "retired"
    report = run(house, web)
    assert (report.outcome, report.why, len(web.asked)) == ("waiting", "answered 410 Gone: it has ended", 2)
    assert len(house.entries) == 1
    run(house, web, force=True)
    assert len(web.asked) == 3
    assert run(house, web).outcome == "waiting"
    web.answer = Fetched(feed(item("A")).encode(), FEED)
    assert run(house, web, "https://new.example.org/feed").health.state == "well"


def test_a_server_that_asks_for_a_pause_gets_it(house: House) -> None:
    web = Moving(BusyError("answered 429 Too Many Requests", timedelta(hours=23)))
    report = run(house, web)
    assert report.health.next_try == house.now + timedelta(hours=23)
    assert [run(house, web).outcome for _ in range(4)] == ["waiting"] * 3 + ["failed"]


@pytest.mark.parametrize("more", [", topics: [security]", ", language: de", ", kind: event"])
def test_a_change_in_site_yaml_reaches_entries_of_a_feed_that_has_not_changed(house: House, more: str) -> None:
    """A server that answers 'not modified' whenever it is asked so."""
    body = feed(item("A")).encode()

    class Conditional(Moving):
        def __call__(self, location: str, known: Validators) -> Fetched:
            self.asked.append((location, known))
            return Fetched(None if known.etag else body, location, Validators('"e"'))

    web = Conditional(SourceError(""))
    run(house, web)
    assert run(house, web).outcome == "unchanged"
    (before,) = house.entries
    assert run(house, web, more=more).outcome == "read"
    (after,) = house.entries
    assert (after.topics, list(after.texts), after.kind) != (before.topics, list(before.texts), before.kind)
    assert run(house, web, more=more).outcome == "unchanged"
    assert [bool(known.etag) for _, known in web.asked] == [False, True, False, True]


def test_a_changed_rule_reaches_entries_of_a_feed_that_has_not_changed(house: House) -> None:
    web, url = Moving(Fetched(feed(item("A")).encode(), FEED, Validators('"e"'))), FEED
    sources = f"sources: {{web: {{feed: '{url}'}}}}\n"
    for rules in ("{category: security}", "{title: A}"):
        site = make_site(house.root, site=SITE.replace("{category: security}", rules) + sources)
        collect(site, house.table, web, NOW)
    assert [known for _, known in web.asked] == [Validators(), Validators()]
    assert house.entries[0].topics == ("security", "news")


def test_sources_are_read_in_order_where_nothing_is_kept(house: House) -> None:
    many(house, *MANY[:5])
    house.web.pages = {url: feed(item(url, url)) for url in MANY[:4]}
    site = make_site(house.root, site=SITE + house.sources)
    read = read_sources(site, house.web, NOW)
    assert [source.name for source, _, _ in read] == ["s0", "s1", "s2", "s3", "s4"]
    assert [bool(found) for _, found, _ in read] == [True] * 4 + [False]
    assert [error for *_, error in read] == [""] * 4 + ["answered 404 Not Found"]


def test_of_sources_asked_at_the_same_time_the_slow_ones_come_first(house: House) -> None:
    urls = [f"https://one.example.org/{n}" for n in range(6)]
    many(house, *urls)
    asked: list[str] = []

    def fetch(location: str, known: Validators) -> Fetched:
        asked.append(location)
        return Fetched(None, location)

    site = make_site(house.root, site=SITE + house.sources)
    store, took = HealthStore(house.table), [10, 2000, 30, 500, 0, 5]
    well = [Health(f"s{n}", location=url, checked=NOW, took=took[n]) for n, url in enumerate(urls)]
    store.save_all([(health, None) for health in well])
    assert [health.took for health, _ in store.load(f"s{n}" for n in range(6)).values()] == took
    collect(site, house.table, fetch, NOW)
    assert {asked[0], asked[1]} == {urls[1], urls[3]}
    assert {asked[2], asked[3]} == {urls[0], urls[2]}


def test_how_long_an_answer_took_is_noted(house: House) -> None:
    house.sources = f"sources: {{web: {{feed: '{FEED}'}}}}\n"

    def fetch(location: str, known: Validators) -> Fetched:
        time.sleep(0.05)
        return Fetched(None, location)

    site = make_site(house.root, site=SITE + house.sources)
    assert collect(site, house.table, fetch, NOW)[0].health.took >= 50


def test_healths_are_saved_together_and_one_by_one_where_another_tick_was_first(house: House) -> None:
    store = HealthStore(house.table)
    store.save_all([(Health(f"s{n}", entries=1), None) for n in range(120)])
    read = store.load(f"s{n}" for n in range(120))
    store.save(replace(read["s7"][0], entries=2), read["s7"][1])
    store.save_all([(replace(health, entries=3), kept) for health, kept in read.values()])
    counts = {name: health.entries for name, (health, _) in store.load(read).items()}
    assert counts.pop("s7") == 2, "its reading is as good"
    assert set(counts.values()) == {3}


def test_a_source_that_says_nothing_new_is_written_down_every_half_hour(house: House) -> None:
    site = make_site(house.root, site=f"{SITE}sources:\n  news: {{feed: '{FEED}'}}\n  more: {{feed: '{FEED}2'}}\n")
    house.web.pages = {FEED: None, f"{FEED}2": None}

    def noted(minutes: int, **how: bool) -> list[float]:
        house.now = NOW + timedelta(minutes=minutes)
        reports = collect(site, house.table, house.web, house.now, **how)
        assert {report.health.checked for report in reports} == {house.now}, "a report says when, in any case"
        healths = HealthStore(house.table).load(["news", "more"]).values()
        return sorted((health.checked - NOW).total_seconds() / 60 for health, _ in healths if health.checked)

    assert [noted(minutes) for minutes in (0, 5, 25, 30, 35)] == [[0, 0], [0, 0], [0, 0], [30, 30], [30, 30]]
    assert noted(36, force=True) == [36, 36], "who asks by hand sees that it was asked"
    house.web.pages[FEED] = SourceError("answered 502")
    assert noted(40) == [36, 40], "what failed is noted at once"
    house.web.pages[FEED] = None
    assert noted(61) == [36, 61], "and so is that it is well again"


def test_where_some_were_not_reached_it_is_noted_who_was(house: House) -> None:
    """Else the same ones would be asked first again, and the others never."""
    site = make_site(house.root, site=f"{SITE}sources:\n  news: {{feed: '{FEED}'}}\n  slow: {{feed: '{FEED}2'}}\n")
    gate = threading.Event()
    gate.set()

    def web(location: str, known: Validators) -> Fetched:
        assert location == FEED or gate.wait(60)
        return Fetched(None, location, known)

    collect(site, house.table, web, NOW)
    gate.clear()
    try:
        collect(site, house.table, web, NOW + timedelta(minutes=5), seconds=0.5)
    finally:
        gate.set()
    healths = HealthStore(house.table).load(["news", "slow"])
    assert [healths[name][0].checked for name in ("news", "slow")] == [NOW + timedelta(minutes=5), NOW]
