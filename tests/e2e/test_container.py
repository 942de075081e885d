"""What the container file makes, made without an engine: its very pip line, run as its user in a read-only tree.

No engine runs on this machine: layers, the base image and the health check's timing are not tested.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.house import Sink, sink

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ROOT = Path(__file__).resolve().parents[2]
FILE = (ROOT / "deploy/container/Containerfile").read_text()
USER = int(re.findall(r"^USER (\d+):", FILE, re.MULTILINE)[0])
PYTHON = re.findall(r"^ARG PYTHON=(\d+\.\d+)", FILE, re.MULTILINE)[0]


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    """/opt/sendbrief as the build stage leaves it, below a folder that every user may enter, with no right to write."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" != PYTHON:
        pytest.skip(f"the image has Python {PYTHON}")
    folder = Path(tempfile.mkdtemp(prefix="container-"))
    try:
        _build(folder)
        folder.chmod(0o755)
        subprocess.run(["chmod", "-R", "a-w,a+rX", str(folder)], check=True)
        yield folder
    finally:
        subprocess.run(["chmod", "-R", "u+w", str(folder)], check=True)
        shutil.rmtree(folder)


def _python() -> str:
    """A Python of the image's version that its user may run too."""
    for place in (os.path.realpath(sys.executable), f"/usr/bin/python{PYTHON}"):
        rights = ["setpriv", "--reuid", str(USER), "--clear-groups", "sh", "-c", f"test -x {place}"]
        if shutil.which("setpriv") and subprocess.run(rights, check=False).returncode == 0:
            return place
    pytest.skip(f"no Python {PYTHON} that other users may run")


def _build(folder: Path) -> None:
    """Its RUN and COPY lines, with ``folder`` for /opt/sendbrief."""
    subprocess.run([_python(), "-m", "venv", "--without-pip", "venv"], cwd=folder, check=True)
    for source, target in re.findall(r"^COPY (?!--from)(\S+) (\S+)", FILE, re.MULTILINE):
        place = folder / target / (Path(source).name if target.endswith("/") else "")
        place.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, place)
    (line,) = re.findall(r"^RUN python -m (pip --python .*)$", FILE, re.MULTILINE)
    try:
        subprocess.run([sys.executable, "-m", *line.split()], cwd=folder, check=True, capture_output=True, timeout=400)
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode()
        if "hash" in said.lower():
            raise AssertionError(said) from None
        pytest.skip(f"nothing can be installed here: {said[-300:]}")
    command = folder / "venv/bin/sendbrief"
    command.write_text(command.read_text().replace("/opt/sendbrief", str(folder)))
    command.chmod(0o755)
    (folder / f"venv/lib/python{PYTHON}/site-packages/sendbrief.pth").write_text(f"{folder}/app\n")


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Sink]:
    with sink(tmp_path) as found:
        yield found


class Box:
    """The image's command with its environment: /data alone can be written to, by a user with no rights."""

    def __init__(self, root: Path, post: Sink) -> None:
        self.root, self.data = root, Path(tempfile.mkdtemp(prefix="container-data-"))
        self.scratch = Path(tempfile.mkdtemp(prefix="container-tmp-"))
        for folder in (self.data, self.scratch):
            folder.chmod(0o700)
            os.chown(folder, USER, USER)
        block = FILE.split("ENV ")[1].split("\nUSER")[0]
        baked = dict(re.findall(r"(\w+)=(\S+)", block))
        self.environment = baked | {
            "PATH": f"{root}/venv/bin:/usr/bin:/bin",
            "SENDBRIEF_SITE": str(ROOT),
            "SENDBRIEF_DATA": str(self.data),
            "SENDBRIEF_TRANSPORT": "smtp",
            "SENDBRIEF_SMTP_URL": post.url,
            "HOME": str(self.data),
        }

    def start(self, *arguments: str, program: str = "", given: Any = None) -> "subprocess.Popen[str]":
        """As `docker run --read-only --cap-drop ALL --security-opt no-new-privileges`, as far as setpriv can."""
        rights = ["--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs"]
        command = ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups", *rights]
        return subprocess.Popen(
            [*command, program or f"{self.root}/venv/bin/sendbrief", *arguments],
            cwd=self.data, env=self.environment, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *arguments: str) -> str:
        out, err = (process := self.start(*arguments)).communicate(timeout=240)
        assert process.returncode == 0, f"{out}\n{err}"
        return out


