"""A month: what a site costs at rest, line by line, and with a weekly newsletter beside what others take.

``python -m bench.month`` prints the tables of docs/costs.md, which a test holds against this; ``--write`` renews them.
"""

import json
import re
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from bench.cloud import TICK_GB
from bench.idle import Idle
from bench.peers.prices import HOSTED, SERVERS, SIZES, WEEKS
from chalicelib.deliver.costs import cents, cost_of
from chalicelib.deliver.idle import Line, Tick, idle_lines, total
from chalicelib.deliver.prices import A_LA_CARTE, ESSENTIALS, PRICES

ROOT = Path(__file__).resolve().parents[1]
FEED_SECONDS, CPU_SECONDS = 1.0, 0.1
"""Of an idle tick, beside its calls of AWS: waiting for ten feeds that answer side by side, and a processor's work.
Assumed, both; they make seconds of functions, most of which are free."""
TICKS_BETWEEN_NOTES = 6
"""Of the health of sources that say nothing new (collector.NOTED_AFTER)."""


def template() -> dict[str, Any]:
    """What is merged over what Chalice makes of app.py: all that costs something at rest is in it."""
    folder = ROOT / ".chalice"
    for path in (folder / "resources.yaml", folder / "resources.json"):
        if path.exists():
            text = path.read_text("utf-8")
            made: dict[str, Any] = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
            return made
    raise FileNotFoundError(folder)


def tick() -> Tick:
    """An idle tick, as it is on average: every sixth notes the health of its sources."""
    site = Idle()
    used, waited = dict[str, float](), 0.0
    for _ in range(TICKS_BETWEEN_NOTES):
        site.tick()
        waited += site.waited / TICKS_BETWEEN_NOTES
        for what, number in site.meter.used.items():
            used[what] = used.get(what, 0.0) + number / TICKS_BETWEEN_NOTES
    return Tick(used, round((waited + FEED_SECONDS + CPU_SECONDS) * TICK_GB, 3))


def idle_table(lines: list[Line]) -> list[str]:
    """The bill of a site at rest, as a table."""
    rows = ["| line | a month | of | with allowances | without |", "| --- | ---: | --- | ---: | ---: |"]
    for line in lines:
        shown = [f"{line.dollars(allowance=allowance):.3f}" for allowance in (True, False)]
        rows.append(f"| {line.what} | {_number(line.units)} {line.price} | {line.why} | {shown[0]} | {shown[1]} |")
    sums = [f"**{cents(total(lines, allowance=allowance))}**" for allowance in (True, False)]
    return [*rows, f"| **in all** | | | {sums[0]} | {sums[1]} |"]


def _number(units: Decimal) -> str:
    return f"{units:,.0f}" if units >= 100 or units == units.to_integral_value() else f"{units:.3g}"


def month_table(idle: Decimal) -> list[str]:
    """A weekly newsletter: ours, and what others take."""
    rows = [f"| | {' | '.join(f'{size:,}' for size in SIZES)} |", "| --- | ---: | ---: | ---: |"]
    for plan, name in ((ESSENTIALS, "Sendbrief on AWS"), (A_LA_CARTE, "the same, account on no plan")):
        rows.append(_row(name, [float(idle) + _sent(size, plan) for size in SIZES]))
    for one in SERVERS:
        once = f", and ${one.licence:,.0f} once" if one.licence else ""
        rows.append(_row(f"{one.name}, smallest server, SES{once}", [one.server + _ses(size) for size in SIZES]))
    rows += [_row(hosted.name, hosted.dollars) for hosted in HOSTED]
    return rows


def sources() -> list[str]:
    """Where each price was read, and when."""
    rows = ["| price | dollars | read |", "| --- | --- | --- |"]
    for name, price in PRICES.items():
        read = f"[{price.source.split('/')[3]}]({price.source}), {price.read or 'not read again'}"
        rows.append(f"| {name} | {price.dollars} for {price.per:,.0f} | {read} |")
    return rows + [f"| {one.name} | | {one.source}; {one.read} |" for one in (*SERVERS, *HOSTED)]


def _row(name: str, dollars: Any) -> str:
    return f"| {name} | {' | '.join('not published' if d is None else f'{d:,.2f}' for d in dollars)} |"


def _sent(size: int, plan: str) -> float:
    cost = cost_of("ses", size, plan=plan)
    return float(cost.mails + cost.files + cost.rest) * WEEKS


def _ses(size: int) -> float:
    return float(cost_of("ses", size, cloud=False).mails) * WEEKS


def tables() -> list[list[str]]:
    """All of docs/costs.md, in its order."""
    lines = idle_lines(template(), tick())
    return [idle_table(lines), month_table(cents(total(lines, allowance=True))), sources()]


def written(text: str) -> str:
    """A document with its tables anew: each is known by its first row."""
    for rows in tables():
        before, after = re.split(rf"^{re.escape(rows[0])}\n(?:\|.*\n)*", text, maxsplit=1, flags=re.MULTILINE)
        text = "".join([before, *(f"{row}\n" for row in rows), after])
    return text


def main() -> None:
    """Print them, or with ``--write`` put them into the document."""
    if "--write" in sys.argv:
        page = ROOT / "docs" / "costs.md"
        page.write_text(written(page.read_text("utf-8")), "utf-8")
    else:
        print("\n\n".join("\n".join(rows) for rows in tables()))


if __name__ == "__main__":
    main()

__all__ = ["idle_table", "main", "month_table", "sources", "tables", "template", "tick", "written"]
