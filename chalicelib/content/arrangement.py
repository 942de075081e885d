"""An edition arranged by editors: below a marker in a note, one line for each entry, under headings.

    <!-- entries: ... -->
    ## News
    - `3f2a91bc0d12` [Title](https://example.org/x), anything
      Indented Markdown is the editors' own word on the entry above.

Everything above the marker is the intro, as in any note.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import chain
from textwrap import dedent

from chalicelib.content.problems import Problems
from chalicelib.content.values import NoteEntry, NoteSection

MARKER = "<!-- entries"
_MARKER = re.compile(r"^<!-- entries\b[^\n]*$", re.MULTILINE)
_HEADING = re.compile(r"#{1,6}\s+(.*?)\s*#*\Z")
_ENTRY = re.compile(r"[-*+]\s+`?([0-9a-f]{12})\b")
_REMARK = re.compile(r"(?:\s{2,}|\t)\S")


@dataclass(slots=True)
class _Lines:
    """What was read so far."""

    sections: list[tuple[str, list[NoteEntry]]] = field(default_factory=list)
    remark: list[str] = field(default_factory=list)

    def close(self, language: str) -> None:
        """Give the lines of a remark to the entry above them."""
        text, self.remark = dedent("\n".join(self.remark)).strip(), []
        if text:
            entries = self.sections[-1][1]
            entries[-1] = replace(entries[-1], remark={language: text})


def split_arrangement(
    body: str, body_line: int, file: str, language: str, problems: Problems
) -> tuple[str, tuple[NoteSection, ...] | None]:
    """A note's body as intro and sections (None where nothing was arranged). Reports lines that are neither."""
    marker = _MARKER.search(body)
    if marker is None:
        return body, None
    intro, rest = body[: marker.start()].rstrip(), body[marker.end() :]
    lines = enumerate(rest.split("\n"), body_line + body.count("\n", 0, marker.end()))
    return intro, _sections(lines, "-->" not in marker[0], file, language, problems)


def _sections(
    lines: Iterable[tuple[int, str]], comment: bool, file: str, language: str, problems: Problems
) -> tuple[NoteSection, ...]:
    """``comment`` says whether the lines begin within one."""
    read, seen = _Lines(), dict[str, int]()
    for number, line in lines:
        comment = comment or line.lstrip().startswith("<!--")
        if comment:
            comment = "-->" not in line
        elif heading := _HEADING.match(line):
            read.close(language)
            read.sections.append((heading[1], []))
        elif entry := _ENTRY.match(line):
            read.close(language)
            if entry[1] in seen:
                message = f"entry {entry[1]} stands in line {seen[entry[1]]} already; remove one of them"
                problems.error(file, number, "duplicate-entry", message)
                continue
            seen[entry[1]] = number
            read.sections = read.sections or [("", [])]
            read.sections[-1][1].append(NoteEntry(entry[1], file, number))
        elif _REMARK.match(line) and read.sections and read.sections[-1][1]:
            read.remark.append(line)
        elif line.strip():
            message = "is neither a heading nor an entry like '- `3f2a91bc0d12` title'; indent words on an entry"
            problems.error(file, number, "bad-line", message)
        elif read.remark:
            read.remark.append("")
    read.close(language)
    return tuple(NoteSection(title, tuple(entries)) for title, entries in read.sections)


def merge_sections(
    first: tuple[NoteSection, ...] | None, second: tuple[NoteSection, ...] | None
) -> tuple[NoteSection, ...] | None:
    """The first note's order, with the words on each entry in the languages of both."""
    if first is None or second is None:
        return first if second is None else second
    other = {entry.id: entry.remark for entry in chain.from_iterable(s.entries for s in second)}
    return tuple(
        replace(s, entries=tuple(replace(e, remark={**other.get(e.id, {}), **e.remark}) for e in s.entries))
        for s in first
    )
