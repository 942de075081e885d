"""The document: the same as the table of routes, as the committed copy, and as what the API does (schemathesis)."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.content.webhooks import Happening
from chalicelib.runtime import Runtime
from chalicelib.web.api.openapi import document
from chalicelib.web.api.schemas import ANSWERS, REQUESTS
from chalicelib.web.api.table import BASE, OPERATIONS, SCOPES
from chalicelib.web.public import application
from chalicelib.web.server import Running
from chalicelib.web.wsgi import ProxyEvents
from tests.web.api.house import ADA, BO, Clock, Program, ask
from tests.web.site import BEFORE
from tools.openapi import COPY, text

ROOT = Path(__file__).resolve().parents[3]


def test_the_committed_copy_is_the_document() -> None:
    assert COPY.read_text("utf-8") == text(), "python -m tools.openapi writes it anew"


def test_it_is_served_to_everybody(runtime: Runtime) -> None:
    answer = ask("GET", f"{BASE}/openapi.json")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert json.loads(answer.body) == document()
    assert ask("HEAD", f"{BASE}/openapi.json").body == b""


def test_what_chalice_routes_is_what_is_told() -> None:
    told = {(path, method.upper()) for path, methods in document()["paths"].items() for method in methods}
    routed = {
        (path, method)
        for path, methods in application().routes.items() if path.startswith("/api/")
        for method in methods
    }  # fmt: skip
    assert routed - told == {(f"{BASE}/openapi.json", "GET"), (f"{BASE}/openapi.json", "HEAD")}
    assert told <= routed
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)
    assert {operation.scope for operation in OPERATIONS} == set(SCOPES)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (value["$ref"] for _ in range("$ref" in value))
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_all_it_refers_to_is_there_and_used() -> None:
    whole = document()
    referred = set(references(whole)) | set(re.findall(r'"(#/[^"]+)"', json.dumps(whole)))
    defined = {f"#/components/{kind}/{name}" for kind in ("schemas", "responses") for name in whole["components"][kind]}
    assert referred <= defined
    assert defined - referred - {"#/components/responses/404"} == set()
    assert set(REQUESTS).isdisjoint(ANSWERS)


def test_the_guide_names_every_scope_and_every_event() -> None:
    guide = (ROOT / "docs" / "operating.md").read_text("utf-8")
    for scope, words in SCOPES.items():
        assert f"| `{scope}` | {words} |" in guide
    content = (ROOT / "docs" / "content.md").read_text("utf-8")
    for kind in Happening:
        assert f"`{kind}`" in guide.split("\n## Webhooks\n")[1]
        assert f"`{kind}`" in content


@pytest.fixture
def served(runtime: Runtime, clock: Clock) -> Iterator[tuple[Program, str]]:
    """A server at which the rate of a key never runs out, since each call takes the clock on."""
    runtime.clock = lambda: clock.passes(seconds=1)
    server = Running(ProxyEvents(application()), "127.0.0.1", 0)
    yield Program.of(runtime), f"http://127.0.0.1:{server.port}"
    server.close()


CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,negative_data_rejection,ignored_auth,unsupported_method,use_after_free"
)
THERE = """
[parameters]
"path.subscriber" = ["ada@example.org", "bo@example.org", "@example.net"]
"path.newsletter" = "harbour-log"
"path.slot" = "2026-11-26"
"query.newsletter" = "harbour-log"
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("config", "seed"), [("", 1), (THERE, 2)], ids=["anything", "what is there"])
def test_schemathesis_finds_no_difference(served: tuple[Program, str], tmp_path: Path, config: str, seed: int) -> None:
    program, url = served
    asyncio.run(program.runtime.ticker().tick(BEFORE))
    program.add(ADA)
    program.add(BO, marks=["tag:speaker"])
    (tmp_path / "schemathesis.toml").write_text(config, "utf-8")
    left_out = ["--exclude-operation-id", "eraseSubscriber"] if config else []
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", f"{url}{BASE}/openapi.json", "--header",
         f"Authorization: Bearer {program.key}", "--checks", CHECKS, "--max-examples", "30", "--seed", str(seed),
         "--generation-database", "none", "--no-color", "--workers", "1", "--phases", "coverage,fuzzing", *left_out],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=800,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-2000:]
