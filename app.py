"""The doors of the Lambda functions: each parses its trigger, calls one verb, answers."""

import gc

gc.set_threshold(100_000, 50, 50)  # what a start loads stays: looking for garbage among it takes a tenth of the time

# ruff: noqa: E402 (the line above is to come first)
import math
import time
from collections.abc import Callable, Coroutine
from functools import cache
from typing import TYPE_CHECKING, Any

from chalice.app import CloudWatchEvent, Rate, SQSEvent

from chalicelib.invocation import invocation, start_logs
from chalicelib.logs import correlated, logger
from chalicelib.store import QueueMessage
from chalicelib.web import house
from chalicelib.web.doors import Doors

if TYPE_CHECKING:
    from chalicelib.runtime import Runtime

if start_logs().function:
    app = Doors()  # they open as requests come
else:  # whoever packages, and one machine
    from chalicelib.web.public import application

    app = application()
LOG = logger("sendbrief")

PATIENCE_SECONDS = 20.0
"""So long a function waits for its turn before it gives the chunk back. It is paid meanwhile, but coming back costs
as much as a second or two of that."""
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 60, 900


@app.schedule(Rate(5, unit=Rate.MINUTES))
def tick(event: CloudWatchEvent) -> None:
    """Hear what came back by mail, collect, compose, prove, dispatch. A rule may run twice; a tick may too."""
    with correlated(), invocation(event.context):
        _run(_tick())


# Two at once are enough for SES's usual rates. The template puts its own queue in the place of the name.
@app.on_sqs_message(queue="sendbrief-chunks", batch_size=1, maximum_concurrency=2)
def chunks(event: SQSEvent) -> dict[str, Any]:
    """Send chunks. Names the records to be tried again, so that one bad record never replays the others."""
    records: list[dict[str, Any]] = event.to_dict()["Records"]
    milliseconds = getattr(event.context, "get_remaining_time_in_millis", lambda: math.inf)
    failed = [
        record["messageId"] for record in records if not _worked(record, event.context, lambda: milliseconds() / 1000)
    ]
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}


# Batches of ten keep a burst of sign-ups cheap; each notice has a fate of its own.
@app.on_sqs_message(queue="sendbrief-notices", batch_size=10, maximum_concurrency=2)
def notices(event: SQSEvent) -> dict[str, Any]:
    """Send mails to single people, such as the one that asks to confirm an address."""
    with invocation(event.context):
        return {"batchItemFailures": _run(_post(event.to_dict()["Records"]))}


# One event is one message; those of one chunk are one write, so a few seconds' wait for more of them is worth it.
@app.on_sqs_message(
    queue="sendbrief-events", batch_size=100, maximum_batching_window_in_seconds=20, maximum_concurrency=2
)
def events(event: SQSEvent) -> dict[str, Any]:
    """Hear what SES tells of mails: deliveries, bounces, complaints."""
    with invocation(event.context):
        return {"batchItemFailures": _hear(event.to_dict()["Records"])}


def _hear(records: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The records to be tried again."""
    from chalicelib.deliver.hearing.listening import Tally, again

    runtime = house.runtime()
    messages = {record["messageId"]: _message(record) for record in records}
    failed = runtime.listener.events(list(messages.values()), runtime.clock(), Tally())
    left = {name: message for name, message in messages.items() if message.receipt in failed}
    for message in left.values():
        again(runtime.event_queue, message, failed[message.receipt])
    return [{"itemIdentifier": name} for name in left]


def _message(record: dict[str, Any]) -> QueueMessage:
    attempts = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
    return QueueMessage(record["body"], record["receiptHandle"], attempts)


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    import asyncio  # here: the public pages do without

    return asyncio.run(work)


async def _post(records: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The records to be tried again. Trouble gives one back for later."""
    from chalicelib.deliver.notices import read_notice
    from chalicelib.deliver.posting import later
    from chalicelib.errors import SendbriefError

    runtime, failed = house.runtime(), list[dict[str, str]]()
    sender = cache(runtime.notices)
    for record in records:
        try:
            await sender().work(read_notice(record["body"]))
        except SendbriefError as error:
            later(runtime.notice_queue, _message(record), error)
            failed.append({"itemIdentifier": record["messageId"]})
    await _give_back(runtime)
    return failed


async def _tick() -> None:
    from chalicelib.deliver.ticking import log_report

    runtime = house.runtime()
    if runtime.settings.bounces:
        _hear_mailbox(runtime)
    log_report(await runtime.ticker().tick(runtime.clock()))
    await _give_back(runtime)


def _hear_mailbox(runtime: "Runtime") -> None:
    """What came back by mail since the last tick; trouble with it stops no sending."""
    from chalicelib.deliver.hearing.listening import ROUND_SECONDS, within

    tally = runtime.listener.mailbox(runtime.bounces, runtime.clock(), stop=within(ROUND_SECONDS))
    for trouble in tally.troubles:
        LOG.error("%s", trouble)


def _worked(record: dict[str, Any], lambda_context: object, time_left: Callable[[], float]) -> bool:
    """Whether the record is done with; its figures are its own, so that they are found by edition and chunk."""
    with invocation(lambda_context):
        return _run(_work(record, time_left))


async def _work(record: dict[str, Any], time_left: Callable[[], float]) -> bool:
    """Whether the record is done with. Trouble gives it back for later, at most 15 minutes; so does another's turn."""
    from chalicelib.deliver.chunks import read_task
    from chalicelib.deliver.draining import later_seconds
    from chalicelib.errors import SendbriefError

    runtime, message = house.runtime(), _message(record)
    try:
        work = await runtime.worker(patience=PATIENCE_SECONDS, time_left=time_left).work(*read_task(record["body"]))
        if work.ended == "later":  # anew: waiting is no failed try
            runtime.queue.send([record["body"]], delay=later_seconds(work.until - time.time()))
    except SendbriefError as error:
        wait = min(FIRST_WAIT_SECONDS * 2 ** min(message.attempts - 1, 10), LONGEST_WAIT_SECONDS)
        LOG.error("Chunk %s comes again in %d seconds: %s", record["body"][:200], wait, error)
        runtime.queue.release(message, delay=wait)
        return False
    finally:
        await _give_back(runtime)
    return True


async def _give_back(runtime: "Runtime") -> None:
    """Connections belong to this event loop, which ends with the call."""
    if "transport" in runtime.__dict__:
        await runtime.transport.aclose()
