"""How fast and when mails go out, and when they stop: ``pace``, ``quiet`` and ``brake`` of site.yaml, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from fractions import Fraction

USUAL_SHARE = Fraction(4, 5)
"""Of what a provider allows. The rest is for confirmations, for other programs, and for a second that runs late."""


@dataclass(frozen=True, slots=True)
class WarmUp:
    """A new domain's first days: ``first`` mails on the first day, ``grow`` times as many on each further one.

    Days are of UTC; those without mail are not counted. Before ``start`` nothing is capped.
    """

    start: date
    first: int
    grow: Fraction


@dataclass(frozen=True, slots=True)
class DomainCap:
    """What the mail servers of some domains take from us, together: those named and all below them.

    Domains are in lower case and ASCII; the first one names the cap. A limit that is None does not hold.
    """

    domains: tuple[str, ...]
    per_second: int | None = None
    per_hour: int | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast mails are handed over; None: as fast as the transport takes them, or as its provider allows."""

    per_second: float | None = None
    per_day: int | None = None
    """In a day of UTC."""
    share: Fraction = USUAL_SHARE
    caps: Mapping[str, DomainCap] = field(default_factory=dict)
    """By each domain that a cap names."""
    warm_up: WarmUp | None = None


@dataclass(frozen=True, slots=True)
class Quiet:
    """Local times between which nothing is handed over; where ``to`` is not after ``start``, it is the next day's."""

    start: time
    to: time


@dataclass(frozen=True, slots=True)
class Brake:
    """The rates of mails that come back, and of those called spam, above which nothing further is sent.

    Amazon SES reviews an account at 5 % and 0.1 %, and may pause it at 10 % and 0.5 %; the usual limits stop before.
    """

    bounces: Fraction = Fraction(4, 100)
    complaints: Fraction = Fraction(8, 10_000)


@dataclass(frozen=True, slots=True)
class Sending:
    """All that a site says of its sending."""

    pace: Pace = field(default_factory=Pace)
    quiet: Quiet | None = None
    brake: Brake = field(default_factory=Brake)
