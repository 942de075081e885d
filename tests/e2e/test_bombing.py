"""List bombing: however many requests name other people's addresses, each gets a mail a day, and no more.

``BOMBS=100000`` makes as many requests as a large attack does in three days.
"""

import asyncio
import os
import resource
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib.deliver.posting import post
from chalicelib.runtime import Runtime
from chalicelib.store.sqlite import SqliteTable
from chalicelib.transports.maildir import read_maildir
from chalicelib.web import house
from chalicelib.web.nonces import NONCE_FIELD, Nonces
from chalicelib.web.public import application
from tests.web.site import AFTER, runtime_at, write_site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
REQUESTS = int(os.environ.get("BOMBS", "20000"))
SPAN = timedelta(days=3) * (REQUESTS / 100_000)
VICTIMS, NETWORKS, BUSY = 40, 60, 4
PER_SITE_AN_HOUR = 600


class Clock:
    def __init__(self) -> None:
        self.now = AFTER

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def target(tmp_path: Path) -> Iterator[tuple[Runtime, Clock]]:
    runtime, clock = runtime_at(write_site(tmp_path / "site"), tmp_path / "data"), Clock()
    runtime.clock = clock
    runtime.__dict__["table"] = SqliteTable(runtime.database, lambda: clock.now.timestamp())
    house.use(runtime)
    yield runtime, clock
    house.use(None)
    runtime.close()


def submit(address: str, ip: str, nonce: str) -> tuple[int, bytes]:
    form = {NONCE_FIELD: nonce, "address": address, "newsletter": "harbour-log"}
    event: dict[str, Any] = {
        "resource": "/subscribe", "path": "/subscribe", "httpMethod": "POST",
        "headers": {"content-type": "application/x-www-form-urlencoded"}, "body": urlencode(form),
        "isBase64Encoded": False, "multiValueQueryStringParameters": None, "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"httpMethod": "POST", "resourcePath": "/subscribe", "identity": {"sourceIp": ip}},
    }  # fmt: skip
    answer = application()(event, None)
    return int(answer["statusCode"]), str(answer["body"]).encode()


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_a_flood_of_requests_is_a_mail_a_day_for_each_address(target: tuple[Runtime, Clock]) -> None:
    runtime, clock = target
    chance, nonces = Random(5), Nonces(runtime.secrets)
    statuses, taken = Counter[int](), Counter[int]()
    warm = 0.0
    for number in range(REQUESTS):
        clock.now = AFTER + SPAN * (number / REQUESTS)
        nonce = nonces.make("subscribe", "", clock.now - timedelta(minutes=1))
        victim = chance.randrange(VICTIMS) if chance.random() < 0.5 else 10_000 + chance.randrange(50_000)
        network = chance.randrange(BUSY if chance.random() < 0.7 else NETWORKS)
        status, _ = submit(f"victim{victim}@example.org", f"198.{network}.100.{number % 250}", nonce)
        statuses[status] += 1
        taken[int((clock.now - AFTER) / timedelta(hours=1))] += status == 200
        if number % 200 == 0:
            asyncio.run(post(runtime.notice_queue, runtime.notices))
        if number == REQUESTS // 4:
            warm = peak_megabytes()
    asyncio.run(post(runtime.notice_queue, runtime.notices))
    assert set(statuses) == {200, 429}
    assert statuses[429] > REQUESTS // 10, "much of a flood is turned away"
    assert max(taken.values()) <= 2 * PER_SITE_AN_HOUR
    grown = peak_megabytes() - warm
    assert grown < 24, "memory is flat"
    mails = [message_from_bytes(path.read_bytes(), policy=policy.default) for _, path in
             read_maildir(runtime.settings.maildir)]  # fmt: skip
    per_day = Counter((str(mail["To"]), (mail["Date"].datetime - AFTER).days) for mail in mails)  # type: ignore[union-attr]
    assert len({address for address, _ in per_day}) >= VICTIMS // 2
    assert max(per_day.values()) == 1, "at most one mail for each address and day"
    print(statuses, len(mails), f"{warm:.0f} MB, then {grown:.0f} MB more")
