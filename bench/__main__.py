"""`python -m bench`: every comparison, as a table."""

from rich.console import Console

from bench import coldstart, costs, feeds, importing, letters, planning, rendering, ses, smtp
from bench.peers import measuring as peers


def main() -> None:
    """Run all and print medians and ratios."""
    console = Console(width=140)
    console.print(letters.table())
    console.print(rendering.table())
    console.print(feeds.table())
    console.print(importing.table())
    console.print(ses.table())
    console.print(planning.table())
    console.print(costs.table())
    console.print(coldstart.table())
    console.print(smtp.table())
    console.print(peers.table())


if __name__ == "__main__":
    main()
