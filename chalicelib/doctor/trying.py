"""Whether events come back: mails to SES's mailbox simulator, and the wait for what becomes of them."""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from email.utils import format_datetime

from chalicelib.deliver.hearing.trials import heard_of, trial_tags
from chalicelib.deliver.ledger import News
from chalicelib.doctor.findings import About, Finding, Topic
from chalicelib.store import Table
from chalicelib.transports import Fate, Mail, Outcome

EVENTS = About(Topic.EVENTS)
WAIT_SECONDS = 120.0
"""The functions gather events for 20 seconds, and a bounce of the simulator takes some more."""
PAUSE_SECONDS = 2.0
SIMULATOR = (
    ("success@simulator.amazonses.com", News.DELIVERED, "a delivery"),
    ("bounce@simulator.amazonses.com", News.BOUNCED, "a bounce"),
    ("complaint@simulator.amazonses.com", News.COMPLAINED, "a complaint"),
)
"""Addresses of SES that always have the same fate, count for no rate, and are on no suppression list."""
Hand = Callable[[Sequence[Mail]], Sequence[Outcome]]


def trial_mails(sender: str, trial: str, now: datetime) -> list[Mail]:
    """One mail to each address of the simulator."""
    domain = sender.rpartition("@")[2]
    return [
        Mail(sender, address, _content(sender, address, f"{trial}.{number}@{domain}", now), trial_tags(trial, number))
        for number, (address, _, _) in enumerate(SIMULATOR)
    ]


def _content(sender: str, recipient: str, message_id: str, now: datetime) -> bytes:
    lines = (
        f"From: <{sender}>",
        f"To: <{recipient}>",
        "Subject: A trial of sendbrief doctor",
        f"Date: {format_datetime(now)}",
        f"Message-ID: <{message_id}>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        "Events of this mail are waited for.",
        "",
    )
    return "\r\n".join(lines).encode("ascii")


def try_events(
    hand: Hand,
    table: Table,
    sender: str,
    clock: Callable[[], datetime],
    *,
    hear: Callable[[], None] = lambda: None,
    wait: float = WAIT_SECONDS,
    pause: float = PAUSE_SECONDS,
) -> Iterator[Finding]:
    """Send, and wait until all is heard or ``wait`` seconds are over. ``hear`` works off the queue where nobody else
    does. Raises SendbriefError where the store or the transport fails as a whole."""
    trial = secrets.token_hex(8)
    outcomes = hand(trial_mails(sender, trial, clock()))
    for (address, _, _), outcome in zip(SIMULATOR, outcomes, strict=True):
        if outcome.fate is not Fate.SENT:
            yield EVENTS.error(
                f"A trial mail to {address} was not taken.",
                "See what SES says; identity and account tell more.",
                outcome.reason,
            )
    sent = {number for number, outcome in enumerate(outcomes) if outcome.fate is Fate.SENT}
    began, heard = time.monotonic(), set[tuple[int, News]]()
    while sent and not _all(heard, sent) and time.monotonic() - began < wait:
        time.sleep(pause)
        hear()
        heard = heard_of(table, trial)
    yield from _judged(heard, sent, time.monotonic() - began)


def _all(heard: set[tuple[int, News]], sent: set[int]) -> bool:
    return all((number, SIMULATOR[number][1]) in heard for number in sent)


def _judged(heard: set[tuple[int, News]], sent: set[int], seconds: float) -> Iterator[Finding]:
    for number in sorted(sent):
        _, kind, words = SIMULATOR[number]
        if (number, kind) in heard:
            yield EVENTS.ok(f"The trial's event of {words} came.")
        elif kind is News.DELIVERED and heard:
            yield EVENTS.note(
                "No event of a delivery came within the time.", "Publish Delivery, unless you save its price."
            )
        else:
            yield EVENTS.error(
                f"The trial's event of {words} did not come within {seconds:.0f} s.",
                "See that the configuration set publishes to SNS, SNS to the queue, and that somebody"
                " works the queue off (the function, or 'sendbrief serve').",
            )
