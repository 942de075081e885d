"""A process that dies at its n-th write: before it happens, or right after."""

from typing import Any

WRITES = {"insert", "replace", "delete", "put_many", "transact", "put", "send"}


class Cut(BaseException):
    """The process is gone."""


class Cutting:
    """A port whose n-th write (of all such ports) is the last thing its process did, or what it did not do any more."""

    left, after = 10**9, False

    def __init__(self, port: Any) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        target = getattr(self._port, name)

        def call(*values: Any, **named: Any) -> Any:
            Cutting.left -= 1
            if Cutting.left == 0 and not Cutting.after:
                raise Cut
            last = Cutting.left == 0
            try:
                return target(*values, **named)
            finally:
                if last:
                    raise Cut

        return call if name in WRITES else target
