"""Who is in doubt (a mail was handed over, perhaps): listed, settled by evidence, or decided on by a person."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from chalicelib.audience.people import current_id, load_person
from chalicelib.audience.tokens import MailTokens, Secrets
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.content.values import Site
from chalicelib.deliver.books import corrected
from chalicelib.deliver.chunks import ChunkStore, HeldLedger
from chalicelib.deliver.hearing.references import edition_reference, signed_message_id
from chalicelib.deliver.ledger import IN_DOUBT, LEFT, Ledger, ledger_to_data
from chalicelib.deliver.maillog import Evidence
from chalicelib.deliver.pairing import with_host
from chalicelib.errors import ConflictError, IllegalTransitionError, StoreError, UsageError
from chalicelib.store import Blobs, Replace, Table

TRIES = 50
Place = tuple[int, int]
"""A chunk's number and a position in it."""
Change = Callable[[Ledger], Ledger]
_PLACE = re.compile(r"([0-9]{1,6})\.([0-9]{1,6})")


@dataclass(frozen=True, slots=True)
class Doubt:
    """One mail. ``address`` is '' where the person is not known any more; ``since`` an ISO moment or ''.

    ``left``: a person has decided that it stays so.
    """

    place: Place
    sid: str
    address: str
    message_id: str
    since: str
    why: str
    left: bool

    @property
    def id(self) -> str:
        """``chunk.position``: how a person names it."""
        return f"{self.place[0]}.{self.place[1]}"

    def as_dict(self) -> dict[str, object]:
        """For programs."""
        names = ("id", "address", "message_id", "since", "why", "left")
        return {name: getattr(self, name) for name in names}


def read_places(texts: Iterable[str], known: Collection[Place]) -> list[Place]:
    """``3.117 3.118``, or ``all``, as places that are in doubt. Raises UsageError for any other."""
    places = []
    for text in texts:
        match = _PLACE.fullmatch(text)
        place = (int(match[1]), int(match[2])) if match else None
        if text == "all":
            places += sorted(known)
        elif place is None or place not in known:
            raise UsageError(f"'{text[:40]}' is not in doubt.", "Name them as the list does: 3.117, or all.")
        else:
            places.append(place)
    return list(dict.fromkeys(places))


