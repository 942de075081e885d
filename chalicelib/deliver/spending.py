"""What a month cost: mails by the books of its editions, the rest by what was counted, and a site at rest. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition
from chalicelib.deliver.books import Books
from chalicelib.deliver.costs import IDLE, IDLE_WITHOUT_ALLOWANCES, Cost, about, cents


@dataclass(frozen=True, slots=True)
class Spent:
    """One month. ``editions``: mails that the provider took, by edition; ``idle`` dollars of a site at rest.

    Mails to single people, proofs and alarms stand in no books: they are not counted.
    """

    month: str
    editions: tuple[tuple[str, int], ...]
    cost: Cost
    idle: Decimal = Decimal(0)

    @property
    def mails(self) -> int:
        """In all editions."""
        return sum(number for _, number in self.editions)

    @property
    def dollars(self) -> Decimal:
        """In all, rounded up to a cent."""
        return cents(self.cost.mails + self.cost.files + self.cost.rest + self.idle)

    @property
    def said(self) -> str:
        """In a line."""
        count = len(self.editions)
        found = f"{self.mails:,} mails of {count} edition{'' if count == 1 else 's'}: {self.cost.said}"
        if not self.idle:
            return found
        rest = f"{about(self.idle)} for a site at rest (${IDLE_WITHOUT_ALLOWANCES} where AWS's allowances are used up)"
        return f"{found}, {rest}; {about(self.dollars)} in all"

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "month": self.month, "editions": [{"edition": name, "mails": number} for name, number in self.editions],
            "mails": self.mails, "cost": self.cost.as_dict(), "idle": f"{self.idle}", "dollars": f"{self.dollars}",
        }  # fmt: skip


def spent(
    month: str, editions: Iterable[Edition], books: Callable[[Edition], Books], cost: Callable[[int], Cost],
    zone: ZoneInfo, *, cloud: bool,
) -> Spent:  # fmt: skip
    """The month ``YYYY-MM`` in the site's zone; ``cloud``: whether the store is AWS's, so that rest costs something."""
    found = tuple((edition.id, taken(books(edition))) for edition in editions if month_of(edition, zone) == month)
    some = tuple((name, number) for name, number in found if number)
    return Spent(month, some, cost(sum(number for _, number in some)), IDLE if cloud else Decimal(0))


def month_of(edition: Edition, zone: ZoneInfo) -> str:
    """The month that its mails are counted in: that of its slot, or of its end where a person sent it later."""
    at: datetime = edition.slot_at
    if edition.state is State.SENT and edition.released and edition.changed:
        at = edition.changed
    return f"{at.astimezone(zone):%Y-%m}"


def taken(books: Books) -> int:
    """Mails that the provider took, which it is paid for: also those that came back, and those in doubt."""
    return books.sent + books.bounced + books.in_doubt
