"""Events of Amazon SES: what a configuration set publishes and the older notifications, as SNS leaves them in a queue.

An event that can't be read is an error and goes to the dead letters; one that is of no use is None. Trusted for where
it came from: only SNS may write to the queue.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chalicelib.deliver.hearing.classify import judge, passes
from chalicelib.deliver.hearing.references import Reference, read_reference
from chalicelib.deliver.hearing.values import GOOD, Heard, Signer, nameless
from chalicelib.deliver.ledger import MAX_REASON, News
from chalicelib.errors import StoreError

MAX_EVENT = 1_048_576
"""Characters of a message: SQS takes no larger one."""
NO_COMPLAINTS = frozenset({"not-spam", "auth-failure", "virus"})
"""Kinds of feedback (RFC 5965, 6591) by which nobody says that they don't want our mail."""
_NUMBER = re.compile(r"[0-9]{1,6}")
_PERSON = re.compile(r"[0-9a-f]{24}")
_TEST_WORDS = "Successfully validated SNS topic"
"""What SES sends once to try a topic; it is no JSON."""
_DROPPED = {"Reject": "reject", "Rendering Failure": "failure"}
"""Events of mails that SES took and never sent, with what tells of it."""
_PLAIN = {"Send": News.SENT, "Delivery": News.DELIVERED, **dict.fromkeys(_DROPPED, News.BOUNCED)}
_LISTED = "OnAccountSuppressionList"
"""The subtype of mails that SES took and never sent, because the address had bounced or complained before."""
_GONE = frozenset({"NoEmail", "Suppressed", _LISTED})
"""Subtypes by which SES itself writes to an address no more, whatever its server said."""
_USELESS = frozenset({"DeliveryDelay", "Open", "Click", "Subscription"})


def read_ses_event(body: str, signer: Signer, now: datetime) -> Heard | None:
    """What a queue's message says of one mail; None for what is not of ours, or says nothing of a mail's fate.

    Raises StoreError for what is no event at all. ``now`` stands in for a moment that is missing, or still to come.
    """
    event = unwrapped(body)
    if event is None:
        return None
    kind = _text(event, "eventType") or _text(event, "notificationType")
    if not kind:
        raise _garbled(body)
    if kind in _USELESS or kind == "AmazonSnsSubscriptionSucceeded":
        return None
    mail = event.get("mail")
    if not isinstance(mail, dict):
        raise _garbled(body)
    part = event.get(_DROPPED.get(kind, kind.lower()))
    about = part if isinstance(part, dict) else {}
    if kind not in _PLAIN and (kind not in {"Bounce", "Complaint"} or not about):
        raise _garbled(body)
    return _heard(kind, mail, about, signer, now)


def unwrapped(body: str) -> dict[str, Any] | None:
    """The event inside of SNS's envelope, or as it is (raw delivery); None for SNS's own mail to a new queue.

    Raises StoreError for what is no JSON object.
    """
    data: Any = body
    for _ in range(2):
        if isinstance(data, str) and data.startswith(_TEST_WORDS):
            return None
        try:
            data = json.loads(data[:MAX_EVENT])
        except (ValueError, RecursionError):
            raise _garbled(body) from None
        if not isinstance(data, dict):
            raise _garbled(body)
        if data.get("Type") in {"SubscriptionConfirmation", "UnsubscribeConfirmation"}:
            return None
        if data.get("Type") != "Notification" or not isinstance(data.get("Message"), str):
            return data
        data = data["Message"]
    raise _garbled(body)


def _garbled(body: str) -> StoreError:
    return StoreError(
        f"A queue message is no event of SES: {nameless(body[:200], most=80)!r}.",
        "It goes to the dead letters. See that only SES's topic writes to this queue.",
    )


def _heard(kind: str, mail: dict[str, Any], about: dict[str, Any], signer: Signer, now: datetime) -> Heard | None:
    where = _tagged(mail) or _by_message_id(mail, signer)
    news = _PLAIN.get(kind) or _judged(kind, about)
    if where is None or news is None:
        return None
    recipients = _recipients(kind, mail, about)
    addresses = [_text(one, "emailAddress") for one in recipients]
    said = "" if news in GOOD else nameless(_words(kind, about, recipients), addresses)
    named = _text(about, "feedbackId") or _text(mail, "messageId")
    return Heard(
        kind=news,
        at=_moment(_text(about, "timestamp") or _text(mail, "timestamp"), now),
        raw_id=hashlib.sha256(f"{kind}:{named}".encode("utf-8", "replace")).hexdigest()[:16],
        edition=where.edition,
        chunk=where.chunk,
        position=where.position,
        sid=where.sid,
        reason=said[:MAX_REASON],
        permanent=kind == "Bounce" and _is_gone(about, recipients),
        unwanted=kind == "Complaint",
        of_mailbox=kind not in _DROPPED,
        excerpt=said,
        source="ses",
    )


