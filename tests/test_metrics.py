"""Metrics: what CloudWatch takes, nothing where nothing happened, and by whom it is counted."""

import asyncio
import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.audience.suppression import Suppressions
from chalicelib.collect.collector import SourceReport
from chalicelib.collect.entries import Changes
from chalicelib.collect.health import Health
from chalicelib.deliver.hearing.hearing import Hearing
from chalicelib.deliver.hearing.values import Heard
from chalicelib.deliver.ledger import News
from chalicelib.deliver.ticking import Ticker, TickReport, measure
from chalicelib.metrics import NAMESPACE, UNITS, Meter, count, emf, line, metering
from chalicelib.transports import Fate, Outcome
from tests.deliver.house import ID, House
from tests.deliver.test_ticking import no_fetch
from tests.simulation.world import MONDAY, SITE, SLOT

NOW = datetime(2026, 11, 26, 14, 0, 0, 123_456, tzinfo=UTC)
KNOWN_UNITS = {"Seconds", "Milliseconds", "Bytes", "Percent", "Count", "None"}


def check_emf(document: dict[str, Any]) -> None:
    """The rules of the specification of the Embedded Metric Format, as far as they concern one value a metric."""
    meta = document["_aws"]
    assert set(meta) == {"Timestamp", "CloudWatchMetrics"}
    assert isinstance(meta["Timestamp"], int)
    assert 1_700_000_000_000 < meta["Timestamp"] < 5_000_000_000_000, "milliseconds"
    for directive in meta["CloudWatchMetrics"]:
        assert re.fullmatch(r"[\w./#:-]{1,256}", directive["Namespace"])
        assert 1 <= len(directive["Metrics"]) <= 100
        for metric in directive["Metrics"]:
            assert 1 <= len(metric["Name"]) <= 1024
            assert metric["Name"].isascii()
            assert metric["Unit"] in KNOWN_UNITS
            value = document[metric["Name"]]
            assert isinstance(value, int | float)
            assert not isinstance(value, bool)
        for dimensions in directive["Dimensions"]:
            assert 1 <= len(dimensions) <= 30
            for name in dimensions:
                assert isinstance(document[name], str)
                assert 1 <= len(document[name]) <= 1024
                assert document[name].strip() == document[name]
                assert not name.startswith(":")
    assert "\n" not in line(document).rstrip("\n")
    assert json.loads(line(document)) == document


def test_a_document_is_as_cloudwatch_wants_it() -> None:
    made = emf({"Sent": 48, "TickSeconds": 1.5}, {"Stage": "prod"}, NOW, {"edition": "a/b", "chunk": 3, "Sent": "x"})
    check_emf(made)
    assert made == {
        "edition": "a/b", "chunk": 3, "Stage": "prod", "Sent": 48, "TickSeconds": 1.5,
        "_aws": {
            "Timestamp": 1_795_701_600_123,
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE, "Dimensions": [["Stage"]],
                "Metrics": [{"Name": "Sent", "Unit": "Count"}, {"Name": "TickSeconds", "Unit": "Seconds"}],
            }],
        },
    }  # fmt: skip


def test_all_metrics_at_once_are_allowed() -> None:
    meter = Meter()
    for name in UNITS:
        meter.add(name, 1)
    for kind in ("brake", "feed"):
        meter.add("OpenAlarms", 2, kind)
    documents = meter.documents("", NOW)
    for document in documents:
        check_emf(document)
    assert [(d["Stage"], d.get("Kind"), d["OpenAlarms"]) for d in documents] == [
        ("default", None, 1), ("default", "brake", 2), ("default", "feed", 2),
    ]  # fmt: skip


def test_what_is_0_is_not_told_and_what_nobody_meters_costs_nothing() -> None:
    count("Sent")
    with metering() as meter:
        count("Sent", 0)
        count("Failed", 0)
        assert meter.documents("prod", NOW) == []
        count("Failed", 2)
        count("Failed")
    count("Failed")
    (document,) = meter.documents("prod", NOW)
    assert (document["Failed"], "Sent" in document) == (3, False)
    with pytest.raises(ValueError, match="no metric"), metering():
        count("Typos")


