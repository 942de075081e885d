"""Mails that SES takes in: its notification leads to the file, and the file is heard like a mail of a mailbox."""

import json
from typing import Any

import pytest

from chalicelib.deliver.hearing.arrivals import Arrival, read_arrival
from chalicelib.deliver.hearing.listening import Tally
from chalicelib.deliver.hearing.references import bounce_sender, edition_reference
from chalicelib.errors import StoreError
from chalicelib.store import QueueMessage
from tests.deliver.hearing.samples import sample
from tests.deliver.hearing.test_listening import MailTokens, event, listener, returned
from tests.deliver.hearing.test_listening import house as house
from tests.deliver.house import ID, House
from tests.simulation.world import SECRETS, SLOT

KEY = "inbound/d6iitobk75ur44p8kdnnp7g2n800"


def received(key: str = KEY, **more: Any) -> dict[str, Any]:
    """As the developer guide of SES shows it: "Contents of notifications for Amazon SES email receiving"."""
    verdict = {"status": "PASS"}
    action = {"type": "S3", "topicArn": "arn:aws:sns:eu-central-1:123456789012:events", "bucketName": "sendbrief-b",
              "objectKeyPrefix": "inbound/", "objectKey": key}  # fmt: skip
    return {
        "notificationType": "Received",
        "receipt": {
            "timestamp": "2026-11-26T09:00:04.000Z", "processingTimeMillis": 222, "recipients": ["b+x@in.example.org"],
            "spamVerdict": verdict, "virusVerdict": verdict, "spfVerdict": verdict, "dkimVerdict": verdict,
            "action": action, **more,
        },
        "mail": {
            "timestamp": "2026-11-26T09:00:04.000Z", "source": "", "messageId": key.rpartition("/")[2],
            "destination": ["b+x@in.example.org"], "headersTruncated": False, "headers": [],
            "commonHeaders": {"returnPath": "", "from": ["mailer-daemon@example.com"], "subject": "Undelivered"},
        },
    }  # fmt: skip


def in_envelope(data: dict[str, Any]) -> str:
    return json.dumps({"Type": "Notification", "MessageId": "m", "TopicArn": "arn:x", "Message": json.dumps(data)})


@pytest.mark.parametrize("wrap", [json.dumps, in_envelope])
def test_a_notification_leads_to_its_file_raw_or_not(wrap: Any) -> None:
    assert read_arrival(wrap(received())) == Arrival(KEY, "b+x@in.example.org")
    assert read_arrival(wrap(received(KEY.removeprefix("inbound/")))) == Arrival(KEY, "b+x@in.example.org")
    assert read_arrival(wrap(received(recipients=[]))) == Arrival(KEY)


def test_other_events_are_no_arrivals() -> None:
    assert read_arrival(event(0, 0)) is None
    assert read_arrival("Successfully validated SNS topic for Amazon SES event publishing.") is None


@pytest.mark.parametrize(
    "data",
    [
        received("inbound/../bundles/a"),
        received("editions/digest/1/letter.json"),
        received(""),
        received(action={"type": "Lambda", "functionArn": "arn:x"}),
        received(action=None),
        {"notificationType": "Received", "receipt": "none"},
    ],
)
def test_what_our_rule_did_not_put_there_is_not_read(data: dict[str, Any]) -> None:
    with pytest.raises(StoreError, match="no file that our rule"):
        read_arrival(json.dumps(data))


@pytest.mark.parametrize("wrap", [json.dumps, in_envelope])
def test_a_mail_that_came_in_is_heard_with_the_events_of_its_batch(house: House, wrap: Any) -> None:
    house.blobs.put(KEY, returned(0, 2))
    tally = Tally()
    messages = [QueueMessage(wrap(received()), "r0", 1), QueueMessage(event(0, 1), "r1", 1)]
    assert listener(house).events(messages, SLOT, tally) == {}
    assert (house.marks()[:4], tally.verdicts, tally.recorded.changed) == ("svbs", {"heard": 2}, 2)
    listener(house).events(messages, SLOT, Tally())
    assert house.marks()[:4] == "svbs", "told twice is heard once"


def test_whom_it_was_delivered_to_tells_which_mail_came_back(house: House) -> None:
    reference = edition_reference(ID, 0, 3)
    to = bounce_sender("bounces@in.example.org", reference, MailTokens(SECRETS).sign(reference))
    house.blobs.put(KEY, sample("postfix-unknown-user", message_id="other@example.net", verp="bounces@in.example.org"))
    body = json.dumps(received(recipients=[to]))
    assert listener(house).events([QueueMessage(body, "r0", 1)], SLOT, Tally()) == {}
    assert house.marks()[:5] == "sssbs"


def test_what_a_person_wrote_changes_nothing_and_a_file_that_is_gone_is_told(house: House) -> None:
    house.blobs.put(KEY, sample("reply-by-a-person", message_id="other@example.net", verp="news@example.org"))
    tally = Tally()
    gone = QueueMessage(json.dumps(received("inbound/gone")), "r1", 1)
    failed = listener(house).events([QueueMessage(json.dumps(received()), "r0", 1), gone], SLOT, tally)
    assert (set(failed), set(house.marks()), tally.recorded.changed) == ({"r1"}, {"s"}, 0)
    assert "inbound/gone came in and is not there" in tally.troubles[0]
