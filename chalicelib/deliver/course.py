"""The course of an edition that is being sent: a few points of time and progress, and what the brake let pass.

All of it follows from the ledgers but for the base, which is a person's word. Who writes last wins.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from chalicelib.deliver.brake import Figures
from chalicelib.store import Key, Put, Table

MOST_POINTS = 12
SPAN_SECONDS = 600
"""The speed shown is that of the last ten minutes at most; of older points, as after an outage, there is none."""


@dataclass(frozen=True, slots=True)
class Course:
    """``points``: epoch seconds of the sending clock, and how many were settled then, the oldest first.

    ``base`` are the figures that a person has let pass, after the stop number ``halts``; ``refused`` how many were
    refused at hand-over, once an edition is ``closed`` and its ledgers need not be read for that. ``doubt`` is how many
    were in doubt and since when (epoch seconds), as the edition's item had this ``version``; -1 where nobody looked.
    """

    points: tuple[tuple[int, int], ...] = ()
    base: Figures = field(default_factory=Figures)
    halts: int = 0
    refused: int = 0
    closed: bool = False
    doubt: tuple[int, int] = (0, 0)
    version: int = -1

    def at(self, now: datetime, settled: int, begun: datetime | None) -> "Course":
        """With one more point; what lies before ``begun`` (it was held till then) or too long ago is dropped."""
        moment, start = int(now.timestamp()), int(begun.timestamp()) if begun else 0
        kept = [p for p in self.points if max(moment - SPAN_SECONDS, start) <= p[0] < moment and p[1] <= settled]
        return replace(self, points=(*kept[-(MOST_POINTS - 1) :], (moment, settled)))

    def looked_within(self, seconds: float, now: datetime) -> bool:
        """Whether somebody, of whatever process, looked at the ledgers lately."""
        return bool(self.points) and abs(now.timestamp() - self.points[-1][0]) < seconds

    def speed(self, now: datetime, settled: int) -> float | None:
        """Recipients a second, of late; None where too little is known to say."""
        moment = now.timestamp()
        points = [point for point in self.points if moment - point[0] <= SPAN_SECONDS]
        if not points:
            return None
        first = points[0]
        last = (moment, settled) if settled > points[-1][1] else points[-1]
        return (last[1] - first[1]) / (last[0] - first[0]) if last[0] - first[0] >= 1 else None


def course_key(edition: str) -> Key:
    """Where the course of an edition lies."""
    return Key(f"EDITION#{edition}", "COURSE")


def load_course(table: Table, edition: str) -> Course:
    """The course of an edition, a new one where there is none."""
    item = table.get(course_key(edition))
    return _from_data(item.data) if item else Course()


def save_course(table: Table, edition: str, course: Course) -> None:
    """Keep it."""
    data = {
        "points": [list(point) for point in course.points],
        "base": [course.base.attempted, course.base.bounced, course.base.complained],
        "halts": course.halts,
        "refused": course.refused,
        "closed": course.closed,
        "doubt": list(course.doubt),
        "version": course.version,
    }
    table.put_many([Put(course_key(edition), data)])


def _from_data(data: Mapping[str, Any]) -> Course:
    points = tuple((int(moment), int(settled)) for moment, settled in data["points"])
    count, since = data.get("doubt", (0, 0))
    return Course(
        points, Figures(*data["base"]), data["halts"], data["refused"], data["closed"], (int(count), int(since)),
        data.get("version", -1),
    )  # fmt: skip
