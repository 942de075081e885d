"""The doors: what each loads, and what the schedule and the queue consumer do with their triggers."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.clock import clock_starting_at
from chalicelib.deliver.chunks import task_body
from chalicelib.errors import TransportUnavailableError
from chalicelib.runtime import Runtime
from chalicelib.store import Queue, QueueMessage
from chalicelib.transports.maildir import read_maildir
from chalicelib.web import house
from tests.deliver.hearing.samples import sample
from tests.web.site import AFTER, BEFORE, SLOT, runtime_at, subscribe, write_site

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("boto3", "feedparser", "icalendar", "lark", "mjml", "typer", "rich", "waitress", "frontmatter_toml", "sqlite3",
         "chalicelib.web.api.door", "chalicelib.deliver.webhooks", "imaplib",
         "zipfile", "chalicelib.content.published", "chalicelib.content.unpacking")  # fmt: skip

LOADED = """
import json, sys
sys.path.insert(0, {root!r})
import app
from chalicelib.web import house
from tests.web.site import runtime_at, write_site
from pathlib import Path
runtime = runtime_at(Path({site!r}), Path({data!r}))
house.use(runtime)
{act}
print(json.dumps([name for name in {heavy!r} if name in sys.modules]))
"""
ASK = """
event = {{
    "resource": {resource!r}, "path": "/", "httpMethod": {method!r}, "headers": {{}}, "body": None,
    "multiValueQueryStringParameters": None, "pathParameters": {parameters!r}, "stageVariables": None,
    "requestContext": {{"httpMethod": {method!r}, "resourcePath": {resource!r}}},
}}
answer = app.app(event, None)
assert answer["statusCode"] == 200, answer
"""


def loaded_by(act: str, site: Path, data: Path) -> set[str]:
    """The heavy modules that a process has loaded after an act; it starts as a function does."""
    code = LOADED.format(root=str(ROOT), site=str(site), data=str(data), act=act, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, str]]:
    """A site with one edition sent: its folder, its data, a token for each route that takes one."""
    from tests.web.site import populated

    base = tmp_path_factory.mktemp("doors")
    runtime = populated(base / "site", base / "data")
    whose = runtime.audience.sid("ada@example.org"), "harbour-log"
    tokens = {
        "/u/{token}": runtime.tokens.make(*whose),
        "/p/{token}": runtime.preferences.make(*whose, runtime.clock()),
    }
    runtime.close()
    return base / "site", base / "data", tokens


STARTED = """
import json, sys
sys.path.insert(0, {root!r})
import app
{act}
print(json.dumps(sorted(sys.modules)))
"""
OF_NO_START = {
    "asyncio",
    "boto3",
    "botocore",
    "jinja2",
    "yaml",
    "itsdangerous",
    "email_validator",
    "mjml",
    "nh3",
    "feedparser",
    "chalicelib.runtime",
    "chalicelib.content.values",
    "chalicelib.web.answers",
    "chalicelib.web.public",
}


def started(act: str = "") -> set[str]:
    """What a function has loaded when it starts; AWS says by a variable that it is one."""
    code, environment = STARTED.format(root=str(ROOT), act=act), {"AWS_LAMBDA_FUNCTION_NAME": "f"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_a_function_that_starts_loads_the_doors_and_nothing_behind_them() -> None:
    assert not started() & OF_NO_START
    assert {"app", "chalice.app", "chalicelib.invocation", "chalicelib.web.doors"} <= started()


def test_a_room_of_the_pages_is_entered_when_somebody_asks_for_it() -> None:
    leaving = started("app.app.open('/u/{token}')")
    rooms = {name for name in leaving if name in {f"chalicelib.web.{room}" for room in OF_ROOMS}}
    assert rooms == {"chalicelib.web.leaving"}
    assert not leaving & {"jinja2", "boto3", "botocore", "asyncio", "chalicelib.content.values"}


OF_ROOMS = ("public", "public_files", "subscribing", "confirming", "preferences", "moving", "leaving", "my_data", "api")


def test_opened_room_by_room_every_route_is_where_it_is_with_all_open() -> None:
    """Each path finds its room, and answers with the very same view."""
    code = (
        "from chalicelib.web.doors import Doors\n"
        "import json, sys\n"
        "paths = json.loads(sys.argv[1])\n"
        "doors = Doors()\n"
        "for path, methods in paths.items():\n"
        "    doors.open(path)\n"
        "    assert sorted(doors.routes[path]) == methods, (path, sorted(doors.routes.get(path, {})))\n"
        "print(len(doors.routes))\n"
    )
    from chalicelib.web.public import application

    routes = {path: sorted(methods) for path, methods in application().routes.items()}
    done = subprocess.run([sys.executable, "-c", code, json.dumps(routes)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(routes) > 40


def test_starting_loads_nothing_heavy(sent: tuple[Path, Path, dict[str, str]]) -> None:
    assert loaded_by("", *sent[:2]) == set()


@pytest.mark.parametrize(
    ("resource", "method", "loads"),
    [
        ("/", "GET", {"sqlite3"}),
        ("/archive", "GET", {"sqlite3"}),
        ("/archive/{newsletter}/{slot}/{language}", "GET", {"sqlite3", "mjml"}),
        ("/u/{token}", "GET", set()),
        ("/u/{token}", "POST", {"sqlite3"}),
        ("/p/{token}", "GET", {"sqlite3"}),
        ("/media/{part1}/{part2}", "GET", set()),
    ],
)
def test_each_route_loads_what_it_needs(
    sent: tuple[Path, Path, dict[str, str]], resource: str, method: str, loads: set[str]
) -> None:
    parameters = {
        "newsletter": "harbour-log", "slot": SLOT, "language": "en", "token": sent[2].get(resource, ""),
        "part1": "images", "part2": "crane.png",
    }  # fmt: skip
    assert loaded_by(ASK.format(resource=resource, method=method, parameters=parameters), *sent[:2]) == loads


class FailingTransport:
    """Refuses every wave, as a provider that is down does."""

    name = "failing"
    closed = 0

    async def send_wave(self, mails: Any) -> Any:
        raise TransportUnavailableError("The provider is down.", "Wait.")

    async def aclose(self) -> None:
        self.closed += 1


class RecordingQueue:
    """The queue of a runtime, remembering what was given back."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self.released: list[tuple[QueueMessage, int]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    def release(self, message: QueueMessage, *, delay: int = 0) -> None:
        self.released.append((message, delay))


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    """A fresh site with one reader, two days before its slot."""
    runtime = runtime_at(write_site(tmp_path / "site"), tmp_path / "data", BEFORE)
    subscribe(runtime, "ada@example.org")
    house.use(runtime)
    yield runtime
    house.use(None)
    runtime.close()


