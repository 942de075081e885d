"""Two editions in one mail: the guest's content below the host's, and what stands in both only once. Pure."""

from collections.abc import Collection
from dataclasses import replace

from chalicelib.collect.entry import Entry
from chalicelib.compose.edition import Content, EditionSection


def together(host: Content, guest: Content) -> Content:
    """The host's content with what the guest adds.

    What both show, the host does; what only one of them shows and the other counts as "more" is shown, not counted.
    """
    shown = frozenset(entry.id for entry in _shown(host))
    adds = frozenset(entry.id for entry in _shown(guest)) - shown
    highlight = guest.highlight if guest.highlight and guest.highlight.id in adds else None
    below = replace(guest, highlight=highlight, sections=tuple(_without(s, shown, shown) for s in guest.sections))
    return replace(host, sections=tuple(_without(s, (), adds) for s in host.sections), guest=below)


def _shown(content: Content) -> tuple[Entry, ...]:
    first = (content.highlight,) if content.highlight else ()
    return first + tuple(entry for section in content.sections for entry in section.entries)


def _without(section: EditionSection, entries: Collection[str], more: Collection[str]) -> EditionSection:
    """A section without some of its entries, and without some of those that are only counted."""
    return replace(
        section,
        entries=tuple(entry for entry in section.entries if entry.id not in entries),
        more=tuple(entry for entry in section.more if entry.id not in more),
    )
