"""A sending house whose workers are watched, and transports that refuse, bounce and stall as a test tells them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from chalicelib.audience.suppression import Suppressions
from chalicelib.deliver.braking import Braking
from chalicelib.deliver.draining import Drained, drain
from chalicelib.deliver.ledger import News
from chalicelib.deliver.watching import Watching
from chalicelib.deliver.worker import Sender, Worker
from chalicelib.transports import Fate, Mail, Outcome
from tests.deliver.house import House
from tests.simulation.world import SECRETS, SLOT

UNKNOWN = "550 5.1.1 User unknown"


def now_of(house: House) -> datetime:
    return SLOT + timedelta(seconds=house.passed)


def braking_of(house: House, provider: Callable[[], str] = lambda: "") -> Braking:
    return Braking(house.site, house.table, house.dispatcher.editions, house.dispatcher.chunks, provider)


def watching_of(house: House, braking: Braking | None = None) -> Watching:
    suppressions = Suppressions(house.table)
    return Watching(braking or braking_of(house), suppressions, house.site.sending.brake, lambda: now_of(house), "smtp")


def watched(house: House, watch: Watching | None = None, *, wave_size: int = 2, **more: Any) -> Worker:
    return Worker(
        house.site, house.table, house.dispatcher.chunks, house.dispatcher.editions, house.transport, SECRETS,
        Sender("me", house.living.__contains__), lambda: now_of(house), wall=house.wall, wave_size=wave_size,
        watch=watch or watching_of(house), **more,
    )  # fmt: skip


def work(house: House, worker: Worker | None = None) -> Drained:
    """What a tick does of sending: the queue filled, drained, and the books closed where nobody is left."""
    house.dispatcher.tick(now_of(house))
    drained = asyncio.run(drain(house.queue, worker or watched(house)))
    house.dispatcher.tick(now_of(house))
    return drained


def refusing(
    which: Callable[[str], bool], words: str = UNKNOWN
) -> Callable[[Sequence[Mail]], Awaitable[list[Outcome]]]:
    async def script(mails: Sequence[Mail]) -> list[Outcome]:
        return [Outcome(Fate.FAILED, words) if which(mail.recipient) else Outcome(Fate.SENT) for mail in mails]

    return script


def hear(house: House, edition: str, count: int, news: News, words: str = UNKNOWN) -> None:
    """News of so many mails that were taken, as a provider tells them later."""
    for _, held in list(house.dispatcher.chunks.ledgers(edition)):
        ledger = held.ledger
        for position, mark in enumerate(ledger.marks):
            if mark in "sv" and count:
                ledger, count = ledger.heard(position, news, words), count - 1
        if ledger != held.ledger:
            house.dispatcher.chunks.write_ledger(held, ledger)
    assert count == 0
