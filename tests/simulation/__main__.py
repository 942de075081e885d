"""Plays many worlds (``python -m tests.simulation --schedules N``), or one (``--seed N [--mutant NAME] --trace``).

A long run is resumable: ``--out FILE`` is written every few seconds and read again at the start. Exit code 1: a world
failed; its seed and its trace are shown.
"""

import argparse
import json
import sys
import traceback
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.simulation.figures import BLOCK, block
from tests.simulation.mutants import MUTANTS
from tests.simulation.parts import Parts
from tests.simulation.schedule import run
from tests.simulation.world import World


def main() -> int:
    """The command."""
    said = _arguments()
    if said.seed is not None:
        return _one(said.seed, said.mutant, trace=said.trace)
    return _many(said.schedules, said.first, said.jobs, Path(said.out) if said.out else None)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="play this one world")
    parser.add_argument("--mutant", choices=[*MUTANTS], help="with this fault planted")
    parser.add_argument("--trace", action="store_true", help="show each call, and what was done to it")
    parser.add_argument("--schedules", type=int, default=1000, help="how many worlds to play")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--out", help="a JSON file for the figures; a run goes on where the file ends")
    return parser.parse_args()


def _one(seed: int, mutant: str | None, *, trace: bool) -> int:
    """Play one world; 1 where it fails."""
    world = World(seed, MUTANTS[mutant]() if mutant else Parts(), trace=trace)
    error = None
    try:
        run(world)
    except Exception as failure:  # noqa: BLE001
        error = failure
    for line in world.trace or ():
        print(line)
    if error:
        traceback.print_exception(error, limit=-4)
    print(f"seed {seed}: {error or 'all holds'}; {dict(world.faults)}; {dict(world.deeds)}")
    return 1 if error else 0


def _many(schedules: int, first: int, jobs: int, out: Path | None) -> int:
    done = _read(out)
    blocks = [start for start in range(first, first + schedules, BLOCK) if start not in done["blocks"]]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        under_way: dict[Future[dict[str, Any]], int] = {}
        while blocks or under_way:
            while blocks and len(under_way) < jobs + 1:
                start = blocks.pop(0)
                under_way[pool.submit(block, start, min(BLOCK, first + schedules - start))] = start
            ready, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in ready:
                _add(done, under_way.pop(future), future.result())
            _write(out, done)
    print(json.dumps({name: part for name, part in done.items() if name != "blocks"}, indent=1))
    for seed in done["failed"]:
        print(f"follow it by: python -m tests.simulation --seed {seed} --trace", file=sys.stderr)
    return 1 if done["failed"] else 0


def _read(out: Path | None) -> dict[str, Any]:
    empty: dict[str, Any] = {"figures": {}, "faults": {}, "deeds": {}, "failed": {}, "blocks": []}
    return json.loads(out.read_text()) if out and out.exists() else empty


def _write(out: Path | None, done: dict[str, Any]) -> None:
    if out:
        half = out.with_name(f".{out.name}.half")
        half.write_text(json.dumps(done, indent=1) + "\n")
        half.replace(out)


def _add(done: dict[str, Any], start: int, more: dict[str, Any]) -> None:
    done["blocks"].append(start)
    for part in ("figures", "faults", "deeds"):
        done[part] = dict(sorted((Counter(done[part]) + Counter(more[part])).items()))
    done["failed"].update(more["failed"])


if __name__ == "__main__":
    sys.exit(main())
