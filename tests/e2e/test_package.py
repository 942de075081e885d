"""The artefact for AWS Lambda: built, unpacked, and run with nothing else of this project on the path."""

import json
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.web.site import SLOT, write_site
from tools.package import build

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ROOT = Path(__file__).resolve().parents[2]
MAX_BYTES = 12_000_000
OF_THE_RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath")

RUN = """
import asyncio, json, sys
sys.path[:0] = {paths!r}
import app
from datetime import UTC, datetime
from pathlib import Path
from chalicelib.audience.audience import make_member
from chalicelib.audience.subscriber import Basis
from chalicelib.clock import clock_starting_at
from chalicelib.render.templates import BUILT_IN
from chalicelib.runtime import Runtime
from chalicelib.settings import Settings
from chalicelib.transports.maildir import read_maildir
from chalicelib.web import house

data = Path({data!r})
settings = Settings(site=Path({site!r}), data=data, maildir=data / "maildir", secret="s" * 40)
for day in (24, 26):
    runtime = Runtime(settings, clock_starting_at(datetime(2026, 11, day, 10, tzinfo=UTC)))
    house.use(runtime)
    if day == 24:
        reader = make_member(runtime.secrets, "harbour-log", "ada@example.org", "Ada", "de")
        runtime.audience.subscribe([reader], Basis.CONSENT, "a test", runtime.clock())
    app.tick({{"detail": {{}}}} | dict.fromkeys(
        ("version", "source", "detail-type", "account", "region", "resources", "time", "id"), ""), None)
records = [
    {{"messageId": m.receipt, "receiptHandle": m.receipt, "body": m.body, "attributes": {{}}}}
    for m in runtime.queue.receive(10)
]
failed = app.chunks({{"Records": records}}, None)
page = app.app({{
    "resource": "x", "path": "/", "httpMethod": "GET", "headers": {{}}, "body": None,
    "multiValueQueryStringParameters": None, "stageVariables": None,
    "pathParameters": {{"newsletter": "harbour-log", "slot": {slot!r}, "language": "de"}},
    "requestContext": {{"httpMethod": "GET", "resourcePath": "/archive/{{newsletter}}/{{slot}}/{{language}}"}},
}}, None)
import boto3
from chalicelib.store import dynamodb, s3, sqs
from chalicelib.transports import ses
outside = sorted(
    name for name, module in sys.modules.items()
    if (file := getattr(module, "__file__", None)) and "site-packages" in file
)
print(json.dumps({{
    "templates": str(BUILT_IN), "failed": failed, "status": page["statusCode"], "page": page["body"],
    "mails": len(read_maildir(settings.maildir)), "chunks": len(records), "outside": outside,
}}))
"""


@dataclass(frozen=True, slots=True)
class Package:
    """What was built: the zip, its names, the template, and the zip unpacked."""

    artefact: Path
    names: list[str]
    template: dict[str, Any]
    folder: Path


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    base = tmp_path_factory.mktemp("package")
    artefact = build(base / "out", "prod")
    with zipfile.ZipFile(artefact) as archive:
        archive.extractall(base / "task")
        names = archive.namelist()
    return Package(artefact, names, json.loads((base / "out" / "sam.json").read_text()), base / "task")


def test_it_is_small_and_holds_no_tests_tools_or_papers(package: Package) -> None:
    assert package.artefact.stat().st_size < MAX_BYTES
    tops = {name.split("/")[0] for name in package.names}
    assert not tops & {"tests", ".venv", "docs", "bench", "tools", "build", ".git", ".sendbrief", "README.md", "vendor"}
    assert not tops & {*OF_THE_RUNTIME, "typer", "rich", "waitress", "moto", "hypothesis", "pytest"}
    assert not [name for name in package.names if name.endswith((".db", ".key", ".pem"))]


def test_templates_content_and_compiled_modules_are_inside(package: Package) -> None:
    names = set(package.names)
    assert {"app.py", "chalice/app.py", "templates/email/digest/body.mjml", "templates/web/base.html"} <= names
    assert "content/site.yaml" in names
    tag = f"cpython-{sys.version_info.major}{sys.version_info.minor}"
    assert f"chalicelib/__pycache__/runtime.{tag}.pyc" in names
    flags = (package.folder / "chalicelib" / "__pycache__" / f"runtime.{tag}.pyc").read_bytes()[4:8]
    assert flags == b"\x01\x00\x00\x00"  # PEP 552: by hash, unchecked


def test_it_sends_an_edition_and_shows_it_with_nothing_else_on_the_path(package: Package, tmp_path: Path) -> None:
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    libraries = Path(boto3.__file__).parents[1]
    for name in OF_THE_RUNTIME:
        (runtime / name).symlink_to(libraries / name)
    site, data = write_site(tmp_path / "site"), tmp_path / "data"
    code = RUN.format(paths=[str(package.folder), str(runtime)], data=str(data), site=str(site), slot=SLOT)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], cwd=tmp_path, env={}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["templates"] == str(package.folder / "templates")
    assert (told["failed"], told["chunks"], told["mails"]) == ({"batchItemFailures": []}, 1, 1)
    assert told["status"] == 200
    assert told["outside"] == []


