"""Draining the queue on one machine: take chunk after chunk until there is none, or until told to stop."""

from collections.abc import Callable
from dataclasses import dataclass, field

from chalicelib.deliver.chunks import read_task
from chalicelib.deliver.worker import Ended, Worker
from chalicelib.errors import ConfigurationError, NotFoundError, RenderError, SendingError, StoreError
from chalicelib.store import Queue

VISIBILITY_SECONDS = 1800
"""Longer than any chunk takes; a sender that dies gives its messages back at once all the same."""


@dataclass(slots=True)
class Drained:
    """How draining went. ``trouble`` is why it stopped early, in words, or ''."""

    chunks: int = 0
    trouble: str = ""
    left: list[str] = field(default_factory=list)


async def drain(queue: Queue, worker: Worker, *, stop: Callable[[], bool] = lambda: False) -> Drained:
    """Work until the queue is empty, ``stop`` says so, or the transport is down (the message goes back then)."""
    drained = Drained()
    while not stop():
        messages = queue.receive(1, visibility=VISIBILITY_SECONDS)
        if not messages:
            return drained
        message = messages[0]
        try:
            edition, number = read_task(message.body)
            ended = await worker.work(edition, number)
        except (SendingError, ConfigurationError) as error:
            queue.release(message)
            drained.trouble = str(error)
            return drained
        except (StoreError, NotFoundError, RenderError) as error:
            queue.release(message, delay=60)  # after some tries it goes to the dead letters
            drained.left.append(str(error))
            continue
        queue.delete(message)  # also where another worker has the chunk: should it die, a tick queues it again
        drained.chunks += ended is Ended.DONE
    return drained
