"""The curl lines of docs/operating.md, run as they stand against a server on this machine."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.runtime import Runtime
from chalicelib.web.public import application
from chalicelib.web.server import Running
from chalicelib.web.wsgi import ProxyEvents
from tests.web.api.house import Clock, Program

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs" / "operating.md").read_text("utf-8").split("\n## API\n")[1].split("\n## ")[0]


def blocks() -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def server(runtime: Runtime) -> Iterator[str]:
    running = Running(ProxyEvents(application()), "127.0.0.1", 0)
    yield f"http://127.0.0.1:{running.port}"
    running.close()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_lines_of_curl_do_what_they_say(runtime: Runtime, server: str, clock: Clock) -> None:
    key = Program.of(runtime).key
    outputs = []
    for block in blocks()[1:]:
        command = block.replace("https://letters.example.org", server).replace(
            "curl -H", "curl -sS --fail-with-body -H"
        )
        done = subprocess.run(
            ["sh", "-ec", command], env={**os.environ, "KEY": key, "NO_PROXY": "127.0.0.1"}, capture_output=True,
            text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        outputs.append(done.stdout)
    assert json.loads(outputs[0])["status"] == "pending"
    assert json.loads(outputs[1])["newsletters"] == {"harbour-log": "new"}
    assert '"marks": ["tag:speaker"]' in outputs[2]
    assert '"name": "Bo"' in outputs[2]
    assert '"left": ["harbour-log"]' in outputs[2]
    assert not runtime.audience.person(runtime.audience.sid("bo@example.org")).members
