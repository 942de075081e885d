"""Draining the queue of notices: one after another, each with a fate of its own."""

from collections.abc import Callable
from functools import cache

from chalicelib.deliver.notices import Done, Notices, read_notice
from chalicelib.errors import ConfigurationError, SendbriefError, SendingError
from chalicelib.logs import logger
from chalicelib.store import Queue, QueueMessage

LOG = logger(__name__)
VISIBILITY_SECONDS = 120
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 5, 900
BATCH = 10


async def post(queue: Queue, notices: Callable[[], Notices], *, stop: Callable[[], bool] = lambda: False) -> list[Done]:
    """Send all notices that wait; what became of each. Trouble gives a notice back for later, and ends this round."""
    done, sender = list[Done](), cache(notices)
    while not stop():
        messages = queue.receive(BATCH, visibility=VISIBILITY_SECONDS)
        for place, message in enumerate(messages):
            try:
                done.append(await sender().work(read_notice(message.body)))
            except SendbriefError as error:
                later(queue, message, error)
                if isinstance(error, (SendingError, ConfigurationError)):
                    for other in messages[place + 1 :]:
                        queue.release(other, delay=FIRST_WAIT_SECONDS)
                    return done
                continue
            queue.delete(message)
        if not messages:
            break
    return done


def later(queue: Queue, message: QueueMessage, error: SendbriefError) -> None:
    """Give a notice back: after 5 seconds, then ever later, 15 minutes at most. The log names nobody."""
    wait = min(FIRST_WAIT_SECONDS * 2 ** min(message.attempts - 1, 10), LONGEST_WAIT_SECONDS)
    LOG.error("A notice comes again in %d seconds: %s", wait, type(error).__name__)
    queue.release(message, delay=wait)
