"""Logs as JSON: one line for each record, what it is about, never an address; and from a mail back to its tick."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import app as doors
from chalicelib.clock import clock_starting_at
from chalicelib.deliver.chunks import task_body
from chalicelib.errors import StoreError
from chalicelib.invocation import FunctionError, invocation
from chalicelib.json_logs import JsonLines
from chalicelib.logs import HIDDEN, about, context, correlated, correlation, learn, logger
from chalicelib.metrics import count
from chalicelib.runtime import Runtime
from chalicelib.settings import LogSettings, log_settings
from chalicelib.web import house
from tests.test_doors import event_of, heard_of
from tests.web.site import AFTER, BEFORE, SLOT, runtime_at, subscribe, write_site

ROOT = Path(__file__).resolve().parents[1]
ADDRESS = "Ada.Lovelace+news@mail.example.org"
CALL = SimpleNamespace(aws_request_id="call-1", get_remaining_time_in_millis=lambda: 600_000)


class Lines:
    """A handler's lines, read again."""

    def __init__(self) -> None:
        self.stream = StringIO()

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What this process logs meanwhile, as the functions write it."""
    kept = Lines()
    handler = logging.StreamHandler(kept.stream)
    handler.setFormatter(JsonLines(function="sendbrief-prod-tick", stage="prod"))
    levels = {name: logger(name).level for name in ("sendbrief", "chalicelib")}
    logging.root.addHandler(handler)
    for name in levels:
        logger(name).setLevel(logging.INFO)
    yield kept
    logging.root.removeHandler(handler)
    for name, level in levels.items():
        logger(name).setLevel(level)


def test_a_record_is_one_line_with_all_that_is_known(lines: Lines) -> None:
    with about(edition="digest/2026-11-26", chunk=3, request_id="", correlation="c0ffee"):
        logger("sendbrief").warning("Two\nlines, %d things", 2)
    logger("sendbrief").info("later")
    first, later = lines.all()
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "WARNING", "message": "Two\nlines, 2 things", "logger": "sendbrief", "function": "sendbrief-prod-tick",
        "stage": "prod", "edition": "digest/2026-11-26", "chunk": 3, "correlation": "c0ffee",
    }  # fmt: skip
    assert set(later) == {"time", "level", "message", "logger", "function", "stage"}, "what it was about is over"


def test_no_line_bears_an_address_whoever_wrote_it(lines: Lines) -> None:
    for log in (logger("sendbrief"), logging.getLogger("somebody.else")):
        with about(edition=f"digest/{ADDRESS}", detail=ADDRESS):
            try:
                raise ValueError(f"no mailbox {ADDRESS}")
            except ValueError:
                log.exception("To %s", ADDRESS)
        log.warning("%s", {"to": [ADDRESS]}, stack_info=True)
    text = lines.stream.getvalue()
    assert "Lovelace" not in text
    assert len(lines.all()) == 4
    for line in lines.all()[::2]:
        assert f"To {HIDDEN}" in line["message"]
        assert f"ValueError: no mailbox {HIDDEN}" in line["message"]
        assert line["detail"] == HIDDEN


def test_what_is_learned_lasts_as_long_as_what_it_belongs_to() -> None:
    learn(edition="nobody listens")
    assert context() == {}
    with about(edition="a/1"):
        with about():
            learn(chunk=2, correlation="")
            assert context() == {"edition": "a/1", "chunk": 2}
        assert context() == {"edition": "a/1"}
    with correlated():
        outer = correlation()
        with correlated():
            assert correlation() == outer, "a tick within a tick is one"
    assert len(outer) == 16
    assert correlation() == ""


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, LogSettings()),
        ({"SENDBRIEF_LOG": "json", "SENDBRIEF_STAGE": "prod"}, LogSettings(json=True, stage="prod")),
        ({"SENDBRIEF_LOG": "jsno"}, LogSettings()),
        ({"AWS_LAMBDA_FUNCTION_NAME": "f", "SENDBRIEF_LOG": "text"}, LogSettings(json=True, function="f")),
    ],
)
def test_functions_always_log_json_and_mistakes_stop_nothing(environment: dict[str, str], wanted: LogSettings) -> None:
    assert log_settings(environment) == wanted


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    """A fresh site with one reader, two days before its slot, as if on AWS Lambda."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "sendbrief-prod-tick")
    monkeypatch.setenv("SENDBRIEF_STAGE", "prod")
    made = runtime_at(write_site(tmp_path / "site"), tmp_path / "data", BEFORE)
    subscribe(made, "ada@example.org")
    house.use(made)
    yield made
    house.use(None)
    made.close()


def tick() -> None:
    doors.tick({"version": "0", "source": "aws.events", "detail-type": "", "detail": {}, "account": "1", "region": "x",
                "resources": [], "time": "", "id": ""}, CALL)  # fmt: skip


def metrics_of(printed: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.splitlines() if '"_aws"' in line]


