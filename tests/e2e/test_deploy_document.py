"""docs/deploy.md, followed literally: its `$` lines by bash in a fresh clone, with a local AWS in AWS's place."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.cloud.house import at
from tests.e2e.artefact import HERE
from tests.local_aws import LocalAws, local_aws

__all__ = ["local_aws"]
ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "deploy.md"
BLOCK = re.compile(r"(<!-- not run: [^>]+ -->\n)?```console\n(.*?)```", re.DOTALL)
MAY_FIND = ("doctor", "status")
"""Commands that exit with 1 where something is left to do, as is the case without a DNS."""


def steps() -> list[tuple[str, list[str]]]:
    """Each command that is run, with the lines that the document shows of its output."""
    found = []
    for unable, block in BLOCK.findall(DOCUMENT.read_text("utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *shown = part.rstrip("\n").split("\n")
            if not unable:
                found.append((command, shown))
    return found


def clone(folder: Path) -> Path:
    """This commit, with what is installed here: the stamps say that nothing is to be installed anew."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True, timeout=60)
    (folder / ".venv").mkdir()
    (folder / ".venv" / "bin").symlink_to(ROOT / ".venv" / "bin")
    for stamp in (".venv", ".runs", ".deploys", ".tests"):
        (folder / ".venv" / stamp).touch()
    return folder


def script() -> str:
    """All commands in one shell, with a line after each that gives its number and exit code."""
    lines = ["exec 2>&1"]
    for number, (command, _) in enumerate(steps()):
        lines += [command, f'printf "\\n<<%d:%d>>\\n" {number} $?']
    return "\n".join(lines)


@pytest.mark.slow
@pytest.mark.timeout(590)
def test_whoever_follows_the_document_has_a_stage_and_none_in_the_end(local_aws: LocalAws, tmp_path: Path) -> None:
    folder = clone(tmp_path / "sendbrief")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SENDBRIEF_", "AWS_", "MAKE"))}
    environment = {**kept, **at(local_aws.endpoint), "ARCHITECTURE": HERE, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        ["bash", "-c", script()], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=580,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    outputs = re.split(r"\n<<(\d+):(\d+)>>\n", done.stdout)
    assert len(outputs) // 3 == len(steps()), done.stdout[-3000:]
    for (command, shown), said, code in zip(steps(), outputs[::3], outputs[2::3], strict=False):
        allowed = {"0", "1"} if any(word in command.split() for word in MAY_FIND) else {"0"}
        assert code in allowed, f"{command}\n{said}"
        flat = " ".join(said.split())
        for line in shown:
            for words in re.split("…", " ".join(line.split())):
                assert words.strip() in flat, f"{command}\n{words!r} is not in:\n{said}"
    assert "Traceback" not in done.stdout


def test_few_commands_of_the_document_are_not_run() -> None:
    text = DOCUMENT.read_text("utf-8")
    assert len(re.findall("<!-- not run: ", text)) <= 2
    assert len(steps()) >= 12


def default(value: object) -> str:
    """As the table writes it."""
    return "empty" if value == "" else f"`{value}`"


def test_the_parameters_are_the_templates() -> None:
    known = yaml.safe_load((ROOT / ".chalice" / "resources.yaml").read_text("utf-8"))["Parameters"]
    rows = [row for row in DOCUMENT.read_text("utf-8").split("## Parameters")[1].splitlines() if row.startswith("| `")]
    told = {
        f"| `{name}` | {default(one['Default'])} | {one['Description']} |"
        for name, one in known.items()
        if name != "Stage"
    }
    assert set(rows) == told
