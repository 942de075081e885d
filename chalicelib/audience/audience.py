"""The verbs of this room: subscribe, arrange, leave, suppress, look up, erase. Each is one transaction."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from chalicelib.audience.address import clean_name, parse_address, subscriber_id
from chalicelib.audience.arranging import rearranged
from chalicelib.audience.choices import Wishes
from chalicelib.audience.erasing import Elsewhere, Erased, Erasing, nowhere
from chalicelib.audience.intake import Intake, Wanted
from chalicelib.audience.people import (
    Announce,
    Person,
    current_id,
    load_person,
    nothing_more,
    person_writes,
    settle,
)
from chalicelib.audience.subscriber import (
    SHARDS,
    Basis,
    Evidence,
    Membership,
    MemberState,
    Profile,
    membership_from_data,
    membership_key,
    profile_from_data,
    profile_key,
)
from chalicelib.audience.suppression import Reason, Suppressions
from chalicelib.audience.tokens import Secrets
from chalicelib.errors import NotFoundError
from chalicelib.store import Table, Write, every


class Audience:
    """All subscribers of a site."""

    def __init__(self, table: Table, secrets: Secrets, announce: Announce = nothing_more,
                 elsewhere: Elsewhere = nowhere) -> None:  # fmt: skip
        self._table, self._secrets, self._announce, self._elsewhere = table, secrets, announce, elsewhere

    def sid(self, address: str) -> str:
        """The id of an address. Raises AddressError."""
        return subscriber_id(parse_address(address), self._secrets.sid_key)

    def subscribe(
        self, wanted: Sequence[Membership], basis: Basis, how: str, now: datetime, announce: Announce = nothing_more
    ) -> list[str]:
        """Make people members, with evidence; what became of each, see Intake. At most 25 at once, no person twice."""
        return Intake(self._table, basis, how, now, announce).admit([Wanted(one) for one in wanted])

    def leave(self, sid: str, newsletter: str, now: datetime, how: str, why: str = "") -> bool:
        """Unsubscribe, also by a link from before a change of address; False where it was so. Safe to repeat."""

        def attempt() -> tuple[bool, Sequence[Write]]:
            person = load_person(self._table, self._known_as(sid, newsletter), [newsletter])
            left, writes = self._leaving(person, [newsletter], now, how, why)
            return bool(left), writes

        return settle(self._table, attempt)

    def leave_all(self, sid: str, now: datetime, how: str, why: str = "") -> list[str]:
        """Unsubscribe from everything; from what. Safe to repeat."""

        def attempt() -> tuple[list[str], Sequence[Write]]:
            person = load_person(self._table, current_id(self._table, sid), [])
            return self._leaving(person, list(person.members), now, how, why)

        return settle(self._table, attempt)

    def _known_as(self, sid: str, newsletter: str) -> str:
        """The id whose membership it is: an address that moved has another one by now."""
        return sid if self._table.get(membership_key(newsletter, sid)) else current_id(self._table, sid)

    def _leaving(
        self, person: Person, newsletters: Sequence[str], now: datetime, how: str, why: str
    ) -> tuple[list[str], Sequence[Write]]:
        there = [person.members[name] for name in newsletters if name in person.members]
        gone = [replace(one, state=MemberState.UNSUBSCRIBED) for one in there if one.state != MemberState.UNSUBSCRIBED]
        if not gone:
            return [], []
        evidence = [Evidence(now, "unsubscribed", one.newsletter, how=how, what=why) for one in gone]
        about = person.profile or Profile(person.sid, gone[0].address, gone[0].name, gone[0].language, now.isoformat())
        return [one.newsletter for one in gone], person_writes(person, gone, about, evidence, self._announce)

    def arrange(self, sid: str, wishes: Wishes, shown: Collection[str], now: datetime, how: str) -> Person | None:
        """Keep what somebody wants of the newsletters that were ``shown``, with evidence. Safe to repeat.

        None, and nothing changed, for whoever is unknown here or suppressed: a link to choose confirms no address.
        """

        def attempt() -> tuple[Person | None, Sequence[Write]]:
            person = load_person(self._table, sid, shown)
            if person.profile is None or person.stopped:
                return None, []
            changed, evidence = rearranged(person, wishes, shown, now, how)
            about = replace(person.profile, name=wishes.name, language=wishes.language or person.profile.language)
            if not changed and about == person.profile:
                return person, []
            members = {**person.members, **{one.newsletter: one for one in changed}}
            writes = person_writes(person, changed, about, evidence, self._announce)
            return replace(person, profile=about, members=members), writes

        return settle(self._table, attempt)

    def person(self, sid: str) -> Person:
        """One person by id, also by one from before a change of address; ``profile`` is None for a stranger."""
        return load_person(self._table, current_id(self._table, sid), [])

    def suppress(self, sid: str, reason: str, now: datetime) -> None:
        """Never write to this person again, in any newsletter, until somebody lifts it. Raises ValueError."""
        Suppressions(self._table, self._announce).add(sid, Reason(reason), now)

    def profile(self, address: str) -> Profile:
        """One person. Raises NotFoundError, AddressError."""
        sid = self.sid(address)
        item = self._table.get(profile_key(sid))
        if item is None:
            raise NotFoundError(f"There is no subscriber {address}.")
        return profile_from_data(sid, item.data)

    def history(self, sid: str) -> list[dict[str, str]]:
        """The evidence of a person's consent, oldest first."""
        return [dict(item.data) for item in every(self._table, f"SUBSCRIBER#{sid}", prefix="CONSENT#")]

    def membership(self, newsletter: str, sid: str) -> Membership | None:
        """A person's membership, in whatever state."""
        item = self._table.get(membership_key(newsletter, sid))
        return membership_from_data(newsletter, sid, item.data) if item else None

    def members(self, newsletter: str) -> Iterator[Membership]:
        """All memberships of a newsletter, in whatever state, shard by shard."""
        for shard in SHARDS:
            for item in every(self._table, f"LIST#{newsletter}#{shard}"):
                yield membership_from_data(newsletter, item.key.sk, item.data)

    def has_monthly(self, newsletter: str) -> bool:
        """Whether a confirmed member of a newsletter chose the monthly cadence."""
        return any(m.cadence == "monthly" and m.state is MemberState.CONFIRMED for m in self.members(newsletter))

    def erase(self, sid: str, now: datetime) -> Erased:
        """Forget a person altogether, but for a suppression that names nobody. Safe to repeat. See erasing.py."""
        return Erasing(self._table, self._secrets, self._announce, self._elsewhere).erase(sid, now)


def make_member(secrets: Secrets, newsletter: str, address: str, name: str, language: str) -> Membership:
    """A confirmed membership from what somebody typed. Raises AddressError."""
    checked = parse_address(address)
    sid = subscriber_id(checked, secrets.sid_key)
    return Membership(newsletter, sid, checked, clean_name(name), language)
