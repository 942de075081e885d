"""A newsletter's life under a clock that jumps: what appears when, what is skipped, what never stands anywhere."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chalicelib.collect.fetch import Fetched, Validators, fetcher
from chalicelib.collect.found import SourceError
from chalicelib.compose.edition import State
from chalicelib.compose.simulation import AS_IF_APPROVED, Simulation, Simulator
from chalicelib.content.values import Approval, Site
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_blobs import SqliteBlobs
from chalicelib.store.sqlite_database import Database
from tests.sites import FOLDER, SITE, WEEKLY, make_site, post

Files = dict[str, str | bytes]
FEED = """<rss version="2.0"><channel><title>F</title>
<item><guid>1</guid><link>https://feed.example.org/1</link><title>One</title>
<pubDate>Tue, 10 Nov 2026 08:00:00 +0000</pubDate></item>
<item><guid>2</guid><link>https://feed.example.org/2</link><title>Undated</title></item></channel></rss>"""
ALERTS = "title: Alerts\ntrigger: {topics: [security]}\n"
BOTH: Files = {"newsletters/n.yaml": WEEKLY, "newsletters/alerts.yaml": ALERTS}
BLOG = "  blog: {feed: 'https://feed.example.org/feed'}\n"


class World:
    def __init__(self, folder: Path, database: Database) -> None:
        self.folder, self.database, self.asked = folder, database, list[str]()

    def site(self, files: Files, site: str = SITE + FOLDER) -> Site:
        return make_site(self.folder / "site", {**BOTH, **files}, site=site)

    def run(
        self, site: Site, newsletter: str = "n", *, start: str = "2026-11-01", end: str = "2026-11-30"
    ) -> Simulation:
        table, blobs = SqliteTable(self.database), SqliteBlobs(self.database)
        moments = (datetime.fromisoformat(day).replace(tzinfo=site.time_zone) for day in (start, end))
        return Simulator(site, site.newsletters[newsletter], table, blobs, self.fetch).run(*moments)

    def fetch(self, location: str, _known: Validators) -> Fetched:
        self.asked.append(location)
        if "down" in location:
            raise SourceError("answered 503")
        return Fetched(FEED.encode(), location)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(tmp_path / "simulated.db")
    yield World(tmp_path, database)
    database.close()


def held(played: Simulation) -> dict[str, list[str]]:
    return {e.slot: [x.texts["en"].title for x in c.entries] for e, c in played.editions if c}


def test_posts_appear_at_their_dates_once_and_empty_slots_are_skipped_with_why(world: World) -> None:
    site = world.site({
        "posts/en/2026-11-05-a.md": post("A"), "posts/en/2026-11-06-b.md": post("B"),
        "posts/en/2026-11-26-c.md": post("C", date="2026-11-26 10:01"), "posts/en/2027-01-01-d.md": post("D"),
        "posts/en/2026-10-01-old.md": post("Old"), "posts/en/2026-10-27-recent.md": post("Recent"),
    })  # fmt: skip
    played = world.run(site)
    assert held(played) == {"2026-11-05": ["A", "Recent"], "2026-11-12": ["B"]}
    assert [(e.slot, e.state, e.why) for e, c in played.editions if c is None] == [
        (slot, State.CANCELLED, "nothing new since the last edition") for slot in ("2026-11-19", "2026-11-26")
    ]
    assert played.never_offered == (), "C waits for the next slot"
    assert {e.state for e, c in played.editions if c} == {State.SENT}


def test_what_no_section_or_note_lets_in_is_told_with_why(world: World) -> None:
    security = WEEKLY.replace("{title: News, rest: true}", "{title: S, topics: [security]}")
    site = world.site({
        "newsletters/n.yaml": security, "posts/en/2026-11-04-a.md": post("A"),
        "posts/en/2026-11-04-b.md": post("B", category="security"),
        "posts/en/2026-11-04-c.md": post("C", category="security"),
        "editions/n/2026-11-05.md": "---\nexclude: c\n---\n",
    })  # fmt: skip
    played = world.run(site)
    assert held(played) == {"2026-11-05": ["B"]}
    assert [(g.entry.slug, g.why) for g in played.never_offered] == [
        ("2026-11-04-a", "no section takes it"), ("2026-11-04-c", "excluded by an editor's note"),
    ]  # fmt: skip


