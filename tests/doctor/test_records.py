"""Keys of DKIM, DMARC, BIMI and their like, of zones that a nameserver on this machine serves."""

import base64
from collections.abc import Mapping, Sequence

import pytest
from cryptography.hazmat.primitives.serialization import PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.doctor.answers import aligned, organisational
from chalicelib.doctor.dkim import BadKeyError, check_key, read_key
from chalicelib.doctor.dmarc import Found, check_dmarc, find_dmarc, read_dmarc
from chalicelib.doctor.findings import Finding
from chalicelib.doctor.reception import check_bimi, check_mail_from, check_mx, check_tls_reports
from chalicelib.doctor.spf import is_spf, read_spf
from chalicelib.doctor.taglists import TagError, begins_with, read_tags
from tests.doctor.house import grave, one
from tests.doctor.keys import ed25519_key, rsa_key
from tests.doctor.zones import Zone, serving, txt

KEY = "s1._domainkey.example.org"
RECORD = "the record to set"


def keys() -> dict[str, str]:
    """Keys by the names that records below have for them."""
    rsa, large = rsa_key(2048), rsa_key(4096)
    return {
        "rsa": rsa,
        "bare": rsa_key(2048, PublicFormat.PKCS1),
        "parted": " ".join(large[at : at + 40] for at in range(0, len(large), 40)),
        "short": rsa_key(1024),
        "ed25519": ed25519_key(),
        "cut": rsa[:100],
        "torn": rsa[:-3],
    }


def key_findings(zone: Zone, **odd: Sequence[str]) -> list[Finding]:
    with serving(zone, **odd) as (_, dns):
        return list(check_key(KEY, dns.ask(KEY, "TXT"), RECORD))


@pytest.mark.parametrize(
    "text",
    [
        "v=DKIM1; k=rsa; p={rsa}",
        "p={rsa}",
        "v=DKIM1;h=sha1:sha256;s=email;n=a note;p={bare};",
        "k=rsa; p={parted}",
    ],
)
def test_a_good_key_is_well(text: str) -> None:
    assert grave(key_findings({f"{KEY} TXT": txt(text.format_map(keys()))})) == []


def test_a_key_behind_aliases_is_found() -> None:
    zone = {
        f"{KEY} CNAME": ["one.dkim.example.net."],
        "one.dkim.example.net CNAME": ["two.dkim.example.net."],
        "two.dkim.example.net TXT": txt(f"v=DKIM1; p={rsa_key(2048)}"),
    }
    assert grave(key_findings(zone)) == []


@pytest.mark.parametrize(
    ("text", "severity", "words"),
    [
        ("v=DKIM1; p={short}", "warn", "has 1024 bits"),
        ("v=DKIM1; k=ed25519; p={ed25519}", "warn", "Ed25519"),
        ("v=DKIM1; t=y:s; p={rsa}", "warn", "t=y"),
        ("v=DKIM1; k=rsa; p=", "error", "revoked"),
        ("v=DKIM2; p={rsa}", "error", "v=DKIM2"),
        ("v=DKIM1; h=sha1; p={rsa}", "error", "sha256"),
        ("v=DKIM1; s=other; p={rsa}", "error", "not for mail"),
        ("v=DKIM1; k=dsa; p={rsa}", "error", "k=dsa"),
        ("v=DKIM1; k=rsa", "error", "no p="),
        ("v=DKIM1; p={cut}", "error", "cut off"),
        ("v=DKIM1; p={torn}", "error", "cut off"),
        ("v=DKIM1; k=ed25519; p={rsa}", "error", "32"),
        ("v=DKIM1; p={rsa}; p={rsa}", "error", "twice"),
        ("what is this p=", "error", "no tag=value"),
    ],
)
def test_what_is_wrong_with_a_key_is_named(text: str, severity: str, words: str) -> None:
    found = one(key_findings({f"{KEY} TXT": txt(text.format_map(keys()))}))
    assert (found.severity, words in found.what) == (severity, True), found
    assert found.do


def test_a_short_key_is_refused() -> None:
    """Of 768 bits: its DER is made by hand, since nothing makes such keys any more."""
    number = b"\x02\x61\x00" + b"\xff" * 96
    der = b"\x30" + bytes([len(number) + 5]) + number + b"\x02\x03\x01\x00\x01"
    assert read_key(f"p={base64.b64encode(der).decode()}").bits == 768
    found = one(key_findings({f"{KEY} TXT": txt(f"p={base64.b64encode(der).decode()}")}))
    assert (found.severity, "refuse" in found.what) == ("error", True)


