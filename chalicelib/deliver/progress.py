"""How far the sending of an edition is, how fast it goes and how long it takes, in figures and in words. Pure."""

from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition
from chalicelib.deliver.books import Books
from chalicelib.deliver.braking import settled
from chalicelib.deliver.course import Course


@dataclass(frozen=True, slots=True)
class Progress:
    """``per_second`` is that of the last ten minutes at most; None where it stands still, or nothing is known of it."""

    settled: int
    planned: int
    per_second: float | None = None
    waits: str = ""

    @property
    def seconds_left(self) -> int | None:
        """At this speed; None where there is none."""
        left = self.planned - self.settled
        return ceil(left / self.per_second) if self.per_second and left > 0 else None

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        speed = None if self.per_second is None else round(self.per_second, 4)
        return {"waits": self.waits, "per_second": speed, "seconds_left": self.seconds_left}

    def __str__(self) -> str:
        """``12,300 of 40,000, 96 a second, about 5 minutes left``."""
        parts = [f"{self.settled:,} of {self.planned:,}"]
        if self.waits:
            parts.append(self.waits)
        elif (left := self.seconds_left) is not None and self.per_second:
            parts += [speed_words(self.per_second), f"about {span_words(left)} left"]
        return ", ".join(parts)


def progress_of(edition: Edition, books: Books, course: Course, now: datetime) -> Progress | None:
    """The progress of an edition that is being sent; None of any other."""
    if edition.state is not State.SENDING:
        return None
    done, waits = settled(books), edition.waits
    if not books.pending and books.deferred and not waits:  # at a time of their own, or of their server's
        waits = f"{books.deferred:,} {'comes' if books.deferred == 1 else 'come'} later"
    speed = None if waits else course.speed(now, done)
    return Progress(done, books.planned, speed or None, waits)


def speed_words(per_second: float) -> str:
    """``96 a second``, or of a slow one ``40 a minute``, ``5 an hour``."""
    for unit, seconds in (("a second", 1), ("a minute", 60), ("an hour", 3600)):
        if per_second * seconds >= 1 or seconds == 3600:
            return f"{per_second * seconds:,.{0 if per_second * seconds >= 10 else 1}f} {unit}"
    raise AssertionError  # the last unit always answers


def span_words(seconds: int) -> str:
    """A span in the largest unit that says enough: ``40 seconds``, ``5 minutes``, ``3 hours``, ``2 days``."""
    for unit, size in (("second", 1), ("minute", 60), ("hour", 3600), ("day", 86_400)):
        count = ceil(seconds / size)
        following = {"second": 90, "minute": 90, "hour": 48}.get(unit)
        if following is None or count <= following:
            return f"{count} {unit}{'' if count == 1 else 's'}"
    raise AssertionError  # days always answer


__all__ = ["Progress", "progress_of", "span_words", "speed_words"]
