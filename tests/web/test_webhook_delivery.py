"""Webhooks over a real connection: a receiver on this machine that verifies, fails, stalls, redirects and talks on."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from chalicelib.collect.found import SourceError
from chalicelib.collect.guard import Allowed
from chalicelib.collect.post import poster
from chalicelib.collect.wire import Network
from chalicelib.deliver.signatures import PREFIX, signing_secret
from chalicelib.runtime import Runtime
from tests.web.api.house import ADA, Clock, Program, runtime_of
from tests.web.site import SITE, write_site

Answer = Callable[[BaseHTTPRequestHandler], None]


class Receiver:
    """What came in, and what to answer; 204 unless told otherwise."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.answer: Answer = status(204)
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?x=1"


def status(code: int, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.got.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            receiver.answer(self)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield receiver
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def told(tmp_path: Path, receiver: Receiver) -> Iterator[tuple[Runtime, Clock]]:
    """A site whose webhook is the receiver, looked at once."""
    root, clock = write_site(tmp_path / "site"), Clock()
    (root / "content" / "site.yaml").write_text(f"{SITE}webhooks: [{{url: '{receiver.url}'}}]\n", "utf-8")
    runtime = runtime_of(root, tmp_path / "data", clock)
    assert runtime.webhooks.deliver() == []
    yield runtime, clock
    runtime.close()


def happen(runtime: Runtime, clock: Clock) -> None:
    from chalicelib.audience.audience import make_member
    from chalicelib.audience.subscriber import Basis

    member = make_member(runtime.secrets, "harbour-log", ADA, "Ada", "en")
    runtime.audience.subscribe([member], Basis.CONSENT, "a test", clock(), runtime.announce)
    clock.passes(seconds=40)


def verified(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """As the specification has it, with nothing of our own."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    right = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(part, f"v1,{right}") for part in headers["webhook-signature"].split(" "))


def test_what_is_told_is_signed_as_the_specification_has_it(told: tuple[Runtime, Clock], receiver: Receiver) -> None:
    runtime, clock = told
    happen(runtime, clock)
    runtime.webhooks.deliver()
    ((path, headers, body),) = receiver.got
    secret = signing_secret(runtime.secrets, receiver.url)
    assert path == "/hook?x=1"
    assert verified(secret, headers, body)
    assert not verified(secret, headers, body + b" ")
    assert not verified(secret, {**headers, "webhook-id": "evt_0"}, body)
    assert not verified(signing_secret(runtime.secrets, receiver.url + "2"), headers, body)
    assert int(headers["webhook-timestamp"]) == int(clock.now.timestamp())
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("Sendbrief/")
    told_of = json.loads(body)
    assert set(told_of) == {"type", "timestamp", "data"}
    assert (told_of["type"], told_of["data"]["subscriber"]["address"]) == ("subscribed", ADA)


def test_a_changed_key_of_the_site_signs_twice(told: tuple[Runtime, Clock], receiver: Receiver) -> None:
    from chalicelib.audience.tokens import Secrets
    from chalicelib.deliver.signatures import signed_headers

    both = Secrets(("s" * 40, "t" * 40))
    headers = dict(signed_headers(both, receiver.url, "evt_1", b"{}", told[1].now))
    for key in both.keys:
        assert verified(signing_secret(Secrets((key,)), receiver.url), headers, b"{}")
    assert signing_secret(both, receiver.url) == signing_secret(Secrets(("t" * 40,)), receiver.url)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (status(500), "answered 500"),
        (status(302, Location="/elsewhere"), "answered 302"),
        (status(308, Location="http://169.254.169.254/"), "answered 308"),
        (status(410), "answered 410"),
        (lambda handler: handler.wfile.write(b"nonsense\r\n\r\n"), "answered with something that is not HTTP"),
        (lambda handler: handler.connection.close(), "the connection"),
        (lambda handler: handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000), "the connection"),
    ],
    ids=["500", "redirect", "redirect away", "410", "nonsense", "closed", "endless head"],
)
def test_what_is_no_yes_is_a_failure_and_comes_again_with_the_same_id(
    told: tuple[Runtime, Clock], receiver: Receiver, answer: Answer, error: str
) -> None:
    from chalicelib.deliver.hook_states import HookStates

    runtime, clock = told
    happen(runtime, clock)
    receiver.answer = answer
    runtime.webhooks.deliver()
    state = HookStates(runtime.table).get(receiver.url)
    assert state is not None
    assert (state.failures, state.error[: len(error)]) == (1, error)
    receiver.answer = status(200)
    clock.passes(minutes=2)
    runtime.webhooks.deliver()
    first, second = receiver.got
    assert first[1]["webhook-id"] == second[1]["webhook-id"]
    assert first[1]["webhook-timestamp"] != second[1]["webhook-timestamp"]
    assert len(receiver.got) == 2


def test_a_long_answer_is_not_waited_for(told: tuple[Runtime, Clock], receiver: Receiver) -> None:
    def talks_on(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        time.sleep(5)

    runtime, clock = told
    happen(runtime, clock)
    receiver.answer = talks_on
    runtime.webhooks.deliver()
    clock.passes(minutes=2)
    runtime.webhooks.deliver()
    assert len(receiver.got) == 1


def test_one_that_stalls_ends_at_the_deadline(receiver: Receiver) -> None:
    go = threading.Event()
    receiver.answer = lambda handler: go.wait(30) and None
    post = poster("https://letters.example.org", allow=["127.0.0.1"], deadline=0.3)
    with pytest.raises(SourceError, match="took too long"):
        post(receiver.url, {}, b"{}")
    go.set()


def test_this_machine_and_private_networks_are_refused(receiver: Receiver) -> None:
    post = poster("https://letters.example.org")
    for url in (receiver.url, receiver.url.replace("127.0.0.1", "localhost"), "https://10.0.0.1/", "https://[::1]/"):
        with pytest.raises(SourceError, match="SENDBRIEF_FETCH_ALLOW"):
            post(url, {}, b"{}")
    assert receiver.got == []


def test_a_name_that_resolves_to_this_machine_is_refused(receiver: Receiver) -> None:
    network = Network(allowed=Allowed(), resolve=lambda _host, _port: ["127.0.0.1"])
    with pytest.raises(SourceError):
        poster("https://x.example", network=network)(f"http://hook.example:{receiver.port}/", {}, b"{}")
    assert receiver.got == []


def test_a_tick_tells(told: tuple[Runtime, Clock], receiver: Receiver) -> None:
    import asyncio

    runtime, clock = told
    happen(runtime, clock)
    report = asyncio.run(runtime.ticker().tick(clock()))
    assert report.troubles == []
    assert len(receiver.got) == 1


def test_the_api_and_the_webhook_say_the_same(told: tuple[Runtime, Clock], receiver: Receiver) -> None:
    from chalicelib.web import house

    runtime, clock = told
    happen(runtime, clock)
    runtime.webhooks.deliver()
    house.use(runtime)
    try:
        (asked,) = Program.of(runtime).get("/events")["items"]
    finally:
        house.use(None)
    ((_, headers, body),) = receiver.got
    assert {**json.loads(body), "id": headers["webhook-id"]} == asked
