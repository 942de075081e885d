"""Doors and pages whose site is what was published: they follow it, refuse, or go on with what they have."""

import shutil
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.clock import clock_starting_at, system_clock
from chalicelib.content.bundles import make_bundle
from chalicelib.content.packing import site_files
from chalicelib.content.published import CURRENT, Publication, publish
from chalicelib.deliver.chunks import task_body
from chalicelib.invocation import FunctionError
from chalicelib.runtime import Runtime
from chalicelib.sited import AGAIN_SECONDS
from chalicelib.store import Blobs
from chalicelib.transports.maildir import read_maildir
from chalicelib.web import house
from chalicelib.web.public import application
from tests.test_doors import event_of, tick
from tests.web.client import Client
from tests.web.site import AFTER, BEFORE, SLOT, runtime_at, subscribe, write_site

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # chalice's own imports
    import chalice.test

EDITION = f"harbour-log/{SLOT}"


class Seconds:
    """Monotonic seconds that pass when told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Counting:
    """Blobs that count how often an archive was fetched."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs, self.fetched = blobs, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    def get(self, name: str) -> bytes | None:
        self.fetched += name.endswith("site.zip")
        return self._blobs.get(name)


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def runtime(tmp_path: Path, seconds: Seconds) -> Iterator[Runtime]:
    """A machine without content, with one reader, two days before the slot; the editor's folder is ``site``."""
    runtime = another(tmp_path, seconds)
    write_site(tmp_path / "site")
    subscribe(runtime, "ada@example.org")
    house.use(runtime)
    yield runtime
    house.use(None)
    runtime.close()


def another(tmp_path: Path, seconds: Seconds) -> Runtime:
    """Another process of that machine."""
    runtime = runtime_at(tmp_path / "nowhere", tmp_path / "data", BEFORE)
    runtime.settings = replace(runtime.settings, content="published")
    assert runtime.follower
    runtime.follower._seconds = seconds
    runtime.__dict__["blobs"] = Counting(runtime.blobs)
    return runtime


def upload(runtime: Runtime, tmp_path: Path) -> Publication:
    files = site_files(tmp_path / "site")
    return publish(runtime.shelf, make_bundle(files, ("harbour-log",), "now"), "ada", system_clock())


def rename_guild(tmp_path: Path, name: str) -> None:
    file = tmp_path / "site" / "content" / "site.yaml"
    lines = file.read_text("utf-8").splitlines()
    file.write_text("\n".join([f"name: {{en: {name}, de: {name}}}", *lines[1:]]) + "\n", "utf-8")


def damage(runtime: Runtime, made: Publication) -> None:
    name = f"bundles/{made.hash}/site.zip"
    raw = runtime.blobs.get(name)
    assert raw
    runtime.blobs.put(name, raw[:60] + bytes([raw[60] ^ 1]) + raw[61:])


def front(client: Client) -> str:
    answer = client.get("/")
    assert answer.status == 200
    return answer.text


@pytest.fixture
def client(runtime: Runtime) -> Client:
    return Client(chalice.test.Client(application()).http)


def refused(path: str) -> Any:
    """What is answered where there is no site: 503, with nothing of a fault in it."""
    answer = chalice.test.Client(application()).http.get(path)
    assert (answer.status_code, answer.headers["Retry-After"], answer.body) == (503, "30", b"503 Service Unavailable\n")
    return answer


def test_pages_answer_503_before_anything_is_published_and_then_show_it(
    runtime: Runtime, client: Client, tmp_path: Path, seconds: Seconds
) -> None:
    for path in ("/", "/archive", "/subscribe", "/feed.atom", "/media/images/crane.png"):
        refused(path)
    upload(runtime, tmp_path)
    seconds.now += AGAIN_SECONDS
    assert "Harbour Software Guild" in front(client)
    assert client.get("/media/images/crane.png").status == 200


def test_pages_look_every_thirty_seconds(runtime: Runtime, client: Client, tmp_path: Path, seconds: Seconds) -> None:
    upload(runtime, tmp_path)
    front(client)
    rename_guild(tmp_path, "The New Name")
    upload(runtime, tmp_path)
    seconds.now += AGAIN_SECONDS - 1
    assert "The New Name" not in front(client)
    seconds.now += 1
    assert "The New Name" in front(client)


def test_a_bundle_is_fetched_once_for_all_processes_of_a_machine(
    runtime: Runtime, client: Client, tmp_path: Path, seconds: Seconds
) -> None:
    upload(runtime, tmp_path)
    runtime.blobs.fetched = 0  # type: ignore[attr-defined]
    for _ in range(3):
        front(client)
        seconds.now += AGAIN_SECONDS
    assert runtime.blobs.fetched == 1  # type: ignore[attr-defined]
    second = another(tmp_path, seconds)
    assert second.site.root == runtime.site.root
    assert second.blobs.fetched == 0  # type: ignore[attr-defined]
    second.close()
    (runtime.site.root / "content" / "site.yaml").write_text("name: [spoilt\n")
    third = another(tmp_path, seconds)
    assert third.site.name["en"] == "Harbour Software Guild"
    assert third.blobs.fetched == 1  # type: ignore[attr-defined]
    third.close()


