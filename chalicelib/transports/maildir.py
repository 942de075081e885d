"""A Maildir instead of a provider: for trying things out, and for an inbox page on one machine.

Files are what mail clients expect of a Maildir: LF line ends, and above the message what a delivery
agent adds: Return-Path (RFC 5321 section 4.4) and Delivered-To with the envelope's recipient.
"""

import asyncio
import email
import email.policy
import os
import re
import socket
import time
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from itertools import count
from pathlib import Path

from chalicelib.errors import StoreUnavailableError, TransportUnavailableError
from chalicelib.transports import Fate, Mail, Outcome
from chalicelib.transports.envelope import envelope_problem

_FOLDERS = ("tmp", "new", "cur")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._,:=+-]{0,200}")
_RECIPIENT = re.compile(rb"^Delivered-To: ([^\r\n]*)", re.MULTILINE)
MAX_ENVELOPE = 2000
"""Bytes in which a mail's envelope stands: two lines of at most an address each."""
_UNSAFE_HOST = re.compile(r"[^A-Za-z0-9.-]")


class MaildirTransport:
    """Delivers into one Maildir, which it makes where there is none."""

    name = "maildir"

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._numbers = count(1)
        self._host = _UNSAFE_HOST.sub("_", socket.gethostname())[:60] or "localhost"

    async def send_wave(self, mails: Sequence[Mail]) -> list[Outcome]:
        """See ``Transport``. On a full or read-only disk the rest of the wave is deferred."""
        if not mails:
            return []
        return await asyncio.to_thread(self._deliver_all, mails)

    async def aclose(self) -> None:
        """See ``Transport``: nothing is held open."""

    def _deliver_all(self, mails: Sequence[Mail]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        broken: OSError | None = None
        for mail in mails:
            if broken is None:
                try:
                    outcomes.append(self._deliver(mail))
                    continue
                except OSError as error:
                    broken = error
            outcomes.append(Outcome(Fate.DEFERRED, f"the Maildir can't be written: {broken.strerror}"[:200]))
        written = any(outcome.fate is Fate.SENT for outcome in outcomes)
        if broken and not written:
            raise TransportUnavailableError(
                f"The Maildir {self._directory} can't be written: {broken.strerror}",
                "Make room or give write access; nothing was handed over.",
            ) from broken
        return self._settled(outcomes) if written else outcomes

    def _deliver(self, mail: Mail) -> Outcome:
        problem = envelope_problem(mail)
        if problem:
            return Outcome(Fate.FAILED, problem)
        self._make_folders()
        name = self._unique_name()
        draft = self._directory / "tmp" / name
        try:
            _write_whole(draft, _with_envelope(mail))
            draft.rename(self._directory / "new" / name)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        return Outcome(Fate.SENT, "", name)

    def _make_folders(self) -> None:
        """For the owner alone. Looked at for each mail: somebody may empty an inbox by deleting it."""
        if not all((self._directory / folder).is_dir() for folder in _FOLDERS):
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            for folder in _FOLDERS:
                (self._directory / folder).mkdir(exist_ok=True, mode=0o700)

    def _unique_name(self) -> str:
        """Time, process, number: unique on this machine, and sorted in the order of delivery."""
        now = time.time_ns()
        seconds, micros = divmod(now // 1000, 1_000_000)
        return f"{seconds}.M{micros:06}P{os.getpid()}Q{next(self._numbers):06}.{self._host}"

    def _settled(self, outcomes: list[Outcome]) -> list[Outcome]:
        """The renames reach the disk before anybody is told that the mails are delivered."""
        try:
            handle = os.open(self._directory / "new", os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            doubt = Outcome(Fate.IN_DOUBT, f"the Maildir may not have kept it: {error.strerror}"[:200])
            return [doubt if outcome.fate is Fate.SENT else outcome for outcome in outcomes]
        return outcomes


def _with_envelope(mail: Mail) -> bytes:
    head = f"Return-Path: <{mail.sender}>\nDelivered-To: {mail.recipient}\n"
    return head.encode("ascii", "replace") + mail.content.replace(b"\r\n", b"\n")


def _write_whole(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read_maildir(directory: Path) -> list[tuple[str, Path]]:
    """Name and file of each mail, the oldest first. Empty where there is no Maildir."""
    found = [
        (entry.name, entry)
        for folder in ("new", "cur")
        if (directory / folder).is_dir()
        for entry in (directory / folder).iterdir()
        if _NAME.fullmatch(entry.name) and entry.is_file() and not entry.is_symlink()
    ]
    return sorted(found, key=lambda item: _delivered(item[0]))


def _delivered(name: str) -> tuple[int, str]:
    seconds = name.partition(".")[0]
    return (int(seconds) if seconds.isdecimal() else 0, name)


def read_mail(directory: Path, name: str) -> EmailMessage | None:
    """The mail of that name (flags such as ``:2,S`` included), or None: ``name`` may come from anyone."""
    if not _NAME.fullmatch(name):
        return None
    for folder in ("new", "cur"):
        path = directory / folder / name
        if path.is_file() and not path.is_symlink():
            return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    return None


def delete_mails(directory: Path, wanted: Callable[[str], bool]) -> int:
    """Delete the mails whose envelope's recipient is ``wanted``; how many. Raises StoreUnavailableError."""
    gone = 0
    for _, path in read_maildir(directory):
        try:
            with path.open("rb") as file:
                head = file.read(MAX_ENVELOPE)
            recipient = _RECIPIENT.search(head)
            if recipient and wanted(recipient[1].decode("ascii", "replace")):
                path.unlink()
                gone += 1
        except FileNotFoundError:
            continue  # a mail program moved it, or deleted it
        except OSError as error:
            raise StoreUnavailableError(
                f"The mail {path} can't be read or deleted: {error.strerror}.", "Give access to the Maildir."
            ) from None
    return gone


__all__ = ["MaildirTransport", "delete_mails", "read_mail", "read_maildir"]