def counted(meter: Meter) -> dict[str, float]:
    return {
        f"{name}{document.get('Kind', '')}": value
        for document in meter.documents("", NOW)
        for name, value in document.items()
        if name in UNITS
    }


def test_work_on_a_chunk_counts_what_became_of_each(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.start()
    fates = iter([Fate.SENT, Fate.FAILED, Fate.DEFERRED, Fate.IN_DOUBT])

    async def script(mails: Any) -> list[Outcome]:
        return [Outcome(next(fates, Fate.SENT), "451 later") for _ in mails]

    house.transport.script = script
    house.audience.leave(house.dispatcher.chunks.recipients(ID, 0)[4].sid, "digest", SLOT, "a test")
    with metering() as meter:
        asyncio.run(house.worker().work(ID, 0))
    assert counted(meter) == {"Sent": 1, "Failed": 1, "Deferred": 1, "InDoubt": 1, "Skipped": 1}
    with metering() as meter:
        asyncio.run(house.worker().work(ID, 0))
    assert counted(meter) == {}, "work that finds nothing to do"
    held = house.dispatcher.chunks.ledger(ID, 1)
    house.dispatcher.chunks.write_ledger(held, held.ledger.claim("gone", 1, 1).begin([0, 1], {}, 1))
    house.passed = 7200.0
    with metering() as meter:
        asyncio.run(house.worker().work(ID, 1))
    assert counted(meter) == {"InDoubt": 2, "Sent": 3}, "what a dead sender left is in doubt"
    hearing = Hearing(house.table, house.blobs, Suppressions(house.table))
    told = [
        Heard(kind, SLOT, f"event {number}", ID, 1, place)
        for number, (place, kind) in enumerate(
            [(2, News.BOUNCED), (3, News.DELIVERED), (4, News.DELIVERED), (4, News.COMPLAINED), (4, News.DELIVERED)]
        )
    ]
    totals = Counter[str]()
    for heard in [told[0], told[0], *told[1:]]:
        with metering() as meter:
            hearing.record([heard], SLOT)
        totals.update(counted(meter))
    assert totals == {"Bounced": 1, "Delivered": 2, "Complained": 1}, "repeats and late news are none"
    with metering() as meter:
        hearing.record([Heard(News.COMPLAINED, SLOT, "event 9", ID, 1, 3)], SLOT)
        hearing.record([Heard(News.DELIVERED, SLOT, "event 10", ID, 0, 0)], SLOT)
    assert counted(meter) == {"Complained": 1, "Delivered": 1}, "what is a complaint now takes no delivery back"
    house.database.close()


def test_a_tick_counts_what_it_found_planned_and_could_not_read(tmp_path: Path) -> None:
    site = SITE
    house = House(tmp_path, site=site)
    ticker = Ticker(
        site=site, table=house.table, queue=house.queue, fetch=no_fetch, composer=house.composer,
        dispatcher=house.dispatcher, transport=lambda: house.transport,
    )  # fmt: skip
    house.composer.tick(MONDAY)
    house.composer.tick(SLOT)
    with metering() as meter:
        asyncio.run(ticker.tick(SLOT))
    told = counted(meter)
    assert told.pop("TickSeconds") > 0
    assert told == {"EditionsPlanned": 1}
    with metering() as meter:
        asyncio.run(ticker.tick_and_send(SLOT, house.worker()))
    assert counted(meter)["Sent"] == 10
    with metering() as meter:
        asyncio.run(ticker.tick(SLOT + timedelta(minutes=5)))
    assert counted(meter) == {}, "a tick with nothing due tells nothing, not even its time"


def test_reading_sources_is_counted() -> None:
    health = Health("blog")
    report = TickReport(sources=[
        SourceReport("a", "read", health, Changes(new=2)), SourceReport("b", "read", health, Changes(new=1, changed=4)),
        SourceReport("c", "failed", health), SourceReport("d", "unchanged", health),
    ])  # fmt: skip
    with metering() as meter:
        measure(report, 1.2345)
    assert counted(meter) == {"EntriesFound": 3, "SourcesFailed": 1, "TickSeconds": 1.234}
