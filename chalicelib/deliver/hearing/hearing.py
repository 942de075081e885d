"""Recording what was heard: in the ledger first, then of the person. Any order, any repeats, the same in the end."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from chalicelib.audience.bounces import bounce_writes, bounces_key, moments_of, since_delivery, too_many, with_bounce
from chalicelib.audience.dossier import is_stored
from chalicelib.audience.people import current_id
from chalicelib.audience.suppression import Reason, Suppressions
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.deliver.beyond import note_beyond
from chalicelib.deliver.books import corrected
from chalicelib.deliver.chunks import ChunkStore, HeldLedger
from chalicelib.deliver.hearing.trials import is_trial, note_trial
from chalicelib.deliver.hearing.values import GOOD, KEPT, Heard, heard_prefix
from chalicelib.deliver.ledger import BOUNCED, COMPLAINED, DELIVERED, Ledger, News, ledger_to_data
from chalicelib.deliver.pausing import standing
from chalicelib.errors import ConflictError, InvalidKeyError, NotFoundError, StoreError
from chalicelib.logs import about, logger
from chalicelib.metrics import count
from chalicelib.store import Blobs, Insert, Key, Replace, Table

LOG = logger(__name__)
TRIES = 50
OnNews = Callable[[str, str, int, int], None]
"""Told of an edition's id, the day (ISO, UTC), and how many more of its mails have bounced and been complained of."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What came of it: news that ``changed`` a mark, was known already (``same``), or is of no mail of ours
    (``foreign``); and how many people are ``suppressed`` since."""

    changed: int = 0
    same: int = 0
    foreign: int = 0
    suppressed: int = 0

    def __add__(self, other: "Recorded") -> "Recorded":
        return Recorded(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


def nobody_told(_edition: str, _day: str, _bounced: int, _complained: int) -> None:
    """Nobody counts by day: the brake reads the ledgers themselves."""


class Hearing:
    """Records what was heard of one site's mails."""

    def __init__(self, table: Table, blobs: Blobs, suppressions: Suppressions, on_news: OnNews = nobody_told) -> None:
        self._table, self._suppressions = table, suppressions
        self._editions, self._chunks = EditionStore(table, blobs), ChunkStore(table, blobs)
        self._on_news = on_news

    def record(self, heards: Iterable[Heard], now: datetime) -> Recorded:
        """Record some news, those of a chunk in one write. Safe to repeat. Raises StoreError, with some recorded.

        The ledger comes first and the note of the event last: what a crash cuts off is done when the event comes again.
        A crash may only keep news from ``on_news``, whose figures are a measure and no book.
        """
        groups: dict[tuple[str, int], list[Heard]] = {}
        for heard in heards:
            groups.setdefault((heard.edition, heard.chunk), []).append(heard)
        done = Recorded()
        for (edition, chunk), group in groups.items():
            if is_trial(edition):
                note_trial(self._table, group, now)
                continue
            done += self._of_chunk(edition, chunk, group, now) if edition else self._of_people(group, now)
        return done

    def _of_chunk(self, edition: str, number: int, heards: Sequence[Heard], now: datetime) -> Recorded:
        for _ in range(TRIES):
            held = self._find(edition, number)
            if held is None:
                self._note_beyond(edition, number, heards, now)
                return Recorded(foreign=len(heards))
            known = [heard for heard in heards if 0 <= heard.position < len(held[1].ledger.marks)]
            new = _told(held[1].ledger, known)
            try:
                self._write(*held, new)
            except ConflictError:
                continue
            changed = self._count(edition, held[1].ledger, new, now)
            with about(edition=edition, chunk=number, correlation=held[0].tick):
                LOG.info("Heard of %d mails of a chunk, %d of them news", len(known), changed)
            return Recorded(changed, len(known) - changed, len(heards) - len(known)) + self._recipients(known, now)
        raise StoreError(f"Chunk {number} of {edition} is being changed all the time.", "Try again in a moment.")

    def _note_beyond(self, edition: str, number: int, heards: Sequence[Heard], now: datetime) -> None:
        """In an older store of itself such a mail may be of what was lost since: its edition is not repeated."""
        if standing(self._table).older:
            with suppress(InvalidKeyError):  # no edition ever had such a name
                note_beyond(self._table, edition, number, [heard.position for heard in heards], now)

    def _find(self, edition_id: str, number: int) -> tuple[Edition, HeldLedger] | None:
        try:
            edition = self._editions.find(edition_id)
        except NotFoundError:
            return None
        return (edition, self._chunks.ledger(edition_id, number)) if 0 <= number < edition.chunks else None

    def _write(self, edition: Edition, held: HeldLedger, new: Ledger) -> None:
        """Where nobody of the chunk is left to be tried, a tick may be closing the books from it this moment: so the
        edition is written along, and one of us two begins again. Closed books are kept right in the same transaction.
        """
        if new == held.ledger:
            return
        if not held.ledger.done:
            self._chunks.write_ledger(held, new)
            return
        totals = {"totals": corrected(edition.totals, held.ledger, new)} if edition.totals else {}
        self._editions.change(edition, [Replace(held.item, ledger_to_data(new))], **totals)

    def _count(self, edition: str, old: Ledger, new: Ledger, now: datetime) -> int:
        """How many marks changed; rates are differences of marks, so that order and repeats don't count."""
        bounced, complained = (new.marks.count(mark) - old.marks.count(mark) for mark in (BOUNCED, COMPLAINED))
        for name, mark in (("Bounced", BOUNCED), ("Complained", COMPLAINED), ("Delivered", DELIVERED)):
            count(name, max(0, new.marks.count(mark) - old.marks.count(mark)))
        if bounced or complained:
            self._on_news(edition, f"{now:%Y-%m-%d}", bounced, complained)
        return sum(before != after for before, after in zip(old.marks, new.marks, strict=True))

    def _recipients(self, heards: Sequence[Heard], now: datetime) -> Recorded:
        """What follows for the people; for nobody where an edition's recipients are not kept any more."""
        wanted = [heard for heard in heards if heard.kind is not News.SENT]
        frozen = self._chunks.kept(wanted[0].edition, wanted[0].chunk) if wanted else None
        if frozen is None:
            return Recorded()
        whose = {heard.position: frozen[heard.position].sid for heard in wanted}
        held = self._chunks.ledger(wanted[0].edition, wanted[0].chunk).ledger
        came = [heard for heard in wanted if heard.kind is News.DELIVERED and held.marks[heard.position] == DELIVERED]
        self._delivered((whose[heard.position], heard.at) for heard in came)
        bad = [heard for heard in wanted if heard.kind not in GOOD]
        return Recorded(suppressed=sum(self._of_person(heard, whose[heard.position], now) for heard in bad))

    def _of_people(self, heards: Sequence[Heard], now: datetime) -> Recorded:
        """News of notices, which stand in no ledger."""
        self._delivered((heard.sid, heard.at) for heard in heards if heard.sid and heard.kind is News.DELIVERED)
        bad = [heard for heard in heards if heard.sid and heard.kind not in GOOD]
        foreign = sum(not heard.sid for heard in heards)
        return Recorded(0, len(heards) - foreign, foreign, sum(self._of_person(one, one.sid, now) for one in bad))

    def _of_person(self, heard: Heard, sid: str, now: datetime) -> bool:
        """Whether somebody is suppressed since, who was not before.

        Nothing more than that is kept with people who are stored nowhere, or no longer, as after an erasure.
        """
        key = heard_key(heard)
        if self._table.get(key):
            return False
        stopped, stored = False, is_stored(self._table, sid)
        if heard.unwanted or heard.kind is News.COMPLAINED:
            # Who has moved since does not want it at the new address either.
            ids = sorted({sid, current_id(self._table, sid)})
            stopped = sum(self._stop(one, Reason.COMPLAINT, heard, now) for one in ids) > 0
        elif heard.permanent:
            stopped = self._stop(sid, Reason.BOUNCE, heard, now)
        elif heard.of_mailbox and stored:
            return self._soft(heard, sid, key, now)
        if stored or heard.edition:
            with suppress(ConflictError):  # the same event at the same time
                self._table.insert(key, _kept(heard), _expires(now))
        return stopped

    def _soft(self, heard: Heard, sid: str, key: Key, now: datetime) -> bool:
        """Counted in one transaction with the note of the event: never twice."""
        for _ in range(TRIES):
            item = self._table.get(bounces_key(sid))
            moments = with_bounce(moments_of(item), heard.at)
            enough = too_many(moments)
            stopped = enough and self._stop(sid, Reason.BOUNCE, heard, now)
            counted = bounce_writes(item, sid, () if enough else moments)  # who comes back begins anew
            try:
                self._table.transact([Insert(key, _kept(heard), _expires(now)), *counted])
            except ConflictError:
                if self._table.get(key):
                    return False
                continue
            return stopped
        raise StoreError("The bounces of a subscriber are being changed all the time.", "Try again in a moment.")

    def _stop(self, sid: str, reason: Reason, heard: Heard, now: datetime) -> bool:
        return self._suppressions.add(sid, reason, now, note=heard.reason, by=heard.source)

    def _delivered(self, came: Iterable[tuple[str, datetime]]) -> None:
        """What came back before is over for whoever a mail has reached; most people have nothing on record."""
        people = dict(sorted(came))  # of several mails to one person the latest
        found = self._table.get_many([bounces_key(sid) for sid in people])
        for key, item in found.items():
            moments = moments_of(item)
            left = since_delivery(moments, people[key.sk])
            if left != moments:
                with suppress(ConflictError):  # a bounce this moment: the next delivery sees to it
                    self._table.transact(bounce_writes(item, key.sk, left))


def heard_key(heard: Heard) -> Key:
    """Where what was said is kept: with the edition, under the mail; of a notice, with the person."""
    if heard.edition:
        return Key(f"EDITION#{heard.edition}", f"{heard_prefix(heard.chunk, heard.position)}{heard.raw_id}")
    return Key(f"SUBSCRIBER#{heard.sid}", f"HEARD#{heard.raw_id}")


def _told(ledger: Ledger, heards: Iterable[Heard]) -> Ledger:
    for heard in heards:
        ledger = ledger.heard(heard.position, heard.kind, heard.reason)
    return ledger


def _kept(heard: Heard) -> dict[str, str]:
    return {"kind": heard.kind.name.lower(), "at": heard.at.isoformat(), "source": heard.source,
            "words": heard.excerpt}  # fmt: skip


def _expires(now: datetime) -> int:
    return int((now + KEPT).timestamp())
