"""The SMTP URL: what it may say, and that a mistake in it never shows the password."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import ConfigurationError
from chalicelib.transports.smtp_url import Chunking, SmtpSettings, StartTls, is_loopback


@pytest.mark.parametrize(
    ("url", "port", "starttls", "implicit"),
    [
        ("smtp://relay.example.org", 25, StartTls.OPTIONAL, False),
        ("smtp://u:p@mail.example.org", 587, StartTls.REQUIRED, False),
        ("smtps://u:p@mail.example.org", 465, StartTls.REQUIRED, True),
        ("smtps://mail.example.org/", 465, StartTls.OPTIONAL, True),
        ("smtp://u:p@mail.example.org:2525", 2525, StartTls.REQUIRED, False),
        ("smtp://u:p@127.0.0.1:2525", 2525, StartTls.NEVER, False),
        ("smtp://localhost", 25, StartTls.NEVER, False),
        ("smtp://[::1]:26", 26, StartTls.NEVER, False),
        ("smtp://u:p@localhost?starttls=required", 587, StartTls.REQUIRED, False),
        ("smtp://u:p@mail.example.org?starttls=optional", 587, StartTls.OPTIONAL, False),
    ],
)
def test_ports_and_tls_follow_from_the_url(url: str, port: int, starttls: StartTls, implicit: bool) -> None:
    settings = SmtpSettings.parse(url)
    assert (settings.port, settings.starttls, settings.implicit_tls) == (port, starttls, implicit)


def test_everything_can_be_said(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.touch()
    query = f"connections=3&timeout=1.5&data_timeout=2&wave_timeout=60&hello=mx.example.org&ca={ca}&chunking=never"
    settings = SmtpSettings.parse(f"smtp://me%40example.org:s%3Ae%40c%2Fr%25t@[2001:db8::1]:587?{query}")
    assert settings == SmtpSettings(
        "2001:db8::1", 587, "me@example.org", "s:e@c/r%t", False, StartTls.REQUIRED, ca, 3, 1.5, 2, 60,
        "mx.example.org", Chunking.NEVER,
    )  # fmt: skip
    assert settings.where == "[2001:db8::1]:587"


def test_a_host_outside_ascii_becomes_its_a_labels() -> None:
    assert SmtpSettings.parse("smtp://post.bücher.example.org").host == "post.xn--bcher-kva.example.org"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example.org:587",
        "http://hunter2:hunter2@mail.example.org",
        "smtp://",
        "smtp://u:hunter2@",
        "smtp://u:hunter2@:587",
        "smtp://u:hunter2@mail.example.org:99999",
        "smtp://u:hunter2@mail.example.org:0",
        "smtp://u:hunter2@mail.example.org:port",
        "smtp://u:hunter2@mail.example.org/path",
        "smtp://u:hunter2@mail.example.org#x",
        "smtp://u:hunter2@[::1",
        "smtp://hunter2@mail.example.org",
        "smtp://:hunter2@mail.example.org",
        "smtp://u:hun#ter2hunter2@mail.example.org",
        "smtp://u:hunter2/hunter2@mail.example.org",
        "smtp://u:25?hunter2@mail.example.org",
        "smtp://u:hunter2@mail.example.org?hunter2=1",
        "smtp://u:100%hunter2@mail.example.org",
        "smtp://u:hunter2%00@mail.example.org",
        "smtp://u:hunter2 @mail.example.org",
        "smtp://u:hunter2\n@mail.example.org",
        "smtp://u:hunter2@mail example.org",
        "smtp://u:hunter2@mail_.exa<mple.org",
        "smtps://u:hunter2@mail.example.org?starttls=required",
        "smtp://u:hunter2@mail.example.org?connections=0",
        "smtp://u:hunter2@mail.example.org?connections=501",
        "smtp://u:hunter2@mail.example.org?connections=many",
        "smtp://u:hunter2@mail.example.org?timeout=0",
        "smtp://u:hunter2@mail.example.org?timeout=nan",
        "smtp://u:hunter2@mail.example.org?timeout=inf",
        "smtp://u:hunter2@mail.example.org?timeout=1&timeout=2",
        "smtp://u:hunter2@mail.example.org?starttls=maybe",
        "smtp://u:hunter2@mail.example.org?ca=/no/such/file.pem",
        "smtp://u:hunter2@mail.example.org?hello=a%0d%0aMAIL",
        "smtp://u:hunter2@mail.example.org?chunking=perhaps",
    ],
)
def test_a_wrong_url_names_the_setting_and_no_secret(url: str) -> None:
    with pytest.raises(ConfigurationError, match="SENDBRIEF_SMTP_URL") as caught:
        SmtpSettings.parse(url)
    said = str(caught.value) + repr(caught.value) + caught.value.hint
    assert "hunter2" not in said
    assert caught.value.__cause__ is None
    assert caught.value.hint


def test_another_setting_can_be_named() -> None:
    with pytest.raises(ConfigurationError, match="OTHER_URL"):
        SmtpSettings.parse("nonsense", setting="OTHER_URL")


@given(st.text(max_size=80))
def test_any_text_is_settings_or_a_clear_error(text: str) -> None:
    for url in (text, f"smtp://{text}", f"smtp://{text}@mail.example.org", f"smtp://mail.example.org?{text}"):
        try:
            settings = SmtpSettings.parse(url)
        except ConfigurationError:
            continue
        assert settings.host
        assert 0 < settings.port < 65536


def test_the_password_is_not_shown() -> None:
    assert "hunter2" not in repr(SmtpSettings.parse("smtp://u:hunter2@mail.example.org"))


@pytest.mark.parametrize(
    ("host", "yes"),
    [
        ("localhost", True),
        ("LOCALHOST", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("localhost.example.org", False),
    ],
)
def test_loopback(host: str, yes: bool) -> None:
    assert is_loopback(host) is yes
