"""Events of SES, in each form they come in; what is none of them is an error, and nothing of it names anybody."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.deliver.hearing.ses_events import read_ses_event
from chalicelib.deliver.hearing.values import Heard
from chalicelib.deliver.ledger import News
from chalicelib.errors import StoreError
from tests.deliver.hearing.samples import CHUNK, EDITION, FORGED, MESSAGE_ID, NOW, POSITION, SIGNER

AT = "2026-11-26T09:00:05.123Z"
TAGS = {"ses:configuration-set": ["news"], "edition": ["digest_2026-11-26"], "chunk": ["0"], "position": ["3"]}


def event(kind: str, part: dict[str, Any] | None = None, *, name: str = "eventType", **mail: Any) -> dict[str, Any]:
    about = {
        "timestamp": "2026-11-26T09:00:04.000Z", "messageId": "0100018c-1", "source": "digest@example.org",
        "destination": ["ada@example.net"], "tags": TAGS, **mail,
    }  # fmt: skip
    words = {"Rendering Failure": "failure"}.get(kind, kind[:1].lower() + kind[1:])
    return {name: kind, "mail": about, words: part if part is not None else {}}


def bounce(kind: str, subtype: str, *, feedback: str = "f1", **recipient: str) -> dict[str, Any]:
    return {
        "bounceType": kind, "bounceSubType": subtype, "feedbackId": feedback, "timestamp": AT,
        "bouncedRecipients": [{"emailAddress": "ada@example.net", **recipient}],
    }  # fmt: skip


def complaint(**more: str) -> dict[str, Any]:
    return {"complainedRecipients": [{"emailAddress": "ada@example.net"}], "feedbackId": "c1", "timestamp": AT, **more}


def read(data: Any) -> Heard | None:
    return read_ses_event(data if isinstance(data, str) else json.dumps(data), SIGNER, NOW)


def enveloped(data: Any, **more: Any) -> dict[str, Any]:
    message = data if isinstance(data, str) else json.dumps(data)
    return {"Type": "Notification", "MessageId": "m", "TopicArn": "arn:x", "Message": message, **more}


UNKNOWN = {"action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 <ada@example.net>: ada is unknown"}
CASES = [
    (event("Send"), News.SENT, False, True, ""),
    (event("Delivery", {"timestamp": AT, "smtpResponse": "250 ok", "recipients": ["ada@example.net"]}),
     News.DELIVERED, False, True, ""),
    (event("Reject", {"reason": "Bad content"}), News.BOUNCED, False, False, "reject: Bad content"),
    (event("Rendering Failure", {"errorMessage": "no variable 'x'", "templateName": "t"}),
     News.BOUNCED, False, False, "rendering failure: no variable 'x'"),
    (event("Bounce", bounce("Permanent", "General", **UNKNOWN)), News.BOUNCED, True, True,
     "Permanent/General: smtp; 550 5.1.1 <the recipient>: the recipient is unknown"),
    (event("Bounce", bounce("Permanent", "NoEmail")), News.BOUNCED, True, True, "Permanent/NoEmail"),
    (event("Bounce", bounce("Permanent", "OnAccountSuppressionList")), News.BOUNCED, True, True,
     "Permanent/OnAccountSuppressionList"),
    (event("Bounce", bounce("Transient", "MailboxFull", status="5.2.2")), News.BOUNCED, False, True,
     "Transient/MailboxFull: 5.2.2"),
    (event("Bounce", bounce("Transient", "General", action="failed", status="4.4.7", diagnosticCode="expired")),
     News.BOUNCED, False, True, "Transient/General: expired"),
    (event("Bounce", bounce("Undetermined", "Undetermined")), News.BOUNCED, False, True, "Undetermined/Undetermined"),
    (event("Complaint", complaint(complaintFeedbackType="abuse")), News.COMPLAINED, False, True, "abuse"),
    (event("Complaint", complaint()), News.COMPLAINED, False, True, "complaint"),
    (event("Complaint", complaint(complaintSubType="OnAccountSuppressionList")), News.BOUNCED, False, True,
     "OnAccountSuppressionList"),
    (event("Bounce", bounce("Permanent", "General", action="failed", status="5.7.1",
                            diagnosticCode="smtp; 550 5.7.1 Message rejected as spam")),
     News.BOUNCED, False, True, "Permanent/General: smtp; 550 5.7.1 Message rejected as spam"),
    (event("Bounce", bounce("Permanent", "General", diagnosticCode="smtp; 552 5.2.2 mailbox full")),
     News.BOUNCED, False, True, "Permanent/General: smtp; 552 5.2.2 mailbox full"),
    (event("Bounce", bounce("Permanent", "Suppressed", action="failed", status="5.1.1",
                            diagnosticCode="Amazon SES has suppressed sending: blocked")),
     News.BOUNCED, True, True, "Permanent/Suppressed: Amazon SES has suppressed sending: blocked"),
]  # fmt: skip
USELESS = {
    "delayed": event("DeliveryDelay"), "opened": event("Open"), "clicked": event("Click"),
    "subscription": event("Subscription"),
    "away": event("Bounce", bounce("Transient", "General")),
    "away, with a status": event("Bounce", bounce("Transient", "General", status="2.0.0", action="delivered")),
    "not spam": event("Complaint", complaint(complaintFeedbackType="not-spam")),
    "failed signature": event("Complaint", complaint(complaintFeedbackType="auth-failure")),
    "no tags": event("Delivery", tags={}), "tags of another program": event("Delivery", tags={"campaign": ["x"]}),
    "half of the tags": event("Delivery", tags={**TAGS, "chunk": []}),
    "a position that is none": event("Delivery", tags={**TAGS, "position": ["-1"]}),
    "tags of another shape": event("Delivery", tags=["x"]),
    "a person that is none": event("Delivery", tags={"person": ["ada"]}),
    "forged": event("Delivery", tags=None, headers=[{"name": "Message-ID", "value": f"<{FORGED}>"}]),
    "SNS, new topic": {"Type": "SubscriptionConfirmation", "Message": "You have chosen to subscribe", "Token": "t"},
    "SES, new topic": enveloped("Successfully validated SNS topic for Amazon SES event publishing."),
    "SES, older": {"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "hello"},
}  # fmt: skip


@pytest.mark.parametrize(("data", "kind", "permanent", "of_mailbox", "reason"), CASES)
def test_each_event_is_understood_raw_enveloped_and_of_the_older_kind(
    data: dict[str, Any], kind: News, permanent: bool, of_mailbox: bool, reason: str
) -> None:
    heard = read(data)
    assert heard is not None
    assert (heard.kind, heard.permanent, heard.of_mailbox, heard.reason) == (kind, permanent, of_mailbox, reason)
    assert (heard.edition, heard.chunk, heard.position, heard.source) == (EDITION, CHUNK, POSITION, "ses")
    assert "@" not in heard.excerpt
    assert heard.at in {datetime(2026, 11, 26, 9, 0, 4, tzinfo=UTC), datetime(2026, 11, 26, 9, 0, 5, 123000, UTC)}
    assert read(enveloped(data)) == heard
    older = {"notificationType": data["eventType"], **{k: v for k, v in data.items() if k != "eventType"}}
    assert read(older) == heard
    headers = [{"name": "From", "value": "x"}, {"name": "Message-Id", "value": f"<{MESSAGE_ID}>"}]
    older["mail"] = {**older["mail"], "tags": None, "headersTruncated": False, "headers": headers}
    assert read(older) == heard, "by our own signed Message-ID"


@pytest.mark.parametrize("name", USELESS)
def test_what_says_nothing_of_a_mail_of_ours_is_passed_over(name: str) -> None:
    assert read(USELESS[name]) is None


def test_a_complaint_of_old_stops_somebody_though_this_mail_was_never_sent() -> None:
    """And this edition's books and brake have no complaint of it: SES counts none either."""
    for subtype, kind in (("OnAccountSuppressionList", News.BOUNCED), ("", News.COMPLAINED)):
        heard = read(event("Complaint", complaint(complaintSubType=subtype)))
        assert heard is not None
        assert (heard.kind, heard.unwanted) == (kind, True)
    bounced = read(event("Bounce", bounce("Permanent", "NoEmail")))
    assert bounced is not None
    assert not bounced.unwanted


