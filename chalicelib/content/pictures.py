"""Pictures that posts name: whether they are there, can be shown, and say what they show."""

import re
from html import escape
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from chalicelib.content.problems import Problems

_PICTURE = re.compile(r"!\[[^\]\[]*+\]\(<?([^\s()<>\[\]?#]++)")


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


def check_picture(src: str, alt: str, content: Path, file: str, line: int, problems: Problems) -> None:
    """Name what is wrong with the picture of a post's front matter; '' is none, and nothing wrong."""
    if not src or urlsplit(src).scheme == "https":
        return
    if "://" in src:
        problems.warning(file, line, "image-not-https", f"image '{src}' is not https; left out")
    elif not is_there(content, src):
        message = f"there is no image content/{src.lstrip('/')}; add it or mend the path (left out until then)"
        problems.warning(file, line, "missing-image", message)
    elif not alt:
        message = "the image has no alt text; write image: {src: …, alt: What the picture shows}"
        problems.warning(file, line, "missing-alt", message)


def check_pictures_of_text(body: str, first_line: int, content: Path, file: str, problems: Problems) -> None:
    """Name the pictures of a Markdown text that are to come from content/ and are not there."""
    for number, line in enumerate(body.split("\n"), first_line):
        for src in _PICTURE.findall(line):
            if not urlsplit(src).scheme and not is_there(content, unquote(src)):
                message = f"there is no image content/{src.lstrip('/')}; add it or mend the path"
                problems.warning(file, number, "missing-image", message)
