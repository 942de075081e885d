"""The comment below a pull request: what readers would get, as Markdown that GitHub, GitLab and Forgejo show alike."""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from chalicelib.cli.preview_sheets import Sheet
from chalicelib.cli.previews import VIEWS, Preview
from chalicelib.content.values import Problem, Severity
from chalicelib.errors import UsageError
from chalicelib.render.personal import fill

MARK = "<!-- sendbrief-preview -->"
"""By this line the next run finds the comment, and changes it instead of adding one."""
MOST_BYTES = 60_000
"""GitHub takes 65,536 characters."""
MOST_PROBLEMS = 30
GMAIL_KB = 102
"""So much HTML Gmail shows of a mail."""
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#!|~]|:(?=//)|(?<=www)\.)")


@dataclass(frozen=True, slots=True)
class Part:
    """One edition, or why a newsletter has none. ``folder`` is its own below the one that was written to, or ''."""

    name: str
    folder: str = ""
    preview: Preview | None = None
    files: Sequence[str] = ()
    nothing: str = ""


def write_comment(path: Path, text: str) -> None:
    """Write the comment to a file. Raises UsageError where it can't be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error.strerror}.", "Name another file with --comment.") from None


def comment_of(parts: Sequence[Part], problems: Sequence[Problem], pictures_at: str = "") -> str:
    """The whole comment. ``problems`` are those of ``check``; ``pictures_at`` is where the folder can be found, or ''.

    Nothing that editors wrote is taken for Markdown, HTML, a link or a mention. What is too long is cut between parts.
    """
    kept, left = [MARK, "### What readers would get", _problems(problems)], 0
    size = sum(len(text.encode()) for text in kept)
    for text in ("\n".join(_part(part, pictures_at)) for part in parts):
        size += len(text.encode())
        if size > MOST_BYTES or left:
            left += 1
        else:
            kept.append(text)
    if left:
        kept.append(f"*{left} more editions are in the files of the preview: the comment would be too long.*")
    return "\n\n".join(kept) + "\n"


def plain(text: str) -> str:
    """Text that shows as it is written, in one line."""
    words = html.escape(" ".join(text.split()))
    return _MARKDOWN.sub(r"\\\1", words).replace("@", "@\u2060")  # a word joiner: nobody is called by it


def _problems(problems: Sequence[Problem]) -> str:
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    if not problems:
        return "`sendbrief check` found no problems."
    lines = [f"`sendbrief check` found **{errors} errors** and {len(problems) - errors} warnings:", ""]
    worst = sorted(problems, key=lambda problem: (problem.severity is not Severity.ERROR, problem))
    lines += [_problem(problem) for problem in worst[:MOST_PROBLEMS]]
    if len(problems) > MOST_PROBLEMS:
        lines.append(f"- … and {len(problems) - MOST_PROBLEMS} more")
    return "\n".join(lines)


def _problem(problem: Problem) -> str:
    place = plain(problem.file) + (f":{problem.line}" if problem.line else "")
    severity = "**error**" if problem.severity is Severity.ERROR else "warning"
    return f"- {place} {severity} {plain(problem.message[:400])} \\[{plain(problem.code)}\\]"


def _part(part: Part, pictures_at: str) -> Iterator[str]:
    if part.preview is None:
        yield f"#### {plain(part.name)}\n\n{plain(part.nothing)}"
        return
    yield f"#### {plain(part.preview.title)}\n"
    yield "| mail | subject | HTML | message | readers |\n|---|---|---|---|---|"
    for sheet in part.preview.sheets:
        yield f"| {plain(sheet.name)} | {plain(fill(sheet.rendered.subject, {}))} | {_size(sheet)} |" + (
            f" {len(sheet.message) / 1024:.0f} KB | {'' if sheet.readers is None else f'{sheet.readers:,}'} |"
        )
    yield ""
    yield from (f"- {plain(label)}: {plain(words)}" for label, words in part.preview.facts)
    known = [problem for problem in part.preview.problems if problem.severity is Severity.ERROR]
    yield from (_problem(problem) for problem in known[:MOST_PROBLEMS])
    yield from _pictures(part, part.preview.sheets, pictures_at)


def _size(sheet: Sheet) -> str:
    kilobytes = len(sheet.html.encode()) / 1024
    words = f"{kilobytes:.0f} of {GMAIL_KB} KB"
    return words if kilobytes < GMAIL_KB else f"**{words}: Gmail cuts it off**"


def _pictures(part: Part, sheets: Sequence[Sheet], pictures_at: str) -> Iterator[str]:
    """Pictures where they can be found from outside, else their files."""
    there = [
        (f"{sheet.name}, {view}", f"{sheet.name}-{view}.png")
        for sheet in sheets for view, _, _ in VIEWS if f"{sheet.name}-{view}.png" in part.files
    ]  # fmt: skip
    paths = {name: f"{part.folder}/{name}".lstrip("/") for _, name in there}
    if there and pictures_at:
        yield "\n<details><summary>Pictures</summary>\n"
        base = pictures_at.rstrip("/")
        yield from (f"![{plain(words)}]({base}/{quote(paths[name])})" for words, name in there)
        yield "\n</details>"
    elif there:
        yield "- Pictures: " + ", ".join(f"`{paths[name]}`" for _, name in there)
