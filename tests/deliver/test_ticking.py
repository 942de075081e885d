"""The tick on one machine: proofs, troubles, and all sending that follows."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from chalicelib.collect.fetch import Fetched, Validators
from chalicelib.collect.health import Health, HealthStore
from chalicelib.compose.composer import Composer
from chalicelib.compose.edition import State
from chalicelib.content.values import Approval, Source, SourceKind
from chalicelib.deliver.ticking import Ticker, TickReport
from chalicelib.errors import TransportUnavailableError
from chalicelib.transports import Mail, Outcome
from tests.deliver.house import ID, House, all_sent
from tests.simulation.world import DIGEST, MONDAY, SITE, SLOT

EDITED = replace(SITE, editors=("ed@example.org",), newsletters={"digest": replace(DIGEST, approval=Approval.EDITORS)})


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, site=EDITED)
    yield made
    made.database.close()


def tick(house: House, now: datetime) -> TickReport:
    ticker = Ticker(
        site=house.site, table=house.table, queue=house.queue, fetch=no_fetch, dispatcher=house.dispatcher,
        composer=Composer(house.site, house.table, house.blobs), transport=lambda: house.transport,
    )  # fmt: skip
    return asyncio.run(ticker.tick_and_send(now, house.worker()))


def no_fetch(_url: str, _known: Validators) -> Fetched:
    raise AssertionError("no source is to be read")


def test_a_draft_is_proved_once_in_each_language_and_waits(house: House) -> None:
    tick(house, MONDAY)
    report = tick(house, SLOT - timedelta(hours=40))
    assert report.proofs == [ID]
    assert house.transport.handed == ["ed@example.org"] * 2
    assert tick(house, SLOT - timedelta(hours=39)).proofs == []
    assert tick(house, SLOT + timedelta(hours=1)).proofs == []
    assert house.transport.handed == ["ed@example.org"] * 2, "nobody but the editors gets a draft"
    house.control.approve(ID, SLOT + timedelta(hours=30))
    report = tick(house, SLOT + timedelta(hours=30))
    assert report.editions[ID].state is State.SENT
    assert sorted(house.transport.handed[2:]) == sorted(house.sids)


def test_a_proof_that_could_not_be_sent_is_sent_at_the_next_tick(house: House) -> None:
    async def down(mails: Sequence[Mail]) -> list[Outcome]:
        raise TransportUnavailableError("the server is down")

    tick(house, MONDAY)
    house.transport.script = down
    report = tick(house, SLOT - timedelta(hours=40))
    assert report.proofs == []
    assert "the server is down" in report.troubles[0]
    house.transport.script = all_sent
    assert tick(house, SLOT - timedelta(hours=39)).proofs == [ID]


def test_a_provider_that_is_down_is_named_once_and_the_next_tick_goes_on(house: House) -> None:
    async def down(mails: Sequence[Mail]) -> list[Outcome]:
        raise TransportUnavailableError("the server is down")

    house.site = replace(house.site, newsletters={"digest": DIGEST}, editors=())
    house.dispatcher = house.make_dispatcher()
    tick(house, MONDAY)
    house.transport.script = down
    report = tick(house, SLOT)
    assert len(report.troubles) == 1
    assert house.marks() == "p" * 10
    house.transport.script = all_sent
    assert tick(house, SLOT + timedelta(minutes=1)).troubles == []
    assert house.edition().state is State.SENT
    assert tick(house, SLOT + timedelta(minutes=2)).editions == {}


def test_a_proof_says_what_the_edition_lacks_and_the_edition_does_not(house: House) -> None:
    mails = list[Mail]()

    async def caught(wave: Sequence[Mail]) -> list[Outcome]:
        mails.extend(wave)
        return await all_sent(wave)

    now = SLOT - timedelta(hours=1)
    HealthStore(house.table).save(Health("blog").failed("answered 503 <busy>", now), None)
    house.site = replace(EDITED, sources=(Source("blog", SourceKind.FEED, "https://down.example.org/"),))
    house.transport.script = caught
    report = tick(house, now)
    assert report.editions[ID].lacks == ("source 'blog' answered 503 <busy>",)
    proof = message_from_bytes(mails[0].content, policy=policy.default)
    parts = [part.get_content() for kind in ("html", "plain") if (part := proof.get_body((kind,)))]
    assert ["Missing in this edition:" in part for part in parts] == [True, True]
    assert "answered 503 &lt;busy&gt;" in parts[0]
    assert "answered 503 <busy>" in parts[1]
    assert parts[0].count('href="https://news.example.org/"') == 2, "what is a reader's own leads an editor to the site"
    assert house.dispatcher.editions.content(report.editions[ID]).intro_html == {}
