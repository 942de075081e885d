"""Front matter that is not YAML: Hugo's TOML between +++ lines, and Pelican's ``Key: value`` lines without fences."""

import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from chalicelib.content.problems import Problems
from chalicelib.content.yamldoc import MAX_DEPTH, MAX_YAML_BYTES, Node

_HEADER = re.compile(r" {0,3}([A-Za-z0-9_-]+):[ \t]*(.*)")
_CONTINUED = re.compile(r"(?: {4}|\t)[ \t]*(\S.*)")
_LISTS = frozenset({"authors", "tags"})
_TOML_KEY = re.compile(r"""\s*+["']?([\w-]++)["']?\s*+[=.]""")
_TOML_TABLE = re.compile(r"""\s*+\[\[?\s*+["']?([\w-]++)""")
_TOML_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)")


def has_headers(text: str) -> bool:
    """Whether a text begins with headers: its first paragraph is ``Key: value`` lines, one of them a title."""
    first = text.split("\n\n", 1)[0].split("\n")
    lines = [line for line in first if not _CONTINUED.fullmatch(line)]
    return bool(_HEADER.fullmatch(first[0])) and any(line.strip().lower().startswith("title:") for line in lines)


def parse_headers(text: str, file: str, problems: Problems, *, offset: int = 0) -> tuple[Node, int]:
    """The headers as a mapping (keys in small letters), and how many lines they take with the blank one below.

    ``authors`` and ``tags`` become lists, parted by ``;`` where there is one, else by ``,``. A line indented by
    four goes on with the value above it (both as Pelican and Python-Markdown have it).
    """
    found: dict[str, tuple[int, list[str]]] = {}
    parts: list[str] = []
    count = 0
    for number, line in enumerate(text.split("\n"), offset + 1):
        count += 1
        if not line.strip():
            break
        if match := _HEADER.fullmatch(line):
            key, parts = match[1].lower(), [match[2].strip()]
            if key in found:
                message = f"'{key}' stands twice (first in line {found[key][0]}); keep one of them"
                problems.error(file, number, "duplicate-key", message)
            else:
                found[key] = number, parts
        elif (match := _CONTINUED.fullmatch(line)) and parts:
            parts.append(match[1].strip())
        else:
            count -= 1
            break
    nodes = {key: _header(key, " ".join(parts).strip(), line) for key, (line, parts) in found.items()}
    return Node(nodes, offset + 1, offset + 1), count


def _header(key: str, value: str, line: int) -> Node:
    if key not in _LISTS:
        return Node(value or None, line, line)
    parts = value.split(";" if ";" in value else ",")
    return Node([Node(part.strip(), line, line) for part in parts if part.strip()], line, line)


def parse_toml(text: str, file: str, problems: Problems, *, offset: int = 0) -> Node | None:
    """TOML's mapping with the same nodes that YAML becomes, or None after reporting why not."""
    first = offset + 1 + len(text) - len(text.lstrip("\n"))
    if len(text) > MAX_YAML_BYTES:
        problems.error(file, first, "yaml-too-large", f"more than {MAX_YAML_BYTES // 1024} KB of TOML")
        return None
    try:
        values = tomllib.loads(text, parse_float=str)
        return Node(_mapping(values, _lines_of(text, offset), 0), first, first)
    except RecursionError:
        problems.error(file, first, "yaml-too-deep", f"nested deeper than {MAX_DEPTH} levels")
    except ValueError as error:
        place = _TOML_PLACE.search(str(error))
        line = int(place[1]) if place and place[1] else text.rstrip().count("\n") + 1
        what = _TOML_PLACE.sub("", str(error))
        problems.error(file, line + offset, "bad-toml", f"not readable as TOML: {what}")
    return None


def _lines_of(text: str, offset: int) -> dict[str, int]:
    """The line of each key of the outermost table, and of each table."""
    lines: dict[str, int] = {}
    inside = False
    for number, line in enumerate(text.split("\n"), offset + 1):
        table = _TOML_TABLE.match(line)
        inside = inside or bool(table)
        match = table or (None if inside else _TOML_KEY.match(line))
        if match:
            lines.setdefault(match[1], number)
    return lines


def _mapping(values: Mapping[str, Any], lines: Mapping[str, int], depth: int) -> dict[str, Node]:
    first = min(lines.values(), default=1)
    return {key: _node(value, lines.get(key, first), depth + 1) for key, value in values.items()}


def _node(value: Any, line: int, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise RecursionError
    if isinstance(value, dict):
        return Node({key: _node(child, line, depth + 1) for key, child in value.items()}, line, line)
    if isinstance(value, list):
        return Node([_node(child, line, depth + 1) for child in value], line, line)
    if isinstance(value, bool):
        return Node(str(value).lower(), line, line)
    return Node(value.isoformat() if isinstance(value, date | datetime | time) else str(value), line, line)
