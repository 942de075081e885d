"""Fetching from a real server on this machine that is slow, broken, endless or changes its mind."""

import gzip
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from chalicelib.collect import fetch as fetching
from chalicelib.collect.fetch import Fetched, Validators, fetcher
from chalicelib.collect.found import SourceError

ETAG, MODIFIED = '"v1"', "Fri, 20 Nov 2026 10:00:00 GMT"


class Server(BaseHTTPRequestHandler):
    """Answers by the path's first word."""

    protocol_version = "HTTP/1.1"
    asked: list[dict[str, str]]
    stop: threading.Event

    def do_GET(self) -> None:
        type(self).asked.append({"path": self.path, **{k.lower(): v for k, v in self.headers.items()}})
        with suppress(OSError):  # the client hung up, as it should
            getattr(self, "_" + self.path.strip("/").split("/")[0])()

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _feed(self) -> None:
        if self.headers.get("If-None-Match") == ETAG or self.headers.get("If-Modified-Since") == MODIFIED:
            self.answer(b"", 304)
        else:
            self.answer(b"<rss/>", ETag=ETAG, Last_Modified=MODIFIED)

    def _status(self) -> None:
        self.answer(b"oops", int(self.path.split("/")[2]))

    def _moved(self) -> None:
        self.answer(b"", 301, Location="/feed")

    def _loop(self) -> None:
        self.answer(b"", 302, Location="/loop")

    def _elsewhere(self) -> None:
        self.answer(b"", 302, Location=self.path.split("/", 2)[2])

    def _gzip(self) -> None:
        self.answer(gzip.compress(b"<rss/>"), Content_Encoding="gzip")

    def _bomb(self) -> None:
        self.answer(gzip.compress(bytes(200_000_000), 9), Content_Encoding="gzip")

    def _bombs(self) -> None:
        self.answer(zlib.compress(bytes(100_000_000), 9), Content_Encoding="deflate")

    def _damaged(self) -> None:
        self.answer(b"\x1f\x8bnot gzip at all", Content_Encoding="gzip")

    def _endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        while not type(self).stop.is_set():
            self.wfile.write(bytes(65536))

    def _silent(self) -> None:
        type(self).stop.wait(10)

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        self._slowly(b"x" * 200)

    def _header(self) -> None:
        self._slowly(b"HTTP/1.1 200 OK\r\nX-Header: " + b"x" * 200)

    def _chunks(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._slowly(b"1\r\nx\r\n" * 40)

    def _slowly(self, text: bytes) -> None:
        for byte in text:
            if type(self).stop.wait(0.05):
                return
            self.wfile.write(bytes([byte]))

    def _short(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"too little")
        self.close_connection = True

    def _nonsense(self) -> None:
        self.wfile.write(b"\x00\xff nonsense\r\n\r\n")
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        return


class Quiet(ThreadingHTTPServer):
    """Clients hang up here, as they should: no news."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        return


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    Server.asked, Server.stop = [], threading.Event()
    http = Quiet(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}"
    Server.stop.set()
    http.shutdown()
    http.server_close()
    thread.join(5)


def get(url: str, known: Validators | None = None, *, deadline: float = 5.0, root: Path = Path()) -> Fetched:
    fetch = fetcher(root, "https://news.example.org", deadline=deadline, allow=["127.0.0.0/8"])
    return fetch(url, known or Validators())


def test_an_answer_and_its_validators(server: str) -> None:
    fetched = get(f"{server}/feed")
    assert fetched == Fetched(b"<rss/>", f"{server}/feed", Validators(ETAG, MODIFIED))
    assert Server.asked[-1]["user-agent"].startswith("Sendbrief/")
    assert "https://news.example.org" in Server.asked[-1]["user-agent"]
    assert "if-none-match" not in Server.asked[-1]


@pytest.mark.parametrize(
    "known", [Validators(etag=ETAG), Validators(last_modified=MODIFIED), Validators(ETAG, MODIFIED)]
)
def test_nothing_changed_since(server: str, known: Validators) -> None:
    fetched = get(f"{server}/feed", known)
    assert (fetched.body, fetched.validators) == (None, known)
    assert Server.asked[-1].get("if-none-match", "") == known.etag
    assert Server.asked[-1].get("if-modified-since", "") == known.last_modified


def test_something_changed_since(server: str) -> None:
    assert get(f"{server}/feed", Validators('"v0"', "")).body == b"<rss/>"


def test_a_redirect_is_followed_and_its_end_is_the_base(server: str) -> None:
    fetched = get(f"{server}/moved")
    assert (fetched.body, fetched.url) == (b"<rss/>", f"{server}/feed")


def test_compressed_answers_are_opened(server: str) -> None:
    assert get(f"{server}/gzip").body == b"<rss/>"
    assert "gzip" in Server.asked[-1]["accept-encoding"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("status/404", "answered 404 Not Found"),
        ("status/500", "answered 500 Internal Server Error"),
        ("status/403", "answered 403 Forbidden"),
        ("status/204", "answered 204 No Content"),
        ("loop", "redirects too often"),
        ("elsewhere/file:///etc/passwd", "neither http nor https"),
        ("elsewhere/ftp://a.example.org/x", "neither http nor https"),
        ("elsewhere/http://a.example.org:port/", "no web address"),
        ("bomb", "is larger than 10 MB"),
        ("bombs", "is larger than 10 MB"),
        ("endless", "is larger than 10 MB"),
        ("damaged", "the compressed answer is damaged"),
        ("short", "broke off"),
        ("nonsense", "not HTTP"),
    ],
)
def test_a_failing_server_is_described_plainly(server: str, path: str, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        get(f"{server}/{path}")
    assert "0x" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["silent", "drip", "header", "chunks"])
def test_a_slow_server_is_given_up_at_the_deadline(server: str, path: str) -> None:
    started = time.monotonic()
    with pytest.raises(SourceError, match="took too long to answer"):
        get(f"{server}/{path}", deadline=0.5)
    assert 0.4 < time.monotonic() - started < 15


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(SourceError, match="refused"):
        get("http://127.0.0.1:9/feed")


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "http://[",
        "https://a..example.org/",
        "http://" + "a" * 300 + ".example.org/",
        "http://127.0.0.1:99999/",
    ],
)
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(SourceError):
        get(url)


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://a.example.org/x", "gopher://x"])
def test_other_schemes_are_refused(location: str) -> None:
    with pytest.raises(SourceError, match="are not fetched"):
        get(location)


def test_no_thread_or_socket_is_left(server: str) -> None:
    get(f"{server}/feed")
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "content").mkdir()
    (tmp_path / "a.xml").write_bytes(b"beside")
    (tmp_path / "content" / "b.xml").write_bytes(b"below")
    assert get("a.xml", root=tmp_path) == Fetched(b"beside", "")
    assert get("b.xml", root=tmp_path).body == b"below"
    for location, words in (("c.xml", "No such file"), ("content", "directory")):
        with pytest.raises(SourceError, match=words):
            get(location, root=tmp_path)
    monkeypatch.setattr(fetching, "MAX_BYTES", 3)
    with pytest.raises(SourceError, match="larger than"):
        get("a.xml", root=tmp_path)
