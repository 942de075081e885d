"""Asking many sources side by side within a time: answers come as they come, none waits for a slower one."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TypeVar
from urllib.parse import urlsplit

from chalicelib.collect.fetch import BusyError, Fetch, Fetched, GoneError, Validators
from chalicelib.collect.found import SourceError
from chalicelib.collect.politeness import Turns
from chalicelib.content.values import Source

PARALLEL, READERS = 64, 2
T = TypeVar("T")


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


Answer = Fetched | Failure
_Answers = queue.SimpleQueue[tuple[Question, Answer] | None]
_Read = queue.SimpleQueue[tuple[Question, T]]
Understand = Callable[[Question, Answer], T]
"""What is made of an answer; must raise nothing."""


@contextmanager
def asking(
    questions: Sequence[Question], fetch: Fetch, understand: Understand[T], seconds: float
) -> Iterator[Iterator[tuple[Question, T]]]:
    """Asks at once; gives what each answer was understood as, as it comes. What takes longer than ``seconds`` does not.

    Many threads ask and two read, so that neither waits for the other, nor for what is done with the results. Threads
    at work when the time is over are left to their own deadlines, and what they bring is dropped.
    """
    turns = Turns((question, _server(question.location)) for question in questions)
    answers: _Answers = queue.SimpleQueue()
    read: _Read[T] = queue.SimpleQueue()
    for _ in range(min(PARALLEL, len(questions))):
        threading.Thread(target=_ask, args=(turns, fetch, answers), name="ask", daemon=True).start()
    for _ in range(min(READERS, len(questions))):
        threading.Thread(target=_read, args=(turns, answers, understand, read), name="read", daemon=True).start()
    try:
        yield _arriving(len(questions), read, time.monotonic() + seconds)
    finally:
        turns.stop()
        for _ in range(READERS):
            answers.put(None)


def _arriving(count: int, read: "_Read[T]", ends: float) -> Iterator[tuple[Question, T]]:
    for _ in range(count):
        try:
            yield read.get(timeout=max(0.0, ends - time.monotonic()))
        except queue.Empty:
            return


def _ask(turns: Turns[Question], fetch: Fetch, answers: _Answers) -> None:
    while (turn := turns.take()) is not None:
        question, server = turn
        answer = ask(question, fetch)
        turns.asked(server, _size(answer))
        answers.put((question, answer))


def _read(turns: Turns[Question], answers: _Answers, understand: Understand[T], read: "_Read[T]") -> None:
    for question, answer in iter(answers.get, None):
        if turns.stopped:
            return
        understood = understand(question, answer)
        turns.read(_size(answer))
        read.put((question, understood))


def _size(answer: Answer) -> int:
    return len(answer.body or b"") if isinstance(answer, Fetched) else 0


def ask(question: Question, fetch: Fetch) -> Answer:
    """One answer, or why there is none. Raises nothing."""
    begun = time.monotonic()
    try:
        answer = fetch(question.location, question.known)
        return replace(answer, took=round(1000 * (time.monotonic() - begun)))
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
