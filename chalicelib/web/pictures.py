"""The picture by which a page is shown where somebody passes it on: what it says, or ''."""

import re
from html import unescape
from urllib.parse import urljoin

from chalicelib.compose.edition import Content
from chalicelib.content.values import Site
from chalicelib.render.text import ascii_url, one_line

_PICTURE = re.compile(r'<img\b[^<>]*?\ssrc="(https://[^"<>]*)"')


def picture_of(site: Site, content: Content, language: str) -> tuple[str, str]:
    """The first picture of an edition's entries and its text, else the site's logo; URLs are https or ''."""
    for entry in content.entries:
        if entry.image and (source := _https(entry.image.src)):
            text = entry.text(language, site.fallback)[1]
            return source, one_line(text.image_alt or entry.image.alt)
    return _logo(site)


def first_picture(site: Site, html: str) -> tuple[str, str]:
    """The first picture of sanitised HTML, whose text stands with it there, else the site's logo."""
    found = _PICTURE.search(html)
    source = _https(unescape(found[1])) if found else ""
    return (source, "") if source else _logo(site)


def _logo(site: Site) -> tuple[str, str]:
    logo = _https(urljoin(f"{site.base_url.rstrip('/')}/", site.theme.logo)) if site.theme.logo else ""
    return logo, one_line(site.theme.logo_alt) if logo else ""


def _https(url: str) -> str:
    found = ascii_url(url)
    return found if found.startswith("https://") else ""
