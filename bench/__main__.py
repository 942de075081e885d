"""`python -m bench`: every comparison, as a table."""

from rich.console import Console
from rich.table import Table

from bench import feeds, importing, letters, rendering, ses, smtp


def main() -> None:
    """Run all and print medians and ratios."""
    table = Table("what", "who", box=None)
    table.add_column("a second", justify="right")
    table.add_column("ratio", justify="right")
    for row in letters.run():
        table.add_row(row.what, row.who, f"{row.rate:,.0f}", f"{row.ratio:.1f}")
    console = Console(width=140)
    console.print(table)
    console.print(rendering.table())
    console.print(feeds.table())
    console.print(importing.table())
    console.print(ses.table())
    console.print(smtp.table())


if __name__ == "__main__":
    main()
