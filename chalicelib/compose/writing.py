"""A draft as a Markdown file that editors reorder, cut and annotate: the way back is content/arrangement.py. Pure."""

from collections.abc import Iterator
from dataclasses import replace

from chalicelib.collect.entry import Entry
from chalicelib.compose.drafting import Draft
from chalicelib.compose.edition import EditionSection
from chalicelib.compose.select import takes
from chalicelib.content.arrangement import MARKER
from chalicelib.content.markup import one_line
from chalicelib.content.values import Newsletter, Site, localize

_HEAD = """\
---
subject: ''                                 # empty: made from the first entry's title
---
"""
_ENTRIES = (
    MARKER
    + """: one line each, in the order they go out. Reorder and cut lines, write your own headings;
what you write below a line, indented, stands with the entry. What you cut waits for the next edition;
'exclude: [id]' between the --- lines keeps it out for good. News that comes later waits as well. -->
"""
)


def write_note(draft: Draft, newsletter: Newsletter, site: Site, existing: str = "") -> str:
    """The file of a note that makes the very edition of the draft. ``existing`` is what the note says so far."""
    head = existing.rstrip("\n") + "\n" if existing.strip() else _HEAD
    parts = [head, _ENTRIES]
    for section in _with_highlight(draft, newsletter):
        title = localize(section.title, site.fallback, site.fallback).strip()
        lines = [_line(entry, site) for entry in (*section.entries, *section.more)]
        parts.append("\n".join([f"## {title}", "", *lines] if title else lines) + "\n")
    return "\n".join(parts)


def _with_highlight(draft: Draft, newsletter: Newsletter) -> Iterator[EditionSection]:
    """The draft's sections, with the highlight back where it was taken from: a rule or a name finds it again."""
    left, highlight = list(draft.content.sections), draft.content.highlight
    for section in newsletter.sections:
        found = next((s for s in left if s.title == section.title), EditionSection(section.title, ()))
        left = [s for s in left if s is not found]
        if highlight and takes(section, highlight, draft.content.slot_at):
            found, highlight = replace(found, entries=(highlight, *found.entries)), None
        if found.entries or found.more:
            yield found
    if highlight:
        yield EditionSection({}, (highlight,))


def _line(entry: Entry, site: Site) -> str:
    """``- `id` [title](url) (2026-11-16; en, de)``: all that follows the id is for people."""
    tag, text = entry.text(site.fallback, site.fallback)
    title = one_line(text.title).replace("[", "(").replace("]", ")")
    day = f"{(entry.starts or entry.date).astimezone(site.time_zone):%Y-%m-%d}"
    tags = ", ".join([tag, *(other for other in entry.texts if other != tag)])
    return f"- `{entry.id}` {f'[{title}]({text.url})' if text.url else title} ({day}; {tags})"
