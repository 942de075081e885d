"""Who is never written to, the record of processing and the sweep, by command."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from chalicelib.audience.audience import make_member
from chalicelib.audience.subscriber import Basis
from chalicelib.runtime import Runtime
from chalicelib.settings import load_settings
from tests.cli.house import Command

OPTIONS = ("--newsletter", "digest", "--basis", "consent")


def test_suppressions_from_adding_to_lifting(command: Command, tmp_path: Path) -> None:
    assert "from now on" in command.run("suppressions", "add", "R0@example.org", "--note", "by phone").out
    assert "already" in command.run("suppressions", "add", "r0@example.org").out
    command.run("suppressions", "add", "gone@example.org", "--reason", "bounce")
    command.run("suppressions", "add", "@Bücher.example")
    listed = command.run("suppressions", "list", "--json").json
    assert {(one["who"] if one["who"].startswith("@") else one["address"], one["reason"]) for one in listed} == {
        ("r0@example.org", "manual"), ("", "bounce"), ("@xn--bcher-kva.example", "domain")
    }  # fmt: skip
    assert all(one["by"] for one in listed)
    assert "r0@example.org  manual since" in command.run("suppressions", "list").out
    assert "@xn--bcher-kva.example" in command.run("suppressions", "list").out

    assert "not suppressed" in command.run("suppressions", "lift", "r1@example.org", "--why", "x", code=2).err
    assert "--why" in command.run("suppressions", "lift", "r0@example.org", code=2).err
    assert "--why is empty" in command.run("suppressions", "lift", "r0@example.org", "--why", " ", code=2).err
    assert "as 'manual'" in command.run("suppressions", "lift", "r0@example.org", "--why", "wrote on 3 May").out
    assert "as 'domain'" in command.run("suppressions", "lift", "@BÜCHER.example", "--why", "ended").out
    evidence = command.run("subscribers", "show", "r0@example.org", "--json").json["consent"]
    assert [line["action"] for line in evidence] == ["subscribed", "suppressed", "lifted"]
    assert "by phone" in evidence[1]["how"]
    assert "wrote on 3 May" in evidence[2]["how"]
    assert len(command.run("suppressions", "list", "--json").json) == 1


def test_a_file_of_addresses_is_suppressed_and_rows_that_are_none_are_named(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "stop.txt"
    file.write_text("r0@example.org\n@spam.example\nnobody\nR0@example.org\n", "utf-8")
    ran = command.run("suppressions", "import", str(file), "--reason", "complaint", "--json", code=1).json
    assert (ran["read"], ran["added"], ran["same"]) == (4, 2, 1)
    assert [problem["row"] for problem in ran["problems"]] == [3]
    again = command.run("suppressions", "import", str(file), "--reason", "complaint", code=1).out
    assert "stop.txt:3:" in again
    assert "4 rows: 0 suppressed, 3 were already, 1 with problems" in again
    assert "suppressed" in command.run("subscribers", "add", "r0@example.org", *OPTIONS, code=2).err
    for arguments in (("add", "x@example.org"), ("import", str(file))):
        assert "can't be entered" in command.run("suppressions", *arguments, "--reason", "erased", code=2).err
    assert "no address" in command.run("suppressions", "add", "x@", code=1).err


def test_the_record_is_written_in_both_languages(command: Command) -> None:
    assert command.run("privacy").out.startswith("# Record of processing: newsletters of Example Guild\n")
    assert "Verzeichnis" in command.run("privacy", "--language", "de").out
    assert "'fr'" in command.run("privacy", "--language", "fr", code=2).err


def leave(command: Command, address: str, days_ago: int) -> None:
    """Somebody who joined a hundred days before they left."""
    runtime = Runtime(load_settings(site=command.site, data=command.data))
    left = datetime.now(UTC) - timedelta(days=days_ago)
    member = make_member(runtime.secrets, "digest", address, "", "")
    runtime.audience.subscribe([member], Basis.CONSENT, "a test", left - timedelta(days=100))
    assert runtime.audience.leave(member.sid, "digest", left, "a link")
    runtime.close()


def is_known(command: Command, address: str) -> bool:
    return bool(command.run("subscribers", "show", address, "--json").json["address"])


def test_the_sweep_erases_whoever_left_long_ago_and_says_so(command: Command) -> None:
    leave(command, "old@example.org", 731)
    leave(command, "new@example.org", 700)
    assert "1 people who left everything over 730 days ago would be erased" in command.run("retain", "--dry-run").out
    assert is_known(command, "old@example.org")
    assert command.run("retain", "--json").json["left"] == 1
    assert not is_known(command, "old@example.org")
    command.write("site.yaml", (command.site / "content" / "site.yaml").read_text() + "privacy: {keep_left_days: 30}\n")
    assert "1 people who left everything over 30 days ago were erased" in command.run("retain").out
    assert "0 people" in command.run("retain").out


def test_a_tick_sweeps_and_never_by_a_clock_that_was_moved(command: Command) -> None:
    leave(command, "old@example.org", 731)
    leave(command, "new@example.org", 700)
    command.run("tick", "--now", "2033-01-03T10:00", code=None)
    assert (is_known(command, "old@example.org"), is_known(command, "new@example.org")) == (False, True)
