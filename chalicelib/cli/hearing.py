"""Hearing back: before a tick, beside `run` and `serve`, as a command. A slow mailbox delays no mail and no page."""

import math
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from chalicelib.cli.beside import beside
from chalicelib.deliver.hearing.listening import ROUND_SECONDS, Tally, within
from chalicelib.runtime import Runtime

PAUSE_SECONDS = 60.0


def can_hear(runtime: Runtime) -> bool:
    """Whether there is anything to listen to."""
    return bool(runtime.settings.bounces or runtime.settings.event_queue_url)


def hear_all(runtime: Runtime, stop: Callable[[], bool] = lambda: False, seconds: float = math.inf) -> Tally:
    """The mailbox and the queue of events, as far as there are any, heard now: ``seconds`` at most for each of both.

    Trouble with one is in the tally, and keeps nothing from the other.
    """
    listener, settings, tally = runtime.listener, runtime.settings, Tally()
    if settings.bounces:
        tally += listener.mailbox(runtime.bounces, runtime.clock(), stop=within(seconds, stop))
    if settings.event_queue_url:
        tally += listener.queue(runtime.event_queue, runtime.clock, stop=within(seconds, stop))
    return tally


def hear_before(runtime: Runtime, stop: Callable[[], bool]) -> list[str]:
    """What came back since the last tick, heard before the next mails go out; what a person should know of that."""
    return hear_all(runtime, stop, ROUND_SECONDS).troubles if can_hear(runtime) else []


def hearing(runtime: Runtime, stop: threading.Event, pause: float = PAUSE_SECONDS) -> AbstractContextManager[None]:
    """What comes back is heard while this lasts, at once and then every minute; nothing where nothing is set up."""
    if not can_hear(runtime):
        return nullcontext()
    for name in ("table", "blobs", "secrets", "suppressions"):
        getattr(runtime, name)  # what threads share is built before there are some
    return beside("Hearing back", lambda over: hear_all(runtime, over, ROUND_SECONDS).troubles, stop, pause)
