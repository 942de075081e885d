"""Asks the DNS for the doctor: the nameservers of this machine, or those given. Each question once."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.doctor.answers import Answer, State

if TYPE_CHECKING:
    from dns.resolver import Resolver

PATIENCE = 5.0
"""Seconds for one question, all its tries together."""
GIVE_UP = 3
"""Questions without an answer, from the first on, after which none is asked any more."""
_HEARD = -1_000_000
_LATE = "no answer within"


class Nameservers:
    """``nameservers`` are addresses; none: those that this machine is set up with."""

    def __init__(self, nameservers: Sequence[str] = (), port: int = 53, patience: float = PATIENCE) -> None:
        self._nameservers, self._port, self._patience = nameservers, port, patience
        self._known: dict[tuple[str, str], Answer] = {}
        self._made: Resolver | None = None
        self._silent = 0

    def ask(self, name: str, kind: str) -> Answer:
        """See ``Ask``. Aliases are followed, but where CNAME itself is asked for."""
        key = name.lower().rstrip("."), kind
        if key not in self._known:
            self._known[key] = self._asked(*key)
        return self._known[key]

    def _asked(self, name: str, kind: str) -> Answer:
        """Where nobody has answered anything, further questions would only keep a person waiting."""
        if self._silent >= GIVE_UP:
            return Answer(State.FAILED, why="the nameserver does not answer")
        answer = self._ask(name, kind)
        heard = not answer.failed or not answer.why.startswith(_LATE)
        self._silent = _HEARD if heard else self._silent + 1
        return answer

    def reverse(self, address: str) -> Answer:
        """The names of an address."""
        from dns import reversename

        return self.ask(reversename.from_address(address).to_text(), "PTR")

    def _ask(self, name: str, kind: str) -> Answer:
        from dns import exception, resolver
        from dns import name as names

        try:
            whole = names.from_text(f"{name}.")
            found = self._resolver().resolve(whole, kind, lifetime=self._patience, search=False)
        except resolver.NXDOMAIN:
            return Answer(State.NO_NAME)
        except resolver.NoAnswer:
            return Answer(State.NOTHING)
        except exception.Timeout:
            return Answer(State.FAILED, why=f"{_LATE} {self._patience:g} s")
        except resolver.NoNameservers:
            return Answer(State.FAILED, why="the nameservers of the domain fail")
        except (exception.DNSException, OSError, UnicodeError) as error:
            return Answer(State.FAILED, why=f"{type(error).__name__}: {error}"[:120])
        return Answer(State.FOUND, tuple(_said(record, kind) for record in found))

    def _resolver(self) -> "Resolver":
        from dns.resolver import Resolver

        if self._made is None:
            self._made = Resolver(configure=not self._nameservers)
            if self._nameservers:
                self._made.nameservers, self._made.port = list(self._nameservers), self._port
        return self._made


def _said(record: Any, kind: str) -> str:
    if kind == "TXT":
        return b"".join(record.strings).decode("utf-8", "replace")
    if kind == "MX":
        return f"{record.preference} {record.exchange.to_text(omit_final_dot=True)}"
    return str(record.to_text()).rstrip(".")
