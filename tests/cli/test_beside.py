"""What goes on beside `run` and `serve`: again and again, whatever goes wrong with it."""

import io
import threading

import pytest

from chalicelib.cli import context
from chalicelib.cli.beside import Over, beside
from chalicelib.errors import StoreError

HANG = 30.0


def test_troubles_errors_and_faults_are_told_and_the_next_look_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    told = io.StringIO()
    monkeypatch.setattr(context.err, "file", told)
    done, overs = threading.Event(), list[bool]()

    rounds = iter(range(10))

    def look(over: Over) -> list[str]:
        overs.append(over())
        number = next(rounds)
        if number == 0:
            return ["one is [slow]"]
        if number == 1:
            raise StoreError("The disk is full.")
        if number == 2:
            raise LookupError("ada@example.org")
        done.set()
        return []

    with beside("Post", look, threading.Event(), 0.001):
        assert done.wait(HANG)
    assert [line for line in told.getvalue().splitlines() if line] == [
        "Post: one is [slow]", "Post: The disk is full.", "Fault in post: LookupError. The next look tries again.",
    ]  # fmt: skip
    assert not any(overs[:3])


def test_it_may_wait_at_first_and_longer_after_trouble() -> None:
    first, second = threading.Event(), threading.Event()

    def look(_over: Over) -> list[str]:
        (second if first.is_set() else first).set()
        raise StoreError("away")

    with beside("Post", look, threading.Event(), HANG * 10, first=False):
        assert not first.wait(0.05)
    with beside("Post", look, threading.Event(), 0.0, after_trouble=HANG * 10):
        assert first.wait(HANG)
        assert not second.wait(0.05)
    with beside("Post", look, threading.Event(), 0.0):
        assert second.wait(HANG), "without another pause it is the usual one"


def test_whoever_stops_ends_it_and_a_look_that_is_under_way_can_tell() -> None:
    stop, begun, ended = threading.Event(), threading.Event(), threading.Event()

    def look(over: Over) -> list[str]:
        begun.set()
        while not over():
            stop.wait(0.001)
        ended.set()
        return []

    with beside("Post", look, stop, 0.0):
        assert begun.wait(HANG)
        stop.set()
        assert ended.wait(HANG)
    begun.clear()
    with beside("Post", look, stop, 0.0):
        pass
    assert not begun.is_set()
