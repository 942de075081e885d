"""What 1,000 recipients cost on AWS, counted from the calls really made (bench/cloud.py), times AWS's list of prices.

Beside it, as they are often built, a row for each recipient and a row for each event: on the same adapters.
"""

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bench.cloud import SES_SECONDS, Cloud, Place
from bench.metering import Meter
from chalicelib.audience.subscriber import membership_key, suppression_key
from chalicelib.deliver.costs import SES_A_LA_CARTE, SES_PER_THOUSAND
from chalicelib.deliver.prices import PRICES as LISTED
from chalicelib.store import Item, Key, Put
from tests.simulation.stage import Actor, Stage

READERS = 10_000
PRICES = {
    what: float(price.dollars / price.per)
    for what, price in LISTED.items()
    if what.startswith(("ses mails", "lambda", "dynamodb reads", "dynamodb writes", "sqs", "sns", "s3 puts", "s3 gets"))
}
"""US dollars a unit, of what sending uses."""


@dataclass(frozen=True)
class Counted:
    """What some readers took, and what it costs."""

    name: str
    readers: int
    used: Counter[str]

    def of_thousand(self, what: str) -> float:
        """Units for 1,000 recipients."""
        return self.used[what] * 1000 / self.readers

    @property
    def beside(self) -> float:
        """Dollars for 1,000 recipients beside SES's own price."""
        return sum(PRICES[what] * self.of_thousand(what) for what in self.used if what != "ses mails")

    def times(self, per_thousand: float) -> float:
        """All of it, as a multiple of what SES takes for 1,000."""
        return (per_thousand + self.beside) / per_thousand


def counted(name: str, cloud: Cloud) -> Counted:
    """An edition to the end, and what it took. Raises AssertionError where somebody was left out."""
    cloud.run()
    assert len(cloud.sent_at) == cloud.readers == cloud.edition.planned
    return Counted(name, cloud.readers, cloud.meter.used)


def ours(readers: int = READERS) -> Iterator[Counted]:
    """Editions at several rates; the last two with events of each mail."""
    yield counted("at 14 a second", Cloud(readers, 14.0))
    yield counted("at 100 a second", Cloud(readers, 100.0))
    yield counted("at 500 a second, 8 functions", Cloud(readers, 500.0, functions=8))
    yield counted("at 100 a second, each delivery told", Cloud(readers, 100.0, deliveries=True))
    yield counted("the same, and that it was sent", Cloud(readers, 100.0, deliveries=True, sends=True))


def row_for_each(readers: int, *, events: bool) -> Counted:
    """A message and a row for each recipient, claimed and settled; with ``events`` a row for each event as well."""
    meter, cloud = Meter(), Cloud(readers)
    cloud.meter, cloud.stage = meter, Stage(random.Random(1), 1.0)

    def plan(actor: Actor) -> None:
        place = Place(cloud, actor, "tick", 0.5)
        members = [item for shard in "0123456789abcdef" for item in place.table.query(f"LIST#digest#{shard}").items]
        for member in members:
            row = {"state": "pending", "variant": "en-1", "member": member.key.sk}
            place.table.insert(Key("SENDS#1", member.key.sk), row)
        place.queue.send([json.dumps({"edition": cloud.edition_id, "reader": member.key.sk}) for member in members])
        while messages := place.queue.receive(10):
            place.invoked(lambda found=messages: _send(place, found))  # type: ignore[misc]
        if events:
            _tell(place, members)

    cloud.stage.enter("all", plan)
    cloud.stage.run()
    return Counted(f"a row for each recipient{' and each event' if events else ''}", readers, meter.used)


def _send(place: Place, messages: list[object]) -> None:
    for message in messages:
        sid = json.loads(message.body)["reader"]  # type: ignore[attr-defined]
        row = place.table.get(Key("SENDS#1", sid))
        claimed = place.table.replace(row, {**row.data, "state": "sending"})
        place.table.get(membership_key("digest", sid))
        place.table.get(suppression_key(sid))
        place.call("ses mails", 1, SES_SECONDS)
        place.table.replace(claimed, {**claimed.data, "state": "sent", "provider_id": "0" * 60})
    place.queue.delete(*messages)


def _tell(place: Place, members: list[Item]) -> None:
    """SES tells SNS, SNS the queue; ten events at a time, each kept and its recipient's row changed."""
    bodies = ["{}" for _ in members]
    place.meter.count("sns requests", len(bodies))
    for start in range(0, len(members), 10):
        place.meter.count("sqs requests", 2)
        part = members[start : start + 10]
        place.invoked(lambda found=part: _heard(place, found))  # type: ignore[misc]


def _heard(place: Place, members: list[Item]) -> None:
    for member in members:
        sid = member.key.sk
        told = {"kind": "delivery", "at": "2026-11-19T09:00:00Z", "id": "0" * 60}
        place.table.put_many([Put(Key(f"EVENTS#{sid}", "1"), told)])
        row = place.table.get(Key("SENDS#1", sid))
        place.table.replace(row, {**row.data, "state": "delivered"})


def table(readers: int = READERS) -> Table:
    """Units and dollars for 1,000 recipients."""
    units = [what for what in PRICES if what != "ses mails"]
    table = Table(f"for 1,000 of {readers:,} recipients", *units, "dollars beside SES",
                  f"× of ${SES_PER_THOUSAND}", f"× of ${SES_A_LA_CARTE}", box=None)  # fmt: skip
    for one in (*ours(readers), row_for_each(readers, events=False), row_for_each(readers, events=True)):
        shares = [f"{one.times(float(price)):.4f}" for price in (SES_PER_THOUSAND, SES_A_LA_CARTE)]
        table.add_row(one.name, *(f"{one.of_thousand(what):,.1f}" for what in units), f"{one.beside:.6f}", *shares)
    return table


if __name__ == "__main__":
    Console(width=200).print(table())

__all__ = ["PRICES", "Counted", "counted", "ours", "row_for_each", "table"]
