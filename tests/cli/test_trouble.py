"""When the machine fails: a clear error, the state intact, and the next run goes on."""

import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_database import Database
from tests.cli.house import EDITION, MONDAY, THURSDAY, Command
from tests.e2e.house import House, sink


def test_a_corrupt_database_is_named_and_left_as_it_is(command: Command) -> None:
    database = command.data / "sendbrief.db"
    for left in command.data.glob("sendbrief.db-*"):
        left.unlink()
    database.write_bytes(b"this is no database, whatever it is called" * 100)
    before = database.read_bytes()
    for arguments in (("status",), ("tick", "--now", MONDAY), ("subscribers", "export"), ("draft", "digest")):
        ran = command.run(*arguments, code=1)
        assert "sendbrief.db" in ran.err
        assert "backup" in ran.err or "move it away" in ran.err
    assert database.read_bytes() == before


def test_a_damaged_page_is_an_error_in_words(command: Command) -> None:
    database = command.data / "sendbrief.db"
    raw = bytearray(database.read_bytes())
    raw[4096:] = b"\xa5" * (len(raw) - 4096)
    database.write_bytes(bytes(raw))
    ran = command.run("status", code=1)
    assert "failed" in ran.err


@pytest.mark.parametrize("what", ["data is a file", "data below a file", "database is a folder", "database of another"])
def test_a_data_folder_that_cannot_be_used_is_named(command: Command, tmp_path: Path, what: str) -> None:
    data = tmp_path / "elsewhere"
    if what == "database is a folder":
        (data / "sendbrief.db").mkdir(parents=True)
    elif what == "database of another":
        data.mkdir()
        with sqlite3.connect(data / "sendbrief.db") as connection:
            connection.execute("CREATE TABLE theirs (x)")
        connection.close()
    else:
        data.write_text("")
    named = data / "below" if what == "data below a file" else data
    for arguments in (("status",), ("tick", "--now", MONDAY)):
        ran = command.run(*arguments, "--data", str(named), code=1)
        assert "elsewhere" in ran.err


@pytest.mark.parametrize("path", ["~no-such-user-here/x", "loop"])
def test_a_path_that_leads_nowhere_is_named(command: Command, tmp_path: Path, path: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    command.run("status", "--data", path if path.startswith("~") else str(tmp_path / path), code=1)


def test_a_full_disk_is_named_nothing_is_lost_and_the_next_tick_goes_on(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.run("tick", "--now", MONDAY)
    connect = sqlite3.connect

    def small(*values: object, **named: object) -> sqlite3.Connection:
        connection = connect(*values, **named)  # type: ignore[call-overload]
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + 1}")
        return connection  # type: ignore[no-any-return]

    monkeypatch.setattr(sqlite3, "connect", small)
    ran = command.run("tick", "--now", THURSDAY, code=1)
    assert "full" in ran.err
    assert "Free space" in ran.err
    monkeypatch.setattr(sqlite3, "connect", connect)
    command.run("tick", "--now", THURSDAY)
    (edition,) = command.run("status", "--json").json["editions"]
    assert (edition["state"], edition["sent"] + edition["in_doubt"]) == ("sent", 3)
    assert len(command.mails()) <= 3


def test_a_mail_server_that_is_down_is_named_and_the_next_run_goes_on(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    command.setenv("SENDBRIEF_TRANSPORT", "smtp")
    command.setenv("SENDBRIEF_SMTP_URL", f"smtp://127.0.0.1:{port}")
    command.run("tick", "--now", MONDAY)
    ran = command.run("tick", "--now", THURSDAY, code=1)
    assert f"127.0.0.1:{port}" in ran.err
    assert "Nothing is lost" in ran.err
    (edition,) = command.run("status", "--json").json["editions"]
    assert (edition["state"], edition["pending"], edition["in_doubt"]) == ("sending", 3, 0)
    command.setenv("SENDBRIEF_TRANSPORT", "maildir")
    command.run("tick", "--now", THURSDAY)
    (edition,) = command.run("status", "--json").json["editions"]
    assert (edition["state"], edition["sent"], len(command.mails())) == ("sent", 3, 3)


def test_a_maildir_that_cannot_be_written_is_named(command: Command) -> None:
    command.run("tick", "--now", MONDAY)
    (command.data / "maildir").write_text("in the way")
    assert "Maildir" in command.run("tick", "--now", THURSDAY, code=1).err
    (command.data / "maildir").unlink()
    command.run("tick", "--now", THURSDAY)
    assert len(command.mails()) == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SENDBRIEF_SMPT_URL", "x"), ("SENDBRIEF_TRANSPORT", "pigeon"), ("SENDBRIEF_STORE", "paper"),
        ("SENDBRIEF_TICK_SECONDS", "soon"), ("SENDBRIEF_SECRET", "short"),
    ],
)  # fmt: skip
def test_a_broken_setting_is_named(command: Command, name: str, value: str) -> None:
    command.setenv(name, value)
    ran = command.run("subscribers", "show", "r0@example.org", code=1)
    assert name in ran.err


