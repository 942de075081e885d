"""Complaints by mail: feedback reports (RFC 5965), as most providers send them, and Outlook.com's own form (JMRP)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.deliver.hearing.mime import Part, read_fields

REPORT = "message/feedback-report"
COMPLAINTS = frozenset({"abuse", "fraud", "other", "opt-out", "opt-out-list"})
"""Types by which somebody says that they don't want our mail; ``not-spam`` and failures of signatures are none."""
_OUTLOOK = re.compile(r"@(?:hotmail|outlook|live|microsoft)\.[a-z.]{2,10}\b", re.IGNORECASE)
_RECIPIENT = "x-hmxmroriginalrecipient"


@dataclass(frozen=True, slots=True)
class Complaint:
    """``unwanted``: whether it says that somebody does not want our mail. ``kind`` is the report's own word."""

    unwanted: bool
    kind: str
    sender: str = ""
    """The envelope's sender of the mail complained of, where the report tells it."""
    addresses: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)


def read_complaint(mail: Part) -> Complaint | None:
    """The complaint that a mail is; None where it is none."""
    report = next((part for part in mail.own() if part.kind == REPORT), None)
    if report is not None:
        fields = dict(reversed(read_fields(report.text)))
        kind = fields.get("feedback-type", "").strip().lower()[:40]
        sender = fields.get("original-mail-from", "").strip().strip("<>")[:400]
        to = tuple(value.strip().strip("<>") for value in (fields.get("original-rcpt-to", ""),) if value)
        return Complaint(kind in COMPLAINTS, kind or "unknown", sender, to, fields)
    return _outlook(mail)


def _outlook(mail: Part) -> Complaint | None:
    """Outlook.com attaches the mail as it was, with whom it was for in a header of its own."""
    if not _OUTLOOK.search(mail.header("from")[:400]):
        return None
    for part in mail.own():
        for inner in part.parts if part.kind == "message/rfc822" else ():
            if who := inner.header(_RECIPIENT):
                return Complaint(True, "abuse", inner.header("return-path").strip().strip("<>"), (who.strip("<> "),))
    return None
