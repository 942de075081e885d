"""The artefact for AWS Lambda and its template: what `chalice package` makes, made small, compiled and whole.

Everything happens on a copy that holds only what the functions need, so that a checkout's stray files never travel and
two builds of the same files by the same Python are the same bytes.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from chalicelib.cloud.compiling import compile_into, sourceless
from chalicelib.errors import PackagingError
from chalicelib.settings import PROJECT_ROOT, for_programs

STAGES = ("dev", "prod")
ARCHITECTURES = {"arm64": "aarch64", "x86_64": "x86_64"}
"""Lambda's name of each, and its machine's, as wheels have it."""
NOT_IN_FUNCTIONS = (
    "chalicelib/cli", "chalicelib/cloud", "chalicelib/doctor", "chalicelib/web/desk.py", "chalicelib/web/inbox.py",
    "chalicelib/web/health.py", "chalicelib/web/server.py", "chalicelib/web/wsgi.py",
)  # fmt: skip
"""What only the command and one machine use."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The same time for every file (the earliest that a zip can hold)."""
REGION = "eu-central-1"
"""Chalice wants one, to know the partition; the template names none."""
MAX_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Package:
    """What was made: the zip, and the template (SAM) whose functions name it."""

    artefact: Path
    template: Path
    stage: str
    architecture: str


def build(out: Path, stage: str = "prod", architecture: str = "arm64", root: Path = PROJECT_ROOT) -> Package:
    """Make ``out``/deployment.zip and ``out``/sam.json. Raises PackagingError with what went wrong.

    The Python that runs this decides the functions' runtime: their bytecode is its own.
    """
    if not (root / "app.py").is_file() or not (root / ".chalice").is_dir():
        raise PackagingError(f"{root} holds no app.py and .chalice/.", "Package from a checkout of Sendbrief.")
    with tempfile.TemporaryDirectory(prefix="sendbrief-package-") as name:
        project = Path(name) / "sendbrief"
        _copy(root, project)
        _configure(project, stage, architecture)
        _chalice(project, out, stage)
    artefact = out / "deployment.zip"
    _refine(artefact)
    return Package(artefact, out / "sam.json", stage, architecture)


def _copy(root: Path, project: Path) -> None:
    """What Chalice shall find: the doors, the rooms of the functions, the templates, what the wheels are to be."""
    spare = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
    shutil.copytree(root / "chalicelib", project / "chalicelib", ignore=spare)
    for path in NOT_IN_FUNCTIONS:
        target = project / path
        shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
    shutil.copytree(root / "templates", project / "vendor" / "templates", ignore=spare)
    shutil.copytree(root / ".chalice", project / ".chalice", ignore=shutil.ignore_patterns("deployments", "deployed"))
    for name in ("app.py", "requirements.txt"):
        shutil.copy(root / name, project / name)


def _configure(project: Path, stage: str, architecture: str) -> None:
    """The stage's settings, and the resources as JSON, the form in which Chalice merges them."""
    folder = project / ".chalice"
    config = json.loads((folder / "config.json").read_text())
    if stage not in config["stages"]:
        raise PackagingError(f"There is no stage '{stage}'.", f"There are: {', '.join(config['stages'])}.")
    config["lambda_architecture"] = architecture
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "resources.json").write_text(json.dumps(resources(folder, stage)))


def resources(folder: Path, stage: str) -> dict[str, Any]:
    """The resources of .chalice/ as a value: the dashboard in its place, the stage as the default of its parameter."""
    template: dict[str, Any] = yaml.safe_load((folder / "resources.yaml").read_text("utf-8"))
    template["Parameters"]["Stage"] |= {"Default": stage, "AllowedValues": [stage]}
    dashboard = json.dumps(json.loads((folder / "dashboard.json").read_text("utf-8")), separators=(",", ":"))
    template["Resources"]["DashboardResource"]["Properties"]["DashboardBody"] = {"Fn::Sub": dashboard}
    return template


def _chalice(project: Path, out: Path, stage: str) -> None:
    """Chalice's own command. It loads app.py for its doors, so boto3 must know a region."""
    run = "import sys; from chalice.cli import main; sys.exit(main())"
    merged = project / ".chalice" / "resources.json"
    command = [
        sys.executable, "-c", run, "--project-dir", str(project), "package", "--stage", stage,
        "--merge-template", str(merged), str(out.resolve()),
    ]  # fmt: skip
    environment = {"AWS_DEFAULT_REGION": REGION, **for_programs(), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        said = (done.stdout + done.stderr).strip()
        raise PackagingError(f"chalice package failed:\n{said}", "What it needs from the package index must be there.")


def _refine(artefact: Path) -> None:
    """Compile what is inside, leave out what is never read there, and write the zip anew, in order."""
    with tempfile.TemporaryDirectory(prefix="sendbrief-refine-") as name:
        folder = Path(name)
        with zipfile.ZipFile(artefact) as archive:
            archive.extractall(folder)
        for path in [path for path in folder.rglob("*") if path.is_file() and idle(path.relative_to(folder))]:
            path.unlink()
        compile_into(folder, "/var/task")
        sourceless(folder, keep=OURS)
        fresh = artefact.with_suffix(".new")
        with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), EPOCH)
                entry.external_attr = 0o100644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
        fresh.replace(artefact)


OURS = ("app.py", "chalicelib", "templates")
SPARE = ("_wcwidth_c.", "dateutil-zoneinfo.")
"""How files begin that libraries do without: a faster way to what is asked of few words, zones that tzdata has."""
TERMINALS = ("wcwidth", "table_grapheme_overrides")
"""Where tables lie that say how single terminals draw some signs: nobody reads mail in a function's."""


def idle(path: Path) -> bool:
    """Whether a file of a library (relative to the artefact) is never read in a function: its tests and types."""
    parts = path.parts
    return parts[0] not in OURS and (
        "tests" in parts[1:-1]
        or path.suffix in {".pyi", ".typed"}
        or path.name.startswith(SPARE)
        or (parts[:2] == TERMINALS and path.name.startswith("_known_"))
        or path.name in {"RECORD", "WHEEL", "INSTALLER", "top_level.txt", "entry_points.txt"}
    )


__all__ = ["ARCHITECTURES", "MAX_BYTES", "STAGES", "Package", "build", "idle", "resources"]
