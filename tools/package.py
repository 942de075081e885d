"""`make package`: the artefact for AWS Lambda and its SAM template, in build/package.

`chalice package` makes the zip; `.chalice/resources.json` adds the table, the bucket and the queue that the
functions refer to, and lets the queue's consumer report single failures. Then compiled modules are added: the
disk is read-only on Lambda, so that every cold start would compile all of them again.
"""

import argparse
import compileall
import os
import py_compile
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = ("app.py", "chalicelib", "content", "templates")
EPOCH = (1980, 1, 1, 0, 0, 0)  # the same time for every file: two clean builds are the same bytes
REGION = "eu-central-1"  # chalice wants one to know the partition; the template names none


class PackagingError(Exception):
    """The artefact could not be made; the message holds what chalice said."""


def build(out: Path, stage: str) -> Path:
    """Make ``out``/sam.json and ``out``/deployment.zip; the zip. Raises PackagingError."""
    chalice = Path(sys.executable).with_name("chalice")
    command = [
        str(chalice), "--project-dir", str(ROOT), "package", "--stage", stage,
        "--merge-template", str(ROOT / ".chalice" / "resources.json"), str(out),
    ]  # fmt: skip
    environment = {"AWS_DEFAULT_REGION": REGION, **os.environ}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise PackagingError(f"chalice package failed:\n{done.stdout}{done.stderr}")
    artefact = out / "deployment.zip"
    add_compiled(artefact)
    return artefact


def add_compiled(artefact: Path) -> None:
    """Put the .pyc files of all modules into a zip, valid whatever the files' times are (PEP 552)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with zipfile.ZipFile(artefact) as archive:
            archive.extractall(folder)
        compileall.compile_dir(
            folder, quiet=2, stripdir=str(folder), prependdir="/var/task",
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )  # fmt: skip
        fresh = artefact.with_suffix(".new")
        with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for path in sorted(path for path in folder.rglob("*") if path.is_file() and not idle(path, folder)):
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), EPOCH)
                entry.external_attr = 0o100644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
        fresh.replace(artefact)


SPARE = ("_wcwidth_c.", "dateutil-zoneinfo.")
"""How files begin that libraries do without: a faster way to what is asked of few words, zones that tzdata has."""


def idle(path: Path, folder: Path) -> bool:
    """Whether a file is never read in a function: the command, and of libraries their tests and types."""
    parts = path.relative_to(folder).parts
    if parts[:2] == ("chalicelib", "cli"):
        return True
    return parts[0] not in OURS and (
        "tests" in parts[1:-1] or path.suffix in {".pyi", ".typed"} or path.name.startswith(SPARE)
    )


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Make the artefact for AWS Lambda.")
    parser.add_argument("out", nargs="?", type=Path, default=ROOT / "build" / "package")
    parser.add_argument("--stage", choices=("dev", "prod"), default="prod")
    wanted = parser.parse_args()
    try:
        artefact = build(wanted.out, wanted.stage)
    except PackagingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{artefact}: {artefact.stat().st_size / 1e6:.1f} MB\n{wanted.out / 'sam.json'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