def test_no_key_two_keys_and_no_answer() -> None:
    missing = one(key_findings({"example.org A": ["192.0.2.1"]}))
    assert (missing.severity, missing.do) == ("error", f"Set: {RECORD}")
    two = one(key_findings({f"{KEY} TXT": txt(f"p={rsa_key(2048)}", f"p={rsa_key(1024)}")}))
    assert (two.severity, "2 keys" in two.what) == ("error", True)
    for odd in ("mute", "broken"):
        assert one(key_findings({}, **{odd: [KEY]})).severity == "skipped"
    loop = {f"{KEY} CNAME": ["x.example.net."], "x.example.net CNAME": [f"{KEY}."]}
    assert one(key_findings(loop)).severity == "skipped"


def dmarc_findings(
    zone: Zone, domain: str = "example.org", *, spf: bool | None = True, dkim: bool | None = True, **odd: Sequence[str]
) -> list[Finding]:
    with serving(zone, **odd) as (_, dns):
        return list(check_dmarc(find_dmarc(domain, dns.ask), spf, dkim))


GOOD = "v=DMARC1; p=reject; rua=mailto:dmarc@example.org"


@pytest.mark.parametrize(
    "zone",
    [
        {"_dmarc.example.org TXT": txt(GOOD)},
        {"_dmarc.example.org TXT": txt("something else", "v = DMARC1 ;p=Quarantine;rua=mailto:a@mail.example.org!10m")},
        {
            "_dmarc.example.org TXT": txt("v=DMARC1; p=reject; rua=mailto:x@reports.example.net"),
            "example.org._report._dmarc.reports.example.net TXT": txt("v=DMARC1"),
        },
    ],
)
def test_a_good_policy_is_well(zone: Zone) -> None:
    assert grave(dmarc_findings(zone)) == []


def test_a_subdomain_goes_by_the_policy_of_the_registered_domain() -> None:
    zone = {"_dmarc.example.org TXT": txt("v=DMARC1; p=reject; sp=none; rua=mailto:dmarc@example.org")}
    assert grave(dmarc_findings(zone)) == []
    assert "p=none" in one(dmarc_findings(zone, "news.example.org")).what


@pytest.mark.parametrize(
    ("text", "severity", "words"),
    [
        ("v=DMARC1; p=none; rua=mailto:dmarc@example.org", "warn", "only watches"),
        ("v=DMARC1; p=reject; pct=50; rua=mailto:dmarc@example.org", "warn", "50 %"),
        ("v=DMARC1; p=reject", "note", "no reports"),
        ("v=DMARC1; p=reject; rua=dmarc@example.org", "warn", "can't go to"),
        ("v=DMARC1; p=reject; rua=mailto:x@reports.example.net", "warn", "has not agreed"),
        ("v=DMARC1; rua=mailto:dmarc@example.org", "error", "no p="),
        ("v=DMARC1; p=refuse", "error", "p=refuse"),
        ("v=DMARC1; p=reject; pct=200", "error", "pct=200"),
        ("v=DMARC1; p=reject; adkim=x", "error", "adkim=x"),
        ("v=DMARC1 p=reject", "error", "no DMARC record"),
        ("p=reject; v=DMARC1", "error", "no DMARC record"),
    ],
)
def test_what_is_wrong_with_a_policy_is_named(text: str, severity: str, words: str) -> None:
    found = one(dmarc_findings({"_dmarc.example.org TXT": txt(text)}))
    assert (found.severity, words in found.what) == (severity, True), found
    assert found.do


def test_no_policy_two_policies_and_no_answer() -> None:
    missing = one(dmarc_findings({"example.org A": ["192.0.2.1"]}))
    assert missing.do == 'Set: _dmarc.example.org. IN TXT "v=DMARC1; p=none; rua=mailto:dmarc@example.org"'
    assert "2 records" in one(dmarc_findings({"_dmarc.example.org TXT": txt(GOOD, "v=DMARC1; p=none")})).what
    for odd in ("mute", "broken"):
        assert one(dmarc_findings({}, **{odd: ["_dmarc.example.org"]})).severity == "skipped"


