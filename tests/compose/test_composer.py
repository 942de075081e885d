"""Composing: what goes in, once ever; who waits, who is held, who is skipped, and who was first."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.collect.entries import EntryStore
from chalicelib.collect.health import Health, HealthStore
from chalicelib.compose.composer import Composer
from chalicelib.compose.edition import State, content_from_json, content_to_json
from chalicelib.compose.editions import Edition, EditionStore, one_look
from chalicelib.compose.schedule import Slot
from chalicelib.content.values import Approval, EditionNote, Kind, Newsletter, Section, Site, Source, SourceKind
from chalicelib.deliver.control import Control
from chalicelib.errors import ConflictError
from chalicelib.store import Page
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_blobs import SqliteBlobs
from chalicelib.store.sqlite_database import Database
from tests.render.values import entry
from tests.simulation.world import DIGEST, MONDAY, SITE, SLOT

WEEK = timedelta(weeks=1)
ALERTS = Newsletter("alerts", {"*": "Alerts"}, trigger_topics=("security",), sections=(Section({}, rest=True),))


class Desk:
    def __init__(self, folder: Path) -> None:
        self.database = Database(folder / "desk.db")
        self.table, self.blobs = SqliteTable(self.database), SqliteBlobs(self.database)
        self.newsletter = DIGEST

    def site(self, **changes: Any) -> Site:
        return replace(SITE, newsletters={self.newsletter.name: self.newsletter}, **changes)

    def composer(self, note: EditionNote | None = None) -> Composer:
        notes = {(note.newsletter, note.slot): note} if note else {}
        return Composer(self.site(notes=notes), self.table, self.blobs)

    def keep(self, *numbers: int, at: datetime = MONDAY, **changes: Any) -> None:
        EntryStore(self.table).keep(
            [entry(n, **{"identities": (f"slug:blog:{n}",), "first_seen": at, **changes}) for n in numbers]
        )

    def tick(self, now: datetime, note: EditionNote | None = None) -> list[Edition]:
        return self.composer(note).tick(now)

    def editions(self) -> dict[str, Edition]:
        return {edition.slot: edition for edition in self.composer().editions.of(self.newsletter.name)}

    def slugs(self, slot: str = "2026-11-26") -> list[str]:
        return [e.slug for e in self.composer().editions.content(self.editions()[slot]).entries]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.database.close()


def test_a_draft_is_made_two_days_ahead_follows_the_news_and_is_let_go_at_its_slot(desk: Desk) -> None:
    desk.keep(1)
    assert desk.tick(MONDAY) == []
    (draft,) = desk.tick(SLOT - timedelta(hours=48))
    assert (draft.id, draft.state, len(draft.entries)) == ("digest/2026-11-26", State.DRAFT, 1)
    assert desk.tick(SLOT - timedelta(hours=47)) == [], "nothing changed"
    desk.keep(2, at=SLOT - timedelta(hours=2))
    assert [len(e.entries) for e in desk.tick(SLOT - timedelta(hours=1))] == [2]
    (gone,) = desk.tick(SLOT)
    assert gone.state is State.APPROVED
    desk.keep(3, at=SLOT + timedelta(hours=1))
    assert desk.tick(SLOT + timedelta(hours=2)) == []
    assert len(desk.slugs()) == 2, "what is approved says what it said"


def test_an_entry_stands_once_in_a_newsletter_ever(desk: Desk) -> None:
    desk.keep(1)
    desk.tick(MONDAY)
    desk.tick(SLOT)
    for week in range(1, 5):
        desk.tick(SLOT + week * WEEK)
    assert [(e.state, len(e.entries)) for e in desk.editions().values()] == [(State.APPROVED, 1)] + [
        (State.CANCELLED, 0)
    ] * 4
    assert "nothing new" in desk.editions()["2026-12-03"].why


def test_an_empty_edition_goes_out_where_it_is_wanted(desk: Desk) -> None:
    desk.newsletter = replace(DIGEST, skip_if_empty=False)
    desk.tick(MONDAY)
    assert [e.state for e in desk.tick(SLOT)] == [State.APPROVED]


def test_a_draft_that_loses_its_entries_is_skipped_at_its_slot(desk: Desk) -> None:
    desk.keep(1)
    desk.tick(MONDAY)
    desk.tick(SLOT - timedelta(hours=5))
    desk.keep(1, withdrawn=True)
    desk.tick(SLOT)
    assert (desk.editions()["2026-11-26"].state, desk.editions()["2026-11-26"].planned) == (State.CANCELLED, 0)


@pytest.mark.parametrize(
    ("late", "state"), [(timedelta(hours=6), State.APPROVED), (timedelta(hours=6, seconds=1), State.HELD)]
)
def test_an_overdue_edition_is_held_for_a_person(desk: Desk, late: timedelta, state: State) -> None:
    desk.keep(1)
    desk.tick(MONDAY)
    (edition,) = desk.tick(SLOT + late)
    assert edition.state is state
    assert ("6 hours ago" in edition.why) is (state is State.HELD)


def test_a_first_edition_reaches_back_one_interval_and_no_further(desk: Desk) -> None:
    started = datetime(2026, 11, 25, 8, tzinfo=UTC)
    desk.keep(1, at=started - timedelta(days=6))
    desk.keep(2, at=started - timedelta(days=8))
    desk.keep(3, at=started, published=SLOT + timedelta(days=1))
    desk.tick(started)
    assert desk.slugs() == ["entry-1"]


def test_a_newsletter_begun_after_a_slot_does_not_make_up_for_it(desk: Desk) -> None:
    desk.keep(1, at=SLOT)
    assert desk.tick(SLOT + timedelta(hours=7)) == []
    assert desk.editions() == {}


def test_an_editors_note_decides_subject_intro_highlight_exclusion_and_order(desk: Desk) -> None:
    desk.keep(1, 2, 3, 4)
    desk.keep(5, slug="2026-11-20-old-news")
    note = EditionNote(
        "digest", "2026-11-26", subject={"en": "Hello"}, intro={"en": "Dear **all**"}, highlight="entry-2",
        exclude=("old-news",), order=("https://example.org/4", f"{3:012x}"),
    )  # fmt: skip
    desk.tick(MONDAY)
    desk.tick(SLOT, note)
    content = desk.composer().editions.content(desk.editions()["2026-11-26"])
    assert [e.slug for e in content.entries] == ["entry-2", "entry-4", "entry-3", "entry-1"]
    assert content.subject == {"en": "Hello"}
    assert "<strong>all</strong>" in content.intro_html["en"]
    assert content_from_json(content_to_json(content)) == content
    desk.tick(SLOT + WEEK)
    assert desk.slugs("2026-12-03") == ["2026-11-20-old-news"], "excluded once, not for ever"


def test_a_note_alone_makes_an_edition(desk: Desk) -> None:
    desk.tick(MONDAY)
    desk.tick(SLOT, EditionNote("digest", "2026-11-26", intro={"en": "A word."}))
    assert desk.editions()["2026-11-26"].state is State.APPROVED


def test_words_of_a_note_that_mean_nothing_are_named(desk: Desk) -> None:
    desk.keep(1)
    composer = desk.composer(EditionNote("digest", "2026-11-26", highlight="typo", exclude=("entry-1",), order=("no",)))
    composer.started("digest", MONDAY)
    draft = composer.draft(DIGEST, Slot(SLOT, "2026-11-26"), MONDAY)
    assert draft.selection.unknown == (("highlight", "typo"), ("order", "no"))
    assert draft.empty


def test_a_draft_waits_for_editors_however_long_and_gives_way_to_the_next(desk: Desk) -> None:
    desk.newsletter = replace(DIGEST, approval=Approval.EDITORS)
    desk.keep(1)
    desk.tick(MONDAY)
    for hours in (0, 5, 7, 70):
        desk.tick(SLOT + timedelta(hours=hours))
        assert desk.editions()["2026-11-26"].state is State.DRAFT
    desk.tick(SLOT + WEEK - timedelta(hours=48))
    first, second = desk.editions()["2026-11-26"], desk.editions()["2026-12-03"]
    assert (first.state, first.claims_entries, second.state) == (State.CANCELLED, False, State.DRAFT)
    assert "not approved" in first.why
    assert (second.entries, second.number) == (first.entries, 1)


def test_an_approved_late_draft_goes_out_at_once(desk: Desk) -> None:
    desk.newsletter = replace(DIGEST, approval=Approval.EDITORS)
    desk.keep(1)
    desk.tick(MONDAY)
    desk.tick(SLOT)
    late = SLOT + timedelta(hours=30)
    edition = Control(desk.composer().editions).approve("digest/2026-11-26", late)
    assert (edition.state, edition.released) == (State.APPROVED, True)
    desk.tick(late)
    assert desk.editions()["2026-11-26"].state is State.APPROVED


def test_what_is_cancelled_before_anybody_got_it_stands_in_the_next(desk: Desk) -> None:
    desk.keep(1)
    desk.tick(MONDAY)
    desk.tick(SLOT - timedelta(hours=1))
    Control(desk.composer().editions).cancel("digest/2026-11-26", SLOT)
    desk.tick(SLOT)
    desk.tick(SLOT + WEEK)
    assert desk.slugs("2026-12-03") == ["entry-1"]


@pytest.mark.parametrize("round_", range(3))
def test_ticks_at_once_make_one_edition(desk: Desk, round_: int) -> None:
    desk.keep(*range(1, 9))
    desk.tick(MONDAY)
    barrier, errors = threading.Barrier(6), list[BaseException]()

    def tick() -> None:
        try:
            composer = desk.composer()
            barrier.wait()
            composer.tick(SLOT)
        except BaseException as error:  # noqa: BLE001 (shown below)
            errors.append(error)

    threads = [threading.Thread(target=tick) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    desk.tick(SLOT)
    assert errors == []
    assert [(e.state, len(e.entries)) for e in desk.editions().values()] == [(State.APPROVED, 8)]


def test_a_rule_that_has_ended_is_no_trouble(desk: Desk) -> None:
    assert DIGEST.schedule is not None
    ended = replace(DIGEST.schedule, rule="FREQ=WEEKLY;BYDAY=TH;UNTIL=20261126")
    desk.newsletter = replace(DIGEST, schedule=ended)
    desk.keep(1)
    desk.tick(MONDAY)
    desk.tick(SLOT)
    desk.keep(2, at=SLOT + WEEK)
    for week in range(1, 4):
        assert desk.tick(SLOT + week * WEEK) == []
    assert list(desk.editions()) == ["2026-11-26"]


def test_a_triggered_newsletter_announces_each_entry_once_at_once(desk: Desk) -> None:
    desk.newsletter = ALERTS
    desk.keep(2, 4, slug="2026-11-23-hole")
    desk.keep(1)  # not of its topic
    made = desk.tick(MONDAY + timedelta(minutes=5))
    assert sorted(e.state for e in made) == [State.APPROVED] * 2
    assert sorted(desk.editions()) == ["2026-11-23-hole", "2026-11-23-hole-000000"]
    for minutes in (6, 600, 6000):
        assert desk.tick(MONDAY + timedelta(minutes=minutes)) == []
    Control(desk.composer().editions).cancel("alerts/2026-11-23-hole", MONDAY)
    assert desk.tick(MONDAY + timedelta(days=9)) == [], "never twice, not even after a cancellation"


def test_a_triggered_newsletter_leaves_old_news_alone(desk: Desk) -> None:
    desk.newsletter = ALERTS
    desk.keep(2, at=MONDAY - timedelta(hours=25))
    desk.keep(4, at=MONDAY - timedelta(hours=23))
    assert len(desk.tick(MONDAY)) == 1


def test_racing_ticks_announce_an_entry_once(desk: Desk) -> None:
    desk.newsletter = ALERTS
    desk.keep(2, 4, 6, at=MONDAY)
    desk.composer().started("alerts", MONDAY)
    composers = [desk.composer() for _ in range(5)]
    threads = [threading.Thread(target=c.tick, args=(MONDAY,)) for c in composers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    desk.tick(MONDAY)
    assert sorted(e.entries for e in desk.editions().values()) == [(f"{n:012x}",) for n in (2, 4, 6)]
    assert {e.state for e in desk.editions().values()} == {State.APPROVED}


def test_events_stand_until_they_are_over_and_wait_for_a_section_of_their_own(desk: Desk) -> None:
    desk.newsletter = replace(
        DIGEST, sections=(Section({}, kind=Kind.EVENT, within=timedelta(days=10)), Section({}, rest=True))
    )
    desk.keep(1)
    desk.keep(2, kind=Kind.EVENT, starts=SLOT + timedelta(days=3))
    desk.keep(3, kind=Kind.EVENT, starts=SLOT + timedelta(days=12))
    desk.keep(4, kind=Kind.EVENT, starts=SLOT - timedelta(hours=1))
    desk.tick(MONDAY)
    desk.tick(SLOT)
    assert desk.slugs() == ["entry-2", "entry-1"]
    desk.tick(SLOT + WEEK)
    assert desk.slugs("2026-12-03") == ["entry-3"]


def test_a_draft_says_what_it_lacks_until_the_source_is_back(desk: Desk) -> None:
    desk.keep(1)
    store, source = HealthStore(desk.table), Source("blog", SourceKind.FEED, "https://blog.example.org/feed")

    def tick(hours: int) -> tuple[str, ...]:
        Composer(desk.site(sources=(source,)), desk.table, desk.blobs).tick(SLOT - timedelta(hours=hours))
        return desk.editions()["2026-11-26"].lacks

    assert tick(40) == ()
    store.save(Health("blog").failed("answered 503", SLOT), None)
    assert tick(30) == ("source 'blog' answered 503",)
    health, item = store.load(["blog"])["blog"]
    store.save(health.well(SLOT, 1, "", health.validators), item)
    assert tick(20) == ()


def test_one_look_reads_once_until_something_is_changed(desk: Desk) -> None:
    desk.keep(1)
    desk.tick(SLOT - timedelta(hours=48))
    reads = list[str]()

    class Counting(SqliteTable):
        def query(self, pk: str, **how: Any) -> Page:
            reads.append(pk)
            return super().query(pk, **how)

    store, other = (EditionStore(Counting(desk.database), desk.blobs) for _ in range(2))
    with one_look():
        (edition,) = store.of("digest")
        assert list(store.of("digest", newest_first=True)) == [edition]
        assert reads == ["EDITIONS#digest"]
        list(other.of("digest"))
        assert len(reads) == 2, "another table is another look"
        other.change(edition, why="a change, whoever makes it")
        assert [edition.why for edition in store.of("digest")] == ["a change, whoever makes it"]
        with pytest.raises(ConflictError):
            store.change(edition, why="late")
        list(store.of("digest"))
        assert len(reads) == 4, "who was late looks again"
        store.claim_slot(replace(edition, slot="2026-12-03", item=None))
        assert [edition.slot for edition in store.of("digest")] == ["2026-11-26", "2026-12-03"]
        assert [edition.slot for edition in store.of("digest", newest_first=True)] == ["2026-12-03", "2026-11-26"]
    list(store.of("digest"))
    list(store.of("digest"))
    assert len(reads) == 7, "outside, each looks for itself"
