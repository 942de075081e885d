"""Subscribers, memberships and the evidence of consent: values and where they lie in the table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from chalicelib.store import Key

SHARDS = "0123456789abcdef"


class MemberState(StrEnum):
    """Whether a person gets a newsletter."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"


class Basis(StrEnum):
    """The legal ground on which somebody is written to (Art. 6 GDPR)."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGITIMATE_INTEREST = "legitimate-interest"


@dataclass(frozen=True, slots=True)
class Membership:
    """All that sending reads of one person in one newsletter. ``topics`` None means all.

    ``paused_until`` is the ISO date (in the site's zone) of the first day on which mails come again, '' where there is
    no pause. ``joined`` is the ISO moment (UTC) of the confirmation. ``marks`` are facts that segments ask for, as
    ``kind:value``: ``tag:speaker``, ``opened-survey:spring``. ``zone`` is the IANA name of where they are at home, ''
    for the site's: what comes at a local time comes at theirs.
    """

    newsletter: str
    sid: str
    address: str
    name: str = ""
    language: str = ""
    topics: frozenset[str] | None = None
    cadence: str = "every"
    state: MemberState = MemberState.CONFIRMED
    paused_until: str = ""
    joined: str = ""
    marks: frozenset[str] = frozenset()
    zone: str = ""

    @property
    def key(self) -> Key:
        """Where it lies."""
        return membership_key(self.newsletter, self.sid)


@dataclass(frozen=True, slots=True)
class Profile:
    """One person: the address as typed, the name, the language, and the state in each newsletter.

    ``former`` are the ids they had under earlier addresses, which links in old mails still bear.
    """

    sid: str
    address: str
    name: str = ""
    language: str = ""
    created: str = ""
    newsletters: Mapping[str, str] = field(default_factory=dict)
    former: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What happened to a person's consent, when, how: append only. ``at`` is aware, UTC.

    ``form`` is the version of the form that was filled in, ``text`` the SHA-256 (hex) of the words it showed,
    ``asked`` the ISO moment it was sent; ``what`` says what was chosen, in words.
    """

    at: datetime
    action: str
    newsletter: str
    basis: str = ""
    how: str = ""
    form: str = ""
    text: str = ""
    asked: str = ""
    what: str = ""


def membership_key(newsletter: str, sid: str) -> Key:
    """A membership's key; the shard is the id's first digit."""
    return Key(f"LIST#{newsletter}#{sid[0]}", sid)


def profile_key(sid: str) -> Key:
    """A profile's key."""
    return Key(f"SUBSCRIBER#{sid}", "PROFILE")


def moved_key(sid: str) -> Key:
    """Where it says under which id a person is known now who changed their address."""
    return Key(f"MOVED#{sid}", "-")


def suppression_key(sid: str) -> Key:
    """A suppression's key: it survives the person's erasure and names nobody. The shard is the id's first digit."""
    return Key(f"SUPPRESSED#{sid[0]}", sid)


def evidence_key(sid: str, evidence: Evidence) -> Key:
    """An evidence's key, in the order of time."""
    at = evidence.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return Key(f"SUBSCRIBER#{sid}", f"CONSENT#{at}#{evidence.newsletter}#{evidence.action}")


def membership_to_data(membership: Membership) -> dict[str, Any]:
    """The item of a membership; what has its usual value is left out, since there may be millions."""
    data: dict[str, Any] = {"address": membership.address, "state": str(membership.state)}
    if membership.name:
        data["name"] = membership.name
    if membership.language:
        data["language"] = membership.language
    if membership.topics is not None:
        data["topics"] = sorted(membership.topics)
    if membership.cadence != "every":
        data["cadence"] = membership.cadence
    if membership.paused_until:
        data["paused"] = membership.paused_until
    if membership.joined:
        data["joined"] = membership.joined
    if membership.marks:
        data["marks"] = sorted(membership.marks)
    if membership.zone:
        data["zone"] = membership.zone
    return data


def membership_from_data(newsletter: str, sid: str, data: Mapping[str, Any]) -> Membership:
    """The membership that ``membership_to_data`` wrote."""
    topics = data.get("topics")
    return Membership(
        newsletter=newsletter,
        sid=sid,
        address=data["address"],
        name=data.get("name", ""),
        language=data.get("language", ""),
        topics=None if topics is None else frozenset(topics),
        cadence=data.get("cadence", "every"),
        state=MemberState(data["state"]),
        paused_until=data.get("paused", ""),
        joined=data.get("joined", ""),
        marks=frozenset(data.get("marks", ())),
        zone=data.get("zone", ""),
    )


def profile_to_data(profile: Profile) -> dict[str, Any]:
    """The item of a profile."""
    return {
        "address": profile.address,
        "name": profile.name,
        "language": profile.language,
        "created": profile.created,
        "newsletters": dict(profile.newsletters),
        **({"former": list(profile.former)} if profile.former else {}),
    }


def profile_from_data(sid: str, data: Mapping[str, Any]) -> Profile:
    """The profile that ``profile_to_data`` wrote."""
    named = (data["address"], data["name"], data["language"], data["created"], data["newsletters"])
    return Profile(sid, *named, tuple(data.get("former", ())))


def evidence_to_data(evidence: Evidence) -> dict[str, Any]:
    """The item of a piece of evidence."""
    data = {
        "at": evidence.at.isoformat(),
        "action": evidence.action,
        "newsletter": evidence.newsletter,
        "basis": evidence.basis,
        "how": evidence.how,
    }
    more = {"form": evidence.form, "text": evidence.text, "asked": evidence.asked, "what": evidence.what}
    return {**data, **{name: value for name, value in more.items() if value}}
