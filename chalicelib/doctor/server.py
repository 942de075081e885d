"""What is wrong with an SMTP server that takes our mails, and with the name of its address."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address

from chalicelib.doctor.answers import Answer, Ask
from chalicelib.doctor.findings import About, Finding, Topic
from chalicelib.transports.smtp_facts import SmtpFacts

SMTP = About(Topic.SMTP)
SOON = timedelta(days=14)
SMALLEST = 1_000_000
"""Bytes that a mail of ours with a calendar and many languages may come near to."""


def check_server(facts: SmtpFacts, now: datetime) -> Iterator[Finding]:
    """Can mails be handed over, and safely."""
    if facts.trouble:
        yield SMTP.error(facts.trouble, facts.hint)
    else:
        how = "TLS" if facts.secure else "plain text"
        yield SMTP.ok(f"The SMTP server {facts.where} takes us, by {how}{' and logged in' if facts.logs_in else ''}.")
    if not facts.loopback:
        yield from _safety(facts)
    if facts.certificate_ends is not None:
        yield from _certificate(facts.certificate_ends, facts.where, now)
    if facts.limit is not None and facts.limit < SMALLEST:
        yield SMTP.warn(f"{facts.where} takes mails of up to {facts.limit} bytes.", "Have its limit (SIZE) raised.")


def _safety(facts: SmtpFacts) -> Iterator[Finding]:
    if facts.starttls is False:
        yield SMTP.warn(
            f"{facts.where} offers no STARTTLS: mails cross the network in plain text.",
            "Set up TLS there, or use smtps:// in SENDBRIEF_SMTP_URL.",
        )
    elif not facts.trouble and not facts.secure:
        yield SMTP.warn(
            f"{facts.where} offers STARTTLS, and it is not used.", "Write ?starttls=required in SENDBRIEF_SMTP_URL."
        )
    if facts.plain_auth:
        yield SMTP.warn(
            f"{facts.where} takes passwords before TLS; others' programs may send theirs in plain text.",
            "Offer AUTH after STARTTLS only (Postfix: smtpd_tls_auth_only = yes).",
        )


def _certificate(ends: datetime, where: str, now: datetime) -> Iterator[Finding]:
    left = (ends - now).days
    if ends - now < SOON:
        yield SMTP.warn(
            f"The certificate of {where} ends in {left} days.", "See why it is not renewed.", f"{ends:%Y-%m-%d}"
        )
    else:
        yield SMTP.ok(f"The certificate of {where} is good for {left} days.")


def addresses_of(facts: SmtpFacts, ask: Ask) -> list[str]:
    """The server's addresses: those of its name, else the one that was reached."""
    try:
        return [str(ip_address(facts.host))]
    except ValueError:
        found = [value for kind in ("A", "AAAA") for value in ask(facts.host, kind).values]
    return found or ([facts.address] if facts.address else [])


def check_names(addresses: Sequence[str], ask: Ask, reverse: Callable[[str], Answer]) -> Iterator[Finding]:
    """Forward-confirmed reverse DNS: Gmail and others refuse senders without it. Of a relay it is its owner's."""
    for address in addresses:
        if ip_address(address).is_private:
            yield SMTP.note(
                f"The server is at {address}, a private address: which one readers see is not known here.",
                "Run the doctor where mails leave.",
            )
            continue
        answer = reverse(address)
        if answer.failed:
            yield SMTP.skipped(f"The name of {address} could not be read: {answer.why}.", "Try again in a while.")
        elif not answer.values:
            yield SMTP.note(
                f"{address} has no name (PTR). If it sends to readers itself, many refuse its mails.",
                "Have whoever gave you the address set a PTR record to the server's name.",
            )
        elif not any(_leads(name, address, ask) for name in answer.values):
            named = answer.values[0]
            kind = "AAAA" if ":" in address else "A"
            yield SMTP.note(
                f"{address} is called {named}, which does not lead back to it.", f"Set: {named}. IN {kind} {address}"
            )
        else:
            yield SMTP.ok(f"{address} is called {answer.values[0]}, which leads back to it.")


def _leads(name: str, address: str, ask: Ask) -> bool:
    kind = "AAAA" if ":" in address else "A"
    return any(ip_address(value) == ip_address(address) for value in ask(name, kind).values)


def check_blocklists(addresses: Sequence[str], lists: Sequence[str], ask: Ask) -> Iterator[Finding]:
    """Whether lists that receivers ask name an address (RFC 5782)."""
    for address in addresses:
        mirrored = ip_address(address).reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
        for zone in lists:
            answer = ask(f"{mirrored}.{zone}", "A")
            if answer.failed or any(value.startswith("127.255.255.") for value in answer.values):
                why = answer.why or "it answers no public nameserver"
                yield SMTP.skipped(
                    f"{zone} does not say whether {address} is listed: {why}.", "Ask it on its web page."
                )
            elif any(value.startswith("127.") for value in answer.values):
                why = " ".join(ask(f"{mirrored}.{zone}", "TXT").values)
                yield SMTP.error(
                    f"{address} is listed by {zone}: many refuse its mails.",
                    "Find out why, mend it, then ask for removal there.",
                    why[:300],
                )
            else:
                yield SMTP.ok(f"{address} is not listed by {zone}.")
