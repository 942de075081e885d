"""Editions by the API: listed, looked up with their books, and what a person decides about them.

A tick does what follows from a decision (planning, queueing, closing the books); the API sends nothing.
"""

from collections.abc import Iterator
from heapq import merge
from itertools import dropwhile, islice
from typing import Any

from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.deliver.audit import note
from chalicelib.deliver.books import add_up
from chalicelib.deliver.chunks import ChunkStore
from chalicelib.deliver.control import Control
from chalicelib.errors import UsageError
from chalicelib.web.api.calls import Call, Reply


def listed(call: Call) -> Reply:
    """The newest first; of those still being sent the books are only in ``get``."""
    asked, most = call.query.get("newsletter"), call.query["limit"]
    names = [call.newsletter(asked, "newsletter").name] if asked else list(call.runtime.site.newsletters)
    state, store = call.query.get("state"), _store(call)
    editions: Iterator[Edition] = merge(
        *(store.of(name, newest_first=True) for name in names), key=_order, reverse=True
    )
    if (cursor := call.query.get("cursor")) is not None:
        editions = _from(editions, cursor)
    wanted = (one for one in editions if state is None or one.state == state)
    found = list(islice(wanted, most))
    more = len(found) == most and next(wanted, None) is not None
    rows = [edition_row(one, dict(one.totals) or None) for one in found]
    return Reply(200, {"items": rows, "cursor": found[-1].id if more else None})


def _from(editions: Iterator[Edition], cursor: str) -> Iterator[Edition]:
    newsletter, _, slot = cursor.partition("/")
    if not slot:
        raise UsageError("This cursor is none.", "Give back a cursor as it was given.")
    return dropwhile(lambda one: _order(one) >= (slot, newsletter), editions)


def _order(edition: Edition) -> tuple[str, str]:
    return edition.slot, edition.newsletter


def get(call: Call) -> Reply:
    """One edition with its books as they stand."""
    edition = _store(call).find(_id(call))
    return Reply(200, edition_row(edition, _books(call, edition)))


def decide(call: Call) -> Reply:
    """Approve, hold, pause, resume or cancel, as the commands do."""
    control, verb, why = Control(_store(call)), call.name.removesuffix("Edition"), call.text("why")
    move = getattr(control, verb)
    edition = move(_id(call), call.now, why) if verb in {"hold", "pause", "cancel"} else move(_id(call), call.now)
    note(call.runtime.table, call.now, call.how, verb, edition.id, why)
    return Reply(200, edition_row(edition, _books(call, edition)))


def edition_row(edition: Edition, books: dict[str, int] | None) -> dict[str, Any]:
    """An edition for programs."""
    return {
        "id": edition.id,
        "newsletter": edition.newsletter,
        "slot": edition.slot,
        "slot_at": edition.slot_at.isoformat(),
        "state": str(edition.state),
        "why": edition.why,
        "number": edition.number,
        "subject": dict(edition.subject),
        "entries": len(edition.entries),
        "books": books,
        "changed": edition.changed.isoformat() if edition.changed else None,
    }


def _books(call: Call, edition: Edition) -> dict[str, int] | None:
    """The books, None before recipients are frozen."""
    if edition.totals:
        return dict(edition.totals)
    if not edition.chunks:
        return None
    chunks = ChunkStore(call.runtime.table, call.runtime.blobs)
    return add_up(edition.planned, (held.ledger for _, held in chunks.ledgers(edition.id))).as_dict()


def _id(call: Call) -> str:
    return f"{call.parts['newsletter']}/{call.parts['slot']}"


def _store(call: Call) -> EditionStore:
    return EditionStore(call.runtime.table, call.runtime.blobs)
