"""What the DNS said, as values; and who owns a name."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """NOTHING: the name is there, and has no such record. FAILED: nobody knows."""

    FOUND = "found"
    NOTHING = "nothing"
    NO_NAME = "no such name"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Answer:
    """``values`` are whole texts of TXT records, host names without the last dot, addresses; of MX ``10 host``."""

    state: State
    values: tuple[str, ...] = ()
    why: str = ""
    """Why it failed."""

    @property
    def void(self) -> bool:
        """No record, for certain (RFC 7208, 4.6.4: a void lookup)."""
        return self.state in {State.NOTHING, State.NO_NAME}

    @property
    def failed(self) -> bool:
        """No answer."""
        return self.state is State.FAILED


Ask = Callable[[str, str], Answer]
"""Asks for a name and a type of record ('TXT'). Raises nothing."""

_SECOND_LEVEL = frozenset(
    {"ac", "co", "com", "edu", "go", "gob", "gouv", "gov", "gv", "id", "mil", "ne", "net", "nom", "or", "org", "sch"}
)
"""Labels under which the registries of countries register names (co.uk, com.au, or.jp)."""


def organisational(domain: str) -> str:
    """The domain that somebody registered (RFC 7489, 3.2), by a rule of thumb in place of the list of public suffixes.

    Two labels; three below a country's usual second level, such as example.co.uk.
    """
    labels = domain.lower().rstrip(".").split(".")
    country = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL
    return ".".join(labels[-3:] if country else labels[-2:])


def aligned(domain: str, sender: str, *, strict: bool = False) -> bool:
    """Whether a domain that was authenticated speaks for the sender's (RFC 7489, 3.1)."""
    one, other = domain.lower().rstrip("."), sender.lower().rstrip(".")
    return bool(one) and (one == other or (not strict and organisational(one) == organisational(other)))
