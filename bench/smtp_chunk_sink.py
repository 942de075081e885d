"""A server that takes mails by BDAT and does nothing with them but count: ``python -m bench.smtp_chunk_sink``.

It reads every command and skips as many octets as each BDAT says; QUIT is answered with the count.
"""

import asyncio
import sys
from typing import cast

HELLO = b"250-sink\r\n250-PIPELINING\r\n250-SIZE 33554432\r\n250 CHUNKING\r\n"
OK = b"250 2.0.0 Ok\r\n"


class Sink(asyncio.Protocol):
    """One connection."""

    taken = 0

    def __init__(self) -> None:
        self._line = b""
        self._skip = 0
        self._last = False
        self._open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Called by asyncio: all that is whole is answered in one packet."""
        if self._line:
            data, self._line = self._line + data, b""
        replies: list[bytes] = []
        at, size = 0, len(data)
        while at < size:
            if self._skip:
                step = min(self._skip, size - at)
                at += step
                self._skip -= step
                if not self._skip:
                    self._chunk(replies)
                continue
            end = data.find(b"\r\n", at)
            if end < 0:
                self._line = data[at:]
                break
            self._command(data[at:end], replies)
            at = end + 2
        if replies:
            self._transport.write(b"".join(replies))

    def _command(self, line: bytes, replies: list[bytes]) -> None:
        verb = line[:4].upper()
        if verb == b"BDAT":
            words = line.split()
            self._skip, self._last = int(words[1]), len(words) > 2
            if not self._skip:
                self._chunk(replies)
            return
        if verb == b"RCPT":
            self._open = True
        elif verb == b"RSET":
            self._open = False
        elif verb == b"EHLO":
            replies.append(HELLO)
            return
        elif verb == b"QUIT":
            replies.append(b"221 %d\r\n" % Sink.taken)
            return
        elif verb != b"MAIL":
            replies.append(b"502 5.5.1 what?\r\n")
            return
        replies.append(OK)

    def _chunk(self, replies: list[bytes]) -> None:
        if not self._open:
            replies.append(b"503 5.5.1 RCPT first\r\n")
            return
        if self._last:
            Sink.taken += 1
            self._open = False
        replies.append(OK)


async def serve() -> None:
    """Until killed."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
