"""A Markdown file with front matter: split by python-frontmatter, read with line numbers by us.

The library passes over an unclosed fence, a BOM and ``Key: value`` headers in silence: each is a problem here.
"""

import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from frontmatter.default_handlers import YAMLHandler

from chalicelib.content.fields import Fields
from chalicelib.content.problems import Problems
from chalicelib.content.yamldoc import parse_yaml

MAX_FILE_BYTES = 2 * 1024 * 1024
_HANDLER = YAMLHandler()
_HEADER_LINE = re.compile(r"\A[A-Za-z][\w-]*:[ \t]+\S")


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
    if not _HANDLER.detect(text):
        problems.error(file, above + 1, "no-front-matter", _no_front_matter(text))
        return None
    fences = list(islice(_HANDLER.FM_BOUNDARY.finditer(text), 2))
    if len(fences) < 2:
        message = "the front matter is not closed; put a line with --- below its last key"
        problems.error(file, above + 1, "unclosed-front-matter", message)
        return None
    header, body = text[fences[0].end() : fences[1].start()], text[fences[1].end() :].lstrip("\n")
    # a fence takes the blank lines below it with it, so lines are counted to its end
    node = parse_yaml(header, file, problems, offset=above + text.count("\n", 0, fences[0].end()))
    if node is None:
        return None
    body_line = above + text.count("\n", 0, len(text) - len(body)) + 1
    return MarkdownFile(Fields(node, file, problems), body.rstrip("\n"), body_line)


def _no_front_matter(text: str) -> str:
    if text.startswith("+++"):
        return "has TOML between +++ lines; write YAML ('title: …') between --- lines instead"
    if _HEADER_LINE.match(text):
        return "begins with 'Key: value' lines; put a line with --- before and after them"
    return "has no front matter; begin with a line ---, then 'title: …', then ---"
