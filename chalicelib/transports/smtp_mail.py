"""A mail as SMTP takes it: an envelope that can't carry a command, content that can't end early."""

import re
from functools import lru_cache
from typing import NamedTuple

from chalicelib.transports import Fate, Mail, Outcome
from chalicelib.transports.envelope import envelope_problem

_QUEUE_ID = re.compile(
    r"queued as ([\w.+/=-]+)|\bid=([\w.+/=-]+)|([\w.-]+) Message accepted|^(?:2\.0\.0 )?Ok ([\w.-]{16,})",
    re.IGNORECASE,
)
_NAME = re.compile(r"[\w.+/=-]+")
_MAX_LINE = 512
"""Characters of a reply's line (RFC 5321 section 4.5.3.1.5): what is longer is not searched for a name."""
_HARMLESS = bytes(set(range(1, 128)) - set(b"\r\n"))
_NEVER = b"\0" + bytes(range(128, 256))


class Prepared(NamedTuple):
    """What goes over the wire: command lines and the dot-stuffed content, without its final dot."""

    sender: bytes
    recipient: bytes
    content: bytes


def prepare(mail: Mail, limit: int | None, *, stuff: bool = True) -> Prepared | Outcome:
    """Ready to send, or the refusal. ``limit`` is the server's SIZE in bytes (RFC 1870); BDAT wants no dots stuffed."""
    content = mail.content
    wrong = envelope_problem(mail) or _wrong_size(content, limit)
    if not wrong and not mail.clean:
        wrong = _wrong_content(content)
        content = stuffed(content) if stuff else _ended(content)
    if wrong:
        return Outcome(Fate.FAILED, wrong)
    return Prepared(_sender(mail.sender), b"RCPT TO:<%b>\r\n" % mail.recipient.encode("ascii"), content)


@lru_cache(maxsize=64)
def _sender(address: str) -> bytes:
    """The same for whole editions."""
    return b"MAIL FROM:<%b>" % address.encode("ascii")


def stuffed(content: bytes) -> bytes:
    """With dots at line starts doubled (RFC 5321 section 4.5.2) and a line end at the end."""
    if b"\r\n." in content:
        content = content.replace(b"\r\n.", b"\r\n..")
    if content.startswith(b"."):
        content = b"." + content
    return _ended(content)


def _ended(content: bytes) -> bytes:
    return content if content.endswith(b"\r\n") or not content else content + b"\r\n"


def _wrong_size(content: bytes, limit: int | None) -> str:
    if limit and len(content) > limit:
        return f"{len(content)} bytes are more than the {limit} the server takes"
    return ""


def _wrong_content(content: bytes) -> str:
    # One pass drops all that is harmless; what stays must be line ends and nothing else.
    rest = content.translate(None, _HARMLESS)
    if rest != b"\r\n" * (len(rest) // 2):
        # A lone CR or LF before a dot ends a mail for some servers: what follows would be commands.
        ends = rest.translate(None, _NEVER)
        lone = ends != b"\r\n" * (len(ends) // 2)
        return "the content has a line end other than CRLF" if lone else "the content is not plain ASCII"
    return ""


def queue_id(text: str) -> str:
    """The server's name for what it took, out of its 250; '' where it gives none."""
    text = text[:_MAX_LINE]
    at = text.find("queued as ")
    if at >= 0 and (name := _NAME.match(text, at + 10)):
        return name[0][:100]  # Postfix's words, and many others'
    found = _QUEUE_ID.search(text)
    return next(filter(None, found.groups()), "")[:100] if found else ""


__all__ = ["Prepared", "prepare", "queue_id", "stuffed"]
