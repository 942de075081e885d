"""The routes of the API as values: what Chalice is told, what the door checks and what the document says.

Light to import: handlers and schemas are named, and loaded when they are first needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

BASE = "/api/v1"
READ_PEOPLE, WRITE_PEOPLE = "subscribers:read", "subscribers:write"
READ_NEWSLETTERS, READ_EDITIONS, WRITE_EDITIONS = "newsletters:read", "editions:read", "editions:write"
READ_EVENTS = "events:read"
SCOPES = {
    READ_PEOPLE: "See subscribers and suppressions.",
    WRITE_PEOPLE: "Add, change and erase subscribers, suppress and lift.",
    READ_NEWSLETTERS: "See newsletters, what they offer and how many get them.",
    READ_EDITIONS: "See editions with their books.",
    WRITE_EDITIONS: "Approve, hold, pause, resume and cancel editions.",
    READ_EVENTS: "See what happened, with the people it is about.",
}
MOST_IN_PAGE = 200


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address. ``path`` is below BASE; ``handler`` a module of this package and its function.

    ``query`` maps parameters to schemas, ``body`` names the schema of the body or is '', ``answers`` maps a status to
    the schema of its body, '' for none. ``known`` are further statuses that come as problems.
    """

    name: str
    method: str
    path: str
    summary: str
    scope: str
    handler: str
    query: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    body: str = ""
    answers: Mapping[int, str] = field(default_factory=dict)
    known: tuple[int, ...] = ()


_LIMIT: Mapping[str, Any] = {"type": "integer", "minimum": 1, "maximum": MOST_IN_PAGE, "default": 50}
_CURSOR: Mapping[str, Any] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 200,
    "description": "Where the page before this one ended.",
}
_NEWSLETTER: Mapping[str, Any] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 64,
    "description": "Only of this newsletter.",
}
_PAGED: Mapping[str, Mapping[str, Any]] = {"limit": _LIMIT, "cursor": _CURSOR}
_STATES = ["draft", "approved", "sending", "sent", "held", "cancelled"]
_MEMBERS: Mapping[str, Mapping[str, Any]] = {
    **_PAGED,
    "newsletter": _NEWSLETTER,
    "state": {"type": "string", "enum": ["confirmed", "unsubscribed"]},
    "where": {"type": "string", "minLength": 1, "maxLength": 2000, "description": "A segment, as in content/."},
}
_ONE, _SUPPRESSED = "/subscribers/{subscriber}", "/suppressions/{subscriber}"
_EDITION = "/editions/{newsletter}/{slot}"


def _decision(verb: str, summary: str) -> Operation:
    return Operation(
        f"{verb}Edition", "POST", f"{_EDITION}/{verb}", summary, WRITE_EDITIONS, "editions:decide",
        body="Why", answers={200: "Edition"}, known=(404, 409),
    )  # fmt: skip


OPERATIONS = (
    Operation("listSubscribers", "GET", "/subscribers", "Memberships, page by page; the newest id last.",
              READ_PEOPLE, "subscribers:listed", _MEMBERS, answers={200: "MembershipPage"}),
    Operation("createSubscriber", "POST", "/subscribers", "Ask somebody to confirm, or add them on a recorded ground.",
              WRITE_PEOPLE, "subscribers:create", body="NewSubscriber",
              answers={200: "Subscribed", 201: "Subscribed", 202: "Asked"}, known=(409,)),
    Operation("getSubscriber", "GET", _ONE, "One person, by id or address.",
              READ_PEOPLE, "subscribers:get", answers={200: "Subscriber"}, known=(404,)),
    Operation("changeSubscriber", "PATCH", _ONE, "Change what somebody gets; newsletters are only those they get.",
              WRITE_PEOPLE, "subscribers:change", body="Changes", answers={200: "Subscriber"}, known=(404, 409)),
    Operation("eraseSubscriber", "DELETE", _ONE, "Take somebody out altogether.",
              WRITE_PEOPLE, "subscribers:erase", answers={204: ""}, known=(404,)),
    Operation("leave", "POST", f"{_ONE}/leave", "Unsubscribe somebody from one newsletter, or from all.",
              WRITE_PEOPLE, "subscribers:leave", body="Leave", answers={200: "Left"}, known=(404,)),
    Operation("listSuppressions", "GET", "/suppressions", "Who is never written to: domains first, then people.",
              READ_PEOPLE, "suppressions:listed", _PAGED, answers={200: "SuppressionPage"}),
    Operation("getSuppression", "GET", _SUPPRESSED, "One suppression, by id, address or @domain.",
              READ_PEOPLE, "suppressions:get", answers={200: "Suppression"}, known=(404,)),
    Operation("suppress", "PUT", _SUPPRESSED, "Never write there again, in any newsletter. A stronger reason stays.",
              WRITE_PEOPLE, "suppressions:put", body="Suppress", answers={200: "Suppression"}, known=(404,)),
    Operation("liftSuppression", "POST", f"{_SUPPRESSED}/lift", "Take a suppression back; a complaint stays.",
              WRITE_PEOPLE, "suppressions:lift", body="Lift", answers={200: "Lifted"}, known=(404, 409)),
    Operation("listNewsletters", "GET", "/newsletters", "All newsletters.",
              READ_NEWSLETTERS, "newsletters:listed", answers={200: "Newsletters"}),
    Operation("getNewsletter", "GET", "/newsletters/{newsletter}", "One newsletter, with how many get it.",
              READ_NEWSLETTERS, "newsletters:get", answers={200: "NewsletterWithMembers"}, known=(404,)),
    Operation("listEditions", "GET", "/editions", "Editions, the newest first.", READ_EDITIONS, "editions:listed",
              {**_PAGED, "newsletter": _NEWSLETTER, "state": {"type": "string", "enum": _STATES}},
              answers={200: "EditionPage"}),
    Operation("getEdition", "GET", _EDITION, "One edition with its books.",
              READ_EDITIONS, "editions:get", answers={200: "Edition"}, known=(404,)),
    _decision("approve", "Let it go out at its slot; at once where that has passed."),
    _decision("hold", "Keep it back before its first mail."),
    _decision("pause", "Stop it in mid-send, after the wave in flight."),
    _decision("resume", "Go on where it was paused."),
    _decision("cancel", "Never send it (further)."),
    Operation("listEvents", "GET", "/events", "What happened in the last 30 days, the newest last; 30 seconds late.",
              READ_EVENTS, "events:listed", _PAGED, answers={200: "EventPage"}),
)  # fmt: skip
