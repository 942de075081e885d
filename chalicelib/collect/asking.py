"""Asking many sources side by side within a time: answers come as they come, none waits for a slower one."""

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from chalicelib.collect.fetch import BusyError, Fetch, Fetched, GoneError, Validators
from chalicelib.collect.found import SourceError
from chalicelib.collect.politeness import Turns
from chalicelib.content.values import Source

PARALLEL = 64


@dataclass(frozen=True, slots=True)
class Question:
    """A source, the address to ask for it and what is known of the last answer."""

    source: Source
    location: str
    known: Validators = field(default_factory=Validators)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why nothing came, in plain words; how long the server asked to wait; whether the source has ended."""

    why: str
    wait: timedelta | None = None
    gone: bool = False


_Answers = queue.SimpleQueue[tuple[Question, Fetched | Failure]]


@contextmanager
def asking(
    questions: Sequence[Question], fetch: Fetch, seconds: float
) -> Iterator[Iterator[tuple[Question, Fetched | Failure]]]:
    """Asks at once; gives each answer as it comes. What is not there after ``seconds`` does not come at all.

    Threads that still wait then are left to their own deadline, and their answers are dropped.
    """
    turns = Turns((question, _server(question.location)) for question in questions)
    answers: _Answers = queue.SimpleQueue()
    for number in range(min(PARALLEL, len(questions))):
        threading.Thread(target=_work, args=(turns, fetch, answers), name=f"collect-{number}", daemon=True).start()
    try:
        yield _arriving(len(questions), turns, answers, time.monotonic() + seconds)
    finally:
        turns.stop()


def _arriving(
    count: int, turns: Turns[Question], answers: _Answers, ends: float
) -> Iterator[tuple[Question, Fetched | Failure]]:
    for _ in range(count):
        try:
            answer = answers.get(timeout=max(0.0, ends - time.monotonic()))
        except queue.Empty:
            return
        turns.read()
        yield answer


def _work(turns: Turns[Question], fetch: Fetch, answers: _Answers) -> None:
    while (turn := turns.take()) is not None:
        question, server = turn
        answer = ask(question, fetch)
        turns.asked(server)
        answers.put((question, answer))


def ask(question: Question, fetch: Fetch) -> Fetched | Failure:
    """One answer, or why there is none. Raises nothing."""
    try:
        return fetch(question.location, question.known)
    except BusyError as error:
        return Failure(str(error), error.wait)
    except SourceError as error:
        return Failure(str(error), gone=isinstance(error, GoneError))
    except Exception as error:  # noqa: BLE001 (a surprise in one source must not stop the others)
        return surprise(error)


def surprise(error: Exception) -> Failure:
    """The words for what nobody foresaw."""
    return Failure(f"could not be read ({type(error).__name__}: {error})"[:300])


def _server(location: str) -> str:
    """Host and port as written; the fetch itself looks closer."""
    try:
        parts = urlsplit(location)
        return f"{(parts.hostname or '').lower()}:{parts.port or parts.scheme.lower()}"
    except ValueError:
        return location
