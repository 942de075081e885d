"""Cold starts: what a function loads before it can work, from the built artefact with its bytecode.

Each is a process of its own with nothing but the artefact and the runtime's boto3 on the path, in turns; what counts is
the time of the processor, from the first import until the function is ready, without the interpreter's own start.
Beside it what every function in Python pays: ``import boto3`` and one client.
"""

import os
import platform
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import boto3
from rich.table import Table

from chalicelib.cloud.packaging import build
from chalicelib.settings import PROJECT_ROOT

RUNS = 25
OF_THE_RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "urllib3", "dateutil", "six.py")
"""What AWS's runtime brings; the artefact's own urllib3 and dateutil come first."""
WORK = """
import chalicelib.content.load, chalicelib.deliver.braking, chalicelib.deliver.chunks, chalicelib.deliver.draining
import chalicelib.deliver.guarding, chalicelib.deliver.pacing, chalicelib.deliver.quiet, chalicelib.deliver.recording
import chalicelib.deliver.turns, chalicelib.deliver.watching, chalicelib.deliver.worker
"""
HOUSE = "from chalicelib.web import house"
LEAVE = f"""
import app
app.app.open("/u/{{token}}")
{HOUSE}
house.runtime().table
"""
PAGE = (
    LEAVE
    + """
answer = app.app({
    "resource": "/u/{token}", "path": "/u/x", "httpMethod": "GET", "headers": {}, "body": None, "stageVariables": None,
    "multiValueQueryStringParameters": None, "pathParameters": {"token": "x"},
    "requestContext": {"httpMethod": "GET", "resourcePath": "/u/{token}"},
}, None)
assert answer["statusCode"] == 404, answer
"""
)
SEND = f"""
import app
{WORK}
{HOUSE}
house.runtime().transport
"""
DOORS = {
    "public": ("dynamodb", {"before the first event": "import app", "ready to work": LEAVE, "a page made": PAGE}),
    "sender": ("sesv2", {"before the first event": "import app", "ready to work": SEND}),
}
"""By door: the one client it needs; what Lambda loads before the first event; what the first event loads, with that
client; and a whole page of a site that lies in a folder."""
RUN = """
import sys, time
sys.path[:0] = {paths!r}
begun = time.process_time()
{code}
print(1000 * (time.process_time() - begun))
"""


@dataclass(frozen=True)
class Start:
    """One way to start. ``times``: to the bare one with the same client."""

    door: str
    what: str
    milliseconds: float
    times: float


def measure(folder: Path, runtime: Path, runs: int = RUNS) -> list[Start]:
    """Medians of processor time, contenders taking turns."""
    contenders = {}
    for door, (service, starts) in DOORS.items():
        contenders[door, f"import boto3, client of {service}"] = f"import boto3; boto3.client({service!r})"
        contenders |= {(door, what): code for what, code in starts.items()}
    found: dict[tuple[str, str], list[float]] = {key: [] for key in contenders}
    for _ in range(runs):
        for key, code in contenders.items():
            found[key].append(run(code, folder, runtime))
    medians = {key: median(values) for key, values in found.items()}
    bare = {door: medians[door, f"import boto3, client of {DOORS[door][0]}"] for door in DOORS}
    return [Start(door, what, value, value / bare[door]) for (door, what), value in medians.items()]


def run(code: str, folder: Path, runtime: Path) -> float:
    """Milliseconds of one start."""
    text = RUN.format(paths=[str(folder), str(runtime)], code=code)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", text], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


ENVIRONMENT: Mapping[str, str] = {
    "AWS_LAMBDA_FUNCTION_NAME": "bench", "AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_DEFAULT_REGION": "eu-central-1", "SENDBRIEF_STORE": "aws", "SENDBRIEF_TRANSPORT": "ses",
    "SENDBRIEF_SITE": str(PROJECT_ROOT), "SENDBRIEF_BUCKET": "bench", "SENDBRIEF_SECRET": "bench" * 8,
    "PATH": os.environ.get("PATH", ""),
}  # fmt: skip


def unpacked(base: Path) -> tuple[Path, Path]:
    """The artefact for this machine, unpacked, and the runtime's libraries beside it."""
    architecture = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
    made = build(base / "out", "prod", architecture)
    with zipfile.ZipFile(made.artefact) as archive:
        archive.extractall(base / "task")
    runtime = base / "runtime"
    runtime.mkdir()
    libraries = Path(boto3.__file__).parents[1]
    for name in OF_THE_RUNTIME:
        (runtime / name).symlink_to(libraries / name)
    return base / "task", runtime


def table() -> Table:
    """Milliseconds and ratios."""
    table = Table("door", "what", "ms of processor", "× of bare", title="cold starts, from the artefact", box=None)
    with tempfile.TemporaryDirectory(prefix="sendbrief-coldstart-") as name:
        for start in measure(*unpacked(Path(name))):
            table.add_row(start.door, start.what, f"{start.milliseconds:.0f}", f"{start.times:.2f}")
    return table


if __name__ == "__main__":
    from rich.console import Console

    Console(width=140).print(table())
