"""The commands with which a person steers: doubt, redrive, who, audit, and what status says while mails go out."""

import json
import os
import pwd
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chalicelib.cli.context import house
from chalicelib.collect.collector import collect
from chalicelib.deliver.chunks import task_body
from chalicelib.deliver.control import halt
from chalicelib.deliver.course import Course, save_course
from chalicelib.deliver.ledger import News
from chalicelib.runtime import Runtime
from tests.cli.house import EDITION, MONDAY, THURSDAY, Command

pytestmark = pytest.mark.usefixtures("command")


def planned(_: Command) -> None:
    """An edition that is being sent, with nobody written to yet."""
    with house(MONDAY) as runtime:
        collect(runtime.site, runtime.table, runtime.fetch, runtime.clock())
        runtime.composer.tick(runtime.clock())
    with house(THURSDAY) as runtime:
        runtime.composer.tick(runtime.clock())
        runtime.dispatcher.tick(runtime.clock())


def in_doubt(runtime: Runtime, positions: list[int]) -> None:
    """A sender died with these in the air."""
    chunks, clock = runtime.dispatcher.chunks, runtime.clock().timestamp()
    held = chunks.ledger(EDITION, 0)
    gone = held.ledger.claim("gone", 1, clock).begin(positions, {}, 1).claim("next", 2, clock)
    chunks.write_ledger(held, gone.release())


def doubtful(command: Command) -> list[dict[str, str]]:
    planned(command)
    with house(THURSDAY) as runtime:
        in_doubt(runtime, [0, 1])
    command.run("tick", "--now", THURSDAY)
    found = command.run("doubt", EDITION, "--json").json
    assert list(found) == ["edition", "settled", "decided", "doubts"]
    doubts: list[dict[str, str]] = found["doubts"]
    return doubts


def test_who_is_in_doubt_is_listed_and_resent_with_a_reason_alone(command: Command) -> None:
    doubts = doubtful(command)
    assert [one["id"] for one in doubts] == ["0.0", "0.1"]
    said = command.run("doubt", EDITION).said
    for one in doubts:
        assert one["address"] in said
        assert one["message_id"] in said
    assert "mid-wave" in said
    assert "needs its reason" in command.run("doubt", EDITION, "--resend", "all", code=2).err
    assert (
        "two decisions"
        in command.run("doubt", EDITION, "--resend", "0.0", "--leave", "0.1", "--reason", "x", code=2).err
    )
    assert "'0.7' is not in doubt" in command.run("doubt", EDITION, "--resend", "0.7", "--reason", "x", code=2).err
    before = len(command.mails())
    ran = command.run("doubt", EDITION, "--resend", "0.0", "--reason", "they say they lack it")
    assert "1 are written to again" in ran.out
    assert "left: no answer" in command.run("doubt", EDITION, "--leave", "all", "--reason", "no answer").out
    command.run("tick", "--now", THURSDAY)
    assert len(command.mails()) == before + 1
    with house(THURSDAY) as runtime:
        assert runtime.dispatcher.editions.find(EDITION).totals["in_doubt"] == 1
    noted = command.run("audit", "--json").json["noted"]
    assert [(one["what"], one["about"], one["why"]) for one in noted] == [
        ("resend", f"{EDITION} 0.0", "they say they lack it"), ("leave", f"{EDITION} 0.1", "no answer"),
    ]  # fmt: skip
    assert {one["who"] for one in noted} == {pwd.getpwuid(os.geteuid()).pw_name}


def test_the_log_settles_who_is_in_doubt(command: Command, tmp_path: Path) -> None:
    doubts = doubtful(command)
    assert "nowhere to look" in command.run("doubt", EDITION, "--look", code=1).err
    log = tmp_path / "mail.log"
    command.setenv("SENDBRIEF_MAIL_LOG", str(log))
    assert "There is no log" in command.run("doubt", EDITION, "--look", code=1).err
    log.write_text(
        f"Nov 26 mail postfix/cleanup[1]: 4Xabcdefgh: message-id=<{doubts[0]['message_id']}>\n"
        "Nov 26 mail postfix/smtp[1]: 4Xabcdefgh: to=<x>, relay=mx[192.0.2.1]:25, status=sent (250 OK)\n",
        "utf-8",
    )
    os.utime(log, (2_000_000_000, 2_000_000_000))
    assert "1 were settled by evidence." in command.run("doubt", EDITION, "--look").out
    found = command.run("doubt", EDITION, "--look", "--json").json
    assert (found["settled"], [one["id"] for one in found["doubts"]]) == (0, ["0.1"])
    command.setenv("SENDBRIEF_SENT_FOLDER", "https://example.org")
    assert "SENDBRIEF_SENT_FOLDER" in command.run("doubt", EDITION, "--look", code=1).err


