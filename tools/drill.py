"""`make drill`: a restore in mid-send, played on this machine with the real command and an SMTP server that counts.

An edition goes out, a backup is taken meanwhile, sending goes on until the machine is lost. The backup is put back
elsewhere, reconciled from the server's log, and resumed. Nobody may get the edition twice, nobody may be left out, and
the books must balance.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
READERS, A_SECOND = 1500, 150
_SITE = """\
name: Drill
base_url: https://news.example.org
languages: [en]
time_zone: UTC
sender: {{name: Drill, address: news@example.org}}
postal_address: Drill, Example Street 1, 10117 Berlin
topics:
  news: {{title: News, match: [{{any: true}}]}}
sources:
  posts: {{folder: posts, pattern: '{{date}}-{{slug}}.md', url: 'https://www.example.org/{{slug}}/'}}
pace: {{per_second: {a_second}}}
"""
_DIGEST = """\
title: Digest
schedule: {{rule: FREQ=DAILY, at: '{at:%H:%M}', starts: 2026-01-01}}
draft_before: 20h
sections: [{{title: News, rest: true}}]
"""
_REFERENCE = re.compile(r"<?([a-z0-9-]+)\.([^.\s@<>]+)\.(\d+)\.(\d+)\.[a-z2-7]{10}@")
Say = Callable[[str], None]


class DrillError(Exception):
    """What a drill found wrong."""


class Server:
    """The SMTP server's side: ``taken`` says which mails it has, in the order in which it took them."""

    def __init__(self, url: str, log: Path) -> None:
        self.url, self._log = url, log

    def taken(self) -> list[dict[str, Any]]:
        """All mails it took: recipient, Message-ID, edition."""
        lines = self._log.read_text().splitlines(keepends=True) if self._log.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def wait_for(self, count: int, process: "subprocess.Popen[str]", seconds: float = 240.0) -> None:
        """Until it has taken so many. Raises DrillError where the sender ends before."""
        until = time.monotonic() + seconds
        while len(self.taken()) < count:
            if process.poll() is not None or time.monotonic() > until:
                raise DrillError(f"Only {len(self.taken())} mails were sent, not {count}.")
            time.sleep(0.05)

    def write_mail_log(self, path: Path) -> None:
        """The same in the words of Postfix."""
        stamp, lines = "Nov 24 12:00:00 mail postfix", list[str]()
        for number, mail in enumerate(self.taken()):
            queue = f"{number:010X}"
            lines.append(f"{stamp}/cleanup[1]: {queue}: message-id={mail['message_id']}")
            lines.append(f"{stamp}/smtp[1]: {queue}: to=<x>, relay=mx.example.org[192.0.2.1]:25, status=sent (250 ok)")
        path.write_text("".join(f"{line}\n" for line in lines))

    def events(self) -> Iterator[str]:
        """The same as SES would tell it: an event of each delivery, with the tags that its mail has."""
        for mail in self.taken():
            match = _REFERENCE.match(mail["message_id"])
            if match:
                names = ("edition", "chunk", "position")
                values = (f"{match[1]}_{match[2]}", match[3], match[4])
                tags = {name: [value] for name, value in zip(names, values, strict=True)}
                mail_part = {"messageId": mail["message_id"], "tags": tags, "destination": [mail["recipient"]]}
                yield json.dumps({"eventType": "Delivery", "mail": mail_part, "delivery": {}})


@contextmanager
def mail_server(folder: Path) -> Iterator[Server]:
    """An SMTP server on 127.0.0.1 that writes down each mail before it says that it has it."""
    log = folder / "taken.jsonl"
    command = [sys.executable, "-m", "tests.smtp_sink", "--port", "0", "--log", str(log)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        said = process.stdout.readline() if process.stdout else ""
        yield Server(f"smtp://127.0.0.1:{int(said.split()[-1])}", log)
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout:
            process.stdout.close()


class Home:
    """A site with its state at one place, worked by the command alone."""

    def __init__(self, site: Path, data: Path, url: str, more: Mapping[str, str]) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SENDBRIEF_")}
        own = {"SITE": str(site), "DATA": str(data), "TRANSPORT": "smtp", "SMTP_URL": url, "SECRET": "drill" * 8}
        self.environment = {**kept, **{f"SENDBRIEF_{name}": value for name, value in own.items()}, **more}

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """The command, running."""
        command = [sys.executable, "-m", "chalicelib.cli.main", *arguments]
        return subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *arguments: str, code: int | None = 0) -> str:
        """What the command says once it has ended with ``code`` (None: any). Raises DrillError."""
        process = self.start(*arguments)
        said, trouble = process.communicate(timeout=240)
        if (code is not None and process.returncode != code) or "Traceback" in trouble:
            raise DrillError(f"sendbrief {' '.join(arguments)} ended with {process.returncode}:\n{said}{trouble}")
        return said + trouble

    def edition(self) -> dict[str, Any]:
        """The one edition, with its books."""
        process = self.start("status", "--json")
        said, _ = process.communicate(timeout=240)
        first: dict[str, Any] = json.loads(said)["editions"][0]
        return first


