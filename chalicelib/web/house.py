"""The process's one Runtime: built when a door first needs it, or given by whoever serves on one machine."""

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.runtime import Runtime

_lock = threading.Lock()
_kept: "list[Runtime]" = []
_desk = threading.Event()


def runtime() -> "Runtime":
    """The runtime of this process. Raises ConfigurationError where the settings can't work."""
    with _lock:
        if not _kept:
            from chalicelib.runtime import Runtime

            _kept.append(Runtime())
        return _kept[0]


def has_desk() -> bool:
    """Whether the desk is served beside the public pages, so that they lead to it."""
    return _desk.is_set()


def use(given: "Runtime | None", *, desk: bool = False) -> None:
    """Work with this runtime from now on; None forgets it, so that the next door builds a fresh one."""
    (_desk.set if desk else _desk.clear)()
    with _lock:
        _kept[:] = [given] if given else []
