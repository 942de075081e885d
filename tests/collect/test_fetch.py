"""Fetching from a real server on this machine that is slow, broken, endless or changes its mind."""

import gzip
import threading
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from os import mkfifo
from pathlib import Path
from typing import Any

import pytest

from chalicelib.collect.fetch import BusyError, Fetched, GoneError, Validators, fetcher
from chalicelib.collect.found import SourceError
from chalicelib.collect.wire import MAX_BYTES, target_of
from tests.collect.servers import answer, serving

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

    def _bigger(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "99999999999")
        self.end_headers()
        self.wfile.write(b"x" * 1000)
        self.close_connection = True

    def _endlessheaders(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not type(self).stop.is_set():
            self.wfile.write(b"X-Header: " + b"x" * 1000 + b"\r\n")

    def _endlessline(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Header: ")
        while not type(self).stop.is_set():
            self.wfile.write(b"x" * 1000)

    def _continues(self) -> None:
        while not type(self).stop.is_set():
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _hugebomb(self) -> None:
        """2 MB that are 2 GB."""
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        packer, part = zlib.compressobj(9, wbits=31), bytes(10_000_000)
        for _ in range(200):
            self.wfile.write(packer.compress(part))

    def _nested(self) -> None:
        body = gzip.compress(gzip.compress(bytes(100_000_000), 9), 9)
        self.answer(body, Content_Encoding="gzip, gzip")

    def _brotli(self) -> None:
        self.answer(b"\x1b\x00\x00", Content_Encoding="br")

    def _busy(self) -> None:
        status, *said = self.path.strip("/").split("/")[1:]
        self.answer(b"", int(status), **({"Retry_After": said[0].replace("_", " ")} if said else {}))

    def _redirect(self) -> None:
        _, _, status, then = self.path.split("/", 3)
        self.answer(b"", int(status), Location=f"/{then}")

    def _nowhere(self) -> None:
        self.answer(b"", 302)

    def _unasked(self) -> None:
        self.answer(b"", 304)

    def _latin(self) -> None:
        self.answer(b"", 302, Location="/feed/ü x".encode().decode("latin-1"))

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
        ("hugebomb", "is larger than 10 MB"),
        ("bigger", "is larger than 10 MB"),
        ("nested", "compressed as 'gzip, gzip', which was not asked for"),
        ("brotli", "compressed as 'br', which was not asked for"),
        ("endlessheaders", "headers"),
        ("endlessline", "headers"),
        ("continues", "more than 64 KB of headers"),
        ("nowhere", "answered 302, a redirect, but not where to"),
        ("unasked", "nothing has changed, which nobody had asked"),
        ("redirect/300/feed", "answered 300"),
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
    assert time.monotonic() - started >= 0.4


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


@pytest.mark.parametrize("path", ["hugebomb", "endless", "endlessline"])
def test_what_is_cut_off_takes_little_memory(server: str, path: str) -> None:
    tracemalloc.start()
    with pytest.raises(SourceError):
        get(f"{server}/{path}")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 50_000_000  # the server's own share included


@pytest.mark.parametrize(
    ("path", "moved"),
    [
        ("feed", ""),
        ("redirect/301/feed", "feed"),
        ("redirect/308/redirect/301/feed", "feed"),
        ("redirect/302/feed", ""),
        ("redirect/303/feed", ""),
        ("redirect/307/feed", ""),
        ("redirect/301/redirect/302/feed", "redirect/302/feed"),
        ("redirect/302/redirect/301/feed", ""),
        ("redirect/301/redirect/302/redirect/301/feed", "redirect/302/redirect/301/feed"),
        ("redirect/302/" * 5 + "feed", ""),
    ],
)
@pytest.mark.parametrize("known", [Validators(), Validators(etag=ETAG)])
def test_what_moved_for_good_is_told_from_what_moved_for_now(
    server: str, path: str, moved: str, known: Validators
) -> None:
    fetched = get(f"{server}/{path}", known)
    assert fetched.url == f"{server}/feed"
    assert fetched.moved_to == (f"{server}/{moved}" if moved else "")
    assert (fetched.body is None) == (known != Validators())


def test_more_than_five_redirects_are_too_many(server: str) -> None:
    with pytest.raises(SourceError, match="redirects too often"):
        get(f"{server}/" + "redirect/302/" * 6 + "feed")


def test_a_redirect_with_letters_that_belong_in_no_header(server: str) -> None:
    assert get(f"{server}/latin").url == f"{server}/feed/%C3%BC%20x"


def test_the_deadline_is_for_all_hops_together(server: str) -> None:
    with pytest.raises(SourceError, match="took too long"):
        get(f"{server}/redirect/302/redirect/302/silent", deadline=0.3)


def test_a_source_that_has_ended(server: str) -> None:
    with pytest.raises(GoneError, match="answered 410 Gone: it has ended, and is asked no more"):
        get(f"{server}/status/410")
    with pytest.raises(GoneError):
        get(f"{server}/redirect/301/status/410")


@pytest.mark.parametrize(
    ("path", "wait"),
    [
        ("busy/429", None),
        ("busy/429/120", timedelta(seconds=120)),
        ("busy/503/7", timedelta(seconds=7)),
        ("busy/503/Fri,_01_Jan_2100_00:00:00_GMT", timedelta(hours=24)),
    ],
)
def test_a_server_that_asks_to_be_left_alone_is(server: str, path: str, wait: timedelta | None) -> None:
    fetch = fetcher(Path(), "", allow=["127.0.0.1"])
    with pytest.raises(BusyError, match=r"answered (429|503)") as caught:
        fetch(f"{server}/{path}", Validators())
    assert caught.value.wait == wait
    asked = len(Server.asked)
    with pytest.raises(BusyError, match=r"was not asked: 127\.0\.0\.1 told another source to wait") as again:
        fetch(f"{server}/feed", Validators())
    assert again.value.wait == (wait if wait is not None else timedelta(minutes=5))
    assert len(Server.asked) == asked
    assert fetcher(Path(), "", allow=["127.0.0.1"])(f"{server}/feed", Validators()).body  # the next run asks again


@pytest.mark.parametrize(
    "path",
    ["busy/503", "busy/503/soon", "busy/503/0", "busy/503/Fri,_01_Jan_1999_00:00:00_GMT", "busy/500/60", "busy/404/60"],
)
def test_other_failures_hold_up_only_themselves(server: str, path: str) -> None:
    fetch = fetcher(Path(), "", allow=["127.0.0.1"])
    with pytest.raises(SourceError, match="answered"):
        fetch(f"{server}/{path}", Validators())
    assert fetch(f"{server}/feed", Validators()).body


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_proxies_of_the_environment_are_not_used(server: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9/")
    assert get(f"{server}/feed").body == b"<rss/>"


def test_a_server_is_asked_for_two_things_at_once_at_most() -> None:
    most, now, lock = [0], [0], threading.Lock()
    gate = threading.Barrier(3, timeout=0.5)  # a third never comes

    def reply(path: str) -> bytes:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        with suppress(threading.BrokenBarrierError):
            gate.wait()
        with lock:
            now[0] -= 1
        return answer()

    with serving(reply) as one:
        fetch = fetcher(Path(), "", allow=["127.0.0.1"])
        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda n: fetch(f"http://127.0.0.1:{one.port}/{n}", Validators()), range(8)))
    assert len(got) == 8
    assert most == [2]


@pytest.mark.parametrize("etag", ["ü", "a\tb", "x" * 2000])
def test_a_validator_that_can_not_be_sent_again_is_not_kept(etag: str) -> None:
    with serving(lambda path: answer(ETag=etag)) as one:
        assert get(f"http://127.0.0.1:{one.port}/").validators == Validators()


def test_the_host_header_names_a_port_only_where_it_is_unusual() -> None:
    for url, host in {
        "http://a.example.org/": "a.example.org",
        "http://a.example.org:80/": "a.example.org",
        "https://a.example.org:443/x": "a.example.org",
        "https://A.example.org:80/x": "a.example.org:80",
        "http://[2A00::1]:81/": "[2a00::1]:81",
        "http://b\u00fccher.example.org/": "xn--bcher-kva.example.org",
    }.items():
        assert target_of(url).host_header == host


def test_no_thread_or_socket_is_left(server: str) -> None:
    get(f"{server}/feed")
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


def test_files(tmp_path: Path) -> None:
    (tmp_path / "content").mkdir()
    (tmp_path / "a.xml").write_bytes(b"beside")
    (tmp_path / "content" / "b.xml").write_bytes(b"below")
    assert get("a.xml", root=tmp_path) == Fetched(b"beside", "")
    assert get("b.xml", root=tmp_path).body == b"below"
    assert get("content/../a.xml", root=tmp_path).body == b"beside"
    (tmp_path / "link.xml").symlink_to("/etc/hostname")
    (tmp_path / "self.xml").symlink_to("self.xml")
    mkfifo(tmp_path / "pipe.xml")
    for location, words in (
        ("c.xml", "No such file"),
        ("content", "directory"),
        ("../site.yaml", "lies outside of the site"),
        (str(tmp_path.parent), "lies outside of the site"),
        ("/etc/passwd", "lies outside of the site"),
        ("content/../../../etc/passwd", "lies outside of the site"),
        ("link.xml", "lies outside of the site"),
        ("self.xml", "can't be read"),
        ("pipe.xml", "no regular file"),
        ("a\0b", "can't be read"),
        ("a" * 5000, "can't be read"),
    ):
        with pytest.raises(SourceError, match=words):
            get(location, root=tmp_path)
    with (tmp_path / "large.xml").open("wb") as large:
        large.truncate(MAX_BYTES + 1)
    with pytest.raises(SourceError, match="larger than 10 MB"):
        get("large.xml", root=tmp_path)


def test_content_may_be_a_link_to_another_place(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.xml").write_bytes(b"linked")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "content").symlink_to(tmp_path / "elsewhere")
    assert get("a.xml", root=tmp_path / "site").body == b"linked"
