"""Whoever deploys: the `sendbrief` command with credentials of the local AWS, and a small site."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.cli.house import DIGEST, SITE
from tests.e2e.artefact import HERE
from tools.local_aws import CREDENTIALS

ROOT = Path(__file__).resolve().parents[2]
STAGE = "prod"


@dataclass
class Operator:
    """``environment`` is all that the command has of AWS."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        files = {
            "site.yaml": SITE + "editors: [editor@example.org]\n",
            "newsletters/digest.yaml": DIGEST,
            "posts/2026-11-20-first.md": "---\ntitle: First\n---\nThe first post.\n",
        }
        for name, text in files.items():
            path = self.folder / "site" / "content" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")

    def run(self, *arguments: str, code: int = 0, answer: str = "") -> str:
        """What the command says on this stage; it must end with ``code``, and never with a trace."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SENDBRIEF_", "AWS_"))}
        quiet = {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(self.folder)}
        done = subprocess.run(
            [sys.executable, "-m", "chalicelib.cli.main", "--stage", STAGE, "--site", str(self.folder / "site"),
             *arguments],
            env={**kept, **quiet, **self.environment}, cwd=ROOT, capture_output=True, text=True, check=False,
            input=answer, timeout=180,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        assert "Traceback" not in said, said
        assert "Fault" not in said, said
        return said

    def deploy(self, *arguments: str, code: int = 0, answer: str = "") -> str:
        """The command `deploy`, for this machine's processor."""
        return self.run("deploy", "--architecture", HERE, *arguments, code=code, answer=answer)


def at(endpoint: str) -> dict[str, str]:
    """The environment that leads to a local AWS."""
    return {**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint}


__all__ = ["STAGE", "Operator", "at"]
