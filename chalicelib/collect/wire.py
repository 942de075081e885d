"""One HTTP question to one checked address: pinned connection, TLS, and an answer that can't outlast or outgrow.

The only module that opens connections for fetching; urllib3 frames and decompresses on a socket it is given.
"""

import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from chalicelib.collect.found import SourceError
from chalicelib.collect.guard import Allowed, Resolve, addresses, refusal, system_resolve, why_denied
from chalicelib.content.markup import one_line

if TYPE_CHECKING:
    from urllib3.response import HTTPResponse

MAX_BYTES = 10 * 1024 * 1024
MAX_HEAD_BYTES = 64 * 1024
CONNECT_SECONDS = 5.0
LATE = "took too long to answer"
_BUFFER = 32 * 1024
_PORTS = {"http": 80, "https": 443}


class Deadline:
    """A moment on the monotonic clock that all waiting ends at."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds, more than 0. Raises SourceError once it has passed."""
        seconds = self._ends - time.monotonic()
        if seconds <= 0:
            raise SourceError(LATE)
        return seconds


@dataclass(frozen=True, slots=True)
class Target:
    """An address taken apart once: what is resolved, pinned, named in Host and in the certificate is the same."""

    url: str
    scheme: str
    host: str
    port: int
    request: str

    @property
    def server(self) -> str:
        """Host and port, as one name."""
        return f"{self.host}:{self.port}"

    @property
    def host_header(self) -> str:
        """RFC 9110, 7.2: the port only where it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def target_of(url: str) -> Target:
    """A web address taken apart. Raises SourceError for what is none, and for one with a password in it."""
    import urllib3  # 63 ms: only where a URL is fetched

    try:
        if any(ord(letter) <= 32 or letter in "\\\x7f" for letter in url):
            raise ValueError(url)
        parts = urllib3.util.parse_url(url)
        port = parts.port if parts.port is not None else _PORTS.get(parts.scheme or "")
        host = (parts.host or "").removeprefix("[").removesuffix("]")
    except (ValueError, urllib3.exceptions.HTTPError):
        raise SourceError("the address, or the one it redirects to, is no web address") from None
    if parts.scheme not in _PORTS:
        raise SourceError("redirects to an address that is neither http nor https")
    if parts.auth is not None:
        raise SourceError("has a name or password in its address, or in the one it redirects to; leave it out")
    if not host or not port or "%" in host:
        raise SourceError("the address, or the one it redirects to, is no web address")
    return Target(parts._replace(fragment=None).url, parts.scheme, host, port, parts.request_uri)


def dial(address: str, port: int, seconds: float) -> socket.socket:
    """A TCP connection to a numeric address."""
    return socket.create_connection((address, port), seconds)


_CONTEXT = threading.Lock()


@cache
def _made_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def verified() -> ssl.SSLContext:
    """TLS that verifies by the system's authorities; made once, 20 ms or more, where it is first needed."""
    with _CONTEXT:
        return _made_context()


@dataclass(frozen=True, slots=True)
class Network:
    """The world outside. Other values than the usual are for networks of one's own, and for tests."""

    allowed: Allowed = field(default_factory=Allowed)
    resolve: Resolve = system_resolve
    dial: Callable[[str, int, float], socket.socket] = dial
    tls: Callable[[], ssl.SSLContext] = verified


class _Wire(io.RawIOBase):
    """What http.client takes for its socket: each wait ends at the deadline, and each byte received counts."""

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._socket, self._deadline, self._received = connected, deadline, 0
        self.limit = MAX_HEAD_BYTES + _BUFFER
        self.too_much = f"answers with more than {MAX_HEAD_BYTES // 1024} KB of headers"

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        self._socket.settimeout(self._deadline.left())
        try:
            count = self._socket.recv_into(buffer)
        except TimeoutError:
            raise SourceError(LATE) from None
        self._received += count
        if self._received > self.limit:
            raise SourceError(self.too_much)
        return count

    def sendall(self, data: bytes) -> None:
        """As a socket's; the time-out of one is for the whole of the data."""
        self._socket.settimeout(self._deadline.left())
        self._socket.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        """As a socket's, for reading."""
        return io.BufferedReader(self, _BUFFER)

    def settimeout(self, seconds: float | None) -> None:
        """Nothing: the deadline rules."""

    def close(self) -> None:
        """Nothing: who opened the socket closes it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and headers (found in any case); ``read`` gives the decompressed body, or raises SourceError."""

    status: int
    reason: str
    headers: Mapping[str, str]
    read: Callable[[], bytes]


