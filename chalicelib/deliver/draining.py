"""Draining the queue on one machine: take chunk after chunk until there is none, or until told to stop."""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from chalicelib.deliver.chunks import read_task
from chalicelib.deliver.worker import Ended, Worker
from chalicelib.errors import ConfigurationError, NotFoundError, RenderError, SendingError, StoreError
from chalicelib.logs import about
from chalicelib.store import Queue, QueueMessage

VISIBILITY_SECONDS = 1800
"""Longer than any chunk takes; a sender that dies gives its messages back at once all the same."""

LONGEST_DELAY = 900
"""Seconds a queue may hide a message (SQS's limit)."""


@dataclass(slots=True)
class Drained:
    """How draining went. ``trouble`` is why it stopped early, in words, or ''."""

    chunks: int = 0
    trouble: str = ""
    left: list[str] = field(default_factory=list)


async def drain(
    queue: Queue, worker: Worker, *, stop: Callable[[], bool] = lambda: False, at_once: int = 1,
    wall: Callable[[], float] = time.time,
) -> Drained:  # fmt: skip
    """Work on up to ``at_once`` chunks at a time until the queue is empty, ``stop`` says so, or the transport is down.

    What can't be sent now goes back to the queue.
    """
    drained, broken = Drained(), asyncio.Event()

    async def taking() -> None:
        try:
            while not (stop() or drained.trouble or broken.is_set()):
                messages = queue.receive(1, visibility=VISIBILITY_SECONDS)
                if not messages:
                    return
                await _take(queue, worker, messages[0], drained, wall)
        except BaseException:
            broken.set()
            raise

    # No task group: one that fails would cut off the others' waves, whose mails would all be in doubt.
    for ended in await asyncio.gather(*(taking() for _ in range(at_once)), return_exceptions=True):
        if isinstance(ended, BaseException):
            raise ended
    return drained


async def _take(
    queue: Queue, worker: Worker, message: QueueMessage, drained: Drained, wall: Callable[[], float]
) -> None:
    try:
        with about():
            work = await worker.work(*read_task(message.body))
    except (SendingError, ConfigurationError) as error:
        queue.release(message)
        drained.trouble = drained.trouble or str(error)
    except (StoreError, NotFoundError, RenderError) as error:
        queue.release(message, delay=60)  # after some tries it goes to the dead letters
        drained.left.append(str(error))
    else:
        if work.ended is Ended.LATER:
            queue.delete(message)
            queue.send([message.body], delay=later_seconds(work.until - wall()))  # anew: waiting is no failed try
        else:
            queue.delete(message)  # also where another worker has the chunk: should it die, a tick queues it again
        drained.chunks += work.ended is Ended.DONE


def later_seconds(wait: float) -> int:
    """How long a chunk stays out of sight whose turn comes in ``wait`` seconds."""
    return min(max(1, math.ceil(wait)), LONGEST_DELAY)
