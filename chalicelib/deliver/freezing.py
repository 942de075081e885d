"""What becomes of each member when an edition is planned: a variant, a reason to get none, a time to wait for. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chalicelib.audience.subscriber import Membership
from chalicelib.compose.edition import Content
from chalicelib.compose.gathering import MONTHLY
from chalicelib.content.values import Site
from chalicelib.deliver.chunks import Recipient
from chalicelib.deliver.own_time import Wait
from chalicelib.render.variants import Variant, variant_for

NOT_FOR_THEM = "nothing of this edition is in their topics"
OTHER_CADENCE = "gets the monthly gathering instead"


@dataclass(frozen=True, slots=True)
class Plan:
    """An edition as its planning sees it: what it says, whom its filters admit, until when a zone waits."""

    site: Site
    content: Content
    admits: Callable[[Membership], bool]
    wait: Callable[[str], Wait | None]

    def takes(self, member: Membership) -> bool:
        """Whether a member is among the recipients at all: a gathering is for those who chose it."""
        return (gathers(self.site, member) or not self.content.gathering) and self.admits(member)

    def variant(self, member: Membership) -> Variant | None:
        """What a member gets of it."""
        site, language = self.site, member.language or self.site.fallback
        return variant_for(self.content, site.languages, site.fallback, language, member.topics)

    def skipped(self, member: Membership, variant: Variant | None) -> str:
        """Why a member gets none, '' where they do."""
        if variant is None:
            return NOT_FOR_THEM
        return OTHER_CADENCE if gathers(self.site, member) and not self.content.gathering else ""


@dataclass(slots=True)
class Frozen:
    """A chunk as it is to be stored: recipients in order, and by position who is skipped or waits; the variants."""

    recipients: list[Recipient] = field(default_factory=list)
    skips: dict[int, str] = field(default_factory=dict)
    waits: dict[int, tuple[float, str]] = field(default_factory=dict)
    variants: dict[str, Variant] = field(default_factory=dict)


def freeze(plan: Plan, members: Sequence[Membership]) -> Frozen:
    """The chunk of some members."""
    frozen = Frozen()
    for position, member in enumerate(members):
        variant = plan.variant(member)
        why = plan.skipped(member, variant)
        if why:
            frozen.skips[position] = why
        elif variant:
            frozen.variants[variant.key] = variant
            if wait := plan.wait(member.zone):
                frozen.waits[position] = wait
        frozen.recipients.append(Recipient(member.sid, variant.key if variant else ""))
    return frozen


def gathers(site: Site, member: Membership) -> bool:
    """Whether a member gets gatherings: chose them, where the newsletter has any."""
    return member.cadence == MONTHLY and MONTHLY in site.newsletters[member.newsletter].cadences
