"""Suppression: who is never written to, in any newsletter or outreach, why and since when; and the ways back."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from chalicelib.audience.address import fold, parse_address
from chalicelib.audience.subscriber import SHARDS, Evidence, Membership, evidence_key, evidence_to_data, suppression_key
from chalicelib.errors import ConflictError, NotFoundError, StoreError
from chalicelib.store import Delete, Insert, Item, Key, Put, Replace, Table, Write, every

TRIES = 20
FEW = 5
"""So many ids of one shard are asked for one by one: a read of a range costs as much as a few of single items."""
DOMAINS = "SUPPRESSED#domain"
"""The partition of suppressed domains; the sort key is the domain."""


class Reason(StrEnum):
    """Why nobody writes there, the weakest first."""

    ERASED = "erased"
    """Erased at their own wish: no import brings them back, a new confirmation does."""
    BOUNCE = "bounce"
    """Mails came back for good: a new confirmation shows that the mailbox works again."""
    DOMAIN = "domain"
    MANUAL = "manual"
    COMPLAINT = "complaint"
    """Marked as spam: only a person lifts that."""


WAY_BACK = frozenset({Reason.ERASED, Reason.BOUNCE})
"""What a person's own double opt-in lifts."""
_STRENGTH = {reason: strength for strength, reason in enumerate(Reason)}


@dataclass(frozen=True, slots=True)
class Suppression:
    """One suppression. ``who`` is a person's id or ``@domain``; ``at`` an ISO moment; ``by`` who entered it."""

    who: str
    reason: Reason
    at: str
    note: str = ""
    by: str = ""


class Suppressions:
    """All suppressions of a site."""

    def __init__(self, table: Table, announce: Callable[[str, Evidence], Sequence[Write]] = lambda *_: ()) -> None:
        self._table, self._announce = table, announce

    def add(self, sid: str, reason: Reason, now: datetime, *, note: str = "", by: str = "") -> bool:
        """Never write to this person again; False where it was so already, for as strong a reason."""
        return self._keep(suppression_key(sid), Suppression(sid, reason, now.isoformat(), note, by))

    def add_domain(self, domain: str, now: datetime, *, note: str = "", by: str = "") -> bool:
        """Never write to anybody of a domain, or of a domain below it. Raises AddressError."""
        name = domain_name(domain)
        return self._keep(Key(DOMAINS, name), Suppression(f"@{name}", Reason.DOMAIN, now.isoformat(), note, by))

    def _keep(self, key: Key, wanted: Suppression) -> bool:
        for _ in range(TRIES):
            item = self._table.get(key)
            if item and _STRENGTH[read_suppression(wanted.who, item).reason] >= _STRENGTH[wanted.reason]:
                return False
            writes: list[Write] = [Replace(item, _data(wanted)) if item else Insert(key, _data(wanted))]
            if not wanted.who.startswith("@"):
                writes += _noted(wanted.who, "suppressed", wanted, self._table)
                at = datetime.fromisoformat(wanted.at)
                writes += self._announce(wanted.who, Evidence(at, "suppressed", "", how=str(wanted.reason)))
            try:
                self._table.transact(writes)
            except ConflictError:
                continue
            return True
        raise StoreError("The suppression is being changed all the time.", "Try again in a moment.")

    def lift(self, who: str, now: datetime, *, why: str, by: str) -> Suppression:
        """Take a suppression back, of a person's id or ``@domain``, with why on record. Raises NotFoundError."""
        key = Key(DOMAINS, who[1:]) if who.startswith("@") else suppression_key(who)
        for _ in range(TRIES):
            item = self._table.get(key)
            if item is None:
                raise NotFoundError("There is no such suppression.")
            lifted = Suppression(who, read_suppression(who, item).reason, now.isoformat(), why, by)
            noted = [] if who.startswith("@") else _noted(who, "lifted", lifted, self._table)
            try:
                self._table.transact([Delete(item), *noted])
            except ConflictError:
                continue
            return lifted
        raise StoreError("The suppression is being changed all the time.", "Try again in a moment.")

    def of(self, sid: str, address: str = "") -> Suppression | None:
        """What stops mail to a person: their own suppression, or with ``address`` their domain's."""
        return self.stopped({sid: address}).get(sid)

    def stopped(self, addresses: Mapping[str, str]) -> dict[str, Suppression]:
        """Which of some people (id to address) get no mail, and why, as it is now: few reads whatever their number."""
        stopped = {item.key.sk: read_suppression(item.key.sk, item) for item in self._own(addresses)}
        domains = {item.key.sk: item for item in every(self._table, DOMAINS)}
        if domains:
            for sid, address in addresses.items():
                name = next((part for part in _above(address) if part in domains), "")
                if name and sid not in stopped:
                    stopped[sid] = read_suppression(f"@{name}", domains[name])
        return stopped

    def _own(self, sids: Collection[str]) -> Iterator[Item]:
        """Their own suppressions. Of many side by side a range is read: hardly anybody in it is suppressed."""
        by_shard: dict[str, list[str]] = {}
        for sid in sids:
            by_shard.setdefault(sid[:1], []).append(sid)
        for shard, wanted in by_shard.items():
            if len(wanted) < FEW:
                yield from self._table.get_many([suppression_key(sid) for sid in wanted]).values()
                continue
            cursor: str | None = None
            while True:
                page = self._table.query(f"SUPPRESSED#{shard}", first=min(wanted), last=max(wanted), cursor=cursor)
                yield from (item for item in page.items if item.key.sk in sids)
                cursor = page.cursor
                if cursor is None:
                    break

    def all(self) -> Iterator[Suppression]:
        """Every suppression: domains first, then people in the order of their ids."""
        for item in every(self._table, DOMAINS):
            yield read_suppression(f"@{item.key.sk}", item)
        for shard in SHARDS:
            for item in every(self._table, f"SUPPRESSED#{shard}"):
                yield read_suppression(item.key.sk, item)


