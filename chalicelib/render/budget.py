"""How much one rendering of a template may do: rounds, characters and seconds, counted as it goes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import islice
from time import monotonic
from typing import Any

STEPS = 100_000
"""Rounds of loops, calls and filters of one rendering; a long digest needs some thousand."""
SECONDS = 5.0
MAX_TEXT = 4_000_000
"""Characters of one text. An edition of 1,000 entries stays below a tenth of it."""
MAX_TEXTS = 40_000_000
"""Characters of all texts that one rendering makes, those that it drops again included."""
MAX_ITEMS = 10_000
"""Items of a list that a template makes, and the largest width or count it may ask for."""
_LOOK = 256
"""Steps between two looks at the clock."""


class ExhaustedError(RuntimeError):
    """A template asked for too much; the message says of what, without the place."""


@dataclass(slots=True)
class Budget:
    """What is left for one rendering."""

    steps: int = STEPS
    characters: int = MAX_TEXTS
    deadline: float = field(default_factory=lambda: monotonic() + SECONDS)

    def step(self, count: int = 1) -> None:
        """Count rounds of a loop, calls or filters. Raises ExhaustedError."""
        before = self.steps
        self.steps -= count
        if self.steps < 0:
            raise ExhaustedError(f"it goes on and on: more than {STEPS:,} rounds, calls and filters")
        if before // _LOOK != self.steps // _LOOK:
            self.look()

    def look(self) -> None:
        """Raise ExhaustedError when time is up."""
        if monotonic() > self.deadline:
            raise ExhaustedError(f"it takes more than {SECONDS:g} seconds")

    def spend(self, characters: int) -> None:
        """Count a text that is about to be made, or was. Raises ExhaustedError."""
        if characters > MAX_TEXT:
            raise ExhaustedError(f"a text would get {characters:,} characters long")
        self.characters -= characters
        if self.characters < 0:
            raise ExhaustedError(f"it makes more than {MAX_TEXTS:,} characters of text")


_CURRENT: ContextVar[Budget | None] = ContextVar("budget", default=None)


def budget() -> Budget:
    """That of the rendering at hand; constants are folded while a template is compiled, and get one of their own."""
    return _CURRENT.get() or Budget()


@contextmanager
def bounded() -> Iterator[Budget]:
    """Everything rendered within shares one budget."""
    mark = _CURRENT.set(Budget())
    try:
        yield budget()
    finally:
        _CURRENT.reset(mark)


class Counted:
    """What a loop goes over: each round counts, by its ``weight``. Has a length where the items have one."""

    __slots__ = ("items", "weight")

    def __init__(self, items: Iterable[Any], weight: int = 1) -> None:
        self.items = items
        self.weight = weight

    def __iter__(self) -> Iterator[Any]:
        left = budget()
        for item in self.items:
            left.step(self.weight)
            yield item

    def __bool__(self) -> bool:
        return bool(self.items)

    def __len__(self) -> int:
        return len(self.items)  # type: ignore[arg-type]  # a TypeError says that there is none


def join(parts: Iterable[str]) -> str:
    """The texts as one, counted before they are joined: what Jinja makes a template's output with.

    Where it is too much, a generator of parts learns of it, so that the traceback holds the template's line.
    """
    left, length = budget(), 0
    if isinstance(parts, list):
        left.spend(sum(map(len, parts)))
        return "".join(parts)
    kept: list[str] = []
    rest = iter(parts)
    while piece := list(islice(rest, _LOOK)):
        length += sum(map(len, piece))
        kept += piece
        try:
            left.look()
            left.spend(length if length > MAX_TEXT else 0)
        except ExhaustedError as error:
            if throw := getattr(rest, "throw", None):
                throw(error)
            raise
    left.spend(length)
    return "".join(kept)
