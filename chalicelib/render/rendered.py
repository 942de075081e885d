"""What rendering makes, kept apart from how: letters need no template engine."""

from dataclasses import dataclass
from urllib.parse import quote

from chalicelib.collect.entry import Entry
from chalicelib.compose.edition import Content
from chalicelib.content.values import Site
from chalicelib.render.text import ascii_url


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered variant. Subject, html and text may hold personal tokens until a letter fills them."""

    subject: str
    html: str
    text: str
    preheader: str


@dataclass(frozen=True, slots=True)
class CalendarPart:
    """Events as a file of a mail (RFC 5546). ``pieces`` end with CRLF; between two of them is the reader's line."""

    method: str
    filename: str
    pieces: tuple[str, ...]


def event_url(site: Site, entry: Entry) -> str:
    """Where an event or deadline stands as a calendar file: ``<base_url>/calendar/<entry id>.ics``."""
    return ascii_url(f"{site.base_url.rstrip('/')}/calendar/{quote(entry.id, safe='')}.ics")


def archive_url(site: Site, content: Content, language: str) -> str:
    """Where an edition stands on the web: ``<base_url>/archive/<newsletter>/<slot>/<language>``."""
    path = "/".join(quote(part, safe="") for part in (content.newsletter, content.slot, language))
    return ascii_url(f"{site.base_url.rstrip('/')}/archive/{path}")
