"""Delivery status notifications: reports (RFC 3464, 6533), and the plain bounces of qmail, Exim and old Exchange."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chalicelib.deliver.hearing.classify import judge
from chalicelib.deliver.hearing.mime import Part, read_fields
from chalicelib.deliver.hearing.replies import says_away

STATUS_KINDS = frozenset({"message/delivery-status", "message/global-delivery-status"})
MAX_RECIPIENTS = 50
_WELL = frozenset({"delivered", "relayed", "expanded"})
_DAEMON = re.compile(
    r"mailer-daemon|postmaster|mail delivery (?:sub)?system|microsoft ?outlook|system administrator", re.IGNORECASE
)
_FAILED = re.compile(
    r"undeliver|delivery status notification|delivery (?:has )?fail|delivery failure|returned mail|failure notice|"
    r"mail delivery failed|returning message to sender|unzustellbar|nicht zugestellt|non remis",
    re.IGNORECASE,
)  # fmt: skip
_DELAYED = re.compile(r"delay|warning: |still being retried|will be retried|verz[oö]ger|keep trying", re.IGNORECASE)
_COPY = re.compile(
    r"^(?:--- (?:below this line|the following|undelivered message)|-{4,6} this is a copy|-{3,}\s?original message|"
    r"-{3,}\s?urspr)",
    re.IGNORECASE | re.MULTILINE,
)
_QMAIL = re.compile(r"\s{0,9}Hi\. This is the .{0,120}(?:qmail-send|at ).{0,200}", re.IGNORECASE)
_NAMED = re.compile(r"<([^<>\s]{1,320}@[^<>\s]{1,255})>")


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a notification says. ``failed``: the mail did not arrive. ``gone``: the mailbox takes none any more.

    ``delivered``: it arrived, as somebody asked to be told. Neither: it is late, or was passed on.
    """

    failed: bool
    gone: bool = False
    delivered: bool = False
    code: str = ""
    words: str = ""
    addresses: tuple[str, ...] = ()


def read_bounce(mail: Part) -> Bounce | None:
    """The bounce that a mail is; None where it is none."""
    status = next((part for part in mail.own() if part.kind in STATUS_KINDS), None)
    return _from_report(status) if status is not None else _from_text(mail)


def _from_report(status: Part) -> Bounce | None:
    found = [_of_recipient(fields) for fields in _recipients(status.text)]
    failed = [one for one in found if one.failed]
    if not found:
        return None
    if failed:
        worst = next((one for one in failed if one.gone), failed[0])
        others_well = len(failed) < len(found)  # an alias of several mailboxes: it is not gone
        return Bounce(True, worst.gone and not others_well, False, worst.code, worst.words, worst.addresses)
    return next((one for one in found if one.delivered), found[0])


def _recipients(text: str) -> Iterator[dict[str, str]]:
    """The fields of each recipient; the block about the whole message comes first, and some servers part no blocks."""
    count = 0
    for block in re.split(r"\n[ \t]*\n", text):
        fields = dict(reversed(read_fields(block)))  # of repeated fields the first one counts
        if "action" in fields or "final-recipient" in fields:
            yield fields
            count += 1
        if count == MAX_RECIPIENTS:
            return


def _of_recipient(fields: Mapping[str, str]) -> Bounce:
    words, status = fields.get("diagnostic-code", ""), fields.get("status", "")
    names = tuple(_address(fields.get(name, "")) for name in ("final-recipient", "original-recipient"))
    addresses = tuple(name for name in names if name)
    action = fields.get("action", "").partition(" ")[0].strip().lower()
    judgement = judge(status, words)
    told = ": ".join(part for part in (judgement.code, words) if part)
    if action in _WELL:
        return Bounce(False, delivered=action == "delivered", words=told, addresses=addresses)
    if action == "failed" or (not action and judgement.failed):
        return Bounce(True, judgement.gone, False, judgement.code, told, addresses)
    return Bounce(False, code=judgement.code, words=told, addresses=addresses)


def _address(field: str) -> str:
    """``rfc822; ada@example.org``, without the type."""
    kind, parted, rest = field.partition(";")
    return (rest if parted else kind).strip().strip("<>")[:320]


def _from_text(mail: Part) -> Bounce | None:
    """A bounce in plain words. It must look like one from outside; a code, or the sender's form, must say it failed."""
    if mail.kind not in {"text/plain", "multipart/mixed", "multipart/alternative", "multipart/report"}:
        return None
    text = next((part.text for part in mail.own() if part.kind == "text/plain" and part.text.strip()), "")
    text = text[:20_000]
    copy = _COPY.search(text)
    words = text[: copy.start()] if copy else text[:4000]
    known = bool(_QMAIL.match(text)) or bool(mail.header("x-failed-recipients"))
    if not known and not _looks_returned(mail):
        return None
    addresses = tuple(_NAMED.findall(words)[:MAX_RECIPIENTS])
    listed = mail.header("x-failed-recipients").split(",")[:MAX_RECIPIENTS]
    addresses += tuple(one.strip()[:320] for one in listed if one.strip())
    if _DELAYED.search(mail.subject):
        return Bounce(False, words=_short(words), addresses=addresses)
    judgement = judge("", words, sure=known)
    if not known and not judgement.failed:
        return None
    return Bounce(True, judgement.gone, False, judgement.code, _short(words), addresses)


def _looks_returned(mail: Part) -> bool:
    sender, subject = mail.header("from")[:400], mail.subject
    nobody = mail.header("return-path").strip() in ("<>", "") or "mailer-daemon" in mail.header("return-path").lower()
    return bool(nobody and _DAEMON.search(sender) and _FAILED.search(subject) and not says_away(mail))


def _short(words: str) -> str:
    """From the first code on, where there is one: what stands before it is the program's greeting."""
    found = re.search(r"(?<![\d.])[45]\.\d{1,3}\.\d{1,3}|(?<![\d.])[45][0-5]\d[ -]", words)
    start = max(found.start() - 200, 0) if found else 0
    return words[start : start + 600]
