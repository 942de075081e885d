"""Commands about editions: status, proof, approve, hold, cancel, pause, resume, send."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table as RichTable

from chalicelib.cli.context import err, escape, house, local, out, print_json
from chalicelib.cli.site_commands import Json, next_draft, source_rows
from chalicelib.compose.edition import Content
from chalicelib.compose.editions import Edition
from chalicelib.deliver.books import Books
from chalicelib.deliver.control import Control
from chalicelib.deliver.proofs import send_proofs
from chalicelib.errors import UsageError
from chalicelib.runtime import Runtime
from chalicelib.transports import Fate

EditionId = Annotated[str, typer.Argument(metavar="EDITION", help="Like community-digest/2026-11-26.")]
Now = Annotated[str | None, typer.Option(help="Act as if it were this moment (ISO).")]
Why = Annotated[str, typer.Option(help="Why, for the record.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    for command in (status, proof, approve, hold, cancel, pause, resume, send):
        app.command()(command)


def status(
    json: Json = False,
    most: Annotated[int, typer.Option("--last", min=1, help="Editions shown of each newsletter.")] = 10,
) -> None:
    """Editions with their balanced books, subscribers, and how the sources are doing."""
    with house() as runtime:
        rows = edition_rows(runtime)
        subscribers = subscriber_rows(runtime)
        sources = source_rows(runtime)
        dead = runtime.queue.dead()
        if json:
            print_json({"editions": rows, "subscribers": subscribers, "sources": sources, "dead_letters": len(dead)})
            _exit_unless_balanced(rows)
            return
        shown = [
            row for name in runtime.site.newsletters for row in [r for r in rows if r["newsletter"] == name][-most:]
        ]
        out.print(editions_table(shown) if shown else "No edition yet.")
        for name, counts in subscribers.items():
            words = ", ".join(f"{count} {state}" for state, count in counts.items()) or "nobody yet"
            out.print(f"{name}: {words}")
        for source in sources:
            if source["state"] == "failing":
                out.print(f"[yellow]source {source['name']} is failing: {escape(source['error'])}[/]")
        if dead:
            out.print(f"[red]{len(dead)} chunks are dead letters: their recipients wait. See docs/operating.md.[/]")
        _exit_unless_balanced(rows)


def _exit_unless_balanced(rows: list[dict[str, Any]]) -> None:
    """Books that don't balance are never shown as if they did."""
    wrong = [row["id"] for row in rows if not row["balanced"]]
    for name in wrong:
        err.print(f"[bold red]Error:[/] The books of {name} don't balance.")
        err.print("  Nothing more is sent of it. This is a fault of the program or the store: keep the data folder.")
    if wrong:
        raise typer.Exit(1)


def edition_rows(runtime: Runtime) -> list[dict[str, Any]]:
    """All editions with their books, oldest first, for programs."""
    dispatcher = runtime.dispatcher
    editions = [edition for name in runtime.site.newsletters for edition in dispatcher.editions.of(name)]
    return [edition_row(edition, dispatcher.count(edition)) for edition in sorted(editions, key=lambda e: e.slot)]


def edition_row(edition: Edition, books: Books) -> dict[str, Any]:
    """One edition for programs."""
    return {
        "id": edition.id,
        "newsletter": edition.newsletter,
        "slot": edition.slot,
        "slot_at": edition.slot_at.isoformat(),
        "state": str(edition.state),
        "why": edition.why,
        "entries": len(edition.entries),
        "balanced": books.balanced,
        **books.as_dict(),
    }


_ALWAYS, _IF_ANY = ("planned", "sent"), ("pending", "skipped", "failed", "deferred", "in_doubt")


def editions_table(rows: list[dict[str, Any]]) -> RichTable:
    """Editions and their books for people; a column that is 0 everywhere is left out."""
    table = RichTable(box=None, header_style="bold", pad_edge=False)
    table.add_column("edition", no_wrap=True)
    table.add_column("state")
    columns = [*_ALWAYS, *(name for name in _IF_ANY if any(row[name] for row in rows))]
    for name in columns:
        table.add_column(name.replace("_", " "), justify="right")
    table.add_column("")
    for row in rows:
        table.add_row(row["id"], row["state"], *(str(row[name]) for name in columns), escape(row["why"]))
    return table


def subscriber_rows(runtime: Runtime) -> dict[str, dict[str, int]]:
    """How many members each newsletter has, by state."""
    return {
        name: dict(Counter(str(member.state) for member in runtime.audience.members(name)))
        for name in runtime.site.newsletters
    }


def proof(
    edition: EditionId, to: Annotated[list[str], typer.Option("--to", help="An address; may be repeated.")]
) -> None:
    """Send an edition as it would go out to somebody who should look at it. Changes nothing."""
    with house() as runtime:
        content = _content(runtime, edition)
        sent = asyncio.run(_send_proofs(runtime, content, to))
        failed = [(address, outcome) for address, outcome in sent if outcome.fate is not Fate.SENT]
        for address, outcome in sent:
            out.print(f"{escape(address)}: {outcome.fate} {escape(outcome.reason)}".rstrip())
        if failed:
            raise typer.Exit(1)


def _content(runtime: Runtime, edition: str) -> Content:
    """A made edition's content, or that of the next edition of a newsletter."""
    if "/" not in edition:
        return next_draft(runtime, edition).content
    editions = runtime.dispatcher.editions
    return editions.content(editions.find(edition))


async def _send_proofs(runtime: Runtime, content: Content, to: list[str]) -> Any:
    try:
        return await send_proofs(runtime.site, content, to, runtime.transport, runtime.clock())
    finally:
        await runtime.transport.aclose()


def approve(edition: EditionId, now: Now = None) -> None:
    """Let an edition go out at its slot (at once where that has passed)."""
    _decide(edition, now, lambda control, moment: control.approve(edition, moment))


def hold(edition: EditionId, why: Why = "", now: Now = None) -> None:
    """Keep an edition back before its first mail."""
    _decide(edition, now, lambda control, moment: control.hold(edition, moment, why))


def cancel(edition: EditionId, why: Why = "", now: Now = None) -> None:
    """Never send an edition (further)."""
    _decide(edition, now, lambda control, moment: control.cancel(edition, moment, why))


def pause(edition: EditionId, why: Why = "", now: Now = None) -> None:
    """Stop an edition in mid-send, after the wave in flight."""
    _decide(edition, now, lambda control, moment: control.pause(edition, moment, why))


def resume(edition: EditionId, now: Now = None) -> None:
    """Go on with a paused edition where it stopped."""
    _decide(edition, now, lambda control, moment: control.resume(edition, moment))


def send(edition: EditionId, now: Now = None) -> None:
    """Send an edition now, whatever its slot, and wait until it is done."""
    from chalicelib.cli.run_commands import send_all

    with house(now) as runtime:
        Control(runtime.dispatcher.editions).send(_known(runtime, edition), runtime.clock())
        if send_all(runtime, only=edition):
            raise typer.Exit(1)


def _decide(edition: str, now: str | None, decision: Callable[[Control, datetime], Edition]) -> None:
    with house(now) as runtime:
        moved = decision(Control(runtime.dispatcher.editions), runtime.clock())
        if moved.chunks:
            runtime.dispatcher.advance(moved, runtime.clock())
        why = f" ({escape(moved.why)})" if moved.why else ""
        out.print(f"{edition} is {moved.state}{why}; its slot is {local(moved.slot_at, runtime)}")


def _known(runtime: Runtime, edition: str) -> str:
    if "/" not in edition:
        raise UsageError(f"'{edition}' is no edition.", "Name it like community-digest/2026-11-26.")
    return edition
