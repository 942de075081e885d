"""The shapes of bodies, as JSON Schemas (2020-12): requests are held to them, and the document shows them."""

from typing import Any

Schema = dict[str, Any]


def _text(most: int, least: int = 0, **more: Any) -> Schema:
    return {"type": "string", **({"minLength": least} if least else {}), "maxLength": most, **more}


def _object(required: str = "", *, closed: bool = False, **properties: Schema) -> Schema:
    """An object; ``required`` names keys, ``*`` all. Bodies of requests are ``closed``: unknown keys are mistakes."""
    names = list(properties) if required == "*" else required.split()
    shape: Schema = {"type": "object", "properties": properties}
    return {**shape, **({"required": names} if names else {}), **({"additionalProperties": False} if closed else {})}


def _list(items: Schema, most: int | None = None, least: int = 0) -> Schema:
    limits = {**({"minItems": least} if least else {}), **({"maxItems": most} if most else {})}
    return {"type": "array", "items": items, **limits}


def _or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _page(name: str) -> Schema:
    cursor = {"type": ["string", "null"], "description": "To be given back for the next page; null at the end."}
    return _object("*", items=_list(_ref(name)), cursor=cursor)


_STRING: Schema = {"type": "string"}
_MAYBE: Schema = {"type": ["string", "null"]}
_NUMBER: Schema = {"type": "integer"}
_TEXTS: Schema = {"type": "object", "additionalProperties": _STRING, "description": "By language; * is any."}
_ADDRESS = _text(254, 3, description="A mail address, before the @ in ASCII.")
_NEWSLETTER = _text(64, 1)
_TOPICS: Schema = {
    "type": ["array", "null"], "items": _text(64, 1), "minItems": 1, "maxItems": 200, "description": "null: all.",
}  # fmt: skip
_WANTED = _object("name", closed=True, name=_NEWSLETTER, cadence=_text(40, 1), topics=_TOPICS)
_ZONE = _or_null(_text(64, description="Where they are at home, like Europe/Berlin; null: the site's own zone."))
_PERSON: dict[str, Any] = {
    "address": _ADDRESS,
    "name": _text(100),
    "language": _text(35, 1),
    "zone": _ZONE,
    "newsletters": _list(_ref("Wanted"), 30, 1),
}
_MARKS = _list(_text(164, 3, pattern="^[a-z][a-z0-9-]{0,63}:[A-Za-z0-9][A-Za-z0-9._-]{0,98}$"), 50)
_REASONS = ["manual", "complaint", "bounce", "domain"]
_DECIDED = ["new", "changed", "same", "unsubscribed", "suppressed"]
_FORM = _text(100, description="Which form of yours was filled in, and its version: for the evidence.")
_WORDS = _text(5000, description="What the form said above its button: kept once, its SHA-256 goes into the evidence.")

REQUESTS: dict[str, Schema] = {
    "Wanted": _WANTED,
    "NewSubscriber": {
        "oneOf": [_ref("NewByDoubleOptIn"), _ref("NewByRecord")],
        "discriminator": {
            "propertyName": "consent",
            "mapping": {
                "double-opt-in": "#/components/schemas/NewByDoubleOptIn",
                "recorded": "#/components/schemas/NewByRecord",
            },
        },
    },
    "NewByDoubleOptIn": _object(
        "address newsletters consent", closed=True, **_PERSON,
        consent={"const": "double-opt-in", "description": "They get a mail, and are members once they confirm."},
        form=_FORM, words=_WORDS,
    ),
    "NewByRecord": _object(
        "address newsletters consent basis how", closed=True, **_PERSON,
        consent={"const": "recorded", "description": "You have the ground on record; they are members at once."},
        basis={"type": "string", "enum": ["consent", "contract", "legitimate-interest"]},
        how=_text(300, 1, description="How they agreed, or what contract it is: for the evidence."), marks=_MARKS,
    ),
    "Changes": _object(
        closed=True, name=_text(100), language=_text(35, 1), zone=_ZONE,
        paused_until=_or_null(_text(10, 10, description="The first day on which mails come again; null: no pause.")),
        newsletters=_list(_ref("Wanted"), 30),
    ),
    "Leave": _object(
        closed=True, newsletter={**_NEWSLETTER, "description": "Without it: all."}, why=_text(300)
    ),
    "Suppress": _object("reason", closed=True, reason={"type": "string", "enum": _REASONS}, note=_text(300)),
    "Lift": _object("why", closed=True, why=_text(300, 1)),
    "Why": _object(closed=True, why=_text(300)),
}  # fmt: skip

