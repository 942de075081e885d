"""The bytes of one SMTP connection: replies parsed as they come, one deadline watched.

A protocol of our own and not asyncio's StreamReader. While a connection is opened and closed, a
coroutine waits for each reply; while it carries mails, a listener is called with the bytes themselves,
so that a mail costs no trip through the event loop beyond the packet it came in.
"""

import asyncio
import re
from collections import deque
from typing import NamedTuple, Protocol, cast

MAX_UNREAD = 64 * 1024
"""Bytes: a server that sends more than this while one reply is waited for is not talking SMTP."""

_MARKS = (b" ", b"-", b"")
_UNPRINTABLE = re.compile(r"[^ -~]+")
_NEVER = float("inf")
_ROOM = 16 * 1024
"""Bytes read at once. asyncio.Protocol makes room for 256 KB each time, and that is three system calls more."""


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


class Listener(Protocol):
    """Who is called with what comes over a wire."""

    def expected(self, data: bytes) -> bytes:
        """Take the replies at the start of a packet that are just as expected; the rest is parsed."""
        ...

    def replies(self) -> None:
        """Take the replies that were parsed, by ``Wire.take``. Called once a packet, also when there are none."""
        ...

    def resumed(self) -> None:
        """Everything written has left this process."""
        ...

    def lost(self, reason: str) -> None:
        """The connection is of no use any more; called once, and nothing else after it."""
        ...


class Wire(asyncio.BufferedProtocol):
    """Reads replies and writes bytes. Every wait ends after its patience, in seconds, with the connection lost."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._room = memoryview(bytearray(_ROOM))
        self._partial = b""
        self._lines: list[str] = []
        self._unread = 0
        self._replies: deque[Reply] = deque()
        self._listener: Listener | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline, self._patience = _NEVER, 0.0
        self._lost: str | None = None
        self._gone = self._loop.create_future()
        self.paused = False
        """Something written has not left this process yet."""
        self.silent = False
        """It was given up since nothing came in time."""

    @property
    def unasked(self) -> bool:
        """Something came that no command explains, or the connection is lost."""
        return bool(self._replies or self._partial or self._lines) or self._lost is not None

    @property
    def transport(self) -> asyncio.Transport:
        """The transport in use: the TLS one after STARTTLS."""
        if self._transport is None:
            raise WireError("not connected")
        return self._transport

    def listen(self, listener: Listener | None) -> None:
        """Call this one from now on, at once where the connection is lost; None: coroutines wait for replies again."""
        if listener is not None and self._lost is not None:
            listener.lost(self._lost)
        else:
            self._listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of asyncio.BufferedProtocol."""
        self.adopt(cast(asyncio.Transport, transport))

    def adopt(self, transport: asyncio.Transport) -> None:
        """Use this transport from now on; whatever was read in plain before is forgotten (CVE-2011-0411)."""
        self._transport = transport
        self.paused = False
        self._partial = b""
        self._lines.clear()
        self._replies.clear()
        transport.set_write_buffer_limits(high=1, low=0)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Part of asyncio.BufferedProtocol."""
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        """Part of asyncio.BufferedProtocol."""
        data = bytes(self._room[:nbytes])
        listener = self._listener
        if listener is not None and not self._partial and not self._lines:
            data = listener.expected(data)
        if data and not self._parse(data):
            return
        if self._listener is not None:
            self._listener.replies()
        elif self._replies:
            self._wake()

    def _parse(self, data: bytes) -> bool:
        lines = (self._partial + data).split(b"\n")
        self._partial = lines.pop()
        for line in lines:
            if not self._take(line.rstrip(b"\r")):
                self.abort("the server does not speak SMTP")
                return False
        self._unread += len(data)
        if self._unread > MAX_UNREAD:
            self.abort("the server sends without end")
            return False
        return True

    def _take(self, line: bytes) -> bool:
        code, mark = line[:3], line[3:4]
        if len(code) != 3 or not code.isdigit() or not b"200" <= code <= b"599" or mark not in _MARKS:
            return False
        self._lines.append(line[4:].decode("ascii", "replace"))
        if mark != b"-":
            self._replies.append(Reply(int(code), "\n".join(self._lines)))
            self._lines.clear()
        return True

    def take(self) -> Reply | None:
        """The next reply that was parsed, if there is one."""
        if not self._replies:
            return None
        self._unread = 0
        return self._replies.popleft()

    def eof_received(self) -> None:
        """Part of asyncio.BufferedProtocol: the transport closes itself."""
        self._lose("the server closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        """Part of asyncio.BufferedProtocol."""
        self._lose(f"connection lost: {exc or 'closed'}")
        if not self._gone.done():
            self._gone.set_result(None)

    def pause_writing(self) -> None:
        """Part of asyncio.BufferedProtocol: the kernel takes no more for now."""
        self.paused = True

    def resume_writing(self) -> None:
        """Part of asyncio.BufferedProtocol: everything written has left."""
        self.paused = False
        if self._listener is not None:
            self._listener.resumed()

    def write(self, data: bytes) -> None:
        """Send without waiting."""
        if self._lost is not None:
            raise WireError(self._lost)
        self.transport.write(data)

    def expect(self, patience: float) -> None:
        """From now on, something must come within that many seconds. The timer stays while deadlines move on."""
        self._patience = patience
        self._deadline = deadline = self._loop.time() + patience
        timer = self._timer
        if timer is None or timer.when() > deadline:
            if timer is not None:
                timer.cancel()
            self._timer = self._loop.call_at(deadline, self._tick)

    def rest(self) -> None:
        """Nothing is expected for now."""
        self._deadline = _NEVER

    def _tick(self) -> None:
        self._timer = None
        if self._deadline == _NEVER:
            return
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._tick)
        else:
            self.silent = True
            self.abort(f"no answer within {self._patience:g} s")

    async def reply(self, patience: float) -> Reply:
        """The next reply, also one that came before the connection broke."""
        if not self._replies:
            if self._lost is not None:
                raise WireError(self._lost)
            self.expect(patience)
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
                self.rest()
        reply = self.take()
        if reply is None:
            raise WireError(self._lost or "the server said nothing")
        return reply

    async def close(self, patience: float) -> None:
        """Close and wait until it is done, harshly after ``patience`` seconds."""
        if self._transport is None:
            return
        self._transport.close()
        await asyncio.wait([self._gone], timeout=patience)
        self.abort("closed")

    def abort(self, reason: str) -> None:
        """Close at once; nothing buffered is sent any more."""
        if self._transport is not None:
            self._transport.abort()
        self._lose(reason)

    def _lose(self, reason: str) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._lost is not None:
            return
        self._lost = reason
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.lost(reason)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


__all__ = ["Listener", "Reply", "Wire", "WireError"]
