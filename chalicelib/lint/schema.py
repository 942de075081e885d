"""What MJML's components may have and hold, as npm's mjml knows it: data/mjml.json, made by tools/mjml_schema.mjs."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_FILE = Path(__file__).parent / "data" / "mjml.json"
EVERYWHERE = frozenset({"mj-class", "css-class"})
WITHOUT_COMPONENT = frozenset({"mjml", "mj-all", "mj-class", "mj-selector", "mj-html-attribute", "mj-include"})
"""Tags that are MJML's and have no list of attributes."""
_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{3}){1,2}|rgba?\([0-9]{1,3}(?:, ?[0-9]{1,3}){2}(?:, ?[0-9](?:\.[0-9]{1,3})?)?\)")
_UNITS = re.compile(r"(unit|unitWithNegative)\(([^)]*)\)(?:\{([0-9]),([0-9])\})?")
_NUMBER = re.compile(r"(-?)([0-9]{1,9}(?:[.,][0-9]{1,9})?|[.,][0-9]{1,9})([a-z%]{0,4})")


@dataclass(frozen=True, slots=True)
class Component:
    """A tag: the type of each attribute, and whether HTML stands in it rather than MJML."""

    attributes: Mapping[str, str]
    defaults: Mapping[str, str]
    ending: bool


@dataclass(frozen=True, slots=True)
class Schema:
    """All components, what each may hold ({'*'}: anything), and the names of colours."""

    components: Mapping[str, Component]
    children: Mapping[str, frozenset[str]]
    colours: frozenset[str]

    def parents(self, tag: str) -> tuple[str, ...]:
        """The tags that may hold one."""
        return tuple(parent for parent, inside in sorted(self.children.items()) if tag in inside)

    @property
    def tags(self) -> frozenset[str]:
        """Every tag there is."""
        return frozenset(self.components) | WITHOUT_COMPONENT

    def attributes(self, tag: str) -> Mapping[str, str] | None:
        """The attributes of a tag with their types; None where any may stand."""
        if tag in ("mj-all", "mj-class"):
            every = {name: "string" for found in self.components.values() for name in found.attributes}
            return every | ({"name": "string"} if tag == "mj-class" else {})
        found = self.components.get(tag)
        return None if found is None else found.attributes


@lru_cache(maxsize=1)
def schema() -> Schema:
    """The schema, read once."""
    data = json.loads(_FILE.read_text("utf-8"))
    return Schema(
        {name: Component(**described) for name, described in data["components"].items()},
        {name: frozenset(inside) for name, inside in data["children"].items()},
        frozenset(data["colours"]),
    )


def wrong_value(kind: str, value: str) -> str:
    """What an attribute takes, where a value is none of that; '' where it is."""
    if kind == "string":
        return ""
    if kind == "color":
        plain = value.strip() == value and bool(_COLOUR.fullmatch(value) or value in schema().colours)
        return "" if plain else "a colour like #1b1f24"
    if kind == "boolean":
        return "" if value in ("true", "false") else "true or false"
    if kind == "integer":
        return "" if re.fullmatch(r"[0-9]{1,9}", value) else "a whole number"
    if match := _UNITS.fullmatch(kind):
        return _wrong_units(match, value)
    choice = kind.removeprefix("enum(").removesuffix(")").split(",")
    return "" if value in choice else f"one of {', '.join(filter(None, choice))}"


def _wrong_units(match: re.Match[str], value: str) -> str:
    units = match[2].split(",")
    least, most = (int(match[3]), int(match[4])) if match[3] else (1, 1)
    parts = value[:100].split(" ")
    right = least <= len(parts) <= most and len(value) <= 100
    if right and all(_unit(part, units, negative=match[1] == "unitWithNegative") for part in parts):
        return ""
    named = " or ".join(unit or "no unit" for unit in units)
    return f"{least} to {most} numbers in {named}" if most > 1 else f"a number in {named}"


def _unit(part: str, units: list[str], *, negative: bool) -> bool:
    if part == "0" or (part == "auto" and "auto" in units):
        return True
    match = _NUMBER.fullmatch(part)
    return bool(match) and match is not None and (negative or not match[1]) and match[3] in units
