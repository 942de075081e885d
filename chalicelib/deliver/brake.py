"""The brake's judgement: how many mails came back or were called spam, and when that is too many. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from chalicelib.content.sending import Brake
from chalicelib.deliver.hearing.classify import judge
from chalicelib.deliver.ledger import BOUNCED, COMPLAINED, DELIVERED, FAILED, IN_DOUBT, SENT, Ledger
from chalicelib.transports import Fate, Outcome

LEAST_BOUNCES = 5
LEAST_COMPLAINTS = 3
"""With fewer nothing stops: in a list of fifty one full mailbox is 2 %, and says nothing."""
LEAST_ATTEMPTS = 100
"""As so many mails count at least: the first wave of a large list is no measure of it, unless it is really bad."""
REFUSALS = frozenset({"550", "551", "553"})
"""Replies (RFC 5321, 4.2.2) that refuse a recipient without saying why: a provider counts them against us."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Mails that a server has answered for (taken, or refused for good), and what became of them."""

    attempted: int = 0
    bounced: int = 0
    complained: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    def since(self, base: "Figures") -> "Figures":
        """What came after ``base``; never below 0, for news may change what was counted before."""
        return Figures(*(max(0, getattr(self, name) - getattr(base, name)) for name in self.__slots__))


def trip(figures: Figures, limits: Brake) -> str:
    """Why to stop, in words; '' while the figures are within the limits."""
    counted = max(figures.attempted, LEAST_ATTEMPTS)
    if figures.bounced >= LEAST_BOUNCES and figures.bounced > limits.bounces * counted:
        return _words(figures.bounced, figures.attempted, "came back", limits.bounces)
    if figures.complained >= LEAST_COMPLAINTS and figures.complained > limits.complaints * counted:
        return _words(figures.complained, figures.attempted, "were called spam", limits.complaints)
    return ""


def _words(count: int, of: int, what: str, limit: Fraction) -> str:
    rate = Fraction(count, max(of, count))
    return f"{count:,} of {of:,} mails {what} ({percent(rate)}; the limit is {percent(limit)})"


def percent(rate: Fraction) -> str:
    """A rate for people, with two digits that say something."""
    value = float(100 * rate)
    return f"{value:.0f} %" if value >= 10 else f"{value:.2g} %"


def of_wave(outcomes: Iterable[Outcome]) -> Figures:
    """What one wave comes to: who was deferred or is in doubt is not counted yet."""
    answered = [one for one in outcomes if one.fate in {Fate.SENT, Fate.FAILED}]
    refused = sum(one.fate is Fate.FAILED and came_back(one.reason) for one in answered)
    return Figures(len(answered), refused)


def of_ledger(ledger: Ledger) -> Figures:
    """What a chunk comes to, so far."""
    marks = ledger.marks
    refused = sum(came_back(ledger.details[p].reason) for p, mark in enumerate(marks)
                  if mark == FAILED and p in ledger.details)  # fmt: skip
    attempted = sum(marks.count(mark) for mark in (SENT, DELIVERED, COMPLAINED, BOUNCED, FAILED))
    return Figures(attempted, marks.count(BOUNCED) + refused, marks.count(COMPLAINED))


def came_back(words: str) -> bool:
    """Whether a server's refusal says that the mailbox is wrong, or refuses the recipient and does not say why."""
    judgement = judge("", words)
    return judgement.gone or judgement.code in REFUSALS


def gone(words: str) -> bool:
    """Whether a refusal says clearly that nobody has this mailbox (any more)."""
    return judge("", words).gone


def doubt_of(ledgers: Iterable[Ledger]) -> tuple[int, int]:
    """How many are in doubt, on whom nobody has decided, and since when (epoch seconds; 0 where nobody is)."""
    moments = [one.details[p].first for one in ledgers if IN_DOUBT in one.marks
               for p, mark in enumerate(one.marks) if mark == IN_DOUBT]  # fmt: skip
    return len(moments), min(moments, default=0)
