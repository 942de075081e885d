"""The command as people use it: what it prints, what it exits with, and that misuse is answered in words."""

import json
from pathlib import Path

import pytest

from chalicelib.cli.main import hoist
from chalicelib.errors import UsageError
from tests.cli.house import EDITION, MONDAY, THURSDAY, Command

PARTS = ("pending", "sent", "failed", "skipped", "deferred", "in_doubt")


def test_a_week_from_collecting_to_balanced_books(command: Command) -> None:
    command.run("tick", "--now", MONDAY)
    ran = command.run("tick", "--now", THURSDAY, "--json")
    (edition,) = ran.json["editions"]
    assert (edition["id"], edition["state"], edition["sent"]) == (EDITION, "sent", 3)
    assert len(command.mails()) == 3
    assert "Nothing is due" in command.run("tick", "--now", THURSDAY).out
    assert len(command.mails()) == 3


def test_status_has_the_shape_programs_rely_on(command: Command) -> None:
    command.run("tick", "--now", THURSDAY)
    status = command.run("status", "--json").json
    (edition,) = status["editions"]
    assert {"id", "newsletter", "slot", "state", "planned", *PARTS} <= set(edition)
    assert (edition["id"], edition["newsletter"], edition["slot"]) == (EDITION, "digest", "2026-11-26")
    assert edition["planned"] == sum(edition[part] for part in PARTS) == 3
    assert status["subscribers"] == {"digest": {"confirmed": 3}}
    (source,) = status["sources"]
    assert (source["name"], source["state"], source["entries"]) == ("posts", "well", 1)
    assert status["dead_letters"] == 0


def test_status_shows_the_last_editions_of_each_newsletter(command: Command) -> None:
    for week in range(4):
        command.write(f"posts/2026-11-{20 + week}-p{week}.md", f"---\ntitle: P{week}\n---\nText.\n")
        command.run("tick", "--now", f"2026-{'11-26' if week == 0 else f'12-{3 + 7 * (week - 1):02}'}T10:00")
    shown = command.run("status", "--last", "2").out
    assert ("2026-12-17" in shown, "2026-12-10" in shown, "2026-12-03" in shown) == (True, True, False)
    command.run("status", "--last", "0", code=2)


def test_check_names_problems_with_file_and_line(command: Command) -> None:
    assert command.run("check", "--json").json == []
    assert "No problems" in command.run("check").out
    command.write("newsletters/digest.yaml", "title: Digest\nschedule: {rule: FREQ=WEEKLY, at: '25:00'}\nsectons: []\n")
    problems = command.run("check", "--json", code=1).json
    assert {"file", "line", "code", "severity", "message"} == set(problems[0])
    assert {(p["file"], p["line"]) for p in problems} == {
        ("content/newsletters/digest.yaml", 2), ("content/newsletters/digest.yaml", 3),
    }  # fmt: skip
    assert "content/newsletters/digest.yaml:2:" in command.run("check", code=1).out
    command.run("tick", code=1)


@pytest.mark.parametrize("name", ["", "Our News", 'Say "hello" \\ {now}: #1 ☂', "x" * 300])
def test_a_new_site_has_no_problems(bare: Command, name: str) -> None:
    made = bare.run("new", "site", name)
    assert made.out.count("wrote") == 4
    assert bare.run("check", "--json").json == []
    assert "is there already" in bare.run("new", "site", code=2).err


