"""What every transport refuses: an envelope whose addresses could say more than an address."""

import re

from chalicelib.transports import Mail

MAX_PATH = 254
"""RFC 5321 section 4.5.3.1.3, less the angle brackets."""

_PATH = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")


def envelope_problem(mail: Mail) -> str:
    """Why the envelope can't be used: blanks, brackets, control characters, non-ASCII, no ``@``; or ''."""
    # An empty sender is the null reverse-path of automatic answers (RFC 5321 section 4.5.5).
    if mail.sender and not _is_path(mail.sender):
        return "the sender's address is not one that mail can carry"
    if not _is_path(mail.recipient):
        return "the recipient's address is not one that mail can carry"
    return ""


def _is_path(address: str) -> bool:
    return len(address) <= MAX_PATH and _PATH.fullmatch(address) is not None


__all__ = ["MAX_PATH", "envelope_problem"]
