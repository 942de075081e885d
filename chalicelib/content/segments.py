"""Segments as values: a filter over members as a small tree, and the text it is written as. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

UNREADABLE = "?"
"""Stands for the segment of a note that can't be read: never a filter, so that nobody is planned by mistake."""
KEYWORDS = frozenset({"and", "or", "not", "in"})
WORD = re.compile(r"\w[\w.@+%/-]*\Z")
"""What stands without quotes."""


@dataclass(frozen=True, slots=True)
class Ago:
    """The day so many days before the one on which members are looked at."""

    days: int

    def __str__(self) -> str:
        return f"{self.days}d ago" if self.days else "today"


Value = str | date | Ago


@dataclass(frozen=True, slots=True)
class Part:
    """One condition.

    ``operator`` is one of ``= != < <= > >= ~ in``; ``:`` for a topic or a mark, whose kind is then the field; or ''
    for a word that stands alone, like ``paused``.
    """

    field: str
    operator: str = ""
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """Whoever the part does not match."""

    part: "Node"


@dataclass(frozen=True, slots=True)
class AllOf:
    """Whoever all parts match: two or more, none of them an AllOf."""

    parts: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Whoever any of the parts matches: two or more, none of them an AnyOf."""

    parts: "tuple[Node, ...]"


Node = Part | Not | AllOf | AnyOf


@dataclass(frozen=True, slots=True)
class Segment:
    """A filter that was checked. ``fallback`` is the language of members who chose none."""

    root: Node
    fallback: str = ""

    def __str__(self) -> str:
        return written(self.root)

    def asks_for(self, field: str) -> bool:
        """Whether any of its conditions is about a field."""
        return any(part.field == field and part.operator != ":" for part in _conditions(self.root))


def all_of(parts: Iterable[Node]) -> Node:
    """All of the parts as one; those that are AllOf themselves lend theirs."""
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, AllOf) else (part,))]
    return AllOf(tuple(flat)) if len(flat) > 1 else flat[0]


def any_of(parts: Iterable[Node]) -> Node:
    """Any of the parts as one; those that are AnyOf themselves lend theirs."""
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, AnyOf) else (part,))]
    return AnyOf(tuple(flat)) if len(flat) > 1 else flat[0]


def depth(node: Node) -> int:
    """How deep it is nested; 1 for a single condition."""
    if isinstance(node, Part):
        return 1
    return 1 + (depth(node.part) if isinstance(node, Not) else max(depth(part) for part in node.parts))


def written(node: Node) -> str:
    """The one text of a tree: parsing it makes the same tree."""
    if isinstance(node, Part):
        return _condition(node)
    if isinstance(node, Not):
        return f"not {_within(node.part, (AllOf, AnyOf))}"
    if isinstance(node, AllOf):
        return " and ".join(_within(part, (AnyOf,)) for part in node.parts)
    return " or ".join(written(part) for part in node.parts)


def _within(node: Node, looser: tuple[type, ...]) -> str:
    return f"({written(node)})" if isinstance(node, looser) else written(node)


def _condition(part: Part) -> str:
    values = [_value(value) for value in part.values]
    if part.operator == "in":
        return f"{part.field} in ({', '.join(values)})"
    if part.operator == ":":
        return f"{part.field}:{values[0]}"
    return " ".join([part.field, part.operator, *values]).strip()


def _value(value: Value) -> str:
    if not isinstance(value, str) or (WORD.match(value) and value.lower() not in KEYWORDS):
        return str(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _conditions(node: Node) -> Iterable[Part]:
    if isinstance(node, Part):
        yield node
    else:
        for part in (node.part,) if isinstance(node, Not) else node.parts:
            yield from _conditions(part)
