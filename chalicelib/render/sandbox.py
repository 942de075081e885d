"""Jinja's sandbox with bounds: a template can reach nothing but its context, and can't run on or eat the memory.

Jinja's own sandbox guards attributes, not time or space. Here loops, calls, filters, includes and everything that
makes a text count against one budget for each rendering (``budget.bounded``), and end in an ExhaustedError.
"""

from collections import deque
from collections.abc import Callable, MutableMapping
from types import (
    BuiltinMethodType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MethodType,
    TracebackType,
)
from typing import Any

from jinja2 import Template, nodes, pass_context
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError, TemplateSyntaxError
from jinja2.runtime import Context, LoopContext, Macro, markup_join, str_join
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from chalicelib.render.budget import MAX_ITEMS, Counted, ExhaustedError, budget, join
from chalicelib.render.filters import bounded_filters, formatted, text_of

MAX_SOURCE = 500_000
"""Characters of a template's file."""
_COUNTING = " counting "
"""The name of a filter that no template can write."""
_MAX_BITS = 20_000
_LIGHT = 500
"""Nodes of a loop's body that count as one step each round."""
_LONGEST = 100_000
_TEXT_METHODS = {
    "capitalize", "casefold", "count", "endswith", "find", "index", "isalnum", "isalpha", "isascii", "isdecimal",
    "isdigit", "islower", "isnumeric", "isspace", "istitle", "isupper", "lower", "lstrip", "partition", "removeprefix",
    "removesuffix", "rfind", "rindex", "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip",
    "swapcase", "title", "upper",
}  # fmt: skip
_SAFE_METHODS: dict[type[Any], set[str]] = {
    str: _TEXT_METHODS,
    Markup: _TEXT_METHODS | {"striptags", "unescape"},
    bool: set(),
    int: set(),
    float: {"is_integer"},
    list: {"count", "index"},
    tuple: {"count", "index"},
    dict: {"get", "items", "keys", "values"},
}
"""What may be asked of plain values: each method that makes a value of any size is left out, ``format`` is too."""
_PLAIN = (str, bytes, bytearray, memoryview, int, float, complex, list, tuple, dict, set, frozenset, deque)
_INNARDS = (FunctionType, MethodType, type, CodeType, FrameType, TracebackType, GeneratorType, CoroutineType)
_METHODS = (MethodType, BuiltinMethodType)


@pass_context
def _counting(_: Context, items: Any, weight: int) -> Counted:
    """Goes round what a loop goes over. It takes the context so that it is never folded into a constant."""
    iter(items)
    return Counted(items, weight)


class _Generator(CodeGenerator):
    """Writes ``a ~ b`` as a call that counts."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """As Jinja does it, by way of the environment."""
        self.write("environment.concatenated(context, (")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """The environment of all mail templates."""

    code_generator_class = _Generator
    intercepted_binops = frozenset({"+", "*", "**", "%"})
    concat = staticmethod(join)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.filters = {**bounded_filters(), _COUNTING: _counting}
        for name in ("lipsum", "joiner", "cycler"):
            self.globals.pop(name, None)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """A template's tree, each loop of which counts its rounds."""
        if len(source) > MAX_SOURCE:
            message = f"the file has {len(source):,} characters, more than {MAX_SOURCE:,}"
            raise TemplateSyntaxError(message, 1, name, filename)
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            weight = 1 + sum(1 for _ in loop.find_all(nodes.Node)) // _LIGHT
            loop.iter = nodes.Filter(loop.iter, _COUNTING, [nodes.Const(weight)], [], None, None, lineno=loop.lineno)
            loop.iter.set_environment(self)
        return tree

    def _load_template(self, name: str, globals: MutableMapping[str, Any] | None) -> Template:
        """A template to include, import or extend, which counts as a call."""
        budget().step()
        return super()._load_template(name, globals)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Jinja's rules; of plain values only the methods that can't make anything large."""
        safe = _SAFE_METHODS.get(type(obj))
        if safe is not None:
            return attr in safe
        if attr.startswith("_") or isinstance(obj, _PLAIN):
            return False
        return not isinstance(obj, _INNARDS) or bool(super().is_safe_attribute(obj, attr, value))

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """Jinja would offer ``str.format``, in a sandbox of its own; it is not offered here."""
        if isinstance(value, _METHODS) and value.__name__ in ("format", "format_map"):
            return _no_format
        return None

    def call(__self, __context: Context, __obj: Any, *args: Any, **named: Any) -> Any:  # noqa: N805
        """Call a macro, a method or a function of the context."""
        budget().step()
        if isinstance(__obj, Macro):
            return __context.call(__obj, *args, **named)
        owner = getattr(__obj, "__self__", None)
        if isinstance(owner, str) and len(owner) > _LONGEST:
            raise ExhaustedError(f"a text of {len(owner):,} characters is taken apart")
        if isinstance(__obj, LoopContext):
            args = tuple(Counted(items) for items in args)
        made = super().call(__context, __obj, *args, **named)
        if isinstance(made, str):
            budget().spend(len(made))
        return made

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An operator that may make something large."""
        budget().step()
        if operator == "%" and isinstance(left, str):
            return formatted(left, right)
        _check_size(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def concatenated(self, context: Context, parts: tuple[Any, ...]) -> str:
        """``a ~ b``."""
        texts = [part if isinstance(part, str) or hasattr(part, "__html__") else text_of(part) for part in parts]
        budget().step()
        budget().spend(sum(len(str(text)) for text in texts))
        return markup_join(texts) if context.eval_ctx.autoescape else str_join(texts)


def _no_format(*_: Any, **__: Any) -> str:
    raise SecurityError("'format' is not offered; write a ~ b, or use the filter 'format'")


def _check_size(operator: str, left: Any, right: Any) -> None:
    """Raise ExhaustedError where the result would be large."""
    if operator == "**":
        if isinstance(left, int) and isinstance(right, int) and left.bit_length() * abs(right) > _MAX_BITS:
            raise ExhaustedError("a power would be too large")
    elif operator == "*":
        for many, count in ((left, right), (right, left)):
            if isinstance(many, str) and isinstance(count, int):
                budget().spend(len(many) * max(count, 0))
            elif isinstance(many, list | tuple | bytes) and isinstance(count, int) and len(many) * count > MAX_ITEMS:
                raise ExhaustedError(f"a list would have {len(many) * count:,} items")
    elif isinstance(left, str) and isinstance(right, str):
        budget().spend(len(left) + len(right))
    elif isinstance(left, list | tuple) and isinstance(right, list | tuple) and len(left) + len(right) > MAX_ITEMS:
        raise ExhaustedError(f"a list would have {len(left) + len(right):,} items")
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > _MAX_BITS:
        raise ExhaustedError("a number would be too large")
