"""`python -m bench.peers`: this comparison alone; `--runs 1` for a quick look, names for some of the peers only."""

import argparse

from rich.console import Console

from bench.peers.measuring import PEERS, RUNS, table


def main() -> None:
    """Print the table."""
    asked = argparse.ArgumentParser(prog="python -m bench.peers", description="End to end beside other programs.")
    asked.add_argument("--runs", type=int, default=RUNS, help="how often each contender runs; the median counts")
    asked.add_argument("peers", nargs="*", metavar="PEER", help=f"some of {', '.join(PEERS)} (default: all)")
    chosen = asked.parse_args()
    if unknown := set(chosen.peers) - set(PEERS):
        asked.error(f"no such peer: {', '.join(sorted(unknown))}")
    Console(width=140).print(table(chosen.runs, chosen.peers))


if __name__ == "__main__":
    main()
