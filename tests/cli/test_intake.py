"""Taking subscribers in and out by the command: what is shown first, what a trial changes, and what comes back."""

import json
import re

import pytest

from tests.cli.house import Command

MAILCHIMP = (
    "Email Address,First Name,OPTIN_TIME,OPTIN_IP,LANGUAGE,\x1b[31mNOTES,TAGS\n"
    'ada@example.org,Ada,2024-01-01 10:00:00,192.0.2.1,de,x,"""VIP"""\nnobody,,,,,,\n'
)
IMPORT = ("subscribers", "import")
INTO = ("--newsletter", "digest", "--basis", "consent")


@pytest.fixture
def file(command: Command) -> str:
    return str(command.write("members.csv", MAILCHIMP))


def test_the_columns_are_shown_and_problems_have_their_rows(command: Command, file: str) -> None:
    ran = command.run(*IMPORT, file, *INTO, code=1)
    for line in ("mailchimp", "Email Address → email", "OPTIN_TIME → joined", "LANGUAGE → language", "TAGS → tags"):
        assert line in ran.out
    assert re.search(r"not used: .*NOTES", ran.out)
    assert "never taken over: OPTIN_IP" in ran.out
    assert "members.csv:3: 'nobody' is no address" in ran.out
    assert "2 rows: 1 new, 0 changed, 0 known already, 1 problems" in ran.out
    assert "\x1b" not in ran.out
    (one,) = (row for row in exported(command) if row["email"] == "ada@example.org")
    assert (one["joined"], one["marks"], one["language"]) == ("2024-01-01T10:00:00+00:00", ["tag:vip"], "de")


def exported(command: Command) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = command.run("subscribers", "export", "--format", "json").json
    return rows


def test_a_trial_says_what_would_happen_and_changes_nothing(command: Command, file: str) -> None:
    before = exported(command)
    tried = command.run(*IMPORT, file, *INTO, "--dry-run", "--json", code=1).json
    assert (tried["new"], tried["dry_run"], exported(command)) == (1, True, before)
    assert tried["files"][0]["columns"]["TAGS"] == "tags"
    assert "Nothing was changed" in command.run(*IMPORT, file, *INTO, "--dry-run", code=1).out
    done = command.run(*IMPORT, file, *INTO, "--json", code=1).json
    assert {**done, "dry_run": True} == tried


@pytest.mark.parametrize("arguments", [("--map", "x=y"), ("--format", "xlsx"), ("--map", "Email Address")])
def test_misuse_is_answered_in_words(command: Command, file: str, arguments: tuple[str, str]) -> None:
    assert command.run(*IMPORT, file, *INTO, *arguments, code=2).err


def test_an_export_may_be_of_a_segment(command: Command, file: str) -> None:
    command.run(*IMPORT, file, *INTO, code=1)
    found = command.run("subscribers", "export", "--where", "tag:vip and language = de", "--format", "json").json
    assert [row["email"] for row in found] == ["ada@example.org"]
    assert command.run("subscribers", "export", "--where", "langage = de", code=2).err


@pytest.mark.parametrize("written", ["csv", "listmonk"])
def test_an_export_taken_in_elsewhere_is_exported_the_same(command: Command, file: str, written: str) -> None:
    command.run(*IMPORT, file, *INTO, code=1)
    first = command.run("subscribers", "export", "--format", written).out
    copy = command.write(f"members.{written}", first)
    command.setenv("SENDBRIEF_SECRET", (command.data / "secret.key").read_text().strip())
    command.setenv("SENDBRIEF_DATA", str(command.data.with_name("elsewhere")))
    command.run(*IMPORT, str(copy), *INTO)
    assert command.run("subscribers", "export", "--format", written).out == first


def test_a_backup_moves_a_house_and_nothing_is_sent_until_a_person_says_so(command: Command) -> None:
    from tests.cli.house import EDITION, MONDAY, THURSDAY

    command.run("tick", "--now", MONDAY)
    saved = command.site / "saved"
    assert "secret is not inside" in command.run("backup", str(saved)).out
    command.run("backup", str(saved), code=1)
    command.run("restore", str(saved), code=1)
    elsewhere = command.data.with_name("elsewhere")
    command.setenv("SENDBRIEF_DATA", str(elsewhere))
    assert "is missing" in command.run("restore", str(saved), code=1).err
    assert not (elsewhere / "secret.key").exists()
    elsewhere.mkdir(exist_ok=True)
    (elsewhere / "secret.key").write_bytes((command.data / "secret.key").read_bytes())
    assert "The site is paused" in command.run("restore", str(saved)).out
    for _ in range(2):
        ran = command.run("tick", "--now", THURSDAY, code=1)
        assert "site resume" in ran.said
    assert not (elsewhere / "maildir").exists()
    assert "site resume" in command.run("status", "--json").json["paused"]
    assert "site is paused" in command.run("status").out
    command.run("approve", EDITION, "--now", MONDAY, code=None)
    command.run("send", EDITION, "--now", THURSDAY, code=2)
    assert "reconcile" in command.run("site", "resume", code=2).err
    assert "nowhere to hear from" in command.run("reconcile").out
    assert "goes on" in command.run("site", "resume").out
    assert "not paused" in command.run("site", "resume").out
    assert command.run("status", "--json").json["paused"] == ""
    command.run("tick", "--now", THURSDAY)
    assert len(list((elsewhere / "maildir" / "new").iterdir())) == 3


def test_a_backup_with_the_secret_needs_nothing_else(command: Command) -> None:
    saved = command.site / "saved"
    assert "secret is inside" in command.run("backup", str(saved), "--with-secret").out
    command.setenv("SENDBRIEF_DATA", str(command.data.with_name("elsewhere")))
    command.run("restore", str(saved))
    there = command.data.with_name("elsewhere") / "secret.key"
    assert there.read_text() == (command.data / "secret.key").read_text()
    assert there.stat().st_mode & 0o777 == 0o600
    assert json.loads(command.run("subscribers", "show", "r0@example.org", "--json").out)


def test_a_backup_of_another_key_is_refused_unless_asked_for(command: Command) -> None:
    saved = command.site / "saved"
    command.run("backup", str(saved))
    command.setenv("SENDBRIEF_DATA", str(command.data.with_name("elsewhere")))
    command.setenv("SENDBRIEF_SECRET", "another" * 8)
    assert "is another one" in command.run("restore", str(saved), code=1).err
    command.run("restore", str(saved), "--other-key")


def test_a_site_can_be_paused_by_hand(command: Command) -> None:
    from tests.cli.house import THURSDAY

    assert "moving" in command.run("site", "pause", "--why", "moving").out
    assert "moving" in command.run("site", "pause", "--why", "again").out
    command.run("tick", "--now", THURSDAY, code=1)
    assert command.mails() == []
    command.run("site", "resume")
    command.run("tick", "--now", THURSDAY)
    assert len(command.mails()) == 3
