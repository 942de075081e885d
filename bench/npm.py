"""Peers from npm: one process of node for each measurement, a script in, JSON out."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "npm"
SECONDS = 300


def has(package: str) -> bool:
    """Whether node and a package are there; says on stderr where one is not."""
    if shutil.which("node") and (FOLDER / "node_modules" / package).is_dir():
        return True
    print(f"node or npm's {package} is not installed (make npm): left out", file=sys.stderr)
    return False


def run(script: str, job: object) -> Any:
    """What a script prints, as JSON, when it is given a job as JSON. It times itself: node's start doesn't count."""
    done = subprocess.run(
        ["node", "-e", script], cwd=FOLDER, input=json.dumps(job), capture_output=True, text=True, timeout=SECONDS,
        check=True,
    )  # fmt: skip
    return json.loads(done.stdout)
