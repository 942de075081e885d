"""Jinja's filters with bounds: those that may stand in mail templates, none of which can make a text explode."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jinja2 import Undefined, pass_eval_context
from jinja2.filters import FILTERS, make_attrgetter
from jinja2.nodes import EvalContext

from chalicelib.render.budget import MAX_ITEMS, Counted, ExhaustedError, budget

Filter = Callable[..., Any]
_ALLOWED = (
    "abs", "attr", "batch", "capitalize", "center", "count", "d", "default", "dictsort", "e", "escape",
    "filesizeformat", "first", "float", "forceescape", "format", "groupby", "indent", "int", "items", "join", "last",
    "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "replace", "reverse", "round", "safe",
    "select", "selectattr", "slice", "sort", "string", "striptags", "sum", "title", "trim", "truncate", "unique",
    "upper", "urlencode", "urlize", "wordcount", "wordwrap",
)  # fmt: skip
_TEXTS = {
    "capitalize", "center", "e", "escape", "forceescape", "format", "indent", "lower", "replace", "safe", "string",
    "striptags", "title", "trim", "truncate", "upper", "urlencode", "urlize", "wordcount", "wordwrap",
}  # fmt: skip
_ANY = {"count", "d", "default", "first", "float", "int", "last", "length"}
_LONG_WAYS = {
    "attr",
    "d",
    "default",
    "format",
    "join",
    "map",
    "reject",
    "rejectattr",
    "replace",
    "select",
    "selectattr",
}
_MOST = 200
"""Characters of a text that tells a filter how to work, such as what is put around links."""
_LONGEST = 100_000
"""Characters of a text that is taken apart or searched."""
_MANY = (list, tuple, set, frozenset, dict, Counted)
_CONVERSION = re.compile(r"%(?:\([^()]{0,100}\))?[#0 +-]{0,5}([0-9]*)(\.[0-9]*)?[a-zA-Z%]")


def printable(value: object) -> object:
    """The value, if it may be printed. Raises TypeError for lists and mappings, which nobody means to print."""
    if isinstance(value, _MANY):
        raise TypeError("a list or mapping can't be printed; loop over it, or join it")
    return value


def text_of(value: object) -> str:
    """A value as text, counted. Raises TypeError for lists, ExhaustedError where it gets too much."""
    text = value if isinstance(value, str) else str(printable(value))
    budget().spend(len(text))
    return text


def formatted(template: str, args: object) -> Any:
    """``template % args``. Raises ExhaustedError for widths that are not plain and small."""
    widths = [width for match in _CONVERSION.finditer(template) for width in match.groups() if width]
    if "%" in _CONVERSION.sub("", template) or any(len(width.strip(".")) > 3 for width in widths):
        raise ExhaustedError("a format is neither plain nor small")
    safe: Any
    if isinstance(args, Mapping):
        safe = {name: _argument(value) for name, value in args.items()}
        longest = max(map(_size, safe.values()), default=0)
    else:
        safe = tuple(_argument(value) for value in (args if isinstance(args, tuple) else (args,)))
        longest = max(map(_size, safe), default=0)
    budget().spend(len(template) + template.count("%") * (longest + 1000))
    return template % safe


def _argument(value: object) -> object:
    return value if isinstance(value, str | int | float) else text_of(value)


def _size(value: object) -> int:
    return len(value) if isinstance(value, str) else 20


def _replace(value: Any, old: Any, new: Any, count: int | None = None) -> None:
    text, old, new = text_of(value), text_of(old), text_of(new)
    budget().spend(len(text) + (text.count(old) if old else len(text) + 1) * len(new))


def _indent(value: Any, width: Any = 4, *_: Any, **__: Any) -> None:
    text = text_of(value)
    budget().spend(len(text) + (text.count("\n") + 1) * (len(width) if isinstance(width, str) else int(width)))


def _sum(value: Any, attribute: Any = None, start: Any = 0) -> None:
    if not isinstance(start, int | float):
        raise ExhaustedError("'sum' adds numbers only")


_BEFORE: Mapping[str, Callable[..., None]] = {"replace": _replace, "indent": _indent, "sum": _sum}


@pass_eval_context
def _join(context: EvalContext, value: Any, d: str = "", attribute: Any = None) -> Any:
    """As Jinja's ``join``, with each item counted before they are joined."""
    get = make_attrgetter(context.environment, attribute) if attribute is not None else None
    between = _size(d)
    texts = []
    for item in Counted(value):
        found = get(item) if get else item
        texts.append(found if isinstance(found, str) else text_of(found))
        budget().spend(_size(texts[-1]) + between)
    return FILTERS["join"](context, texts, d)


def _format(value: Any, *args: Any, **named: Any) -> Any:
    if args and named:
        raise TypeError("'format' takes values or names, not both")
    return formatted(str(printable(value)), named or args)


_OWN: Mapping[str, Filter] = {"join": _join, "format": _format}


def bounded_filters() -> dict[str, Filter]:
    """All filters of templates by name."""
    return {name: _bounded(name, _OWN.get(name, FILTERS[name])) for name in _ALLOWED}


def _bounded(name: str, plain: Filter) -> Filter:
    """A filter that counts, refuses what would explode, and counts what it made."""
    passed = getattr(plain, "jinja_pass_arg", None)
    skip = int(passed is not None)
    before = _BEFORE.get(name)

    def call(*args: Any, **named: Any) -> Any:
        value, ways = args[skip], args[skip + 1 :]
        budget().step()
        if isinstance(value, Undefined):
            return plain(*args, **named)
        _check_ways(name, (*ways, *named.values()))
        if before:
            before(value, *ways, **named)
        return _result(plain(*args[:skip], _checked(name, value), *ways, **named))

    if passed is not None:
        call.jinja_pass_arg = passed  # type: ignore[attr-defined]
    call.__name__ = name
    return call


def _checked(name: str, value: Any) -> Any:
    """The value a filter works on, counted; what comes bit by bit is counted as it comes."""
    if name in _TEXTS:
        printable(value)
    if isinstance(value, str):
        budget().spend(len(value))
        if len(value) > _LONGEST and name not in _TEXTS | _ANY:
            raise ExhaustedError(f"'{name}' is given a text of {len(value):,} characters")
    elif isinstance(value, Iterable) and not isinstance(value, Mapping | list | tuple):
        return Counted(value)
    elif isinstance(value, list | tuple | Mapping):
        budget().step(len(value) // 100 + 1)
    return value


def _check_ways(name: str, ways: tuple[Any, ...]) -> None:
    """Raise ExhaustedError where what a filter is told is large."""
    for way in ways:
        if isinstance(way, int | float) and abs(way) > MAX_ITEMS and name not in {"d", "default"}:
            raise ExhaustedError(f"'{name}' is given {way:,}, which is more than {MAX_ITEMS:,}")
        if isinstance(way, str) and len(way) > _MOST and name not in _LONG_WAYS:
            raise ExhaustedError(f"'{name}' is given a text of {len(way):,} characters")


def _result(made: Any) -> Any:
    if isinstance(made, str):
        budget().spend(len(made))
        return made
    return iter(Counted(made)) if hasattr(made, "__next__") else made
