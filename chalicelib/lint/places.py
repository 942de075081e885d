"""Places: in which line of which file of the site a text stands that a finding is about."""

import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

from chalicelib.content.pieces import Part, Pieces

MOST_WORDS = 12


class Places:
    """The files of one site, each read at most once; code in them is passed over."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._texts: dict[str, str] = {}

    def text(self, file: str) -> str:
        """A file's text with its lines as they are and its code blanked out; '' where it can't be read."""
        if file not in self._texts:
            try:
                raw = (self._root / file).read_text("utf-8-sig", "replace")
            except (OSError, ValueError):
                raw = ""
            self._texts[file] = _without_code(raw) if file.endswith(("md", "mdx", "markdown", "mdown", "mkd")) else raw
        return self._texts[file]

    def line(self, file: str, needle: str) -> int:
        """The line in which a text begins, whatever marks or line ends stand between its words; 0 where it does not."""
        return line_of(self.text(file), needle)

    def find(self, files: Iterable[str], needle: str) -> tuple[str, int] | None:
        """The first of some files that holds a text, and the line."""
        return next(((file, line) for file in files if (line := self.line(file, needle))), None)


def line_of(text: str, needle: str) -> int:
    """The line of a text in which another begins, 0 where it does not."""
    for wanted in dict.fromkeys((needle, unquote(needle))):
        if not wanted.strip():
            continue
        start = text.find(wanted)
        words = re.findall(r"\w+", wanted)[:MOST_WORDS]
        if start < 0 and words:
            match = re.search(r"(?<!\w)" + r"\W{1,20}".join(map(re.escape, words)), text)
            start = match.start() if match else -1
        if start >= 0:
            return text.count("\n", 0, start) + 1
    return 0


def _without_code(text: str) -> str:
    return "".join(_blank(piece.written) if piece.part is Part.CODE else piece.written for piece in Pieces(text))


def _blank(code: str) -> str:
    return re.sub(r"[^\n]", " ", code)
