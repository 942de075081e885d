"""The artefact for AWS Lambda, built once for a test run, and Python with nothing but it and the runtime's boto3."""

import json
import platform
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import pytest

from chalicelib.cloud.packaging import build
from chalicelib.cloud.sam import plain

HERE = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
"""Lambda's name for this machine's processor."""
OF_THE_RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath")


@dataclass(frozen=True)
class Artefact:
    """A built zip, its template, and the zip unpacked."""

    artefact: Path
    sam: Path
    folder: Path

    @cached_property
    def names(self) -> list[str]:
        """What is in the zip."""
        with zipfile.ZipFile(self.artefact) as archive:
            return archive.namelist()

    @cached_property
    def template(self) -> dict[str, Any]:
        """As Chalice and the merge leave it, with AWS::Serverless resources."""
        found: dict[str, Any] = json.loads(self.sam.read_text())
        return found

    @cached_property
    def deployed(self) -> dict[str, Any]:
        """As CloudFormation takes it."""
        return plain(self.sam, "sendbrief-deployments", "prod/0.zip")

    def run(self, code: str, where: Path, **environment: str) -> Any:
        """What ``code`` prints as JSON in its last line, run with nothing else on the path, like a function."""
        libraries = Path(boto3.__file__).parents[1]
        runtime = where / "runtime"
        runtime.mkdir(exist_ok=True)
        for name in OF_THE_RUNTIME:
            if not (runtime / name).exists():
                (runtime / name).symlink_to(libraries / name)
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-W", "error", "-c",
             f"import sys; sys.path[:0] = {[str(self.folder), str(runtime)]!r}\n{code}"],
            cwd=where, env=environment, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])


def built(base: Path, architecture: str, stage: str = "prod") -> Artefact:
    """Build it below ``base``."""
    made = build(base / "out", stage, architecture)
    with zipfile.ZipFile(made.artefact) as archive:
        archive.extractall(base / "task")
    return Artefact(made.artefact, made.template, base / "task")


@pytest.fixture(scope="session")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> Artefact:
    """For this machine's processor, so that it can be run."""
    return built(tmp_path_factory.mktemp("package"), HERE, "dev")


@pytest.fixture(scope="session")
def for_arm(tmp_path_factory: pytest.TempPathFactory) -> Artefact:
    """What is deployed."""
    return built(tmp_path_factory.mktemp("arm"), "arm64")


@pytest.fixture(scope="session")
def for_intel(tmp_path_factory: pytest.TempPathFactory) -> Artefact:
    """For whoever wants the other processor."""
    return built(tmp_path_factory.mktemp("intel"), "x86_64")