def test_a_notice_is_known_by_its_person() -> None:
    heard = read(event("Bounce", bounce("Permanent", "General"), tags={"notice": ["confirm"], "person": ["ab" * 12]}))
    assert heard is not None
    assert (heard.sid, heard.edition, heard.permanent) == ("ab" * 12, "", True)


def test_the_same_event_has_the_same_id_and_another_one_another() -> None:
    first, again = read(event("Bounce", bounce("Permanent", "General"))), read(enveloped(CASES[5][0]))
    other = read(event("Bounce", bounce("Permanent", "General", feedback="f2")))
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.raw_id == again.raw_id != other.raw_id


def test_moments_are_never_to_come_and_zones_may_lack() -> None:
    for text, wanted in (
        ("2099-01-01T00:00:00Z", NOW), ("nonsense", NOW), ("2026-11-26T08:00:00", NOW.replace(hour=8)),
        ("2026-11-26T09:00:00+01:00", NOW.replace(hour=8)), ("0001-01-01T00:00:00+14:00", NOW),
    ):  # fmt: skip
        heard = read(event("Delivery", {"timestamp": text}))
        assert heard is not None
        assert heard.at == wanted


GARBLED = [
    "", "null", "[]", "7", '"x"', "{}", "{", "[" * 100_000, '{"a":' * 50_000, '{"eventType": "Bounce"}', "\x00",
    json.dumps({"eventType": "Party", "mail": {}}), json.dumps({"eventType": "Bounce", "mail": [], "bounce": {}}),
    json.dumps({"eventType": "Bounce", "mail": {}}), json.dumps({"eventType": ["Bounce"], "mail": {}}),
    json.dumps(enveloped("no event")), json.dumps(enveloped(enveloped(event("Send")))),
    json.dumps({"Type": "Notification", "Message": {"eventType": 1}}), "ada@example.net wrote this",
]  # fmt: skip


