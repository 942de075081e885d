"""TLS and credentials: nothing secret crosses in plain, nothing unverified is trusted."""

import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from chalicelib.errors import ConfigurationError, SendbriefError, TransportUnavailableError
from chalicelib.transports import Fate, Mail, Outcome
from chalicelib.transports.smtp import SmtpSettings, SmtpTransport
from tests.contract.transports.homes import Keeper, aiosmtpd_server
from tests.smtp_sink import CHUNKING, DROP, EXTENSIONS, STALL, SmtpSink, Step
from tests.transports.certificates import Authority
from tests.transports.mails import mail, mails, message

USERS = {"news@example.org": "pass:w@rd/ü"}
LOGIN = "news%40example.org:pass%3Aw%40rd%2F%C3%BC"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def send(url: str, *waves: Sequence[Mail], polite: bool = True) -> list[Outcome]:
    async def scene() -> list[Outcome]:
        transport = SmtpTransport(SmtpSettings.parse(url))
        outcomes = [outcome for wave in waves for outcome in await transport.send_wave(wave)]
        if polite:
            await transport.aclose()
        return outcomes

    return asyncio.run(scene())


def url(sink: SmtpSink, authority: Authority | None, query: str, *, login: str = "", scheme: str = "smtp") -> str:
    trust = f"&ca={authority.pem}" if authority else ""
    at = f"{login}@" if login else ""
    return f"{scheme}://{at}127.0.0.1:{sink.port}?connections=3&timeout=1&data_timeout=1&chunking=always{trust}{query}"


def all_sent(outcomes: Sequence[Outcome]) -> bool:
    return {outcome.fate for outcome in outcomes} == {Fate.SENT}


@pytest.mark.parametrize("extensions", [EXTENSIONS, CHUNKING], ids=["data", "bdat"])
@pytest.mark.parametrize("polite", [True, False])
@pytest.mark.parametrize(
    ("scheme", "query"), [("smtps", ""), ("smtp", "&starttls=required"), ("smtp", "&starttls=optional")]
)
def test_mails_and_credentials_go_through_tls(
    authority: Authority, scheme: str, query: str, polite: bool, extensions: tuple[str, ...]
) -> None:
    secure: list[bool] = []

    def watch(step: Step) -> str | None:
        if step.verb in ("AUTH", "MAIL", "."):
            secure.append(step.secure)
        return None

    large = mail(9, content=message(9, (b"z" * 74 + b"\r\n") * 20_000))
    context, implicit = authority.server("127.0.0.1"), scheme == "smtps"
    with SmtpSink(tls=context, implicit_tls=implicit, users=USERS, answer=watch, extensions=extensions) as sink:
        address = url(sink, authority, query, login=LOGIN, scheme=scheme)
        outcomes = send(address, mails(8), [large, *mails(8)], polite=polite)
    assert all_sent(outcomes)
    assert len(sink.received) == 17
    assert any(received.content == large.content for received in sink.received)
    assert all(secure)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
@pytest.mark.parametrize("fault", ["another name", "unknown authority", "expired"])
def test_a_certificate_that_can_not_be_trusted_stops_everything(
    authority: Authority, tmp_path: Path, scheme: str, fault: str
) -> None:
    names = ("other.example.org",) if fault == "another name" else ("127.0.0.1",)
    context = authority.server(*names, valid=fault != "expired")
    trusted = Authority(tmp_path) if fault == "unknown authority" else authority
    query = "&starttls=optional" if scheme == "smtp" else ""
    with SmtpSink(tls=context, implicit_tls=scheme == "smtps", users=USERS) as sink:
        with pytest.raises(ConfigurationError, match="certificate") as caught:
            send(url(sink, trusted, query, login=LOGIN, scheme=scheme), mails(3))
        assert "ca=" in caught.value.hint
    assert not any("AUTH" in command or "MAIL" in command for command in sink.commands)


def test_required_starttls_that_is_not_offered_stops_everything() -> None:
    with SmtpSink() as sink, pytest.raises(ConfigurationError, match="STARTTLS"):
        send(url(sink, None, "&starttls=required"), mails(2))
    assert [command.split()[0] for command in sink.commands] == ["EHLO"] * 2


def test_a_password_never_crosses_a_network_in_plain() -> None:
    """``127.1`` is this machine, too, but not by a name that promises it."""
    with SmtpSink(users=USERS) as sink, pytest.raises(ConfigurationError, match="plain text"):
        send(f"smtp://{LOGIN}@127.1:{sink.port}?starttls=optional&timeout=1", mails(1))
    assert [command.split()[0] for command in sink.commands] == ["EHLO"]


