"""Distance: a TCP proxy that passes every byte on in order, some milliseconds later each way, however many there are.

``python -m bench.delaying --to PORT --ms 10`` prints its own port. Connecting is not delayed.
"""

import argparse
import asyncio
import sys
from collections import deque
from typing import cast


class Way(asyncio.Protocol):
    """One direction: what comes in here goes out at ``far`` after the delay."""

    def __init__(self, delay: float, port: int = 0) -> None:
        self._loop = asyncio.get_running_loop()
        self._delay = delay
        self._port = port
        self._held: deque[tuple[float, bytes | None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.transport: asyncio.Transport | None = None
        self.far: Way | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio; the side of the client connects to the server now."""
        self.transport = cast(asyncio.Transport, transport)
        if self._port:
            task = self._loop.create_task(self._connect())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connect(self) -> None:
        other = Way(self._delay)
        other.far = self
        await self._loop.create_connection(lambda: other, "127.0.0.1", self._port)
        self.far = other
        self._due()

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self._hold(data)

    def eof_received(self) -> bool:
        """Called by asyncio: the end travels like everything else."""
        self._hold(None)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self._hold(None)

    def _hold(self, data: bytes | None) -> None:
        self._held.append((self._loop.time() + self._delay, data))
        if self._timer is None:
            self._timer = self._loop.call_later(self._delay, self._due)

    def _due(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self.far and self.far.transport and self._held and self._held[0][0] <= now:
            data = self._held.popleft()[1]
            if data is None:
                self.far.transport.close()
            else:
                self.far.transport.write(data)
        if self._held:
            self._timer = self._loop.call_at(max(self._held[0][0], now + 0.0005), self._due)


async def serve(port: int, delay: float) -> None:
    """Until killed."""
    server = await asyncio.get_running_loop().create_server(lambda: Way(delay, port), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=int, required=True)
    parser.add_argument("--ms", type=float, default=10)
    given = parser.parse_args()
    asyncio.run(serve(given.to, given.ms / 1000))