_MEMBER: dict[str, Any] = {
    "topics": {"type": ["array", "null"], "items": _STRING}, "cadence": _STRING, "state": _STRING,
    "paused_until": _MAYBE, "joined": _MAYBE, "marks": _list(_STRING), "zone": _MAYBE,
}  # fmt: skip
_OFFER = _object("*", name=_STRING, title=_TEXTS)
_NEWSLETTER_SHAPE: dict[str, Any] = {
    "name": _STRING, "title": _TEXTS, "description": _TEXTS, "languages": _list(_STRING), "cadences": _list(_STRING),
    "topics": _list(_OFFER), "triggered": {"type": "boolean"},
}  # fmt: skip
_BOOKS: Schema = {"type": ["object", "null"], "additionalProperties": _NUMBER}
_EVENT_SUBSCRIBER = _object(
    "*", id=_STRING, address=_MAYBE, name=_MAYBE, language=_MAYBE,
    newsletters={"type": "object", "additionalProperties": _STRING}, former_ids=_list(_STRING),
)  # fmt: skip

ANSWERS: dict[str, Schema] = {
    "Problem": _object(
        "type title status detail", type=_STRING, title=_STRING, status=_NUMBER, detail=_STRING,
        field={"type": "string", "description": "The parameter, or the place in the body, that is wrong."},
    ),
    "Membership": _object(
        "*", id=_STRING, newsletter=_STRING, address=_STRING, name=_STRING, language=_MAYBE, **_MEMBER
    ),
    "MembershipPage": _page("Membership"),
    "Member": _object("*", **_MEMBER),
    "Subscriber": _object(
        "*", id=_STRING, address=_STRING, name=_STRING, language=_MAYBE, created=_MAYBE, former_ids=_list(_STRING),
        newsletters={"type": "object", "additionalProperties": _ref("Member")},
        pending=_list(_STRING), suppressed={"anyOf": [_ref("Suppression"), {"type": "null"}]},
    ),
    "Subscribed": _object(
        "*", id=_STRING,
        newsletters={"type": "object", "additionalProperties": {"type": "string", "enum": _DECIDED}},
    ),
    "Asked": _object("*", id=_STRING, status={"const": "pending"}),
    "Left": _object("*", id=_STRING, left=_list(_STRING)),
    "Suppression": _object("*", who=_STRING, reason=_STRING, at=_STRING, note=_STRING, by=_STRING),
    "Lifted": _object("*", who=_STRING, reason=_STRING, lifted=_STRING),
    "SuppressionPage": _page("Suppression"),
    "Newsletter": _object("*", **_NEWSLETTER_SHAPE),
    "NewsletterWithMembers": _object(
        "*", **_NEWSLETTER_SHAPE,
        members=_object("*", confirmed=_NUMBER, unsubscribed=_NUMBER, complete={
            "type": "boolean", "description": "false: there are more than were counted.",
        }),
    ),
    "Newsletters": _object("*", items=_list(_ref("Newsletter"))),
    "Edition": _object(
        "*", id=_STRING, newsletter=_STRING, slot=_STRING, slot_at=_STRING, state=_STRING, why=_STRING,
        number=_NUMBER, subject=_TEXTS, entries=_NUMBER, books=_BOOKS, changed=_MAYBE,
    ),
    "EditionPage": _page("Edition"),
    "Event": _object(
        "*", id=_STRING, type=_STRING, timestamp=_STRING,
        data=_object(
            "newsletter", newsletter=_MAYBE, subscriber=_EVENT_SUBSCRIBER,
            edition=_object("*", id=_STRING, slot=_STRING, subject=_TEXTS, books=_BOOKS),
        ),
    ),
    "EventPage": _page("Event"),
}  # fmt: skip
SCHEMAS: dict[str, Schema] = {**REQUESTS, **ANSWERS}
