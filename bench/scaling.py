"""Ten million recipients, by ten thousand: what an edition takes at several rates, played at a thousandth of its size.

Rates, waves and chunks are the real ones; only the audience is smaller, and with it the hours. All counts grow with it
but one: each tick reads all ledgers, so both the ticks and what each of them reads are a thousand times as many.
``python -m bench.scaling`` prints the table of docs/scale.md, which a test holds against this.
"""

from collections import Counter
from dataclasses import dataclass

from bench.cloud import CPU_LEDGER, TICK_GB, TICK_SECONDS, WHOLE_PROCESSOR_GB, Cloud
from bench.costs import PRICES, Counted
from bench.metering import Meter
from chalicelib.deliver.chunks import CHUNK_SIZE
from chalicelib.deliver.costs import SES_PER_THOUSAND

READERS, SCALE = 10_000, 1000
READS_A_TICK = 2
"""The dispatcher's, and the brake's, which the alarms share; of so large an edition workers read none."""
RATES = ((14, 2), (100, 2), (500, 10), (1000, 20))
"""Mails a second, and functions at once (``maximum_concurrency`` of the queue's trigger)."""
COLUMNS = (
    "mails a second", "functions", "reached", "hours", "busy", "messages", "table writes", "table reads", "GB-seconds",
    "dollars beside SES", "dollars",
)  # fmt: skip


@dataclass(frozen=True)
class Scaled:
    """One rate: seconds of sending in the small world, and what was counted there.

    ``reached`` is the share of the allowed rate in the middle of it: at its end there are fewer chunks than functions,
    which with a thousand times as many is nothing.
    """

    rate: int
    functions: int
    reached: float
    busy: float
    counted: Counted

    def row(self) -> tuple[str, ...]:
        """As the table has it, for ten million."""
        people = READERS * SCALE
        beside = self.counted.beside * people / 1000
        counts = ("sqs requests", "dynamodb writes", "dynamodb reads")
        millions = (f"{self.counted.of_thousand(what) * people / 1e9:,.2f} M" for what in counts)
        gigabytes = self.counted.of_thousand("lambda GB-seconds") * people / 1000
        hours = people / (self.rate * self.reached) / 3600
        return (
            f"{self.rate:,}", f"{self.functions}", f"{self.reached:.0%}", f"{hours:,.1f}",
            f"{self.busy:.1f}", *millions, f"{gigabytes:,.0f}", f"{beside:,.2f}",
            f"{float(SES_PER_THOUSAND) * people / 1000 + beside:,.0f}",
        )  # fmt: skip


def play(rate: int, functions: int) -> Scaled:
    """An edition at a rate. Raises AssertionError where somebody was left out, or it went faster than it may."""
    cloud = Cloud(READERS, float(rate), functions=functions).run()
    assert len(cloud.sent_at) == READERS == cloud.edition.planned
    moments = sorted(cloud.sent_at)
    seconds = moments[-1] - moments[0]
    assert READERS - 2 * rate <= rate * seconds, "faster than the provider allows"
    tenth = READERS // 10
    middle = (READERS - 2 * tenth) / (moments[-tenth] - moments[tenth])
    reached = min(1.0, middle / rate)
    used = _at_scale(cloud.meter, READERS * SCALE / (rate * reached) / TICK_SECONDS)
    counted = Counted(f"{rate}", READERS, used)
    return Scaled(rate, functions, reached, cloud.meter.seconds["chunks"] / seconds, counted)


def _at_scale(meter: Meter, ticks: float) -> Counter[str]:
    """What was used; for what was read of few ledgers, a thousandth of what so many ticks read of all."""
    used, ledgers = Counter(meter.used), READERS * SCALE / CHUNK_SIZE * READS_A_TICK * ticks
    mean = meter.ledger_bytes / meter.ledgers / 4096
    used["dynamodb reads"] += round(mean * (ledgers / SCALE - meter.ledgers))
    seconds = ledgers * CPU_LEDGER * max(1.0, WHOLE_PROCESSOR_GB / TICK_GB)
    used["lambda GB-seconds"] += seconds * TICK_GB / SCALE  # type: ignore[assignment]
    return used


def lines() -> list[str]:
    """The table of docs/scale.md."""
    rows = [COLUMNS, tuple("---:" for _ in COLUMNS), *(play(rate, functions).row() for rate, functions in RATES)]
    return [f"| {' | '.join(row)} |" for row in rows]


if __name__ == "__main__":
    print("\n".join(lines()))

__all__ = ["PRICES", "RATES", "Scaled", "lines", "play"]
