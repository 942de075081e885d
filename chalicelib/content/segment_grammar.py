"""The grammar of segments: a text becomes a tree of its words, each with its place, not checked yet.

The parser is Lark's for LALR(1): one pass, no recursion and no backtracking, whatever the text.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from chalicelib.content.segments import KEYWORDS
from chalicelib.errors import SegmentError

if TYPE_CHECKING:
    from lark import Lark, Token, UnexpectedInput

MOST_CHARACTERS = 2000
MOST_DEPTH = 20
_SHOWN = 60
"""How many characters stand around the place of an error."""
_LONGEST_WORD = 40

GRAMMAR = r"""
?start: either
?either: both (_OR both)*
?both: one (_AND one)*
?one: _NOT one -> negated
    | "(" either ")"
    | condition
condition: WORD OPERATOR value -> compared
    | WORD _IN "(" value ("," value)* ")" -> listed
    | WORD _NOT _IN "(" value ("," value)* ")" -> unlisted
    | WORD ":" value -> marked
    | WORD -> alone
?value: AGO | WORD | TEXT
OPERATOR: /!=|<=|>=|[=<>~]/
_AND.2: /[aA][nN][dD](?![\w.@+%\/-])/
_OR.2: /[oO][rR](?![\w.@+%\/-])/
_NOT.2: /[nN][oO][tT](?![\w.@+%\/-])/
_IN.2: /[iI][nN](?![\w.@+%\/-])/
AGO.3: /[0-9]{1,5}[dDwW]\s{1,5}[aA][gG][oO](?![\w.@+%\/-])/
WORD: /\w[\w.@+%\/-]*/
TEXT: /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/s
%ignore /\s+/
"""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the text. ``at`` is its column, from 1; ``kind`` is WORD, TEXT (was in quotes) or AGO."""

    text: str
    at: int
    kind: str = "WORD"


@dataclass(frozen=True, slots=True)
class Stated:
    """A condition as it was written: ``operator`` as in ``segments.Part``."""

    field: Word
    operator: str = ""
    values: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """``kind`` is not, and, or."""

    kind: str
    parts: "tuple[Tree, ...]"
    depth: int


Tree = Stated | Group


def parse_tree(text: str, most: int = MOST_CHARACTERS) -> Tree:
    """The tree of a text. Raises SegmentError: too long, nested too deep, or no sentence of the grammar."""
    from lark import UnexpectedInput

    if len(text) > most:
        raise refusal(text, most + 1, f"a filter has at most {most:,} characters, this one has {len(text):,}")
    if not text.strip():
        raise refusal(text, 1, "the filter is empty; write a condition like language = de")
    try:
        tree: Tree = _parser().parse(text)  # type: ignore[assignment]  # what our callbacks make, not Lark's Tree
    except UnexpectedInput as error:
        raise _unexpected(text, error) from None
    if isinstance(tree, Group) and tree.depth > MOST_DEPTH:
        raise refusal(text, 1, f"it is nested deeper than {MOST_DEPTH} levels; write it more simply")
    return tree


@cache
def _parser() -> "Lark":
    from lark import Lark

    made: Any = _Made()  # Lark asks it for the rules' names, and no more
    return Lark(GRAMMAR, parser="lalr", lexer="basic", transformer=made)


class _Made:
    """What becomes of each rule of the grammar: called as it is recognised, from the inside out."""

    def either(self, parts: list[Tree]) -> Tree:
        return _group("or", parts)

    def both(self, parts: list[Tree]) -> Tree:
        return _group("and", parts)

    def negated(self, parts: list[Tree]) -> Tree:
        return _group("not", parts)

    def compared(self, words: "list[Token]") -> Tree:
        return _stated(str(words[1]), [words[0], words[2]])

    def listed(self, words: "list[Token]") -> Tree:
        return _stated("in", words)

    def unlisted(self, words: "list[Token]") -> Tree:
        return _group("not", [_stated("in", words)])

    def marked(self, words: "list[Token]") -> Tree:
        return _stated(":", words)

    def alone(self, words: "list[Token]") -> Tree:
        return _stated("", words)


def _group(kind: str, parts: list[Tree]) -> Group:
    return Group(kind, tuple(parts), 1 + max(part.depth if isinstance(part, Group) else 1 for part in parts))


def _stated(operator: str, words: "list[Token]") -> Stated:
    return Stated(_word(words[0]), operator, tuple(_word(one) for one in words[1:]))


def _word(token: "Token") -> Word:
    text = re.sub(r"\\(.)", r"\1", token[1:-1], flags=re.DOTALL) if token.type == "TEXT" else str(token)
    return Word(text, (token.start_pos or 0) + 1, token.type)


def refusal(text: str, at: int, reason: str) -> SegmentError:
    """The error for a place in a text, with a picture of it: two lines, the second points at the column ``at``."""
    start = max(0, at - _SHOWN)
    line = _on_one_line(text)
    shown = ("…" if start else "") + line[start : at + _SHOWN // 2]
    before = ("…" if start else "") + line[start : at - 1]
    reason = _on_one_line(reason)
    return SegmentError(f"{reason}\n  {shown}\n  {' ' * sum(map(_width, before))}^", reason, at)


def shortened(text: str) -> str:
    """A word of the text for a message."""
    return text if len(text) <= _LONGEST_WORD else f"{text[:_LONGEST_WORD]}…"


def _on_one_line(text: str) -> str:
    return "".join(" " if unicodedata.category(c) in {"Cc", "Zl", "Zp", "Cs"} else c for c in text)


def _width(character: str) -> int:
    """How many columns of a terminal a character takes (UAX #11)."""
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def _unexpected(text: str, error: "UnexpectedInput") -> SegmentError:
    from lark import UnexpectedToken

    if not isinstance(error, UnexpectedToken):
        at = (error.pos_in_stream or 0) + 1
        character = text[at - 1]
        quote = f"the text that begins with {character} never ends; close it with {character}"
        return refusal(text, at, quote if character in "\"'" else f"'{character}' means nothing in a filter")
    token, wanted = error.token, _wanted(set(error.accepts or error.expected))
    if token.type == "$END":
        return refusal(text, len(text.rstrip()) + 1, f"it ends too early; {wanted}")
    at = (token.start_pos or 0) + 1
    if str(token).lower() in KEYWORDS and "TEXT" in (error.accepts or error.expected):
        return refusal(text, at, f"'{token}' is a word of the language; as a value put it in quotes")
    return refusal(text, at, f"'{shortened(token)}' can't stand here; {wanted}")


def _wanted(expected: set[str]) -> str:
    """What could follow, from the names of the terminals that the grammar allows there."""
    if "TEXT" in expected:
        return 'a value belongs here, like de or "two words"'
    if "LPAR" in expected and "WORD" in expected:
        return "a condition belongs here, like language = de"
    if "OPERATOR" in expected:
        return "a comparison belongs here, like = de, or 'and' or 'or'"
    if "COMMA" in expected:
        return "a comma or ) belongs here"
    if "LPAR" in expected:
        return "a list belongs here, like (de, en)"
    if "_IN" in expected and len(expected) == 1:
        return "'in' belongs here"
    return "'and', 'or' or ) belongs here" if "RPAR" in expected else "'and' or 'or' belongs here"
