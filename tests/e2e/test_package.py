"""The artefact for AWS Lambda: built, looked into, and run with nothing else of this project on the path."""

import sys
import zipfile
from pathlib import Path

import pytest

from chalicelib.cloud.packaging import MAX_BYTES, build
from tests.e2e.artefact import OF_THE_RUNTIME, Artefact, artefact, for_arm, for_intel
from tests.web.site import SLOT, write_site

__all__ = ["artefact", "for_arm", "for_intel"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ROOT = Path(__file__).resolve().parents[2]
MACHINES = {"x86_64": 62, "aarch64": 183}
"""ELF's numbers of processors (e_machine)."""
TEMPLATES = ("alert", "digest", "event", "letter")

DOORS = """
import importlib, json, pkgutil
import app, chalicelib
for found in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
    importlib.import_module(found.name)
outside = sorted(
    name for name, module in sys.modules.items()
    if (file := getattr(module, "__file__", None)) and "site-packages" in file
)
print(json.dumps({
    "outside": outside,
    "doors": [callable(getattr(app, name)) for name in ("app", "tick", "chunks", "notices", "events")],
    "routes": len(app.app.routes),
}))
"""
RENDER = """
import asyncio, json
from datetime import UTC, datetime
from pathlib import Path
import app
from chalicelib.audience.audience import make_member
from chalicelib.audience.subscriber import Basis
from chalicelib.clock import clock_starting_at
from chalicelib.content.load import template_names
from chalicelib.deliver.alarms import AlarmKind
from chalicelib.render.alarm import AlarmMail, render_alarm
from chalicelib.render.notices import Kind, Notice, render_notice
from chalicelib.render.templates import BUILT_IN, templates_for
from chalicelib.runtime import Runtime
from chalicelib.settings import Settings
from chalicelib.transports.maildir import read_maildir
from chalicelib.web import house

data = Path({data!r})
settings = Settings(site=Path({site!r}), data=data, maildir=data / "maildir", secret="s" * 40)
event = {{"detail": {{}}}} | dict.fromkeys(
    ("version", "source", "detail-type", "account", "region", "resources", "time", "id"), "")
failed = []
for day in (24, 26):
    runtime = Runtime(settings, clock_starting_at(datetime(2026, 11, day, 10, tzinfo=UTC)))
    house.use(runtime)
    site = runtime.site
    for newsletter in site.newsletters if day == 24 else ():
        reader = make_member(runtime.secrets, newsletter, "ada@example.org", "Ada", "de")
        runtime.audience.subscribe([reader], Basis.CONSENT, "a test", runtime.clock())
    app.tick(event, None)
records = [
    {{"messageId": m.receipt, "receiptHandle": m.receipt, "body": m.body, "attributes": {{}}}}
    for _ in range(3) for m in runtime.queue.receive(10)
]
failed += app.chunks({{"Records": records}}, None)["batchItemFailures"]
page = app.app({{
    "resource": "x", "path": "/", "httpMethod": "GET", "headers": {{}}, "body": None,
    "multiValueQueryStringParameters": None, "stageVariables": None,
    "pathParameters": {{"newsletter": "harbour-log", "slot": {slot!r}, "language": "de"}},
    "requestContext": {{"httpMethod": "GET", "resourcePath": "/archive/{{newsletter}}/{{slot}}/{{language}}"}},
}}, None)
templates, rendered = templates_for(site.root), []
for kind in Kind:
    rendered.append(render_notice(site, Notice(kind, list(site.newsletters.values()), "de"), templates=templates))
for kind in AlarmKind:
    values = {{"edition": "harbour-log/2026-11-26", "source": "posts"}}
    rendered.append(render_alarm(site, AlarmMail(str(kind), "en", values=values), templates=templates))
print(json.dumps({{
    "built_in": str(BUILT_IN), "names": sorted(template_names(site.root)), "failed": failed,
    "status": page["statusCode"], "mails": len(read_maildir(settings.maildir)),
    "rendered": [bool(one.html and one.text and one.subject) for one in rendered],
    "states": sorted(
        str(edition.state) for name in site.newsletters for edition in runtime.dispatcher.editions.of(name)),
}}))
"""


def test_it_is_small_and_holds_no_tests_tools_or_papers(for_arm: Artefact, for_intel: Artefact) -> None:
    for one in (for_arm, for_intel):
        assert one.artefact.stat().st_size < MAX_BYTES
        tops = {name.split("/")[0] for name in one.names}
        assert not tops & {
            "tests",
            ".venv",
            "docs",
            "bench",
            "tools",
            "build",
            ".git",
            ".sendbrief",
            "vendor",
            "content",
        }
        assert not tops & {*OF_THE_RUNTIME, "typer", "rich", "waitress", "moto", "hypothesis", "pytest", "cfnlint"}
        assert not [name for name in one.names if name.endswith((".db", ".key", ".pem"))]
        assert not [name for name in one.names if name.startswith(("chalicelib/cli", "chalicelib/cloud"))]


def test_templates_and_compiled_modules_are_inside(artefact: Artefact) -> None:
    names = set(artefact.names)
    assert {"app.py", "chalice/app.pyc", "templates/email/digest/body.mjml", "templates/web/base.html"} <= names
    repository = {
        f"templates/{path.relative_to(ROOT / 'templates').as_posix()}"
        for path in (ROOT / "templates").rglob("*") if path.is_file()
    }  # fmt: skip
    assert repository <= names
    tag = f"cpython-{sys.version_info.major}{sys.version_info.minor}"
    for name in [name for name in names if name.startswith("chalicelib/") and name.endswith(".py")]:
        folder, _, file = name.rpartition("/")
        assert f"{folder}/__pycache__/{file.removesuffix('.py')}.{tag}.pyc" in names
    compiled = [name for name in names if name.endswith(".pyc")]
    assert all((artefact.folder / name).read_bytes()[4:8] == b"\x01\x00\x00\x00" for name in compiled), (
        "valid by hash, unchecked (PEP 552): files have no times there"
    )
    runtime = artefact.template["Resources"]["Tick"]["Properties"]["Runtime"]
    assert runtime == f"python{sys.version_info.major}.{sys.version_info.minor}", "bytecode is one Python's"


def test_two_builds_are_the_same_bytes(for_arm: Artefact, tmp_path: Path) -> None:
    again = build(tmp_path / "again", "prod", "arm64")
    assert again.artefact.read_bytes() == for_arm.artefact.read_bytes()
    assert again.template.read_bytes() == for_arm.sam.read_bytes()


def test_nothing_is_missing_for_either_processor(for_arm: Artefact, for_intel: Artefact) -> None:
    """The wheels of both are resolved: the same modules, each compiled one for its own machine."""

    def modules(one: Artefact) -> set[str]:
        return {
            name.partition(".cpython-")[0].removesuffix(".abi3.so") for name in one.names if ".dist-info/" not in name
        }

    assert modules(for_arm) == modules(for_intel)
    for one, machine in ((for_arm, "aarch64"), (for_intel, "x86_64")):
        compiled = [name for name in one.names if name.endswith(".so")]
        assert {name.split("/")[0] for name in compiled} >= {"nh3", "mjml", "yaml", "markupsafe"}
        with zipfile.ZipFile(one.artefact) as archive:
            for name in compiled:
                raw = archive.read(name)
                assert raw[:4] == b"\x7fELF"
                assert int.from_bytes(raw[18:20], "little") == MACHINES[machine], name


def test_it_alone_imports_every_door_and_every_room(artefact: Artefact, tmp_path: Path) -> None:
    told = artefact.run(DOORS, tmp_path)
    assert told["outside"] == []
    assert told["doors"] == [True] * 5
    assert told["routes"] > 40


def test_it_alone_renders_every_template(artefact: Artefact, tmp_path: Path) -> None:
    site, data = write_site(tmp_path / "site"), tmp_path / "data"
    log = (site / "content" / "newsletters" / "harbour-log.yaml").read_text()
    for name in TEMPLATES:
        (site / "content" / "newsletters" / f"as-{name}.yaml").write_text(f"{log}template: {name}\n")
    told = artefact.run(RENDER.format(data=str(data), site=str(site), slot=SLOT), tmp_path)
    assert told["built_in"] == str(artefact.folder / "templates")
    assert told["names"] == sorted(TEMPLATES)
    assert told["failed"] == []
    assert told["states"] == ["sending"] * (1 + len(TEMPLATES))
    assert told["mails"] == 1 + len(TEMPLATES)
    assert told["status"] == 200
    assert len(told["rendered"]) == 10
    assert all(told["rendered"])
