"""An edition as editors arranged it: their entries in their order, as far as each may still go out. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from chalicelib.collect.entry import Entry
from chalicelib.compose.edition import EditionSection, reminder
from chalicelib.compose.select import Selection, Window, capped, highlight_of, is_over
from chalicelib.content.values import ANY_LANGUAGE, EditionNote, Layout, Localized, Newsletter, NoteSection


def arrange(
    entries: Iterable[Entry],
    newsletter: Newsletter,
    note: EditionNote,
    sections: Sequence[NoteSection],
    window: Window,
    limits: Mapping[str, int],
) -> Selection:
    """The sections of a note. ``entries`` are all that are known.

    Left out is what nothing is known of, what is over, and what stood in an earlier edition; what is due
    before the next one may stand once more, as a reminder. Of a source that has more lines than its limit the
    first are shown.
    """
    known = {entry.id: entry for entry in entries}
    made, unknown, published, reminders = [], list[tuple[str, str]](), list[tuple[str, str, str]](), list[str]()
    for section in sections:
        kept = []
        for line in section.entries:
            entry = known.get(line.id)
            if entry is None:
                unknown.append(("entries", line.id))
            elif where := window.stood_in(entry):
                if entry.starts and reminder(entry) not in window.offered and not is_over(entry, window.slot):
                    reminders.append(entry.id)
                    kept.append(entry)
                else:
                    published.append(("entries", line.id, where))
            elif not is_over(entry, window.slot):
                kept.append(entry)
        title, layout = _own(section.title, newsletter)
        made.append(EditionSection(title, tuple(kept), layout=layout))
    highlight = _highlight(known.values(), made, newsletter, note, window)
    shown = capped([_without(section, highlight) for section in made], highlight, limits)
    left = tuple(section for section in shown if section.entries or section.more)
    return Selection(left, highlight, tuple(unknown), tuple(published), tuple(reminders))


def _highlight(
    entries: Iterable[Entry],
    sections: Sequence[EditionSection],
    newsletter: Newsletter,
    note: EditionNote,
    window: Window,
) -> Entry | None:
    """One of the lines, else what the note names beside them, where that was not published before."""
    lines = [entry for section in sections for entry in section.entries]
    if found := highlight_of(lines, newsletter, note):
        return found
    others = [e for e in entries if note.highlight and not window.stood_in(e) and not is_over(e, window.slot)]
    return highlight_of(others, newsletter, note)


def _without(section: EditionSection, highlight: Entry | None) -> EditionSection:
    return replace(section, entries=tuple(entry for entry in section.entries if entry != highlight))


def _own(heading: str, newsletter: Newsletter) -> tuple[Localized, Layout]:
    """The newsletter's own titles in all languages and its layout, where the heading is one of them."""
    for section in newsletter.sections:
        if heading.casefold() in {title.casefold() for title in section.title.values()}:
            return section.title, section.layout
    return ({ANY_LANGUAGE: heading} if heading else {}), Layout()
