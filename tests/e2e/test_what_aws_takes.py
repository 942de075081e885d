"""What an edition costs on AWS is counted, call by call, and stays what the documents say."""

import json
from pathlib import Path

import pytest

from bench import month, scaling
from bench.cloud import CHUNKS_GB, EVENT_BATCH, EVENT_WINDOW, EVENTS_GB, PATIENCE_SECONDS, TICK_GB, Cloud
from bench.costs import counted, row_for_each
from bench.idle import Idle, idle_tick
from chalicelib.deliver.costs import IDLE, IDLE_WITHOUT_ALLOWANCES, USED_PER_THOUSAND, cents, cost_of
from chalicelib.deliver.idle import idle_lines, total

ROOT = Path(__file__).resolve().parents[2]


def test_sending_costs_next_to_nothing_beside_ses() -> None:
    cost = counted("at 100 a second", Cloud(3000, 100.0))
    assert cost.times(0.16) <= 1.003
    assert cost.times(0.10) <= 1.003
    naive = row_for_each(500, events=False)
    assert naive.beside > 8 * cost.beside


def test_what_a_forecast_counts_with_is_what_is_counted() -> None:
    """sendbrief cost, previews and proofs take figures of 10,000 readers; so few take some more ticks each."""
    said = str(month.template()["Resources"]["EventDestinationResource"]["Properties"])
    assert "[send" in said.replace("'", ""), "what is counted below is what the template asks SES for"
    assert "delivery" in said
    told = counted("all", Cloud(3000, 100.0, deliveries=True, sends=True))
    rest = float(cost_of("ses", 1000).rest)
    assert 0.8 * rest <= told.beside <= 1.25 * rest
    for what, units in USED_PER_THOUSAND.items():
        assert 0.4 * float(units) <= told.of_thousand(what) <= 2.5 * float(units), what


def test_a_site_at_rest_costs_less_than_a_dollar_a_month_and_what_its_documents_say() -> None:
    lines = idle_lines(month.template(), month.tick())
    assert cents(total(lines, allowance=True)) == IDLE < 1
    assert cents(total(lines, allowance=False)) == IDLE_WITHOUT_ALLOWANCES
    page = (ROOT / "docs" / "costs.md").read_text("utf-8")
    assert month.written(page) == page, "python -m bench.month --write renews its tables"
    assert all("\n".join(rows) in page for rows in month.tables())


def test_an_idle_tick_reads_no_edition_twice_and_waits_for_nothing() -> None:
    small, large = (idle_tick(editions) for editions in (10, 100))
    assert (large["dynamodb reads"] - small["dynamodb reads"]) / (Idle().newsletters * 90) <= 0.3, "1 KB each, once"
    assert large["sqs requests"] == 3
    assert large["s3 gets"] == 0


@pytest.mark.slow
def test_what_a_forecast_counts_with_is_exact() -> None:
    told = counted("all", Cloud(10_000, 100.0, deliveries=True, sends=True))
    assert told.beside == pytest.approx(float(cost_of("ses", 1000).rest), rel=0.02)
    for what, units in USED_PER_THOUSAND.items():
        assert told.of_thousand(what) == pytest.approx(float(units), rel=0.06), what


@pytest.mark.slow
def test_so_it_does_at_other_rates_and_with_each_delivery_told() -> None:
    fast = counted("at 500 a second", Cloud(10_000, 500.0, functions=10))
    told = counted("each delivery", Cloud(10_000, 100.0, deliveries=True))
    assert fast.times(0.10) <= 1.003
    assert told.times(0.10) <= 1.03
    slow = counted("at 14 a second", Cloud(10_000, 14.0))
    assert 1.003 < slow.times(0.10) <= 1.01, "functions wait for most of their time"


def test_the_model_has_the_memory_and_the_batches_of_the_application() -> None:
    stages = json.loads((ROOT / ".chalice" / "config.json").read_text())["stages"]
    for stage in stages.values():
        sizes = [stage["lambda_functions"][name]["lambda_memory_size"] / 1024 for name in ("tick", "chunks", "events")]
        assert sizes == [TICK_GB, CHUNKS_GB, EVENTS_GB]
    code = (ROOT / "app.py").read_text()
    assert f"PATIENCE_SECONDS = {PATIENCE_SECONDS}" in code
    assert f"batch_size={EVENT_BATCH}, maximum_batching_window_in_seconds={EVENT_WINDOW}" in code


@pytest.mark.slow
def test_the_table_of_ten_million_is_what_a_thousandth_of_it_gives() -> None:
    text = (ROOT / "docs" / "scale.md").read_text()
    for line in scaling.lines():
        assert line in text