def test_the_queue_reports_single_failures_and_has_dead_letters(package: Package) -> None:
    resources = package.template["Resources"]
    events = resources["Chunks"]["Properties"]["Events"]
    (source,) = events.values()
    assert source["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["Properties"]["BatchSize"] == 1
    assert source["Properties"]["Queue"] == {"Fn::Sub": "${ChunkQueueResource.Arn}"}
    queue = resources["ChunkQueueResource"]["Properties"]
    assert queue["VisibilityTimeout"] >= 6 * resources["Chunks"]["Properties"]["Timeout"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["ChunkDeadLetterResource", "Arn"]}
    from chalicelib.adapters import MAX_ATTEMPTS

    assert queue["RedrivePolicy"]["maxReceiveCount"] == MAX_ATTEMPTS
    assert resources["TableResource"]["DeletionPolicy"] == "Retain"


def test_every_function_has_settings_that_load_and_a_role_of_its_own(package: Package) -> None:
    from chalicelib.settings import load_settings

    resources = package.template["Resources"]
    functions = {name: r["Properties"] for name, r in resources.items() if r["Type"] == "AWS::Serverless::Function"}
    assert set(functions) == {"APIHandler", "Tick", "Chunks", "Notices", "Events"}
    for properties in functions.values():
        values = {k: v if isinstance(v, str) else "x" for k, v in properties["Environment"]["Variables"].items()}
        assert load_settings(values, site=Path("/x"), data=Path("/x")).store == "aws"
    roles = [properties["Role"]["Fn::GetAtt"][0] for properties in functions.values()]
    assert len(set(roles)) == 5


def test_no_role_has_wild_actions_and_the_public_one_cannot_send(package: Package) -> None:
    resources = package.template["Resources"]
    allowed: dict[str, set[str]] = {}
    for name, resource in resources.items():
        if resource["Type"] == "AWS::IAM::Role":
            for policy in resource["Properties"]["Policies"]:
                for statement in policy["PolicyDocument"]["Statement"]:
                    assert statement["Effect"] == "Allow"
                    # GetAccount knows no resources (the service authorization reference of SES).
                    assert statement["Resource"] != "*" or statement["Action"] == ["ses:GetAccount"]
                    allowed.setdefault(name, set()).update(statement["Action"])
    actions = set().union(*allowed.values())
    assert all(re.fullmatch(r"[a-z0-9]+:[A-Z][A-Za-z]+", action) for action in actions)
    assert {name for name, may in allowed.items() if "ses:SendEmail" in may} == {
        "TickRole",
        "ChunksRole",
        "NoticesRole",
    }
    public = allowed["ApiHandlerRole"]
    assert not any(action.startswith(("ses:", "s3:Put", "s3:Delete", "dynamodb:Scan")) for action in public)
    assert {action for action in public if action.startswith("sqs:")} == {"sqs:SendMessage"}
    statements = [
        statement
        for policy in resources["ApiHandlerRole"]["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    (queue,) = (one["Resource"] for one in statements if "sqs:SendMessage" in one["Action"])
    assert queue == {"Fn::GetAtt": ["NoticeQueueResource", "Arn"]}, "the public role asks for notices, not for editions"


def test_notices_have_a_queue_of_their_own(package: Package) -> None:
    resources = package.template["Resources"]
    (source,) = resources["Notices"]["Properties"]["Events"].values()
    assert source["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["Properties"]["Queue"] == {"Fn::Sub": "${NoticeQueueResource.Arn}"}
    queue = resources["NoticeQueueResource"]["Properties"]
    assert queue["VisibilityTimeout"] >= 6 * resources["Notices"]["Properties"]["Timeout"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["NoticeDeadLetterResource", "Arn"]}


def test_the_tick_may_look_at_the_dead_letters_of_every_queue_and_each_queue_has_its_own(package: Package) -> None:
    """What is taken from a dead-letter queue goes back to one queue: shared, events would end as chunks."""
    resources = package.template["Resources"]
    (policy,) = resources["TickRole"]["Properties"]["Policies"]
    looked = [
        one["Fn::GetAtt"][0]
        for statement in policy["PolicyDocument"]["Statement"]
        for one in statement["Resource"]
        if "sqs:ReceiveMessage" in statement["Action"]
    ]
    queues = [resources[f"{name}QueueResource"]["Properties"] for name in ("Chunk", "Notice", "Event")]
    assert looked == [queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0] for queue in queues]
    assert len(set(looked)) == 3
    variables = resources["Tick"]["Properties"]["Environment"]["Variables"]
    assert variables["SENDBRIEF_EVENT_QUEUE_URL"] == {"Ref": "EventQueueResource"}


def test_events_have_a_queue_of_their_own_and_their_function_can_only_record(package: Package) -> None:
    resources = package.template["Resources"]
    (source,) = resources["Events"]["Properties"]["Events"].values()
    assert source["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert (source["Properties"]["BatchSize"], source["Properties"]["MaximumBatchingWindowInSeconds"]) == (100, 20)
    assert source["Properties"]["Queue"] == {"Fn::Sub": "${EventQueueResource.Arn}"}
    queue = resources["EventQueueResource"]["Properties"]
    assert queue["VisibilityTimeout"] >= 6 * resources["Events"]["Properties"]["Timeout"] + 20, "as AWS advises"
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["EventDeadLetterResource", "Arn"]}
    (policy,) = resources["EventsRole"]["Properties"]["Policies"]
    actions = {action for statement in policy["PolicyDocument"]["Statement"] for action in statement["Action"]}
    assert not any(action.startswith(("ses:", "s3:", "sqs:Send", "dynamodb:Scan")) for action in actions)


def test_all_that_the_template_refers_to_is_in_it(package: Package) -> None:
    known = set(package.template["Resources"]) | set(package.template["Parameters"])
    text = json.dumps(package.template)
    referred = set(re.findall(r'"Ref": "(\w+)"', text)) | set(re.findall(r'"Fn::GetAtt": \["(\w+)"', text))
    referred |= set(re.findall(r"\$\{(\w+)[.}]", text))
    assert referred - known == {"RestAPIId"}  # a name of chalice's own inside one Fn::Sub
