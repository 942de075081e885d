"""Reading the theme of site.yaml: only what is safe to stand in a style sheet."""

import re

from chalicelib.content.fields import Fields, web_address
from chalicelib.content.values import Theme

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}\Z")


def read_theme(fields: Fields) -> Theme:
    """The theme, with the default for whatever is absent or wrong."""
    sub = fields.sub("theme")
    default = Theme()
    if sub is None:
        return default
    theme = Theme(
        accent=sub.parsed("accent", _colour, default.accent),
        accent_dark=sub.parsed("accent_dark", _colour, default.accent_dark),
        title_font=sub.parsed("title_font", _font, default.title_font),
        text_font=sub.parsed("text_font", _font, default.text_font),
        logo=sub.parsed("logo", web_address, ""),
        logo_alt=sub.text("logo_alt"),
        logo_width=sub.parsed("logo_width", _width, 0),
    )
    sub.finish()
    return theme


def _width(text: str) -> int:
    if not re.match(r"[0-9]{1,4}\Z", text):
        raise ValueError(f"'{text}' is no width; write a number of pixels like 160")
    return int(text)


def _colour(text: str) -> str:
    if not _COLOUR.match(text):
        raise ValueError(f"'{text}' is no colour; write it like '#0b5cad' (with quotes)")
    return text.lower()


def _font(text: str) -> str:
    if re.search(r"[^A-Za-z0-9 ,'-]", text):
        raise ValueError(f"'{text}' is no list of fonts; write it like Georgia, serif")
    return text
