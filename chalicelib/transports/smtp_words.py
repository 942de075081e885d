"""What a server's reply says of one mail: taken, refused for good or for now, or nothing at all. Pure."""

import re

from chalicelib.transports import Fate, Outcome
from chalicelib.transports.smtp_mail import queue_id
from chalicelib.transports.smtp_session import NEEDS_SETTING
from chalicelib.transports.smtp_wire import Reply

_SENT = Outcome(Fate.SENT)
_NO_ID = 16
"""Bytes of a reply that has no room for a queue id: ``250 2.0.0 Ok``."""
_OF_THE_DIALOGUE = NEEDS_SETTING | {500, 502, 503}
"""A command is unknown or out of turn, or TLS or AUTH is wanted."""
_OF_THE_SENDER = re.compile(r"5\.1\.[78]\b")
_OF_THE_SIZE = re.compile(r"5\.(?:2\.3|3\.4)\b")
_POLICY = re.compile(r"5\d\d 5\.7\.\d")
_GREETING, _FAREWELL = 220, 221


def refusal(reply: Reply, *, of_sender: bool = False) -> Outcome:
    """RFC 5321 section 4.2.1: 5xx for good, 4xx for now; ``of_sender``: it is the answer to MAIL.

    Also 552 is for good: section 4.5.3.1.10 reads it as 452 where it means too many recipients, and here
    a mail has one. What no reader can help would be said of all of them: it fails none, and is deferred.
    """
    for_good = reply.code >= 500 and not _is_of_us(reply, of_sender)
    return Outcome(Fate.FAILED if for_good else Fate.DEFERRED, reply.reason)


def _is_of_us(reply: Reply, of_sender: bool) -> bool:
    """Refused is who sends, or how; RFC 3463 has codes for that, since many servers tell the sender at RCPT only."""
    if reply.code in _OF_THE_DIALOGUE or _OF_THE_SENDER.match(reply.text):
        return True
    return of_sender and reply.code != 552 and not _OF_THE_SIZE.match(reply.text)


def is_unwelcome(outcome: Outcome) -> bool:
    """Whether the server refused, for good, what may be ours: the sender, the dialogue, or something by its policy.

    The last (5.7.x) may be of one reader as well, and so has failed them: it is of all only where it is said to all.
    """
    if outcome.fate is Fate.DEFERRED:
        return outcome.reason.startswith("5")
    return outcome.fate is Fate.FAILED and _POLICY.match(outcome.reason) is not None


def verdict(reply: Reply) -> Outcome:
    """What the answer to the end of the content says. A greeting or a farewell says nothing of the mail."""
    if reply.code >= 400:
        return refusal(reply)
    if reply.code >= 300 or reply.code in (_GREETING, _FAREWELL):
        return Outcome(Fate.IN_DOUBT, reply.reason)
    name = queue_id(reply.text)
    return Outcome(Fate.SENT, "", name) if name else _SENT


def accepted(line: bytes) -> Outcome:
    """The same for a single line that begins with ``250 ``."""
    if len(line) <= _NO_ID:
        return _SENT
    return Outcome(Fate.SENT, "", queue_id(line[4:].decode("ascii", "replace")))


__all__ = ["accepted", "is_unwelcome", "refusal", "verdict"]
