"""Sending notices beside serving and ticking: so that a mail to confirm comes within seconds."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

from chalicelib.cli.beside import beside
from chalicelib.deliver.posting import post
from chalicelib.runtime import Runtime

POLL_SECONDS = 0.5
PAUSE_SECONDS = 10.0
"""After trouble: the next look."""


def sending_notices(runtime: Runtime, stop: threading.Event) -> AbstractContextManager[None]:
    """Notices go out while this lasts: a look every half second."""
    for name in ("table", "blobs", "secrets", "notice_queue"):
        getattr(runtime, name)  # what threads share is built before there are some

    def look(over: Callable[[], bool]) -> list[str]:
        asyncio.run(_round(runtime, over))
        return []

    return beside("Notices", look, stop, POLL_SECONDS, after_trouble=PAUSE_SECONDS)


async def _round(runtime: Runtime, stopped: Callable[[], bool]) -> None:
    transport = runtime.new_transport()
    try:
        await post(runtime.notice_queue, lambda: runtime.notices(transport), stop=stopped)
    finally:
        await transport.aclose()
