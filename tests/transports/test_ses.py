"""SES: one attempt on the wire whatever happens, and what each kind of answer means."""

import asyncio
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from chalicelib import aws_clients
from chalicelib.errors import ConfigurationError, ProviderStoppedError, TransportUnavailableError
from chalicelib.transports import Fate, Mail, Outcome, provider_stopped, quota_used, wants_bulk
from chalicelib.transports.maildir import MaildirTransport
from chalicelib.transports.ses import SesTransport, make_client, tag_value
from tests.fake_ses import Dropped, FakeSes, Fault, Garbled, Refusal, Request
from tests.transports.mails import DEFERRED, FAILED, IN_DOUBT, SENDER, SENT, mail, mails
from tests.transports.ses_house import ses_environment, waves

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client


def send(client: "SESV2Client", wave: Sequence[Mail], **options: Any) -> list[Outcome]:
    return waves(SesTransport(client, **options), wave)[0]


def only(number: int, fault: Fault | None) -> Callable[[Request], Fault | None]:
    return lambda request: fault if request.recipients == [f"reader{number}@example.org"] else None


@pytest.mark.parametrize(
    ("fault", "fate"),
    [
        (Dropped(), IN_DOUBT),
        (Dropped(taken=True), IN_DOUBT),
        (Refusal(500, "InternalFailure", "oops"), IN_DOUBT),
        (Refusal(500, "InternalServiceErrorException", "oops", taken=True), IN_DOUBT),
        (Garbled(b"<html>busy"), IN_DOUBT),
        (Garbled(b"{}"), IN_DOUBT),
        (Refusal(503, "ServiceUnavailable", "oops"), IN_DOUBT),
        (Refusal(429, "TooManyRequestsException", "Maximum sending rate exceeded."), DEFERRED),
        (Refusal(400, "ThrottlingException", "Rate exceeded"), DEFERRED),
        (Refusal(400, "LimitExceededException", "Daily message quota exceeded"), DEFERRED),
        (Refusal(429, "TooManyRequestsException", "Daily sending quota exceeded."), DEFERRED),
        (Refusal(400, "MessageRejected", "Address is on the suppression list"), FAILED),
        (Refusal(400, "MessageRejected", "Email address is not verified: reader1@example.org"), FAILED),
        (Refusal(400, "BadRequestException", "Invalid header"), FAILED),
        (Refusal(400, "SomethingNewException", "?"), DEFERRED),
        (Refusal(400, "AccountSuspendedException", "suspended"), DEFERRED),
        (Refusal(400, "SendingPausedException", "paused"), DEFERRED),
        (Refusal(403, "AccessDeniedException", "not you"), DEFERRED),
    ],
)
def test_one_answer_one_fate_one_attempt(fake: FakeSes, client: "SESV2Client", fault: Fault, fate: Fate) -> None:
    """With others that went out before: nothing is raised then."""
    fake.answer = only(1, fault)
    outcomes = send(client, [mail(0), mail(1)], concurrency=1)
    assert [outcome.fate for outcome in outcomes] == [SENT, fate]
    assert fake.calls == {"SendEmail": 2}
    assert outcomes[1].reason
    assert len(outcomes[1].reason) <= 200
    if isinstance(fault, Refusal):
        assert fault.message in outcomes[1].reason


def test_no_answer_in_time_is_in_doubt_after_one_attempt(fake: FakeSes) -> None:
    def keep_waiting(_: Request) -> None:
        fake.done.wait(2)

    fake.answer = keep_waiting
    client = make_client(read_timeout=0.4, connect_timeout=20)
    [outcome] = send(client, [mail(1)])
    client.close()
    assert outcome.fate is IN_DOUBT
    assert fake.calls == {"SendEmail": 1}


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
    fake: FakeSes, client: "SESV2Client", code: str, status: int, message: str
) -> None:
    fake.answer = lambda _: Refusal(status, code, message)
    with pytest.raises(ConfigurationError) as caught:
        send(client, mails(10), concurrency=2)
    assert message[:40] in str(caught.value)
    assert len(fake.requests) <= 2
    assert isinstance(caught.value, ProviderStoppedError) is (message in ("suspended", "paused"))


def test_trouble_in_mid_wave_defers_the_rest(fake: FakeSes, client: "SESV2Client") -> None:
    fake.answer = lambda _: None if len(fake.requests) <= 3 else Refusal(400, "MailFromDomainNotVerifiedException", "x")
    ses = SesTransport(client, concurrency=1)
    [outcomes] = waves(ses, mails(8))
    assert [outcome.fate for outcome in outcomes] == [SENT] * 3 + [DEFERRED] * 5
    assert len(fake.requests) == 4
    assert not provider_stopped(ses)


def test_a_stopped_account_is_told_until_a_mail_is_taken_again(fake: FakeSes, client: "SESV2Client") -> None:
    refusals = [None, Refusal(400, "SendingPausedException", "Sending is paused."), None]
    fake.answer = lambda _: refusals[min(len(fake.requests), 3) - 1]
    ses = SesTransport(client, concurrency=1)
    [outcomes] = waves(ses, mails(8))
    assert [outcome.fate for outcome in outcomes] == [SENT] + [DEFERRED] * 7
    assert len(fake.requests) == 2
    assert "Sending is paused." in provider_stopped(ses)
    [outcomes] = waves(ses, mails(2))
    assert [outcome.fate for outcome in outcomes] == [SENT, SENT]
    assert provider_stopped(ses) == ""


