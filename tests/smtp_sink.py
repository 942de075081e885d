"""An SMTP server to send against: fast, counting, and as faulty as a test asks it to be.

In a test, ``with SmtpSink() as sink`` serves 127.0.0.1 from a thread. As a process of its own,
``python -m tests.smtp_sink --port 0 --log FILE`` prints its port and appends one JSON line for every
accepted message *before* it answers 250, so that what a killed sender handed over can be counted.
"""

import argparse
import asyncio
import base64
import json
import os
import re
import ssl
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

DROP = "(drop)"
"""An answer that is none: the connection is reset at once."""
STALL = "(stall)"
"""Say nothing from here on; the connection stays open."""
TAKE_AND_DROP = "(take and drop)"
"""For the final dot: the message is accepted, and the connection dies before the 250."""
TAKE_AND_STALL = "(take and stall)"
"""For the final dot: the message is accepted, and no answer ever comes."""

EXTENSIONS = ("PIPELINING", "SIZE 33554432", "8BITMIME", "ENHANCEDSTATUSCODES")
CHUNKING = (*EXTENSIONS, "CHUNKING")
"""With BDAT (RFC 3030), which is unknown otherwise."""


@dataclass(frozen=True, slots=True)
class Step:
    """Where a peer stands: ``verb`` is CONNECT, a command, BODY (first bytes of content, of its last chunk) or
    ``.``, the end of the content. BDAT is a step of its own, after its octets, only for chunks that are not the last.

    ``connection`` counts from 1, ``message`` says how many were accepted on this connection before.
    """

    verb: str
    argument: str
    connection: int
    message: int
    secure: bool


@dataclass(frozen=True, slots=True)
class Received:
    """An accepted message, its dots unstuffed, for one of its recipients."""

    sender: str
    recipient: str
    content: bytes


Answer = Callable[[Step], str | None]
_MESSAGE_ID = re.compile(rb"(?im)^Message-ID:\s*(\S+)")
_EDITION = re.compile(rb"(?im)^X-[\w-]*Edition:\s*(\S+)")
_PATH = re.compile(r"<([^>]*)>")


