"""A person as read in one go, and the writes that change them as a whole: one transaction, or nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from chalicelib.audience.subscriber import (
    Evidence,
    Membership,
    MemberState,
    Profile,
    evidence_key,
    evidence_to_data,
    membership_from_data,
    membership_key,
    membership_to_data,
    moved_key,
    profile_from_data,
    profile_key,
    profile_to_data,
    suppression_key,
)
from chalicelib.audience.suppression import Suppression, read_suppression
from chalicelib.errors import ConflictError, StoreError
from chalicelib.store import Insert, Item, Key, Put, Replace, Table, Write

TRIES = 20
MOVES = 10
"""Changes of address that an old link follows."""

Announce = Callable[[str, Evidence], Sequence[Write]]
"""What else is written with a piece of evidence about a person's id, such as what other programs are told."""
T = TypeVar("T")


def nothing_more(_sid: str, _evidence: Evidence) -> Sequence[Write]:
    """Nobody else is told."""
    return ()


@dataclass(frozen=True, slots=True)
class Person:
    """One person, whether known or not. ``members`` are all memberships by newsletter, in whatever state."""

    sid: str
    profile: Profile | None
    members: Mapping[str, Membership]
    stopped: Suppression | None
    items: Mapping[Key, Item]

    @property
    def confirmed(self) -> dict[str, Membership]:
        """The newsletters they get."""
        return {name: one for name, one in self.members.items() if one.state is MemberState.CONFIRMED}


def load_person(table: Table, sid: str, newsletters: Iterable[str]) -> Person:
    """A person with their memberships in ``newsletters`` and in all others the profile names."""
    names = set(newsletters)
    keys = [profile_key(sid), suppression_key(sid)]
    items = table.get_many([*keys, *(membership_key(name, sid) for name in sorted(names))])
    about = items.get(profile_key(sid))
    profile = profile_from_data(sid, about.data) if about else None
    if profile and (others := sorted(set(profile.newsletters) - names)):
        items |= table.get_many([membership_key(name, sid) for name in others])
        names.update(others)
    found = ((name, items.get(membership_key(name, sid))) for name in sorted(names))
    stop = items.get(suppression_key(sid))
    return Person(
        sid=sid,
        profile=profile,
        members={name: membership_from_data(name, sid, item.data) for name, item in found if item},
        stopped=read_suppression(sid, stop) if stop else None,
        items=items,
    )


def current_id(table: Table, sid: str) -> str:
    """The id under which a person is known now: another one after a change of address."""
    for _ in range(MOVES):
        item = table.get(moved_key(sid))
        if item is None:
            break
        sid = str(item.data["to"])
    return sid


def person_writes(person: Person, changed: Sequence[Membership], about: Profile, evidence: Sequence[Evidence],
                  announce: Announce = nothing_more) -> list[Write]:  # fmt: skip
    """The changed memberships, the profile with their states, and the evidence: each under the version read."""
    states = {one.newsletter: str(one.state) for one in changed}
    data = profile_to_data(about) | {"newsletters": {**about.newsletters, **states}}
    writes: list[Write] = [_kept(person, one.key, membership_to_data(one)) for one in changed]
    writes.append(_kept(person, profile_key(person.sid), data))
    for one in evidence:
        writes.append(Put(evidence_key(person.sid, one), evidence_to_data(one)))
        writes += announce(person.sid, one)
    return writes


def _kept(person: Person, key: Key, data: Mapping[str, object]) -> Write:
    item = person.items.get(key)
    return Replace(item, data) if item else Insert(key, data)


def settle(table: Table, attempt: Callable[[], tuple[T, Sequence[Write]]]) -> T:
    """Decide and write until nobody was faster. Raises StoreError where others write all the time."""
    for _ in range(TRIES):
        result, writes = attempt()
        try:
            if writes:
                table.transact(writes)
        except ConflictError:
            continue
        return result
    raise StoreError("The subscriber is being changed all the time.", "Try again in a moment.")
