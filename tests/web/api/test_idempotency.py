"""Idempotency-Key: the first answer is given again, once, to the same caller, for a day, and names nobody."""

import hashlib
import json
import threading

import pytest

from chalicelib.runtime import Runtime
from chalicelib.store import Key
from chalicelib.web.api.calls import Reply
from chalicelib.web.api.idempotency import once
from chalicelib.web.api.problems import ProblemError
from tests.web.api.house import ADA, ASKED, BO, RECORDED, Clock, Program

NEW = {"address": ADA, **RECORDED}
NAMED = {"Idempotency-Key": "order-4711"}


def test_the_first_answer_comes_again(program: Program, runtime: Runtime, clock: Clock) -> None:
    first = program.call("POST", "/subscribers", NEW, NAMED)
    again = program.call("POST", "/subscribers", NEW, NAMED)
    assert (first.status, again.status, again.body) == (201, 201, first.body)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert len(runtime.audience.history(runtime.audience.sid(ADA))) == 1


def test_a_mail_is_asked_for_once(program: Program, runtime: Runtime) -> None:
    for _ in range(3):
        assert program.call("POST", "/subscribers", {"address": ADA, **ASKED}, NAMED).status == 202
    assert len(runtime.notice_queue.receive(10)) == 1


def test_another_request_with_the_same_key_is_refused(program: Program) -> None:
    program.call("POST", "/subscribers", NEW, NAMED)
    for path, body in (("/subscribers", {**NEW, "address": BO}), (f"/subscribers/{ADA}/leave", NEW)):
        assert program.call("POST", path, body, NAMED).status in {400, 422}
    assert program.call("POST", f"/subscribers/{ADA}/leave", None, NAMED).status == 422
    program.add(BO)
    assert program.call("POST", f"/subscribers/{ADA}/leave", {}, {"Idempotency-Key": "x"}).status == 200
    assert program.call("POST", f"/subscribers/{BO}/leave", {}, {"Idempotency-Key": "x"}).status == 422
    assert program.get(f"/subscribers/{BO}")["newsletters"]["harbour-log"]["state"] == "confirmed"


def test_each_caller_has_keys_of_their_own(program: Program, runtime: Runtime) -> None:
    program.call("POST", "/subscribers", NEW, NAMED)
    other = Program.of(runtime).call("POST", "/subscribers", {**NEW, "address": BO}, NAMED)
    assert (other.status, "idempotent-replayed" in other.headers) == (201, False)


def test_what_was_refused_is_not_remembered(program: Program) -> None:
    lift = f"/suppressions/{ADA}/lift"
    assert program.call("POST", lift, {"why": "x"}, NAMED).status == 404
    program.send("PUT", f"/suppressions/{ADA}", {"reason": "manual"})
    assert program.call("POST", lift, {"why": "x"}, NAMED).status == 200
    assert program.call("POST", lift, {"why": "x"}, NAMED).status == 200


def test_a_call_that_is_still_at_work_is_not_done_twice(runtime: Runtime, clock: Clock) -> None:
    begun, go, done = threading.Event(), threading.Event(), list[Reply]()

    def slow() -> Reply:
        begun.set()
        assert go.wait(30)
        return Reply(200, {"n": 1})

    worker = threading.Thread(target=lambda: done.append(once(runtime.table, "k", "x", b"r", clock(), slow)))
    worker.start()
    assert begun.wait(30)
    with pytest.raises(ProblemError) as refused:
        once(runtime.table, "k", "x", b"r", clock(), lambda: Reply(200))
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (409, "5")
    go.set()
    worker.join(30)
    again = once(runtime.table, "k", "x", b"r", clock(), lambda: Reply(200))
    assert (done[0].body, again.body, again.headers) == ({"n": 1}, {"n": 1}, {"Idempotent-Replayed": "true"})


def test_a_call_that_failed_may_be_tried_again(runtime: Runtime, clock: Clock) -> None:
    def broken() -> Reply:
        raise RuntimeError("gone")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="gone"):
            once(runtime.table, "k", "x", b"r", clock(), broken)
    assert once(runtime.table, "k", "x", b"r", clock(), lambda: Reply(200)).status == 200


def test_it_is_kept_for_a_day_and_a_call_that_died_for_a_minute(
    program: Program, runtime: Runtime, clock: Clock
) -> None:
    program.call("POST", "/subscribers", NEW, NAMED)
    (item,) = [item for item in runtime.table.everything() if item.key.pk.startswith("IDEMPOTENT#")]
    assert item.expires == int(clock.now.timestamp()) + 86_400
    died = list[int | None]()

    def look() -> Reply:
        place = Key(f"IDEMPOTENT#k#{hashlib.sha256(b'x').hexdigest()}", "-")
        died.append(found.expires if (found := runtime.table.get(place)) else None)
        return Reply(200)

    once(runtime.table, "k", "x", b"r", clock(), look)
    assert died == [int(clock.now.timestamp()) + 60]


def test_kept_answers_name_nobody(program: Program, runtime: Runtime) -> None:
    person = {**NEW, "name": "Ada Unmistakable", "how": "told Grace"}
    for number, (path, body) in enumerate([
        ("/subscribers", person), ("/subscribers", {"address": BO, **ASKED}), (f"/subscribers/{ADA}/leave", {}),
    ]):  # fmt: skip
        assert program.call("POST", path, body, {"Idempotency-Key": f"n{number}"}).status < 300
    kept = [json.dumps([*item.key, item.data]) for item in runtime.table.everything() if "IDEMPOTENT" in item.key.pk]
    assert len(kept) == 3
    for word in (ADA, BO, "Ada", "Grace", "n0"):
        assert not any(word in item for item in kept), word


def test_keys_of_any_other_shape_are_refused(program: Program) -> None:
    for wrong in ("", "x" * 256, "\x00", "é"):
        assert program.call("POST", "/subscribers", NEW, {"Idempotency-Key": wrong}).status == 400
