"""DMARC (RFC 7489): the policy of a sender's domain, and where its reports go."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from chalicelib.doctor.answers import Answer, Ask, organisational
from chalicelib.doctor.findings import About, Finding, Topic
from chalicelib.doctor.taglists import TagError, begins_with, read_tags

DMARC = About(Topic.DMARC)
POLICIES = ("none", "quarantine", "reject")
_REPORT = re.compile(r"mailto:([^@\s!,;]+)@([^@\s!,;]+)(?:![0-9]+[kmgt]?)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Policy:
    """``percent`` of mails are treated by it; ``reports`` are addresses."""

    policy: str
    subdomains: str
    strict_dkim: bool = False
    strict_spf: bool = False
    percent: int = 100
    reports: tuple[str, ...] = ()

    @property
    def enforced(self) -> bool:
        """Forged mails are put aside, all of them."""
        return self.policy in {"quarantine", "reject"} and self.percent == 100


def is_dmarc(text: str) -> bool:
    """Whether a TXT record is one of DMARC."""
    return begins_with(text, "DMARC1")


def read_dmarc(text: str) -> Policy:
    """The policy of a record. Raises ValueError."""
    tags = read_tags(text)
    policy = tags.get("p", "").lower()
    if policy not in POLICIES:
        raise TagError(f"p={policy[:20]} is none of {', '.join(POLICIES)}" if policy else "it has no p=")
    below = tags.get("sp", policy).lower()
    if below not in POLICIES:
        raise TagError(f"sp={below[:20]} is none of {', '.join(POLICIES)}")
    percent = tags.get("pct", "100")
    if not re.fullmatch("[0-9]{1,3}", percent, re.ASCII) or int(percent) > 100:
        raise TagError(f"pct={percent[:20]} is no number up to 100")
    return Policy(
        policy,
        below,
        _strict(tags, "adkim"),
        _strict(tags, "aspf"),
        int(percent),
        tuple(word.strip() for word in tags.get("rua", "").split(",") if word.strip()),
    )


def _strict(tags: dict[str, str], name: str) -> bool:
    mode = tags.get(name, "r").lower()
    if mode not in {"r", "s"}:
        raise TagError(f"{name}={mode[:20]} is neither r nor s")
    return mode == "s"


@dataclass(slots=True)
class Found:
    """``at`` is the domain whose record counts: the sender's, or the one that was registered."""

    domain: str
    at: str = ""
    texts: tuple[str, ...] = ()
    policy: Policy | None = None
    wrong: str = ""
    failed: str = ""
    unauthorised: list[tuple[str, str]] = field(default_factory=list)
    """Reports that another domain has not agreed to take: address, and the name of the missing record."""


def find_dmarc(domain: str, ask: Ask) -> Found:
    """The policy that receivers find for a sender's domain (RFC 7489, 6.6.3), with who takes its reports (7.1)."""
    found = Found(domain)
    for place in dict.fromkeys((domain, organisational(domain))):
        answer = ask(f"_dmarc.{place}", "TXT")
        if answer.failed:
            found.failed = f"_dmarc.{place}: {answer.why}"
            return found
        found.texts, found.at = tuple(value for value in answer.values if is_dmarc(value)), place
        if found.texts:
            break
    if len(found.texts) == 1:
        try:
            found.policy = read_dmarc(found.texts[0])
        except ValueError as error:
            found.wrong = str(error)
    for address in found.policy.reports if found.policy else ():
        _authorised(found, address, ask)
    return found


def _authorised(found: Found, address: str, ask: Ask) -> None:
    parts = _REPORT.fullmatch(address)
    if parts is None or organisational(parts[2]) == organisational(found.at):
        return
    name = f"{found.at}._report._dmarc.{parts[2].lower()}"
    answer: Answer = ask(name, "TXT")
    if answer.void or (answer.values and not any(map(is_dmarc, answer.values))):
        found.unauthorised.append((address, name))


def check_dmarc(found: Found, spf: bool | None, dkim: bool | None) -> Iterator[Finding]:
    """``spf`` and ``dkim``: whether each is aligned with the sender; None: not known."""
    domain = found.domain
    first = f'_dmarc.{domain}. IN TXT "v=DMARC1; p=none; rua=mailto:dmarc@{domain}"'
    if found.failed:
        yield DMARC.skipped(f"DMARC of {domain} could not be read: {found.failed}.", "Try again in a while.")
        return
    if not found.texts:
        yield DMARC.error(
            f"{domain} has no DMARC record: Gmail and Yahoo ask for one of whoever sends much.", f"Set: {first}"
        )
        return
    seen = " | ".join(found.texts)
    if len(found.texts) > 1:
        yield DMARC.error(f"_dmarc.{found.at} has {len(found.texts)} records, and so none counts.", "Leave one.", seen)
    elif found.policy is None:
        yield DMARC.error(f"The DMARC record of {found.at} can't be read: {found.wrong}.", f"Set: {first}", seen)
    else:
        yield from _judged(found, found.policy, seen)
        yield from _passes(domain, spf, dkim)


def _judged(found: Found, policy: Policy, seen: str) -> Iterator[Finding]:
    which = policy.policy if found.at == found.domain else policy.subdomains
    if which == "none":
        yield DMARC.warn(
            f"DMARC of {found.at} only watches (p=none): forged mails in your name arrive.",
            "Read the reports for some weeks; once all your own mail passes, write p=quarantine, later p=reject.",
            seen,
        )
    elif policy.percent < 100:
        yield DMARC.warn(f"DMARC of {found.at} holds for {policy.percent} % of mails.", "Take pct= out.", seen)
    else:
        yield DMARC.ok(f"DMARC of {found.at} is {which}.", seen)
    if not policy.reports:
        yield DMARC.note(
            f"DMARC of {found.at} asks for no reports.",
            f"Add rua=mailto:dmarc@{found.at} to see who sends in your name.",
            seen,
        )
    for address in policy.reports:
        if not _REPORT.fullmatch(address) and not address.lower().startswith("https:"):
            yield DMARC.warn(f"DMARC reports can't go to '{address[:60]}'.", "Write rua=mailto:you@example.org.", seen)
    for address, name in found.unauthorised:
        yield DMARC.warn(
            f"DMARC reports to {address[:80]} are not sent: that domain has not agreed to take them.",
            f'Have its owner set: {name}. IN TXT "v=DMARC1"',
            seen,
        )


def _passes(domain: str, spf: bool | None, dkim: bool | None) -> Iterator[Finding]:
    known = [name for name, passes in (("SPF", spf), ("DKIM", dkim)) if passes]
    if known:
        yield DMARC.ok(f"Mails of {domain} pass DMARC by {' and '.join(known)}.")
    elif spf is False and dkim is False:
        yield DMARC.error(
            f"Mails of {domain} fail DMARC: neither SPF nor DKIM speaks for the sender.",
            "Mend DKIM first; what it needs stands there.",
        )
