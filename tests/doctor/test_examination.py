"""The command on a site with a mail server of its own, a domain in a nameserver of ours, and pages that answer."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from chalicelib.collect.fetch import Fetched, Validators, fetcher
from chalicelib.collect.guard import Allowed
from chalicelib.collect.wire import Network
from chalicelib.content.load import load_site
from chalicelib.doctor.findings import Finding
from chalicelib.doctor.pages import check_pages
from chalicelib.doctor.sender import Sending, Signing, check_sender
from tests.cli.house import DIGEST, MONDAY, SITE, Command
from tests.collect.servers import answer
from tests.collect.servers import serving as serving_pages
from tests.doctor.amazon_house import IDENTITY, destinations, serving_account
from tests.doctor.house import about, grave
from tests.doctor.keys import rsa_key
from tests.doctor.zones import Zone, serving, txt
from tests.smtp_sink import SmtpSink
from tests.transports.certificates import Authority

HOSTED = "dkim.amazonses.com"
SES_ZONE = {
    "havel.net TXT": txt("v=spf1 -all"),
    "havel.net MX": ["10 mx.havel.net."],
    "mx.havel.net A": ["192.0.2.1"],
    "bounce.havel.net TXT": txt("v=spf1 include:amazonses.com ~all"),
    "bounce.havel.net MX": ["10 feedback-smtp.eu-central-1.amazonses.com."],
    "amazonses.com TXT": txt("v=spf1 ip4:199.255.192.0/22 -all"),
    "_dmarc.havel.net TXT": txt("v=DMARC1; p=quarantine; rua=mailto:dmarc@havel.net"),
    "aaa._domainkey.havel.net CNAME": [f"aaa.{HOSTED}."],
    f"aaa.{HOSTED} TXT": txt(f"p={rsa_key(2048)}"),
    "_smtp._tls.havel.net TXT": txt("v=TLSRPTv1; rua=mailto:tls@havel.net"),
    "_mta-sts.havel.net TXT": txt("v=STSv1; id=1"),
    "default._bimi.havel.net TXT": txt("v=BIMI1; l=https://www.havel.net/logo.svg"),
}
SENDING = Sending("havel.net", "bounce.havel.net", True, "eu-central-1", Signing("havel.net", ("aaa",), HOSTED))


def looked(zone: Zone, sending: Sending = SENDING) -> list[Finding]:
    with serving(zone) as (_, dns):
        return list(check_sender(sending, dns.ask))


def test_a_domain_that_is_set_up_right_is_well() -> None:
    found = looked(SES_ZONE)
    assert grave(found) == []
    assert {str(finding.topic) for finding in found} == {"dkim", "spf", "mail-from", "dmarc", "mx", "tls", "bimi"}


def test_without_mail_from_dkim_alone_speaks_for_the_sender() -> None:
    found = looked(SES_ZONE, Sending("havel.net", "", True, "eu-central-1", SENDING.signing))
    assert grave(found) == []
    assert about(found, "spf") == []
    assert any("by DKIM." in finding.what for finding in found)


def test_without_mail_from_and_key_of_ours_dmarc_fails() -> None:
    found = looked(SES_ZONE, Sending("havel.net", "", True, "eu-central-1", Signing("amazonses.com", ("aaa",), HOSTED)))
    assert any(finding.severity == "error" and "fail DMARC" in finding.what for finding in found)


def test_what_is_not_known_is_skipped() -> None:
    found = looked(SES_ZONE, Sending("havel.net", None, True))
    assert [severity for severity, _ in grave(found)] == ["skipped", "skipped"]


def test_strict_alignment_is_held_to() -> None:
    zone = {**SES_ZONE, "_dmarc.havel.net TXT": txt("v=DMARC1; p=reject; aspf=s; adkim=s; rua=mailto:d@havel.net")}
    assert ["not strictly aligned" in what for _, what in grave(looked(zone))] == [True]


@pytest.mark.parametrize(
    ("alias", "do"),
    [
        (["other.dkim.amazonses.com."], "Set: aaa._domainkey.havel.net. IN CNAME aaa.dkim.amazonses.com."),
        ([], "Set: aaa._domainkey.havel.net. IN CNAME aaa.dkim.amazonses.com."),
    ],
)
def test_a_key_of_ses_has_its_alias(alias: list[str], do: str) -> None:
    zone = {**SES_ZONE, "aaa._domainkey.havel.net CNAME": alias}
    found = [
        one for one in looked({name: records for name, records in zone.items() if records}) if one.severity != "ok"
    ]
    assert [(one.topic, one.do) for one in found] == [("dkim", do)]


@pytest.fixture
def own(bare: Command) -> Command:
    """A site of a real domain that sends by SMTP."""
    bare.write("site.yaml", SITE.replace("news@example.org", "news@havel.net"))
    bare.write("newsletters/digest.yaml", DIGEST)
    bare.write("posts/2026-11-20-first.md", "---\ntitle: First\n---\nThe first post.\n")
    bare.setenv("SENDBRIEF_TRANSPORT", "smtp")
    bare.setenv("SENDBRIEF_BOUNCE_ADDRESS", "bounces@bounce.havel.net")
    bare.setenv("SENDBRIEF_BOUNCES", f"maildir:{bare.data}")
    return bare


ZONE = {
    **SES_ZONE,
    "bounce.havel.net TXT": txt("v=spf1 ip4:192.0.2.1 ~all"),
    "s1._domainkey.havel.net TXT": txt(f"v=DKIM1; p={rsa_key(2048)}"),
}


def rows(command: Command, *arguments: str, code: int | None = None) -> dict[str, list[dict[str, str]]]:
    with serving(ZONE) as (server, _):
        at = f"127.0.0.1:{server.port}"
        found = command.run("doctor", "--json", "--nameserver", at, *arguments, code=code).json
    return {topic: [row for row in found if row["topic"] == topic] for topic in {row["topic"] for row in found}}


def severities(found: list[dict[str, str]]) -> set[str]:
    return {row["severity"] for row in found}


def test_a_site_with_a_server_of_its_own_is_examined(own: Command, tmp_path: Path) -> None:
    message = tmp_path / "mail.eml"
    signature = "DKIM-Signature: d=havel.net; s=s1; h=from:list-unsubscribe:list-unsubscribe-post; b=x"
    leave = "List-Unsubscribe: <https://x.example.org/>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"
    message.write_bytes("\r\n".join(["From: <news@havel.net>", signature, *leave, "", "Hi"]).encode())
    with SmtpSink() as sink:
        own.setenv("SENDBRIEF_SMTP_URL", f"smtp://127.0.0.1:{sink.port}")
        found = rows(own, "--mail", str(message))
        by_option = rows(own, "--dkim-selector", "s1")
        assert sink.received == []
    for topic in ("dkim", "spf", "dmarc", "mx", "tls", "bimi", "smtp", "transport", "unsubscribe"):
        assert severities(found[topic]) == {"ok"}, found[topic]
    assert severities(by_option["dkim"]) == {"ok"}
    assert severities(by_option["unsubscribe"]) == {"skipped"}
    assert "account" not in found
    assert found["clock"][0]["severity"] == "skipped"
    assert severities(found["web"]) == {"error"}, "nobody is at its address"


def test_a_server_that_is_not_there_is_told_and_the_rest_is_seen(own: Command) -> None:
    own.setenv("SENDBRIEF_SMTP_URL", "smtp://127.0.0.1:9")
    found = rows(own, code=1)
    assert severities(found["smtp"]) == {"error"}
    assert severities(found["dkim"]) == {"skipped"}
    assert "--dkim-selector" in found["dkim"][0]["do"]
    assert severities(found["spf"]) == {"ok"}


def test_a_url_that_makes_no_sense_is_told(own: Command) -> None:
    own.setenv("SENDBRIEF_SMTP_URL", "smtp://user:pass@word@host")
    found = rows(own, code=1)
    assert found["smtp"][0]["severity"] == "error"
    assert "pass" not in json.dumps(found["smtp"])


def test_offline_asks_nobody(own: Command) -> None:
    own.setenv("SENDBRIEF_SMTP_URL", "smtp://127.0.0.1:9")
    with serving(ZONE) as (server, _):
        ran = own.run("doctor", "--offline", "--json", "--nameserver", f"127.0.0.1:{server.port}", code=0)
    assert server.asked == []
    (skipped,) = [row for row in ran.json if row["topic"] == "clock"]
    for words in ("sender's domain", "SMTP server", "public pages"):
        assert words in skipped["what"]


def test_without_bounces_the_way_back_is_missing(own: Command) -> None:
    own.setenv("SENDBRIEF_BOUNCES", "")
    own.setenv("SENDBRIEF_SMTP_URL", "smtp://127.0.0.1:9")
    (row,) = [row for row in own.run("doctor", "--offline", "--json").json if row["severity"] == "warn"
              and row["topic"] == "transport"]  # fmt: skip
    assert "SENDBRIEF_BOUNCES" in row["do"]


def test_an_example_can_not_send(command: Command) -> None:
    command.setenv("SENDBRIEF_TRANSPORT", "smtp")
    command.setenv("SENDBRIEF_SMTP_URL", "smtp://127.0.0.1:9")
    (row,) = [row for row in command.run("doctor", "--offline", "--json", code=1).json if row["severity"] == "error"]
    assert (row["topic"], "sender.address" in row["do"]) == ("site", True)


def test_a_broken_site_is_the_first_finding(bare: Command) -> None:
    bare.write("site.yaml", "name: X\n")
    (row,) = [row for row in bare.run("doctor", "--offline", "--json", code=1).json if row["severity"] == "error"]
    assert (row["topic"], "site.yaml" in row["what"]) == ("site", True)


def test_a_paused_site_and_a_readable_secret_are_told(command: Command) -> None:
    command.run("tick", "--now", MONDAY)
    command.run("site", "pause", "--why", "a fire")
    secret = command.data / "secret.key"
    secret.chmod(0o644)
    warned = [row for row in command.run("doctor", "--offline", "--json").json if row["severity"] == "warn"]
    assert {row["topic"]: row["do"] for row in warned if row["topic"] in {"store", "site"}}.keys() == {"store", "site"}
    assert f"chmod 600 {secret}" in {row["do"] for row in warned}
    secret.chmod(stat.S_IRUSR)
    again = command.run("doctor", "--offline", "--json").json
    assert f"chmod 600 {secret}" not in {row["do"] for row in again}


def test_ses_without_credentials_is_skipped_and_not_failed(own: Command) -> None:
    own.setenv("SENDBRIEF_TRANSPORT", "ses")
    own.setenv("SENDBRIEF_SES_CONFIGURATION_SET", "sendbrief")
    own.setenv("SENDBRIEF_EVENT_QUEUE_URL", "https://sqs.invalid/1/events")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        own.setenv(name, "")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        own.setenv(name, "/nowhere")
    own.setenv("AWS_EC2_METADATA_DISABLED", "true")
    own.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    found = rows(own)
    assert [(row["severity"], "AWS was not asked" in row["what"]) for row in found["account"]] == [("skipped", True)]
    assert severities(found["mx"]) == {"ok"}


def test_what_ses_says_of_keys_and_envelope_is_looked_for_in_the_dns(own: Command) -> None:
    own.setenv("SENDBRIEF_TRANSPORT", "ses")
    own.setenv("SENDBRIEF_SES_CONFIGURATION_SET", "sendbrief")
    own.setenv("SENDBRIEF_EVENT_QUEUE_URL", "http://127.0.0.1:9/1/events")
    own.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    dkim = IDENTITY["DkimAttributes"] | {"Tokens": ["aaa"]}
    with serving_account(identity=IDENTITY | {"DkimAttributes": dkim}) as ses, serving(SES_ZONE) as (server, _):
        ses.says["/configuration-sets/sendbrief/event-destinations"] = destinations("arn:aws:sns:x:1:events")
        ran = own.run("doctor", "--json", "--nameserver", f"127.0.0.1:{server.port}", code=None)
    for topic in ("account", "identity", "dkim", "spf", "mail-from", "dmarc", "clock"):
        found = [row for row in ran.json if row["topic"] == topic]
        assert severities(found) == {"ok"}, found
    assert "aaa._domainkey.havel.net CNAME" in server.asked
    assert "bounce.havel.net MX" in server.asked


def test_what_is_well_takes_a_line_unless_all_is_asked_for(command: Command) -> None:
    short = command.run("doctor", "--offline").out
    long = command.run("doctor", "--offline", "--verbose").out
    assert "The site can be read." not in short
    assert "The site can be read." in long
    assert "seen: 1 newsletters" in long
    assert short.splitlines()[-1] == long.splitlines()[-1]


@pytest.mark.parametrize(
    "arguments", [("--nameserver", "dns.example.org"), ("--nameserver", "127.0.0.1:x"), ("--mail", "nowhere.eml")]
)
def test_words_that_are_wrong_are_misuse(command: Command, arguments: tuple[str, str]) -> None:
    assert "Error:" in command.run("doctor", "--offline", *arguments, code=2).err


@pytest.fixture
def pages(tmp_path: Path, own: Command) -> Callable[[bytes], list[Finding]]:
    """Findings on a site whose front page is what is given, over TLS that a test's authority signed."""
    authority = Authority(tmp_path)

    def look(front: bytes) -> list[Finding]:
        import ssl

        trusting = ssl.create_default_context(cafile=str(authority.pem))
        with serving_pages(
            lambda path: answer(front if path == "/" else b"there"), tls=authority.server("localhost")
        ) as web:
            own.write("site.yaml", SITE.replace("https://news.example.org", f"https://localhost:{web.port}")
                      + f"imprint_url: https://localhost:{web.port}/imprint\n")  # fmt: skip
            site = load_site(own.site).require()
            network = Network(allowed=Allowed.parse(["localhost"]), tls=lambda: trusting)
            fetch = fetcher(site.root, site.base_url, allow=["localhost"], network=network)
            return list(check_pages(site, fetch))

    return look


def test_pages_that_are_this_sites_are_well(pages: Callable[[bytes], list[Finding]]) -> None:
    found = pages(b"<title>Example Guild</title>")
    assert grave(found) == []
    assert len(found) == 2


def test_pages_of_somebody_else_are_an_error(pages: Callable[[bytes], list[Finding]]) -> None:
    assert [(severity, "is not this site" in what) for severity, what in grave(pages(b"It works!"))] == [
        ("error", True)
    ]


def test_the_stage_is_looked_at_where_base_url_leads_elsewhere(own: Command) -> None:
    site = load_site(own.site).require()

    def fetch(url: str, _known: Validators) -> Fetched:
        return Fetched(b"Example Guild" if "execute-api" in url else b"parked", url)

    found = list(check_pages(site, fetch, "https://x.execute-api.eu-central-1.amazonaws.com/dev"))
    assert [finding.severity for finding in found] == ["error", "ok"]
    assert "EndpointURL" in found[1].what


def test_plain_http_is_an_error(own: Command) -> None:
    own.write("site.yaml", SITE.replace("https://news", "http://news"))
    found = list(check_pages(load_site(own.site).require(), lambda url, _: Fetched(b"Example Guild", url)))
    assert ["is not https" in what for _, what in grave(found)] == [True]
