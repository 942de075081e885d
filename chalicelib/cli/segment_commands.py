"""The command ``subscribers count``: how many a filter reaches, and what each part of it does."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from chalicelib.audience.headcount import Headcount, headcount, side_by_side
from chalicelib.audience.suppression import stopped_members
from chalicelib.cli.context import escape, house, out, print_json
from chalicelib.cli.draft_commands import Json, Now, find_newsletter
from chalicelib.content.segment_reading import parse_segment, vocabulary_of

_WORDS = {
    "pending": "not confirmed yet",
    "unsubscribed": "unsubscribed",
    "suppressed": "suppressed",
    "paused": "paused",
}


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("count")(count)


def count(
    newsletter: Annotated[str | None, typer.Option("--newsletter", help="Only this one's members.")] = None,
    where: Annotated[str | None, typer.Option(help="A filter, like 'language = de and topic:security'.")] = None,
    now: Now = None,
    json: Json = False,
) -> None:
    """Count confirmed members: how many a filter matches, how many of them get mail, and what each part does."""
    with house(now) as runtime:
        site = runtime.site
        names = list(site.newsletters) if newsletter is None else [find_newsletter(runtime, newsletter).name]
        segment = None if where is None else parse_segment(where, vocabulary=vocabulary_of(site))
        figures = headcount(
            side_by_side(runtime.audience.members(name) for name in names), segment,
            lambda batch: stopped_members(runtime.table, batch), runtime.clock(), site.time_zone,
        )  # fmt: skip
    if json:
        print_json({"filter": str(segment or ""), **asdict(figures)})
    else:
        _show(figures, filtered=segment is not None)


def _show(figures: Headcount, *, filtered: bool) -> None:
    whole = f"{figures.memberships:,} memberships"
    said = f"{figures.matching:,} of {whole} match" if filtered else whole
    out.print(f"{said}, of {figures.people:,} people.")
    others = [f"{getattr(figures, name):,} {words}" for name, words in _WORDS.items() if getattr(figures, name)]
    out.print("; ".join([f"{figures.mails:,} would get mail", *others]) + ".")
    if not figures.parts:
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("part of the filter", overflow="fold")
    table.add_column("matches alone", justify="right")
    table.add_column("so far", justify="right")
    for part in figures.parts:
        text = f"{'    ' * part.level}{part.joint} {part.text}" if part.joint else f"{'    ' * part.level}{part.text}"
        table.add_row(escape(text), f"{part.alone:,}", f"{part.so_far:,}")
    out.print()
    out.print(table)
