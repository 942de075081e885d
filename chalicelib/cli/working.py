"""Working off the queue of chunks without ticking, what ticks elsewhere have planned; and waiting for a site."""

import asyncio
import math
import threading
import time

from chalicelib.cli.journal import complain
from chalicelib.deliver.draining import Drained, drain
from chalicelib.errors import SendbriefError
from chalicelib.logs import correlated
from chalicelib.runtime import Runtime

POLL_SECONDS = 1.0
PAUSE_SECONDS = 10.0
"""After trouble: the next look."""


def wait_for_site(runtime: Runtime, stop: threading.Event) -> bool:
    """Whether there is a site: where it is to be published and is not yet, wait until it is or until stopped.

    So a fresh installation is up, and `sendbrief publish` can be called in it. Raises ConfigurationError where a folder
    has no site.
    """
    while not stop.is_set():
        try:
            runtime.site  # noqa: B018 (reading it is the question)
            return True
        except SendbriefError as error:
            if not runtime.follower:
                raise
            complain("Waiting", str(error))
        stop.wait(PAUSE_SECONDS)
    return False


def keep_working(runtime: Runtime, stop: threading.Event) -> None:
    """Chunk after chunk until stopped; trouble is told, and tried again after ten seconds.

    A site in a folder is read again as often as ticks would; what is published is looked for before each round.
    """
    read = time.monotonic()
    while not stop.is_set():
        if time.monotonic() - read > runtime.settings.tick_seconds:
            runtime.reload()
            read = time.monotonic()
        with correlated():
            well = _well(runtime, stop)
        stop.wait(POLL_SECONDS if well else PAUSE_SECONDS)


def _well(runtime: Runtime, stop: threading.Event) -> bool:
    """One round; whether nothing went wrong."""
    try:
        drained = asyncio.run(_round(runtime, stop))
    except SendbriefError as error:
        complain("Error", str(error))
    except Exception as error:  # noqa: BLE001 (a fault over one chunk must not end the work on others)
        complain("Fault", f"{type(error).__name__}: {str(error)[:500]}. The next round tries again.")
    else:
        troubles = [*drained.left, *([drained.trouble] if drained.trouble else [])]
        for words in troubles:
            complain("Sending", words)
        return not troubles
    return False


async def _round(runtime: Runtime, stop: threading.Event) -> Drained:
    """All that waits now. Told to stop, no worker has time left for another wave: the rest goes back to the queue."""
    try:
        worker = runtime.worker(time_left=lambda: 0.0 if stop.is_set() else math.inf)
        return await drain(runtime.queue, worker, stop=stop.is_set, at_once=runtime.crew.workers)
    finally:
        if "transport" in runtime.__dict__:
            await runtime.transport.aclose()