class Drill:
    """One drill: the home that is lost, the server, and how to say what happens."""

    def __init__(self, folder: Path, server: Server, say: Say, more: Mapping[str, str] | None = None,
                 readers: int = READERS, a_second: int = A_SECOND) -> None:  # fmt: skip
        self.folder, self.server, self.say, self.readers = folder, server, say, readers
        self.site = folder / "site"
        self._write_site(a_second)
        self.lost = Home(self.site, folder / "lost", server.url, more or {})
        self.id = ""

    def _write_site(self, a_second: int) -> None:
        now = datetime.now(UTC)
        files = {
            "site.yaml": _SITE.format(a_second=a_second),
            "newsletters/digest.yaml": _DIGEST.format(at=now + timedelta(hours=2)),
            f"posts/{now:%Y-%m-%d}-drill.md": "---\ntitle: A restore drill\n---\nHow it went.\n",
        }
        for name, text in files.items():
            path = self.site / "content" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")

    def begin(self) -> "subprocess.Popen[str]":
        """Readers, a draft, and an edition that is a third sent when this returns."""
        rows = self.folder / "readers.csv"
        rows.write_text("email\n" + "".join(f"reader{n}@example.org\n" for n in range(self.readers)))
        self.lost.run("subscribers", "import", str(rows), "--newsletter", "digest", "--basis", "consent")
        self.lost.run("tick")
        self.id = self.lost.edition()["id"]
        self.say(f"{self.id} goes out to {self.readers} readers.")
        process = self.lost.start("send", self.id)
        self.server.wait_for(self.readers // 3, process)
        return process

    def lose(self, process: "subprocess.Popen[str]") -> None:
        """Sending goes on to two thirds; then the machine is gone."""
        self.server.wait_for(2 * self.readers // 3, process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        time.sleep(0.5)  # what the server has in its hands it writes down
        self.say(f"The machine is lost: the server has {len(self.server.taken())} mails.")

    def stands_still(self, home: Home) -> None:
        """A tick of a restored site sends nothing."""
        before = len(self.server.taken())
        said = home.run("tick", code=1)
        if "site is paused" not in said or len(self.server.taken()) != before:
            raise DrillError(f"A restored site did not stand still:\n{said}")
        self.show(home, "restored")

    def reconcile(self, home: Home) -> dict[str, Any]:
        """What ``reconcile`` says; the edition's difference. Who has a mail is known, and nobody else is."""
        found: dict[str, Any] = json.loads(home.run("reconcile", "--json"))
        (difference,) = found["editions"]
        have, now = len({mail["recipient"] for mail in self.server.taken()}), difference["now"]
        self.show(home, "reconciled")
        self.say(difference["do"])
        if (now["sent"], difference["unknown"], now["in_doubt"]) != (have, self.readers - have, 0):
            raise DrillError(f"{have} of {self.readers} have a mail, and the books say {difference}.")
        return found

    def go_on(self, home: Home) -> None:
        """Resume, to the end; nobody twice, nobody left out, books that balance."""
        if "--yes" not in home.run("resume", self.id, code=2):
            raise DrillError("Nobody was asked before readers were written to.")
        home.run("resume", self.id, "--yes")
        home.run("site", "resume")
        home.run("tick")
        row = self.show(home, "resumed")
        got = Counter(mail["recipient"] for mail in self.server.taken())
        twice, missing = [who for who, count in got.items() if count > 1], self.readers - len(got)
        if twice or missing or (row["state"], row["sent"], row["planned"]) != ("sent", self.readers, self.readers):
            raise DrillError(f"{len(twice)} got it twice, {missing} not at all; the books say {row}.")
        self.say(f"All {self.readers} readers have it once, and the books balance.")

    def show(self, home: Home, what: str) -> dict[str, Any]:
        """The books, which must balance."""
        row = home.edition()
        parts = ("sent", "failed", "skipped", "pending", "deferred", "in_doubt")
        figures = ", ".join(f"{row[part]} {part.replace('_', ' ')}" for part in parts if row[part])
        self.say(f"{what:>12}: {row['state']}, {row['planned']} planned = {figures}")
        if row["planned"] != sum(row[part] for part in parts):
            raise DrillError(f"The books don't balance: {row}")
        return row


def play(folder: Path, say: Say, readers: int = READERS, a_second: int = A_SECOND) -> None:
    """The drill with the embedded store: a backup in mid-send, put back into another data folder. Raises DrillError."""
    with mail_server(folder) as server:
        drill = Drill(folder, server, say, readers=readers, a_second=a_second)
        process = drill.begin()
        file = folder / "mid-send.backup"
        say(drill.lost.run("backup", str(file)).splitlines()[0])
        drill.lose(process)
        log = folder / "mail.log"
        home = Home(drill.site, folder / "restored", server.url, {"SENDBRIEF_MAIL_LOG": str(log)})
        home.run("restore", str(file))
        drill.stands_still(home)
        server.write_mail_log(log)
        drill.reconcile(home)
        drill.go_on(home)


def main() -> int:
    """Play it in a folder of its own; what happens goes to standard output."""
    with tempfile.TemporaryDirectory(prefix="sendbrief-drill-") as folder:
        try:
            play(Path(folder), lambda words: print(words, flush=True))  # noqa: T201
        except DrillError as error:
            sys.stderr.write(f"The drill failed: {error}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