@pytest.fixture
def box(root: Path, post: Sink) -> Iterator[Box]:
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("only root with setpriv can become the image's user")
    probe = subprocess.run(
        ["setpriv", "--reuid", str(USER), "--clear-groups", "test", "-r", str(ROOT / "content/site.yaml")]
    )
    if probe.returncode:
        pytest.skip("this checkout can't be read by other users")
    found = Box(root, post)
    yield found
    shutil.rmtree(found.data)
    shutil.rmtree(found.scratch)


def test_it_serves_and_sends_as_nobody_in_a_tree_that_is_read_only(box: Box, post: Sink) -> None:
    people = str(ROOT / "content/sample-subscribers.csv")
    box.run("subscribers", "import", people, "--newsletter", "community-digest", "--basis", "consent")
    out, err = box.start("tick", "--now", "2026-11-19T10:00").communicate(timeout=240)
    assert "Traceback" not in out + err
    assert set(post.per_edition()["community-digest/2026-11-19"].values()) == {1}
    assert len(post.per_edition()["community-digest/2026-11-19"]) == 12
    port = _free_port()
    server = box.start("serve", "--host", "127.0.0.1", "--port", str(port), "--no-desk", "--no-tick")
    try:
        assert _asked(f"http://127.0.0.1:{port}/readyz") == b"ok\n"
        check = re.findall(r'CMD \["python", "-c", "(.*?)"\]$', FILE, re.MULTILINE)[0].replace("8000", str(port))
        subprocess.run([f"{box.root}/venv/bin/python", "-c", check], check=True, timeout=30)
    finally:
        server.send_signal(signal.SIGTERM)
        _, said = server.communicate(timeout=60)
    assert server.returncode == 0, said
    written = [path for path in box.root.rglob("*") if path.stat().st_uid == USER]
    assert written == [], "it wrote nowhere but to its data"
    assert (box.data / "sendbrief.db").stat().st_uid == USER


def test_a_pod_waits_for_a_site_and_takes_it_as_the_guide_says(box: Box, tmp_path: Path) -> None:
    """One pod: its ConfigMap's settings, and the line of the guide that publishes, by another name of /tmp/site."""
    settings = yaml.safe_load((ROOT / "deploy/kubernetes/one/settings.yaml").read_text())["data"]
    box.environment |= settings | {"SENDBRIEF_SITE": "/site"}
    port = _free_port()
    server = box.start("serve", "--host", "127.0.0.1", "--port", str(port), "--no-desk")
    try:
        assert server.stderr is not None
        assert "Nothing is published yet" in server.stderr.readline()
        guide = (ROOT / "docs/kubernetes.md").read_text()
        (line,) = re.findall(r"^tar c content \| kubectl .* -- sh -c '(.*)'$", guide, re.MULTILINE)
        subprocess.run(["tar", "cf", str(tmp_path / "site.tar"), "content"], cwd=ROOT, check=True)
        with (tmp_path / "site.tar").open("rb") as site:
            words = line.replace("/tmp/site", f"{box.scratch}/site")
            told, err = box.start("-c", words, program="/bin/sh", given=site).communicate(timeout=120)
        assert "ublished" in told, err
        assert _asked(f"http://127.0.0.1:{port}/readyz") == b"ok\n"
    finally:
        server.send_signal(signal.SIGTERM)
        _, said = server.communicate(timeout=60)
    assert server.returncode == 0, said


def test_nothing_in_it_can_install_or_build(root: Path) -> None:
    programs = {path.name for path in (root / "venv/bin").iterdir()}
    assert not {"pip", "pip3", "gcc", "cc"} & programs
    found = {path.name for path in (root / f"venv/lib/python{PYTHON}/site-packages").iterdir()}
    assert not {"pip", "setuptools", "pytest", "moto"} & found
    assert not list((root / "app").rglob("content")) or not (root / "app/content").exists()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _asked(url: str) -> bytes:
    for _ in range(600):
        with suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
            body: bytes = answer.read()
            return body
        time.sleep(0.1)
    raise AssertionError("it never answered")