def test_a_missing_smtp_url_is_asked_for_before_anything_is_sent(command: Command) -> None:
    command.setenv("SENDBRIEF_TRANSPORT", "smtp")
    command.run("tick", "--now", MONDAY, code=None)
    assert "SENDBRIEF_SMTP_URL" in command.run("tick", "--now", THURSDAY, code=1).err


def test_a_folder_without_a_site_says_how_to_begin(bare: Command) -> None:
    for arguments in (("status",), ("tick",), ("draft", "digest")):
        assert "site.yaml" in bare.run(*arguments, code=1).err


def test_a_broken_note_does_not_stop_other_commands_and_a_broken_site_is_an_error(command: Command) -> None:
    command.run("tick", "--now", MONDAY)
    command.write("site.yaml", "name: [unclosed\n")
    ran = command.run("tick", "--now", THURSDAY, code=1)
    assert "site.yaml" in ran.err
    assert command.mails() == []


def test_a_data_folder_with_odd_characters_works(command: Command, tmp_path: Path) -> None:
    odd = str(tmp_path / "a ?b#c%20d")
    command.run("tick", "--now", MONDAY, "--data", odd)
    draft = command.run("draft", "digest", "--now", MONDAY, "--json", "--data", odd).json
    assert draft["sections"]


def real(command: Command, smtp: str = "") -> House:
    return House(command.site, command.data, smtp)


def test_a_pipe_closed_by_its_reader_is_no_error(command: Command) -> None:
    house = real(command)
    process = subprocess.Popen(
        [sys.executable, "-m", "chalicelib.cli.main", "subscribers", "export"],
        env=house.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait(30) in {0, 1}
    assert "Traceback" not in said
    assert "Fault" not in said


@pytest.mark.slow
def test_a_sender_asked_to_stop_ends_after_its_wave_and_another_goes_on(command: Command, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text("email\n" + "".join(f"p{n}@example.org\n" for n in range(400)))
    command.run("subscribers", "import", str(people), "--newsletter", "digest", "--basis", "consent")
    command.run("tick", "--now", MONDAY)
    with sink(tmp_path) as server:
        house = real(command, server.url)
        process = house.start("tick", "--now", THURSDAY)
        begun = time.monotonic()
        while not server.mails() and time.monotonic() - begun < 30 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
        assert process.returncode in {0, 1}
        assert "Traceback" not in err
        house.run("tick", "--now", THURSDAY)
        (edition,) = house.status()["editions"]
        assert (edition["id"], edition["state"], edition["in_doubt"]) == (EDITION, "sent", 0)
        assert edition["sent"] == len(server.mails()) == 403
        assert max(server.per_edition()[EDITION].values()) == 1


def test_books_that_do_not_balance_are_shown_as_an_error_beside_those_that_do(command: Command) -> None:
    command.run("tick", "--now", THURSDAY)
    table = SqliteTable(Database(command.data / "sendbrief.db"))
    (item,) = table.query("EDITIONS#digest").items
    table.replace(item, {**item.data, "totals": {**item.data["totals"], "sent": 2}})
    ran = command.run("status", code=1)
    assert "The books of digest/2026-11-26 don't balance" in ran.err
    assert "digest/2026-11-26" in ran.out
    (edition,) = command.run("status", "--json", code=1).json["editions"]
    assert edition["balanced"] is False