def test_a_triggered_newsletter_announces_each_at_its_moment_and_only_its_topics_are_missed(world: World) -> None:
    site = world.site({
        "posts/en/2026-11-04-a.md": post("A"),
        "posts/en/2026-11-05-b.md": post("B", date="2026-11-05 17:30", category="security"),
    })  # fmt: skip
    played = world.run(site, "alerts")
    assert held(played) == {"2026-11-05-b": ["B"]}
    assert [e.slot_at for e, _ in played.editions] == [datetime(2026, 11, 5, 16, 30, tzinfo=UTC)]
    assert played.never_offered == ()


def test_each_source_is_fetched_once_and_one_that_is_down_is_named(world: World) -> None:
    site = world.site({}, SITE + "sources:\n" + BLOG + "  gone: {feed: 'https://down.example.org/'}\n")
    played = world.run(site)
    assert held(played) == {"2026-11-12": ["One"]}
    assert sorted(world.asked) == ["https://down.example.org/", "https://feed.example.org/feed"]
    (problem,) = played.problems
    assert (problem.line, "'gone' answered 503" in problem.message) == (12, True)


def test_an_edition_that_waits_for_editors_goes_out_as_if_approved(world: World) -> None:
    site = world.site({"posts/en/2026-11-05-a.md": post("A")})
    newsletter = replace(site.newsletters["n"], approval=Approval.EDITORS)
    played = world.run(replace(site, newsletters={"n": newsletter}))
    assert [(e.state, e.why) for e, c in played.editions if c] == [(State.SENT, AS_IF_APPROVED)]


def test_a_year_of_events_to_come_is_told_in_time(world: World, tmp_path: Path) -> None:
    """The calendar is read again at every slot: what lies beyond its horizon today is seen when it comes near."""
    newsletter = WEEKLY.replace("[{title: News", "[{title: Dates, kind: event, within: 7d}, {title: News")
    calendar = (
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//x//\nBEGIN:VEVENT\nUID:a@example.org\nSUMMARY:Monthly\n"
        "DTSTART:20261105T170000Z\nRRULE:FREQ=MONTHLY;COUNT=12\nEND:VEVENT\nEND:VCALENDAR\n"
    ).replace("\n", "\r\n")
    site = world.site(
        {"newsletters/n.yaml": newsletter, "dates.ics": calendar}, SITE + "sources: {c: {calendar: dates.ics}}\n"
    )
    table, blobs = SqliteTable(world.database), SqliteBlobs(world.database)
    simulator = Simulator(site, site.newsletters["n"], table, blobs, fetcher(site.root, ""))
    played = simulator.run(datetime(2026, 11, 1, tzinfo=UTC), datetime(2027, 12, 1, tzinfo=UTC))
    starts = [entry.starts for _, content in played.editions if content for entry in content.entries]
    assert len(starts) == 12
    assert [moment.month for moment in starts if moment] == [11, 12, *range(1, 11)]


def test_news_after_the_last_slot_of_all_is_never_offered(world: World) -> None:
    ended = WEEKLY.replace("BYDAY=TH", "BYDAY=TH;UNTIL=20261112")
    site = world.site({
        "newsletters/n.yaml": ended, "posts/en/2026-11-05-a.md": post("A"), "posts/en/2026-11-13-b.md": post("B"),
    })  # fmt: skip
    played = world.run(site)
    assert held(played) == {"2026-11-05": ["A"]}
    assert [(gap.entry.slug, gap.why[:19]) for gap in played.never_offered] == [("2026-11-13-b", "no edition was made")]
