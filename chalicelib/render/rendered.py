"""What rendering makes, kept apart from how: letters need no template engine."""

from dataclasses import dataclass
from urllib.parse import quote

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


def archive_url(site: Site, content: Content, language: str) -> str:
    """Where an edition stands on the web: ``<base_url>/archive/<newsletter>/<slot>/<language>``."""
    path = "/".join(quote(part, safe="") for part in (content.newsletter, content.slot, language))
    return ascii_url(f"{site.base_url.rstrip('/')}/archive/{path}")