def test_new_things_in_a_new_site_have_no_problems(bare: Command) -> None:
    bare.run("new", "site")
    bare.run("new", "post", 'A "quoted" \\ title: with #marks\nand a line')
    bare.run("new", "event", "Größe & Ähnliches")
    bare.run("new", "newsletter", "Second: one")
    bare.run("new", "edition", "digest")
    assert bare.run("check", "--json").json == []
    before = sorted(bare.site.rglob("*"))
    for arguments in (
        ("post",), ("post", "☂☂"), ("newsletter", "!!!"), ("thing", "x"), ("edition", "nothing"),
        ("edition", "digest/2026-13-01"), ("edition", "digest/../../../evil"), ("edition", "digest/2026-11-27"),
    ):  # fmt: skip
        bare.run("new", *arguments, code=2)
    assert sorted(bare.site.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "first"),
    [
        (["status", "--site", "x", "--json"], ["--site", "x", "status", "--json"]),
        (["subscribers", "show", "--data=d", "a@example.org"], ["--data=d", "subscribers", "show", "a@example.org"]),
        (["--json", "status"], ["status", "--json"]),
        (["check", "--debug"], ["--debug", "check"]),
        (["cancel", "x", "--", "--site", "y"], ["cancel", "x", "--", "--site", "y"]),
    ],
)
def test_site_data_and_debug_may_stand_anywhere(arguments: list[str], first: list[str]) -> None:
    assert hoist(arguments) == first


@pytest.mark.parametrize("arguments", [["status", "--site"], ["--data"], ["check", "--site", ""]])
def test_a_folder_option_without_a_folder_is_misuse(arguments: list[str]) -> None:
    with pytest.raises(UsageError, match="needs a folder"):
        hoist(arguments)


@pytest.mark.parametrize("place", ["before", "after", "between"])
def test_site_and_data_win_over_the_environment(command: Command, tmp_path: Path, place: str) -> None:
    options = ["--site", str(command.site), f"--data={tmp_path / 'other'}"]
    command.setenv("SENDBRIEF_SITE", str(tmp_path / "nowhere"))
    arguments = {
        "before": [*options, "status", "--json"],
        "after": ["status", "--json", *options],
        "between": ["status", *options, "--json"],
    }[place]
    assert command.run(*arguments).json["subscribers"] == {"digest": {}}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "No such command"),
        (["tick", "--nonsense"], "No such option"),
        (["tick", "--now", "soon"], "write it like"),
        (["tick", "--now", ""], "write it like"),
        (["tick", "--now", "2026-13-01"], "no date"),
        (["tick", "--now", "0001-01-01"], "no date"),
        (["tick", "--now", "1969-01-01"], "between 1970"),
        (["tick", "--now", "9999-12-31T23:59"], "between 1970"),
        (["tick", "--now", "2026-11-26T10:00+99:99"], "no date"),
        (["approve", "digest"], "There is no edition"),
        (["approve", "digest/2020-01-01"], "status"),
        (["send", "digest"], "is no edition"),
        (["resume", EDITION], "has not begun"),
        (["pause", EDITION], "not being sent"),
        (["draft", "digst"], "digest"),
        (["preview", "digest"], "--out"),
        (["subscribers"], "import"),
        (["subscribers", "add", "a@example.org", "--newsletter", "digest"], "--basis"),
        (["subscribers", "add", "a@example.org", "--newsletter", "digst", "--basis", "consent"], "digest"),
        (["subscribers", "add", "a@example.org", "--newsletter", "digest", "--basis", "luck"], "luck"),
        (["subscribers", "add", "a@b.org", "--newsletter", "digest", "--basis", "consent", "--language", "fr"], "fr"),
        (["subscribers", "show", "nobody@example.org"], "no subscriber"),
        (["subscribers", "erase", "nobody@example.org"], "no subscriber"),
        (["proof", EDITION], "--to"),
    ],
)  # fmt: skip
def test_misuse_exits_with_2_and_says_what_to_do(command: Command, arguments: list[str], words: str) -> None:
    command.run("tick", "--now", "2026-11-25T10:00")
    assert words in command.run(*arguments, code=2).said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["subscribers", "add", "no address", "--newsletter", "digest", "--basis", "consent"], "can be mailed"),
        (["subscribers", "show", "no address"], "can be mailed"),
        (["subscribers", "import", "/nowhere.csv", "--newsletter", "digest", "--basis", "consent"], "can't be read"),
        (["proof", "digest", "--to", "no address", "--now", "x"], ""),
    ],
)
def test_what_fails_exits_with_1_or_2_in_words(command: Command, arguments: list[str], words: str) -> None:
    ran = command.run(*arguments, code=None)
    assert ran.code in {1, 2}
    assert words in ran.err


