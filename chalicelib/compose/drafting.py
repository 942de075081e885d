"""Composing: entries, an editor's note and what went before become the content of one edition. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from chalicelib.collect.entry import Entry
from chalicelib.compose.arranged import arrange
from chalicelib.compose.edition import Content
from chalicelib.compose.schedule import Slot
from chalicelib.compose.select import Selection, Window, answers, due_again, eligible, select
from chalicelib.compose.told import as_news
from chalicelib.content.markup import markdown_to_html
from chalicelib.content.values import EditionNote, Localized, Newsletter, Site


@dataclass(frozen=True, slots=True)
class Draft:
    """An edition as it would be now, before anything is stored."""

    content: Content
    selection: Selection
    lacks: tuple[str, ...] = ()
    """Which sources could not be read: what they have is missing."""

    @property
    def empty(self) -> bool:
        """Neither an entry nor a word of an editor."""
        return not self.content.entries and not any(self.content.intro_html.values())


def compose(
    site: Site,
    newsletter: Newsletter,
    slot: Slot,
    entries: Sequence[Entry],
    note: EditionNote | None,
    window: Window,
    number: int,
) -> Draft:
    """The edition of a slot from all ``entries`` that are known. Pure."""
    news = as_news(entries, window.offered, window.slot)
    selection = _select(site, newsletter, news, note, window)
    base = f"{site.base_url}/"
    content = Content(
        newsletter=newsletter.name,
        slot=slot.name,
        slot_at=slot.dated,
        number=number,
        template=newsletter.template,
        sections=selection.sections,
        highlight=selection.highlight,
        subject=note.subject if note else {},
        intro_html=_html(note.intro, base) if note else {},
        remarks=_remarks(note, base) if note else {},
        reminders=selection.reminders,
    )
    return Draft(content, selection)


def _select(
    site: Site, newsletter: Newsletter, entries: Sequence[Entry], note: EditionNote | None, window: Window
) -> Selection:
    limits = {source.name: source.limit for source in site.sources}
    if note and note.sections is not None:
        chosen = arrange(entries, newsletter, note, note.sections, window, limits)
    else:
        mine = eligible(entries, newsletter, site, window)
        theirs = None if newsletter.topics is None else set(newsletter.topics)
        again = [entry for entry in due_again(entries, window) if theirs is None or theirs & set(entry.topics)]
        chosen = select(mine, newsletter, note, window, again=again, limits=limits)
    return _with_published(chosen, entries, window)


def _with_published(chosen: Selection, entries: Iterable[Entry], window: Window) -> Selection:
    """A name that only an entry of an earlier edition answers to is no unknown one: say where it stood."""
    stood = [(entry, where) for entry in entries if (where := window.stood_in(entry))] if chosen.unknown else []
    found = [
        (key, name, where)
        for key, name in chosen.unknown
        if (where := next((where for entry, where in stood if answers(entry, name)), ""))
    ]
    named = {(key, name) for key, name, _ in found}
    unknown = tuple(pair for pair in chosen.unknown if pair not in named)
    return replace(chosen, unknown=unknown, published=(*chosen.published, *found))


def _remarks(note: EditionNote, base: str) -> dict[str, Localized]:
    lines = (line for section in note.sections or () for line in section.entries)
    return {line.id: _html(line.remark, base) for line in lines if line.remark}


def _html(texts: Localized, base: str) -> Localized:
    return {tag: markdown_to_html(text, base) for tag, text in texts.items()}