def test_nobody_in_doubt_and_no_such_edition_are_said(command: Command) -> None:
    planned(command)
    assert "Nobody is in doubt." in command.run("doubt", EDITION).out
    assert "There are no dead letters." in command.run("redrive").out
    assert "There is no edition" in command.run("doubt", "digest/none", code=2).err


def test_dead_letters_are_shown_with_what_is_wrong_and_tried_again(command: Command) -> None:
    planned(command)
    bodies = [task_body(EDITION, 7), task_body("digest/none", 0), "{"]
    with house(THURSDAY) as runtime:
        runtime.queue.receive(10)
        runtime.queue.send(bodies)
        runtime.database.change("UPDATE messages SET dead = 1 WHERE queue = 'chunks'", ())
    listed = command.run("redrive", "--list", "--json").json
    assert listed["moved"] == 0
    assert [(one["edition"], one["chunk"], one["waiting"]) for one in listed["dead_letters"]] == [
        (EDITION, 0, 3), (EDITION, 7, 0), ("digest/none", 0, 0), ("", -1, 0),
    ]  # fmt: skip
    troubles = [one["trouble"] for one in listed["dead_letters"]]
    assert (troubles[0], "missing" in troubles[1], "no edition" in troubles[2], "no chunk" in troubles[3]) == (
        "", True, True, True,
    )  # fmt: skip
    ran = command.run("status", "--now", THURSDAY, code=1)
    assert "4 chunks are dead letters" in ran.err
    assert "sendbrief redrive" in ran.err
    assert "4 are tried again" in command.run("redrive").out
    command.run("tick", "--now", THURSDAY, code=None)
    assert len(command.mails()) == 3
    assert [one["what"] for one in command.run("audit", "--json").json["noted"]] == ["redrive"]