def test_a_stopped_account_is_told_where_the_wave_raises(fake: FakeSes, client: "SESV2Client") -> None:
    fake.answer = lambda _: Refusal(400, "AccountSuspendedException", "Account is suspended.")
    ses = SesTransport(client)
    with pytest.raises(ProviderStoppedError, match="suspended"):
        waves(ses, mails(3))
    assert "Account is suspended." in provider_stopped(ses)


def test_the_days_quota_ends_a_wave_without_raising(fake: FakeSes, client: "SESV2Client") -> None:
    fake.answer = lambda _: Refusal(429, "TooManyRequestsException", "Daily message quota exceeded.")
    ses = SesTransport(client, concurrency=1)
    [outcomes] = waves(ses, mails(5))
    assert [outcome.fate for outcome in outcomes] == [DEFERRED] * 5
    assert len(fake.requests) == 1
    assert quota_used(ses)
    assert not provider_stopped(ses)
    fake.answer = lambda _: None
    waves(ses, mails(1))
    assert not quota_used(ses)


def test_the_rate_a_second_is_no_quota_of_the_day(fake: FakeSes, client: "SESV2Client") -> None:
    fake.answer = lambda _: Refusal(429, "TooManyRequestsException", "Maximum sending rate exceeded.")
    ses = SesTransport(client, concurrency=1)
    [outcomes] = waves(ses, mails(5))
    assert [outcome.fate for outcome in outcomes] == [DEFERRED] * 5
    assert len(fake.requests) == 5
    assert not quota_used(ses)


def test_a_mail_taken_late_says_nothing_of_an_account_stopped_meanwhile(fake: FakeSes, client: "SESV2Client") -> None:
    def answer(request: Request) -> Fault | None:
        if request.recipients == ["reader0@example.org"]:
            fake.done.wait(0.3)
            return None
        return Refusal(400, "AccountSuspendedException", "suspended")

    fake.answer = answer
    ses = SesTransport(client, concurrency=2)
    [outcomes] = waves(ses, mails(2))
    assert [outcome.fate for outcome in outcomes] == [SENT, DEFERRED]
    assert "suspended" in provider_stopped(ses)


def test_waves_at_once_have_their_own_outcomes(fake: FakeSes, client: "SESV2Client") -> None:
    fake.answer = only(13, Refusal(400, "MessageRejected", "no"))

    async def scene() -> list[list[Outcome]]:
        ses = SesTransport(client, concurrency=4)
        parts = [[mail(n) for n in range(start, start + 5)] for start in range(0, 20, 5)]
        try:
            return list(await asyncio.gather(*map(ses.send_wave, parts)))
        finally:
            await ses.aclose()

    fates = [outcome.fate for wave in asyncio.run(scene()) for outcome in wave]
    assert fates == [FAILED if n == 13 else SENT for n in range(20)]
    assert sorted(taken.recipient for taken in fake.taken) == sorted(mail(n).recipient for n in range(20) if n != 13)


def test_other_transports_have_neither_stop_nor_quota_nor_bulk(tmp_path: Any) -> None:
    other = MaildirTransport(tmp_path)
    assert (provider_stopped(other), quota_used(other), wants_bulk(other)) == ("", False, False)


def test_nobody_answers() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with ses_environment(f"http://127.0.0.1:{taken.getsockname()[1]}"):
            client = make_client(connect_timeout=20)
            with pytest.raises(TransportUnavailableError, match="can't be reached"):
                send(client, mails(20))
            client.close()


@pytest.fixture
def stranger() -> Iterator[None]:
    """A process that does not know yet whose it is."""
    aws_clients._session.cache_clear()
    yield
    aws_clients._session.cache_clear()


@pytest.mark.usefixtures("stranger")
def test_no_credentials(fake: FakeSes, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    client = make_client()
    with pytest.raises(ConfigurationError, match="credentials"):
        send(client, mails(2))
    client.close()
    assert fake.requests == []


@pytest.mark.usefixtures("stranger")
def test_no_region(fake: FakeSes, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match="region"):
        make_client()


def test_a_client_that_repeats_requests_is_refused() -> None:
    client = boto3.client("sesv2", region_name="us-east-1")
    with pytest.raises(ConfigurationError, match="repeats"):
        SesTransport(client)
    client.close()


def test_tags_and_configuration_set_travel_along(fake: FakeSes, client: "SESV2Client") -> None:
    tags = {"edition": "weekly/2026-11-22T09:00", "chunk": "3", "position": "17", "empty": ""}
    [outcome] = send(
        client, [Mail(SENDER, "reader@example.org", b"Subject: x\r\n\r\n", tags)], configuration_set="events"
    )
    [taken] = fake.taken
    assert outcome.provider_id == taken.message_id
    assert taken.configuration_set == "events"
    assert taken.tags == {"edition": "weekly_2026-11-22T09_00", "chunk": "3", "position": "17"}
    assert taken.sender == SENDER
    assert taken.raw == b"Subject: x\r\n\r\n"


def test_a_tag_is_of_sess_characters() -> None:
    assert tag_value("Ä b/c:d_e-f" + "x" * 400) == "__b_c_d_e-f" + "x" * 245
