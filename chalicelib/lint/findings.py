"""Finding: one thing that is wrong with a mail or a text, before it is known in which file and line it stands. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from chalicelib.content.values import Problem, Severity

WARNING, ERROR = Severity.WARNING, Severity.ERROR
MAX_SHOWN = 80


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """``needle`` is the text by which the place can be found in what an editor wrote, '' where there is none.

    Errors are those for which an edition is held before its first mail: few, and certain.
    """

    code: str
    severity: Severity
    message: str
    needle: str = ""

    def at(self, file: str, line: int = 0) -> Problem:
        """The same as a problem of a file."""
        return Problem(file, line, self.code, self.severity, self.message)


def shown(text: str) -> str:
    """A text as a message quotes it: on one line, without controls, cut."""
    line = " ".join(text.encode("utf-8", "replace").decode().split())
    line = "".join(letter for letter in line[: 2 * MAX_SHOWN] if letter.isprintable())
    return line if len(line) <= MAX_SHOWN else line[: MAX_SHOWN - 1].rstrip() + "…"


def once(findings: Iterable[Finding]) -> list[Finding]:
    """Each finding once, in the order in which they came."""
    return list(dict.fromkeys(findings))