def test_a_mail_s_event_leads_to_its_chunk_s_lines_and_these_to_the_tick(
    runtime: Runtime, lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    tick()
    runtime.clock = clock_starting_at(AFTER)
    tick()
    edition, event = f"harbour-log/{SLOT}", json.loads(json.loads(heard_of("Bounce"))["Message"])
    doors.chunks(event_of(task_body(edition, 0)), CALL)
    doors.events(event_of(heard_of("Bounce")), CALL)

    tags = {name: values[0] for name, values in event["mail"]["tags"].items()}
    assert (tags["edition"], int(tags["chunk"])) == (edition.replace("/", "_"), 0)
    of_chunk = [line for line in lines.all() if line.get("edition") == edition and line.get("chunk") == 0]
    assert [line["message"].split(" ")[0] for line in of_chunk] == ["Work", "Heard"]
    (found,) = {line["correlation"] for line in of_chunk}
    ticks = [line for line in lines.all() if line["message"].startswith("Tick in")]
    assert [line["correlation"] == found for line in ticks] == [False, True], "of the tick that planned it"
    assert all(line["request_id"] == "call-1" for line in lines.all())
    assert "ada" not in lines.stream.getvalue().lower().replace("sendbrief-prod", "")

    told = metrics_of(capsys.readouterr().out)
    assert [set(one) & {"EditionsPlanned", "Sent", "Bounced"} for one in told if one.get("correlation") == found] == [
        {"EditionsPlanned"}, {"Sent"},
    ]  # fmt: skip
    sent = next(one for one in told if "Sent" in one)
    assert (sent["Stage"], sent["edition"], sent["chunk"], sent["request_id"]) == ("prod", edition, 0, "call-1")
    assert any(one.get("Bounced") == 1 for one in told)


def test_an_edition_planned_by_an_older_version_has_no_tick_and_is_sent_all_the_same(
    runtime: Runtime, lines: Lines
) -> None:
    runtime.clock = clock_starting_at(AFTER)
    tick()
    editions = runtime.dispatcher.editions
    edition = editions.find(f"harbour-log/{SLOT}")
    assert edition.tick
    old = dict(edition.item.data) if edition.item else {}
    old.pop("tick")
    assert edition.item
    runtime.table.replace(edition.item, old)
    doors.chunks(event_of(task_body(edition.id, 0)), CALL)
    (line,) = [line for line in lines.all() if line["message"].startswith("Work")]
    assert line["message"] == "Work on a chunk ended: done"
    assert "correlation" not in line


def test_a_fault_leaves_a_function_without_anybody_s_address(
    lines: Lines, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "f")

    def call() -> None:
        with about(correlation="c0ffee"), invocation(CALL):
            count("Sent", 2)
            raise KeyError(ADDRESS)

    with pytest.raises(FunctionError) as caught:
        call()
    assert str(caught.value) == "KeyError: the log says more"
    assert caught.value.__cause__ is None, "AWS Lambda writes down causes too"
    assert caught.value.__suppress_context__
    (line,) = lines.all()
    assert (line["correlation"], line["request_id"], line["level"]) == ("c0ffee", "call-1", "ERROR")
    assert f"KeyError: '{HIDDEN}'" in line["message"]
    (told,) = metrics_of(capsys.readouterr().out)
    assert (told["Sent"], told["Stage"]) == (2, "default"), "what was counted until then is told"


def test_a_route_s_lines_bear_the_call(runtime: Runtime, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise StoreError(f"The disk of {ADDRESS} is full.")

    monkeypatch.setattr(house, "runtime", broken)
    asked = {
        "resource": "/", "path": "/", "httpMethod": "GET", "headers": {}, "body": None, "stageVariables": None,
        "multiValueQueryStringParameters": None, "pathParameters": {}, "requestContext": {"httpMethod": "GET",
        "resourcePath": "/"},
    }  # fmt: skip
    assert doors.app(asked, CALL)["statusCode"] == 500
    assert lines.all()
    assert {line.get("request_id") for line in lines.all()} == {"call-1"}
    assert "Lovelace" not in lines.stream.getvalue()


def test_off_lambda_no_metrics_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with invocation(None):
        count("Sent", 2)
    assert capsys.readouterr().out == ""


AS_A_FUNCTION = """
import logging, sys
sys.path.insert(0, {root!r})

class Theirs(logging.Handler):  # as the runtime of AWS Lambda brings one, before any code of ours
    def emit(self, record):
        sys.stdout.write(self.format(record))

logging.root.addHandler({handler})
import app
app.LOG.info("one")
logging.getLogger("botocore").info("not kept")
logging.getLogger("botocore").warning("kept of {address}")
"""


@pytest.mark.parametrize("handler", ["Theirs()", "logging.StreamHandler(sys.stdout)"])
def test_a_function_s_own_handler_writes_json_from_its_start(handler: str) -> None:
    code = AS_A_FUNCTION.format(root=str(ROOT), address=ADDRESS, handler=handler)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60,
        env={"AWS_LAMBDA_FUNCTION_NAME": "sendbrief-prod-tick", "SENDBRIEF_STAGE": "prod", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    said = [json.loads(line) for line in done.stdout.removesuffix("\n").split("\n")]
    assert [(one["message"], one["function"], one["stage"]) for one in said] == [
        ("one", "sendbrief-prod-tick", "prod"), (f"kept of {HIDDEN}", "sendbrief-prod-tick", "prod"),
    ]  # fmt: skip
    assert done.stderr == ""