def test_dead_letters_of_every_queue_go_back_to_their_own(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with house(THURSDAY) as runtime:
        for name, queue in (
            ("chunks", runtime.queue),
            ("notices", runtime.notice_queue),
            ("events", runtime.event_queue),
        ):
            queue.send([f"one of {name}"])
        runtime.database.change("UPDATE messages SET dead = 1", ())
    ran = command.run("status", "--now", THURSDAY, code=1)
    assert ("One chunk is a dead" in ran.err, "One mail to a single person" in ran.err) == (True, True)
    assert "One event" not in ran.err, "nobody listens for events here"
    assert command.run("status", "--json", "--now", THURSDAY, code=1).json["dead_letters"] == 2
    monkeypatch.setattr(Runtime, "queues", property(lambda self: {
        "chunks": self.queue, "notices": self.notice_queue, "events": self.event_queue}))  # fmt: skip
    listed = command.run("redrive", "--list", "--queue", "events", "--json").json
    assert ([one["queue"] for one in listed["dead_letters"]], listed["moved"]) == (["events"], 0)
    assert command.run("redrive", "--queue", "notices", "--json").json["moved"] == 1
    assert "2 are tried again" in command.run("redrive").out
    with house(THURSDAY) as runtime:
        for name, queue in (
            ("chunks", runtime.queue),
            ("notices", runtime.notice_queue),
            ("events", runtime.event_queue),
        ):
            assert [message.body for message in queue.receive(10)] == [f"one of {name}"]
    noted = [one["what"] for one in command.run("audit", "--json").json["noted"]]
    assert noted == ["redrive", "redrive"]


def test_who_tells_when_somebody_is_tried_again(command: Command) -> None:
    planned(command)
    with house(THURSDAY) as runtime:
        held = runtime.dispatcher.chunks.ledger(EDITION, 0)
        moment = datetime(2090, 1, 27, 7, 30, tzinfo=UTC).timestamp()
        waits = dict.fromkeys(range(3), (moment, "4.2.2 mailbox full"))
        runtime.dispatcher.chunks.write_ledger(held, held.ledger.wait(waits))
    (row,) = command.run("who", "r0@example.org", "--json").json["editions"]
    assert row["outcome"] == "deferred"
    assert row["reason"] == "4.2.2 mailbox full; due at 2090-01-27 08:30", "in the site's zone"


def test_who_tells_what_somebody_got_and_why_not(command: Command) -> None:
    planned(command)
    assert "comes in its turn" in command.run("who", "r0@example.org").out
    command.run("tick", "--now", THURSDAY)
    found = command.run("who", "r0@example.org", "--json").json
    (row,) = found["editions"]
    assert (row["edition"], row["outcome"], row["reason"]) == (EDITION, "sent", "")
    (mail,) = [path for path in command.mails() if "r0@example.org" in path.read_text("utf-8", "replace")]
    assert f"<{row['message_id']}>" in mail.read_text("utf-8", "replace")
    assert "gets it" in command.run("who", "r0@example.org").out
    command.run("subscribers", "add", "late@example.org", "--newsletter", "digest", "--basis", "consent")
    command.run("suppressions", "add", "@example.org", "--note", "they asked")
    said = command.run("who", "late@example.org").out
    assert "Gets no mail" in said
    assert "they asked" in said
    assert "suppressed: domain" in said
    assert "not among its recipients" in said
    assert command.run("who", "late@example.org", "--json").json["editions"][0]["outcome"] == "none"
    assert "Nothing is known of stranger@example.com" in command.run("who", "stranger@example.com", code=2).err


def test_status_tells_alarms_and_ends_with_1(command: Command) -> None:
    planned(command)
    with house(THURSDAY) as runtime:
        halt(runtime.dispatcher.editions, EDITION, runtime.clock(), "the brake: 5 of 9 mails came back", "brake")
    ran = command.run("status", "--now", THURSDAY, code=1)
    assert f"Alarm: {EDITION} was stopped: the brake: 5 of 9 mails came back" in ran.err
    assert f"sendbrief resume {EDITION}" in ran.err
    told = command.run("status", "--json", "--now", THURSDAY, code=1).json
    assert [(one["kind"], one["edition"]) for one in told["alarms"]] == [("brake", EDITION)]
    command.run("resume", EDITION, "--now", THURSDAY)
    assert command.run("status", "--json", "--now", THURSDAY).json["alarms"] == []
    assert [one["what"] for one in command.run("audit", "--json").json["noted"]] == ["resume"]


def test_what_a_person_decides_is_on_record(command: Command) -> None:
    planned(command)
    command.run("pause", EDITION, "--why", "a wrong link")
    command.run("resume", EDITION)
    command.run("cancel", EDITION, "--why", "it is stale")
    noted = command.run("audit", "--json").json["noted"]
    assert [(one["what"], one["why"]) for one in noted] == [
        ("pause", "a wrong link"), ("resume", ""), ("cancel", "it is stale"),
    ]  # fmt: skip
    said = command.run("audit").out
    assert "a wrong link" in said
    assert EDITION in said
    assert command.run("audit", "--since", "2100-01-01", "--json").json["noted"] == []
    assert "is no date" in command.run("audit", "--since", "yesterday", code=2).err
    command.run("pause", EDITION, code=2)
    assert len(command.run("audit", "--json").json["noted"]) == 3, "what was refused was not decided"


def test_status_tells_how_far_it_is_how_fast_and_how_long_it_takes(command: Command) -> None:
    planned(command)
    with house(THURSDAY) as runtime:
        now = runtime.clock()
        held = runtime.dispatcher.chunks.ledger(EDITION, 0)
        ledger = held.ledger.begin([0], {}, 0).heard(0, News.SENT)
        runtime.dispatcher.chunks.write_ledger(held, ledger)
        begun = int((now - timedelta(seconds=120)).timestamp())
        save_course(runtime.table, EDITION, Course(((begun, 0), (begun + 60, 1))))
    (row,) = command.run("status", "--json", "--now", THURSDAY).json["editions"]
    assert (row["waits"], row["per_second"], row["seconds_left"]) == ("", 0.0167, 120)
    assert "1 of 3, 1.0 a minute, about 2 minutes left" in command.run("status", "--now", THURSDAY).out
    with house(THURSDAY) as runtime:
        editions = runtime.dispatcher.editions
        editions.change(editions.find(EDITION), waits="quiet hours until 07:00")
    assert "1 of 3, quiet hours until 07:00" in command.run("status", "--now", THURSDAY).out
    assert json.loads(command.run("status", "--json", "--now", THURSDAY).out)["pace"]["today"] == 0
