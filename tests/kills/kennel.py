"""The tests' side of the victims' parent: start one, wait for it, kill it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Kennel:
    """One parent process. One victim at a time; for two at once take two."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.kills.victim"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._hear("ready")

    def start(self, **job: Any) -> int:
        """A victim begins: its pid."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(job) + "\n")
        return self._hear("pid")

    def wait(self) -> int:
        """How the victim ended: 0, or less than 0 where a signal ended it."""
        return self._hear("code")

    def close(self) -> None:
        """The parent ends, and so do its pipes."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def _hear(self, what: str) -> int:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the victims' parent is gone"
        return int(json.loads(line)[what])
