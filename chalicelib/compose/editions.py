"""Editions in the table: one item for each newsletter and slot, changed only by conditional writes."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from chalicelib.compose.edition import Content, State, check_transition, content_from_json, content_to_json
from chalicelib.errors import ConflictError, InvalidKeyError, NotFoundError, StoreError
from chalicelib.store import Blobs, Item, Key, Replace, Table, Write, every


@dataclass(frozen=True, slots=True)
class Edition:
    """The record of one edition. ``planned`` is None until its recipients are frozen.

    ``cursor`` is where planning stands; ``why`` says in words why it is held, cancelled or skipped.
    ``was_sending`` remembers that a held edition had begun; ``released`` that a person let it go out,
    however late. ``totals`` are the final books; ``queued`` is when its chunks were last put in the queue
    (epoch seconds by the wall clock, 0 for never). ``content`` names the blob with what it says.
    ``entries`` are the names under which its entries count as offered, one for each; ``implied`` ones are offered
    with them. A ``gathering`` repeats what others held, for readers of the monthly cadence. ``lacks`` says which
    sources could not be read for it.
    """

    newsletter: str
    slot: str
    slot_at: datetime
    state: State
    number: int = 0
    entries: tuple[str, ...] = ()
    why: str = ""
    planned: int | None = None
    totals: Mapping[str, int] = field(default_factory=dict)
    queued: float = 0.0
    queued_to: int = 0
    """The chunks before this one have been put in the queue."""
    chunks: int = 0
    cursor: str = ""
    was_sending: bool = False
    released: bool = False
    content: str = ""
    proofed: bool = False
    changed: datetime | None = None
    subject: Mapping[str, str] = field(default_factory=dict)
    gathering: bool = False
    lacks: tuple[str, ...] = ()
    implied: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    """What it was held for by the lint of its mails, as digests: who let it go again has seen these."""
    filters: tuple[str, ...] = ()
    """What its recipients were frozen by: the newsletter's filter and its note's, '' for none; empty before that."""
    waits: str = ""
    """Why it stands still for now while it is being sent, in words; '' while it moves."""
    halted: str = ""
    """Who stopped it in mid-send, if no person did: ``brake`` or ``provider``; '' once a person let it go on."""
    halts: int = 0
    """How often it was stopped so: what a person let pass is not held against it again."""
    sent_before: int = -1
    """To how many it had been sent when it was opened again for those in doubt; -1 where it never was."""
    read: datetime | None = None
    """When the site's own zone reads it, where each reader gets it at this local time of their own; else None."""
    guest: str = ""
    """The edition whose content stands in its mails to the readers of both (`merge: true`)."""
    host: str = ""
    """The edition in whose mails its own content stands, to the readers of both."""
    tick: str = ""
    """The id of the tick that planned it, by which logs tell what belongs together; '' where none is known."""
    item: Item | None = None

    @property
    def version(self) -> int:
        """Of its item, which is another after each change; 0 where it has none yet."""
        return self.item.version if self.item else 0

    @property
    def dated(self) -> datetime:
        """The moment that it says of itself; where each reader has a time of their own, ``slot_at`` is the first's."""
        return self.read or self.slot_at

    @property
    def id(self) -> str:
        """``<newsletter>/<slot>``."""
        return f"{self.newsletter}/{self.slot}"

    @property
    def claims_entries(self) -> bool:
        """Whether its entries count as offered: all but those of an edition cancelled before anybody got it.

        While the books of a cancelled edition are open, a wave may be in the air: they count.
        """
        if self.state is not State.CANCELLED:
            return True
        if self.host and self.chunks:
            return True  # the host's readers may have it
        return self.chunks > 0 and (not self.totals or any(self.totals[part] for part in ("sent", "in_doubt")))


_looked: ContextVar[dict[tuple[Table, str], list[Edition]] | None] = ContextVar("looked", default=None)


@contextmanager
def one_look() -> Iterator[None]:
    """Meanwhile each newsletter's editions are read once, and anew only after one of them was changed in here.

    For whoever asks for all of them several times within moments: nobody's reading is older than the first one. Whoever
    acts on one does it under the version that was read.
    """
    token = _looked.set({})
    try:
        yield
    finally:
        _looked.reset(token)


