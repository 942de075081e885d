"""Who asks: the connection, or what a proxy of one's own says; nobody else is believed."""

import http.client
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from chalice.app import Request
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.runtime import Runtime
from chalicelib.web import answers, house
from chalicelib.web.client_address import believed, client_address
from chalicelib.web.server import serve
from tests.web.site import runtime_at, subscribe, write_site

CLIENT, PROXY, OUTER = "203.0.113.7", "10.0.0.1", "10.9.9.9"
OURS = ("10.0.0.0/8", "fd00::/8")


@pytest.mark.parametrize(
    ("source", "forwarded", "found"),
    [
        (CLIENT, "", CLIENT),
        (CLIENT, "198.51.100.1", CLIENT),
        (CLIENT, PROXY, CLIENT),
        (PROXY, "", PROXY),
        (PROXY, CLIENT, CLIENT),
        (PROXY, f" {CLIENT} ", CLIENT),
        (PROXY, f"198.51.100.1, {CLIENT}", CLIENT),
        (PROXY, f"{CLIENT}, {OUTER}", CLIENT),
        (PROXY, f"198.51.100.1, {CLIENT},{OUTER}", CLIENT),
        (PROXY, f"{OUTER}, 10.8.8.8", OUTER),
        (PROXY, "unknown", PROXY),
        (PROXY, f"{CLIENT}, unknown", PROXY),
        (PROXY, f"{CLIENT}, unknown, {OUTER}", OUTER),
        (PROXY, f"{CLIENT}:4711", CLIENT),
        (PROXY, "2001:db8::7", "2001:db8::7"),
        (PROXY, "[2001:db8::7]:4711", "2001:db8::7"),
        (PROXY, '"[2001:db8::7]"', "2001:db8::7"),
        (PROXY, f"::ffff:{CLIENT}", CLIENT),
        (f"::ffff:{PROXY}", CLIENT, CLIENT),
        ("fd00::1", CLIENT, CLIENT),
        ("fe00::1", "198.51.100.1", "fe00::1"),
        ("", CLIENT, ""),
        ("nonsense", CLIENT, ""),
        (PROXY, "," * 100_000, PROXY),
        (PROXY, f"{OUTER}," * 100_000 + OUTER, OUTER),
        (PROXY, "1" * 100_000, PROXY),
        (PROXY, "198.51.100.1, " * 50 + CLIENT, CLIENT),
        (PROXY, f"{CLIENT}, " + f"{OUTER}, " * 10 + OUTER, CLIENT),
    ],
)
def test_the_right_most_that_is_no_proxy_of_ours(source: str, forwarded: str, found: str) -> None:
    assert believed(source, forwarded, OURS) == found


def test_without_proxies_nothing_is_believed() -> None:
    assert believed(PROXY, CLIENT, ()) == PROXY


@given(st.text(max_size=80), st.text(max_size=80))
@settings(max_examples=25)
def test_what_a_client_writes_moves_nobody_but_behind_a_proxy(written: str, more: str) -> None:
    assert believed(CLIENT, f"{written},{more}", OURS) == CLIENT
    assert believed(PROXY, f"{written},{more},{CLIENT}", OURS) == CLIENT


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Runtime]:
    runtime = runtime_at(write_site(tmp_path / "site"), tmp_path / "data")
    runtime.settings = replace(runtime.settings, trusted_proxies=("127.0.0.1",))
    yield runtime
    house.use(None)
    runtime.close()


def ask(runtime: Runtime, *forwarded: str) -> list[str]:
    """Who is heard of in a request over a socket, with one header for each of ``forwarded``."""
    sid, clock, heard = subscribe(runtime, "ada@example.org"), runtime.clock, list[str]()

    def noting() -> datetime:
        heard.append(client_address(answers.request()))
        return clock()

    runtime.clock = noting
    server = serve(runtime, "127.0.0.1", 0, ready=lambda _: None)
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        connection.putrequest("POST", f"/u/{runtime.tokens.make(sid, 'harbour-log')}")
        for value in forwarded:
            connection.putheader("X-Forwarded-For", value)
        connection.putheader("Content-Length", "0")
        connection.endheaders()
        assert connection.getresponse().status == 200
        connection.close()
    finally:
        server.close()
    return heard


def test_over_a_socket_a_proxy_of_ours_is_believed(listening: Runtime) -> None:
    assert ask(listening, "198.51.100.1", f"198.51.100.2, {CLIENT}") == [CLIENT]


def test_over_a_socket_nobody_else_is(listening: Runtime) -> None:
    listening.settings = replace(listening.settings, trusted_proxies=())
    assert ask(listening, CLIENT) == ["127.0.0.1"]


def test_over_a_socket_who_is_no_proxy_gains_nothing_by_saying_so(listening: Runtime) -> None:
    listening.settings = replace(listening.settings, trusted_proxies=("10.0.0.0/8",))
    assert ask(listening, CLIENT) == ["127.0.0.1"]


@pytest.mark.parametrize(("identity", "found"), [({"sourceIp": CLIENT}, CLIENT), ({}, ""), (None, "")])
def test_on_aws_it_is_what_the_gateway_saw(fresh: Runtime, identity: object, found: str) -> None:
    event = {
        "headers": {"X-Forwarded-For": "198.51.100.1"},
        "requestContext": {"identity": identity, "httpMethod": "GET", "resourcePath": "/"},
        "multiValueQueryStringParameters": None, "pathParameters": None, "body": None, "stageVariables": None,
        "isBase64Encoded": False,
    }  # fmt: skip
    assert client_address(Request(event, None)) == found
