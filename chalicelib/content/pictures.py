"""Pictures that posts name: whether they are there, can be shown, and say what they show."""

import re
from html import escape
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from chalicelib.content.problems import Problems

_PICTURE = re.compile(r"!\[[^\]\[]*+\]\(<?([^\s()<>\[\]?#]++)")

HEAVY = 1_000_000
"""Bytes: what a picture of a mail may weigh before ``check`` says so."""
_KINDS = (
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("JPEG", re.compile(rb"\xff\xd8\xff")),
    ("GIF", re.compile(rb"GIF8[79]a")),
    ("WebP", re.compile(rb"RIFF....WEBP", re.DOTALL)),
)
_SUFFIXES = {"PNG": {".png"}, "JPEG": {".jpg", ".jpeg"}, "GIF": {".gif"}, "WebP": {".webp"}}


def is_there(content: Path, src: str) -> bool:
    """Whether a relative path names a file below content/."""
    path = content / src.lstrip("/")
    return ".." not in path.parts and "\x00" not in src and path.is_file()


def at_home(html: str, body: str, content: Path, base_url: str, page: str) -> str:
    """HTML in which the pictures of a Markdown text that lie below content/ are loaded from there, not beside its page.

    ``base_url`` is the site's, ``page`` the address that relative links were resolved against.
    """
    for src in dict.fromkeys(_PICTURE.findall(body)):
        if urlsplit(src).scheme or not is_there(content, unquote(src)):
            continue
        elsewhere, home = urljoin(page, src), f"{base_url}/media/{src.lstrip('/')}"
        html = html.replace(f'src="{escape(elsewhere)}"', f'src="{escape(home)}"')
    return html


def check_file(content: Path, src: str, file: str, line: int, problems: Problems) -> None:
    """Name a picture below content/ that mail programs don't show, or that is heavy for a mail."""
    path = content / src.lstrip("/")
    try:
        with path.open("rb") as opened:
            head, size = opened.read(16), path.stat().st_size
    except OSError as error:
        problems.warning(file, line, "image-type", f"image '{src}' can't be read: {error.strerror}")
        return
    kind = next((name for name, begins in _KINDS if begins.match(head)), "")
    if not kind or path.suffix.lower() not in _SUFFIXES[kind]:
        what = f"is a {kind} by its content" if kind else "is no PNG, JPEG, GIF or WebP"
        message = f"image '{src}' {what}, so that mail programs don't show it; save it as .png or .jpg"
        problems.warning(file, line, "image-type", message)
    if size > HEAVY:
        message = (
            f"image '{src}' has {size / 1e6:.1f} MB; readers on a phone wait for it, {HEAVY / 1e6:.0f} MB is plenty"
        )
        problems.warning(file, line, "image-size", message)


def check_picture(src: str, alt: str, content: Path, file: str, line: int, problems: Problems) -> None:
    """Name what is wrong with the picture of a post's front matter; '' is none, and nothing wrong."""
    if not src or urlsplit(src).scheme == "https":
        return
    if "://" in src:
        problems.warning(file, line, "image-not-https", f"image '{src}' is not https; left out")
    elif not is_there(content, src):
        message = f"there is no image content/{src.lstrip('/')}; add it or mend the path (left out until then)"
        problems.warning(file, line, "missing-image", message)
    else:
        check_file(content, src, file, line, problems)
        if not alt:
            message = "the image has no alt text; write image: {src: …, alt: What the picture shows}"
            problems.warning(file, line, "missing-alt", message)


def check_pictures_of_text(body: str, first_line: int, content: Path, file: str, problems: Problems) -> None:
    """Name the pictures of a Markdown text that are to come from content/ and are not there."""
    for number, line in enumerate(body.split("\n"), first_line):
        for src in _PICTURE.findall(line):
            if urlsplit(src).scheme:
                continue
            if is_there(content, unquote(src)):
                check_file(content, unquote(src), file, number, problems)
            else:
                message = f"there is no image content/{src.lstrip('/')}; add it or mend the path"
                problems.warning(file, number, "missing-image", message)