def test_plain_answers_sent_ahead_of_tls_are_forgotten(authority: Authority) -> None:
    """CVE-2011-0411 seen from the client: an attacker's EHLO answer must not survive the handshake."""

    def inject(step: Step) -> str | None:
        if step.verb == "STARTTLS":
            return "220 go ahead\r\n250-evil.example.org\r\n250 AUTH NONE"
        return None

    with SmtpSink(tls=authority.server("127.0.0.1"), users=USERS, answer=inject) as sink:
        outcomes = send(url(sink, authority, "&starttls=required", login=LOGIN), mails(2))
    assert all_sent(outcomes)
    assert sum(command.startswith("EHLO") for command in sink.commands) == 2 * sink.connections


def test_what_was_offered_in_plain_does_not_count_after_tls(authority: Authority) -> None:
    def answer(step: Step) -> str | None:
        return "250 sink.example.org" if step.verb == "EHLO" and step.secure else None

    with SmtpSink(tls=authority.server("127.0.0.1"), answer=answer) as sink:
        assert all_sent(send(url(sink, authority, "&starttls=required"), mails(1)))
    assert "SIZE=" not in "".join(sink.commands)


@pytest.mark.parametrize("reply", [STALL, DROP, "454 4.7.0 TLS not available", "220 not really"])
def test_a_handshake_that_fails_hands_nothing_over(authority: Authority, reply: str) -> None:
    def answer(step: Step) -> str | None:
        return reply if step.verb == "STARTTLS" else None

    context = authority.server("127.0.0.1")
    if reply.startswith("220"):
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_REQUIRED  # it wants a certificate of us, and we have none
    with SmtpSink(tls=context, answer=answer) as sink, pytest.raises(TransportUnavailableError):
        send(url(sink, authority, "&starttls=required"), mails(2))
    assert sink.received == []


def test_tls_where_the_server_speaks_plain() -> None:
    with SmtpSink() as sink, pytest.raises(SendbriefError):
        send(url(sink, None, "", scheme="smtps"), mails(1))
    assert sink.received == []


@pytest.mark.parametrize("mechanisms", ["PLAIN LOGIN", "LOGIN", "CRAM-MD5 PLAIN"])
def test_credentials_by_plain_and_login(mechanisms: str) -> None:
    with SmtpSink(users=USERS, mechanisms=mechanisms) as sink:
        assert all_sent(send(url(sink, None, "", login=LOGIN), mails(5)))
    assert len(sink.received) == 5


@pytest.mark.parametrize("mechanisms", ["PLAIN", "LOGIN", "CRAM-MD5", ""])
def test_wrong_credentials_stop_everything(mechanisms: str) -> None:
    with SmtpSink(users=USERS, mechanisms=mechanisms) as sink, pytest.raises(ConfigurationError) as caught:
        send(url(sink, None, "", login="news%40example.org:swordfish"), mails(5))
    assert "SENDBRIEF_SMTP_URL" in str(caught.value)
    assert "swordfish" not in str(caught.value) + repr(caught.value)
    assert sink.received == []


def test_a_server_that_can_not_check_credentials_now_is_tried_later() -> None:
    def answer(step: Step) -> str | None:
        return "454 4.7.0 try later" if step.verb == "AUTH" else None

    with SmtpSink(users=USERS, answer=answer) as sink, pytest.raises(TransportUnavailableError, match="454"):
        send(url(sink, None, "", login=LOGIN), mails(2))


def test_a_file_of_authorities_that_is_none(tmp_path: Path) -> None:
    wrong = tmp_path / "ca.pem"
    wrong.write_text("not a certificate")
    with pytest.raises(ConfigurationError, match=r"ca\.pem"):
        send(f"smtps://127.0.0.1:9?ca={wrong}", mails(1))


@pytest.mark.parametrize(("password", "right"), [("secret", True), ("wrong", False)])
def test_against_aiosmtpd_with_starttls_and_auth(authority: Authority, password: str, right: bool) -> None:
    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"news", b"secret")
        return AuthResult(success=good, handled=False)

    keeper = Keeper()
    options = {"tls_context": authority.server("localhost"), "require_starttls": True, "auth_required": True}
    with aiosmtpd_server(keeper, authenticator=check, **options) as port:
        address = (
            f"smtp://news:{password}@localhost:{port}?starttls=required&ca={authority.pem}&timeout=3&connections=2"
        )
        if right:
            assert all_sent(send(address, mails(6), mails(6)))
            assert len(keeper.kept) == 12
        else:
            with pytest.raises(ConfigurationError, match="535"):
                send(address, mails(6))
            assert keeper.kept == []
