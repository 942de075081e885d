"""SMTP settings as one URL: ``smtp://user:password@host:port?starttls=required``.

``smtps://`` is TLS from the first byte (RFC 8314). Nothing here ever shows the URL itself: a password
with a stray ``@`` or ``/`` in it would end up in any part of it.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn, Self
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from chalicelib.errors import ConfigurationError

SUBMISSIONS_PORT, SUBMISSION_PORT, RELAY_PORT = 465, 587, 25
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class StartTls(StrEnum):
    """Whether a plain connection is turned into TLS. A certificate is verified wherever TLS is used."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    NEVER = "never"


class Chunking(StrEnum):
    """Whether mails go by BDAT (RFC 3030) where the server offers it along with PIPELINING.

    It saves round trips, and asks more work of the server: to one on this machine AUTO takes DATA.
    """

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """Where and how to hand mails over. Times are seconds.

    ``timeout`` bounds the connection and each command, ``data_timeout`` the answer to a mail's content
    (RFC 5321 section 4.5.3.2 would wait 10 minutes), ``wave_timeout`` the time in which a wave may
    begin mails: what is under way then has its own timeouts, of each step. With answers in good time it ends within
    a worker's lease (300 s). ``ca`` is a PEM file of authorities trusted instead of the system's.
    """

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    implicit_tls: bool = False
    starttls: StartTls = StartTls.OPTIONAL
    ca: Path | None = None
    connections: int = 10
    timeout: float = 30.0
    data_timeout: float = 60.0
    wave_timeout: float = 240.0
    hello: str | None = None
    chunking: Chunking = Chunking.AUTO

    @property
    def loopback(self) -> bool:
        """The server is this machine: nothing crosses a network."""
        return is_loopback(self.host)

    @property
    def takes_chunks(self) -> bool:
        """Whether BDAT is taken where it is offered."""
        return self.chunking is Chunking.ALWAYS or (self.chunking is Chunking.AUTO and not self.loopback)

    @property
    def where(self) -> str:
        """``host:port``, for messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, url: str, *, setting: str = "SENDBRIEF_SMTP_URL") -> Self:
        """The settings in ``url``; ConfigurationError, naming ``setting``, where they make no sense."""
        wrong = _Wrong(setting)
        parts = _split(url, wrong)
        host, port = _address(parts, wrong)
        user, password = _credentials(parts, wrong)
        implicit = parts.scheme == "smtps"
        options = _options(parts.query, wrong)
        if implicit and "starttls" in options:
            wrong("has starttls= beside smtps://", "smtps:// is TLS from the first byte: leave it out.")
        if port is None:
            port = SUBMISSIONS_PORT if implicit else SUBMISSION_PORT if user else RELAY_PORT
        starttls = options.pop("starttls", _usual_starttls(host, user))
        return cls(host, port, user, password, implicit, starttls, **options)


def is_loopback(host: str) -> bool:
    """``localhost`` or an address of the loopback network."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class _Wrong:
    """Raises; told once which setting it is about."""

    def __init__(self, setting: str) -> None:
        self._setting = setting

    def __call__(self, what: str, hint: str) -> NoReturn:
        raise ConfigurationError(f"The setting {self._setting} {what}.", hint) from None


_FORM = "It reads smtp://user:password@host:587 or smtps://…; write @ / # ? % : in a password as %40 %2F …"


def _split(url: str, wrong: _Wrong) -> SplitResult:
    if not url.isprintable() or " " in url:
        wrong("has a blank or control character", _FORM)
    try:
        parts = urlsplit(url)
    except ValueError:
        wrong("is no URL", _FORM)
    if parts.scheme not in ("smtp", "smtps"):
        wrong("begins with neither smtp:// nor smtps://", _FORM)
    if parts.path not in ("", "/") or parts.fragment or "@" in parts.query:
        wrong("has something after the host and port", _FORM)
    return parts


def _address(parts: SplitResult, wrong: _Wrong) -> tuple[str, int | None]:
    try:
        port = parts.port
    except ValueError:
        wrong("has no number from 1 to 65535 for a port", _FORM)
    try:
        host = (parts.hostname or "").encode("idna").decode("ascii") if parts.hostname else ""
    except UnicodeError:
        host = ""
    if not _HOST.fullmatch(host):
        wrong("names no host", _FORM)
    if port == 0:
        wrong("has no number from 1 to 65535 for a port", _FORM)
    return host, port


def _credentials(parts: SplitResult, wrong: _Wrong) -> tuple[str | None, str | None]:
    if parts.username is None:
        return None, None
    if not parts.username or not parts.password:
        wrong("has a user without a password, or a password without a user", _FORM)
    if _BAD_ESCAPE.search(parts.username + parts.password):
        wrong("has a bare % in its credentials", "Write it as %25.")
    user, password = unquote(parts.username), unquote(parts.password)
    if "\0" in user + password:
        wrong("has a NUL in its credentials", "SMTP can't carry one (RFC 4616).")
    return user, password


def _usual_starttls(host: str, user: str | None) -> StartTls:
    if is_loopback(host):
        return StartTls.NEVER
    return StartTls.REQUIRED if user else StartTls.OPTIONAL


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 < number <= 3600:
        raise ValueError(text)
    return number


def _connections(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 500:
        raise ValueError(text)
    return number


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise ValueError(text)
    return path


def _hello(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.:\[\]-]{1,255}", text):
        raise ValueError(text)
    return text


_OPTIONS: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "starttls": (StartTls, "required, optional or never"),
    "ca": (_file, "the path of a PEM file"),
    "connections": (_connections, "a number from 1 to 500"),
    "timeout": (_seconds, "seconds, up to 3600"),
    "data_timeout": (_seconds, "seconds, up to 3600"),
    "wave_timeout": (_seconds, "seconds, up to 3600"),
    "hello": (_hello, "this machine's name for EHLO"),
    "chunking": (Chunking, "auto, always or never"),
}


def _options(query: str, wrong: _Wrong) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in _OPTIONS or name in options:
            wrong("has an option that is unknown or given twice", f"There are: {', '.join(_OPTIONS)}.")
        reader, form = _OPTIONS[name]
        try:
            options[name] = reader(text)
        except ValueError:
            wrong(f"has a wrong value for {name}", f"It takes {form}.")
    return options


__all__ = ["Chunking", "SmtpSettings", "StartTls", "is_loopback"]
