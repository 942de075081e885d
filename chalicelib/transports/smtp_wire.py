"""The bytes of one SMTP connection: replies parsed as they come, one deadline watched.

A Protocol of our own and not asyncio's StreamReader: replies that came in one packet are read without
a single trip through the event loop, and one timer serves a whole connection.
"""

import asyncio
import re
from collections import deque
from typing import NamedTuple, cast

MAX_UNREAD = 64 * 1024
"""Bytes: a server that sends more than this while one reply is waited for is not talking SMTP."""

_MARKS = (b" ", b"-", b"")
_UNPRINTABLE = re.compile(r"[^ -~]+")


class Reply(NamedTuple):
    """A server's answer. ``text`` has the lines of a multi-line reply, LF between them."""

    code: int
    text: str

    @property
    def reason(self) -> str:
        """Code and text as one printable line of at most 200 characters."""
        return _UNPRINTABLE.sub(" ", f"{self.code} {self.text}")[:200].rstrip()


class WireError(Exception):
    """The connection can't be used any more; ``str`` says why."""


class Wire(asyncio.Protocol):
    """Reads replies and writes bytes. Every wait ends after ``patience`` seconds in a WireError."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._partial = b""
        self._lines: list[str] = []
        self._unread = 0
        self._replies: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = self._patience = 0.0
        self._paused = False
        self._lost: str | None = None
        self._gone = self._loop.create_future()

    @property
    def usable(self) -> bool:
        """Open, and nothing came unasked (a farewell would have)."""
        return self._lost is None and not self._replies and not self._partial and not self._lines

    @property
    def transport(self) -> asyncio.Transport:
        """The transport in use: the TLS one after STARTTLS."""
        if self._transport is None:
            raise WireError("not connected")
        return self._transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of asyncio.Protocol."""
        self.adopt(cast(asyncio.Transport, transport))

    def adopt(self, transport: asyncio.Transport) -> None:
        """Use this transport from now on; whatever was read in plain before is forgotten (CVE-2011-0411)."""
        self._transport = transport
        self._paused = False
        self._partial = b""
        self._lines.clear()
        self._replies.clear()
        transport.set_write_buffer_limits(high=1, low=0)

    def data_received(self, data: bytes) -> None:
        """Part of asyncio.Protocol."""
        lines = (self._partial + data).split(b"\n")
        self._partial = lines.pop()
        for line in lines:
            if not self._take(line.rstrip(b"\r")):
                self._break("the server does not speak SMTP")
                return
        self._unread += len(data)
        if self._unread > MAX_UNREAD:
            self._break("the server sends without end")
        if self._replies:
            self._wake()

    def _take(self, line: bytes) -> bool:
        code, mark = line[:3], line[3:4]
        if len(code) != 3 or not code.isdigit() or not b"200" <= code <= b"599" or mark not in _MARKS:
            return False
        self._lines.append(line[4:].decode("ascii", "replace"))
        if mark != b"-":
            self._replies.append(Reply(int(code), "\n".join(self._lines)))
            self._lines.clear()
        return True

    def eof_received(self) -> None:
        """Part of asyncio.Protocol: the transport closes itself."""
        self._lost = self._lost or "the server closed the connection"
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Part of asyncio.Protocol."""
        self._lost = self._lost or f"connection lost: {exc or 'closed'}"
        if self._timer:
            self._timer.cancel()
        self._wake()
        if not self._gone.done():
            self._gone.set_result(None)

    def pause_writing(self) -> None:
        """Part of asyncio.Protocol: the kernel takes no more for now."""
        self._paused = True

    def resume_writing(self) -> None:
        """Part of asyncio.Protocol: everything written has left."""
        self._paused = False
        self._wake()

    def write(self, data: bytes) -> None:
        """Send without waiting."""
        if self._lost is not None:
            raise WireError(self._lost)
        self.transport.write(data)

    async def flushed(self, patience: float) -> None:
        """Return once everything written has left this process."""
        while self._paused and self._lost is None:
            await self._wait(patience)
        if self._lost is not None:
            raise WireError(self._lost)

    async def reply(self, patience: float) -> Reply:
        """The next reply, also one that came before the connection broke."""
        while not self._replies:
            if self._lost is not None:
                raise WireError(self._lost)
            await self._wait(patience)
        self._unread = 0
        return self._replies.popleft()

    async def close(self, patience: float) -> None:
        """Close and wait until it is done, harshly after ``patience`` seconds."""
        if self._transport is None:
            return
        self._transport.close()
        await asyncio.wait([self._gone], timeout=patience)
        self.abort("closed")

    def abort(self, reason: str) -> None:
        """Close at once; nothing buffered is sent any more."""
        self._break(reason)

    def _break(self, reason: str) -> None:
        self._lost = self._lost or reason
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self, patience: float) -> None:
        self._patience = patience
        self._deadline = self._loop.time() + patience
        if self._timer is None or self._timer.when() > self._deadline:
            if self._timer:
                self._timer.cancel()
            self._timer = self._loop.call_at(self._deadline, self._tick)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _tick(self) -> None:
        """The timer stays while waits come and go; it only looks whether the present one is overdue."""
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._tick)
        else:
            self._break(f"no answer within {self._patience:g} s")


__all__ = ["Reply", "Wire", "WireError"]
