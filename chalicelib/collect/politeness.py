"""Being a good guest: how long to wait after a failure, whom to ask next, and how many at once of one server."""

import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Generic, TypeVar

from chalicelib.collect.found import SourceError
from chalicelib.collect.identity import digest

FIRST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=6)
LONGEST_ASKED = timedelta(hours=24)
"""A server that asks for more is tried again after a day all the same."""
JITTER = 0.25
AT_ONCE = 2
"""Connections to one host and port at the same time."""
AHEAD = 32 * 1024 * 1024
"""Bytes of answers that may lie unread: memory stays bounded where servers are faster than the reader."""

T = TypeVar("T")


def wait_after(source: str, failures: int) -> timedelta:
    """How long a source rests after its n-th failure (from 0): twice as long each time, six hours at most.

    Up to a quarter less, always the same for a source and number, so that many that failed together come apart.
    """
    whole = min(FIRST_WAIT * 2 ** min(failures, 10), LONGEST_WAIT)
    share = int(digest(f"{source}#{failures}")[:8], 16) / 0x100000000
    return timedelta(seconds=round(whole.total_seconds() * (1 - JITTER * share)))


def asked_to_wait(retry_after: str, date: str) -> timedelta | None:
    """What Retry-After says (RFC 9110, 10.2.3), at most a day; a date counts from the answer's own Date."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST_ASKED)
    until, now = _moment(text), _moment(date)
    if until is None or now is None:
        return None
    return min(max(until - now, timedelta()), LONGEST_ASKED)


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else None


class Gates:
    """At most two connections to one server at a time, whoever asks."""

    def __init__(self) -> None:
        self._gates: dict[str, threading.BoundedSemaphore] = {}
        self._lock = threading.Lock()

    @contextmanager
    def through(self, server: str, seconds: float) -> Iterator[None]:
        """One of the places at a server. Raises SourceError where none gets free in time."""
        with self._lock:
            gate = self._gates.setdefault(server, threading.BoundedSemaphore(AT_ONCE))
        if not gate.acquire(timeout=seconds):
            raise SourceError("was not asked: its server was busy with other sources of this site")
        try:
            yield
        finally:
            gate.release()


class Turns(Generic[T]):
    """Things to ask of servers, handed to threads in order; those of a busy server let others go first."""

    def __init__(self, things: Iterable[tuple[T, str]]) -> None:
        self._waiting = deque(things)
        self._busy: Counter[str] = Counter()
        self._unread = 0
        self.stopped = False
        self._changed = threading.Condition()

    def take(self) -> tuple[T, str] | None:
        """The next thing and its server; waits until one may be asked. None at the end."""
        with self._changed:
            while self._waiting:
                place = next((n for n, (_, server) in enumerate(self._waiting) if self._busy[server] < AT_ONCE), None)
                if place is not None and self._unread <= AHEAD:
                    taken = self._waiting[place]
                    del self._waiting[place]
                    self._busy[taken[1]] += 1
                    return taken
                self._changed.wait()
            self._changed.notify_all()
            return None

    def asked(self, server: str, size: int) -> None:
        """A server has answered; its answer, of so many bytes, is not read yet."""
        with self._changed:
            self._busy[server] -= 1
            self._unread += size
            self._changed.notify()

    def read(self, size: int) -> None:
        """An answer was read."""
        with self._changed:
            self._unread -= size
            self._changed.notify_all()

    def stop(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self.stopped = True
            self._waiting.clear()
            self._changed.notify_all()