@pytest.mark.parametrize(
    ("now", "due"),
    [("2026-11-26T10:00", True), ("2026-11-26T09:59", False), ("2026-11-26T09:00Z", True),
     ("2026-11-26T10:59+02:00", False), ("2026-11-26 11:00+0200", True)],
)  # fmt: skip
def test_now_is_in_the_sites_zone_unless_it_has_an_offset(command: Command, now: str, due: bool) -> None:
    command.run("tick", "--now", MONDAY)
    command.run("tick", "--now", now)
    assert bool(command.mails()) is due


def test_no_arguments_and_help_and_version(bare: Command) -> None:
    assert "status" in bare.run(code=None).said
    assert "status" in bare.run("--help").out
    assert bare.run("--version").out.startswith("sendbrief ")


def test_decisions_move_an_edition_and_are_shown(command: Command) -> None:
    command.run("tick", "--now", "2026-11-25T10:00")
    assert "held (not yet)" in command.run("hold", EDITION, "--why", "not yet").out
    command.run("tick", "--now", THURSDAY)
    assert command.mails() == []
    assert "approved" in command.run("approve", EDITION, "--now", THURSDAY).out
    command.run("tick", "--now", THURSDAY)
    assert len(command.mails()) == 3
    assert "can't become" in command.run("cancel", EDITION, code=2).err


def test_send_sends_at_once_whatever_the_slot(command: Command) -> None:
    command.run("tick", "--now", "2026-11-25T10:00")
    assert "sent" in command.run("send", EDITION, "--now", "2026-11-25T11:00").out
    assert len(command.mails()) == 3
    command.run("tick", "--now", THURSDAY)
    assert len(command.mails()) == 3


def test_draft_proof_and_preview_change_nothing(command: Command, tmp_path: Path) -> None:
    command.run("tick", "--now", MONDAY)
    before = command.run("status", "--json").json
    draft = command.run("draft", "digest", "--now", MONDAY, "--json").json
    assert [entry["title"] for section in draft["sections"] for entry in section["entries"]] == ["First"]
    assert "First" in command.run("draft", "digest", "--now", MONDAY).out
    out = tmp_path / "shown"
    command.run("preview", "digest", "--out", str(out), "--now", MONDAY, "--no-pictures")
    assert "First" in (out / "en.txt").read_text()
    (tmp_path / "file").write_text("")
    command.run("preview", "digest", "--out", str(tmp_path / "file"), "--now", MONDAY, "--no-pictures", code=2)
    after = command.run("status", "--json").json
    for status in (before, after):
        del status["sources"]
    assert after == before


def test_a_proof_of_a_made_edition_reaches_who_is_named(command: Command) -> None:
    command.run("tick", "--now", "2026-11-25T10:00")
    ran = command.run("proof", EDITION, "--to", "ed@example.org", "--to", "co@example.org")
    assert ran.out.count("sent") == 4
    assert len(command.mails()) == 4


def test_subscribers_from_import_to_removal(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("email,name,language\nr0@example.org,Ada,de\nnew@example.org,Bo,en\nbad,,\n")
    options = ("--newsletter", "digest", "--basis", "consent")
    report = command.run("subscribers", "import", str(file), *options, "--json", code=1).json
    assert (report["new"], report["changed"], report["problems"][0]["row"]) == (1, 1, 4)
    assert "people.csv:4:" in command.run("subscribers", "import", str(file), *options, code=1).out
    shown = command.run("subscribers", "show", "NEW@example.org", "--json").json
    assert (shown["memberships"][0]["state"], shown["consent"][0]["basis"]) == ("confirmed", "consent")
    assert "new@example.org" in command.run("subscribers", "export").out
    command.run("subscribers", "remove", "new@example.org")
    assert "new@" not in command.run("subscribers", "export", "--newsletter", "digest").out
    assert json.loads(command.run("status", "--json").out)["subscribers"] == {"digest": {"confirmed": 3}}
