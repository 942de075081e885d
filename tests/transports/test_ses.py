"""SES: one attempt on the wire whatever happens, and what each kind of answer means."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

from chalicelib.errors import ConfigurationError, TransportUnavailableError
from chalicelib.transports import Fate, Mail, Outcome
from chalicelib.transports.ses import SesTransport, make_client, tag_value
from tests.transports.mails import SENDER, mail, mails

SENT, FAILED, DEFERRED, IN_DOUBT = Fate.SENT, Fate.FAILED, Fate.DEFERRED, Fate.IN_DOUBT
Answer = tuple[int, str, str]
"""Status, error code, message."""


class Endpoint:
    """What SES is told and answers. ``answer`` gets the recipient; None drops the connection."""

    def __init__(self, answer: Callable[[str], Answer | None]) -> None:
        self.answer = answer
        self.requests: list[dict[str, Any]] = []
        self.done = threading.Event()
        self.url = ""


class Handler(BaseHTTPRequestHandler):
    endpoint: Endpoint
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.endpoint.requests.append(body)
        answer = self.endpoint.answer(body["Destination"]["ToAddresses"][0])
        if answer is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        status, code, message = answer
        content = json.dumps({"message": message} if code else {"MessageId": "0100-abc"}).encode()
        self.send_response(status)
        if code:
            self.send_header("x-amzn-ErrorType", code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "5",
        "AWS_RETRY_MODE": "adaptive",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[str], Answer | None]], Endpoint]]:
    servers: list[ThreadingHTTPServer] = []
    endpoints: list[Endpoint] = []

    def start(answer: Callable[[str], Answer | None]) -> Endpoint:
        endpoint = Endpoint(answer)
        handler = type("BoundHandler", (Handler,), {"endpoint": endpoint})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        endpoint.url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", endpoint.url)
        servers.append(server)
        endpoints.append(endpoint)
        return endpoint

    yield start
    for endpoint in endpoints:
        endpoint.done.set()
    for server in servers:
        server.shutdown()
        server.server_close()


@contextmanager
def transport(patience: float = 20, **options: Any) -> Iterator[SesTransport]:
    client = make_client(read_timeout=patience, connect_timeout=patience)
    try:
        yield SesTransport(client, **options)
    finally:
        client.close()


def send(wave: Sequence[Mail], **options: Any) -> list[Outcome]:
    async def scene(ses: SesTransport) -> list[Outcome]:
        try:
            return await ses.send_wave(wave)
        finally:
            await ses.aclose()

    with transport(**options) as ses:
        return asyncio.run(scene(ses))


Serve = Callable[[Callable[[str], Answer | None]], Endpoint]
OK: Answer = (200, "", "")


def only(number: int, answer: Answer | None) -> Callable[[str], Answer | None]:
    return lambda recipient: answer if recipient == f"reader{number}@example.org" else OK


@pytest.mark.parametrize(
    ("answer", "fate"),
    [
        (None, IN_DOUBT),
        ((500, "InternalFailure", "oops"), IN_DOUBT),
        ((503, "ServiceUnavailable", "oops"), IN_DOUBT),
        ((429, "TooManyRequestsException", "Maximum sending rate exceeded."), DEFERRED),
        ((400, "ThrottlingException", "Rate exceeded"), DEFERRED),
        ((400, "LimitExceededException", "Daily message quota exceeded"), DEFERRED),
        ((400, "MessageRejected", "Address is on the suppression list"), FAILED),
        ((400, "MessageRejected", "Email address is not verified: reader1@example.org"), FAILED),
        ((400, "BadRequestException", "Invalid header"), FAILED),
        ((400, "SomethingNewException", "?"), DEFERRED),
        ((400, "AccountSuspendedException", "suspended"), DEFERRED),
        ((400, "SendingPausedException", "paused"), DEFERRED),
        ((403, "AccessDeniedException", "not you"), DEFERRED),
    ],
)
def test_one_answer_one_fate_one_attempt(serve: Serve, answer: Answer | None, fate: Fate) -> None:
    """With others that went out before: nothing is raised then."""
    endpoint = serve(only(1, answer))
    outcomes = send([mail(0), mail(1)], concurrency=1)
    assert [outcome.fate for outcome in outcomes] == [SENT, fate]
    assert len(endpoint.requests) == 2
    assert outcomes[1].reason
    assert len(outcomes[1].reason) <= 200
    if answer is not None:
        assert answer[2] in outcomes[1].reason


def test_no_answer_in_time_is_in_doubt_after_one_attempt(serve: Serve) -> None:
    def keep_waiting(recipient: str) -> None:
        endpoint.done.wait(2)

    endpoint = serve(keep_waiting)
    [outcome] = send([mail(1)], patience=0.4)
    assert outcome.fate is IN_DOUBT
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    ("code", "status", "message"),
    [
        ("AccountSuspendedException", 400, "suspended"),
        ("SendingPausedException", 400, "paused"),
        ("MailFromDomainNotVerifiedException", 400, "MAIL FROM"),
        ("NotFoundException", 404, "Configuration set <x> does not exist."),
        ("AccessDeniedException", 403, "not you"),
        ("UnrecognizedClientException", 403, "token"),
        ("ExpiredTokenException", 403, "expired"),
        ("MessageRejected", 400, f"Email address is not verified. The following identities failed: {SENDER}"),
        ("MessageRejected", 400, "Email address is not verified. Identities failed the check: example.org"),
    ],
)
def test_what_only_a_person_can_mend_is_raised_and_stops_the_wave(
    serve: Serve, code: str, status: int, message: str
) -> None:
    endpoint = serve(lambda recipient: (status, code, message))
    with pytest.raises(ConfigurationError) as caught:
        send(mails(10), concurrency=2)
    assert message[:40] in str(caught.value)
    assert len(endpoint.requests) <= 2


def test_trouble_in_mid_wave_defers_the_rest(serve: Serve) -> None:
    endpoint = serve(lambda recipient: OK if len(endpoint.requests) <= 3 else (400, "SendingPausedException", "x"))
    outcomes = send(mails(8), concurrency=1)
    assert [outcome.fate for outcome in outcomes] == [SENT] * 3 + [DEFERRED] * 5
    assert len(endpoint.requests) == 4


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(TransportUnavailableError, match="can't be reached"):
            send(mails(20))


def test_no_credentials(serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    endpoint = serve(lambda recipient: OK)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match="credentials"):
        send(mails(2))
    assert endpoint.requests == []


def test_no_region(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match="region"):
        make_client()


def test_a_client_that_repeats_requests_is_refused() -> None:
    client = boto3.client("sesv2", region_name="us-east-1")
    with pytest.raises(ConfigurationError, match="repeats"):
        SesTransport(client)
    client.close()


def test_tags_and_configuration_set_travel_along(serve: Serve) -> None:
    endpoint = serve(lambda recipient: OK)
    tags = {"edition": "weekly/2026-11-22T09:00", "chunk": "3", "position": "17", "empty": ""}
    [outcome] = send([Mail(SENDER, "reader@example.org", b"Subject: x\r\n\r\n", tags)], configuration_set="events")
    assert outcome.provider_id == "0100-abc"
    [request] = endpoint.requests
    assert request["ConfigurationSetName"] == "events"
    assert request["EmailTags"] == [
        {"Name": "edition", "Value": "weekly_2026-11-22T09_00"},
        {"Name": "chunk", "Value": "3"},
        {"Name": "position", "Value": "17"},
    ]
    assert request["FromEmailAddress"] == SENDER


def test_a_tag_is_of_sess_characters() -> None:
    assert tag_value("Ä b/c:d_e-f" + "x" * 400) == "__b_c_d_e-f" + "x" * 245


def test_headers_survive() -> None:
    with mock_aws():
        client = make_client("us-east-1")
        client.create_email_identity(EmailIdentity=SENDER)
        asyncio.run(SesTransport(client).send_wave([mail(5)]))
        [sent] = get_backend("ses")[DEFAULT_ACCOUNT_ID]["us-east-1"].sent_messages
        assert "X-Test: kept\r\n" in sent.raw_data
        client.close()
