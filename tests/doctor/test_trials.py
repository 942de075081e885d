"""Trial mails: to the simulator, back as events, into one note, and into nothing else."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from chalicelib.cli.context import house
from chalicelib.deliver.hearing.hearing import Recorded
from chalicelib.deliver.hearing.listening import Tally
from chalicelib.deliver.hearing.trials import heard_of, is_trial, trial_tags
from chalicelib.deliver.ledger import News
from chalicelib.doctor.trying import SIMULATOR, trial_mails
from chalicelib.store import QueueMessage
from chalicelib.transports.ses_tags import tags_of
from tests.cli.house import MONDAY, Command, small_site
from tests.doctor.zones import serving
from tests.fake_ses import FakeSes, Taken
from tests.transports.ses_house import ses_environment

KINDS = {
    "success@simulator.amazonses.com": ["Send", "Delivery"],
    "bounce@simulator.amazonses.com": ["Send", "Bounce"],
    "complaint@simulator.amazonses.com": ["Send", "Delivery", "Complaint"],
}
DETAILS = {
    "Bounce": {
        "bounceType": "Permanent", "bounceSubType": "General",
        "bouncedRecipients": [{"emailAddress": "bounce@simulator.amazonses.com", "status": "5.1.1"}],
    },
    "Complaint": {"complainedRecipients": [{"emailAddress": "complaint@simulator.amazonses.com"}]},
}  # fmt: skip


def events_of(mail: Taken) -> list[str]:
    """What SES publishes of a mail to its simulator, as SNS leaves it in a queue."""
    about = {"messageId": mail.message_id, "destination": [mail.to], "tags": {k: [v] for k, v in mail.tags.items()}}
    bodies = [{"eventType": kind, "mail": about, kind.lower(): DETAILS.get(kind, {})} for kind in KINDS[mail.recipient]]
    return [json.dumps({"Type": "Notification", "Message": json.dumps(body)}) for body in bodies]


class Publisher(threading.Thread):
    """Publishes the events of what SES takes, but those of ``lost`` kinds; each twice, as SNS may."""

    def __init__(self, ses: FakeSes, url: str, lost: tuple[str, ...] = ()) -> None:
        super().__init__(daemon=True)
        self.ses, self.url, self.lost, self.over = ses, url, lost, threading.Event()
        self._sqs = boto3.client("sqs", region_name="us-east-1")

    def run(self) -> None:
        done = 0
        while not self.over.wait(0.02):
            for mail in self.ses.taken[done:]:
                for body in events_of(mail):
                    if not any(f'\\"{kind}\\"' in body for kind in self.lost):
                        self._sqs.send_message(QueueUrl=self.url, MessageBody=body)
                        self._sqs.send_message(QueueUrl=self.url, MessageBody=body)
                done += 1


@pytest.fixture
def sending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Command, FakeSes, str]]:
    with FakeSes() as ses, ses_environment(ses.url), mock_aws():
        url = boto3.client("sqs", region_name="us-east-1").create_queue(QueueName="events")["QueueUrl"]
        command = small_site(Command(tmp_path, monkeypatch))
        command.run("tick", "--now", MONDAY)
        command.setenv("SENDBRIEF_TRANSPORT", "ses")
        command.setenv("SENDBRIEF_SES_CONFIGURATION_SET", "sendbrief")
        command.setenv("SENDBRIEF_EVENT_QUEUE_URL", url)
        yield command, ses, url


def tried(command: Command, *, wait: int = 20) -> list[tuple[str, str]]:
    """Findings on the events, but those on how they are set up, of which this SES knows nothing."""
    with serving({}) as (server, _):
        at = f"127.0.0.1:{server.port}"
        ran = command.run("doctor", "--events", "--json", "--wait", str(wait), "--nameserver", at, code=1)
    rows = [row for row in ran.json if row["topic"] == "events" and "configuration set" not in row["what"]]
    return [(row["severity"], row["what"]) for row in rows]


def test_all_that_comes_back_is_heard_and_nothing_else_comes_of_it(sending: tuple[Command, FakeSes, str]) -> None:
    command, ses, url = sending
    before = command.run("suppressions", "list", "--json").json
    publisher = Publisher(ses, url)
    publisher.start()
    found = tried(command)
    publisher.over.set()
    publisher.join(10)
    assert [severity for severity, _ in found] == ["ok", "ok", "ok"], found
    assert sorted(mail.recipient for mail in ses.taken) == sorted(address for address, _, _ in SIMULATOR)
    assert {mail.configuration_set for mail in ses.taken} == {"sendbrief"}
    assert {mail.sender for mail in ses.taken} == {"news@example.org"}
    assert command.run("suppressions", "list", "--json").json == before


def test_what_does_not_come_back_is_told(sending: tuple[Command, FakeSes, str]) -> None:
    command, ses, url = sending
    publisher = Publisher(ses, url, lost=("Bounce", "Delivery"))
    publisher.start()
    found = tried(command, wait=3)
    publisher.over.set()
    publisher.join(10)
    assert [severity for severity, _ in found] == ["note", "error", "ok"]
    assert "bounce did not come within" in found[1][1]


def test_a_trial_that_is_not_taken_waits_for_nothing(sending: tuple[Command, FakeSes, str]) -> None:
    command, ses, _ = sending
    ses.sending_enabled = False
    began = time.monotonic()
    found = tried(command, wait=60)
    assert time.monotonic() - began < 30
    assert [(severity, "takes no mail" in what) for severity, what in found] == [("error", True)], found


def test_a_trial_needs_ses_and_its_queue(command: Command) -> None:
    command.setenv("SENDBRIEF_TRANSPORT", "smtp")
    command.setenv("SENDBRIEF_SMTP_URL", "smtp://127.0.0.1:9")
    with serving({}) as (server, _):
        ran = command.run("doctor", "--events", "--json", "--nameserver", f"127.0.0.1:{server.port}", code=1)
    (row,) = [row for row in ran.json if row["topic"] == "events"]
    assert (row["severity"], "SENDBRIEF_TRANSPORT=ses" in row["do"]) == ("error", True)


def test_events_of_a_trial_change_nothing_but_its_note(command: Command) -> None:
    with house() as runtime:
        mail = trial_mails("news@example.org", "0123abcd", runtime.clock())[1]
        tags = {tag["Name"]: tag["Value"] for tag in tags_of(mail)}
        taken = Taken("1", mail.sender, mail.recipient, mail.recipient, b"", "", "", "", {}, tags, "", ())
        tally = Tally()
        messages = [QueueMessage(body, str(number), 1) for number, body in enumerate(events_of(taken) * 2)]
        assert runtime.listener.events(messages, runtime.clock(), tally) == {}
        assert tally.recorded == Recorded()
        assert heard_of(runtime.table, "0123abcd") == {(1, News.SENT), (1, News.BOUNCED)}
        assert heard_of(runtime.table, "another") == set()


def test_no_newsletter_can_be_called_like_a_trial(bare: Command) -> None:
    from tests.cli.house import DIGEST, SITE

    tag = trial_tags("0123", 0)["edition"]
    assert is_trial(tag)
    bare.write("site.yaml", SITE)
    bare.write(f"newsletters/{tag.partition('/')[0]}.yaml", DIGEST)
    bare.write("posts/2026-11-20-first.md", "---\ntitle: First\n---\nThe first post.\n")
    assert "bad-name" in bare.run("check", code=1).out
