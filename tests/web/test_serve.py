"""The same app over a real socket: what passes through HTTP, hostile requests, and an orderly end."""

import http.client
import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.errors import UsageError
from chalicelib.runtime import Runtime
from chalicelib.web import house
from chalicelib.web.server import Running, is_loopback, serve
from tests.web.answers import Answer, check_answer
from tests.web.site import PNG, SLOT, runtime_at, subscribe, write_site

EDITION = f"/archive/harbour-log/{SLOT}/en"


@pytest.fixture(scope="module")
def running(filled: Runtime) -> Iterator[Running]:
    server = serve(filled, "127.0.0.1", 0, ready=lambda _: None)
    yield server
    server.close()
    house.use(None)


def ask(
    running: Running, path: str, method: str = "GET", headers: dict[str, str] | None = None, body: bytes | None = None
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        raw = connection.getresponse()
        found = {name.lower(): value for name, value in raw.getheaders()}
        return check_answer(Answer(raw.status, found, raw.read()), method)
    finally:
        connection.close()


def exchange(running: Running, raw: bytes) -> bytes:
    """Raw bytes in, the status line out (empty where the connection was just closed)."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as connection:
        connection.sendall(raw)
        with suppress(OSError):  # the server may have answered and closed already
            connection.shutdown(socket.SHUT_WR)
        try:
            return connection.recv(65536).split(b"\r\n")[0]
        except ConnectionResetError:
            return b""


@pytest.mark.parametrize("path", ["/", "/archive", "/archive/", "/archive/harbour-log", EDITION])
def test_pages_come_over_http_and_head_is_the_same_without_the_body(running: Running, path: str) -> None:
    full, head = ask(running, path), ask(running, path, "HEAD")
    assert full.status == head.status == 200
    assert int(full.headers["content-length"]) == len(full.body) > 1000
    for name in ("content-type", "content-security-policy", "cache-control"):
        assert head.headers[name] == full.headers[name]


def test_pictures_come_over_http_as_they_are(running: Running) -> None:
    for accept in ({}, {"Accept": "*/*"}):
        assert ask(running, "/media/images/crane.png", headers=accept).body == PNG


def test_query_and_language_reach_the_page(running: Running) -> None:
    assert 'lang="de"' in ask(running, "/?lang=fr&lang=de&lang=en", headers={"Accept-Language": "de"}).text
    assert 'lang="de"' in ask(running, "/?lang=de").text
    assert 'lang="en"' in ask(running, f"/?{'a&' * 2000}lang=de").text


def test_304_has_no_body_over_http(running: Running) -> None:
    tag = ask(running, EDITION).headers["etag"]
    again = ask(running, EDITION, headers={"If-None-Match": tag})
    assert (again.status, again.body) == (304, b"")


def test_one_click_works_over_http_with_a_body_in_chunks(fresh: Runtime) -> None:
    sid = subscribe(fresh, "ada@example.org")
    server = serve(fresh, "127.0.0.1", 0, ready=lambda _: None)
    try:
        url = f"http://127.0.0.1:{server.port}/u/{fresh.tokens.make(sid, 'harbour-log')}"
        with urllib.request.urlopen(
            urllib.request.Request(url, data=iter([b"List-Unsubscribe=", b"One-Click"]))
        ) as got:
            assert got.status == 200
            assert got.url == url
        evidence = fresh.audience.history(sid)[-1]
        assert evidence["how"].startswith("one-click")
    finally:
        server.close()


@pytest.mark.parametrize(
    "path",
    [
        "/nothing", "/u/", "/u//", "/archive//x", "/u/a/b", "/media", "/media/", "/%00", "/%ff%fe", "/u/%00",
        "/u/%ff", "/u/%F0%9F%92%A9", "/archive/%2e%2e/%2e%2e/en", "/archive/..%5c..%5c/x/en", "/u/" + "a" * 6000,
        "/archive/" + "%C3%28" * 50, f"/archive/harbour-log/{'9' * 3000}/en", "/archive/a%0d%0aX-Bad:%201/b/en",
        "/media/" + "%2e%2e/" * 5 + "x.png", "/index.php", "/.env", "/wp-login.php?x=<script>", "/archive/%00/x/en",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS", "TRACE", "BREW"])
def test_hostile_paths_are_4xx_pages(running: Running, path: str, method: str) -> None:
    answer = ask(running, path, method)
    assert 400 <= answer.status < 500
    assert "x-bad" not in answer.headers


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Type": "application/json"}, b"{" * 10_000),
        ({"Content-Type": "multipart/form-data"}, b"--\r\n\r\n"),
        ({"Content-Type": "multipart/form-data; boundary=" + "x" * 5000}, b"--x"),
        ({"Content-Type": "text/plain; charset=utf-7"}, b"+ADw-"),
        ({"Content-Type": "\xff\xfe"}, b"\xff\xfe"),
        ({"Content-Type": ""}, b"\x00" * 100_000),
        ({"Content-Encoding": "gzip"}, b"\x1f\x8b\x08"),
        ({"Accept-Language": "de" * 5000}, b""),
        ({"Accept-Language": ",;q=" * 3000}, b""),
        ({"Accept": "\xff"}, b""),
        ({"Cookie": "a=" + "b" * 10_000}, b""),
        ({"If-None-Match": '"' * 5000}, b""),
        ({"X-Forwarded-Proto": "x", "X-Forwarded-For": "\xff"}, b""),
        ({"X-Http-Method-Override": "POST"}, b""),
    ],
)
@pytest.mark.parametrize("path", ["/", EDITION, "/u/wrong", "/media/images/crane.png", "/inbox", "/status"])
def test_hostile_headers_and_bodies_are_no_5xx(
    running: Running, headers: dict[str, str], body: bytes, path: str
) -> None:
    for method in ("GET", "POST"):
        ask(running, path, method, headers, body)


def test_a_body_that_is_too_large_is_a_413_page(running: Running) -> None:
    answer = ask(running, "/u/wrong", "POST", body=bytes(2 * 1024 * 1024))
    assert answer.status == 413
    assert "larger than it takes" in answer.text


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
        b"POST /u/x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /u/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /?%ff%00&&&===&lang=%ff HTTP/1.1\r\nHost: \x00\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 60_000 + b"\r\n",
        b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /inbox HTTP/1.1\r\nHost: \xff\r\n\r\n",
    ],
)
def test_what_is_hardly_http_is_no_5xx(running: Running, raw: bytes) -> None:
    status = exchange(running, raw)
    assert not status or int(status.split()[1]) < 500 or status.split()[1] == b"501", status
    assert ask(running, "/").status == 200


PATHS = st.lists(
    st.one_of(
        st.sampled_from(
            ["u", "archive", "media", "harbour-log", SLOT, "en", "inbox", "status", "..", ".", "%2f", "%00"]
        ),
        st.text(alphabet="ab%.-_~!$&'()*+,;=:@019zZ<>\"{}|^`\\", max_size=12),
        st.binary(max_size=6).map(lambda raw: "".join(f"%{byte:02x}" for byte in raw)),
    ),
    max_size=7,
)
QUERIES = st.text(alphabet="lang=&de%00ff+;before[]view page", max_size=40)
METHODS = st.sampled_from(["GET", "GET", "HEAD", "POST", "PUT", "DELETE"])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=PATHS, query=QUERIES, method=METHODS, body=st.binary(max_size=40))
def test_no_request_whatever_is_a_5xx(running: Running, parts: list[str], query: str, method: str, body: bytes) -> None:
    target = "/" + "/".join(parts) + "?" + query.replace(" ", "+")
    raw = f"{method} {target} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    status = exchange(running, raw + body)
    assert 200 <= int(status.split()[1]) < 500, (target, status)


def test_requests_at_once_get_their_own_answers(running: Running) -> None:
    """Chalice keeps one current request for all threads: languages must not leak from one to another."""
    wrong: list[str] = []

    def read(language: str) -> None:
        for _ in range(25):
            text = ask(running, f"/?lang={language}").text
            if f'<html lang="{language}"' not in text:
                wrong.append(language)

    threads = [threading.Thread(target=read, args=(language,)) for language in ("en", "de") * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_closed_server_answers_no_more_and_frees_its_port(fresh: Runtime) -> None:
    told: list[str] = []
    server = serve(fresh, "localhost", 0, ready=told.append)
    port = server.port
    assert told == [f"http://localhost:{port}/"]
    assert urllib.request.urlopen(told[0]).status == 200
    assert not server.wait(0)
    server.close()
    server.close()
    assert server.wait(0)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    serve(fresh, "127.0.0.1", port, ready=lambda _: None).close()


def test_a_port_in_use_says_what_to_do(fresh: Runtime, running: Running) -> None:
    with pytest.raises(UsageError, match="--port"):
        serve(fresh, "127.0.0.1", running.port, ready=lambda _: None)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True), ("127.8.9.1", True), ("localhost", True), ("::1", True), ("[::1]", True),
        ("0.0.0.0", False), ("::", False), ("192.0.2.1", False), ("example.org", False),
        ("127.0.0.1.example.org", False), ("", False), ("localhost.example.org", False),
    ],
)  # fmt: skip
def test_loopback_is_told_apart(host: str, local: bool) -> None:
    assert is_loopback(host) is local


def test_a_base_url_with_a_path_is_served_with_and_without_it(tmp_path) -> None:  # type: ignore[no-untyped-def]
    root = write_site(tmp_path / "site")
    file = root / "content" / "site.yaml"
    file.write_text(
        file.read_text("utf-8").replace("https://letters.example.org", "https://example.org/letters"), "utf-8"
    )
    runtime = runtime_at(root, tmp_path / "data")
    server = serve(runtime, "127.0.0.1", 0, ready=lambda _: None)
    try:
        for path in ("/letters/archive", "/archive"):
            assert 'href="/letters/archive/harbour-log"' in ask(server, path).text
        assert ask(server, "/lettersarchive").status == 404
    finally:
        server.close()
        runtime.close()
        house.use(None)


def test_the_app_sees_the_event_that_api_gateway_would_send() -> None:
    from chalicelib.web.wsgi import proxy_event

    environ = {
        "REQUEST_METHOD": "POST", "QUERY_STRING": "a=1&a=2&b=", "CONTENT_LENGTH": "3", "CONTENT_TYPE": "x/y",
        "HTTP_ACCEPT_LANGUAGE": "de", "REMOTE_ADDR": "127.0.0.1", "wsgi.input": __import__("io").BytesIO(b"abcdef"),
    }  # fmt: skip
    event = proxy_event(environ, "/u/x", "/u/{token}", {"token": "x"})
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": [""]}
    assert event["queryStringParameters"] == {"a": "2", "b": ""}
    assert event["headers"] == {"Accept-Language": "de", "Content-Type": "x/y", "Content-Length": "3"}
    assert (event["body"], event["isBase64Encoded"]) == ("YWJj", True)
    assert event["pathParameters"] == {"token": "x"}
    assert event["requestContext"]["resourcePath"] == "/u/{token}"
