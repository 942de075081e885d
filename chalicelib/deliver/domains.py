"""What single mail domains take from us in a second and in an hour. Pure; pacing.py stores it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from chalicelib.content.sending import DomainCap
from chalicelib.deliver.counts import HOUR, MICRO, SECOND, Counts, counted, free_at, taken_back, used

MAX_DOMAIN = 255
"""Characters of a domain (RFC 1035, 2.3.4)."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """``count`` mails may go to a domain now. Where that is fewer than asked for: ``why``, and for how long.

    ``until`` is epoch seconds: when more may go.
    """

    count: int
    until: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Domain:
    """What went to the domains of one cap: by tenths of a second, and by minutes."""

    tenths: Counts = field(default_factory=dict)
    minutes: Counts = field(default_factory=dict)


def cap_of(caps: Mapping[str, DomainCap], domain: str) -> DomainCap | None:
    """The cap of a domain, or of the nearest one above it."""
    labels = domain.lower().rstrip(".").split(".") if caps and len(domain) <= MAX_DOMAIN else []
    names = (".".join(labels[first:]) for first in range(len(labels)))
    return next((caps[name] for name in names if name in caps), None)


def allow(state: Domain, cap: DomainCap, wanted: int, now: float) -> tuple[Allowed, Domain]:
    """Take up to ``wanted`` mails of what a cap leaves; the state is the same one where it leaves none."""
    moment, name = ceil(now * MICRO), cap.domains[0]
    count, until, why = wanted, moment, ""
    for span, counts, limit, words in (
        (SECOND, state.tenths, cap.per_second, "a second"),
        (HOUR, state.minutes, cap.per_hour, "an hour"),
    ):
        if limit is None:
            continue
        left = max(0, limit - used(counts, span, moment))
        if left <= count and left < wanted:  # the hour's, where both leave as few: it lasts longer
            count, why = left, f"{name} takes {limit:,} {words} from us"
            until = free_at(counted(counts, span, moment, left), span, moment, limit)
    if count == 0:
        return Allowed(0, until / MICRO, why), state
    after = Domain(counted(state.tenths, SECOND, moment, count), counted(state.minutes, HOUR, moment, count))
    return Allowed(count, until / MICRO if count < wanted else 0.0, why), after


def domain_given_back(state: Domain, count: int, now: float) -> Domain:
    """With ``count`` mails fewer."""
    moment = ceil(now * MICRO)
    return Domain(taken_back(state.tenths, SECOND, moment, count), taken_back(state.minutes, HOUR, moment, count))


def domain_to_data(state: Domain) -> dict[str, Any]:
    """The item of a cap."""
    return {name: {str(u): n for u, n in getattr(state, name).items()} for name in ("tenths", "minutes")}


def domain_from_data(data: Mapping[str, Any]) -> Domain:
    """The state that ``domain_to_data`` wrote."""
    return Domain(*({int(u): n for u, n in data[name].items()} for name in ("tenths", "minutes")))