def test_pages_go_on_with_what_they_have_where_the_new_bundle_is_damaged_and_a_tick_does_nothing(
    runtime: Runtime, client: Client, tmp_path: Path, seconds: Seconds, caplog: pytest.LogCaptureFixture
) -> None:
    upload(runtime, tmp_path)
    tick()
    front(client)
    rename_guild(tmp_path, "The New Name")
    damage(runtime, upload(runtime, tmp_path))
    runtime.clock = clock_starting_at(AFTER)
    with pytest.raises(FunctionError, match="BundleError"):
        tick()
    assert runtime.dispatcher.editions.find(EDITION).state == "draft", "nothing was planned"
    seconds.now += AGAIN_SECONDS
    assert "Harbour Software Guild" in front(client)
    assert "its archive is not whole" in caplog.text
    assert "stays in use" in caplog.text
    fresh = another(tmp_path, seconds)
    house.use(fresh)
    refused("/")  # a process that has nothing shows nothing
    fetched = fresh.blobs.fetched  # type: ignore[attr-defined]
    refused("/")
    assert fresh.blobs.fetched == fetched, "and does not fetch it again for each visitor"  # type: ignore[attr-defined]
    fresh.close()


def test_pages_go_on_where_the_pointer_is_gone_or_the_site_is_broken(
    runtime: Runtime, client: Client, tmp_path: Path, seconds: Seconds
) -> None:
    upload(runtime, tmp_path)
    front(client)
    rename_guild(tmp_path, "[")
    upload(runtime, tmp_path)  # as a program of another version may have
    with pytest.raises(FunctionError, match="ConfigurationError"):
        tick()
    seconds.now += AGAIN_SECONDS
    assert "Harbour Software Guild" in front(client)
    item = runtime.table.get(CURRENT)
    assert item
    runtime.table.delete(item)
    with pytest.raises(FunctionError, match="BundleError"):
        tick()
    seconds.now += AGAIN_SECONDS
    assert "Harbour Software Guild" in front(client)


def test_an_edition_in_mid_send_goes_on_when_the_bundle_changes_under_it(
    runtime: Runtime, tmp_path: Path, seconds: Seconds
) -> None:
    import app

    upload(runtime, tmp_path)
    tick()
    runtime.clock = clock_starting_at(AFTER)
    tick()
    rename_guild(tmp_path, "The New Name")
    (tmp_path / "site" / "content" / "posts" / "en" / "2026-11-20-crane.md").unlink()
    made = upload(runtime, tmp_path)
    (message,) = runtime.queue.receive(10)
    assert message.body == task_body(EDITION, 0)
    damage(runtime, made)
    assert app.chunks(event_of(message.body), None) == {"batchItemFailures": []}
    ((_, path),) = read_maildir(runtime.settings.maildir)
    assert b"The crane is up" in path.read_bytes()
    assert b"The New Name" not in path.read_bytes()


def test_a_worker_takes_up_the_new_bundle_and_sends_the_letter_that_was_frozen(
    runtime: Runtime, tmp_path: Path
) -> None:
    import app

    upload(runtime, tmp_path)
    tick()
    runtime.clock = clock_starting_at(AFTER)
    tick()
    rename_guild(tmp_path, "The New Name")
    upload(runtime, tmp_path)
    assert app.chunks(event_of(task_body(EDITION, 0)), None) == {"batchItemFailures": []}
    assert runtime.site.name["en"] == "The New Name"
    ((_, path),) = read_maildir(runtime.settings.maildir)
    assert b"The New Name" not in path.read_bytes()
    tick()
    assert runtime.dispatcher.editions.find(EDITION).state == "sent"


def test_chunks_wait_where_the_site_has_lost_the_newsletter_and_go_out_once_it_is_back(
    runtime: Runtime, tmp_path: Path
) -> None:
    import app

    upload(runtime, tmp_path)
    tick()
    runtime.clock = clock_starting_at(AFTER)
    tick()
    file = tmp_path / "site" / "content" / "newsletters" / "harbour-log.yaml"
    shutil.copy(file, tmp_path / "kept")
    file.unlink()
    shutil.rmtree(tmp_path / "site" / "content" / "editions")
    upload(runtime, tmp_path)
    answer = app.chunks(event_of(task_body(EDITION, 0)), None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    shutil.copy(tmp_path / "kept", file)
    upload(runtime, tmp_path)
    assert app.chunks(event_of(task_body(EDITION, 0)), None) == {"batchItemFailures": []}
    assert len(read_maildir(runtime.settings.maildir)) == 1


def test_a_folder_is_read_as_before(tmp_path: Path) -> None:
    runtime = runtime_at(write_site(tmp_path / "site"), tmp_path / "data")
    assert runtime.follower is None
    assert runtime.root == runtime.site.root == tmp_path / "site"
    rename_guild(tmp_path, "The New Name")
    assert runtime.site.name["en"] == "Harbour Software Guild"
    runtime.reload()
    assert runtime.site.name["en"] == "The New Name"
    runtime.close()