def event_of(*bodies: str, attempts: int = 1) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": f"m{number}", "receiptHandle": f"r{number}", "body": body,
                "attributes": {"ApproximateReceiveCount": str(attempts)},
            }
            for number, body in enumerate(bodies)
        ]
    }  # fmt: skip


def tick() -> None:
    import app

    app.tick({"version": "0", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}, "account": "1",
              "region": "x", "resources": [], "time": "", "id": ""}, None)  # fmt: skip


def test_the_schedule_composes_and_puts_chunks_in_the_queue_and_the_consumer_sends_them(runtime: Runtime) -> None:
    import app

    tick()
    assert runtime.dispatcher.editions.find(f"harbour-log/{SLOT}").state == "draft"
    runtime.clock = clock_starting_at(AFTER)
    tick()
    tick()  # a rule may run twice
    messages = runtime.queue.receive(10)
    assert [message.body for message in messages] == [task_body(f"harbour-log/{SLOT}", 0)]
    event = event_of(messages[0].body)
    assert app.chunks(event, None) == {"batchItemFailures": []}
    assert app.chunks(event, None) == {"batchItemFailures": []}  # a message may come twice
    assert len(read_maildir(runtime.settings.maildir)) == 1
    tick()
    assert runtime.dispatcher.editions.find(f"harbour-log/{SLOT}").state == "sent"


