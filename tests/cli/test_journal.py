"""`run` and `serve` tell of themselves in words, or as lines of JSON that nothing else mixes with."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from chalicelib.cli import journal
from chalicelib.cli.context import show_error
from chalicelib.cli.run_commands import keep_ticking
from chalicelib.deliver.ticking import TickReport
from chalicelib.errors import StoreError
from chalicelib.logs import HIDDEN
from tests.cli.house import Command, small_site
from tests.test_json_logs import Lines, lines
from tests.web.site import AFTER, runtime_at, subscribe, write_site

__all__ = ["lines"]
HANG = 60


class Once(threading.Event):
    """Told to stop after the first tick."""

    def wait(self, timeout: float | None = None) -> bool:
        self.set()
        return True


def test_a_tick_is_told_by_its_editions_and_troubles(tmp_path: Path, lines: Lines) -> None:
    runtime = runtime_at(write_site(tmp_path / "site"), tmp_path / "data", AFTER)
    subscribe(runtime, "ada@example.org")
    keep_ticking(runtime, Once())
    runtime.close()
    said = lines.all()
    edition = next(line for line in said if line["message"] == "An edition as it stands")
    assert (edition["edition"], edition["state"], edition["planned"]) == (f"harbour-log/{AFTER:%Y-%m-%d}", "sent", 1)
    work = next(line for line in said if line["message"].startswith("Work on a chunk"))
    assert (work["edition"], work["chunk"]) == (edition["edition"], 0)
    assert "chunk" not in edition, "work on a chunk leaves nothing behind"
    (tick,) = {line["correlation"] for line in said}
    assert len(tick) == 16


def test_what_goes_wrong_is_a_line_too(lines: Lines, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    journal.say("Serving http://[::1]:8000/")
    journal.complain("Webhooks", "ada@example.org is [slow]")
    show_error(StoreError("The disk is full.", "Make room."))
    runtime = runtime_at(write_site(tmp_path / "site"), tmp_path / "data")
    journal.tell_tick(TickReport(troubles=["The proof of a/b was not sent."]), runtime)
    runtime.close()
    assert [(line["level"], line["message"]) for line in lines.all()] == [
        ("INFO", "Serving http://[::1]:8000/"), ("ERROR", f"Webhooks: {HIDDEN} is [slow]"),
        ("ERROR", "The disk is full. Make room."), ("ERROR", "The proof of a/b was not sent."),
    ]  # fmt: skip
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("asked", [["--log", "json"], []])
def test_the_command_writes_nothing_but_json_where_it_is_asked_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    small_site(Command(tmp_path, monkeypatch))
    environment = {**os.environ, "SENDBRIEF_STAGE": "prod", **({} if asked else {"SENDBRIEF_LOG": "json"})}
    code = "from chalicelib.cli.main import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "run", *asked], env=environment, cwd=Path(__file__).parents[2], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as running:  # fmt: skip
        assert running.stderr is not None
        said = []
        for text in running.stderr:
            said.append(json.loads(text))
            if said[-1]["message"].startswith("Tick in"):
                running.send_signal(signal.SIGTERM)
        out, _ = running.communicate(timeout=HANG)
    assert (running.returncode, out) == (0, "")
    assert said[0]["message"].startswith("Ticking every 60 s")
    assert said[-1]["message"].startswith("Stopping after the wave")
    assert {line["stage"] for line in said} == {"prod"}


def test_words_are_the_usual_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = small_site(Command(tmp_path, monkeypatch))
    assert "Invalid value for '--log'" in command.run("run", "--log", "xml", code=2).said
