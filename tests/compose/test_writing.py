"""A draft as a file: what is written is read back as the very same edition, whatever titles hold."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.collect.entry import EntryText
from chalicelib.compose.drafting import compose
from chalicelib.compose.edition import Content
from chalicelib.compose.schedule import Slot
from chalicelib.compose.select import Window
from chalicelib.compose.writing import write_note
from chalicelib.content.load import load_site
from chalicelib.content.values import EditionNote, Kind, Newsletter, Section, Site, Source, SourceKind
from tests.compose.test_again import SECTIONS, Room, dated
from tests.render.values import entry
from tests.render.values import site as make_site
from tests.simulation.world import DIGEST, MONDAY, SLOT
from tests.sites import SITE, WEEKLY, write_site

SOURCES = (Source("blog", SourceKind.FEED, "x", limit=2), Source("planet", SourceKind.FEED, "y"))
THURSDAY = Slot(SLOT, "2026-11-26")
TITLES = st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


def read_back(text: str, root: Path) -> EditionNote:
    """The note as the site's loader reads it."""
    write_site(root, {"newsletters/digest.yaml": WEEKLY, "editions/digest/2026-11-26.md": text}, site=SITE)
    loaded = load_site(root)
    assert loaded.problems == ()
    return loaded.require().notes["digest", "2026-11-26"]


def make(site: Site, newsletter: Newsletter, entries: list[object], note: EditionNote | None) -> Content:
    window = Window(SLOT, MONDAY, site.time_zone)
    return compose(site, newsletter, THURSDAY, entries, note, window, 1).content  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    titles=st.lists(TITLES, min_size=1, max_size=8),
    kinds=st.lists(st.sampled_from(list(Kind)), min_size=8, max_size=8),
    rule=st.sampled_from(["", "latest", "latest security"]),
    section=st.sampled_from(
        [SECTIONS, (Section({}, rest=True),), (*SECTIONS, Section({"*": "News"}, topics=("news",)))]
    ),
    order=st.permutations(["entry-1", "entry-2", "entry-3"]),
)
def test_what_is_written_is_the_very_same_edition(
    titles: list[str], kinds: list[Kind], rule: str, section: tuple[Section, ...], order: list[str], tmp_path: Path
) -> None:
    site = make_site(Path("nowhere"), sources=SOURCES)
    newsletter = replace(DIGEST, sections=section, highlight=rule)
    entries: list[object] = []
    for number, (title, kind) in enumerate(zip(titles, kinds, strict=False), 1):
        texts = {"en": EntryText(title, "https://example.org/a(b)[c]" if number % 2 else "", "<p>x</p>")}
        made = {"texts": texts, "first_seen": MONDAY, "source": "blog" if number % 3 else "planet"}
        entries.append(entry(number, **made) if kind is Kind.POST else dated(number, kind, SLOT, all_day=True, **made))
    note = EditionNote("digest", "2026-11-26", order=tuple(order))
    for before in (None, note):
        content = make(site, newsletter, entries, before)
        window = Window(SLOT, MONDAY, site.time_zone)
        draft = compose(site, newsletter, THURSDAY, entries, before, window, 1)  # type: ignore[arg-type]
        written = read_back(write_note(draft, newsletter, site), tmp_path)
        assert make(site, newsletter, entries, written) == content


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    made.database.close()


def test_what_the_note_says_so_far_stays(room: Room, tmp_path: Path) -> None:
    room.keep(1)
    room.tick(MONDAY)
    draft = room.composer().draft(room.newsletter, THURSDAY, SLOT)
    before = "---\nsubject: Hello      # a comment\nexclude: [nothing]\n---\nWords of ours.\n"
    text = write_note(draft, room.newsletter, room.site(), before)
    assert text.startswith(before)
    note = read_back(text, tmp_path / "site")
    assert (note.subject, note.intro, note.exclude) == ({"*": "Hello"}, {"en": "Words of ours."}, ("nothing",))
    assert note.sections
    assert [(s.title, [e.id for e in s.entries]) for s in note.sections] == [("News", [f"{1:012x}"])]
    assert "- `000000000001` [Title 1](https://example.org/1) (2026-11-23; en, de)" in text


def test_reminders_are_written_and_read_as_such(room: Room, tmp_path: Path) -> None:
    room.store(dated(1, Kind.DEADLINE, SLOT.replace(month=12, day=4)))
    room.run(1)
    slot = Slot(SLOT.replace(month=12, day=3), "2026-12-03")
    draft = room.composer().draft(room.newsletter, slot, slot.at)
    assert draft.content.reminders == (f"{1:012x}",)
    note = read_back(write_note(draft, room.newsletter, room.site()), tmp_path / "site")
    room.notes["digest", "2026-12-03"] = replace(note, slot="2026-12-03")
    again = room.composer().draft(room.newsletter, slot, slot.at)
    assert again.content == draft.content
