"""Which commit a site, or this program, is, as git tells it."""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from chalicelib.content.packing import PARTS
from chalicelib.errors import UsageError

SECONDS = 30.0


def commit_of(root: Path, parts: Iterable[str] = PARTS) -> tuple[str, bool]:
    """The commit that is checked out at ``root``, and whether its ``parts`` (the site's) differ; '' outside of git."""
    commit = _git(root, "rev-parse", "--verify", "HEAD").strip()
    if not re.fullmatch("[0-9a-f]{40,64}", commit):
        return "", False
    there = [name for name in parts if (root / name).exists()]
    return commit, bool(_git(root, "status", "--porcelain", "--", *there).strip())


def given_commit(text: str) -> str:
    """A commit as somebody names it. Raises UsageError."""
    if not re.fullmatch("[0-9A-Za-z][0-9A-Za-z._/-]{0,79}", text):
        raise UsageError(f"--commit: '{text[:80]}' is no commit.", "Give its hash, or another word that names it.")
    return text


def _git(root: Path, *arguments: str) -> str:
    """What git says, '' where it is not there or says no."""
    try:
        done = subprocess.run(  # noqa: S603 (fixed words, and a folder)
            ["git", "-C", str(root), *arguments],  # noqa: S607 (the user's own git)
            capture_output=True, text=True, check=False, timeout=SECONDS, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
    return done.stdout if done.returncode == 0 else ""
