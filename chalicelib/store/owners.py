"""Who is alive on this machine: each process holds a file lock that the kernel drops when it dies."""

import fcntl
import os
import re
import secrets
import threading
import weakref
from pathlib import Path

from chalicelib.errors import StoreUnavailableError

_TOKEN = re.compile(r"[0-9a-f]{32}")


class Owners:
    """This process's token, and whether the process of another token still lives.

    Works between processes of one kernel that share ``directory`` on a local disk. A forked child
    gets a token of its own. Raises StoreUnavailableError where the directory can't be written.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = Path(directory)
        self._lock = threading.Lock()
        self._token: str | None = None
        self._descriptor: int | None = None
        _INSTANCES.add(self)

    @property
    def token(self) -> str:
        """This process's token: 32 hex digits, taken at the first call."""
        with self._lock:
            if self._token is None:
                self._token = self._enter()
            return self._token

    def alive(self, token: str) -> bool:
        """Whether the process that has ``token`` lives. What a dead one left is removed."""
        if token == self._token:
            return True
        if not _TOKEN.fullmatch(token):
            return False
        path = self._path(token)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._unavailable(error) from error
        try:
            # Shared, so that two who ask at once don't take each other for the owner.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            path.unlink(missing_ok=True)
            return False
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Count as dead from now on; a later ``token`` is a new one."""
        with self._lock:
            if self._token is not None and self._descriptor is not None:
                self._path(self._token).unlink(missing_ok=True)
                os.close(self._descriptor)
            self._token = self._descriptor = None

    def _enter(self) -> str:
        """The file gets its name only once it is locked: nobody ever sees a live owner's unlocked file."""
        token = secrets.token_hex(16)
        unnamed = self._directory / f"{token}.new"
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(unnamed, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                unnamed.rename(self._path(token))
            except OSError:
                os.close(descriptor)
                raise
        except OSError as error:
            raise self._unavailable(error) from error
        self._descriptor = descriptor
        for left in self._directory.glob("*.lock"):
            if left.stem != token:
                self.alive(left.stem)  # removes what a killed process has left
        return token

    def _path(self, token: str) -> Path:
        return self._directory / f"{token}.lock"

    def _unavailable(self, error: OSError) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"The directory of live processes {self._directory} failed: {error.strerror}.",
            "Give this user the right to write there, on a local disk.",
        )

    def forget(self) -> None:
        """In a forked child: the lock is the parent's alone, so that it ends with the parent."""
        self._lock = threading.Lock()
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._token = self._descriptor = None


_INSTANCES: "weakref.WeakSet[Owners]" = weakref.WeakSet()


def _forget_in_child() -> None:
    for owners in list(_INSTANCES):
        owners.forget()


os.register_at_fork(after_in_child=_forget_in_child)