def _judged(kind: str, about: Mapping[str, Any]) -> News | None:
    """What a bounce or a complaint comes to; None where it is neither, whatever it is called."""
    if kind == "Bounce":
        return None if _is_auto_reply(about) else News.BOUNCED
    if _text(about, "complaintFeedbackType").lower() in NO_COMPLAINTS:
        return None
    return News.BOUNCED if _text(about, "complaintSubType") == _LISTED else News.COMPLAINED


def _is_gone(bounce: Mapping[str, Any], recipients: list[dict[str, Any]]) -> bool:
    """Whether the mailbox is. SES calls every refusal permanent, also one of content or policy (5.7.1)."""
    if _text(bounce, "bounceType") != "Permanent":
        return False
    said = [(_text(one, "status"), _text(one, "diagnosticCode")) for one in recipients]
    return _text(bounce, "bounceSubType") in _GONE or not any(passes(status, words) for status, words in said)


def _is_auto_reply(bounce: Mapping[str, Any]) -> bool:
    """Whether somebody is only away: SES passes such answers on as Transient/General, with no failure in them."""
    if (_text(bounce, "bounceType"), _text(bounce, "bounceSubType")) != ("Transient", "General"):
        return False
    said = [(_text(one, "status"), _text(one, "diagnosticCode"), _text(one, "action"))
            for one in _dicts(bounce.get("bouncedRecipients"))]  # fmt: skip
    return not any(action.lower() == "failed" or judge(status, words).code[:1] in {"4", "5"}
                   for status, words, action in said)  # fmt: skip


def _recipients(kind: str, mail: Mapping[str, Any], about: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Who it is about, each with ``emailAddress`` and perhaps more; also all whom the mail was for, to be unnamed."""
    named = _dicts(about.get("bouncedRecipients" if kind == "Bounce" else "complainedRecipients"))
    destination = mail.get("destination")
    others = [one for one in destination if isinstance(one, str)] if isinstance(destination, list) else []
    return [*named[:10], *({"emailAddress": one} for one in others[:10])]


def _words(kind: str, about: Mapping[str, Any], recipients: list[dict[str, Any]]) -> str:
    """The provider's own words, in one line."""
    first = next((_text(one, "diagnosticCode") or _text(one, "status") for one in recipients), "")
    subtype = _text(about, "bounceSubType") or _text(about, "complaintSubType") or _text(about, "complaintFeedbackType")
    kinds = "/".join(part for part in (_text(about, "bounceType"), subtype) if part)
    told = first or _text(about, "reason") or _text(about, "errorMessage") or _text(about, "smtpResponse")
    return ": ".join(part for part in (kinds or kind.lower(), told) if part)


def _tagged(mail: Mapping[str, Any]) -> Reference | None:
    """Whose mail it was by the tags that travelled with it: each a list of one."""
    tags = mail.get("tags")
    values = {name: _first(tags, name) for name in ("edition", "chunk", "position", "person")} \
        if isinstance(tags, dict) else {}  # fmt: skip
    if not values:
        return None
    if _PERSON.fullmatch(values["person"]) and not values["edition"]:
        return Reference(sid=values["person"])
    newsletter, _, slot = values["edition"].partition("_")
    if not (newsletter and slot and all(_NUMBER.fullmatch(values[name]) for name in ("chunk", "position"))):
        return None
    return Reference(f"{newsletter}/{slot}", int(values["chunk"]), int(values["position"]))


def _by_message_id(mail: Mapping[str, Any], signer: Signer) -> Reference | None:
    """By our own signed Message-ID, where the original headers came along: the older notifications have no tags."""
    for header in _dicts(mail.get("headers"))[:100]:
        if _text(header, "name").lower() == "message-id":
            return read_reference(_text(header, "value"), signer)
    return None


def _first(tags: Mapping[str, Any], name: str) -> str:
    value = tags.get(name)
    one = value[0] if isinstance(value, list) and value else value
    return one if isinstance(one, str) else ""


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""


def _moment(text: str, now: datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(text[:40])
        return min(moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC), now)
    except (ValueError, OverflowError):
        return now
