"""The theme as templates see it: every value checked to be what its name says before MJML or CSS reads it."""

import re
from collections.abc import Mapping
from dataclasses import fields
from urllib.parse import urljoin

from chalicelib.content.values import Site, Theme
from chalicelib.errors import RenderError
from chalicelib.render.templates import trusted
from chalicelib.render.text import ascii_url, one_line

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_FONT = re.compile(r"[A-Za-z0-9 ,.'\-]{1,200}")
_WORDS = {"logo", "logo_dark", "logo_alt"}
USUAL_LOGO_WIDTH = 160
"""CSS pixels."""


def theme_values(site: Site) -> Mapping[str, object]:
    """Colours, fonts and sizes as they are, addresses absolute. Raises RenderError where a colour or font is none."""
    theme: dict[str, object] = {}
    for name in (field.name for field in fields(Theme) if field.name not in _WORDS):
        value = getattr(site.theme, name)
        if isinstance(value, str) and not (_FONT if name.endswith("_font") else _COLOUR).fullmatch(value):
            raise RenderError(
                f"theme.{name} can't be used in mails: {value!r}.",
                "Give a colour as #rrggbb, a font as a CSS stack without quotation marks other than '.",
            )
        theme[name] = trusted(value)
    return theme | {
        "logo": _picture(site, site.theme.logo),
        "logo_dark": _picture(site, site.theme.logo_dark),
        "logo_alt": one_line(site.theme.logo_alt),
        "logo_width": site.theme.logo_width or USUAL_LOGO_WIDTH,
    }


def _picture(site: Site, address: str) -> str:
    """A picture's address, '' where there is none or it is not https: a mail loads pictures over TLS or not at all."""
    url = ascii_url(urljoin(site.base_url.rstrip("/") + "/", address)) if address else ""
    return url if url.startswith("https://") else ""
