"""Servers on this machine that say exactly what a test wants, byte by byte, over plain TCP or TLS."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Reply = Callable[[str], bytes]
"""Path to all bytes of the answer, head and body."""


@dataclass
class Server:
    """``connections`` counts who came, ``requests`` holds what they sent."""

    port: int
    host: str = "127.0.0.1"
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    def settled(self) -> int:
        """How many came until now: who connected before us, and perhaps left again, is accepted before us."""
        with socket.create_connection((self.host, self.port), timeout=10) as knock:
            knock.sendall(b"\x16")
            while knock.recv(1024):
                pass
        self.connections -= 1
        return self.connections


@contextmanager
def serving(reply: Reply, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Server]:
    """A server for as long as the context lasts."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, 0))
        listener.listen(64)
        server = Server(listener.getsockname()[1], "127.0.0.1" if host == "0.0.0.0" else host)
        thread = threading.Thread(target=_accept, args=(listener, server, reply, tls), daemon=True)
        thread.start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _accept(listener: socket.socket, server: Server, reply: Reply, tls: ssl.SSLContext | None) -> None:
    while True:
        try:
            connected, _ = listener.accept()
        except OSError:
            return
        server.connections += 1
        threading.Thread(target=_serve, args=(connected, server, reply, tls), daemon=True).start()


def _serve(raw: socket.socket, server: Server, reply: Reply, tls: ssl.SSLContext | None) -> None:
    raw.settimeout(10)
    with suppress(OSError, IndexError), raw, tls.wrap_socket(raw, server_side=True) if tls else raw as connected:
        request = b""
        while b"\r\n\r\n" not in request:
            part = connected.recv(65536)
            if not part:
                break
            request += part
            if request.startswith(b"\x16"):  # a TLS greeting, where none was expected
                connected.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                return
        server.requests.append(request)
        connected.sendall(reply(request.split(b" ")[1].decode("latin-1")))


def answer(body: bytes = b"<rss/>", status: str = "200 OK", **headers: str) -> bytes:
    """A well-formed answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def redirect(location: str | bytes, status: str = "302 Found") -> bytes:
    """A redirect; the location goes out as it is."""
    raw = location.encode() if isinstance(location, str) else location
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nLocation: ".encode() + raw + b"\r\n\r\n"
