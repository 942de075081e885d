"""A Markdown file with front matter: split by python-frontmatter, read with line numbers by us.

The library passes over an unclosed fence and a BOM in silence: each is a problem here. TOML and ``Key: value``
lines, which it would take for text, are read by ourselves.
"""

import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from frontmatter.default_handlers import YAMLHandler

from chalicelib.content.fields import Fields
from chalicelib.content.headers import has_headers, parse_headers, parse_toml
from chalicelib.content.problems import Problems
from chalicelib.content.yamldoc import Node, parse_yaml

ENDINGS = (".md", ".markdown", ".mdown", ".mkd", ".mdx")
"""Of files that are Markdown."""
MAX_FILE_BYTES = 2 * 1024 * 1024
_HANDLER = YAMLHandler()
_HEADER_LINE = re.compile(r"\A[A-Za-z][\w-]*:[ \t]+\S")
_TOML_FENCE = re.compile(r"^\+\+\+[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class MarkdownFile:
    """The front matter's fields, the Markdown below it, and the line the Markdown begins in."""

    fields: Fields
    body: str
    body_line: int


def read_text(path: Path, file: str, problems: Problems) -> str | None:
    """The file's text (UTF-8, with or without BOM, any line ends), or None after reporting why not."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            problems.error(file, 0, "file-too-large", f"larger than {MAX_FILE_BYTES // 1024 // 1024} MB")
            return None
        raw = path.read_bytes()
    except OSError as error:
        problems.error(file, 0, "unreadable", f"can't be read: {error.strerror}")
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        problems.error(file, line, "not-utf8", "not UTF-8 here; save the file as UTF-8")
        return None
    if "\x00" in text:
        line = text[: text.index("\x00")].count("\n") + 1
        problems.error(file, line, "nul-character", "holds a NUL character; remove it")
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_markdown(path: Path, file: str, problems: Problems) -> MarkdownFile | None:
    """The file's front matter and body, or None after reporting why not."""
    text = read_text(path, file, problems)
    if text is None:
        return None
    above = text[: len(text) - len(text.lstrip())].count("\n")
    text = text.lstrip()
    if text.startswith("+++"):
        split = _fenced(text, _TOML_FENCE, parse_toml, file, problems, above)
    elif _HANDLER.detect(text):
        split = _fenced(text, _HANDLER.FM_BOUNDARY, parse_yaml, file, problems, above)
    elif has_headers(text):
        node, count = parse_headers(text, file, problems, offset=above)
        split = node, "\n".join(text.split("\n")[count:]).lstrip("\n")
    else:
        problems.error(file, above + 1, "no-front-matter", _no_front_matter(text))
        return None
    if split is None:
        return None
    node, body = split
    body_line = above + text.count("\n", 0, len(text) - len(body)) + 1
    return MarkdownFile(Fields(node, file, problems), body.rstrip("\n"), body_line)


class _Parse(Protocol):
    def __call__(self, text: str, file: str, problems: Problems, *, offset: int) -> Node | None: ...


def _fenced(
    text: str, boundary: re.Pattern[str], parse: _Parse, file: str, problems: Problems, above: int
) -> tuple[Node, str] | None:
    """What stands between two fences, parsed, and the text below them."""
    fences = list(islice(boundary.finditer(text), 2))
    if len(fences) < 2:
        message = f"the front matter is not closed; put a line with {text[:3]} below its last key"
        problems.error(file, above + 1, "unclosed-front-matter", message)
        return None
    header, body = text[fences[0].end() : fences[1].start()], text[fences[1].end() :].lstrip("\n")
    # a fence takes the blank lines below it with it, so lines are counted to its end
    node = parse(header, file, problems, offset=above + text.count("\n", 0, fences[0].end()))
    return None if node is None else (node, body)


def _no_front_matter(text: str) -> str:
    if _HEADER_LINE.match(text):
        return "begins with 'Key: value' lines, but none of them is 'Title: …'; add it above the first blank line"
    return "has no front matter; begin with a line ---, then 'title: …', then ---"
