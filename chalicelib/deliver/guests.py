"""Two editions in one mail: how they are brought together, parted again, and what becomes of the guest's readers.

The host's planner freezes who gets both. Then the guest is planned: those readers wait in its ledger, until the host's
books are closed. Whose mail of the host held the guest is skipped then, with the reason; everybody else gets the guest
by itself, so that nobody misses it where the host was cancelled, or where they left one of the two.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from chalicelib.audience.subscriber import Membership, membership_from_data, membership_key
from chalicelib.compose.companions import merges
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.content.segment_reading import filters_for
from chalicelib.content.values import Site
from chalicelib.deliver.chunks import ChunkStore, HeldLedger, Recipient
from chalicelib.deliver.ledger import SKIPPED
from chalicelib.deliver.own_time import waiting
from chalicelib.deliver.pairing import CAME, fate, pair, settled, with_host
from chalicelib.errors import ConflictError, NotFoundError
from chalicelib.store import Table, Write

PATIENCE = timedelta(hours=1)
"""A host that takes longer to be planned, as where each try fails, keeps its guest no longer."""


class Guests:
    """Brings the editions of one site together."""

    def __init__(self, site: Site, table: Table, chunks: ChunkStore, editions: EditionStore) -> None:
        self._site, self._table, self._chunks, self._editions = site, table, chunks, editions

    def start(self, edition: Edition, now: datetime) -> Edition | None:
        """Begin an edition that is due, with a guest where it has one; None where it is the guest itself, and waits."""
        alone = edition.host or not self._merges(edition.newsletter)
        two = None if alone else pair(edition, self._others(edition), self._site, now)
        if two is None:
            return self._editions.move(edition, State.SENDING, now)
        host, guest = two
        note = self._site.notes.get((guest.newsletter, guest.slot))
        filters = filters_for(self._site.newsletters[guest.newsletter], note)
        invited = self._editions.write(guest, host=host.id, filters=filters)
        begun = self._editions.move(host, State.SENDING, now, also=[invited], guest=guest.id)
        return begun if begun.id == edition.id else None

    def _merges(self, newsletter: str) -> bool:
        return merges(self._site.newsletters.get(newsletter))

    def _others(self, edition: Edition) -> Iterator[Edition]:
        for name in self._site.newsletters:
            if name != edition.newsletter and self._merges(name):
                yield from self._editions.of(name)

    def turn(self, guest: Edition, now: datetime) -> Edition | None:
        """A guest whose turn it is, for its host's readers are frozen, or it has none any more; None: not yet."""
        host = self._find(guest.host)
        if host is None or host.planned is not None or host.guest != guest.id:
            return guest
        if host.state is State.SENDING and now - (host.changed or now) <= PATIENCE:
            return None
        self._editions.change(host, self.parting(host), guest="")
        return self._editions.find(guest.id)

    def parting(self, host: Edition) -> list[Write]:
        """What lets a host's guest go by itself, before anybody has a mail of both; to be written with ``guest=""``."""
        guest = self.of(host)
        return [self._editions.write(guest, host="", filters=())] if guest else []

    def of(self, host: Edition) -> Edition | None:
        """A host's guest; None where it has none, or where that does not know of its host."""
        guest = self._find(host.guest)
        return guest if guest and guest.host == host.id else None

    def _find(self, edition_id: str) -> Edition | None:
        try:
            return self._editions.find(edition_id) if edition_id else None
        except NotFoundError:
            return None

    def among_hosts(self, guest: Edition) -> Callable[[str], bool]:
        """Whether an id is among those whose mail of the host holds the guest. Asked in the order of ids."""
        host = self._find(guest.host)
        shared = host is not None and host.guest == guest.id
        return _beside(recipient.sid for _, _, recipient in self._both(host)) if host and shared else lambda _sid: False

    def _both(self, host: Edition) -> Iterator[tuple[int, int, Recipient]]:
        """Chunk, position and recipient of each whose mail holds the guest too; in the order of ids."""
        for number in range(host.chunks):
            for position, recipient in enumerate(self._chunks.kept(host.id, number) or ()):
                if recipient.both:
                    yield number, position, recipient

    def members(self, newsletter: str, sids: Iterable[str]) -> dict[str, Membership]:
        """Those of some people who are or were members of a newsletter, by id."""
        found = self._table.get_many([membership_key(newsletter, sid) for sid in sids])
        return {key.sk: membership_from_data(newsletter, key.sk, item.data) for key, item in found.items()}

    def settle(self, guest: Edition, held: Mapping[int, HeldLedger], now: datetime) -> bool:
        """Once the host's books are closed: who had both is skipped, everybody else goes on; whether anybody waited."""
        waits = {number: one for number, one in held.items() if with_host(one.ledger)}
        host = self._find(guest.host) if waits else None
        if host is None or not host.totals:
            return False
        fates = dict(self._fates(host, guest))
        for number, one in waits.items():
            self._settle_chunk(guest, number, one, fates, now)
        return True

    def _fates(self, host: Edition, guest: Edition) -> Iterator[tuple[str, str]]:
        """Who was to get both and whose mail did not simply come: '' where it did not hold the guest, or never went."""
        ledgers = {number: held.ledger for number, held in self._chunks.ledgers(host.id)}
        for number, position, recipient in self._both(host):
            ledger = ledgers[number]
            mark = ledger.marks[position]
            if host.guest != guest.id or mark == SKIPPED or position in ledger.alone:
                yield recipient.sid, ""
            elif fate(mark) != CAME:
                yield recipient.sid, fate(mark)

    def _settle_chunk(
        self, guest: Edition, number: int, held: HeldLedger, fates: Mapping[str, str], now: datetime
    ) -> None:
        sids = {place: one.sid for place, one in enumerate(self._chunks.recipients(guest.id, number))}
        ends = {place: _in_words(fates.get(sids[place], CAME), guest.host) for place in with_host(held.ledger)}
        later = self._their_time(guest, {place: sids[place] for place, why in ends.items() if not why}, now)
        while True:
            ledger = settled(held.ledger, ends).wait(later)
            if ledger == held.ledger:
                return
            try:
                self._chunks.write_ledger(held, ledger)
            except ConflictError:  # a worker wrote an outcome this moment
                held = self._chunks.ledger(guest.id, number)
            else:
                return

    def _their_time(self, guest: Edition, sids: Mapping[int, str], now: datetime) -> dict[int, tuple[float, str]]:
        """Until when those wait still whose own hour has not come."""
        if guest.read is None or not sids:
            return {}
        members, wait = self.members(guest.newsletter, sids.values()), waiting(guest, self._site, now)
        zones = {place: members[sid].zone if sid in members else "" for place, sid in sids.items()}
        return {place: until for place, zone in zones.items() if (until := wait(zone))}


def _in_words(fate_: str, host: str) -> str:
    return fate_ and f"{fate_} {'in' if fate_ == CAME else 'with'} the mail of {host}"


def _beside(ids: Iterator[str]) -> Callable[[str], bool]:
    """Whether an id is among ``ids``, where both these and the questions come in order."""
    at = next(ids, None)

    def among(sid: str) -> bool:
        nonlocal at
        while at is not None and at < sid:
            at = next(ids, None)
        return at == sid

    return among