def test_only_the_record_that_failed_comes_again(runtime: Runtime) -> None:
    import app

    tick()
    runtime.clock = clock_starting_at(AFTER)
    tick()
    queue = RecordingQueue(runtime.queue)
    runtime.__dict__["queue"] = queue
    good = task_body(f"harbour-log/{SLOT}", 0)
    bad = ["no JSON", "{}", task_body("harbour-log/1999-01-01", 0), task_body(f"harbour-log/{SLOT}", 99)]
    answer = app.chunks(event_of(bad[0], bad[1], good, bad[2], bad[3]), None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": f"m{number}"} for number in (0, 1, 3, 4)]}
    assert [message.receipt for message, _ in queue.released] == ["r0", "r1", "r3", "r4"]
    assert len(read_maildir(runtime.settings.maildir)) == 1


@pytest.mark.parametrize(("attempts", "wait"), [(1, 60), (2, 120), (4, 480), (5, 900), (19, 900)])
def test_a_provider_that_is_down_is_tried_again_later_and_later(runtime: Runtime, attempts: int, wait: int) -> None:
    import app

    tick()
    runtime.clock = clock_starting_at(AFTER)
    tick()
    queue, transport = RecordingQueue(runtime.queue), FailingTransport()
    runtime.__dict__.update(queue=queue, transport=transport)
    answer = app.chunks(event_of(task_body(f"harbour-log/{SLOT}", 0), attempts=attempts), None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert [delay for _, delay in queue.released] == [wait]
    assert transport.closed == 1
    books = runtime.dispatcher.books(runtime.dispatcher.editions.find(f"harbour-log/{SLOT}"))
    assert (books.planned, books.pending, books.in_doubt) == (1, 1, 0)


def test_notices_go_out_each_by_itself_and_the_bad_ones_come_again(runtime: Runtime) -> None:
    import app
    from chalicelib.audience.choices import Choices
    from chalicelib.audience.signup import Request
    from chalicelib.deliver.notices import Task, ask
    from chalicelib.render.notices import Kind

    sid, now = runtime.audience.sid("bo@example.org"), runtime.clock()
    wanted = {"harbour-log": Choices()}
    runtime.signups.ask(sid, Request("bo@example.org", "Bo", "de", wanted, "subscribe/1", "a" * 64, now), now)
    ask(runtime.notice_queue, Task(Kind.CONFIRM, sid, "de"))
    (message,) = runtime.notice_queue.receive(10)
    queue = RecordingQueue(runtime.notice_queue)
    runtime.__dict__["notice_queue"] = queue
    answer = app.notices(event_of("no JSON", message.body, attempts=3), None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert [(held.receipt, delay) for held, delay in queue.released] == [("r0", 20)]
    ((_, path),) = read_maildir(runtime.settings.maildir)
    assert b"\r\nTo: bo@example.org\r\n" in path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert runtime.audience.membership("harbour-log", sid) is None, "asked for, not confirmed"


def heard_of(kind: str, position: int = 0, edition: str = f"harbour-log_{SLOT}") -> str:
    tags = {"edition": [edition], "chunk": ["0"], "position": [str(position)]}
    about = {"bounceType": "Permanent", "bounceSubType": "General", "feedbackId": "f"}
    message = {"eventType": kind, "mail": {"messageId": "m", "tags": tags}, kind.lower(): about}
    return json.dumps({"Type": "Notification", "Message": json.dumps(message)})


def test_events_are_heard_each_by_itself_and_the_garbled_ones_come_again(runtime: Runtime) -> None:
    import app

    tick()
    runtime.clock = clock_starting_at(AFTER)
    tick()
    app.chunks(event_of(task_body(f"harbour-log/{SLOT}", 0)), None)
    tick()
    queue = RecordingQueue(runtime.event_queue)
    runtime.__dict__["event_queue"] = queue
    bodies = [
        heard_of("Delivery"),
        "no JSON",
        heard_of("Bounce"),
        heard_of("Bounce", 7),
        heard_of("Bounce", 0, "other_x"),
    ]
    for _ in range(2):
        assert app.events(event_of(*bodies, attempts=2), None) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert [(held.receipt, delay) for held, delay in queue.released] == [("r1", 10)] * 2
    edition = runtime.dispatcher.editions.find(f"harbour-log/{SLOT}")
    assert (edition.totals["bounced"], edition.totals["failed"], edition.totals["sent"]) == (1, 1, 0)
    stop = runtime.suppressions.of(runtime.audience.sid("ada@example.org"))
    assert stop is not None
    assert stop.reason == "bounce"


def sent_mail(runtime: Runtime) -> bytes:
    """The mail of an edition that the doors have sent, as it went out."""
    import app

    tick()
    runtime.clock = clock_starting_at(AFTER)
    tick()
    assert app.chunks(event_of(task_body(f"harbour-log/{SLOT}", 0)), None) == {"batchItemFailures": []}
    ((_, path),) = read_maildir(runtime.settings.maildir)
    return path.read_bytes()


def test_the_schedule_hears_a_mailbox_where_one_is_set(
    runtime: Runtime, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With SMTP from a function there are no events: what comes back comes by mail alone."""
    from email import message_from_bytes

    message_id = message_from_bytes(sent_mail(runtime))["Message-ID"].strip("<>")
    for name in ("new", "cur"):
        (tmp_path / "bounces" / name).mkdir(parents=True)
    (tmp_path / "bounces" / "new" / "1").write_bytes(b"Subject: hello\n\nA person writes.\n")
    (tmp_path / "bounces" / "new" / "2").write_bytes(sample("gmail-no-such-user", message_id=message_id))
    tick()
    assert len(list((tmp_path / "bounces" / "new").iterdir())) == 2, "nobody looks where nothing is set"
    assert caplog.text == ""
    runtime.settings = replace(runtime.settings, bounces=f"maildir:{tmp_path}/bounces")
    tick()
    assert sorted(path.name for path in (tmp_path / "bounces").rglob("*:2,S")) == ["1:2,S", "2:2,S"]
    assert runtime.dispatcher.editions.find(f"harbour-log/{SLOT}").totals["bounced"] == 1
    stop = runtime.suppressions.of(runtime.audience.sid("ada@example.org"))
    assert stop is not None
    assert (stop.reason, stop.by) == ("bounce", "dsn")


@pytest.mark.parametrize("bounces", ["maildir:/nowhere/at/all", "imap://u:hush@127.0.0.1:9/INBOX", "pop3://u:hush@x/"])
def test_a_mailbox_that_cannot_be_read_stops_no_tick_and_is_in_the_log(
    runtime: Runtime, bounces: str, caplog: pytest.LogCaptureFixture
) -> None:
    runtime.settings = replace(runtime.settings, bounces=bounces)
    tick()
    assert runtime.dispatcher.editions.find(f"harbour-log/{SLOT}").state == "draft"
    assert "SENDBRIEF_BOUNCES" in caplog.text
    assert "hush" not in caplog.text


PUBLISHED = """
from dataclasses import replace
runtime.settings = replace(runtime.settings, content="published")
"""
UPLOAD = """
from chalicelib.clock import system_clock
from chalicelib.content.bundles import make_bundle
from chalicelib.content.packing import site_files
from chalicelib.content.published import publish
publish(runtime.shelf, make_bundle(site_files(runtime.settings.site), (), "now"), "ada", system_clock())
"""


def test_a_published_site_loads_what_unpacks_it_only_where_it_must_be_unpacked(
    sent: tuple[Path, Path, dict[str, str]],
) -> None:
    loaded_by(UPLOAD, *sent[:2])
    front = ASK.format(resource="/", method="GET", parameters=None)
    following = {"sqlite3", "chalicelib.content.published", "chalicelib.content.unpacking"}
    assert loaded_by(PUBLISHED + front, *sent[:2]) == following | {"zipfile"}
    assert loaded_by(PUBLISHED + front, *sent[:2]) == following


def test_hearing_loads_nothing_heavy(sent: tuple[Path, Path, dict[str, str]]) -> None:
    act = f"assert app.events({event_of(heard_of('Delivery'))!r}, None) == {{'batchItemFailures': []}}"
    assert loaded_by(act, *sent[:2]) == {"sqlite3"}


def test_the_functions_requirements_are_the_projects_dependencies_pinned_and_hashed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {pin.lower() for pin in project["dependencies"] if not pin.startswith(("boto3==", "chalice=="))}
    text = (ROOT / "requirements.txt").read_text("utf-8")
    pins = re.findall(r"^([\w.-]+==[\w.]+) \\$", text, re.MULTILINE)
    assert wanted <= {pin.lower() for pin in pins}
    assert not [pin for pin in pins if pin.startswith(("boto3", "botocore", "s3transfer", "chalice"))]
    entries = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(pins)
    assert all("--hash=sha256:" in entry for entry in entries)
