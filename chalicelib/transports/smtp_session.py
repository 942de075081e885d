"""One SMTP connection, opened and introduced: greeting, EHLO, STARTTLS, AUTH (RFC 5321, 3207, 4954)."""

import asyncio
import base64
import contextlib
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from chalicelib.errors import ConfigurationError, SendingError, TransportUnavailableError
from chalicelib.transports.smtp_url import SmtpSettings, StartTls
from chalicelib.transports.smtp_wire import Reply, Wire, WireError

FAREWELL = 1.0
"""Seconds a server gets to answer QUIT."""
SHUTTING_DOWN = 421
_SIZE_DIGITS = 20
"""The most of a SIZE (RFC 1870 section 4)."""
NEEDS_SETTING = frozenset({530, 534, 535, 538})
"""AUTH or TLS is wanted or was wrong (RFC 4954 section 6, 3207): no mail can go until a person acts."""


@dataclass(slots=True)
class Session:
    """A connection that is ready for mails. ``pooled`` says that it has been idle since its last one."""

    wire: Wire
    extensions: Mapping[str, str] = field(default_factory=dict)
    pooled: bool = False

    @property
    def pipelining(self) -> bool:
        """The server takes commands in groups (RFC 2920)."""
        return "PIPELINING" in self.extensions

    @property
    def limit(self) -> int | None:
        """The most bytes a mail may have (RFC 1870), None where the server sets no fixed limit."""
        size = self.extensions.get("SIZE", "")
        return int(size) or None if size.isdecimal() and len(size) <= _SIZE_DIGITS else None

    @property
    def chunking(self) -> bool:
        """The server takes content in chunks (RFC 3030), and in groups of commands."""
        return self.pipelining and "CHUNKING" in self.extensions

    async def reply(self, patience: float) -> Reply:
        """The next reply; a 421, which ends the connection, raises WireError."""
        reply = await self.wire.reply(patience)
        if reply.code == SHUTTING_DOWN:
            raise WireError(reply.reason)
        return reply

    async def command(self, line: str, patience: float) -> Reply:
        """Send one line and wait for its reply."""
        self.wire.write(line.encode("ascii") + b"\r\n")
        return await self.reply(patience)


@lru_cache(maxsize=8)
def _verifying(settings: SmtpSettings) -> ssl.SSLContext | None:
    """The context, made once and only where TLS may be used: reading the authorities takes 20 ms."""
    if not settings.implicit_tls and settings.starttls is StartTls.NEVER:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ca)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"The authorities in {settings.ca} can't be read: {error}",
            "?ca= in SENDBRIEF_SMTP_URL takes a PEM file of certificates.",
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


async def quit_session(session: Session) -> None:
    """QUIT, and close."""
    session.wire.listen(None)
    with contextlib.suppress(WireError):
        await session.command("QUIT", FAREWELL)
    await session.wire.close(FAREWELL)


async def open_session(settings: SmtpSettings) -> Session:
    """Connect and introduce ourselves.

    Raises TransportUnavailableError where trying again later may help, else ConfigurationError. Every
    step is bounded by ``settings.timeout``.
    """
    context = _verifying(settings)
    wire = Wire()
    session = Session(wire)
    try:
        await _connect(wire, settings, context)
        await _greet(session, settings, context)
    except SendingError:
        wire.abort("refused")
        raise
    except (OSError, WireError) as error:
        wire.abort("failed")
        raise _explained(error, settings) from error
    except BaseException:
        wire.abort("given up")
        raise
    return session


async def _connect(wire: Wire, settings: SmtpSettings, context: ssl.SSLContext | None) -> None:
    implicit = context if settings.implicit_tls else None
    async with asyncio.timeout(settings.timeout):
        await asyncio.get_running_loop().create_connection(
            lambda: wire,
            settings.host,
            settings.port,
            ssl=implicit,
            ssl_handshake_timeout=settings.timeout if implicit else None,
            ssl_shutdown_timeout=1.0 if implicit else None,
        )


def _explained(error: Exception, settings: SmtpSettings) -> ConfigurationError | TransportUnavailableError:
    where = settings.where
    match error:
        case ssl.SSLCertVerificationError():
            return ConfigurationError(
                f"The certificate of the SMTP server {where} can't be trusted: {error.verify_message}",
                "Correct the host name in SENDBRIEF_SMTP_URL, or name the authority's PEM file with ?ca=.",
            )
        case socket.gaierror() if error.errno in _NO_SUCH_HOST:
            return ConfigurationError(
                f"There is no host {settings.host} (SMTP).", "Correct the host in SENDBRIEF_SMTP_URL."
            )
        case TimeoutError():
            why = f"no connection within {settings.timeout:g} s"
        case _:
            why = str(error) or type(error).__name__
    return TransportUnavailableError(
        f"The SMTP server {where} can't be reached: {why}", "Nothing was handed over; it is tried again later."
    )


