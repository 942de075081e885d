"""Somebody goes through everything there is; once they are erased, a scan of all that is stored finds no trace."""

import asyncio
import logging
from datetime import timedelta

import pytest

from chalicelib.audience.erasing import ERASED
from chalicelib.audience.scan import SHORTEST, find_traces, spellings, traces_in, traces_in_file
from chalicelib.deliver.notices import read_notice
from chalicelib.deliver.record import kind_of
from chalicelib.runtime import Runtime
from chalicelib.transports.maildir import read_maildir
from tests.web.api.house import ASKED, RECORDED, Clock, Program

ADDRESS, NAME = "Ada.Lovelace@bücher.example.org", "Countess of Lovelace"
WORDS = [ADDRESS, NAME, "lovelace", "moved@example.org", "wished@example.org"]


def send_notices(runtime: Runtime) -> None:
    for message in runtime.notice_queue.receive(10):
        asyncio.run(runtime.notices().work(read_notice(message.body)))
        runtime.notice_queue.delete(message)


def a_life(runtime: Runtime, program: Program, clock: Clock) -> str:
    """By API and form, two newsletters, a move, a wish for another, a request that waits; sid at the end."""
    sid = program.add(ADDRESS, name=NAME, marks=["tag:speaker"])
    program.send("POST", f"/subscribers/{sid}/leave", {"why": f"I am {NAME}"})
    body = {"address": ADDRESS, "name": NAME, **ASKED, "words": "Yes, write to me."}
    program.send("POST", "/subscribers", body, 202, Idempotency_Key="order-1")
    send_notices(runtime)
    clock.passes(seconds=60)
    assert runtime.signups.confirm(sid, clock.now)
    new = runtime.audience.sid("moved@example.org")
    runtime.moves.ask(sid, new, "moved@example.org", clock.now)
    assert runtime.moves.confirm(sid, new, clock.now)
    runtime.moves.ask(new, "a" * 24, "wished@example.org", clock.now)
    program.send("POST", "/subscribers", {**body, "address": "moved@example.org"}, 202)
    send_notices(runtime)
    asyncio.run(runtime.ticker().tick_and_send(clock.passes(days=5), runtime.worker()))
    return new


def traces(runtime: Runtime) -> list[str]:
    runtime.clean_store()
    queues = {"chunks": runtime.queue.peek(), "notices": runtime.notice_queue.peek()}
    found = [trace.where for trace in find_traces(runtime.table, runtime.blobs, queues, WORDS)]
    for path in sorted(path for path in runtime.settings.data.rglob("*") if path.is_file()):
        found += [trace.where for trace in traces_in(path.name, path.read_bytes(), spellings(WORDS))]
        found += [trace.where for trace in traces_in_file(path, spellings(WORDS))]
    return found


def test_no_trace_is_left_of_a_whole_life_but_what_keeps_them_out(
    runtime: Runtime, program: Program, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sid = a_life(runtime, program, clock)
    assert all(len(word) >= SHORTEST for word in WORDS)
    assert len({kind_of(item.key) for item in runtime.table.everything()}) > 8
    assert traces(runtime), "the scan would find it"
    mails = len(read_maildir(runtime.settings.maildir))
    erased = runtime.audience.erase(sid, clock.passes(seconds=5))
    assert erased.known
    assert traces(runtime) == []
    assert len(read_maildir(runtime.settings.maildir)) < mails
    assert list(traces_in("log", caplog.text.encode(), spellings(WORDS))) == []
    assert runtime.dossier(sid)["memberships"] == []
    told = [one for one in runtime.dossier(sid)["happenings"] if one["kind"] == ERASED]
    assert len(told) == 1

    for address in (ADDRESS, "moved@example.org"):
        answer = program.call("POST", "/subscribers", {"address": address, **RECORDED, "how": "an old list"})
        assert "suppressed" in answer.text
    program.send("POST", "/subscribers", {"address": ADDRESS, **ASKED}, 202)
    back = runtime.signups.confirm(runtime.audience.sid(ADDRESS), clock.now + timedelta(minutes=1))
    assert back is not None
    assert back.added == ("harbour-log",)
