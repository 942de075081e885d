"""A virtual environment for each peer, made on first use: ``.venv-peers/<name>``, pinned in ``theirs/<name>.txt``."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
THEIRS = Path(__file__).resolve().parent / "theirs"
SECONDS = 600


class AbsentError(Exception):
    """A peer can't be run here; the message says why, in a few words."""


def python_for(name: str) -> Path:
    """The interpreter of a peer's environment. Raises AbsentError where it can't be installed."""
    home, pins = ROOT / ".venv-peers" / name, (THEIRS / f"{name}.txt").read_text()
    python, installed = home / "bin" / "python", home / "installed.txt"
    if installed.is_file() and installed.read_text() == pins:
        return python
    print(f"Installing {name} into .venv-peers …", file=sys.stderr)
    _run(name, sys.executable, "-m", "venv", "--clear", str(home))
    _run(name, str(python), "-m", "pip", "install", "--quiet", "--no-deps", "-r", str(THEIRS / f"{name}.txt"))
    installed.write_text(pins)
    return python


def go_program(name: str) -> Path:
    """A Go program of ``theirs/<name>``, built. Raises AbsentError where Go is missing or can't get its modules."""
    if shutil.which("go") is None:
        raise AbsentError("Go is not installed")
    home = ROOT / ".venv-peers" / name
    shutil.copytree(THEIRS / name, home, dirs_exist_ok=True)
    _run(name, "go", "build", "-mod=mod", "-o", name, ".", cwd=home)
    return home / name


def _run(name: str, *command: str, cwd: Path | None = None) -> None:
    """Raises AbsentError with the last line that was said."""
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise AbsentError(f"{name} could not be installed within {SECONDS} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or [f"exit {done.returncode}"]
        raise AbsentError(f"{name} could not be installed: {said[-1][:200]}")
