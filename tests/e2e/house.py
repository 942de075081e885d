"""Running the command as another process, against an SMTP sink that is one too."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Sink:
    """A sink process: ``url`` to send to, ``mails`` it has accepted."""

    def __init__(self, port: int, log: Path) -> None:
        self.url, self.log = f"smtp://127.0.0.1:{port}", log

    def mails(self) -> list[dict[str, Any]]:
        """All accepted mails, one dict each."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def per_edition(self) -> dict[str, Counter[str]]:
        """How often each address got each edition."""
        found: dict[str, Counter[str]] = {}
        for mail in self.mails():
            found.setdefault(mail["edition"], Counter())[mail["recipient"]] += 1
        return found


@contextmanager
def sink(folder: Path, *extra: str) -> Iterator[Sink]:
    """A sink process on 127.0.0.1 that logs each mail before it says 250."""
    log = folder / "sink.jsonl"
    command = [sys.executable, "-m", "tests.smtp_sink", "--port", "0", "--log", str(log), *extra]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline().split()[-1])
        yield Sink(port, log)
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout:
            process.stdout.close()


class House:
    """A site with its data folder, worked by the command."""

    def __init__(self, site: Path, data: Path, smtp_url: str = "") -> None:
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("SENDBRIEF_")},
            "SENDBRIEF_SITE": str(site),
            "SENDBRIEF_DATA": str(data),
            "SENDBRIEF_TRANSPORT": "smtp" if smtp_url else "maildir",
            **({"SENDBRIEF_SMTP_URL": smtp_url} if smtp_url else {}),
        }

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """The command, running."""
        command = [sys.executable, "-m", "chalicelib.cli.main", *arguments]
        return subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *arguments: str, code: int | None = 0) -> str:
        """The command's standard output, after it ended with ``code`` (None: any)."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=240)
        assert code is None or process.returncode == code, f"{arguments}: exit {process.returncode}\n{out}\n{err}"
        assert "Traceback" not in err, err
        return out

    def status(self) -> dict[str, Any]:
        """What ``status --json`` says."""
        result: dict[str, Any] = json.loads(self.run("status", "--json"))
        return result


def balanced(edition: dict[str, Any]) -> bool:
    """Whether everybody planned is accounted for."""
    parts = ("pending", "sent", "failed", "skipped", "deferred", "in_doubt")
    return bool(edition["planned"] == sum(edition[part] for part in parts))
