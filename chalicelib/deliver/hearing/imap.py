"""A folder of an IMAP server as the inbox of bounces (RFC 3501): what is unseen is read, then marked or moved.

Certificates are always verified. What the server says is repeated without the password.
"""

import imaplib
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from chalicelib.deliver.hearing.inboxes import READ_BYTES, ImapPlace
from chalicelib.errors import InboxError

TIMEOUT_SECONDS = 30
WINDOW = 10_000
"""Mails looked through at once: imaplib takes no longer lines than a megabyte, which 100,000 UIDs may have."""
_TROUBLE = (imaplib.IMAP4.error, OSError, ValueError, TypeError)
"""The last two: a server that counts in no numbers, or not at all."""


class ImapInbox:
    """One folder. It connects when first asked, and again after ``close``."""

    def __init__(self, place: ImapPlace) -> None:
        self._place = place
        self._connection: imaplib.IMAP4 | None = None

    def mails(self) -> Iterator[tuple[str, bytes]]:
        """See Inbox. Names are UIDs, which live as long as the connection does."""
        for uid in self._unseen():
            if (content := self._fetch(uid)) is not None:
                yield uid, content

    def done(self, name: str) -> None:
        """See Inbox. Without MOVE (RFC 6851) a mail stays where it is, marked as seen."""
        with self._asking() as server:
            _answer(server.uid("STORE", name, "+FLAGS.SILENT", r"(\Seen)"))
            if self._place.move and "MOVE" in server.capabilities:
                _answer(server.uid("MOVE", name, _quoted(self._place.move)))

    def close(self) -> None:
        """See Inbox."""
        if self._connection is not None:
            with suppress(*_TROUBLE):
                self._connection.logout()
            self._connection = None

    def _unseen(self) -> list[str]:
        """All UIDs at once: to move mails, as ``done`` may, counts those that follow anew."""
        found: list[Any] = []
        with self._asking() as server:
            count = int(_answer(server.select(_quoted(self._place.folder)))[0])
            for first in range(1, count + 1, WINDOW):
                last = min(first + WINDOW - 1, count)
                found += _answer(server.uid("SEARCH", f"{first}:{last}", "UNSEEN", "UNDELETED"))
        uids = [uid.decode("ascii") for line in found if line for uid in line.split()]
        return [uid for uid in uids if uid.isdigit()]

    def _fetch(self, uid: str) -> bytes | None:
        """A mail without marking it; None where another program took it away."""
        with self._asking() as server:
            found = _answer(server.uid("FETCH", uid, f"(BODY.PEEK[]<0.{READ_BYTES}>)"))
        return next((bytes(part[1]) for part in found if isinstance(part, tuple)), None)

    @contextmanager
    def _asking(self) -> Iterator[imaplib.IMAP4]:
        try:
            if self._connection is None:
                self._connection = self._connect()
            yield self._connection
        except _TROUBLE as error:
            connection, self._connection = self._connection, None
            if connection is not None:
                with suppress(*_TROUBLE):
                    connection.shutdown()
            raise self._told(error) from None

    def _connect(self) -> imaplib.IMAP4:
        place = self._place
        server: imaplib.IMAP4
        if place.tls:
            context = ssl.create_default_context()
            server = imaplib.IMAP4_SSL(place.host, place.port, ssl_context=context, timeout=TIMEOUT_SECONDS)
        else:
            server = imaplib.IMAP4(place.host, place.port, timeout=TIMEOUT_SECONDS)
        try:
            if "AUTH=PLAIN" in server.capabilities:
                server.authenticate("PLAIN", lambda _: f"\0{place.user}\0{place.password}".encode())
            else:
                server.login(place.user, place.password)
            _answer(server.select(_quoted(place.folder)))
        except BaseException:
            with suppress(*_TROUBLE):
                server.shutdown()
            raise
        return server

    def _told(self, error: Exception) -> InboxError:
        words = re.sub(r"[^ -~]+", " ", str(error)).replace(self._place.password, "…")[:160]
        return InboxError(
            f"The mailbox of bounces ({self._place.where}) can't be read: {words or type(error).__name__}.",
            "Check SENDBRIEF_BOUNCES, and that the server is up. It is asked again in a minute.",
        )


def _answer(answer: tuple[str, list[Any]]) -> list[Any]:
    """The data of an answer. Raises imaplib's error where the server refused."""
    kind, data = answer
    if kind != "OK":
        raise imaplib.IMAP4.error(
            b" ".join(part for part in data if isinstance(part, bytes)).decode("utf-8", "replace")
        )
    return data


def _quoted(folder: str) -> str:
    """A quoted string (RFC 3501, 4.3); names have neither quotes nor backslashes."""
    return f'"{folder}"'
