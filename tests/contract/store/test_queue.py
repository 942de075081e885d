"""The Queue port. What takes real seconds on SQS is left to the local AWS: fixture ``sturdy``."""

import time

import pytest

from chalicelib.errors import InvalidKeyError, ItemTooLargeError
from chalicelib.store import Queue, QueueMessage
from tests.contract.store.homes import MAX_ATTEMPTS, Home


def drain(queue: Queue, visibility: int = 300) -> list[QueueMessage]:
    found: list[QueueMessage] = []
    while messages := queue.receive(10, visibility=visibility):
        found += messages
    return found


def bodies(messages: list[QueueMessage]) -> list[str]:
    return sorted(message.body for message in messages)


def test_an_empty_queue(queue: Queue) -> None:
    queue.send([])
    assert queue.receive(10) == []


def test_no_dead_letters(sturdy: Home) -> None:
    assert sturdy.queue.dead() == []
    assert sturdy.queue.redrive() == 0


def test_every_message_comes_once_and_is_done_when_deleted(home: Home) -> None:
    sent = [f"nr {n:02} ä🎈\n\t<&>" for n in range(25)]
    home.queue.send(sent)
    messages = drain(home.queue, visibility=1)
    assert bodies(messages) == sent
    assert {message.attempts for message in messages} == {1}
    assert len({message.receipt for message in messages}) == 25
    for message in messages:
        home.queue.delete(message)
    home.later(1)
    assert home.queue.receive(10) == []


def test_receive_gives_no_more_than_asked(queue: Queue) -> None:
    queue.send(["a", "b", "c"])
    assert len(queue.receive()) == 1
    assert len(queue.receive(2)) == 2


def test_what_is_not_deleted_comes_again(sturdy: Home) -> None:
    sturdy.queue.send(["a"])
    (first,) = sturdy.queue.receive(visibility=1)
    assert sturdy.queue.receive() == []
    sturdy.later(1)
    (second,) = sturdy.queue.receive()
    assert (second.body, second.attempts) == ("a", 2)
    assert second.receipt != first.receipt


def test_a_delayed_message_waits(sturdy: Home) -> None:
    sturdy.queue.send(["a"], delay=1)
    assert sturdy.queue.receive() == []
    sturdy.later(1)
    assert bodies(sturdy.queue.receive()) == ["a"]


def test_release_gives_back_at_once_or_later(sturdy: Home) -> None:
    sturdy.queue.send(["a"])
    (message,) = sturdy.queue.receive()
    sturdy.queue.release(message)
    (message,) = sturdy.queue.receive()
    assert message.attempts == 2
    sturdy.queue.release(message, delay=1)
    assert sturdy.queue.receive() == []
    sturdy.later(1)
    assert bodies(sturdy.queue.receive()) == ["a"]


def test_after_too_many_attempts_it_is_dead_until_redriven(home: Home) -> None:
    queue = home.queue
    queue.send(["poison"])
    for attempt in range(1, MAX_ATTEMPTS + 1):
        (message,) = queue.receive()
        assert message.attempts == attempt
        queue.release(message)
    queue.send(["good"])
    assert bodies(drain(queue)) == ["good"]
    assert queue.dead() == ["poison"]
    assert queue.redrive() == 1
    assert queue.dead() == []
    (message,) = queue.receive()
    assert (message.body, message.attempts) == ("poison", 1)
    queue.delete(message)
    assert queue.receive() == []


def test_a_look_at_messages_takes_none(home: Home) -> None:
    """SQS shows nothing that is not taken, but dead letters; the embedded queue shows all."""
    home.queue.send(["a", "b"])
    assert home.queue.peek() in (["a", "b"], [])
    assert sorted(message.body for message in home.queue.receive(10)) == ["a", "b"]


def test_many_dead_letters_are_redriven(sturdy: Home) -> None:
    sent = [f"{n:02}" for n in range(23)]
    sturdy.queue.send(sent)
    for _ in range(MAX_ATTEMPTS):
        for message in drain(sturdy.queue):
            sturdy.queue.release(message)
    assert drain(sturdy.queue) == []
    assert sturdy.queue.redrive() == 23
    assert bodies(drain(sturdy.queue)) == sent


def test_a_deleted_message_stays_deleted_whatever_is_done_with_its_receipt(queue: Queue) -> None:
    queue.send(["a"])
    (message,) = queue.receive()
    queue.delete(message)
    queue.delete(message)
    queue.release(message)
    assert queue.receive() == []


def test_a_receipt_of_nowhere_is_quiet(queue: Queue) -> None:
    queue.send(["a"])
    queue.delete(QueueMessage("a", "no such receipt", 1))
    queue.release(QueueMessage("a", "no such receipt", 1))
    assert bodies(queue.receive()) == ["a"]


def test_receive_waits_for_the_first(queue: Queue) -> None:
    before = time.monotonic()
    assert queue.receive(wait=1) == []
    assert 0.9 <= time.monotonic() - before < 15
    queue.send(["a"])
    before = time.monotonic()
    assert bodies(queue.receive(wait=20)) == ["a"]
    assert time.monotonic() - before < 15


def test_the_largest_messages(queue: Queue) -> None:
    largest = "ä" * (128 * 1024)
    queue.send([largest, "small", largest])
    assert bodies(drain(queue)) == ["small", largest, largest]
    with pytest.raises(ItemTooLargeError):
        queue.send(["first", largest + "x"])
    assert queue.receive() == []


@pytest.mark.parametrize("body", ["", "\x00", "a\x08b", "\ufffe", "\ud800", "\x1b[0m", b"bytes", None])
def test_messages_that_no_home_takes(queue: Queue, body: str) -> None:
    with pytest.raises(InvalidKeyError):
        queue.send(["good", body])
    assert queue.receive() == []


@pytest.mark.parametrize(
    "call",
    [
        lambda queue: queue.send(["a"], delay=-1),
        lambda queue: queue.send(["a"], delay=901),
        lambda queue: queue.send(["a"], delay=0.5),
        lambda queue: queue.receive(0),
        lambda queue: queue.receive(11),
        lambda queue: queue.receive(wait=21),
        lambda queue: queue.receive(visibility=43_201),
        lambda queue: queue.release(QueueMessage("a", "r", 1), delay=901),
    ],
)
def test_numbers_that_no_home_takes(queue: Queue, call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InvalidKeyError):
        call(queue)
