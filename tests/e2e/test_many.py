"""Several processes at one table and one bucket, with SMTP and nothing else: ticks, workers and pages as pods run them.

The local AWS stands in for a table of DynamoDB's protocol and an S3 store: only their two endpoints are set, so that
whatever asked for SQS or another service would go to AWS and fail.
"""

import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from chalicelib.store.dynamodb import create_table
from tests.e2e.house import House, Sink, balanced, sink
from tests.local_aws import LocalAws, local_aws
from tools.local_aws import CREDENTIALS

__all__ = ["local_aws"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ROOT = Path(__file__).resolve().parents[2]
SETTINGS = yaml.safe_load((ROOT / "deploy/kubernetes/many/settings.yaml").read_text())["data"]
EDITION, READERS = "community-digest/2026-11-19", 300


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Sink]:
    with sink(tmp_path) as found:
        yield found


@pytest.fixture
def house(local_aws: LocalAws, post: Sink, tmp_path: Path, request: pytest.FixtureRequest) -> House:
    """What the pods' ConfigMap says, with the endpoints of this test; the site published from its folder."""
    name = f"many-{os.getpid()}-{request.node.name[:20].replace('_', '-').strip('-')}"
    with closing(local_aws.client("dynamodb")) as table, closing(local_aws.client("s3")) as s3:
        create_table(table, name)
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    house = House(ROOT, tmp_path / "data", post.url)
    house.environment.update(
        CREDENTIALS,
        **(SETTINGS | {"AWS_REGION": "eu-central-1", "SENDBRIEF_TABLE": name, "SENDBRIEF_BUCKET": name}),
    )
    house.environment.update(
        AWS_ENDPOINT_URL_DYNAMODB=local_aws.endpoint,
        AWS_ENDPOINT_URL_S3=local_aws.endpoint,
        SENDBRIEF_SECRET="a secret for tests that is long enough",
        SENDBRIEF_TICK_SECONDS="2",
    )
    house.environment["SENDBRIEF_CONTENT"] = "folder"
    house.run("publish")
    people = tmp_path / "people.csv"
    people.write_text("email\n" + "".join(f"r{n}@example.org\n" for n in range(READERS)))
    house.run("subscribers", "import", str(people), "--newsletter", "community-digest", "--basis", "consent")
    house.environment["SENDBRIEF_CONTENT"] = "published"
    house.environment["SENDBRIEF_SITE"] = str(tmp_path)  # no pod has the folder
    return house


@contextmanager
def pods(house: House, tmp_path: Path, *commands: tuple[str, ...]) -> Iterator[list["subprocess.Popen[str]"]]:
    """Commands at once, each with a data folder of its own; stopped politely at the end."""
    running = []
    for number, command in enumerate(commands):
        house.environment["SENDBRIEF_DATA"] = str(tmp_path / f"pod-{number}")
        running.append(house.start(*command))
    try:
        yield running
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        said = [process.communicate(timeout=120) for process in running]
    for process, (_, err) in zip(running, said, strict=True):
        assert "Traceback" not in err, err
        assert process.returncode in (0, -signal.SIGKILL), err


def edition_of(house: House) -> dict[str, object]:
    found: dict[str, object] = next(one for one in house.status()["editions"] if one["id"] == EDITION)
    assert balanced(found)  # type: ignore[arg-type]
    return found


