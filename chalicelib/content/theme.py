"""Reading the theme, content/theme.yaml: only what is safe to stand in a style sheet, and can be read on its paper."""

import re
from pathlib import Path

from chalicelib.content.contrast import AA, ratio, readable
from chalicelib.content.fields import Fields, web_address
from chalicelib.content.frontmatter import read_text
from chalicelib.content.problems import Problems
from chalicelib.content.values import Theme
from chalicelib.content.yamldoc import parse_yaml

THEME_FILE = "content/theme.yaml"
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}\Z")
_FONT = re.compile(r"[A-Za-z0-9 ,.'\-]{1,200}\Z")
_PAIRS = (("ink", "paper"), ("note", "paper"), ("accent", "paper"), ("ink", "shade"))
"""What stands on what; the button is paper on accent."""


def read_theme(root: Path, site: Fields, problems: Problems) -> Theme:
    """The theme of content/theme.yaml, else site.yaml's ``theme``, with the default for what is absent or wrong.

    Colours that can't be read on one another are reported to ``problems``, but used: nothing is held up by them.
    """
    own = _own_file(root, site.problems)
    sub = site.sub("theme")
    if sub is not None and own is not None:
        site.wrong("theme", f"stands in {THEME_FILE} too; keep one of them", "duplicate-name")
    fields = own or sub
    if fields is None:
        return Theme()
    theme = _read(fields)
    fields.finish()
    _check_contrast(theme, fields, problems)
    return theme


def _own_file(root: Path, problems: Problems) -> Fields | None:
    path = root / THEME_FILE
    text = read_text(path, THEME_FILE, problems) if path.is_file() else None
    node = parse_yaml(text, THEME_FILE, problems) if text is not None else None
    return Fields(node, THEME_FILE, problems) if node else None


def _read(fields: Fields) -> Theme:
    return Theme(
        accent=_colour(fields, "accent"),
        accent_dark=_colour(fields, "accent_dark"),
        ink=_colour(fields, "ink"),
        ink_dark=_colour(fields, "ink_dark"),
        paper=_colour(fields, "paper"),
        paper_dark=_colour(fields, "paper_dark"),
        note=_colour(fields, "note"),
        note_dark=_colour(fields, "note_dark"),
        line=_colour(fields, "line"),
        line_dark=_colour(fields, "line_dark"),
        shade=_colour(fields, "shade"),
        shade_dark=_colour(fields, "shade_dark"),
        title_font=_font(fields, "title_font"),
        text_font=_font(fields, "text_font"),
        code_font=_font(fields, "code_font"),
        radius=fields.parsed("radius", _radius, Theme().radius),
        logo=fields.parsed("logo", _picture, ""),
        logo_dark=fields.parsed("logo_dark", _picture, ""),
        logo_alt=fields.text("logo_alt"),
        logo_width=fields.parsed("logo_width", _width, 0),
    )


def _check_contrast(theme: Theme, fields: Fields, problems: Problems) -> None:
    for name, paper in _PAIRS:
        for suffix in ("", "_dark"):
            colour, background = getattr(theme, name + suffix), getattr(theme, paper + suffix)
            if (found := ratio(colour, background)) >= AA:
                continue
            message = (
                f"{name}{suffix} {colour} on {paper}{suffix} {background} has a contrast of {found:.1f}:1, and"
                f" {AA}:1 is the least that can be read (WCAG AA); '{readable(colour, background)}' would do"
            )
            key = next((key for key in (name + suffix, paper + suffix) if key in fields), name + suffix)
            problems.error(fields.file, fields.line_of(key), "contrast", message)


def _picture(text: str) -> str:
    """An https address, or a path below content/ like images/logo.png."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", text) or text.startswith("//"):
        return web_address(text)
    if ".." in text.split("/"):
        raise ValueError(f"'{text}' leads out of content/; write a path below it like images/logo.png")
    return f"media/{text.lstrip('/')}"


def _width(text: str) -> int:
    return _pixels(text, "width", "160", 552)


def _radius(text: str) -> int:
    return _pixels(text, "radius", "6", 30)


def _pixels(text: str, what: str, example: str, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text) or int(text) > most:
        raise ValueError(f"'{text}' is no {what}; write a number of pixels like {example}, at most {most}")
    return int(text)


def _colour(fields: Fields, key: str) -> str:
    usual: str = getattr(Theme(), key)
    return fields.parsed(key, _hex, usual)


def _hex(text: str) -> str:
    if not _COLOUR.match(text):
        raise ValueError(f"'{text}' is no colour; write it like '#0b5cad' (with quotes)")
    return text.lower()


def _font(fields: Fields, key: str) -> str:
    usual: str = getattr(Theme(), key)
    return fields.parsed(key, _fonts, usual)


def _fonts(text: str) -> str:
    if not _FONT.match(text):
        raise ValueError(f"'{text}' is no list of fonts; write it like Georgia, serif")
    return text