class Doubts:
    """The doubts in one site's editions."""

    def __init__(self, site: Site, table: Table, blobs: Blobs, secrets: Secrets) -> None:
        self._site, self._table, self._signer = site, table, MailTokens(secrets)
        self._editions, self._chunks = EditionStore(table, blobs), ChunkStore(table, blobs)

    def of(self, edition_id: str) -> Iterator[Doubt]:
        """Everybody in doubt, also whom a person has left so. Raises NotFoundError."""
        edition = self._editions.find(edition_id)
        for number, held in self._chunks.ledgers(edition_id):
            marks = held.ledger.marks
            places = [position for position, mark in enumerate(marks) if mark in {IN_DOUBT, LEFT}]
            recipients = self._chunks.kept(edition_id, number) if places else None
            for position in places:
                sid = recipients[position].sid if recipients else ""
                yield self._doubt(edition, held.ledger, (number, position), sid)

    def _doubt(self, edition: Edition, ledger: Ledger, place: Place, sid: str) -> Doubt:
        detail = ledger.details.get(place[1])
        since = datetime.fromtimestamp(detail.first, UTC).isoformat() if detail and detail.first else ""
        reference = edition_reference(edition.id, *place)
        message_id = signed_message_id(reference, self._signer, self._site.sender.address.rpartition("@")[2])
        why, left = detail.reason if detail else "", ledger.marks[place[1]] == LEFT
        return Doubt(place, sid, self._address(edition.newsletter, sid), message_id, since, why, left)

    def _address(self, newsletter: str, sid: str) -> str:
        if not sid:
            return ""
        person = load_person(self._table, current_id(self._table, sid), (newsletter,))
        if person.profile:
            return person.profile.address
        member = person.members.get(newsletter)
        return member.address if member else ""

    def settle(self, edition_id: str, found: Mapping[Place, Evidence]) -> int:
        """Put evidence into the ledgers, which rank it as any news of a provider; how many marks changed."""
        changed = 0
        for number in sorted({place[0] for place in found}):
            news = {position: one for (chunk, position), one in found.items() if chunk == number}

            def told(ledger: Ledger, news: Mapping[int, Evidence] = news) -> Ledger:
                for position, one in news.items():
                    ledger = ledger.heard(position, one.news, one.words)
                return ledger

            before, after = self._change(edition_id, number, told)
            changed += sum(a != b for a, b in zip(before.marks, after.marks, strict=True))
        return changed

    def decide(self, edition_id: str, places: Collection[Place], *, resend: bool, why: str, now: datetime) -> int:
        """A person's word: written to again, or left. An edition whose books are closed is opened again for it.

        Of those who were settled meanwhile nobody is decided on; of how many. Raises IllegalTransitionError for a
        cancelled edition, of which nothing is sent again.
        """
        edition = self._editions.find(edition_id)
        if resend and edition.state is State.CANCELLED:
            raise IllegalTransitionError(f"{edition_id} is cancelled: nothing of it is sent again.", "Use --leave.")
        if resend and (guest := self._left_out(edition)):
            raise IllegalTransitionError(
                f"{guest}, which stands in its mails, is held: they would go without it.",
                f"Resume {guest} first, or cancel it.",
            )
        count = 0
        for number in sorted({place[0] for place in places}):
            positions = [position for chunk, position in places if chunk == number]

            def decided(ledger: Ledger, positions: Collection[int] = positions) -> Ledger:
                for position in positions:
                    if ledger.marks[position] in {IN_DOUBT, LEFT}:
                        ledger = ledger.decide(position, resend=resend, why=why)
                return ledger

            before, after = self._change(edition_id, number, decided, now if resend else None)
            count += sum(before.marks[p] in {IN_DOUBT, LEFT} and before != after for p in positions)
        return count

    def _left_out(self, host: Edition) -> str:
        """A guest that stands in no mail now, and would not make up for it, for its books are done with the host's."""
        guest = self._editions.get(*host.guest.split("/", 1)) if host.guest else None
        if guest is None or guest.host != host.id or guest.state is not State.HELD or not guest.chunks:
            return ""
        waits = any(with_host(held.ledger) for _, held in self._chunks.ledgers(guest.id))
        return "" if waits else guest.id

    def _change(
        self, edition_id: str, number: int, change: Change, reopens: datetime | None = None
    ) -> tuple[Ledger, Ledger]:
        """Apply a change under the version that was read, with the closed books it changes; before and after."""
        for _ in range(TRIES):
            edition, held = self._editions.find(edition_id), self._chunks.ledger(edition_id, number)
            after = change(held.ledger)
            try:
                if after != held.ledger:
                    self._write(edition, held, after, reopens)
            except ConflictError:
                continue
            return held.ledger, after
        raise StoreError(f"Chunk {number} of {edition_id} is being changed all the time.", "Try again in a moment.")

    def _write(self, edition: Edition, held: HeldLedger, after: Ledger, reopens: datetime | None) -> None:
        """With the edition in one transaction where a tick may be closing its books from this ledger, or has."""
        ledger = Replace(held.item, ledger_to_data(after))
        if edition.state is State.SENT and reopens and not after.done:
            sent = edition.totals.get("sent", 0)
            self._editions.move(edition, State.SENDING, reopens, also=[ledger], totals={}, sent_before=sent, queued=0.0)
        elif edition.totals:
            self._editions.change(edition, [ledger], totals=corrected(edition.totals, held.ledger, after))
        else:
            self._editions.change(edition, [ledger])