class EditionStore:
    """All editions; their content lies in blobs, since it may be larger than an item."""

    def __init__(self, table: Table, blobs: Blobs) -> None:
        self._table, self._blobs = table, blobs

    def get(self, newsletter: str, slot: str) -> Edition | None:
        """One edition, or None, also where no edition can have such a name."""
        try:
            item = self._table.get(_key(newsletter, slot))
        except InvalidKeyError:
            return None
        return _read(item) if item else None

    def find(self, edition_id: str) -> Edition:
        """One edition by ``newsletter/slot``. Raises NotFoundError."""
        newsletter, _, slot = edition_id.partition("/")
        edition = self.get(newsletter, slot) if slot else None
        if edition is None:
            raise NotFoundError(
                f"There is no edition '{edition_id}'.",
                "Name it like community-digest/2026-11-26; 'sendbrief status' lists all.",
            )
        return edition

    def of(self, newsletter: str, *, newest_first: bool = False) -> Iterator[Edition]:
        """All editions of a newsletter by slot."""
        looked = _looked.get()
        if looked is None:
            for item in every(self._table, f"EDITIONS#{newsletter}", reverse=newest_first):
                yield _read(item)
            return
        key = (self._table, newsletter)
        if key not in looked:
            looked[key] = [_read(item) for item in every(self._table, f"EDITIONS#{newsletter}")]
        yield from looked[key][:: -1 if newest_first else 1]

    def claim_slot(self, edition: Edition) -> Edition:
        """Make a new edition; the slot's lock. Raises ConflictError where another tick was first."""
        _look_again()
        return replace(edition, item=self._table.insert(_key(edition.newsletter, edition.slot), _write(edition)))

    def change(self, edition: Edition, also: Sequence[Write] = (), **changes: Any) -> Edition:
        """Change fields under the version that was read, with other writes or not at all. Raises ConflictError."""
        if edition.item is None:
            raise ValueError("only an edition read from the store can be changed")
        _look_again()
        new = replace(edition, **changes)
        if not also:
            return replace(new, item=self._table.replace(edition.item, _write(new)))
        self._table.transact([Replace(edition.item, _write(new)), *also])
        item = replace(edition.item, data=_write(new), version=edition.item.version + 1)
        return replace(new, item=item)

    def write(self, edition: Edition, **changes: Any) -> Write:
        """The same as a write, to go with another edition's change. It conflicts as ``change`` does."""
        if edition.item is None:
            raise ValueError("only an edition read from the store can be changed")
        return Replace(edition.item, _write(replace(edition, **changes)))

    def move(self, edition: Edition, state: State, now: datetime, *, why: str = "", **changes: Any) -> Edition:
        """Go to another state under the version that was read.

        Raises IllegalTransitionError where the states don't allow it, ConflictError where somebody was first.
        """
        check_transition(edition.id, edition.state, state)
        return self.change(edition, state=state, why=why, changed=now, **changes)

    def decide(self, edition_id: str, decision: Callable[[Edition], Edition]) -> Edition:
        """What a person decided: re-read and tried again where a tick or worker changed the edition meanwhile."""
        for _ in range(50):
            try:
                return decision(self.find(edition_id))
            except ConflictError:
                continue
        raise StoreError(f"{edition_id} is being changed all the time.", "Try again in a moment.")

    def save_content(self, content: Content) -> str:
        """Keep what an edition says under a name of its own; the edition's record points to it."""
        raw = json.dumps(content_to_json(content), ensure_ascii=False, sort_keys=True).encode()
        name = f"editions/{content.edition_id}/content-{hashlib.sha256(raw).hexdigest()[:16]}.json"
        if self._blobs.get(name) is None:
            self._blobs.put(name, raw)
        return name

    def content(self, edition: Edition) -> Content:
        """What the edition says. Raises StoreError where it is gone."""
        raw = self._blobs.get(edition.content) if edition.content else None
        if raw is None:
            raise StoreError(f"The content of {edition.id} is missing from the store.", "Restore it from a backup.")
        return content_from_json(json.loads(raw))


def _look_again() -> None:
    """Something is changed, or somebody else was first: what was read is no more how things stand."""
    if looked := _looked.get():
        looked.clear()


def _key(newsletter: str, slot: str) -> Key:
    return Key(f"EDITIONS#{newsletter}", slot)


def _write(edition: Edition) -> dict[str, Any]:
    return {
        "newsletter": edition.newsletter,
        "slot": edition.slot,
        "slot_at": edition.slot_at.isoformat(),
        "state": str(edition.state),
        "number": edition.number,
        "entries": list(edition.entries),
        "why": edition.why,
        "planned": edition.planned,
        "totals": dict(edition.totals),
        "queued": str(edition.queued),
        "queued_to": edition.queued_to,
        "chunks": edition.chunks,
        "cursor": edition.cursor,
        "was_sending": edition.was_sending,
        "released": edition.released,
        "content": edition.content,
        "proofed": edition.proofed,
        "changed": edition.changed.isoformat() if edition.changed else None,
        "subject": dict(edition.subject),
        "gathering": edition.gathering,
        "lacks": list(edition.lacks),
        "implied": list(edition.implied),
        "seen": list(edition.seen),
        "filters": list(edition.filters),
        "waits": edition.waits,
        **({"read": edition.read.isoformat()} if edition.read else {}),
        **{name: value for name in ("guest", "host", "tick") if (value := getattr(edition, name))},
        "halted": edition.halted,
        "halts": edition.halts,
        "sent_before": edition.sent_before,
    }


def _read(item: Item) -> Edition:
    data = item.data
    return Edition(
        newsletter=data["newsletter"],
        slot=data["slot"],
        slot_at=datetime.fromisoformat(data["slot_at"]),
        state=State(data["state"]),
        number=data["number"],
        entries=tuple(data["entries"]),
        why=data["why"],
        planned=data["planned"],
        totals=data["totals"],
        queued=float(data["queued"]),
        queued_to=data.get("queued_to", data["chunks"] if float(data["queued"]) else 0),
        chunks=data["chunks"],
        cursor=data["cursor"],
        was_sending=data["was_sending"],
        released=data["released"],
        content=data["content"],
        proofed=data["proofed"],
        changed=datetime.fromisoformat(data["changed"]) if data["changed"] else None,
        subject=data["subject"],
        gathering=data.get("gathering", False),
        lacks=tuple(data.get("lacks", ())),
        implied=tuple(data.get("implied", ())),
        seen=tuple(data.get("seen", ())),
        filters=tuple(data.get("filters", ())),
        waits=data.get("waits", ""),
        read=datetime.fromisoformat(data["read"]) if data.get("read") else None,
        halted=data.get("halted", ""),
        halts=data.get("halts", 0),
        sent_before=data.get("sent_before", -1),
        guest=data.get("guest", ""),
        host=data.get("host", ""),
        tick=data.get("tick", ""),
        item=item,
    )