class SmtpSink:
    """The server. ``answer`` may give another reply to any step (None: the usual one).

    ``keep`` holds whole messages in ``received`` and every command line in ``commands``; ``log`` gets
    JSON lines, ``directory`` one file per message. ``users`` makes AUTH a must. ``dribble`` sends replies
    that many bytes at a time (0: at once).
    """

    def __init__(
        self,
        *,
        port: int = 0,
        extensions: tuple[str, ...] = EXTENSIONS,
        answer: Answer | None = None,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        users: Mapping[str, str] | None = None,
        mechanisms: str = "PLAIN LOGIN",
        keep: bool = True,
        log: Path | None = None,
        directory: Path | None = None,
        dribble: int = 0,
    ) -> None:
        self.port = port
        self.extensions = extensions
        self.answer = answer
        self.tls = tls
        self.implicit_tls = implicit_tls
        self.users = users
        self.mechanisms = mechanisms
        self.keep = keep
        self.directory = directory
        self.dribble = dribble
        self.received: list[Received] = []
        self.commands: list[str] = []
        self.accepted = 0
        self.connections = 0
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644) if log else -1
        self._peers: set[Peer] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def recipients(self) -> list[str]:
        """Of all accepted messages, in the order of their acceptance."""
        return [message.recipient for message in self.received]

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True)
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the sink did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop
        assert self._stop
        assert self._thread
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def close_all(self) -> None:
        """Close every connection, as a server does with idle ones; to be called in the sink's own loop."""
        for peer in self._peers:
            peer.transport.close()

    @property
    def open_connections(self) -> int:
        """How many peers are connected now."""
        return len(self._peers)

    async def serve(self, started: Callable[[int], None] = lambda port: None) -> None:
        """Serve until stopped; ``started`` is told the port."""
        self._loop = loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        context = self.tls if self.implicit_tls else None
        server = await loop.create_server(lambda: Peer(self), "127.0.0.1", self.port, backlog=1024, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        started(self.port)
        await self._stop.wait()
        server.close()
        for peer in list(self._peers):
            peer.transport.abort()
        await server.wait_closed()
        await asyncio.sleep(0.01)  # the aborted connections' last callbacks
        if self._log >= 0:
            os.close(self._log)

    async def stop(self) -> None:
        """End ``serve``, from its own loop."""
        assert self._stop
        self._stop.set()

    def record(self, sender: str, recipients: list[str], content: bytes) -> bytes:
        """Count a message in; the log lines to write for it."""
        self.accepted += 1
        if self.keep:
            self.received += [Received(sender, recipient, content) for recipient in recipients]
        if self.directory:
            (self.directory / f"{self.accepted:07}.eml").write_bytes(content)
        if self._log < 0:
            return b""
        head = content[: content.find(b"\r\n\r\n") + 2]
        facts = {
            "message_id": _first(_MESSAGE_ID, head),
            "edition": _first(_EDITION, head),
            "size": len(content),
        }
        return b"".join(json.dumps({"recipient": r, **facts}).encode() + b"\n" for r in recipients)

    def write_log(self, lines: bytes) -> None:
        """Out of this process at once: it outlives a kill of either side."""
        os.write(self._log, lines)


def _first(pattern: re.Pattern[bytes], head: bytes) -> str:
    found = pattern.search(head)
    return found[1].decode("ascii", "replace") if found else ""


class Peer(asyncio.Protocol):
    """One connection: a state machine over bytes; replies of one packet leave together."""

    def __init__(self, sink: SmtpSink) -> None:
        self.sink = sink
        self.transport: Any = None
        self.number = 0
        self._buffer = bytearray()
        self._scanned = 0
        self._replies: list[bytes] = []
        self._log = b""
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._in_data = self._began = self._silent = self._upgrading = False
        self._chunk: tuple[int, bool] | None = None
        self._chunks: list[bytes] = []
        self._unclear = False  # a BDAT was refused: RSET must come (RFC 3030 section 2)
        self._pieces: deque[bytes] = deque()
        self._accepted = 0
        self._secure = self._authenticated = False
        self._login: list[str] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.sink.connections += 1
        self.number = self.sink.connections
        self.sink._peers.add(self)
        self._secure = self.sink.implicit_tls
        self._say("CONNECT", "", "220 sink.example.org ESMTP")
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.sink._peers.discard(self)

    def data_received(self, data: bytes) -> None:
        if self._silent:
            return
        self._buffer += data
        if not self._upgrading:
            self._proceed()

    def _proceed(self) -> None:
        while not (self._silent or self._upgrading or self.transport.is_closing()) and (
            self._content() if self._in_data else self._octets() if self._chunk else self._command()
        ):
            pass
        self._flush()

    def _flush(self) -> None:
        if self._log:
            self.sink.write_log(self._log)
            self._log = b""
        if self._replies and not self.transport.is_closing():
            self._write(b"".join(self._replies))
        self._replies.clear()

    def _write(self, data: bytes) -> None:
        size = self.sink.dribble
        if not size:
            self.transport.write(data)
            return
        busy = bool(self._pieces)
        self._pieces += (data[at : at + size] for at in range(0, len(data), size))
        if not busy:
            self._drip()

    def _drip(self) -> None:
        if self._pieces and not self.transport.is_closing():
            self.transport.write(self._pieces.popleft())
            asyncio.get_running_loop().call_soon(self._drip)

    def _close(self) -> None:
        """After what was said has left."""
        if self._pieces:
            self.transport.write(b"".join(self._pieces))
            self._pieces.clear()
        self.transport.close()

    def _content(self) -> bool:
        if not self._began:
            self._began = True
            if self.sink.answer and not self._say("BODY", "", ""):
                return False
        if self._buffer.startswith(b".\r\n"):
            raw, end = b"", 3
        else:
            at = self._buffer.find(b"\r\n.\r\n", max(0, self._scanned - 4))
            if at < 0:
                self._scanned = len(self._buffer)
                return False
            raw, end = bytes(self._buffer[: at + 2]), at + 5
        del self._buffer[:end]
        self._scanned = 0
        self._began = False
        content = raw.replace(b"\r\n..", b"\r\n.")
        self._accept(content[1:] if content.startswith(b"..") else content)
        self._in_data = False
        return True

    def _octets(self) -> bool:
        """A chunk of BDAT: swallowed to its last octet, whatever is said to it."""
        assert self._chunk
        size, last = self._chunk
        if size and last and not self._began and self._buffer:
            self._began = True
            if self.sink.answer and not self._say("BODY", "", ""):
                return False
        if len(self._buffer) < size:
            return False
        self._chunks.append(bytes(self._buffer[:size]))
        del self._buffer[:size]
        self._chunk, self._began = None, False
        if last:
            content, self._chunks = b"".join(self._chunks), []
            if not self._unclear:
                self._accept(content)
                return True
        wrong = "503 5.5.1 RCPT first" if self._unclear or not self._recipients else ""
        if not size:
            wrong = wrong or "551 5.7.1 Null BDAT request"  # as Postfix has it
        reply = self._reply("BDAT", f"{size}", wrong or f"250 2.0.0 {size} octets")
        self._unclear = self._unclear or not reply.startswith("2")
        return self._send(reply)

    def _bdat(self, argument: str) -> bool:
        words = argument.upper().split()
        if "CHUNKING" not in self.sink.extensions or not words or not words[0].isdecimal():
            return self._say("BDAT", argument, "500 5.5.2 what?")
        self._chunk = int(words[0]), words[1:] == ["LAST"]
        return True

    def _accept(self, content: bytes) -> None:
        chunked = not self._in_data and "CHUNKING" in self.sink.extensions
        usual = f"250 2.0.0 Ok: queued as {self.number:X}Q{self._accepted:05X}"
        if not self._recipients:
            usual = "554 5.5.1 no valid recipients"
        reply = self._reply(".", "", usual)
        if self._recipients and (reply.startswith("2") or reply in (TAKE_AND_DROP, TAKE_AND_STALL)):
            self._log += self.sink.record(self._sender or "", self._recipients, content)
            self._accepted += 1
        elif chunked:
            self._unclear = True
        self._sender, self._recipients = None, []
        self._send(reply)

    def _command(self) -> bool:
        at = self._buffer.find(b"\r\n")
        if at < 0:
            return False
        line = self._buffer[:at].decode("latin-1")
        del self._buffer[: at + 2]
        if self.sink.keep:
            self.sink.commands.append(line)
        if self._login is not None:
            self._log_in(line)
            return True
        verb, _, argument = line.partition(" ")
        verb = verb.upper()
        handler = self._HANDLERS.get(verb)
        if handler is None:
            return self._say(verb, argument, "500 5.5.2 what?")
        return handler(self, argument)

    def _reply(self, verb: str, argument: str, usual: str) -> str:
        if self.sink.answer is None:
            return usual
        step = Step(verb, argument, self.number, self._accepted, self._secure)
        other = self.sink.answer(step)
        return usual if other is None else other

    def _say(self, verb: str, argument: str, usual: str) -> bool:
        return self._send(self._reply(verb, argument, usual))

    def _send(self, reply: str) -> bool:
        if reply in (DROP, TAKE_AND_DROP):
            self._flush()
            self.transport.abort()
            return False
        if reply in (STALL, TAKE_AND_STALL):
            self._silent = True
            return False
        if reply:
            self._replies.append(reply.encode("latin-1") + b"\r\n")
        if reply.startswith("421"):
            self._flush()
            self._close()
            return False
        return True

    def _ehlo(self, argument: str) -> bool:
        words = list(self.sink.extensions)
        if self.sink.tls and not self._secure:
            words.append("STARTTLS")
        if self.sink.users:
            words.append(f"AUTH {self.sink.mechanisms}")
        lines = ["sink.example.org", *words]
        usual = "".join(f"250-{word}\r\n" for word in lines[:-1]) + f"250 {lines[-1]}"
        return self._say("EHLO", argument, usual)

    def _helo(self, argument: str) -> bool:
        return self._say("HELO", argument, "250 sink.example.org")

    def _mail(self, argument: str) -> bool:
        usual = "250 2.1.0 Ok"
        if self._sender is not None or self._unclear:
            usual = "503 5.5.1 nested MAIL"
        elif self.sink.users and not self._authenticated:
            usual = "530 5.7.0 Authentication required"
        reply = self._reply("MAIL", argument, usual)
        if reply.startswith("2"):
            found = _PATH.search(argument)
            self._sender = found[1] if found else ""
        return self._send(reply)

    def _rcpt(self, argument: str) -> bool:
        found = _PATH.search(argument)
        recipient = found[1] if found else ""
        usual = "250 2.1.5 Ok" if self._sender is not None else "503 5.5.1 MAIL first"
        reply = self._reply("RCPT", recipient, usual)
        if reply.startswith("2"):
            self._recipients.append(recipient)
        return self._send(reply)

    def _data(self, argument: str) -> bool:
        usual = "354 go on" if self._recipients else "503 5.5.1 RCPT first"
        reply = self._reply("DATA", argument, usual)
        self._in_data = reply.startswith("354")
        return self._send(reply)

    def _rset(self, argument: str) -> bool:
        self._sender, self._recipients, self._chunks, self._unclear = None, [], [], False
        return self._say("RSET", argument, "250 2.0.0 Ok")

    def _noop(self, argument: str) -> bool:
        return self._say("NOOP", argument, "250 2.0.0 Ok")

    def _quit(self, argument: str) -> bool:
        self._say("QUIT", argument, "221 2.0.0 Bye")
        self._flush()
        self._close()
        return False

    def _starttls(self, argument: str) -> bool:
        if self.sink.tls is None:
            return self._say("STARTTLS", argument, "502 5.5.1 no TLS here")
        reply = self._reply("STARTTLS", argument, "220 2.0.0 go ahead")
        self._send(reply)
        self._flush()
        if reply.startswith("220"):
            self._buffer.clear()
            self.transport.pause_reading()  # the next bytes are the handshake's
            self._upgrading = True  # what comes with the end of the handshake waits for the new transport
            task = asyncio.get_running_loop().create_task(self._secure_it(self.sink.tls))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return False

    async def _secure_it(self, context: ssl.SSLContext) -> None:
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(self.transport, self, context, server_side=True)
        except (OSError, ssl.SSLError):
            return  # a client that does not like the certificate
        self.transport, self._secure, self._upgrading = transport, True, False
        self._proceed()

    def _auth(self, argument: str) -> bool:
        mechanism, _, initial = argument.partition(" ")
        if mechanism.upper() == "PLAIN":
            _, user, password = base64.b64decode(initial).decode().split("\0")
            return self._judge(user, password)
        if mechanism.upper() == "LOGIN":
            self._login = []
            return self._send("334 VXNlcm5hbWU6")
        return self._say("AUTH", argument, "504 5.5.4 unknown mechanism")

    def _log_in(self, line: str) -> None:
        assert self._login is not None
        self._login.append(base64.b64decode(line).decode())
        if len(self._login) == 1:
            self._send("334 UGFzc3dvcmQ6")
            return
        user, password = self._login
        self._login = None
        self._judge(user, password)

    def _judge(self, user: str, password: str) -> bool:
        self._authenticated = bool(self.sink.users and self.sink.users.get(user) == password)
        usual = "235 2.7.0 welcome" if self._authenticated else "535 5.7.8 wrong credentials"
        return self._say("AUTH", user, usual)

    _HANDLERS: Mapping[str, Callable[["Peer", str], bool]] = {
        "EHLO": _ehlo,
        "HELO": _helo,
        "MAIL": _mail,
        "RCPT": _rcpt,
        "DATA": _data,
        "BDAT": _bdat,
        "RSET": _rset,
        "NOOP": _noop,
        "QUIT": _quit,
        "STARTTLS": _starttls,
        "AUTH": _auth,
    }


def main() -> None:
    """Serve as a process until it is killed; the port is the first line of standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--chunking", action="store_true")
    given = parser.parse_args()
    extensions = CHUNKING if given.chunking else EXTENSIONS
    sink = SmtpSink(port=given.port, log=given.log, directory=given.directory, extensions=extensions, keep=False)

    def started(port: int) -> None:
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()

    asyncio.run(sink.serve(started))


if __name__ == "__main__":
    main()
