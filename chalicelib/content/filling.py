"""Shortcodes whose value a post itself or its source knows: links to other posts, ``page.…``, loops over page lists.

All other shortcodes stay as they are written, for whoever takes them out. Lines stay where they are, save below a
loop that was unrolled.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from chalicelib.content.embeds import arguments
from chalicelib.content.fields import Fields
from chalicelib.content.generators import Named, address_in, origin
from chalicelib.content.pieces import Part, Piece, Pieces
from chalicelib.content.shortcodes import GONE, closed_up, structure
from chalicelib.content.values import Source
from chalicelib.content.yamldoc import Node

Values = Mapping[str, str]
MAX_ITEMS = 100
MAX_FILLED = 200_000
"""Characters that loops may make of a text."""
_LOOP = re.compile(r"(\w+)\s++in\s++page\.([\w-]++)\s*+\Z")
_FILE = re.compile(r"(?:(\d{4}-\d{2}-\d{2})-)?([^/]+?)(?:\.(?:md|markdown|mdx|html))?\Z")
_HARMLESS = frozenset({"escape", "escape_once", "h", "strip", "xml_escape", "relative_url", "safeHTML"})


@dataclass(frozen=True, slots=True)
class Known:
    """What can be filled in. ``values`` are called like ``page.title``; ``address`` tells a post's by its file name."""

    values: Values
    lists: Mapping[str, Sequence[Values]]
    address: Callable[[str], str]


def known_of(fields: Fields, source: Source, post: Named, url: str) -> Known:
    """What the front matter of a post and its source say; '' for ``url`` where it is not known."""
    values = {"site.url": origin(source), "site.baseurl": "", "page.url": url}
    lists: dict[str, Sequence[Values]] = {}
    for key in fields.keys():
        node = fields.node(key)
        if node and isinstance(node.value, str):
            values.setdefault(f"page.{key}", _flat(node.value))
        elif node and isinstance(node.value, list):
            lists[key] = [_item(child) for child in node.value[:MAX_ITEMS]]
    known = {name: value for name, value in values.items() if value or (name == "site.baseurl" and source.url)}
    return Known(known, lists, lambda file: address_of(file, source, post))


def address_of(file: str, source: Source, beside: Named) -> str:
    """Where the post of a file stands, as its source says; '' where that can't be told."""
    path, hash_, anchor = file.strip().strip("\"'").partition("#")
    name = _FILE.search(re.sub(r"(?<=[^/])/(?:_?index\.\w+)?\Z", "", path))
    if not name or not source.url or ("{date" in source.url and not name[1]):
        return ""
    try:
        day = date.fromisoformat(name[1]) if name[1] else None
    except ValueError:
        return ""
    url = address_in(source, Named(name[2], beside.language, day, {**beside.others, "date": name[1] or ""}))
    return url + hash_ + anchor


def _flat(text: str) -> str:
    return " ".join(text.split())


def _item(node: Node) -> Values:
    if isinstance(node.value, dict):
        return {f".{key}": _flat(child.value) for key, child in node.value.items() if isinstance(child.value, str)}
    return {"": _flat(node.value)} if isinstance(node.value, str) else {}


def filled(text: str, known: Known) -> str:
    """The text with what is known in place of its shortcodes."""
    if "{{" not in text and "{%" not in text:
        return text
    made = "".join(_Filling(list(Pieces(text)), known).pieces())
    return closed_up(made) if GONE in made else made


class _Filling:
    """One text being filled in."""

    def __init__(self, pieces: Sequence[Piece], known: Known) -> None:
        self._pieces, self._known = pieces, known
        self._ends, self._following = structure(pieces)
        self._left = MAX_FILLED

    def pieces(self) -> Iterator[str]:
        number = 0
        while number < len(self._pieces):
            piece = self._pieces[number]
            loop = _LOOP.match(piece.rest) if piece.name == "for" and number in self._ends else None
            if loop and loop[2] in self._known.lists:
                yield GONE
                for item in self._known.lists[loop[2]]:
                    yield from self._body(number + 1, self._following[number], {loop[1]: item})
                    yield GONE
                number = self._ends[number] + 1
            else:
                yield self._written(piece, {})
                number += 1

    def _body(self, number: int, end: int, scope: Mapping[str, Values]) -> Iterator[str]:
        """A loop's body for one item: what is asked of the item is known, be it nothing."""
        decided: set[int] = set()
        while number < end and self._left > 0:
            piece, block_end = self._pieces[number], self._ends.get(number, -1)
            asked = self._of_item(piece.rest, scope) if piece.name == "if" and block_end >= 0 else None
            if asked is not None:
                decided.add(block_end)
                yield GONE
                number = number + 1 if asked else self._after_false(number)
            elif block_end in decided:  # a branch below the one that was taken
                number = block_end
            elif number in decided:
                yield GONE
                number += 1
            else:
                written = self._written(piece, scope)
                self._left -= len(written) + 1
                yield written
                number += 1

    def _after_false(self, number: int) -> int:
        """Where it goes on when a condition does not hold: behind its else, or at its end."""
        branch = self._following[number]
        while branch in self._ends and self._pieces[branch].name != "else":
            branch = self._following[branch]
        return branch + 1 if branch in self._ends else branch

    def _of_item(self, expression: str, scope: Mapping[str, Values]) -> str | None:
        """What an item holds; None where the expression asks something else."""
        name, dot, key = expression.strip().partition(".")
        return scope[name].get(dot + key, "") if name in scope and re.fullmatch(r"[\w-]*", key) else None

    def _written(self, piece: Piece, scope: Mapping[str, Values]) -> str:
        value: str | None = None
        if piece.part is Part.OUTPUT:
            value = self._output(piece.rest, scope)
        elif piece.part is Part.TAG and piece.name in {"post_url", "link"}:
            value = self._known.address(piece.rest) or None
        elif piece.part is Part.HUGO and piece.name in {"ref", "relref"}:
            named, placed = arguments(piece.rest)
            value = self._known.address(named.get("path", "") or next(iter(placed), "")) or None
        elif piece.part is Part.HUGO and piece.name == "param":
            value = self._known.values.get("page." + piece.rest.strip(' "'))
        return piece.written if value is None else value

    def _output(self, expression: str, scope: Mapping[str, Values]) -> str | None:
        name, *filters = (part.strip() for part in expression.split("|"))
        asked = self._of_item(name, scope)
        value = self._known.values.get(name) if asked is None else asked
        if name[:1] in {'"', "'"} and name[-1:] == name[:1] and "{" not in name:
            value = name.strip("\"'")
        if value is None:
            return None
        for wanted in filters:
            if wanted == "absolute_url" or wanted == "prepend: site.url":
                base = self._known.values.get("site.url", "")
                value = f"{base}{value}" if value.startswith("/") else value
            elif wanted not in _HARMLESS and wanted != "prepend: site.baseurl":
                return None
        return value
