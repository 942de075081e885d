"""One call of the API as handlers see it, and what they give back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from chalicelib.audience.address import parse_address, subscriber_id
from chalicelib.content.markup import one_line
from chalicelib.content.values import Newsletter
from chalicelib.runtime import Runtime
from chalicelib.web.api.keys import ApiKey
from chalicelib.web.api.problems import ProblemError

_ID_DIGITS, _HEX = 24, frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Call:
    """A call that may be made: its key has the scope, its query and body have their shape."""

    runtime: Runtime
    key: ApiKey
    now: datetime
    name: str
    parts: Mapping[str, str]
    query: Mapping[str, Any]
    body: Mapping[str, Any]

    @property
    def how(self) -> str:
        """Who did it, for the evidence."""
        return f"the API, key {self.key.id} ({one_line(self.key.name, 60)})"

    def text(self, name: str) -> str:
        """A text of the body as one line without controls, '' where there is none."""
        return one_line(str(self.body.get(name) or ""), 300)

    def newsletter(self, name: str, field: str) -> Newsletter:
        """A newsletter of the site. Raises ProblemError that names the field."""
        found = self.runtime.site.newsletters.get(name)
        if found is None:
            known = ", ".join(self.runtime.site.newsletters)
            raise ProblemError(400, f"There is no such newsletter; there are: {known}.", field)
        return found


@dataclass(frozen=True, slots=True)
class Reply:
    """What a call gives back: a status, a body of JSON (None for none) and headers."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


def person_id(call: Call, text: str) -> str:
    """The id that a part of a path means, which is one or an address. Raises AddressError, ProblemError."""
    if len(text) == _ID_DIGITS and _HEX.issuperset(text):
        return text
    typed = text if "@" in text else unquote(text)
    if "@" not in typed:
        raise ProblemError(404, "This is neither an id nor an address.")
    return subscriber_id(parse_address(typed), call.runtime.secrets.sid_key)
