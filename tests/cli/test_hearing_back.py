"""The whole way back: an edition sent over SMTP, what comes of it in a mailbox, and where it shows."""

import io
import json
import os
import sys
import threading
import time
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path
from types import SimpleNamespace

import pytest

from chalicelib.cli.context import house
from chalicelib.cli.hearing import hear_all, hearing
from tests.cli.house import MONDAY, THURSDAY, Command, small_site
from tests.deliver.hearing.samples import FOLDER
from tests.imap_server import ImapServer
from tests.smtp_sink import Received, SmtpSink

LATER = "2026-11-26T12:00"


@pytest.fixture
def sent(bare: Command, tmp_path: Path) -> tuple[Command, dict[str, Received]]:
    """An edition that went to six readers, each mail with a way back of its own, and an empty Maildir for bounces."""
    for name in ("cur", "new", "tmp"):
        (tmp_path / "bounces" / name).mkdir(parents=True)
    with SmtpSink() as sink:
        bare.setenv("SENDBRIEF_TRANSPORT", "smtp")
        bare.setenv("SENDBRIEF_SMTP_URL", f"smtp://127.0.0.1:{sink.port}")
        bare.setenv("SENDBRIEF_BOUNCE_ADDRESS", "bounces@example.org")
        bare.setenv("SENDBRIEF_BOUNCES", f"maildir:{tmp_path}/bounces")
        command = small_site(bare, readers=6)
        command.write("site.yaml", (command.site / "content" / "site.yaml").read_text() + "brake: {bounces: 50%}\n")
        command.run("tick", "--now", MONDAY)
        command.run("tick", "--now", THURSDAY)
        mails = {mail.recipient: mail for mail in sink.received}
    assert sorted(mails) == [f"r{number}@example.org" for number in range(6)]
    assert len({mail.sender for mail in mails.values()}) == 6
    return command, mails


def back(kind: str, mail: Received) -> bytes:
    """A mail of a server about one of ours, with its reference and a copy of it inside."""
    ours = message_from_bytes(mail.content, policy=policy.SMTP)
    text = (FOLDER / f"{kind}.eml").read_text("utf-8").replace("@@VERP@@", mail.sender)
    text = text.replace("ada@example.net", mail.recipient)
    return (
        text.replace("<@@MESSAGE-ID@@>", ours["Message-ID"])
        .replace("@@MESSAGE-ID@@", ours["Message-ID"][1:-1])
        .encode()
    )


def drop(command: Command, *mails: bytes) -> None:
    for number, raw in enumerate(mails):
        (command.data.parent / "bounces" / "new" / f"{number}.mail").write_bytes(raw)


def standing(command: Command, address: str) -> tuple[str, str]:
    """What became of somebody's mail, and why they get no more."""
    found = command.run("who", address, "--json").json
    return found["editions"][0]["outcome"], (found["suppression"] or {"reason": ""})["reason"]


def figures(command: Command) -> dict[str, int]:
    (row,) = command.run("status", "--json", "--now", LATER, code=None).json["editions"]
    return {name: row[name] for name in ("planned", "sent", "failed", "bounced", "complained")}


def test_a_tick_hears_the_maildir_and_everything_shows_it(sent: tuple[Command, dict[str, Received]]) -> None:
    command, mails = sent
    assert figures(command) == {"planned": 6, "sent": 6, "failed": 0, "bounced": 0, "complained": 0}
    drop(
        command,
        back("postfix-unknown-user", mails["r0@example.org"]),
        back("arf-abuse", mails["r1@example.org"]),
        back("vacation-en", mails["r2@example.org"]),
        back("postfix-mailbox-full", mails["r3@example.org"]),
        b"Subject: hello\n\nA person writes.\n",
    )
    command.run("tick", "--now", LATER)
    assert standing(command, "r0@example.org") == ("bounced", "bounce")
    assert standing(command, "r1@example.org") == ("complained", "complaint")
    assert standing(command, "r2@example.org") == ("sent", "")
    assert standing(command, "r3@example.org") == ("bounced", "")
    assert figures(command) == {"planned": 6, "sent": 4, "failed": 2, "bounced": 2, "complained": 1}
    said = command.run("who", "r3@example.org").out
    assert "though the mailbox is there: 1," in said
    (note,) = command.run("who", "r3@example.org", "--json").json["editions"][0]["heard"]
    assert (note["kind"], note["at"][:10], note["source"]) == ("bounced", "2026-11-26", "dsn")
    shown = command.run("subscribers", "show", "r0@example.org", "--json").json
    assert [note["kind"] for note in shown["sends"][0]["heard"]] == ["bounced"]
    assert "r0@" not in str(shown["sends"]), "a server's words name nobody"
    assert len(command.run("suppressions", "list", "--json").json) == 2
    left = [path.name for path in (command.data.parent / "bounces").rglob("*.mail*")]
    assert left == [name for name in left if name.endswith(":2,S")]
    assert len(left) == 5
    before = figures(command)
    drop(command, back("postfix-unknown-user", mails["r0@example.org"]))
    command.run("tick", "--now", LATER)
    assert figures(command) == before, "told twice is told once"


