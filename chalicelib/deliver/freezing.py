"""What becomes of each member when an edition is planned: a variant, a reason to get none, a time to wait for. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.audience.subscriber import Membership, MemberState
from chalicelib.compose.edition import Content
from chalicelib.compose.gathering import MONTHLY
from chalicelib.content.values import Site
from chalicelib.deliver.chunks import Recipient
from chalicelib.deliver.own_time import Wait
from chalicelib.deliver.pairing import WITH_HOST
from chalicelib.render.variants import Variant, variant_for, variant_with_guest

NOT_FOR_THEM = "nothing of this edition is in their topics"
OTHER_CADENCE = "gets the monthly gathering instead"
Choice = tuple[str, frozenset[str] | None]
"""A language and topics."""


@dataclass(frozen=True, slots=True)
class Plan:
    """An edition as its planning sees it: what it says, whom its filters admit, until when a zone waits."""

    site: Site
    content: Content
    admits: Callable[[Membership], bool]
    wait: Callable[[str], Wait | None]
    guest: "Guest | None" = None
    host: str = ""
    among_hosts: Callable[[str], bool] = lambda _sid: False
    """Whether somebody (asked in the order of ids) gets it in the mail of ``host``."""
    known: dict[Choice, Variant | None] = field(default_factory=dict)
    """What was found for whoever chose the same: a million readers have a few hundred choices."""

    def takes(self, member: Membership) -> bool:
        """Whether a member is among the recipients at all: a gathering is for those who chose it."""
        return (gathers(self.site, member) or not self.content.gathering) and self.admits(member)

    def variant(self, member: Membership) -> Variant | None:
        """What a member gets of it."""
        choice = (member.language, member.topics)
        if choice not in self.known:
            site, language = self.site, member.language or self.site.fallback
            self.known[choice] = variant_for(self.content, site.languages, site.fallback, language, member.topics)
        return self.known[choice]

    def skipped(self, member: Membership, variant: Variant | None) -> str:
        """Why a member gets none, '' where they do."""
        if variant is None:
            return NOT_FOR_THEM
        return OTHER_CADENCE if gathers(self.site, member) and not self.content.gathering else ""


@dataclass(frozen=True, slots=True)
class Guest:
    """An edition that shares the mails of another one: its plan, and what both say."""

    plan: Plan
    both: Content

    def variant(self, member: Membership | None, host: Variant) -> Variant | None:
        """What somebody gets of both; None where they get the host's alone."""
        if member is None or member.state is not MemberState.CONFIRMED or not self.plan.takes(member):
            return None
        own = self.plan.variant(member)
        return None if own is None or self.plan.skipped(member, own) else variant_with_guest(self.both, host, own)


@dataclass(slots=True)
class Frozen:
    """A chunk as it is to be stored: recipients in order, and by position who is skipped or waits; the variants."""

    recipients: list[Recipient] = field(default_factory=list)
    skips: dict[int, str] = field(default_factory=dict)
    waits: dict[int, tuple[float, str]] = field(default_factory=dict)
    variants: dict[str, Variant] = field(default_factory=dict)


def freeze(plan: Plan, members: Sequence[Membership], guests: Mapping[str, Membership] | None = None) -> Frozen:
    """The chunk of some members; ``guests`` are those of them who are members of the guest's newsletter too, by id."""
    frozen = Frozen()
    for position, member in enumerate(members):
        variant, both = plan.variant(member), None
        why, with_host = plan.skipped(member, variant), plan.among_hosts(member.sid)
        if why:
            frozen.skips[position] = why
        elif variant:
            both = plan.guest.variant((guests or {}).get(member.sid), variant) if plan.guest else None
            frozen.variants.update({one.key: one for one in (variant, both) if one})
            if wait := (WITH_HOST, f"comes in the mail of {plan.host}") if with_host else plan.wait(member.zone):
                frozen.waits[position] = wait
        frozen.recipients.append(Recipient(member.sid, variant.key if variant else "", both.key if both else ""))
    return frozen


def gathers(site: Site, member: Membership) -> bool:
    """Whether a member gets gatherings: chose them, where the newsletter has any."""
    return member.cadence == MONTHLY and MONTHLY in site.newsletters[member.newsletter].cadences
