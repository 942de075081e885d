"""Telling webhooks beside `run` and `serve`: one that stalls delays no mail and no page."""

import threading
from contextlib import AbstractContextManager

from chalicelib.cli.beside import beside
from chalicelib.runtime import Runtime

PAUSE_SECONDS = 10.0


def telling(runtime: Runtime, stop: threading.Event, pause: float = PAUSE_SECONDS) -> AbstractContextManager[None]:
    """Webhooks are told while this lasts, every ten seconds, not only with each tick."""
    for name in ("table", "blobs", "secrets"):
        getattr(runtime, name)  # what threads share is built before there are some
    return beside("Webhooks", lambda _over: runtime.webhooks.deliver(), stop, pause, first=False)
