"""Issues from before a newsletter was here: ``content/archive/<newsletter>/<date>[-slug].md``, read cheaply.

Every tick reads the site, so that no Markdown is rendered here, links are found by a pattern, and a file that did not
change is not read again.
"""

import re
from collections.abc import Container, Iterable
from datetime import date
from functools import lru_cache
from html import unescape
from pathlib import Path

from chalicelib.content.fields import LANGUAGE_TAG, Fields, web_address
from chalicelib.content.frontmatter import read_markdown
from chalicelib.content.problems import Problems, did_you_mean
from chalicelib.content.values import ArchivedIssue, Problem, Site

FOLDER = "archive"
MAX_LINKS = 2_000
MAX_LINK = 2_000
"""Characters: nothing longer is looked for as a link, none of it is read twice."""
_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})(?:-[a-z0-9]+(?:-[a-z0-9]+)*)?\Z")
_LINK = re.compile(r"https?://[^\s<>\"'`\\\]\[{}|^\x00-\x20]++", re.IGNORECASE)
_NOT_AT_THE_END = ".,;:!?*_~"


def read_archive(site: Site, newsletters: Iterable[str], problems: Problems) -> tuple[ArchivedIssue, ...]:
    """All issues in the order of newsletters and slots; each file that can't be read is a problem, and left out."""
    root = site.root / "content" / FOLDER
    issues: list[ArchivedIssue] = []
    known = tuple(newsletters)
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        files = sorted(folder.rglob("*.md")) if folder.is_dir() and not folder.name.startswith(".") else []
        if files and folder.name not in known:
            message = f"there is no newsletter '{folder.name!s}'; {did_you_mean(folder.name, known)}"
            problems.error(f"content/{FOLDER}/{_shown(folder.name)}", 0, "unknown-newsletter", message)
            continue
        for path in files:
            issues += _issue_of(path, folder, problems)
    return tuple(issues)


def _issue_of(path: Path, folder: Path, problems: Problems) -> list[ArchivedIssue]:
    file = f"content/{FOLDER}/{_shown(path.relative_to(folder.parent).as_posix())}"
    if path.parent != folder or not is_issue_name(path.stem):
        message = "an issue is named by its date, like 2023-01-26.md or 2023-01-26-some-words.md; rename it"
        problems.error(file, 0, "bad-name", message)
        return []
    try:
        stat = path.stat()
    except OSError as error:
        problems.error(file, 0, "unreadable", f"can't be read: {error.strerror}")
        return []
    issue, found = _read(path, file, folder.name, stat.st_mtime_ns, stat.st_size)
    problems.extend(found)
    return [issue] if issue else []


def _shown(name: str) -> str:
    """A name on the disk as it may be printed, whatever bytes it is made of."""
    return name if name.isprintable() else ascii(name)


def is_issue_name(stem: str) -> bool:
    """Whether a file's name is a date, perhaps with words behind it."""
    match = _NAME.match(stem)
    try:
        return bool(match and date.fromisoformat(match[1]))
    except ValueError:
        return False


@lru_cache(maxsize=4096)
def _read(
    path: Path, file: str, newsletter: str, changed: int, size: int
) -> tuple[ArchivedIssue | None, tuple[Problem, ...]]:
    """One file. ``changed`` and ``size`` are its own: another of either is another reading."""
    problems = Problems()
    markdown = read_markdown(path, file, problems)
    if markdown is None:
        return None, tuple(problems.sorted())
    fields = markdown.fields
    issue = ArchivedIssue(
        newsletter=newsletter,
        slot=path.stem,
        number=fields.parsed("number", issue_number, 0),
        title=fields.text("title", required=True),
        body=markdown.body,
        language=_language(fields),
        url=fields.parsed("url", web_address, ""),
        links=links_in(markdown.body),
        file=file,
    )
    fields.text("date")  # the name of the file says it
    fields.finish()
    return (None if problems.errors else issue), tuple(problems.sorted())


def issue_number(text: str) -> int:
    """A number like 12 or #12. Raises ValueError."""
    digits = text.strip().lstrip("#")
    if not re.fullmatch(r"[0-9]{1,6}", digits):
        raise ValueError(f"'{text[:40]}' is no number of an issue; write it like 12")
    return int(digits)


def _language(fields: Fields) -> str:
    language = fields.text("language")
    if language and not LANGUAGE_TAG.match(language):
        fields.wrong("language", f"'{language}' is no language tag; write it like en", "unknown-language")
    return language


def links_in(text: str) -> tuple[str, ...]:
    """The absolute URLs of Markdown or HTML, each once, as written: without what punctuation follows them."""
    found: dict[str, None] = {}
    for match in _LINK.finditer(text):
        if len(match[0]) <= MAX_LINK and len(found) < MAX_LINKS:
            url = _balanced(match[0]) if ")" in match[0] else match[0]
            found[(unescape(url) if "&" in url else url).rstrip(_NOT_AT_THE_END)] = None
    return tuple(found)


def _balanced(url: str) -> str:
    """A URL up to the first bracket that it did not open itself: the one around it in Markdown."""
    at, depth = -1, 0
    while (at := url.find(")", at + 1)) >= 0:
        depth += 1
        if url.count("(", 0, at) < depth:
            return url[:at]
    return url


def issue_of(site: Site, newsletter: str, slot: str) -> ArchivedIssue | None:
    """One issue of the archive, or None."""
    return next((i for i in site.archive if i.newsletter == newsletter and i.slot == slot), None)


def names_in_use(names: Container[str], name: str) -> str:
    """``name``, or with -2, -3, … behind it where it is taken."""
    number = 1
    while (tried := name if number == 1 else f"{name}-{number}") in names:
        number += 1
    return tried