@pytest.mark.parametrize(
    ("spf", "dkim", "severities"),
    [
        (True, True, []),
        (True, False, []),
        (False, True, []),
        (True, None, []),
        (False, False, ["error"]),
        (False, None, []),
        (None, None, []),
    ],
)
def test_one_of_both_must_speak_for_the_sender(spf: bool | None, dkim: bool | None, severities: list[str]) -> None:
    found = dmarc_findings({"_dmarc.example.org TXT": txt(GOOD)}, spf=spf, dkim=dkim)
    assert [severity for severity, _ in grave(found)] == severities


@pytest.mark.parametrize(
    ("zone", "severity"),
    [
        ({"example.org MX": ["10 mx.example.org."], "mx.example.org A": ["192.0.2.1"]}, "ok"),
        ({"example.org MX": ["10 mx.example.org."], "mx.example.org AAAA": ["2001:db8::1"]}, "ok"),
        ({"example.org MX": ["10 gone.example.org."]}, "warn"),
        ({"example.org A": ["192.0.2.1"]}, "warn"),
        ({"example.org MX": ["0 ."]}, "error"),
        ({"example.org TXT": txt("only words")}, "error"),
        ({}, "error"),
    ],
)
def test_answers_must_arrive(zone: Zone, severity: str) -> None:
    with serving(zone) as (_, dns):
        (found,) = check_mx("example.org", dns.ask)
    assert found.severity == severity
    assert bool(found.do) is (severity != "ok")


@pytest.mark.parametrize(
    ("servers", "severity"),
    [
        (["10 feedback-smtp.eu-central-1.amazonses.com."], "ok"),
        (["10 feedback-smtp.us-east-1.amazonses.com."], "error"),
        (["10 feedback-smtp.eu-central-1.amazonses.com.", "20 mx.example.org."], "error"),
        ([], "error"),
    ],
)
def test_mail_from_has_amazons_server_alone(servers: list[str], severity: str) -> None:
    with serving({"bounce.example.org MX": servers} if servers else {}) as (_, dns):
        (found,) = check_mail_from("bounce.example.org", "eu-central-1", dns.ask)
    assert found.severity == severity
    if severity != "ok":
        assert found.do == "Set: bounce.example.org. IN MX 10 feedback-smtp.eu-central-1.amazonses.com."


LOGO = "v=BIMI1; l=https://www.example.org/logo.svg; a="


@pytest.mark.parametrize(
    ("texts", "policy", "severity"),
    [
        ([LOGO], GOOD, "ok"),
        ([LOGO], "v=DMARC1; p=none", "warn"),
        ([LOGO], "v=DMARC1; p=quarantine; pct=20", "warn"),
        (["v=BIMI1; l="], GOOD, "ok"),
        (["v=BIMI1; l=http://www.example.org/logo.svg"], GOOD, "warn"),
        (["v=BIMI1; l=https://www.example.org/logo.png"], GOOD, "warn"),
        (["v=BIMI1; a=x"], GOOD, "warn"),
        (["v=BIMI1; l"], GOOD, "warn"),
        ([LOGO, "v=BIMI1; l="], GOOD, "warn"),
        ([], GOOD, "note"),
    ],
)
def test_a_logo_wants_a_policy(texts: list[str], policy: str, severity: str) -> None:
    zone = {"_dmarc.example.org TXT": txt(policy), "default._bimi.example.org TXT": txt(*texts)}
    with serving({name: records for name, records in zone.items() if records}) as (_, dns):
        (found,) = check_bimi("example.org", find_dmarc("example.org", dns.ask), dns.ask)
    assert found.severity == severity


@pytest.mark.parametrize(
    ("reports", "sts", "severities"),
    [
        ("v=TLSRPTv1; rua=mailto:a@example.org", "v=STSv1; id=20261123", ["ok", "ok"]),
        ("v=TLSRPTv1; rua=https://example.org/tls", "v=STSv1; id=1;", ["ok", "ok"]),
        ("v=TLSRPTv1; rua=a@example.org", "v=STSv1", ["warn", "warn"]),
        ("v=TLSRPTv2; rua=mailto:a@example.org", "x", ["note", "note"]),
    ],
)
def test_reports_of_tls_are_notes(reports: str, sts: str, severities: list[str]) -> None:
    zone = {"_smtp._tls.example.org TXT": txt(reports), "_mta-sts.example.org TXT": txt(sts)}
    with serving(zone) as (_, dns):
        assert [finding.severity for finding in check_tls_reports("example.org", dns.ask)] == severities


