"""The process's one Runtime: built when a door first needs it, or given by whoever serves on one machine."""

import threading

from chalicelib.runtime import Runtime

_lock = threading.Lock()
_kept: list[Runtime] = []


def runtime() -> Runtime:
    """The runtime of this process. Raises ConfigurationError where the settings can't work."""
    with _lock:
        if not _kept:
            _kept.append(Runtime())
        return _kept[0]


def use(given: Runtime | None) -> None:
    """Work with this runtime from now on; None forgets it, so that the next door builds a fresh one."""
    with _lock:
        _kept[:] = [given] if given else []
