"""Two processes that send from one SQLite file, and the command itself, killed."""

import os
import random
import subprocess
import sys
import time
from collections import Counter

import pytest

from chalicelib.deliver.dispatcher import Dispatcher
from tests.kills.checker import check
from tests.kills.ground import CHUNK, EDITION, SLOT, Ground, World
from tests.kills.kennel import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
KILLS = 60


def ledger_marks(world: World) -> str:
    return "".join(held.ledger.marks for _, held in world.runtime.dispatcher.chunks.ledgers(EDITION))


def test_two_at_full_speed_share_the_work_and_get_in_nobodys_way(large: Ground) -> None:
    """On a busy machine one may be through before the other is let in, so they have several goes at sharing."""
    assert any(min(waves_of_two(large)) > 0 for _ in range(5)), "both had their share"


def waves_of_two(large: Ground) -> list[int]:
    """How many waves each of two that begin together sent; nothing else may have gone wrong."""
    with large.world() as world:
        house = world.runtime
        house.composer.tick(SLOT)
        Dispatcher(house.site, house.table, house.blobs, house.queue, chunk_size=CHUNK).tick(SLOT)
        pids = [world.start(which, signal=str(world.folder / "go")) for which in (0, 1)]
        while not all((world.folder / f"go.{pid}").exists() for pid in pids):
            time.sleep(0.01)
        (world.folder / "go").touch()
        waves = []
        for which in (0, 1):
            assert not world.wait(which)
            waves.append(world.told["calls"].count("transport.send_wave"))
        assert (world.folder / "log").read_text() == "", "no word of a locked database, nor of anything else"
        world.clear_up()
        marks = check(world)
        assert marks["?"] == 0, "nobody died"
        print(f"waves of each: {waves}; {dict(marks)}")
    return waves


def test_two_of_which_either_may_die(large: Ground) -> None:
    """Both begin at once; one is killed in mid-send, the other at any moment or not at all. Then the next two begin."""
    chance, kills, marks = random.Random(7), 0, Counter[str]()
    large.kennel(1)
    while kills < KILLS:
        with large.world() as world:
            for turn in range(8):
                step = len(world.server.steps) + chance.randint(1, 150)
                world.server.aim(world.start(0), step, pause=chance.uniform(0.0001, 0.02))
                world.start(1, delay=chance.choice([None, chance.uniform(0.05, 0.6)]))
                time.sleep(chance.uniform(0, 0.2))
                world.leave(chance.sample(large.addresses, 4), turn)
                world.bounce(chance)
                kills += sum([world.wait(0), world.wait(1)])
            world.clear_up()
            marks += check(world)
    print(f"{kills} kills: {dict(marks)}")


def command(world: World, *arguments: str) -> "subprocess.Popen[bytes]":
    """The command itself, as a user starts it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SENDBRIEF_")}
    with (world.folder / "log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "chalicelib.cli.main", *arguments, "--now", SLOT.isoformat()],
            cwd=ROOT, env={**environment, **world.environment}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip


@pytest.mark.parametrize("arguments", [["tick"], ["send", EDITION]])
def test_the_command_itself(small: Ground, arguments: list[str]) -> None:
    """Killed six times while it sends, and once before; then it does the rest by itself."""
    chance = random.Random(arguments[0])
    with small.world() as world:
        world.runtime.composer.tick(SLOT)
        process = command(world, *arguments)
        time.sleep(0.3)
        process.kill()
        process.wait()
        world.incidents += 1
        for _ in range(6):
            process = command(world, *arguments)
            world.server.aim(process.pid, len(world.server.steps) + chance.randint(1, 24), "after")
            assert process.wait() == -9, (world.folder / "log").read_text()
            world.server.lower()
            world.incidents += 1
            world.server.quiet()
            world.leave(chance.sample(small.addresses, 1))
        process = command(world, *arguments)
        assert process.wait() == 0, (world.folder / "log").read_text()
        assert "Traceback" not in (world.folder / "log").read_text()
        assert "p" not in ledger_marks(world), "all are done with who need not be tried again"
        world.clear_up()
        print(f"7 kills of {arguments[0]}: {dict(check(world))}")