def domain_name(domain: str) -> str:
    """The name of a domain, with or without an @, as it is compared: folded A-labels. Raises AddressError."""
    return fold(parse_address(f"x@{domain.strip().lstrip('@')}")).rpartition("@")[2]


def stopped_members(table: Table, members: Iterable[Membership]) -> dict[str, Suppression]:
    """Which of some members get no mail, and why, by id."""
    return Suppressions(table).stopped({member.sid: member.address for member in members})


def read_suppression(who: str, item: Item) -> Suppression:
    """A stored suppression; a reason that this version does not know counts as entered by hand."""
    data = item.data
    known = str(data["reason"]) in set(Reason)
    note = str(data.get("note", "")) if known else str(data["reason"])
    reason = Reason(data["reason"]) if known else Reason.MANUAL
    return Suppression(who, reason, str(data["at"]), note, str(data.get("by", "")))


def _data(suppression: Suppression) -> dict[str, Any]:
    more = {"note": suppression.note, "by": suppression.by}
    data = {"reason": str(suppression.reason), "at": suppression.at}
    return {**data, **{name: value for name, value in more.items() if value}}


def _noted(sid: str, action: str, suppression: Suppression, table: Table) -> list[Write]:
    """The evidence of it, where the person is known at all: of others only the keyed id stays."""
    if table.get(Key(f"SUBSCRIBER#{sid}", "PROFILE")) is None:
        return []
    how = ", ".join(part for part in (str(suppression.reason), suppression.note, suppression.by) if part)
    evidence = Evidence(datetime.fromisoformat(suppression.at), action, "", how=how)
    return [Put(evidence_key(sid, evidence), evidence_to_data(evidence))]


def _above(address: str) -> Iterator[str]:
    """The domain of an address and those above it: a.b.c, b.c, c."""
    labels = fold(address).rpartition("@")[2].split(".")
    return (".".join(labels[start:]) for start in range(len(labels)))
