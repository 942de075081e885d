"""The ports of a victim: each call is counted, and at one of them the process kills itself, before or after it."""

import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from chalicelib.store import Item, Replace, Write
from chalicelib.transports import Mail, Outcome


class Trap:
    """Counts calls from 1, or those of one ``name``. At call ``at`` the process is gone, ``when`` (before, after)."""

    def __init__(self, at: int = 0, when: str = "", name: str = "") -> None:
        self.at, self.when, self.name = at, when, name
        self.names: list[str] = []
        self._lock = threading.Lock()

    def before(self, name: str) -> int:
        """A call begins: its number."""
        with self._lock:  # ledgers are put on record by another thread
            self.names.append(name)
            number = self.names.count(self.name) if self.name else len(self.names)
        if self.name not in {"", name}:
            return 0
        if number and number == self.at and self.when == "before":
            die()
        return number

    def after(self, number: int) -> None:
        """A call has taken effect."""
        if number and number == self.at and self.when == "after":
            die()


def die() -> None:
    """As ``kill -9``: nothing is tidied up, nothing is flushed."""
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()


class Port:
    """A port whose calls are counted."""

    def __init__(self, name: str, port: Any, trap: Trap) -> None:
        self._name, self._port, self._trap = name, port, trap

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._port, method)
        return self._counted(f"{self._name}.{method}", found) if callable(found) else found

    def _counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*values: Any, **named: Any) -> Any:
            number = self._trap.before(name)
            result = call(*values, **named)
            self._trap.after(number)
            return result

        return counted


class LyingTable:
    """A store that keeps another ledger than it was given: what a faulty worker would have put on record."""

    def __init__(self, port: Any, lie: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        self._port, self._lie = port, lie

    def __getattr__(self, method: str) -> Any:
        return getattr(self._port, method)

    def replace(self, item: Item, data: Mapping[str, Any], expires: int | None = None) -> Item:
        return self._port.replace(item, self._of(item, data), expires)  # type: ignore[no-any-return]

    def transact(self, writes: Sequence[Write]) -> None:
        self._port.transact([
            replace(write, data=self._of(write.item, write.data)) if isinstance(write, Replace) else write
            for write in writes
        ])  # fmt: skip

    def _of(self, item: Item, data: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._lie(data) if item.key.sk.startswith("LEDGER#") else data


class Link:
    """A transport whose hand-overs are counted."""

    def __init__(self, transport: Any, trap: Trap) -> None:
        self._transport, self._trap = transport, trap

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    async def send_wave(self, mails: Sequence[Mail]) -> list[Outcome]:
        number = self._trap.before("transport.send_wave")
        outcomes: list[Outcome] = await self._transport.send_wave(mails)
        self._trap.after(number)
        return outcomes
