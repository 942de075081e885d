"""What changes when somebody arranges anew what they get: memberships and evidence. Pure."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from chalicelib.audience.choices import Wishes, describe
from chalicelib.audience.people import Person
from chalicelib.audience.subscriber import Basis, Evidence, Membership, MemberState


def rearranged(
    person: Person, wishes: Wishes, shown: Collection[str], now: datetime, how: str
) -> tuple[list[Membership], list[Evidence]]:
    """The memberships that change, and the evidence of each; a newsletter that was not ``shown`` is kept.

    What was shown and is not wanted any more is left; language, zone, name and pause go into every membership kept.
    """
    changed, evidence = list[Membership](), list[Evidence]()
    for name in dict.fromkeys([*person.confirmed, *wishes.newsletters]):
        new = _wanted(person, name, wishes, shown, now)
        if new == person.members.get(name):
            continue
        changed.append(new)
        evidence.append(_evidence(person.confirmed.get(name), new, now, how))
    return changed, evidence


def _wanted(person: Person, name: str, wishes: Wishes, shown: Collection[str], now: datetime) -> Membership:
    old, choices = person.members.get(name), wishes.newsletters.get(name)
    if choices is None and old and name in shown:
        return replace(old, state=MemberState.UNSUBSCRIBED, paused_until="")
    if old and old.state is MemberState.UNSUBSCRIBED and name in wishes.had:
        return old  # they left after the form was shown: leaving wins
    back = old is None or old.state is not MemberState.CONFIRMED
    address = person.profile.address if person.profile else ""
    base = old or Membership(name, person.sid, address)
    return replace(
        base,
        name=wishes.name,
        language=wishes.language or base.language,
        topics=choices.topics if choices else base.topics,
        cadence=choices.cadence if choices else base.cadence,
        state=MemberState.CONFIRMED,
        paused_until=wishes.paused_until,
        joined=now.isoformat() if back else base.joined,
        zone=wishes.zone,
    )


def _evidence(old: Membership | None, new: Membership, now: datetime, how: str) -> Evidence:
    if new.state is MemberState.UNSUBSCRIBED:
        return Evidence(now, "unsubscribed", new.newsletter, how=how)
    action, basis = ("chose", "") if old else ("subscribed", str(Basis.CONSENT))
    return Evidence(now, action, new.newsletter, basis, how, what=describe(new))
