"""A mail that arrived: whether the signature of its sender covers what makes unsubscribing one click (RFC 8058, 4)."""

from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.utils import parseaddr

from chalicelib.doctor.answers import aligned
from chalicelib.doctor.findings import About, Finding, Topic
from chalicelib.doctor.sender import Signing
from chalicelib.doctor.taglists import TagError, read_tags

UNSUBSCRIBE = About(Topic.UNSUBSCRIBE)
NEEDED = ("list-unsubscribe", "list-unsubscribe-post")
ONE_CLICK = "List-Unsubscribe=One-Click"
MAX_SIGNATURES = 20


def _read(raw: bytes) -> Message:
    return message_from_bytes(raw)


def signatures(raw: bytes) -> list[dict[str, str]]:
    """The tags of each DKIM signature that can be read; names of headers in ``h`` as they are."""
    found = []
    for value in _read(raw).get_all("DKIM-Signature", [])[:MAX_SIGNATURES]:
        try:
            found.append(read_tags("".join(str(value).split())))
        except TagError:
            continue
    return found


def sender_domain(raw: bytes) -> str:
    """The domain of From, '' where there is none."""
    return parseaddr(str(_read(raw).get("From", "")))[1].rpartition("@")[2].lower()


def signing_of(raw: bytes, domain: str) -> Signing | None:
    """Who signed a mail for a domain, None where nobody did."""
    found = [tags for tags in signatures(raw) if aligned(tags.get("d", ""), domain) and tags.get("s")]
    if not found:
        return None
    signing = found[0]["d"]
    return Signing(signing, tuple(dict.fromkeys(tags["s"] for tags in found if tags["d"] == signing)))


def check_mail(raw: bytes) -> Iterator[Finding]:
    """What is wrong with how a mail that arrived can be unsubscribed from. Its signature is not verified here."""
    mail, domain = _read(raw), sender_domain(raw)
    if not str(mail.get("List-Unsubscribe", "")).strip():
        yield UNSUBSCRIBE.error("The mail has no List-Unsubscribe.", "Give one of an edition: notices have none.")
        return
    if "".join(str(mail.get("List-Unsubscribe-Post", "")).split()) != ONE_CLICK:
        yield UNSUBSCRIBE.error(
            "The mail has no List-Unsubscribe-Post with one click.", "See what changed it on its way."
        )
    if "<https://" not in str(mail["List-Unsubscribe"]).replace("\n", "").lower():
        yield UNSUBSCRIBE.error(
            "List-Unsubscribe has no https address.", "Let base_url in site.yaml begin with https://."
        )
    ours = [tags for tags in signatures(raw) if aligned(tags.get("d", ""), domain)]
    if not ours:
        named = ", ".join(tags.get("d", "?") for tags in signatures(raw)) or "nobody"
        yield UNSUBSCRIBE.error(
            f"Nobody signed the mail for {domain}: one click is not offered to its reader.",
            f"Have mails signed with d={domain}.",
            f"signed by {named}",
        )
        return
    yield _covered(mail, ours)
    yield from _verdict(mail)


def _covered(mail: Message, ours: list[dict[str, str]]) -> Finding:
    """A name counts as often as it stands in h=: each covers one header more, from below (RFC 6376, 5.4.2)."""
    there = Counter(name.lower() for name in mail.keys())
    lacking = [
        [name for name in NEEDED if Counter(tags.get("h", "").lower().split(":"))[name] < max(there[name], 1)]
        for tags in ours
    ]
    if [] in lacking:
        tags = ours[lacking.index([])]
        return UNSUBSCRIBE.ok(
            f"The signature of {tags['d']} covers unsubscribing with one click.", f"h={tags['h'][:300]}"
        )
    names = " and ".join(lacking[0])
    return UNSUBSCRIBE.error(
        f"The signature of {ours[0]['d']} does not cover {names}: programs offer no one click.",
        f"Let your signer sign {names} (h=).",
        f"h={ours[0].get('h', '')[:300]}",
    )


def _verdict(mail: Message) -> Iterator[Finding]:
    """What the receiving server said of the signature, if it said so: the first header is its own (RFC 8601)."""
    said = "".join(str(mail.get("Authentication-Results", "")).split()).lower()
    for part in said.split(";"):
        if part.startswith(("dkim=fail", "dkim=permerror", "dkim=neutral")):
            yield UNSUBSCRIBE.error(
                "The server that took the mail could not verify its signature.",
                "See what changes mails on their way (a footer, a relay).",
                part[:200],
            )
            return


def no_mail() -> Finding:
    """How to come by a mail to look at."""
    return UNSUBSCRIBE.skipped(
        "Whether the signature covers unsubscribing with one click is seen in a mail that arrived.",
        "Send yourself one (sendbrief proof EDITION --to YOU), save it as it came, and give it with --mail FILE.",
    )
