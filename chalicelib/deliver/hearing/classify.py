"""What a server's status and words say of a mailbox: whether it is gone, or only did not take this mail."""

import re
from dataclasses import dataclass

GONE = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""Enhanced codes (RFC 3463; 5.1.10 RFC 7505) of an address that takes no mail any more. All others, of full mailboxes,
of content, policy, routing and size, say nothing of the next mail."""
SAYS_NOTHING = frozenset({"5.0.0", "5.1.0", "5.2.0", "5.3.0", "5.4.1", "5.5.0"})
"""What servers give that have no code for why: their words decide. 5.4.1 is Exchange Online's for unknown users too."""
_ENHANCED = re.compile(r"(?<![\d.])([245])\.(0{0,2}[0-7])\.(\d{1,3})(?!\d|\.\d)")
"""Subjects end at 7 (RFC 3463): ``Exim 4.94.2`` is no code."""
_BASIC = re.compile(r"(?<![\d.])([45][0-5]\d)(?![\d.])[ -]")
"""Replies that refuse: what a server said before, such as 220, is none of them."""
_UNKNOWN = re.compile(
    r"user unknown|unknown user|no such user|no mailbox here|mailbox not found|user not found|does not exist|"
    r"doesn't exist|no such recipient|recipient unknown|unknown recipient|unrouteable address|unknown local[- ]part|"
    r"no such address|address unknown|invalid mailbox|mailbox unavailable|no longer available|"
    r"does not accept mail|doesn't have an? .{1,40} account|recipient address rejected: access denied|"
    r"unbekannter empf|existiert nicht",
    re.IGNORECASE,
)
_PASSES = re.compile(
    r"quota|mailbox (?:is )?full|over ?limit|\brate\b|too many|spam|reputation|black ?list|block ?list|blocked|"
    r"greylist|temporar|policy|storage|exceed|insufficient|try again|\bsender (?:address|domain|verif|rejected|is|not)|"
    r"of sender|\b(?:dmarc|spf|dkim|rbl|dnsbl|helo|ehlo|ptr)\b|authenticat",
    re.IGNORECASE,
)
"""Full mailboxes, what is wrong with the sender or the content, and what may go next time."""
_PASSING = re.compile(r"4\.|5\.(?:2\.[2-4]|3\.[124]|6\.|7\.)")
"""Codes of the same: full, too large, content, policy."""
MOST_WORDS = 4000
"""Characters of a server's words that are looked at."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """``code`` is the status found, '' for none. ``gone``: the mailbox itself is. ``failed``: this mail was refused."""

    code: str
    gone: bool
    failed: bool


def judge(status: str, words: str, *, sure: bool = False) -> Judgement:
    """What an enhanced status (``5.1.1``; '' where none was given) and a server's words say together.

    Cautious where they disagree: who is taken for gone is not written to any more, so it takes a code or words that say
    so, and none that speak of quotas, rates, spam or policy, which pass. ``sure``: a failure even without any code.
    """
    words = words[:MOST_WORDS]
    code = _code(status)
    if code in ("", *SAYS_NOTHING):
        code = _code(words) or code
    basic = _BASIC.search(f"{words} ")
    plain = basic[1] if basic else ""
    failed = (code or plain)[:1] == "5" or (sure and not (code or plain))
    says_so = code in GONE or (code in ("", *SAYS_NOTHING) and failed and _UNKNOWN.search(words) is not None)
    return Judgement(code or plain, says_so and not _PASSES.search(words), failed)


def passes(status: str, words: str) -> bool:
    """Whether what a server said speaks of something else than the mailbox, whatever somebody else made of it."""
    code = _code(status) or _code(words)
    return _PASSING.match(code) is not None or _PASSES.search(words[:MOST_WORDS]) is not None


def _code(text: str) -> str:
    found = _ENHANCED.search(text)
    return f"{found[1]}.{int(found[2])}.{int(found[3])}" if found else ""
