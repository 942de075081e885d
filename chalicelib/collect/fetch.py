"""The only code that opens a URL or a source's file: deadlines, caps, conditional requests.

Lives behind ``Fetch`` so that the collector can be run on anything that answers like it.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from chalicelib import __version__
from chalicelib.collect.found import SourceError
from chalicelib.content.markup import one_line

MAX_BYTES = 10 * 1024 * 1024
DEADLINE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Validators:
    """What the last answer gave to ask 'changed since?' with (RFC 9110, 13.1)."""

    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer. ``body`` is None where nothing changed since (304)."""

    body: bytes | None
    url: str
    validators: Validators = Validators()


Fetch = Callable[[str, Validators], Fetched]
"""Gets a location; raises SourceError with plain words."""


def fetcher(root: Path, site_url: str, *, deadline: float = DEADLINE_SECONDS) -> Fetch:
    """A Fetch for a site: URLs by HTTP(S), anything else as a path beside content/."""

    def fetch(location: str, known: Validators) -> Fetched:
        if location.startswith(("http://", "https://")):
            return _fetch_url(location, known, site_url, deadline)
        if "://" in location:
            raise SourceError(f"'{location.split(':')[0]}:' addresses are not fetched; use https:// or a path")
        return _read_file(root, location)

    return fetch


def _read_file(root: Path, location: str) -> Fetched:
    path = root / location
    for candidate in (path, root / "content" / location):
        if candidate.is_file():
            path = candidate
            break
    try:
        with path.open("rb") as file:
            body = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SourceError(f"the file {location} can't be read: {error.strerror}") from None
    if len(body) > MAX_BYTES:
        raise SourceError(f"the file {location} is larger than {MAX_BYTES // 1024 // 1024} MB")
    return Fetched(body, "")


def _fetch_url(url: str, known: Validators, site_url: str, deadline: float) -> Fetched:
    import urllib3  # 63 ms: only where a URL is fetched

    headers = {
        "User-Agent": f"Sendbrief/{__version__} (+{site_url})",
        "Accept": "application/atom+xml, application/rss+xml, application/feed+json, text/calendar, */*;q=0.5",
        "Accept-Encoding": "gzip, deflate",
    }
    if known.etag:
        headers["If-None-Match"] = known.etag
    if known.last_modified:
        headers["If-Modified-Since"] = known.last_modified
    ends = time.monotonic() + deadline
    try:
        with (
            _pool(deadline) as pool,
            pool.request("GET", url, headers=headers, preload_content=False, decode_content=True) as answer,
        ):
            final = urljoin(url, answer.geturl() or "")
            validators = Validators(answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", ""))
            if answer.status == 304:
                return Fetched(None, url, known)
            if answer.status != 200:
                raise SourceError(f"answered {answer.status} {one_line(answer.reason or '', 60)}".strip())
            return Fetched(_read_capped(answer), final, validators)
    except (urllib3.exceptions.HTTPError, ValueError, OSError) as error:
        late = time.monotonic() >= ends  # the socket was shut under the reader, who may say anything
        raise SourceError("took too long to answer" if late else _words(error)) from None


@contextmanager
def _pool(deadline: float) -> Iterator[Any]:
    """A pool whose connections are shut at the deadline: time-outs of sockets begin again with every byte."""
    import urllib3

    watch = _Watch()
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=min(5.0, deadline), read=deadline),
        retries=urllib3.Retry(connect=0, read=0, status=0, other=0, redirect=5, raise_on_redirect=True),
    )
    pool.pool_classes_by_scheme = _watched(watch)
    timer = threading.Timer(deadline, watch.shut)
    timer.daemon = True
    timer.start()
    try:
        yield pool
    finally:
        timer.cancel()
        timer.join()
        pool.clear()
        watch.close()


def _watched(watch: "_Watch") -> dict[str, Any]:
    """urllib3's classes of connections, each of which reports the sockets it opens."""
    import urllib3

    class Http(urllib3.connection.HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return watch.add(self, super()._new_conn())

    class Https(urllib3.connection.HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return watch.add(self, super()._new_conn())

    class HttpPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Http

    class HttpsPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Https

    return {"http": HttpPool, "https": HttpsPool}


class _Watch:
    """Doubles of the sockets of one request: TLS takes the originals over, and a double still shuts them."""

    def __init__(self) -> None:
        self._doubles: list[socket.socket] = []
        self._opened: list[Any] = []
        self._late = False
        self._lock = threading.Lock()

    def add(self, connection: Any, opened: socket.socket) -> socket.socket:
        """Watch what a connection has opened."""
        with self._lock:
            self._doubles.append(opened.dup())
            self._opened += [connection, opened]
        if self._late:
            self.shut()
        return opened

    def shut(self) -> None:
        """End all reading and writing on them; also on those to come."""
        self._late = True
        with self._lock:
            for double in self._doubles:
                with suppress(OSError):  # already closed by the other side
                    double.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give all back, also what urllib3 would leave to the garbage collector."""
        with self._lock:
            for opened in [*self._doubles, *self._opened]:
                opened.close()
            self._doubles.clear()


def _read_capped(answer: Any) -> bytes:
    """The decompressed body; a bomb or an endless answer is cut off."""
    parts, size = [], 0
    for part in answer.stream(65536):
        size += len(part)
        if size > MAX_BYTES:
            raise SourceError(f"is larger than {MAX_BYTES // 1024 // 1024} MB")
        parts.append(part)
    return b"".join(parts)


def _words(error: Exception) -> str:
    """urllib3's error without its object addresses and host pools."""
    cause = getattr(error, "reason", None) or error
    name = type(cause).__name__
    known = {
        "NameResolutionError": "the host name can't be resolved",
        "ConnectTimeoutError": "no connection within the time limit",
        "ReadTimeoutError": "no answer within the time limit",
        "NewConnectionError": "the connection was refused or the network can't be reached",
        "SSLError": "the TLS certificate can't be verified",
        "ResponseError": "redirects too often",
        "DecodeError": "the compressed answer is damaged",
        "IncompleteRead": "the connection broke off in the answer",
        "ProtocolError": "the connection broke off in the answer",
        "LocationParseError": "the address, or the one it redirects to, is no web address",
        "LocationValueError": "the address, or the one it redirects to, is no web address",
        "URLSchemeUnknown": "redirects to an address that is neither http nor https",
    }
    return known.get(name, f"the connection failed ({name})")
