"""An SMTP server, looked at over the wire, and the names of its address."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chalicelib.doctor.findings import Finding
from chalicelib.doctor.server import addresses_of, check_blocklists, check_names, check_server
from chalicelib.transports.smtp_facts import SmtpFacts
from chalicelib.transports.smtp_look import look
from chalicelib.transports.smtp_url import SmtpSettings
from tests.doctor.house import grave, one
from tests.doctor.zones import Zone, serving, txt
from tests.smtp_sink import DROP, EXTENSIONS, SmtpSink, Step
from tests.transports.certificates import Authority

USERS = {"news@example.org": "pass"}
LOGIN = "news%40example.org:pass"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FAR = NOW + timedelta(days=80)
ADDRESS = "198.51.101.7"
SOUND = SmtpFacts(
    "mail.example.org:587", "mail.example.org", address=ADDRESS, secure=True, starttls=True, logs_in=True,
    certificate_ends=FAR, limit=33_554_432,
)  # fmt: skip


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def seen(sink: SmtpSink, query: str = "", scheme: str = "smtp", login: str = "") -> SmtpFacts:
    at = f"{login}@" if login else ""
    return asyncio.run(look(SmtpSettings.parse(f"{scheme}://{at}127.0.0.1:{sink.port}?timeout=1{query}")))


@pytest.mark.parametrize(("scheme", "query"), [("smtp", "&starttls=required"), ("smtps", "")])
def test_a_server_is_looked_at_and_gets_no_mail(authority: Authority, scheme: str, query: str) -> None:
    implicit = scheme == "smtps"
    with SmtpSink(tls=authority.server("127.0.0.1"), implicit_tls=implicit, users=USERS) as sink:
        facts = seen(sink, f"&ca={authority.pem}{query}", scheme, LOGIN)
    assert (facts.trouble, facts.secure, facts.logs_in, facts.address) == ("", True, True, "127.0.0.1")
    assert facts.starttls is (None if implicit else True)
    assert facts.limit == 33_554_432
    assert facts.certificate_ends is not None
    assert timedelta(0) < facts.certificate_ends - datetime.now(UTC) < timedelta(days=2)
    assert not any(command.startswith(("MAIL", "RCPT", "DATA", "BDAT")) for command in sink.commands)
    assert sum("AUTH" in command for command in sink.commands) == 1


def test_what_stops_mails_is_told_with_what_to_do(authority: Authority, tmp_path: Path) -> None:
    with SmtpSink(tls=authority.server("127.0.0.1"), users={"news@example.org": "other"}) as sink:
        wrong = seen(sink, f"&ca={authority.pem}&starttls=required", login=LOGIN)
        stranger = seen(sink, f"&ca={Authority(tmp_path).pem}&starttls=required")
    assert "refused the credentials" in wrong.trouble
    assert "certificate" in stranger.trouble
    with SmtpSink() as sink:
        assert "no STARTTLS" in seen(sink, "&starttls=required").trouble
    with SmtpSink(answer=lambda step: DROP if step.verb == "CONNECT" else None) as sink:
        assert "can't be reached" in seen(sink).trouble
    for facts in (wrong, stranger):
        found = one(check_server(facts, NOW))
        assert (found.severity, found.what, found.do) == ("error", facts.trouble, facts.hint)


def test_passwords_before_tls_are_seen(authority: Authority) -> None:
    with SmtpSink(extensions=(*EXTENSIONS, "AUTH PLAIN"), tls=authority.server("127.0.0.1"), users=USERS) as sink:
        assert seen(sink).plain_auth

    def late(step: Step) -> str | None:
        plain = step.verb == "EHLO" and not step.secure
        return "250-sink.example.org\r\n250 STARTTLS" if plain else None

    with SmtpSink(tls=authority.server("127.0.0.1"), users=USERS, answer=late) as sink:
        assert not seen(sink, f"&ca={authority.pem}&starttls=required", login=LOGIN).plain_auth


def test_a_sound_server_is_well() -> None:
    assert grave(check_server(SOUND, NOW)) == []


@pytest.mark.parametrize(
    ("change", "severity", "words"),
    [
        ({"starttls": False, "secure": False}, "warn", "offers no STARTTLS"),
        ({"secure": False}, "warn", "it is not used"),
        ({"plain_auth": True}, "warn", "before TLS"),
        ({"certificate_ends": NOW + timedelta(days=13)}, "warn", "ends in 13 days"),
        ({"limit": 500_000}, "warn", "500000 bytes"),
    ],
)
def test_what_is_wrong_with_a_server_is_named(change: dict[str, object], severity: str, words: str) -> None:
    from dataclasses import replace

    found = one(check_server(replace(SOUND, **change), NOW))  # type: ignore[arg-type]
    assert (found.severity, words in found.what) == (severity, True), found


def names(zone: Zone, address: str = ADDRESS, **odd: Sequence[str]) -> Iterator[Finding]:
    with serving(zone, **odd) as (_, dns):
        yield from check_names([address], dns.ask, dns.reverse)


PTR = {"7.101.51.198.in-addr.arpa PTR": ["mail.example.org."]}


def test_a_name_that_leads_back_is_well() -> None:
    assert grave(names({**PTR, "mail.example.org A": [ADDRESS]})) == []
    six = "2001:4860::2"
    zone = {f"{'2.' + '0.' * 23}0.6.8.4.1.0.0.2.ip6.arpa PTR": ["mail.example.org."], "mail.example.org AAAA": [six]}
    assert grave(names(zone, six)) == []


def test_a_name_that_is_missing_or_another_is_noted() -> None:
    assert "has no name" in one(names({"example.org A": [ADDRESS]})).what
    found = one(names({**PTR, "mail.example.org A": ["198.51.101.8"]}))
    assert found.do == f"Set: mail.example.org. IN A {ADDRESS}"
    assert one(names({}, broken=["7.101.51.198.in-addr.arpa"])).severity == "skipped"
    assert "private" in one(names({}, "10.1.2.3")).what


def test_addresses_are_those_of_the_servers_name() -> None:
    from dataclasses import replace

    with serving({"mail.example.org A": ["198.51.101.9"], "mail.example.org AAAA": ["2001:4860::2"]}) as (_, dns):
        assert addresses_of(SOUND, dns.ask) == ["198.51.101.9", "2001:4860::2"]
        assert addresses_of(replace(SOUND, host="198.51.101.1"), dns.ask) == ["198.51.101.1"]
        assert addresses_of(replace(SOUND, host="gone.example.org"), dns.ask) == [ADDRESS]


def test_blocklists_are_asked_with_the_address_turned_round() -> None:
    zone = {
        "7.101.51.198.zen.example.net A": ["127.0.0.4"],
        "7.101.51.198.zen.example.net TXT": txt("https://zen.example.net/query/198.51.101.7"),
        "7.101.51.198.closed.example.net A": ["127.255.255.254"],
        "example.com A": ["192.0.2.1"],
    }
    lists = ["zen.example.net", "closed.example.net", "free.example.com"]
    with serving(zone) as (server, dns):
        found = list(check_blocklists([ADDRESS], lists, dns.ask))
    assert [finding.severity for finding in found] == ["error", "skipped", "ok"]
    assert found[0].evidence == "https://zen.example.net/query/198.51.101.7"
    assert "7.101.51.198.free.example.com A" in server.asked
