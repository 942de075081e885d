"""A Maildir as the inbox of bounces: what nobody has seen is read, and kept in ``cur/`` marked as seen.

Other programs may work on it at the same time: names change under one's hands, and nothing is ever written over.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from chalicelib.deliver.hearing.inboxes import READ_BYTES
from chalicelib.errors import InboxError

_INFO = ":2,"
"""What parts a mail's name from its flags, which are letters in their order (https://cr.yp.to/proto/maildir.html)."""


class MaildirInbox:
    """One Maildir. A file that is none of a mail (a link, a pipe) is left alone."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def mails(self) -> Iterator[tuple[str, bytes]]:
        """See Inbox. The oldest first, as far as names tell; one that can't be read is named after all others."""
        trouble: OSError | None = None
        for name in self._unseen():
            try:
                content = self._read(name)
            except FileNotFoundError:
                continue  # another program was first
            except OSError as error:
                trouble = error
                continue
            if content is not None:
                yield name, content
        if trouble:
            raise self._trouble(trouble)

    def done(self, name: str) -> None:
        """See Inbox."""
        base, _, flags = name.partition("/")[2].partition(_INFO)
        marked = "".join(sorted({*flags, "S"}))
        target = self._directory / "cur" / f"{base}{_INFO}{marked}"
        while os.path.lexists(target):
            base += "_"
            target = self._directory / "cur" / f"{base}{_INFO}{marked}"
        try:
            (self._directory / name).rename(target)
        except FileNotFoundError:
            return  # another program was first
        except OSError as error:
            raise self._trouble(error) from None

    def close(self) -> None:
        """See Inbox: nothing is held open."""

    def _unseen(self) -> list[str]:
        found: list[str] = []
        for folder in ("new", "cur"):
            try:
                with os.scandir(self._directory / folder) as entries:  # in cur/ lies all that ever came
                    names = [entry.name for entry in entries]
            except OSError as error:
                raise self._trouble(error) from None
            found += [f"{folder}/{name}" for name in names if not name.startswith(".") and not _seen(name)]
        return sorted(found, key=lambda name: name.partition("/")[2])

    def _read(self, name: str) -> bytes | None:
        path = self._directory / name
        if path.is_symlink() or not path.is_file():
            return None
        with path.open("rb") as file:
            return file.read(READ_BYTES)

    def _trouble(self, error: OSError) -> InboxError:
        return InboxError(
            f"The Maildir of bounces can't be read: {error.filename or self._directory}: {error.strerror}.",
            "Make it readable and writable for this user, or name another one in SENDBRIEF_BOUNCES.",
        )


def _seen(name: str) -> bool:
    flags = name.partition(_INFO)[2]
    return "S" in flags or "T" in flags
