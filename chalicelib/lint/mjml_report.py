"""Where problems of MJML are gathered: an offset in what was expanded becomes file and line of what was written."""

from collections.abc import Callable

from chalicelib.content.values import Problem, Severity
from chalicelib.render.origins import Expanded, Origin

MOST = 200
"""Problems of one document; a broken one has thousands that are the same."""
MOST_TOLD = 3000
"""The same ones counted each time."""


class Report:
    """Problems, each once, with the file as ``named`` tells it."""

    def __init__(self, made: Expanded, named: Callable[[Origin], str]) -> None:
        self.made = made
        self.named = named
        self.problems: set[Problem] = set()
        self.told = 0
        self.wrong: set[int] = set()
        """Offsets of tags about which an error is told already."""

    @property
    def full(self) -> bool:
        """Whether no more problems are taken."""
        return len(self.problems) >= MOST or self.told >= MOST_TOLD

    def error(self, offset: int, tag: str, code: str, message: str) -> None:
        """Something that breaks the mail, or is not what was meant."""
        self.wrong.add(offset)
        self._add(offset, code, Severity.ERROR, f"<{tag}>: {message}" if tag else message)

    def warning(self, offset: int, tag: str, code: str, message: str) -> None:
        """Something that renders, but otherwise than the author may think."""
        self._add(offset, code, Severity.WARNING, f"<{tag}>: {message}" if tag else message)

    def _add(self, offset: int, code: str, severity: Severity, message: str) -> None:
        self.told += 1
        if not self.full:
            origin = self.made.origin(offset)
            self.problems.add(Problem(self.named(origin), origin.line, code, severity, message))
