"""Where in a site's templates each tag of expanded MJML was written: marks set while a template is read."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import nodes

from chalicelib.render.sandbox import BoundedEnvironment

_MARK = re.compile("\x02([0-9]{1,6}):([0-9]{1,6})\x03")
_LEFT_OVER = re.compile("[\x02\x03]")


@dataclass(frozen=True, slots=True)
class Origin:
    """A line of a template: its name as templates call it, and its file, '' where it has none."""

    name: str
    file: str
    line: int


class MarkingEnvironment(BoundedEnvironment):
    """Marks each ``<`` of a template's own text with file and line. Never used for what is sent."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.read: list[tuple[str, str]] = []

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """The tree of a template, its text marked."""
        tree = super()._parse(_LEFT_OVER.sub("", source), name, filename)
        number = len(self.read)
        self.read.append((name or "", filename or ""))
        for data in tree.find_all(nodes.TemplateData):
            data.data = _marked(data.data, number, data.lineno)
        return tree

    def origins(self, marked: str) -> "Expanded":
        """What was rendered, without its marks, and where it comes from."""
        pieces, offsets, origins = [], [], []
        place = length = 0
        for match in _MARK.finditer(marked):
            pieces.append(marked[place : match.start()])
            length += len(pieces[-1])
            offsets.append(length)
            name, file = self.read[int(match[1])]
            origins.append(Origin(name, file, int(match[2])))
            place = match.end()
        text = "".join([*pieces, marked[place:]])
        return Expanded(_LEFT_OVER.sub(" ", text), tuple(offsets), tuple(origins))


def _marked(text: str, number: int, line: int) -> str:
    """Template text with a mark before each ``<``."""
    first, *rest = text.split("<")
    pieces = [first]
    for piece in rest:
        line += pieces[-1].count("\n")
        pieces.append(f"\x02{number}:{line}\x03<{piece}")
    return "".join(pieces)


@dataclass(frozen=True, slots=True)
class Expanded:
    """A template's output and, by offset, where its tags were written."""

    text: str
    offsets: tuple[int, ...]
    origins: tuple[Origin, ...]

    def origin(self, offset: int) -> Origin:
        """The line of a template that wrote what stands at an offset; the last tag before it counts."""
        at = bisect_right(self.offsets, offset) - 1
        if at < 0:
            first = self.origins[0] if self.origins else Origin("", "", 1)
            return Origin(first.name, first.file, 1)
        mark = self.origins[at]
        return Origin(mark.name, mark.file, mark.line + self.text.count("\n", self.offsets[at], offset))


def expanded(name: str, file: str, text: str) -> Expanded:
    """Text that is no template, as if it had been expanded from one."""
    return Expanded(text, (0,), (Origin(name, file, 1),))


def relative(origin: Origin, root: Path) -> str:
    """The file as problems name it: relative to the site where it is the site's own, else by its built-in name."""
    path = Path(origin.file)
    if origin.file and path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    return origin.name
