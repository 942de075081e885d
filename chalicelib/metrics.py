"""Figures of what functions do, as lines of CloudWatch's Embedded Metric Format. Without a meter nothing is counted.

A custom metric costs money for each hour in which it is told: so only what is above 0 is told, and an idle site tells
nothing.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

NAMESPACE = "Sendbrief"
UNITS: Mapping[str, str] = {
    "Sent": "Count", "Failed": "Count", "Deferred": "Count", "InDoubt": "Count", "Skipped": "Count",
    "Delivered": "Count", "Bounced": "Count", "Complained": "Count",
    "SourcesFailed": "Count", "EntriesFound": "Count", "EditionsPlanned": "Count", "OpenAlarms": "Count",
    "TickSeconds": "Seconds",
}  # fmt: skip
"""All metrics, with their units."""
DEFAULT_STAGE = "default"
Kind = str
"""The second dimension of OpenAlarms; '' for all others, which have only the stage."""


class Meter:
    """What was counted so far, by metric and kind."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, Kind]] = Counter()

    def add(self, name: str, value: float, kind: Kind = "") -> None:
        """Add to a metric. Raises ValueError for an unknown one."""
        if name not in UNITS:
            raise ValueError(f"{name} is no metric")
        self._counts[name, kind] += value  # type: ignore[assignment]  # seconds are no whole numbers

    def documents(self, stage: str, now: datetime, about: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """What was counted, one document for each set of dimensions; none where all is 0."""
        by_kind: dict[Kind, dict[str, float]] = {}
        for (name, kind), value in self._counts.items():
            if value > 0:
                by_kind.setdefault(kind, {})[name] = value
        return [
            emf(values, {"Stage": stage or DEFAULT_STAGE, **({"Kind": kind} if kind else {})}, now, about or {})
            for kind, values in sorted(by_kind.items())
        ]


_meter: ContextVar[Meter | None] = ContextVar("meter", default=None)


@contextmanager
def metering() -> Iterator[Meter]:
    """What is counted meanwhile, in this task and those that it begins, goes to this meter."""
    meter = Meter()
    token = _meter.set(meter)
    try:
        yield meter
    finally:
        _meter.reset(token)


def count(name: str, value: float = 1, *, kind: Kind = "") -> None:
    """Add to a metric of the meter that runs, if one does."""
    if meter := _meter.get():
        meter.add(name, value, kind)


def emf(
    values: Mapping[str, float], dimensions: Mapping[str, str], now: datetime, about: Mapping[str, Any]
) -> dict[str, Any]:
    """A document of the Embedded Metric Format: CloudWatch makes metrics of it and keeps it as a line of the log.

    ``about`` are members to search by that are no dimensions; what is a metric or a dimension wins over one of them.
    """
    metrics = [{"Name": name, "Unit": UNITS[name]} for name in values]
    directive = {"Namespace": NAMESPACE, "Dimensions": [list(dimensions)], "Metrics": metrics}
    meta = {"Timestamp": int(now.timestamp() * 1000), "CloudWatchMetrics": [directive]}
    return {**about, **dimensions, **values, "_aws": meta}


def line(document: Mapping[str, Any]) -> str:
    """A document as the line to print."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"
