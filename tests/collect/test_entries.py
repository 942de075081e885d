"""Entries in a table: who is who over time, what sources add to each other, and few transactions."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chalicelib.collect.entries import EntryStore
from chalicelib.collect.entry import Entry, EntryText, entry_from_json, entry_to_json
from chalicelib.collect.identity import entry_id, identities, slugify
from chalicelib.content.values import Kind
from chalicelib.store import Table, Write
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_database import Database

AT = datetime(2026, 3, 2, 10, 7, tzinfo=UTC)
DAYS = timedelta(days=1)


def entry(
    title: str, url: str = "", guid: str = "", *, at: datetime | None = AT, seen: datetime = AT,
    source: str = "web", language: str = "en", html: str = "", topics: tuple[str, ...] = (),
) -> Entry:  # fmt: skip
    url = f"https://a.example.org/{url}" if url else ""
    names = identities(source, guid=guid, urls=(url,) if url else (), slug="" if url or guid else slugify(title))
    return Entry(
        entry_id(names[0]), slugify(title), Kind.POST, source, {language: EntryText(title, url, html)}, seen, at,
        topics=topics, identities=names,
    )  # fmt: skip


@pytest.fixture
def table(tmp_path: Path) -> Iterator[SqliteTable]:
    database = Database(tmp_path / "table.db")
    yield SqliteTable(database)
    database.close()


def titles(table: Table) -> list[list[str]]:
    return [[text.title for text in kept.texts.values()] for kept in EntryStore(table).since(AT)]


def counts(table: Table, *found: Entry, complete: bool = False) -> tuple[int, int]:
    changes = EntryStore(table).keep(found, complete=complete)
    return changes.new, changes.changed


def test_all_that_may_change_at_once_repeats_nothing(table: SqliteTable) -> None:
    posts = [entry(f"Post {n}", f"p{n}", f"g{n}", html=f"<p>{n}</p>") for n in range(30)]
    assert counts(table, *posts) == (30, 0)
    ids = {kept.id for kept in EntryStore(table).since(AT)}
    later = [entry(f"Post {n}", f"p{n}?utm_source=x#y", f"h{n}", at=AT + n * DAYS, seen=AT + DAYS) for n in range(30)]
    assert counts(table, *later) == (0, 30)
    moved = [entry(f"Post {n}", f"moved/{n}", f"k{n}", seen=AT + 2 * DAYS) for n in range(30)]
    assert counts(table, *moved)[0] == 0
    assert {kept.id for kept in EntryStore(table).since(AT)} == ids
    assert counts(table, *moved) == (0, 0)


def test_a_guid_used_again_is_another_entry_and_loses_neither(table: SqliteTable) -> None:
    assert counts(table, entry("One", "one", "latest")) == (1, 0)
    assert counts(table, entry("Two", "two", "latest", at=AT + DAYS)) == (1, 0)
    assert counts(table, entry("Two, edited", "two-edited", "latest", at=AT + DAYS)) == (0, 1)  # the last one's GUID
    assert titles(table) == [["One"], ["Two, edited"]]


def test_guids_that_move_from_post_to_post_are_followed(table: SqliteTable) -> None:
    for top in range(12):
        seen = AT + top * timedelta(hours=1)
        listed = [
            entry(f"Post {n}", f"p{n}", f"{top - n}", at=AT + n * DAYS, seen=seen)
            for n in range(max(0, top - 4), top + 1)
        ]
        assert counts(table, *listed)[0] == 1
    assert titles(table) == [[f"Post {n}"] for n in range(12)]


def test_a_weekly_post_of_one_title_is_new_each_week(table: SqliteTable) -> None:
    for week in range(8):
        at = AT + 7 * week * DAYS
        assert counts(table, entry("Community call", f"call/{week}", f"c{week}", at=at, seen=at)) == (1, 0)
        assert counts(table, entry("Digest", "", f"d{week}", at=at, seen=at)) == (1, 0)
        assert counts(table, entry("Nameless", at=at, seen=at)) == (1, 0) if not week else True
    again = [entry("Community call", f"archive/{week}", f"x{week}", at=AT + 7 * week * DAYS) for week in range(8)]
    assert counts(table, *again) == (0, 8)


def test_a_new_entry_whose_id_is_taken_gets_another(table: SqliteTable) -> None:
    assert counts(table, entry("One", "", "g")) == (1, 0)
    assert counts(table, entry("Two", "", "g", at=AT + 9 * DAYS, seen=AT + 9 * DAYS)) == (1, 0)
    assert len({kept.id for kept in EntryStore(table).since(AT)}) == 2


def test_a_date_that_moves_on_stays_where_the_entry_was_first_seen(table: SqliteTable) -> None:
    for hour in range(5):
        moment = AT + timedelta(hours=hour)
        counts(table, entry("A", "a", "g", at=moment, seen=moment))
    (kept,) = EntryStore(table).since(AT)
    assert kept.published == AT
    counts(table, entry("A", "a", "g", at=AT - DAYS, seen=AT + DAYS))
    counts(table, entry("A", "a", "g", at=None, seen=AT + DAYS))
    (kept,) = EntryStore(table).since(AT)
    assert kept.published == AT - DAYS
    counts(table, entry("A", "a", "g", at=AT + DAYS), complete=True)  # an editor's own file is right
    (kept,) = EntryStore(table).since(AT)
    assert kept.published == AT + DAYS


def test_an_edit_by_one_source_keeps_the_language_of_the_other(table: SqliteTable) -> None:
    counts(table, entry("English", "a", source="posts", topics=("news",)), complete=True)
    counts(table, entry("Deutsch", "a", "g", language="de", topics=("web",)))
    counts(table, entry("English, edited", "a", source="posts", topics=("security",)), complete=True)
    (kept,) = EntryStore(table).since(AT)
    assert titles(table) == [["English, edited", "Deutsch"]]
    assert (kept.source, kept.topics, kept.lent) == ("posts", ("security", "web"), {"de": ("web", "web")})
    assert entry_from_json(entry_to_json(kept)) == kept
    counts(table, entry("Deutsch, neu", "a", "g", language="de"))
    assert titles(table) == [["English, edited", "Deutsch, neu"]]
    own = entry("English", "a", source="posts")
    german = replace(own, texts={**own.texts, "de": EntryText("Eigenes Deutsch", "")})
    counts(table, german, complete=True)
    counts(table, entry("Deutsch, neu", "a", "g", language="de"))
    assert titles(table) == [["English", "Eigenes Deutsch"]]


def test_what_a_complete_source_lent_goes_with_its_file(table: SqliteTable) -> None:
    counts(table, entry("English", "a", "g"))
    german = entry("Deutsch", "a", source="posts", language="de")
    counts(table, german, complete=True)
    store = EntryStore(table)
    assert store.withdraw_missing("posts", [german], AT) == 0
    assert store.withdraw_missing("posts", [], AT) == 1
    assert titles(table) == [["English"]]


def test_a_language_of_a_feed_on_a_page_of_its_own_stays(table: SqliteTable) -> None:
    pair = entry("English", "en/a", "g")
    urls = ("https://a.example.org/en/a", "https://a.example.org/de/a")
    both = replace(
        pair, texts={**pair.texts, "de": EntryText("Deutsch", urls[1])}, identities=identities("web", urls=urls)
    )
    counts(table, both)
    assert counts(table, entry("English 2", "en/a"), entry("Deutsch 2", "de/a", language="de")) == (0, 1)
    assert titles(table) == [["English 2", "Deutsch 2"]]
    counts(table, entry("English 3", "en/a"))
    assert titles(table) == [["English 3", "Deutsch 2"]]
    counts(table, entry("English 4", "en/a"), complete=True)
    assert titles(table) == [["English 4"]]


def test_a_language_that_was_wrong_does_not_stay_beside_the_right_one(table: SqliteTable) -> None:
    counts(table, entry("Deutsch", "a"))
    counts(table, entry("Deutsch", "a", language="de"))
    (kept,) = EntryStore(table).since(AT)
    assert list(kept.texts) == ["de"]


def test_guids_that_are_new_at_each_reading_do_not_pile_up(table: SqliteTable) -> None:
    for n in range(100):
        assert counts(table, entry("A", "a", f"g{n}"), entry("B", "", f"b{n}"))[0] == (2 if n == 0 else 0)
    assert max(len(kept.identities) for kept in EntryStore(table).since(AT)) <= 10


class Counting:
    """A table that counts its transactions, and may let another be first."""

    def __init__(self, table: Table, rival: Entry | None = None) -> None:
        self.table, self.rival, self.transactions = table, rival, 0
        self.get_many, self.query = table.get_many, table.query

    def transact(self, writes: Sequence[Write]) -> None:
        self.transactions += 1
        rival, self.rival = self.rival, None
        if rival:
            EntryStore(self.table).keep([rival])
        self.table.transact(writes)


def test_many_entries_take_few_transactions(table: SqliteTable) -> None:
    counting = Counting(table)
    posts = [entry(f"Post {n}", f"p{n}", f"g{n}") for n in range(200)]
    assert EntryStore(counting).keep(posts).new == 200  # type: ignore[arg-type]
    assert counting.transactions <= 10
    large = [entry(f"Large {n}", f"l{n}", html="x" * 290_000) for n in range(30)]
    assert EntryStore(counting).keep(large).new == 30  # type: ignore[arg-type]
    assert len(titles(table)) == 230


def test_where_another_was_first_the_rest_is_kept_and_that_one_is_not_doubled(table: SqliteTable) -> None:
    counting = Counting(table, rival=entry("Post 3", "p3", "g3"))
    posts = [entry(f"Post {n}", f"p{n}", f"g{n}", html="<p>x</p>") for n in range(6)]
    changes = EntryStore(counting).keep(posts)  # type: ignore[arg-type]
    assert (changes.new, changes.changed) == (5, 1)
    kept = list(EntryStore(table).since(AT))
    assert len(kept) == 6
    assert all(text.html for one in kept for text in one.texts.values())


def test_a_name_that_leads_nowhere_is_given_anew(table: SqliteTable) -> None:
    counts(table, entry("A", "a", "g"))
    place = next(iter(EntryStore(table)._items(AT, 1)))
    table.delete(place)
    assert counts(table, entry("A", "a", "g")) == (1, 0)
    assert titles(table) == [["A"]]