def until(post: Sink, count: int, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while len(post.mails()) < count:
        assert time.monotonic() < deadline, f"{len(post.mails())} of {count} mails"
        time.sleep(0.2)


def test_ticks_workers_and_pages_apart_send_to_each_once(house: House, post: Sink, tmp_path: Path) -> None:
    tick = ("tick", "--no-send", "--now", "2026-11-19T10:00")
    house.run(*tick, code=None)
    assert edition_of(house)["pending"] == READERS
    assert post.mails() == [], "a tick in a pod of its own sends nothing of an edition"
    with pods(house, tmp_path, ("work",), ("work",), ("serve", "--no-tick", "--port", "0", "--no-desk")) as running:
        url = address_of(running[2])
        assert ask(f"{url}healthz") == ask(f"{url}readyz") == b"ok\n"
        until(post, READERS)
        house.run(*tick, code=None)
        assert (edition_of(house)["state"], edition_of(house)["sent"]) == ("sent", READERS)
        assert b"<html" in ask(f"{url}archive")
    assert set(post.per_edition()[EDITION].values()) == {1}
    assert len(post.per_edition()[EDITION]) == READERS


def test_a_worker_that_is_stopped_gives_the_rest_to_another(house: House, post: Sink, tmp_path: Path) -> None:
    house.environment["SENDBRIEF_SMTP_URL"] += "?connections=1"
    house.run("tick", "--no-send", "--now", "2026-11-19T10:00", code=None)
    with pods(house, tmp_path, ("work",)):
        until(post, 1)
    first = len(post.mails())
    assert first < READERS, "it did not wait for the end of its chunk"
    assert edition_of(house)["sent"] == first, "what it handed over is on record when it has ended"
    assert edition_of(house)["in_doubt"] == 0
    with pods(house, tmp_path, ("work",)):
        until(post, READERS)
    house.run("tick", "--no-send", "--now", "2026-11-19T10:00", code=None)
    assert edition_of(house)["sent"] == READERS
    assert set(post.per_edition()[EDITION].values()) == {1}


@contextmanager
def without_transactions(endpoint: str) -> Iterator[str]:
    """A table service as ScyllaDB's Alternator: it knows all that the one behind it does, but TransactWriteItems."""

    class Alternator(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["X-Amz-Target"].endswith(".TransactWriteItems"):
                kind = "com.amazonaws.dynamodb.v20120810#UnknownOperationException"
                words = {"__type": kind, "message": "Unsupported operation TransactWriteItems"}
                return self.answer(400, json.dumps(words).encode())
            headers = {
                name: self.headers[name] for name in ("Authorization", "X-Amz-Target", "X-Amz-Date", "Content-Type")
            }
            request = urllib.request.Request(endpoint, body, headers)
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    self.answer(answer.status, answer.read())
            except urllib.error.HTTPError as error:
                with error:
                    self.answer(error.code, error.read())
            return None

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Alternator) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_table_without_transactions_is_refused_in_words(house: House, post: Sink) -> None:
    """Alternator has none: nothing is half written, nothing is sent, and what to do is said."""
    with without_transactions(house.environment["AWS_ENDPOINT_URL_DYNAMODB"]) as endpoint:
        house.environment["AWS_ENDPOINT_URL_DYNAMODB"] = endpoint
        house.run("status")
        house.environment |= {"SENDBRIEF_CONTENT": "folder", "SENDBRIEF_SITE": str(ROOT)}
        process = house.start(
            "subscribers", "add", "new@example.org", "--newsletter", "community-digest", "--basis", "consent"
        )
        _, said = process.communicate(timeout=120)
        assert process.returncode == 1, said
        assert "has no TransactWriteItems" in said
        assert "Alternator" in said
        process = house.start("tick", "--no-send", "--now", "2026-11-19T10:00")
        out, said = process.communicate(timeout=120)
        assert process.returncode == 1, said
        assert "has no TransactWriteItems" in said + out
    assert post.mails() == []


def address_of(process: "subprocess.Popen[str]") -> str:
    """Where `serve` says that it serves, in a line of its JSON log."""
    assert process.stderr is not None
    assert process.stdout is not None
    for line in process.stdout if SETTINGS["SENDBRIEF_LOG"] != "json" else process.stderr:
        found = re.search(r"Serving (http\S+/)", json.loads(line)["message"] if line.startswith("{") else line)
        if found:
            return found[1]
    raise AssertionError("it ended")


def ask(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        body: bytes = answer.read()
    return body
