"""The command, called in this process as a shell would call it, on a small site of its own."""

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chalicelib.cli import context
from chalicelib.cli.main import main

SITE = """\
name: Example Guild
base_url: https://news.example.org
languages: [en, de]
time_zone: Europe/Berlin
sender: {name: Example Guild, address: news@example.org}
postal_address: Example Guild, Example Street 1, 10117 Berlin
topics:
  security: {title: Security, match: [{category: security}]}
  news: {title: News, match: [{any: true}]}
sources:
  posts: {folder: posts, pattern: '{date}-{slug}.md', url: 'https://www.example.org/{slug}/'}
"""
DIGEST = """\
title: Digest
schedule: {rule: FREQ=WEEKLY;BYDAY=TH, at: '10:00', starts: 2026-01-01}
sections: [{title: News, rest: true}]
"""
MONDAY, THURSDAY = "2026-11-23T10:00", "2026-11-26T10:00"
EDITION = "digest/2026-11-26"


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def said(self) -> str:
        return self.out + self.err


class Command:
    """``run`` is one call; nothing of the caller's environment reaches it."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.site, self.data, self._patch = folder / "site", folder / "data", patch
        for name in [name for name in __import__("os").environ if name.startswith("SENDBRIEF_")]:
            patch.delenv(name)
        patch.setenv("SENDBRIEF_SITE", str(self.site))
        patch.setenv("SENDBRIEF_DATA", str(self.data))

    def setenv(self, name: str, value: str) -> None:
        self._patch.setenv(name, value)

    def write(self, name: str, text: str) -> Path:
        path = self.site / "content" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def run(self, *arguments: str, code: int | None = 0) -> Ran:
        """Run the command; ``code`` is what it must exit with (None: whatever)."""
        out, err = io.StringIO(), io.StringIO()
        self._patch.setattr(sys, "argv", ["sendbrief", *arguments])
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), _consoles(out, err):
            try:
                main()
                ended = 0
            except SystemExit as exit_:
                ended = int(exit_.code or 0)
        ran = Ran(ended, out.getvalue(), err.getvalue())
        assert "Traceback" not in ran.said, ran.said
        assert "Fault" not in ran.said, ran.said
        assert code is None or ran.code == code, (arguments, ran)
        return ran

    def mails(self) -> list[Path]:
        return sorted((self.data / "maildir" / "new").glob("*"))


@contextlib.contextmanager
def _consoles(out: io.StringIO, err: io.StringIO) -> Iterator[None]:
    files = context.out.file, context.err.file
    context.out.file, context.err.file = out, err
    try:
        yield
    finally:
        context.out.file, context.err.file = files


def small_site(command: Command, readers: int = 3) -> Command:
    """One newsletter, one post, some readers; no tick yet."""
    command.write("site.yaml", SITE)
    command.write("newsletters/digest.yaml", DIGEST)
    command.write("posts/2026-11-20-first.md", "---\ntitle: First\n---\nThe first post.\n")
    for number in range(readers):
        command.run("subscribers", "add", f"r{number}@example.org", "--newsletter", "digest", "--basis", "consent")
    return command
