"""Commands about editions: status, proof, approve, hold, cancel, pause, resume, send."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import typer

from chalicelib.cli.audit_commands import decided
from chalicelib.cli.context import err, escape, house, local, out, print_json
from chalicelib.cli.draft_commands import Json, next_draft
from chalicelib.cli.linting import findings
from chalicelib.cli.reconcile_commands import Yes, sure
from chalicelib.cli.sending import send_all
from chalicelib.cli.showing import (
    edition_rows,
    editions_table,
    gap_row,
    pace_row,
    show_alarms,
    show_gaps,
    show_problems,
    source_rows,
    subscriber_rows,
)
from chalicelib.compose.edition import Content
from chalicelib.compose.editions import Edition
from chalicelib.deliver.alarms import Alarm
from chalicelib.deliver.control import Control
from chalicelib.deliver.pausing import paused
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
    now: Now = None,
) -> None:
    """Editions with their balanced books, subscribers, how the sources are doing, and what was never offered."""
    with house(now) as runtime:
        rows = edition_rows(runtime)
        subscribers = subscriber_rows(runtime)
        sources = source_rows(runtime)
        gaps = runtime.composer.gaps(runtime.clock())
        stopped = paused(runtime.table)
        alarms = runtime.guard.alarms.open(runtime.clock())
        if json:
            print_json({
                "editions": rows, "subscribers": subscribers, "sources": sources,
                "dead_letters": sum(alarm.dead for alarm in alarms),
                "never_offered": [gap_row(gap, runtime.site) for gap in gaps], "paused": str(stopped or ""),
                "alarms": [alarm.as_dict() for alarm in alarms], "pace": pace_row(runtime),
            })  # fmt: skip
            _exit_unless_well(rows, alarms)
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
        show_gaps(gaps, runtime.site)
        if stopped:
            out.print(f"[red]{escape(str(stopped))}[/]")
        for words in pace_row(runtime)["words"]:
            out.print(f"[yellow]{escape(words)}[/]")
        show_alarms(alarms)
        _exit_unless_well(rows, alarms)


def _exit_unless_well(rows: list[dict[str, Any]], alarms: list[Alarm]) -> None:
    """Books that don't balance are never shown as if they did; what waits for a person is no good end either."""
    wrong = [row["id"] for row in rows if not row["balanced"]]
    for name in wrong:
        err.print(f"[bold red]Error:[/] The books of {name} don't balance.")
        err.print("  Nothing more is sent of it. This is a fault of the program or the store: keep the data folder.")
    if wrong or alarms:
        raise typer.Exit(1)


def proof(
    edition: EditionId, to: Annotated[list[str], typer.Option("--to", help="An address; may be repeated.")]
) -> None:
    """Send an edition as it would go out to somebody who should look at it; names what is wrong. Changes nothing."""
    with house() as runtime:
        content = _content(runtime, edition)
        sent = asyncio.run(_send_proofs(runtime, content, to))
        failed = [(address, outcome) for address, outcome in sent if outcome.fate is not Fate.SENT]
        for address, outcome in sent:
            out.print(f"{escape(address)}: {outcome.fate} {escape(outcome.reason)}".rstrip())
        show_problems(findings(runtime, content))
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
        told = runtime.forecast(content.newsletter)
        return await send_proofs(runtime.site, content, to, runtime.transport, runtime.clock(), (), told)
    finally:
        await runtime.transport.aclose()


def approve(edition: EditionId, now: Now = None, yes: Yes = False) -> None:
    """Let an edition go out at its slot (at once where that has passed)."""
    _sure(edition, yes=yes)
    _decide("approve", edition, now, lambda control, moment: control.approve(edition, moment))


def hold(edition: EditionId, why: Why = "", now: Now = None) -> None:
    """Keep an edition back before its first mail."""
    _decide("hold", edition, now, lambda control, moment: control.hold(edition, moment, why), why)


def cancel(edition: EditionId, why: Why = "", now: Now = None) -> None:
    """Never send an edition (further)."""
    _decide("cancel", edition, now, lambda control, moment: control.cancel(edition, moment, why), why)


def pause(edition: EditionId, why: Why = "", now: Now = None) -> None:
    """Stop an edition in mid-send, after the wave in flight."""
    _decide("pause", edition, now, lambda control, moment: control.pause(edition, moment, why), why)


def resume(edition: EditionId, now: Now = None, yes: Yes = False) -> None:
    """Go on with a paused edition where it stopped."""
    _sure(edition, yes=yes)
    _decide("resume", edition, now, lambda control, moment: control.resume(edition, moment))


def send(edition: EditionId, now: Now = None, yes: Yes = False) -> None:
    """Send an edition now, whatever its slot, and wait until it is done."""
    with house(now) as runtime:
        sure(runtime, _known(runtime, edition), yes=yes)
        Control(runtime.dispatcher.editions).send(_known(runtime, edition), runtime.clock())
        decided(runtime, "send", edition)
        if send_all(runtime, only=edition):
            raise typer.Exit(1)


def _decide(
    what: str, edition: str, now: str | None, decision: Callable[[Control, datetime], Edition], why: str = ""
) -> None:
    with house(now) as runtime:
        moved = decision(Control(runtime.dispatcher.editions), runtime.clock())
        decided(runtime, what, edition, why)
        if moved.chunks:
            runtime.dispatcher.advance(moved, runtime.clock())
        why = f" ({escape(moved.why)})" if moved.why else ""
        out.print(f"{edition} is {moved.state}{why}; its slot is {local(moved.slot_at, runtime)}")


def _sure(edition: str, *, yes: bool) -> None:
    """Of an edition that a restore held, a person is told how many would get it."""
    with house() as runtime:
        sure(runtime, edition, yes=yes)


def _known(runtime: Runtime, edition: str) -> str:
    if "/" not in edition:
        raise UsageError(f"'{edition}' is no edition.", "Name it like community-digest/2026-11-26.")
    return edition
