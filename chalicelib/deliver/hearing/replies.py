"""Answers that machines give for people: vacation notices and the like (RFC 3834). They are never bounces."""

import re

from chalicelib.deliver.hearing.mime import Part

_MARKS = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-response-suppress", "x-mail-autoreply")
_PRECEDENCE = frozenset({"auto_reply", "bulk", "junk"})
_AWAY = re.compile(
    r"out of (?:the )?office|auto(?:matic|mated)?[ -]?(?:reply|response)|on vacation|away from|abwesen|"
    r"automatische antwort|nicht im b[uü]ro|im urlaub|r[eé]ponse automatique|absence du bureau|respuesta autom",
    re.IGNORECASE,
)


def is_auto_reply(mail: Part) -> bool:
    """Whether a mail that is no report says of itself that a machine answered for somebody."""
    submitted = mail.header("auto-submitted").strip().lower()
    return (
        submitted.startswith("auto-")
        or any(mail.header(name) for name in _MARKS)
        or mail.header("precedence").strip().lower() in _PRECEDENCE
        or says_away(mail)
    )


def says_away(mail: Part) -> bool:
    """Whether its subject says that somebody is away."""
    return _AWAY.search(mail.subject) is not None
