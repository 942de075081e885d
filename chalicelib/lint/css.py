"""CSS as a mail holds it: declarations with their context, at-rules and selectors, in one linear pass. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(r"[{};]")
_CONDITIONAL = re.compile(r"(?i)@(?:media|supports|container|-moz-document)\b")


@dataclass(slots=True)
class Sheet:
    """``declarations`` are property, value and whether they count only under a condition (@media, @supports)."""

    declarations: list[tuple[str, str, bool]] = field(default_factory=list)
    at_rules: list[str] = field(default_factory=list)
    """Each as written, up to its brace or semicolon."""
    selectors: list[str] = field(default_factory=list)


def read_sheet(css: str) -> Sheet:
    """A style sheet; what is broken is read as far as it goes."""
    sheet, stack, position = Sheet(), list[bool](), 0
    css = without_comments(css)
    for match in _TOKEN.finditer(css):
        text, position = css[position : match.start()].strip(), match.end()
        if match[0] == "{":
            stack.append(_open(sheet, text))
        else:
            _statement(sheet, text, any_condition=bool(stack) and stack[-1])
            if match[0] == "}" and stack:
                stack.pop()
                continue
        if match[0] == "{" and len(stack) > 1:
            stack[-1] = stack[-1] or stack[-2]
    _statement(sheet, css[position:].strip(), any_condition=bool(stack) and stack[-1])
    return sheet


def _open(sheet: Sheet, text: str) -> bool:
    if text.startswith("@"):
        sheet.at_rules.append(text)
        return bool(_CONDITIONAL.match(text))
    sheet.selectors.append(text)
    return False


def _statement(sheet: Sheet, text: str, *, any_condition: bool) -> None:
    if text.startswith("@"):
        sheet.at_rules.append(text)
    else:
        sheet.declarations += [(name, value, any_condition) for name, value in declarations(text)]


def declarations(style: str) -> Iterator[tuple[str, str]]:
    """The properties and values of a ``style`` attribute."""
    for part in style.split(";"):
        name, colon, value = part.partition(":")
        if colon and name.strip():
            yield name.strip().lower(), " ".join(value.split()).lower()


def without_comments(css: str) -> str:
    """CSS without ``/* */``; one that is not closed takes the rest with it."""
    out, position = [], 0
    while (start := css.find("/*", position)) >= 0:
        out.append(css[position:start])
        end = css.find("*/", start + 2)
        if end < 0:
            return "".join(out)
        position = end + 2
    return "".join([*out, css[position:]])
