"""Looking at an SMTP server: greeting, what it offers, TLS, login. No mail is begun."""

import ssl
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from chalicelib.errors import SendbriefError
from chalicelib.transports.smtp_facts import SmtpFacts
from chalicelib.transports.smtp_session import Session, open_session, quit_session
from chalicelib.transports.smtp_url import SmtpSettings, StartTls


async def look(settings: SmtpSettings) -> SmtpFacts:
    """What the server shows: first in plain, then as mails would be handed over. Raises nothing of the server."""
    facts = SmtpFacts(settings.where, settings.host, settings.loopback)
    if not settings.implicit_tls:
        facts = await _plain(settings, facts)
    try:
        session = await open_session(settings)
    except SendbriefError as error:
        return replace(facts, trouble=error.message, hint=error.hint)
    found = _seen(session, settings, facts)
    await quit_session(session)
    return found


async def _plain(settings: SmtpSettings, facts: SmtpFacts) -> SmtpFacts:
    """What is offered before TLS. What fails here fails again below, and is told there."""
    bare = replace(settings, user=None, password=None, starttls=StartTls.NEVER)
    try:
        session = await open_session(bare)
    except SendbriefError:
        return facts
    offers = session.extensions
    await quit_session(session)
    return replace(facts, starttls="STARTTLS" in offers, plain_auth="AUTH" in offers)


def _seen(session: Session, settings: SmtpSettings, facts: SmtpFacts) -> SmtpFacts:
    transport = session.wire.transport
    certificate: dict[str, Any] | None = transport.get_extra_info("peercert")
    return replace(
        facts,
        address=str(transport.get_extra_info("peername")[0]).partition("%")[0],
        secure=transport.get_extra_info("ssl_object") is not None,
        logs_in=settings.user is not None,
        certificate_ends=_ends(certificate),
        limit=session.limit,
    )


def _ends(certificate: dict[str, Any] | None) -> datetime | None:
    if not certificate or "notAfter" not in certificate:
        return None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)


__all__ = ["look"]
