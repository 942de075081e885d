"""A mail that came back, read: which of our mails it is about, and what it says of it. Pure."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from itertools import islice

from chalicelib.deliver.hearing.arf import Complaint, read_complaint
from chalicelib.deliver.hearing.dsn import Bounce, read_bounce
from chalicelib.deliver.hearing.mime import Part, parse_mail, read_fields
from chalicelib.deliver.hearing.references import Reference, Resolve, read_reference
from chalicelib.deliver.hearing.replies import is_auto_reply
from chalicelib.deliver.hearing.values import GOOD, Heard, Signer, nameless
from chalicelib.deliver.ledger import MAX_REASON, News

OLDEST = timedelta(days=30)
"""How long ago a notification may claim to be written; servers give up after a week."""
_RETURNED = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers",
                       "message/global-headers"})  # fmt: skip
_TO = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to")
_MESSAGE_ID = re.compile(r"^[ \t>]{0,20}(?:x-)?message-id:\s{0,20}<?([^<>\s]{1,400})", re.IGNORECASE | re.MULTILINE)
_BETWEEN = re.compile(r"[\s<>,;\"]+")
_MOST = 20


class Verdict(StrEnum):
    """What a mail was taken for."""

    HEARD = "heard"
    FOREIGN = "not ours"
    """A bounce or complaint without a signature of ours: of another sender's mail, or forged."""
    AUTO_REPLY = "auto-reply"
    LATE = "late or passed on"
    NOTHING = "nothing of ours to hear"


@dataclass(frozen=True, slots=True)
class Read:
    """A mail as it was understood; ``heard`` only with the verdict HEARD."""

    verdict: Verdict
    heard: Heard | None = None


def read_mail(
    raw: bytes, signer: Signer, now: datetime, *, recipient: str = "", resolve: Resolve = lambda _: ""
) -> Read:
    """What a mail says of one of ours. ``recipient`` is whom it was delivered to, where that is known from outside.

    It raises nothing, whatever the bytes are, and without a valid signature of ours it says nothing.
    """
    mail = parse_mail(raw)
    complaint = read_complaint(mail)
    if complaint is not None:
        return _complained(complaint, mail, signer, now, resolve) if complaint.unwanted else Read(Verdict.NOTHING)
    bounce = read_bounce(mail)
    if bounce is None:
        return Read(Verdict.AUTO_REPLY if is_auto_reply(mail) else Verdict.NOTHING)
    if not bounce.failed and not bounce.delivered:
        return Read(Verdict.LATE)
    named = [recipient, *_recipients(mail), *_message_ids(mail)]
    reference = _first(named, signer, resolve)
    return Read(Verdict.HEARD, _bounced(bounce, reference, mail, now)) if reference else Read(Verdict.FOREIGN)


def _complained(complaint: Complaint, mail: Part, signer: Signer, now: datetime, resolve: Resolve) -> Read:
    reference = _first([complaint.sender, *_message_ids(mail)], signer, resolve)
    if reference is None:
        return Read(Verdict.FOREIGN)
    words = nameless(f"complaint: {complaint.kind}", complaint.addresses)
    return Read(Verdict.HEARD, _heard(News.COMPLAINED, "arf", reference, words, _moment(mail, now)))


def _bounced(bounce: Bounce, reference: Reference, mail: Part, now: datetime) -> Heard:
    kind = News.BOUNCED if bounce.failed else News.DELIVERED
    words = "" if kind in GOOD else nameless(bounce.words or "it came back", bounce.addresses)
    return _heard(kind, "dsn", reference, words, _moment(mail, now), gone=bounce.gone)


def _heard(kind: News, source: str, about: Reference, words: str, at: datetime, *, gone: bool = False) -> Heard:
    """Of the same mail one bounce of each kind counts, however many notifications come of it.

    An envelope's address tells of a notice only whom it was for: those of one day count as one.
    """
    day = f"{at:%Y-%m-%d}" if about.sid else ""
    same = f"{source}:{kind}:{gone}:{about.edition}:{about.chunk}:{about.position}:{about.sid}{day}"
    return Heard(
        kind=kind,
        at=at,
        raw_id=hashlib.sha256(same.encode("utf-8", "replace")).hexdigest()[:16],
        edition=about.edition,
        chunk=about.chunk,
        position=about.position,
        sid=about.sid,
        reason=words[:MAX_REASON],
        permanent=gone,
        excerpt=words,
        source=source,
    )


def _first(named: list[str], signer: Signer, resolve: Resolve) -> Reference | None:
    return next((found for one in named if one and (found := read_reference(one, signer, resolve))), None)


def _recipients(mail: Part) -> Iterator[str]:
    """Whom a mail was delivered to: the envelope's recipient, as delivery agents write it down."""
    for name in _TO:
        for value in list(mail.all(name))[:_MOST]:
            yield from [word for word in _BETWEEN.split(value) if "@" in word][:_MOST]


def _message_ids(mail: Part) -> Iterator[str]:
    """Message-IDs of the mail that came back: of the copy that is attached, then of one that is pasted in."""
    parts = list(mail.own())
    for part in parts:
        if part.kind in _RETURNED:
            inner = part.parts[0].headers if part.parts else read_fields(part.text)
            yield from (value for name, value in inner if name in ("message-id", "x-message-id"))
            if inner:
                yield from (value for name, value in inner if name == "return-path")
    for part in parts:
        if part.kind.startswith("text/") or part.kind in _RETURNED:
            yield from (found[1] for found in islice(_MESSAGE_ID.finditer(part.text), _MOST))


def _moment(mail: Part, now: datetime) -> datetime:
    try:
        moment = parsedate_to_datetime(mail.header("date")[:100])
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return now
    return moment if now - OLDEST <= moment <= now else now
