"""Erasing a person (Art. 17 GDPR): all that is stored goes, but for a suppression that names nobody."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from chalicelib.audience.bounces import bounces_key
from chalicelib.audience.dossier import happening_items, ids_of, who
from chalicelib.audience.limits import PER_ADDRESS, Bucket, Limits
from chalicelib.audience.moving import change_key
from chalicelib.audience.people import TRIES, Announce, load_person, nothing_more
from chalicelib.audience.signup import pending_key
from chalicelib.audience.subscriber import Evidence, membership_key, moved_key, profile_key, suppression_key
from chalicelib.audience.suppression import Reason, read_suppression
from chalicelib.audience.tokens import Secrets
from chalicelib.errors import ConflictError, StoreError
from chalicelib.store import Delete, Item, Key, Table, Write, every

ERASED = "erased"
"""What other programs are told (Art. 19 GDPR): one of the kinds of content/webhooks.py."""
BATCH = 90
"""Deletions in one transaction: beside the last of them others may be told of it."""


@dataclass(frozen=True, slots=True)
class Whom:
    """Whom to forget: ids, the present one first, the names they are known by, and their newsletters."""

    ids: tuple[str, ...]
    words: tuple[str, ...]
    """Addresses and names as stored: what may be left nowhere."""
    newsletters: tuple[str, ...]


Elsewhere = Callable[[Whom], Mapping[str, int]]
"""Forgets somebody outside of this room; what, and how many of each."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did. ``known`` is False where nothing was stored, and nothing was changed."""

    whom: Whom
    known: bool
    items: int = 0
    elsewhere: Mapping[str, int] = field(default_factory=dict)


def nowhere(_whom: Whom) -> Mapping[str, int]:
    """Nothing is kept outside of this room."""
    return {}


class Erasing:
    """Erases people of one site.

    The suppression comes first, so that nothing is sent or imported meanwhile; the profile goes last, with the word to
    other programs, since it names all the rest. What was cut off anywhere is finished by doing it again.
    """

    def __init__(self, table: Table, secrets: Secrets, announce: Announce = nothing_more,
                 elsewhere: Elsewhere = nowhere) -> None:  # fmt: skip
        self._table, self._announce, self._elsewhere = table, announce, elsewhere
        self._limits = Limits(table, secrets.sid_key)

    def erase(self, sid: str, now: datetime) -> Erased:
        """Forget a person, also by an id from before a change of address. Safe to repeat. Raises StoreError."""
        whom, known = self._whom(sid)
        if not known:
            return Erased(whom, known=False)
        for one in whom.ids:
            self._stop(one, now)
        elsewhere = self._elsewhere(whom)
        items = sum(self._delete(partial(self._around, one, now)) for one in whom.ids)
        items += sum(self._delete(partial(every, self._table, f"SUBSCRIBER#{one}")) for one in whom.ids[1:])
        return Erased(whom, known, items + self._close(whom, now), elsewhere)

    def _whom(self, sid: str) -> tuple[Whom, bool]:
        own = who(self._table, sid)
        person = load_person(self._table, own, ())
        partition = list(every(self._table, f"SUBSCRIBER#{own}"))
        ids = tuple(dict.fromkeys((*ids_of(person), sid)))
        named = [item for item in partition if item.key in {profile_key(own), pending_key(own), change_key(own)}]
        said = [*named, *(person.items[one.key] for one in person.members.values())]
        words = dict.fromkeys(str(item.data.get(name, "")) for item in said for name in ("address", "name"))
        known = bool(partition) or person.stopped is not None or len(ids) > 1
        return Whom(ids, tuple(word for word in words if word), tuple(person.members)), known

    def _stop(self, sid: str, now: datetime) -> None:
        """A stronger reason stays, but not what somebody wrote beside it."""
        for _ in range(TRIES):
            item = self._table.get(suppression_key(sid))
            if item:
                found = read_suppression(sid, item)
                bare = {"reason": str(found.reason), "at": found.at}
            with suppress(ConflictError):
                if item is None:
                    self._table.insert(suppression_key(sid), {"reason": str(Reason.ERASED), "at": now.isoformat()})
                elif dict(item.data) != bare:
                    self._table.replace(item, bare)
                return
        raise _busy()

    def _around(self, sid: str, now: datetime) -> Iterator[Item]:
        """What bears a person's id outside of their partition, but for memberships; and leftovers that expired."""
        for key in (pending_key(sid), change_key(sid)):
            self._overwrite(key, now)
        pointer, bounces = (self._table.get(key) for key in (moved_key(sid), bounces_key(sid)))
        bucket = self._limits.look(Bucket("address", sid, PER_ADDRESS))
        yield from (item for item in (pointer, bounces, bucket) if item)
        told = happening_items(self._table, [sid], now)
        yield from (item for item in told if item.data["kind"] != ERASED)  # which others have to hear

    def _overwrite(self, key: Key, now: datetime) -> None:
        """What has expired is read by nobody, and yet may lie there, with an address, until it is swept."""
        if self._table.get(key) is None:
            with suppress(ConflictError):
                expires = int((now + timedelta(minutes=1)).timestamp())
                self._table.delete(self._table.insert(key, {}, expires))

    def _close(self, whom: Whom, now: datetime) -> int:
        """The rest, then the profile as it was before: whoever joins something meanwhile is erased of that too."""
        sid, gone = whom.ids[0], 0
        for _ in range(TRIES):
            profile = self._table.get(profile_key(sid))
            newsletters = {*whom.newsletters, *(profile.data["newsletters"] if profile else ())}
            gone += self._delete(partial(self._rest_of, sid, newsletters))
            if profile is None:
                return gone
            told: list[Write] = [*self._announce(sid, Evidence(now, ERASED, ""))]
            with suppress(ConflictError):
                self._table.transact([Delete(profile), *told])
                return gone + 1
        raise _busy()

    def _rest_of(self, sid: str, newsletters: Iterable[str]) -> Iterator[Item]:
        keys = [membership_key(newsletter, sid) for newsletter in newsletters]
        yield from self._table.get_many(keys).values()
        yield from (item for item in every(self._table, f"SUBSCRIBER#{sid}") if item.key != profile_key(sid))

    def _delete(self, find: Callable[[], Iterable[Item]]) -> int:
        """Delete what is found until nothing is; how much that was."""
        gone = 0
        for _ in range(TRIES):
            items = list(find())
            if not items:
                return gone
            with suppress(ConflictError):
                for start in range(0, len(items), BATCH):
                    part = items[start : start + BATCH]
                    self._table.transact([Delete(item) for item in part])
                    gone += len(part)
        raise _busy()


def _busy() -> StoreError:
    return StoreError("The subscriber is being changed all the time.", "Try again in a moment.")
