"""A tick that leaves the sending to others, and workers that never tick."""

import io
import threading
import time

import pytest

from chalicelib.cli import context, working
from chalicelib.cli.working import keep_working, wait_for_site
from chalicelib.errors import ConfigurationError, StoreError
from chalicelib.runtime import Runtime
from chalicelib.settings import load_settings
from tests.cli.house import EDITION, THURSDAY, Command, small_site


class Rounds(threading.Event):
    """Told to stop after so many rounds; ``waits`` are the pauses between them."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most, self.waits = most, list[float | None]()

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        if len(self.waits) >= self.most:
            self.set()
        return self.is_set()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What goes to standard error."""
    told = io.StringIO()
    monkeypatch.setattr(context.err, "file", told)
    return told


def runtime_of(command: Command) -> Runtime:
    return Runtime(load_settings(site=command.site, data=command.data))


def test_a_tick_may_leave_the_sending_to_workers(command: Command) -> None:
    small_site(command)
    command.run("tick", "--now", THURSDAY, "--no-send")
    (edition,) = command.run("status", "--json").json["editions"]
    assert (edition["id"], edition["state"], edition["pending"], edition["sent"]) == (EDITION, "sending", 3, 0)
    assert command.mails() == []

    runtime, rounds = runtime_of(command), Rounds(2)
    try:
        keep_working(runtime, rounds)
    finally:
        runtime.close()
    assert len(command.mails()) == 3
    assert rounds.waits == [working.POLL_SECONDS] * 2
    command.run("tick", "--now", THURSDAY, "--no-send")
    (edition,) = command.run("status", "--json").json["editions"]
    assert (edition["state"], edition["sent"]) == ("sent", 3)


def test_a_worker_told_to_stop_gives_back_what_it_has(command: Command) -> None:
    small_site(command)
    command.run("tick", "--now", THURSDAY, "--no-send")
    runtime, stop = runtime_of(command), threading.Event()
    taken = runtime.queue.receive

    def receive(most: int = 1, *, visibility: int = 300, wait: int = 0):  # type: ignore[no-untyped-def]
        messages = taken(most, visibility=visibility, wait=wait)
        stop.set()  # told while the chunk is in hand
        return messages

    runtime.queue.receive = receive  # type: ignore[method-assign]
    try:
        keep_working(runtime, stop)
        assert command.mails() == []
        assert len(runtime.queue.peek()) == 1
        assert runtime.queue.dead() == []
    finally:
        runtime.close()


def test_trouble_is_told_and_tried_again_later(command: Command, told: io.StringIO) -> None:
    small_site(command)
    command.run("tick", "--now", THURSDAY, "--no-send")
    command.setenv("SENDBRIEF_TRANSPORT", "smtp")
    command.setenv("SENDBRIEF_SMTP_URL", "smtp://127.0.0.1:1")
    runtime, rounds = runtime_of(command), Rounds(1)
    try:
        keep_working(runtime, rounds)
        assert len(runtime.queue.peek()) == 1
    finally:
        runtime.close()
    assert rounds.waits == [working.PAUSE_SECONDS]
    said = told.getvalue()
    assert "Sending:" in said
    assert "127.0.0.1" in said


class Long(Rounds):
    """The same with a pause that is a real one."""

    def wait(self, timeout: float | None = None) -> bool:
        time.sleep(1.1)
        return super().wait(timeout)


def test_a_site_in_a_folder_is_read_again_as_often_as_it_would_tick(command: Command) -> None:
    small_site(command)
    command.setenv("SENDBRIEF_TICK_SECONDS", "1")
    runtime = runtime_of(command)
    first = runtime.site
    try:
        keep_working(runtime, Rounds(2))
        assert runtime.site is first
        keep_working(runtime, Long(2))
        assert runtime.site is not first
    finally:
        runtime.close()


def test_a_fault_ends_no_worker(command: Command, told: io.StringIO) -> None:
    small_site(command)
    runtime, rounds = runtime_of(command), Rounds(2)

    def broken(*_: object, **__: object) -> list[object]:
        raise LookupError("what?") if len(rounds.waits) else StoreError("The disk is full.")

    runtime.queue.receive = broken  # type: ignore[method-assign,assignment]
    try:
        keep_working(runtime, rounds)
    finally:
        runtime.close()
    said = told.getvalue()
    assert "Error: The disk is full." in said
    assert "Fault: LookupError: what?" in said
    assert rounds.waits == [working.PAUSE_SECONDS] * 2


def test_where_a_site_is_to_be_published_it_is_waited_for(command: Command, told: io.StringIO) -> None:
    small_site(command)
    command.setenv("SENDBRIEF_CONTENT", "published")
    runtime = runtime_of(command)
    try:
        assert not wait_for_site(runtime, Rounds(2))
        assert told.getvalue().count("Waiting: Nothing is published yet") == 2
        command.run("publish")

        class Later(Rounds):
            """Past the half minute in which nobody looks again."""

            def wait(self, timeout: float | None = None) -> bool:
                runtime.follower.look()  # type: ignore[union-attr]
                return super().wait(timeout)

        assert wait_for_site(runtime, Later(3))
    finally:
        runtime.close()


def test_a_folder_without_a_site_is_not_waited_for(command: Command) -> None:
    runtime = Runtime(load_settings(site=command.site / "nowhere", data=command.data))
    try:
        with pytest.raises(ConfigurationError):
            wait_for_site(runtime, Rounds(2))
    finally:
        runtime.close()
