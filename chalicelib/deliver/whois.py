"""What one person got, when, and why not: the answer to "I did not get it". All of it is read from how things stand."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.audience.bounces import soft_bounces
from chalicelib.audience.dossier import ids_of, who
from chalicelib.audience.people import Person, load_person
from chalicelib.audience.subscriber import Membership, MemberState
from chalicelib.audience.suppression import Suppression, Suppressions
from chalicelib.audience.tokens import MailTokens, Secrets
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.content.values import Site
from chalicelib.deliver.hearing.references import edition_reference, signed_message_id
from chalicelib.deliver.pairing import WITH_HOST
from chalicelib.deliver.sends import Send, Sends
from chalicelib.store import Blobs, Table

KEPT = timedelta(days=366)
WAITS = "comes in its turn"


@dataclass(frozen=True, slots=True)
class Story:
    """One person. ``got`` has a row for each edition of their newsletters in the last year, the newest first."""

    person: Person
    suppression: Suppression | None
    soft_bounces: tuple[str, ...]
    got: tuple[dict[str, Any], ...]

    @property
    def known(self) -> bool:
        """Whether anything is known of the address."""
        return bool(self.person.profile or self.person.members or self.suppression or self.got)

    def as_dict(self, now: datetime) -> dict[str, Any]:
        """For programs. ``reachable`` says whether the next edition would come."""
        profile, stop = self.person.profile, self.suppression
        return {
            "address": profile.address if profile else "",
            "name": profile.name if profile else "",
            "language": profile.language if profile else "",
            "memberships": [self._member(one, now) for one in self.person.members.values()],
            "suppression": {"who": stop.who, "reason": str(stop.reason), "at": stop.at, "note": stop.note,
                            "by": stop.by} if stop else None,
            "soft_bounces": list(self.soft_bounces),
            "editions": list(self.got),
        }  # fmt: skip

    def _member(self, one: Membership, now: datetime) -> dict[str, Any]:
        topics = None if one.topics is None else sorted(one.topics)
        return {
            "newsletter": one.newsletter, "state": str(one.state), "why_not": self.why_not(one, now),
            "topics": topics, "cadence": one.cadence, "language": one.language, "zone": getattr(one, "zone", ""),
            "paused_until": one.paused_until, "joined": one.joined,
        }  # fmt: skip

    def why_not(self, member: Membership, now: datetime) -> str:
        """Why the next edition of a newsletter would not come; '' where it would, if it has something for them."""
        if self.suppression:
            return f"suppressed: {self.suppression.reason}"
        if member.state is not MemberState.CONFIRMED:
            return "left" if member.state is MemberState.UNSUBSCRIBED else str(member.state)
        return f"paused until {member.paused_until}" if member.paused_until > now.date().isoformat() else ""


class Whois:
    """Looks people up in one site."""

    def __init__(self, site: Site, table: Table, blobs: Blobs, secrets: Secrets) -> None:
        self._site, self._table, self._sends = site, table, Sends(table, blobs)
        self._editions, self._signer = EditionStore(table, blobs), MailTokens(secrets)

    def story(self, sid: str, address: str, now: datetime) -> Story:
        """All about a person, also by the id of an address from before a change."""
        own = who(self._table, sid)
        person = load_person(self._table, own, self._site.newsletters)
        suppression = Suppressions(self._table).of(own, person.profile.address if person.profile else address)
        got = sorted(self._got(person, ids_of(person), now), key=lambda row: row["at"], reverse=True)
        return Story(person, suppression, tuple(soft_bounces(self._table, own)), tuple(got))

    def _got(self, person: Person, ids: Collection[str], now: datetime) -> Iterator[dict[str, Any]]:
        """Newsletters they never were in have nothing to say of them."""
        for newsletter in person.members:
            found = {send.edition: send for send in self._sends.of(ids, [newsletter])}
            for edition in self._editions.of(newsletter):
                if now - edition.slot_at <= KEPT and edition.chunks:
                    yield self._row(edition, found.get(edition.id), person.members[newsletter], now)

    def _row(self, edition: Edition, send: Send | None, member: Membership, now: datetime) -> dict[str, Any]:
        row: dict[str, Any] = {"edition": edition.id, "at": edition.slot_at.isoformat(), "message_id": "", "heard": []}
        if send is None:
            return row | {"outcome": "none", "reason": _not_among(edition, member)}
        waits = send.outcome in {"pending", "deferred"} and edition.state is State.SENDING
        reason = "; ".join(part for part in (send.reason, self._turn(send, now) if waits else "") if part)
        reference = edition_reference(edition.id, send.chunk, send.position)
        domain = self._site.sender.address.rpartition("@")[2]
        message_id = signed_message_id(reference, self._signer, domain)
        handed = send.outcome not in {"pending", "deferred", "skipped"}
        told = {"outcome": send.outcome, "reason": reason, "heard": send.heard}
        return row | told | {"message_id": message_id if handed else ""}

    def _turn(self, send: Send, now: datetime) -> str:
        """When a mail that is not out yet is due."""
        if send.again == WITH_HOST:
            return ""
        if send.again <= now.timestamp():
            return WAITS
        return f"due at {datetime.fromtimestamp(send.again, self._site.time_zone):%Y-%m-%d %H:%M}"


def _not_among(edition: Edition, member: Membership) -> str:
    if edition.state is State.SENDING and edition.planned is None:
        return "its recipients are still being gathered"
    if member.joined > edition.slot_at.astimezone(UTC).isoformat():
        return "joined after it"
    return "not among its recipients, or these are not kept any more"


__all__ = ["WAITS", "Story", "Whois"]
