"""YAML with line numbers: a document becomes nodes that know where they stand.

Scalars stay the text that was written. So ``lang: no`` is "no" and ``at: 10:30`` is "10:30" (YAML 1.1
would read False and 630), and each field reads its own text as what it expects.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from chalicelib.content.problems import Problems

MAX_YAML_BYTES = 256 * 1024
MAX_DEPTH = 20
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its line (from 1). ``value`` is text, None, a list of nodes or a mapping of nodes."""

    value: "str | list[Node] | dict[str, Node] | None"
    line: int
    key_line: int = 0


class _RefusedError(Exception):
    """Line, code and message of something no document of ours may hold."""


@dataclass(slots=True)
class _Builder:
    """Nodes from parser events: libyaml's own composer recurses in C and dies of deep nesting."""

    file: str
    offset: int
    problems: Problems
    events: Iterator[yaml.Event]

    def document(self) -> Node:
        """The only document's root; an empty one counts as an empty mapping."""
        root: Node | None = None
        for event in self.events:
            if isinstance(event, yaml.NodeEvent):
                if root is not None:
                    message = "a second document begins here; what stands below '---' or '...' would not be read"
                    raise _RefusedError(self._line(event), "bad-yaml", message)
                root = self._node(event, 0)
        return root or Node({}, self.offset + 1, self.offset + 1)

    def _node(self, event: yaml.Event, depth: int, key_line: int = 0) -> Node:
        line = self._line(event)
        if depth > MAX_DEPTH:
            raise _RefusedError(line, "yaml-too-deep", f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            raise _RefusedError(line, "yaml-alias", "anchors and aliases (&, *) are not used here")
        if isinstance(event, yaml.ScalarEvent):
            return Node(_scalar(event), line, key_line or line)
        if isinstance(event, yaml.SequenceStartEvent):
            items = [self._node(child, depth + 1) for child in self._until(yaml.SequenceEndEvent)]
            return Node(items, line, key_line or line)
        return Node(self._mapping(depth), line, key_line or line)

    def _line(self, event: yaml.Event) -> int:
        return (event.start_mark.line if event.start_mark else 0) + 1 + self.offset

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        while not isinstance(event := next(self.events), end):
            yield event

    def _mapping(self, depth: int) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for event in self._until(yaml.MappingEndEvent):
            line = self._line(event)
            key = self._node(event, depth + 1).value
            value = self._node(next(self.events), depth + 1, line)
            if not isinstance(key, str):
                self.problems.error(self.file, line, "bad-key", "a key must be a plain word")
            elif key in found:
                message = f"'{key}' stands twice (first in line {found[key].key_line}); keep one of them"
                self.problems.error(self.file, line, "duplicate-key", message)
            else:
                found[key] = value
        return found


def parse_yaml(text: str, file: str, problems: Problems, *, offset: int = 0) -> Node | None:
    """The document's mapping, or None after reporting why not; ``offset`` lines stand before it in the file."""
    first = offset + 1
    if len(text) > MAX_YAML_BYTES:
        problems.error(file, first, "yaml-too-large", f"more than {MAX_YAML_BYTES // 1024} KB of YAML")
        return None
    try:
        built = _Builder(file, offset, problems, iter(yaml.parse(text, Loader=_Loader))).document()
    except yaml.YAMLError as error:
        line, what = _describe(error)
        line = min(line, text.rstrip().count("\n") + 1)  # what is cut off shows at the end only
        problems.error(file, line + offset, "bad-yaml", f"not readable as YAML: {what}")
    except _RefusedError as error:
        line, code, message = error.args
        problems.error(file, line, code, message)
    else:
        if built.value is None:
            return Node({}, built.line, built.line)
        if isinstance(built.value, dict):
            return built
        problems.error(file, built.line, "bad-yaml", "expected 'key: value' lines")
    return None


def _scalar(event: yaml.ScalarEvent) -> str | None:
    text: str = event.value
    if event.style in {None, ""} and text in {"", "~", "null", "Null", "NULL"}:
        return None
    return text


def _describe(error: yaml.YAMLError) -> tuple[int, str]:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if "end of stream" in str(error) or "expected ','" in str(error):
        mark = getattr(error, "context_mark", None) or mark  # where it was opened, not where the file ends
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).splitlines()[0]
    context = getattr(error, "context", None)
    hint = f"{what} ({context})" if context else str(what)
    if "mapping values are not allowed" in hint:
        hint += "; a text with ': ' in it needs quotes around it"
    return (mark.line + 1 if mark else 1), hint


def kind_of(node: Node) -> str:
    """What a node is, in an editor's words."""
    if node.value is None:
        return "nothing"
    if isinstance(node.value, str):
        return f"the text '{node.value[:40]}'"
    return "a list" if isinstance(node.value, list) else "a mapping"


def mapping_of(node: Node) -> Mapping[str, Node]:
    """The node's mapping; only after its kind was checked."""
    if not isinstance(node.value, dict):
        raise TypeError(f"line {node.line}: expected a mapping, found {kind_of(node)}")
    return node.value