@pytest.mark.parametrize("body", GARBLED, ids=lambda body: body[:30])
def test_what_is_no_event_is_a_clear_error_that_names_nobody(body: str) -> None:
    with pytest.raises(StoreError, match="no event of SES") as caught:
        read(body)
    assert "ada@" not in str(caught.value)
    assert len(str(caught.value)) < 300


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from([
    "mail", "bounce", "complaint", "tags", "headers", "destination", "bouncedRecipients", "timestamp", "feedbackId",
    "bounceType", "bounceSubType", "edition", "chunk", "position",
])  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(st.sampled_from([case[0] for case in CASES]), st.lists(st.tuples(NAMES, JSON), min_size=1, max_size=4))
def test_whatever_stands_in_an_event_it_is_understood_or_refused(data: dict[str, Any], wrong: list[Any]) -> None:
    changed = json.loads(json.dumps(data))

    def put(value: Any, name: str, new: Any) -> None:
        for key, inner in list(value.items()) if isinstance(value, dict) else []:
            if key == name:
                value[key] = new
            else:
                put(inner, name, new)

    for name, new in wrong:
        put(changed, name, new)
    try:
        heard = read(changed)
    except StoreError:
        return
    assert heard is None or ("/" in heard.edition and heard.chunk >= 0 and heard.position >= 0)
    assert heard is None or "ada@" not in heard.excerpt
