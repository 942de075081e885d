"""Mails to send in tests, and what becomes of them."""

from collections.abc import Sequence

from chalicelib.transports import Fate, Mail, Outcome

SENT, FAILED, DEFERRED, IN_DOUBT = Fate.SENT, Fate.FAILED, Fate.DEFERRED, Fate.IN_DOUBT
SENDER = "news@example.org"


def mail(number: int = 0, *, recipient: str | None = None, content: bytes | None = None) -> Mail:
    """A small complete message; the number tells it from others."""
    to = recipient if recipient is not None else f"reader{number}@example.org"
    return Mail(SENDER, to, content if content is not None else message(number), {"position": str(number)})


def message(number: int, body: bytes = b"Hello.\r\n") -> bytes:
    """Its bytes."""
    head = f"From: News <{SENDER}>\r\nTo: <reader{number}@example.org>\r\nSubject: Number {number}\r\n"
    return (head + f"Message-ID: <{number}@example.org>\r\nX-Test: kept\r\n\r\n").encode() + body


def mails(count: int) -> list[Mail]:
    """That many, numbered from 0."""
    return [mail(number) for number in range(count)]


def fates(outcomes: Sequence[Outcome]) -> list[Fate]:
    """What became of each."""
    return [outcome.fate for outcome in outcomes]
