"""All that the DNS says of the domain that mails are sent from: gathered, then judged."""

from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.doctor.answers import Ask, aligned
from chalicelib.doctor.dkim import DKIM, check_alignment, check_key
from chalicelib.doctor.dmarc import Policy, check_dmarc, find_dmarc
from chalicelib.doctor.findings import Finding
from chalicelib.doctor.reception import check_bimi, check_mail_from, check_mx, check_tls_reports
from chalicelib.doctor.spf import walk_spf
from chalicelib.doctor.spf_checks import SPF, check_spf

HOSTED = "dkim.amazonses.com"
"""Where SES keeps the keys of most regions."""


@dataclass(frozen=True, slots=True)
class Signing:
    """Who signs: ``domain`` with the keys of ``selectors``; ``hosted`` is the zone that SES keeps them in, or ''."""

    domain: str
    selectors: tuple[str, ...] = ()
    hosted: str = ""


@dataclass(frozen=True, slots=True)
class Sending:
    """How mails of a domain go out. ``envelope`` is the domain of MAIL FROM; '' is that of SES, None: not known."""

    domain: str
    envelope: str | None
    ses: bool = False
    region: str = ""
    signing: Signing | None = None
    """None: not known."""


def check_sender(sending: Sending, ask: Ask) -> Iterator[Finding]:
    """Each finding of a sender's domain. Asks the DNS; raises nothing."""
    dmarc = find_dmarc(sending.domain, ask)
    policy = dmarc.policy or Policy("none", "none")
    yield from _signatures(sending, policy, ask)
    spf: bool | None = None
    if sending.envelope:
        yield from check_spf(walk_spf(sending.envelope, ask), sending.domain, ses=sending.ses, strict=policy.strict_spf)
        spf = aligned(sending.envelope, sending.domain, strict=policy.strict_spf)
        if sending.ses:
            yield from check_mail_from(sending.envelope, sending.region, ask)
    elif sending.envelope is None:
        yield SPF.skipped(
            "From which envelope mails are sent is not known.", "Let the doctor ask AWS, or set a region."
        )
    else:
        spf = False
    signing = sending.signing
    dkim = aligned(signing.domain, sending.domain, strict=policy.strict_dkim) if signing else None
    yield from check_dmarc(dmarc, spf, dkim)
    yield from check_mx(sending.domain, ask)
    yield from check_tls_reports(sending.domain, ask)
    yield from check_bimi(sending.domain, dmarc, ask)


def _signatures(sending: Sending, policy: Policy, ask: Ask) -> Iterator[Finding]:
    signing = sending.signing
    if signing is None or not signing.selectors:
        yield DKIM.skipped(
            f"Which DKIM key signs mails of {sending.domain} is not known here.",
            "Name its selector with --dkim-selector, or give a mail that arrived with --mail (its s= is the selector).",
        )
        return
    for selector in signing.selectors:
        yield from _of_selector(selector, signing, ask)
    yield check_alignment(signing.domain, sending.domain, strict=policy.strict_dkim)


def _of_selector(selector: str, signing: Signing, ask: Ask) -> Iterator[Finding]:
    name = f"{selector}._domainkey.{signing.domain}"
    if not signing.hosted:
        yield from check_key(name, ask(name, "TXT"), f'{name}. IN TXT "v=DKIM1; k=rsa; p=YOUR-PUBLIC-KEY"')
        return
    target = f"{selector}.{signing.hosted}"
    record, alias = f"{name}. IN CNAME {target}.", ask(name, "CNAME")
    if alias.values and alias.values[0].lower() != target.lower():
        yield DKIM.error(f"{name} leads to {alias.values[0]}, not to Amazon's key.", f"Set: {record}")
    else:
        yield from check_key(name, ask(name, "TXT"), record)
