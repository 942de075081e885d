"""Taking many people in at once, each with evidence; whoever left, moved or is suppressed stays as they are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.audience.people import Announce, nothing_more
from chalicelib.audience.subscriber import (
    Basis,
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
)
from chalicelib.audience.suppression import stopped_members
from chalicelib.errors import ConflictError, StoreError
from chalicelib.store import MAX_TRANSACTION, Insert, Item, Key, Put, Replace, Table, Write

TRIES = 20
MOST = MAX_TRANSACTION // 3
"""People in one transaction: a membership, a profile and a piece of evidence each."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One person to be taken in. ``what`` goes into the evidence: where it is said, and since when."""

    member: Membership
    what: str = ""


@dataclass(frozen=True, slots=True)
class Intake:
    """How people come in: on what ground, from where. ``announce`` is what other programs are told of each."""

    table: Table
    basis: Basis
    how: str
    now: datetime
    announce: Announce = nothing_more

    def admit(self, wanted: Sequence[Wanted]) -> list[str]:
        """Make people members, all of them or nobody; what became of each: new, changed, same or why not.

        Whoever has left, is suppressed (themselves or their domain) or has changed their address since is not taken
        back: 'unsubscribed', 'suppressed', 'moved'. At most MOST at once, no person twice; fewer where there is
        something to announce. Those whose state is unsubscribed are kept as such where they are not known yet.
        """
        for _ in range(TRIES):
            results, writes = self._decide(wanted)
            if not writes:
                return results
            try:
                self.table.transact(writes)
            except ConflictError:
                continue
            return results
        raise StoreError("The subscribers are being changed all the time.", "Try again in a moment.")

    def members(self, newsletter: str, sids: Sequence[str]) -> dict[str, Membership]:
        """Which of some people get a newsletter now."""
        found = self.table.get_many([membership_key(newsletter, sid) for sid in sids])
        members = {key.sk: membership_from_data(newsletter, key.sk, item.data) for key, item in found.items()}
        return {sid: member for sid, member in members.items() if member.state is MemberState.CONFIRMED}

    def _decide(self, wanted: Sequence[Wanted]) -> tuple[list[str], list[Write]]:
        keys: list[Key] = []
        for one in wanted:
            sid = one.member.sid
            keys += (one.member.key, profile_key(sid), moved_key(sid))
        found = self.table.get_many(keys)
        stopped = stopped_members(self.table, [one.member for one in wanted])
        results: list[str] = []
        writes: list[Write] = []
        today = self.now.isoformat()
        for one in wanted:
            result, member = _what_becomes(one.member, found, today)
            result = "suppressed" if one.member.sid in stopped else result
            results.append(result)
            if result in {"new", "changed"}:
                writes += self._writes(member, found, "changed" if result == "changed" else "", one.what)
        return results, writes

    def _writes(self, member: Membership, found: dict[Key, Item], action: str, what: str) -> list[Write]:
        """The membership, the profile and the evidence, each under the version that was read."""
        old, person = found.get(member.key), found.get(profile_key(member.sid))
        begun = "subscribed" if member.state is MemberState.CONFIRMED else str(member.state)
        evidence = Evidence(self.now, action or begun, member.newsletter, str(self.basis), self.how, what=what)
        data, about = membership_to_data(member), profile_to_data(_profile(member, person, self.now))
        return [
            Replace(old, data) if old else Insert(member.key, data),
            Replace(person, about) if person else Insert(profile_key(member.sid), about),
            Put(evidence_key(member.sid, evidence), evidence_to_data(evidence)),
            *self.announce(member.sid, evidence),
        ]


def _what_becomes(wanted: Membership, found: dict[Key, Item], today: str) -> tuple[str, Membership]:
    """A member's own choices stand: an import only fills in what is not known yet."""
    old = found.get(wanted.key)
    if old is None:
        if moved_key(wanted.sid) in found:
            return "moved", wanted
        return "new", wanted if wanted.joined else replace(wanted, joined=today)
    known = membership_from_data(wanted.newsletter, wanted.sid, old.data)
    if known.state is MemberState.UNSUBSCRIBED:
        return "unsubscribed", known
    if known.state is not MemberState.CONFIRMED:
        return "changed", replace(wanted, joined=wanted.joined or today)
    filled = replace(
        known,
        name=known.name or wanted.name,
        language=known.language or wanted.language,
        marks=known.marks | wanted.marks,
        zone=known.zone or wanted.zone,
    )
    return ("same" if filled == known else "changed"), filled


def _profile(member: Membership, person: Item | None, now: datetime) -> Profile:
    state = {member.newsletter: str(member.state)}
    if person is None:
        return Profile(member.sid, member.address, member.name, member.language, now.isoformat(), state)
    known = profile_from_data(member.sid, person.data)
    return replace(
        known,
        address=member.address,
        name=member.name or known.name,
        language=member.language or known.language,
        newsletters={**known.newsletters, **state},
    )