def test_a_mail_is_piped_in_and_one_that_cannot_be_recorded_comes_again(
    sent: tuple[Command, dict[str, Received]], monkeypatch: pytest.MonkeyPatch
) -> None:
    command, mails = sent

    def pipe(raw: bytes, *options: str, code: int = 0) -> str:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(raw), isatty=lambda: False))
        return command.run("hear", *options, code=code).said

    mail = mails["r4@example.org"]
    bare_words = b"From: MAILER-DAEMON@x\nReturn-Path: <>\nSubject: Undelivered Mail\n\n550 5.1.1 no such user\n"
    assert "not ours" in pipe(bare_words)
    assert "1 heard" in pipe(bare_words, "--recipient", mail.sender)
    assert standing(command, "r4@example.org") == ("bounced", "bounce")
    assert "1 heard" in pipe(back("arf-abuse", mails["r5@example.org"]))
    assert standing(command, "r5@example.org") == ("complained", "complaint")
    command.setenv("SENDBRIEF_DATA", os.devnull)
    pipe(back("postfix-unknown-user", mails["r3@example.org"]), code=75)


def test_a_folder_of_an_imap_server_is_heard_by_the_command_and_beside_serving(
    sent: tuple[Command, dict[str, Received]],
) -> None:
    command, mails = sent
    with ImapServer(
        back("gmail-no-such-user", mails["r0@example.org"]), back("vacation-de", mails["r1@example.org"])
    ) as server:
        command.setenv("SENDBRIEF_BOUNCES", f"{server.url}?move=Heard")
        assert "1 auto-reply, 1 heard" in command.run("hear", "--once").out
        assert sorted(server.folders["Heard"]) == [1, 2]
        server.folders["INBOX"][3] = back("arf-yahoo", mails["r2@example.org"])
        with house(LATER) as runtime, hearing(runtime, threading.Event(), pause=0.01):
            ends = time.monotonic() + 60
            while 3 not in server.folders["Heard"] and time.monotonic() < ends:
                time.sleep(0.01)
        assert standing(command, "r0@example.org") == ("bounced", "bounce")
        assert standing(command, "r2@example.org") == ("complained", "complaint")
        server.cut = "LOGIN"
        assert "can't be read" in command.run("hear", "--once", code=1).err
        assert "can't be read" in command.run("tick", "--now", LATER, code=1).said


def test_a_mailbox_that_is_broken_keeps_nothing_from_the_queue_of_events(
    sent: tuple[Command, dict[str, Received]], monkeypatch: pytest.MonkeyPatch
) -> None:
    command, _ = sent
    command.setenv("SENDBRIEF_BOUNCES", f"maildir:{command.data.parent}/nowhere")
    with house(LATER) as runtime:
        assert len(hear_all(runtime).troubles) == 1
        tags = {"edition": ["digest_2026-11-26"], "chunk": ["0"], "position": ["0"]}
        told = {"eventType": "Complaint", "mail": {"messageId": "m", "tags": tags}, "complaint": {"feedbackId": "f"}}
        runtime.event_queue.send([json.dumps(told)])
        monkeypatch.setattr(runtime, "settings", replace(runtime.settings, event_queue_url="its own"))
        tally = hear_all(runtime)
    assert (tally.recorded.suppressed, len(tally.troubles)) == (1, 1)
    assert "nowhere" in tally.troubles[0]


def test_a_tick_and_a_look_listen_for_a_while_only(sent: tuple[Command, dict[str, Received]]) -> None:
    """Else a hundred thousand mails that came back would hold up the first one that is to go out."""
    command, mails = sent
    drop(command, back("postfix-unknown-user", mails["r0@example.org"]))
    with house(LATER) as runtime:
        assert hear_all(runtime, seconds=0).read == 0
        assert hear_all(runtime).read == 1


def test_a_command_without_a_mailbox_says_what_to_set(command: Command) -> None:
    assert "SENDBRIEF_BOUNCES" in command.run("hear", "--once", code=2).err
