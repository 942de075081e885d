"""Where evidence of mails in doubt is looked for: the mail server's log, and a folder that gets a copy of each."""

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from chalicelib.audience.tokens import MailTokens, Secrets
from chalicelib.deliver.doubts import Doubt, Place
from chalicelib.deliver.hearing.imap import ImapInbox
from chalicelib.deliver.hearing.inboxes import SETTING, imap_place
from chalicelib.deliver.hearing.references import edition_reference, read_reference
from chalicelib.deliver.ledger import News
from chalicelib.deliver.maillog import Evidence, LogReader
from chalicelib.errors import ConfigurationError, InboxError

SENT_FOLDER = "SENDBRIEF_SENT_FOLDER"
MAIL_LOG = "SENDBRIEF_MAIL_LOG"
LINE = 65_536


def look_in_log(path: Path, edition: str, doubts: Iterable[Doubt], secrets: Secrets) -> Mapping[Place, Evidence]:
    """What a log and those rotated beside it (``mail.log.1``, ``mail.log.2.gz``) say of mails in doubt.

    Older files than the oldest doubt are left out. Raises ConfigurationError where the log can't be read.
    """
    wanted = {doubt.place: doubt for doubt in doubts}
    signer = MailTokens(secrets)

    def whose(message_id: str) -> Place | None:
        reference = read_reference(message_id, signer)
        place = (reference.chunk, reference.position) if reference and reference.edition == edition else None
        return place if place in wanted else None

    reader = LogReader(whose)
    moments = [datetime.fromisoformat(doubt.since).timestamp() for doubt in wanted.values() if doubt.since]
    _read_all(reader, path, min(moments, default=0.0))
    return reader.found


def look_through_log(path: Path, since: float, secrets: Secrets) -> Mapping[str, Mapping[Place, Evidence]]:
    """What a log, with those rotated beside it after ``since`` (epoch seconds), says of all mails, by their editions.

    Raises ConfigurationError where it can't be read.
    """
    signer, found = MailTokens(secrets), dict[str, dict[Place, Evidence]]()

    def whose(message_id: str) -> tuple[str, int, int] | None:
        reference = read_reference(message_id, signer)
        return (reference.edition, reference.chunk, reference.position) if reference and reference.edition else None

    reader = LogReader(whose)
    _read_all(reader, path, since)
    for (edition, chunk, position), evidence in reader.found.items():
        found.setdefault(edition, {})[chunk, position] = evidence
    return found


def _read_all(reader: LogReader[Any], path: Path, since: float) -> None:
    try:
        for file in _rotated(path, since):
            reader.read(_lines(file))
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigurationError(f"The log {path} can't be read: {error}.", f"Check {MAIL_LOG}.") from None


def _rotated(path: Path, since: float) -> list[Path]:
    """The log and its older parts, the oldest first."""
    if not path.is_file():
        raise ConfigurationError(f"There is no log {path}.", f"Check {MAIL_LOG}.")
    parts = [one for one in path.parent.iterdir() if one.name.startswith(path.name) and one.is_file()]
    known = [one for one in parts if one.suffix not in {".xz", ".bz2", ".zst"}]
    return sorted((one for one in known if one.stat().st_mtime >= since), key=lambda one: one.stat().st_mtime)


def _lines(path: Path) -> Iterator[str]:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        while line := file.readline(LINE):
            yield line.decode("utf-8", "replace")


class SentFolder(ImapInbox):
    """A folder that is searched for mails, and not changed."""

    def has(self, part: str) -> bool:
        """Whether a mail lies there whose Message-ID has this part."""
        with self._asking() as server:
            kind, found = server.uid("SEARCH", "HEADER", "Message-ID", f'"{part}"')
            return kind == "OK" and any(line.split() for line in found if isinstance(line, bytes))


def look_in_folder(
    url: str, edition: str, places: Iterable[Place], folder: Callable[[str], SentFolder] | None = None
) -> Mapping[Place, Evidence]:
    """Which mails lie in a folder of an IMAP server: these went out. Raises InboxError, ConfigurationError."""
    found: dict[Place, Evidence] = {}
    opened: SentFolder | None = None
    try:
        opened = folder(url) if folder else SentFolder(imap_place(url))
        for place in places:
            if opened.has(f"<{edition_reference(edition, *place)}."):
                found[place] = Evidence(News.SENT)
    except (InboxError, ConfigurationError) as error:
        message = error.message.replace(SETTING, SENT_FOLDER).replace("mailbox of bounces", "folder of sent mails")
        raise type(error)(message, f"Check {SENT_FOLDER}.") from None
    finally:
        if opened:
            opened.close()
    return found


__all__ = ["MAIL_LOG", "SENT_FOLDER", "SentFolder", "look_in_folder", "look_in_log", "look_through_log"]
