"""The mailbox that bounces come to: what it is asked, and where SENDBRIEF_BOUNCES says that it is."""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, Protocol
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from chalicelib.deliver.hearing.mime import MAX_MAIL
from chalicelib.errors import ConfigurationError

SETTING = "SENDBRIEF_BOUNCES"
IMAPS_PORT, IMAP_PORT = 993, 143
READ_BYTES = MAX_MAIL
_FORM = (
    "It reads maildir:/path/to/Maildir or imaps://user:password@host/INBOX; write @ / # ? % : in a password as %40 …"
)
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")
_PLAIN = re.compile(r"[ !#$'-\[\]^-~]{1,200}")
"""Characters of a folder's name: ASCII without quotes, backslashes, wildcards and the & of other alphabets."""
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Inbox(Protocol):
    """Mails that nobody has read yet. Raises InboxError where it can't be read."""

    def mails(self) -> Iterator[tuple[str, bytes]]:
        """The name of each mail in this inbox, and its first megabyte. Those that are done meanwhile may stay away."""
        ...

    def done(self, name: str) -> None:
        """Take a mail for read; it is kept, marked as seen."""
        ...

    def close(self) -> None:
        """Give the connection back; the inbox may be used again."""
        ...


@dataclass(frozen=True, slots=True)
class ImapPlace:
    """An account and a folder. ``move`` is where mails go that were heard; '' leaves them, marked as seen."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    tls: bool = True
    move: str = ""

    @property
    def where(self) -> str:
        """For messages."""
        return f"{self.user} at {self.host}:{self.port}"


def open_inbox(url: str) -> Inbox:
    """The inbox that a URL names; nothing is opened yet. Raises ConfigurationError, which never shows the URL."""
    if url.startswith("maildir:"):
        from chalicelib.deliver.hearing.maildir import MaildirInbox

        return MaildirInbox(_folder(url))
    from chalicelib.deliver.hearing.imap import ImapInbox

    return ImapInbox(imap_place(url))


def imap_place(url: str) -> ImapPlace:
    """What an ``imaps://`` URL says. Raises ConfigurationError, which never shows it: passwords are in it."""
    parts = _split(url)
    if not parts.username or not parts.password or _BAD_ESCAPE.search(parts.username + parts.password):
        _wrong("names no user and password that can be read", _FORM)
    user, password = unquote(parts.username), unquote(parts.password)
    if not (user + password).isprintable():
        _wrong("has a control character in its credentials", _FORM)
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        _wrong("has no number from 1 to 65535 for a port", _FORM)
    if not _HOST.fullmatch(host):
        _wrong("names no host", _FORM)
    tls = parts.scheme == "imaps"
    if not tls and not _loopback(host):
        _wrong("would send a password in the clear", "Use imaps://; imap:// is for this machine only.")
    folder, move = _name(parts.path.strip("/") or "INBOX"), _name(_moved(parts.query)) if parts.query else ""
    return ImapPlace(host, port or (IMAPS_PORT if tls else IMAP_PORT), user, password, folder, tls, move)


def _wrong(what: str, hint: str) -> NoReturn:
    raise ConfigurationError(f"The setting {SETTING} {what}.", hint) from None


def _folder(url: str) -> Path:
    path = Path(unquote(url.removeprefix("maildir:")))
    if not path.is_absolute() or "\0" in str(path):
        _wrong("names no whole path", _FORM)
    return path


def _split(url: str) -> SplitResult:
    if not url.isprintable() or " " in url:
        _wrong("has a blank or control character", _FORM)
    try:
        parts = urlsplit(url)
    except ValueError:
        _wrong("is no URL", _FORM)
    if parts.scheme not in ("imap", "imaps"):
        _wrong("begins with none of maildir:, imaps:// and imap://", _FORM)
    if parts.fragment or "@" in parts.path + parts.query:
        _wrong("has something after the folder", _FORM)
    return parts


def _moved(query: str) -> str:
    options = dict(parse_qsl(query, keep_blank_values=True))
    if list(options) != ["move"]:
        _wrong("has an option that is unknown", "There is one: ?move=FOLDER, where mails go that were heard.")
    return options["move"]


def _name(text: str) -> str:
    name = unquote(text)
    if not _PLAIN.fullmatch(name):
        _wrong("names a folder that can't be asked for", "Give it a name of ASCII letters, digits, blanks and - . _ /.")
    return name


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
