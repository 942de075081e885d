"""One person by command: all that is stored of them is shown, and erased without a trace but for a keyed hash."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.house import Command

ADDRESS = "Ada.Lovelace@example.org"
SEND = "2026-11-26T10:00"
OPTIONS = ("--newsletter", "digest", "--basis", "consent")


@pytest.fixture
def reader(command: Command, tmp_path: Path) -> Command:
    """Somebody who was imported by a list, with a name and a tag, and got an edition."""
    file = tmp_path / "list.csv"
    file.write_text(f"email,name,language,topics\n{ADDRESS},Ada Countess,de,news\n", "utf-8")
    command.run("subscribers", "import", str(file), *OPTIONS)
    file.unlink()
    command.run("tick", "--now", SEND)
    return command


def test_somebody_is_shown_erased_and_kept_out(reader: Command, tmp_path: Path) -> None:
    shown = reader.run("subscribers", "show", ADDRESS.lower()).out
    for words in (ADDRESS, "Ada Countess", "digest: confirmed, de every, topics news", "list.csv", "2026-11-26 sent"):
        assert words in shown
    found = reader.run("subscribers", "show", ADDRESS, "--json").json
    assert [(one["edition"], one["outcome"]) for one in found["sends"]] == [("digest/2026-11-26", "sent")]
    assert found["memberships"][0]["topics"] == ["news"]

    mails = len(reader.mails())
    ran = reader.run("subscribers", "erase", ADDRESS, "--prove")
    assert "1 of the mails in the Maildir" in ran.out
    assert "Nothing that is stored here bears the address or the name." in ran.out
    assert len(reader.mails()) == mails - 1
    for path in [path for path in reader.data.rglob("*") if path.is_file()]:
        raw = path.read_bytes().lower()
        assert b"lovelace" not in raw, path
        assert b"countess" not in raw, path
    again = reader.run("subscribers", "show", ADDRESS, "--json").json
    assert (again["address"], again["memberships"], again["suppression"]["reason"]) == ("", [], "erased")
    assert "erased since" in reader.run("subscribers", "show", ADDRESS).out

    file = tmp_path / "old.csv"
    file.write_text(f"email\n{ADDRESS}\n", "utf-8")
    assert reader.run("subscribers", "import", str(file), *OPTIONS, "--json", code=None).json["kept_out"] == 1
    assert "suppressed" in reader.run("subscribers", "add", ADDRESS, *OPTIONS, code=2).err
    assert ADDRESS not in reader.run("subscribers", "export").out


def test_a_trace_that_is_left_is_named_and_exits_with_1(command: Command) -> None:
    with closing(sqlite3.connect(command.data / "sendbrief.db")) as database, database:
        database.execute("INSERT INTO messages (queue, body, visible) VALUES ('notices', '<r0@example.org>', 0)")
        database.execute("INSERT INTO blobs (name, content) VALUES ('stray', ?)", (b"r0%40example.org",))
    ran = command.run("subscribers", "remove", "r0@example.org", "--prove", "--json", code=1)
    assert {trace["where"] for trace in ran.json["traces"]} >= {"queue notices, message 1", "file sendbrief.db"}
    ran = command.run("subscribers", "erase", "r0@example.org", "--prove", code=1)
    assert "blob stray bears 'r0@example.org' (percent-encoded)" in ran.out
