"""Changing one's address: asked for by the preferences page, done once the new mailbox confirms it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.audience.people import Announce, Person, load_person, nothing_more, person_writes, settle
from chalicelib.audience.subscriber import (
    Evidence,
    Membership,
    MemberState,
    Profile,
    membership_key,
    moved_key,
    profile_key,
    suppression_key,
)
from chalicelib.audience.suppression import WAY_BACK
from chalicelib.store import Delete, Insert, Item, Key, Put, Replace, Table, Write, every

WAITS = timedelta(days=2)
HOW = "the page that confirms a new address"


class Moves:
    """Changes of address, from asking to done."""

    def __init__(self, table: Table, announce: Announce = nothing_more) -> None:
        self._table, self._announce = table, announce

    def ask(self, sid: str, new: str, address: str, now: datetime) -> None:
        """Remember that a person wants to be written to at another address (``new`` is its id)."""
        expires = int((now + WAITS).timestamp())
        self._table.put_many([Put(change_key(sid), {"to": new, "address": address, "at": now.isoformat()}, expires)])

    def asked(self, sid: str) -> tuple[str, str] | None:
        """The id and the address that a person wants to change to."""
        item = self._table.get(change_key(sid))
        return (str(item.data["to"]), str(item.data["address"])) if item else None

    def confirm(self, sid: str, new: str, now: datetime) -> Person | None:
        """Move a person to the address they asked for: memberships, choices, evidence. Safe to repeat.

        None where it was not asked for or is done, where the person is gone, or a complaint or an editor stops mail
        to the new address. Where that is known already, the two become one, and what it gets already stands.
        """

        def attempt() -> tuple[Person | None, Sequence[Write]]:
            asked = self._table.get(change_key(sid))
            old = load_person(self._table, sid, ())
            if asked is None or asked.data["to"] != new or old.profile is None or new == sid:
                return None, []
            there = load_person(self._table, new, old.members)
            if there.stopped and there.stopped.reason not in WAY_BACK:
                return None, []
            moved = _moved(old, there, str(asked.data["address"]))
            about = _merged(old.profile, there.profile, new, str(asked.data["address"]))
            self._copy_evidence(sid, new)
            evidence = [Evidence(now, "moved", "", how=HOW)]
            writes = [
                *person_writes(there, moved, about, evidence, self._announce),
                *self._gone(old, there, asked, new, now),
            ]
            members = {**there.members, **{one.newsletter: one for one in moved}}
            return replace(there, profile=about, members=members), writes

        found = settle(self._table, attempt)
        if found:
            self._sweep(sid)
        return found

    def _gone(self, old: Person, there: Person, asked: Item, new: str, now: datetime) -> Iterator[Write]:
        """What is left behind goes, but for where to look: links in old mails bear the old id."""
        for name in old.members:
            yield Delete(old.items[membership_key(name, old.sid)])
        yield Delete(old.items[profile_key(old.sid)])
        yield Delete(asked)
        pointer = self._table.get(moved_key(old.sid))
        data = {"to": new, "at": now.isoformat()}
        yield Replace(pointer, data) if pointer else Insert(moved_key(old.sid), data)
        back = self._table.get(moved_key(new))
        if back:  # somebody returns to an address they had: no circle of pointers
            yield Delete(back)
        stop = there.items.get(suppression_key(new))
        if stop:
            yield Delete(stop)

    def _copy_evidence(self, sid: str, new: str) -> None:
        """Evidence is only ever added, so copying it twice is harmless."""
        found = every(self._table, f"SUBSCRIBER#{sid}", prefix="CONSENT#")
        self._table.put_many(Put(Key(f"SUBSCRIBER#{new}", item.key.sk), item.data) for item in found)

    def _sweep(self, sid: str) -> None:
        left = list(every(self._table, f"SUBSCRIBER#{sid}"))
        for start in range(0, len(left), 100):
            self._table.transact([Delete(item) for item in left[start : start + 100]])


def change_key(sid: str) -> Key:
    """Where a wish to change the address waits, within the person's own partition."""
    return Key(f"SUBSCRIBER#{sid}", "CHANGE")


def _moved(old: Person, there: Person, address: str) -> list[Membership]:
    """The memberships under the new id: what is confirmed there already stands, the rest comes along."""
    moved = []
    for name, one in old.members.items():
        present = there.members.get(name)
        if present is None or (present.state is not MemberState.CONFIRMED and one.state is MemberState.CONFIRMED):
            moved.append(replace(one, sid=there.sid, address=address))
    return moved


def _merged(old: Profile, there: Profile | None, new: str, address: str) -> Profile:
    former = dict.fromkeys((*old.former, old.sid, *(there.former if there else ())))
    former.pop(new, None)
    return Profile(
        sid=new,
        address=address,
        name=old.name or (there.name if there else ""),
        language=old.language or (there.language if there else ""),
        created=min(old.created, there.created) if there else old.created,
        newsletters=there.newsletters if there else {},
        former=tuple(former),
    )
