"""A year of real posts, sent to a real SMTP server, every tick twice, and with the sender killed in between."""

import random
import signal
import time
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.corpus import make_readers, make_site, needs_corpus
from tests.e2e.house import House, Sink, balanced, sink

pytestmark = [needs_corpus, pytest.mark.slow, pytest.mark.timeout(1800)]
WAVE = 50


def thursdays(count: int) -> list[str]:
    first = date(2022, 1, 6)
    return [f"{first + timedelta(weeks=week)}T10:00" for week in range(count)]


def prepare(tmp_path: Path, url: str, readers: int) -> House:
    house = House(make_site(tmp_path / "site"), tmp_path / "data", url)
    file = make_readers(tmp_path / "readers.csv", readers)
    for newsletter in ("digest", "advisories"):
        house.run("subscribers", "import", str(file), "--newsletter", newsletter, "--basis", "consent")
    return house


def test_a_year_over_smtp_balances_and_a_second_run_sends_nothing(tmp_path: Path) -> None:
    with sink(tmp_path) as server:
        house = prepare(tmp_path, server.url, 2000)
        for moment in thursdays(52):
            house.run("tick", "--now", moment)
        editions = house.status()["editions"]
        counts = {edition: sum(counter.values()) for edition, counter in server.per_edition().items()}
        sent = [edition for edition in editions if edition["sent"]]
        assert len(sent) >= 15, "the year's posts make many editions"
        for edition in editions:
            assert balanced(edition), edition
            assert counts.get(edition["id"], 0) == edition["sent"], edition["id"]
        assert {edition["state"] for edition in sent} == {"sent"}
        for moment in thursdays(52):
            house.run("tick", "--now", moment)
        assert len(server.mails()) == sum(counts.values())
        assert house.status()["editions"] == editions


KILLS = 20


@pytest.mark.parametrize("seed", [1])
def test_twenty_kills_neither_repeat_nor_lose_a_mail(tmp_path: Path, seed: int) -> None:
    chance, kills, moments = random.Random(seed), 0, thursdays(104)
    with sink(tmp_path) as server:
        house = prepare(tmp_path, server.url, 2000)
        for moment in moments:
            while kills < KILLS and _killed(house, server, moment, chance):
                kills += 1
            if kills == KILLS:
                break
        assert kills == KILLS
        for again in moments[moments.index(moment) :][:6]:
            house.run("tick", "--now", again)
        editions = {edition["id"]: edition for edition in house.status()["editions"]}
        got = server.per_edition()
        for counter in got.values():
            assert max(counter.values()) == 1, "nobody gets one edition twice"
        for name, edition in editions.items():
            assert balanced(edition), edition
            assert edition["pending"] == edition["deferred"] == 0, edition
            accepted = sum(got.get(name, {}).values())
            assert edition["sent"] <= accepted <= edition["sent"] + edition["in_doubt"], edition
        doubt = sum(edition["in_doubt"] for edition in editions.values())
        assert doubt <= kills * WAVE
        print(f"{kills} kills, {doubt} in doubt, {len(server.mails())} accepted")


def _killed(house: House, server: Sink, moment: str, chance: random.Random) -> bool:
    """Tick, and kill the process: mostly in mid-send, sometimes anywhere. False where it ended before."""
    process, before = house.start("tick", "--now", moment), len(server.mails())
    if chance.random() < 0.8:
        while process.poll() is None and len(server.mails()) == before:
            time.sleep(0.005)
        time.sleep(chance.uniform(0.0, 0.5))
    else:
        time.sleep(chance.uniform(0.05, 1.0))
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode in {0, -signal.SIGKILL}
    return process.returncode != 0
