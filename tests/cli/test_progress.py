"""Progress bars: on a terminal they count who was left when sending began, and end full."""

import os
import pty
import re
import subprocess
import sys

import pytest

from tests.cli.house import THURSDAY, Command
from tests.e2e.house import ROOT, House


@pytest.mark.slow
def test_a_bar_counts_who_is_left_and_ends_full(command: Command) -> None:
    command.write("readers.csv", "email,topics\nada@example.org,security\n")  # nothing of the edition is theirs
    command.run(
        "subscribers", "import", str(command.site / "content/readers.csv"), "--newsletter", "digest",
        "--basis", "consent",
    )  # fmt: skip
    seen = _terminal(House(command.site, command.data), "tick", "--now", THURSDAY)
    assert "collecting" in seen
    assert re.search(r"digest/2026-11-26.*3/3", seen), seen
    assert "/4" not in seen


def _terminal(house: House, *arguments: str) -> str:
    """What the command writes to standard error where that is a terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "chalicelib.cli.main", *arguments]
    environment = {**house.environment, "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    seen = b""
    try:
        while part := os.read(ours, 4096):
            seen += part
    except OSError:
        pass  # Linux's word for the end of a terminal
    os.close(ours)
    assert process.wait(60) == 0
    return seen.decode("utf-8", "replace")
