"""A server that reads what a contender sends, before the measuring: each mail must be there and its reader's own."""

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from statistics import mean

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

PEOPLE = 20
"""Readers that each contender sends to for this; more connections than mails are none."""


@dataclass
class Read:
    """What came, by recipient."""

    mails: dict[str, bytes] = field(default_factory=dict)
    count: int = 0

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        """Keep a mail. A second one to the same person shows in the count."""
        self.count += len(envelope.rcpt_tos)
        content = envelope.original_content or b""
        self.mails |= dict.fromkeys(envelope.rcpt_tos, content)
        return "250 OK"

    def size(self) -> float:
        """Mean bytes of a mail. Raises RuntimeError where one is missing, sent twice or not its reader's own."""
        wanted = {f"reader{n}@example.org" for n in range(PEOPLE)}
        if self.count != PEOPLE or set(self.mails) != wanted:
            raise RuntimeError(f"{self.count} mails came for {len(self.mails)} people, of {PEOPLE}.")
        texts = {who: _text(mail) for who, mail in self.mails.items()}
        for who, text in texts.items():
            name = who.partition("@")[0].replace("reader", "Reader ")
            if name not in text or "https://news.example.org/" not in text:
                raise RuntimeError(f"The mail to {who} lacks its name or its link.")
        if len(set(texts.values())) != PEOPLE:
            raise RuntimeError("Two readers got the same text.")
        return mean(map(len, self.mails.values()))


@contextlib.contextmanager
def reader() -> Iterator[tuple[int, Read]]:
    """The server's port on 127.0.0.1, and what it reads."""
    read = Read()
    port = _free_port()
    controller = Controller(read, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield port, read
    finally:
        controller.stop()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _text(mail: bytes) -> str:
    parsed = message_from_bytes(mail, EmailMessage, policy=policy.default)
    return "\n".join(str(part.get_content()) for part in parsed.walk() if part.get_content_maintype() == "text")