_NO_SUCH_HOST = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})


async def _greet(session: Session, settings: SmtpSettings, context: ssl.SSLContext | None) -> None:
    _expect(await session.reply(settings.timeout), 220, "greeting", settings)
    await _introduce(session, settings)
    secure = settings.implicit_tls
    if not secure and settings.starttls is not StartTls.NEVER:
        secure = await _start_tls(session, settings, context)
    if settings.user is not None:
        await _authenticate(session, settings, secure)


def _expect(reply: Reply, code: int, what: str, settings: SmtpSettings) -> None:
    if reply.code != code:
        raise TransportUnavailableError(
            f"The SMTP server {settings.where} refused our {what}: {reply.reason}",
            "Nothing was handed over; it is tried again later.",
        )


async def _introduce(session: Session, settings: SmtpSettings) -> None:
    name = settings.hello or _own_name(session.wire)
    reply = await session.command(f"EHLO {name}", settings.timeout)
    if reply.code == 250:
        session.extensions = _parse_extensions(reply.text)
        return
    session.extensions = {}
    _expect(await session.command(f"HELO {name}", settings.timeout), 250, "HELO", settings)


def _own_name(wire: Wire) -> str:
    """An address literal (RFC 5321 section 4.1.4): true wherever we run, and needs no DNS."""
    address = wire.transport.get_extra_info("sockname")[0].partition("%")[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _parse_extensions(text: str) -> dict[str, str]:
    lines = [line.partition(" ") for line in text.split("\n")[1:]]
    return {keyword.upper(): parameters for keyword, _, parameters in lines}


async def _start_tls(session: Session, settings: SmtpSettings, context: ssl.SSLContext | None) -> bool:
    if "STARTTLS" not in session.extensions:
        if settings.starttls is StartTls.OPTIONAL:
            return False
        raise ConfigurationError(
            f"The SMTP server {settings.where} offers no STARTTLS, which is required.",
            "Use smtps://, or ?starttls=optional in SENDBRIEF_SMTP_URL where plain text will do.",
        )
    _expect(await session.command("STARTTLS", settings.timeout), 220, "STARTTLS", settings)
    transport = await asyncio.get_running_loop().start_tls(
        session.wire.transport,
        session.wire,
        context or ssl.create_default_context(),
        server_hostname=settings.host,
        ssl_handshake_timeout=settings.timeout,
        ssl_shutdown_timeout=1.0,
    )
    if transport is None:
        raise WireError("the connection closed during the TLS handshake")
    session.wire.adopt(transport)
    await _introduce(session, settings)
    return True


async def _authenticate(session: Session, settings: SmtpSettings, secure: bool) -> None:
    if not secure and not settings.loopback:
        raise ConfigurationError(
            f"The password for the SMTP server {settings.where} would cross the network in plain text.",
            "Use smtps:// or ?starttls=required in SENDBRIEF_SMTP_URL.",
        )
    offered = session.extensions.get("AUTH", "").upper().split()
    user, password = settings.user or "", settings.password or ""
    if "PLAIN" in offered:
        initial = _base64(f"\0{user}\0{password}")
        reply = await session.command(f"AUTH PLAIN {initial}", settings.timeout)
    elif "LOGIN" in offered:
        reply = await session.command("AUTH LOGIN", settings.timeout)
        for answer in (user, password):
            if reply.code == 334:
                reply = await session.command(_base64(answer), settings.timeout)
    else:
        raise ConfigurationError(
            f"The SMTP server {settings.where} offers neither AUTH PLAIN nor LOGIN.",
            "Leave the credentials out of SENDBRIEF_SMTP_URL, or use the port that asks for them (587, 465).",
        )
    if reply.code >= 500:
        raise ConfigurationError(
            f"The SMTP server {settings.where} refused the credentials: {reply.reason}",
            "Correct user and password in SENDBRIEF_SMTP_URL.",
        )
    _expect(reply, 235, "credentials", settings)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


__all__ = ["FAREWELL", "NEEDS_SETTING", "SHUTTING_DOWN", "Session", "open_session", "quit_session"]
