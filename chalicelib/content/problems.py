"""Collecting problems: every reader of content reports here and goes on, so that one run names all."""

from collections.abc import Iterable
from difflib import get_close_matches

from chalicelib.content.values import Problem, Severity


class Problems:
    """A growing list of problems; readers append, the caller sorts and shows."""

    def __init__(self) -> None:
        self._found: set[Problem] = set()

    def error(self, file: str, line: int, code: str, message: str) -> None:
        """Something that keeps its file from being used, or that an editor must mend."""
        self._found.add(Problem(file, line, code, Severity.ERROR, message))

    def warning(self, file: str, line: int, code: str, message: str) -> None:
        """Something that goes out all the same, perhaps not as meant."""
        self._found.add(Problem(file, line, code, Severity.WARNING, message))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Take over what another reader found."""
        self._found.update(problems)

    @property
    def errors(self) -> list[Problem]:
        """Only the errors, in the order of files and lines."""
        return [problem for problem in self.sorted() if problem.severity is Severity.ERROR]

    def sorted(self) -> list[Problem]:
        """All, in the order of files and lines."""
        return sorted(self._found)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that ``word`` was probably meant to be, or None."""
    word, choice = word.lower(), sorted(known)
    matches = get_close_matches(word, choice, n=1, cutoff=0.7)
    longer = [other for other in choice if len(word) > 2 and other.startswith(word)]
    return next(iter([*matches, *longer]), None)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A half sentence for a message: the nearest known word, or the whole choice."""
    choice = sorted(known)
    near = nearest(word, choice)
    return f"did you mean '{near}'?" if near else f"known are: {', '.join(choice) or 'none'}"