@contextmanager
def asked(
    target: Target, headers: Mapping[str, str], network: Network, deadline: Deadline, body: bytes | None = None
) -> Iterator[Answer]:
    """The answer to one question, as long as the context lasts; with a body it is a POST. Raises SourceError."""
    import urllib3
    from urllib3.connection import HTTPConnection

    found = addresses(target.host, target.port, network.allowed, network.resolve, deadline.left())
    try:
        with _connected(target, found, network, deadline) as connected:
            wire = _Wire(connected, deadline)
            connection = HTTPConnection(target.host, target.port)
            connection.sock = wire
            method, bears = "GET" if body is None else "POST", {"Host": target.host_header, **headers}
            connection.request(method, target.request, body=body, headers=bears, preload_content=False)
            with connection.getresponse() as answer:
                wire.limit += MAX_BYTES
                wire.too_much = f"is larger than {MAX_BYTES // 1024 // 1024} MB"
                yield Answer(answer.status, answer.reason or "", answer.headers, lambda: _read_capped(answer))
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, ValueError, OSError) as error:
        raise SourceError(_words(error)) from None


@contextmanager
def _connected(
    target: Target, found: Sequence[str], network: Network, deadline: Deadline
) -> Iterator[socket.socket | ssl.SSLSocket]:
    """A connection to the first of the checked addresses that takes one; the peer is checked once more."""
    with _first(found, target.port, network, deadline) as raw:
        peer = str(raw.getpeername()[0])
        reason = "" if network.allowed.host(target.host) else why_denied(peer, network.allowed)
        if reason:
            raise SourceError(refusal(target.host, peer, reason))
        if target.scheme == "http":
            yield raw
            return
        raw.settimeout(deadline.left())
        name = target.host.removesuffix(".")
        with network.tls().wrap_socket(raw, server_hostname=name) as secured:
            yield secured


def _first(found: Sequence[str], port: int, network: Network, deadline: Deadline) -> socket.socket:
    refused: OSError = ConnectionRefusedError()
    for address in found:
        try:
            return network.dial(address, port, min(CONNECT_SECONDS, deadline.left()))
        except OSError as error:
            refused = error
    raise refused


def _read_capped(answer: "HTTPResponse") -> bytes:
    """The decompressed body; a bomb or an endless answer is cut off."""
    encoding = answer.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in {"", "identity", "gzip", "x-gzip", "deflate"}:
        raise SourceError(f"answers compressed as '{one_line(encoding, 20)}', which was not asked for")
    too_much = SourceError(f"is larger than {MAX_BYTES // 1024 // 1024} MB")
    if (answer.length_remaining or 0) > MAX_BYTES:
        raise too_much
    parts, size = [], 0
    for part in answer.stream(65536, decode_content=True):
        size += len(part)
        if size > MAX_BYTES:
            raise too_much
        parts.append(part)
    return b"".join(parts)


def _words(error: Exception) -> str:
    """A library's error without its object addresses and pools."""
    cause = getattr(error, "reason", None)
    known: Exception = cause if isinstance(cause, Exception) else error
    if isinstance(known, ssl.SSLCertVerificationError):
        return f"the TLS certificate can't be verified: {one_line(known.verify_message, 100)}"
    if isinstance(known, ssl.SSLError):
        return "no TLS connection can be made with it"
    if isinstance(known, TimeoutError):
        return f"{LATE}: no connection within the time limit"
    if isinstance(known, ConnectionRefusedError):
        return "the connection was refused"
    broken = "the connection broke off in the answer"
    names = {
        "DecodeError": "the compressed answer is damaged",
        "LineTooLong": "answers with headers that are too long",
        "BadStatusLine": "answered with something that is not HTTP",
        "UnknownProtocol": "answered with something that is not HTTP",
        "InvalidHeader": "answered with a broken length",
        **dict.fromkeys(("RemoteDisconnected", "IncompleteRead", "ProtocolError", "ConnectionResetError"), broken),
        **dict.fromkeys(("InvalidChunkLength", "BrokenPipeError", "ConnectionAbortedError"), broken),
    }
    name = type(known).__name__
    if name in names:
        return names[name]
    if isinstance(known, OSError) and known.strerror:
        return f"can't be reached: {known.strerror}"
    return f"the connection failed ({name})"