def test_each_question_is_asked_once() -> None:
    with serving({"example.org TXT": txt("v=spf1 -all")}) as (server, dns):
        for spelling in ("example.org", "Example.ORG", "example.org."):
            assert dns.ask(spelling, "TXT").values == ("v=spf1 -all",)
    assert server.asked == ["example.org TXT"]


def test_a_nameserver_that_never_answers_is_not_asked_for_ever() -> None:
    names = [f"n{number}.example.org" for number in range(6)]
    with serving({}, mute=names) as (server, dns):
        assert all(dns.ask(name, "TXT").failed for name in names)
        assert {asked.split(".")[0] for asked in server.asked} == {"n0", "n1", "n2"}


def test_one_that_answers_others_is_asked_on() -> None:
    names = [f"n{number}.example.org" for number in range(4)]
    with serving({"example.org TXT": txt("x")}, mute=names) as (server, dns):
        assert dns.ask("example.org", "TXT").values == ("x",)
        assert all(dns.ask(name, "TXT").failed for name in names)
    assert "n3.example.org TXT" in server.asked


@pytest.mark.parametrize("name", ["a" * 64 + ".example.org", "a..example.org", "", ".".join(["a" * 60] * 5)])
def test_what_is_no_name_is_no_answer(name: str) -> None:
    with serving({}) as (_, dns):
        assert dns.ask(name, "TXT").failed or dns.ask(name, "TXT").void


@pytest.mark.parametrize(
    ("domain", "registered"),
    [
        ("example.org", "example.org"),
        ("a.b.example.org", "example.org"),
        ("news.example.co.uk", "example.co.uk"),
        ("co.uk", "co.uk"),
        ("example.de", "example.de"),
        ("x.example.com.de.", "example.com.de"),
        ("localhost", "localhost"),
    ],
)
def test_the_registered_domain_is_told_by_a_rule_of_thumb(domain: str, registered: str) -> None:
    assert organisational(domain) == registered


def test_no_domain_is_aligned_with_nothing() -> None:
    assert not aligned("", "")
    assert not aligned("", "example.org")


PIECES = (
    "v=spf1| |;|=|:|/|include|redirect=|~all|ip4:|192.0.2.1|p=|k=rsa|v=DKIM1|v=DMARC1|rua=mailto:|a@b.c|pct=|9|v=BIMI1"
    "|l=https://|.svg|MIIB|%{i}|\x00|é"
)
TEXTS = st.text() | st.lists(st.sampled_from(PIECES.split("|"))).map("".join)


@given(TEXTS)
def test_no_text_breaks_the_readers(text: str) -> None:
    """Each reads it or refuses it in words."""
    readers = (read_tags, TagError), (read_key, BadKeyError), (read_dmarc, ValueError), (read_spf, ValueError)
    for reader, refusal in readers:
        try:
            reader(text)
        except refusal as error:
            assert str(error)  # noqa: PT017
    assert is_spf(text) in {True, False}
    assert begins_with(text, "BIMI1") in {True, False}


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader_of_keys(raw: bytes) -> None:
    try:
        assert read_key(f"p={base64.b64encode(raw).decode()}").bits >= 0
    except BadKeyError as error:
        assert str(error)  # noqa: PT017


@given(TEXTS, TEXTS)
def test_no_text_breaks_the_checks(one_text: str, other: str) -> None:
    from chalicelib.doctor.answers import Answer, State
    from chalicelib.doctor.spf import walk_spf
    from chalicelib.doctor.spf_checks import check_spf

    def ask(name: str, kind: str) -> Answer:
        return Answer(State.FOUND, (one_text, other) if len(name) % 2 else (other,))

    findings: list[Finding] = [*check_spf(walk_spf("example.org", ask), "example.org", ses=True)]
    dmarc: Found = find_dmarc("example.org", ask)
    findings += [*check_dmarc(dmarc, True, None), *check_bimi("example.org", dmarc, ask)]
    findings += [*check_key(KEY, ask(KEY, "TXT"), RECORD), *check_tls_reports("example.org", ask)]
    assert all(finding.what for finding in findings)


def test_hints_name_what_they_are_about() -> None:
    zone: Mapping[str, Sequence[str]] = {
        "_dmarc.example.org TXT": txt("v=DMARC1; p=reject; rua=mailto:x@reports.example.net")
    }
    found = one(dmarc_findings(zone))
    assert found.do == 'Have its owner set: example.org._report._dmarc.reports.example.net. IN TXT "v=DMARC1"'
