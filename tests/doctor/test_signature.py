"""Mails that arrived, and what of them their sender signed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.doctor.findings import Finding
from chalicelib.doctor.signature import check_mail, no_mail, sender_domain, signing_of
from tests.doctor.house import grave, one

HEADERS = "From:To:Subject:Date:List-Unsubscribe:List-Unsubscribe-Post"
LEAVE = "List-Unsubscribe: <https://news.example.org/u/abc>"
POST = "List-Unsubscribe-Post: List-Unsubscribe=One-Click"


def signature(headers: str = HEADERS, domain: str = "example.org", selector: str = "s1") -> str:
    return f"DKIM-Signature: v=1; a=rsa-sha256; d={domain}; s={selector};\r\n\th={headers};\r\n\tbh=x; b=abc=="


def mail(*lines: str) -> bytes:
    return "\r\n".join([*lines, "From: News <news@example.org>", "Subject: Hi", "", "Text"]).encode()


def judged(*lines: str) -> list[Finding]:
    return list(check_mail(mail(*lines)))


@pytest.mark.parametrize(
    "lines",
    [
        (signature(), LEAVE, POST),
        (signature(HEADERS.lower()), LEAVE, POST),
        (signature(HEADERS.replace(":List", " : \r\n\tList")), LEAVE, POST),
        (signature(domain="mail.example.org"), LEAVE, POST),
        (signature("From:To", "amazonses.com"), signature(), LEAVE, POST),
        (signature("From:To"), signature(), LEAVE, POST),
        (signature(), LEAVE, "List-Unsubscribe-Post: List-Unsubscribe=One-Click "),
        (signature(), "List-Unsubscribe: <mailto:leave@example.org>,\r\n\t<https://news.example.org/u/abc>", POST),
        ("Authentication-Results: mx.example.net; dkim=pass header.d=example.org; spf=fail", signature(), LEAVE, POST),
    ],
)
def test_one_click_is_covered(lines: tuple[str, ...]) -> None:
    assert grave(judged(*lines)) == []


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((signature("From:To:List-Unsubscribe"), LEAVE, POST), "does not cover list-unsubscribe-post:"),
        ((signature("From:List-Unsubscribe-Post"), LEAVE, POST), "does not cover list-unsubscribe:"),
        ((signature("From"), LEAVE, POST), "list-unsubscribe and list-unsubscribe-post"),
        (
            (signature(), LEAVE, POST, "List-Unsubscribe: <https://evil.example.net/>"),
            "does not cover list-unsubscribe:",
        ),
        ((signature(domain="amazonses.com"), LEAVE, POST), "Nobody signed the mail for example.org"),
        ((LEAVE, POST), "Nobody signed"),
        (("DKIM-Signature: nonsense", LEAVE, POST), "Nobody signed"),
        ((signature(), POST), "no List-Unsubscribe."),
        ((signature(), LEAVE), "no List-Unsubscribe-Post"),
        ((signature(), "List-Unsubscribe: <http://news.example.org/u/abc>", POST), "no https address"),
        (
            ("Authentication-Results: mx.example.net; dkim=fail (body hash)", signature(), LEAVE, POST),
            "could not verify",
        ),
    ],
)
def test_what_keeps_one_click_away_is_named(lines: tuple[str, ...], words: str) -> None:
    found = one(judged(*lines))
    assert (found.severity, words in found.what) == ("error", True), found
    assert found.do


def test_only_the_servers_own_verdict_counts() -> None:
    """What stands further down came with the mail."""
    lines = ("Authentication-Results: mx.example.net; dkim=pass", "Authentication-Results: x; dkim=fail")
    assert grave(judged(*lines, signature(), LEAVE, POST)) == []


def test_a_mail_tells_who_signs() -> None:
    raw = mail(signature("From", "amazonses.com", "ses"), signature(), signature(selector="s2"), signature(), LEAVE)
    signing = signing_of(raw, "example.org")
    assert signing is not None
    assert (signing.domain, signing.selectors, signing.hosted) == ("example.org", ("s1", "s2"), "")
    assert signing_of(raw, "example.net") is None
    assert sender_domain(raw) == "example.org"


def test_without_a_mail_it_is_said_how_to_get_one() -> None:
    assert "sendbrief proof" in no_mail().do


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: mail(f"DKIM-Signature: {text}", LEAVE, POST)))
def test_no_mail_breaks_the_check(raw: bytes) -> None:
    assert all(finding.what for finding in check_mail(raw))
