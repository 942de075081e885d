"""Editions that something is still to be done with: whoever takes their newsletter away leaves them standing."""

from collections.abc import Iterable, Iterator

from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition, EditionStore

_OPEN = frozenset({State.DRAFT, State.APPROVED, State.SENDING, State.HELD})


def unfinished(editions: EditionStore, newsletters: Iterable[str]) -> Iterator[Edition]:
    """Those of the newsletters that are to go out, wait for a person, or were cancelled with their books still open."""
    for name in sorted(newsletters):
        yield from (edition for edition in editions.of(name) if _open(edition))


def _open(edition: Edition) -> bool:
    cancelled = edition.state is State.CANCELLED and edition.chunks > 0 and not edition.totals
    return edition.state in _OPEN or cancelled
