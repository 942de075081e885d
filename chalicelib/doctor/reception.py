"""Where answers and returned mails go: mail servers of the sender's domain and of MAIL FROM; TLS-RPT, MTA-STS, BIMI."""

from collections.abc import Iterator

from chalicelib.doctor.answers import Answer, Ask
from chalicelib.doctor.dmarc import Found
from chalicelib.doctor.findings import About, Finding, Topic
from chalicelib.doctor.taglists import TagError, begins_with, read_tags

MX, MAIL_FROM = About(Topic.MX), About(Topic.MAIL_FROM)
TLS, BIMI = About(Topic.TLS), About(Topic.BIMI)


def check_mx(domain: str, ask: Ask) -> Iterator[Finding]:
    """Readers answer, and pages of consent name the sender's address: it must be there (RFC 5321, 5.1; RFC 7505)."""
    answer = ask(domain, "MX")
    if answer.failed:
        yield MX.skipped(f"The mail servers of {domain} could not be read: {answer.why}.", "Try again in a while.")
    elif any(value.split(" ")[-1] in {".", ""} for value in answer.values):
        yield MX.error(
            f"{domain} says that it takes no mail (null MX): answers bounce, and many refuse such senders.",
            f"Set: {domain}. IN MX 10 YOUR-MAIL-SERVER.",
        )
    elif answer.values:
        yield from _resolves(domain, answer, ask)
    elif any(ask(domain, kind).values for kind in ("A", "AAAA")):
        yield MX.warn(
            f"{domain} has no MX; mail goes to the domain's own address.", f"Set: {domain}. IN MX 10 YOUR-MAIL-SERVER."
        )
    else:
        yield MX.error(
            f"{domain} takes no mail: answers bounce, and many refuse such senders.",
            f"Set: {domain}. IN MX 10 YOUR-MAIL-SERVER.",
        )


def _resolves(domain: str, answer: Answer, ask: Ask) -> Iterator[Finding]:
    hosts = [value.split(" ")[-1] for value in answer.values]
    lost = [host for host in hosts if all(ask(host, kind).void for kind in ("A", "AAAA"))]
    if lost:
        yield MX.warn(
            f"Mail servers of {domain} have no address: {', '.join(lost)}.",
            "Correct the MX record.",
            ", ".join(answer.values),
        )
    else:
        yield MX.ok(f"{domain} takes mail.", ", ".join(answer.values))


def check_mail_from(domain: str, region: str, ask: Ask) -> Iterator[Finding]:
    """MAIL FROM of SES needs one MX: Amazon's for feedback, of the region."""
    host = f"feedback-smtp.{region or 'REGION'}.amazonses.com"
    record = f"{domain}. IN MX 10 {host}."
    answer = ask(domain, "MX")
    if answer.failed:
        yield MAIL_FROM.skipped(f"The MX of {domain} could not be read: {answer.why}.", "Try again in a while.")
    elif not answer.values:
        yield MAIL_FROM.error(f"{domain} has no MX, so SES does not use it as MAIL FROM.", f"Set: {record}")
    elif [value.split(" ")[-1].lower() for value in answer.values] != [host] and region:
        yield MAIL_FROM.error(f"The MX of {domain} must be Amazon's alone.", f"Set: {record}", ", ".join(answer.values))
    else:
        yield MAIL_FROM.ok(f"Returned mails go from {domain} to Amazon.", ", ".join(answer.values))


def check_tls_reports(domain: str, ask: Ask) -> Iterator[Finding]:
    """TLS-RPT (RFC 8460) and MTA-STS (RFC 8461) are about mail that comes in: of use, and no condition."""
    name = f"_smtp._tls.{domain}"
    example = f'{name}. IN TXT "v=TLSRPTv1; rua=mailto:tls-reports@{domain}"'
    yield from _optional(name, "TLSRPTv1", "rua", ("mailto:", "https:"), ask, "TLS reports (TLS-RPT)", example)
    name = f"_mta-sts.{domain}"
    example = f'{name}. IN TXT "v=STSv1; id=1", and its policy at https://mta-sts.{domain}/.well-known/mta-sts.txt'
    yield from _optional(name, "STSv1", "id", ("",), ask, "MTA-STS", example)


def _optional(
    name: str, version: str, tag: str, begins: tuple[str, ...], ask: Ask, called: str, example: str
) -> Iterator[Finding]:
    answer = ask(name, "TXT")
    texts = [value for value in answer.values if begins_with(value, version)]
    if answer.failed:
        yield TLS.skipped(f"{name} could not be read: {answer.why}.", "Try again in a while.")
    elif not texts:
        yield TLS.note(
            f"No {called}: servers that deliver to you don't tell of trouble with encryption, or insist on it."
            if tag == "id"
            else f"No {called}: nobody tells of trouble with encryption.",
            f"If you like: {example}",
        )
    elif len(texts) > 1 or not _value(texts[0], tag).lower().startswith(begins) or not _value(texts[0], tag):
        yield TLS.warn(f"The record {name} can't be used.", f"Set: {example}", " | ".join(texts))
    else:
        yield TLS.ok(f"{called} is set.", texts[0])


def _value(text: str, tag: str) -> str:
    try:
        return read_tags(text).get(tag, "")
    except TagError:
        return ""


def check_bimi(domain: str, dmarc: Found, ask: Ask) -> Iterator[Finding]:
    """The logo that some programs show beside a sender (default selector); wants an enforced DMARC."""
    name = f"default._bimi.{domain}"
    answer = ask(name, "TXT")
    texts = [value for value in answer.values if begins_with(value, "BIMI1")]
    enforced = dmarc.policy is not None and dmarc.policy.enforced
    if answer.failed:
        yield BIMI.skipped(f"{name} could not be read: {answer.why}.", "Try again in a while.")
    elif not texts:
        first = "" if enforced else "DMARC first: p=quarantine or p=reject. Then "
        yield BIMI.note(
            "No logo (BIMI) is published.",
            f'If you like: {first}{name}. IN TXT "v=BIMI1; l=https://www.{domain}/logo.svg"',
        )
    elif len(texts) > 1 or (wrong := _bimi_fault(texts[0])):
        what = f"{len(texts)} records" if len(texts) > 1 else wrong
        yield BIMI.warn(
            f"{name} can't be used: {what}.", "Leave one, with l= an https address of an SVG.", " | ".join(texts)
        )
    elif not enforced:
        yield BIMI.warn(
            "The logo (BIMI) is not shown: DMARC only watches.", "Write p=quarantine or p=reject.", texts[0]
        )
    else:
        yield BIMI.ok("A logo (BIMI) is published.", texts[0])


def _bimi_fault(text: str) -> str:
    try:
        tags = read_tags(text)
    except TagError as error:
        return str(error)
    place = tags.get("l")
    if place is None:
        return "it has no l="
    path = place.partition("?")[0].lower()
    if place and not (path.startswith("https://") and path.endswith((".svg", ".svgz"))):
        return f"l={place[:60]} is no https address of an SVG"
    return ""
