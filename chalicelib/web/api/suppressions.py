"""Suppressions by the API: listed, looked up, made, lifted."""

from typing import Any

from chalicelib.audience.address import fold, parse_address
from chalicelib.audience.listing import suppressions_page
from chalicelib.audience.subscriber import suppression_key
from chalicelib.audience.suppression import DOMAINS, Reason, Suppression, read_suppression
from chalicelib.content.markup import one_line
from chalicelib.store import Key
from chalicelib.web.api.calls import Call, Reply, person_id
from chalicelib.web.api.problems import ProblemError


def listed(call: Call) -> Reply:
    """All of them, page by page."""
    found, cursor = suppressions_page(call.runtime.table, call.query.get("cursor", ""), call.query["limit"])
    return Reply(200, {"items": [suppression_row(one) for one in found], "cursor": cursor or None})


def get(call: Call) -> Reply:
    """One suppression."""
    return Reply(200, suppression_row(_found(call, _whom(call))))


def put(call: Call) -> Reply:
    """Suppress a person or a domain. What there was for a stronger reason stays, and is what is given back."""
    whom, reason, suppressions = _whom(call), Reason(call.body["reason"]), call.runtime.suppressions
    if (reason is Reason.DOMAIN) != whom.startswith("@"):
        raise ProblemError(400, "The reason 'domain' is for @domains, and they have no other.", "reason")
    if whom.startswith("@"):
        suppressions.add_domain(whom, call.now, note=call.text("note"), by=call.how)
    else:
        suppressions.add(whom, reason, call.now, note=call.text("note"), by=call.how)
    return Reply(200, suppression_row(_found(call, whom)))


def lift(call: Call) -> Reply:
    """Take one back. The answer bears no words, since it may be kept for a day (see idempotency.py)."""
    whom = _whom(call)
    if _found(call, whom).reason is Reason.COMPLAINT:
        raise ProblemError(409, "They called it spam. Only a person may lift that, by the command.")
    lifted = call.runtime.suppressions.lift(whom, call.now, why=call.text("why"), by=call.how)
    return Reply(200, {"who": lifted.who, "reason": str(lifted.reason), "lifted": lifted.at})


def suppression_row(one: Suppression) -> dict[str, Any]:
    """A suppression for programs."""
    return {"who": one.who, "reason": str(one.reason), "at": one.at, "note": one.note, "by": one.by}


def _whom(call: Call) -> str:
    """The id, or ``@`` and the domain in small letters and A-labels. Raises AddressError, ProblemError."""
    text = call.parts["subscriber"]
    if text.startswith(("@", "%40")):
        name = one_line(text, 300).removeprefix("@").removeprefix("%40")
        return "@" + fold(parse_address(f"x@{name}")).rpartition("@")[2]
    return person_id(call, text)


def _found(call: Call, whom: str) -> Suppression:
    key = Key(DOMAINS, whom[1:]) if whom.startswith("@") else suppression_key(whom)
    item = call.runtime.table.get(key)
    if item is None:
        raise ProblemError(404, "There is no such suppression.")
    return read_suppression(whom, item)
