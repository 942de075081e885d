"""The command about dead letters: chunks, notices and events that failed again and again."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table as RichTable

from chalicelib.adapters import MAX_ATTEMPTS
from chalicelib.audience.tokens import MailTokens
from chalicelib.cli.audit_commands import decided
from chalicelib.cli.context import escape, house, out, print_json
from chalicelib.cli.draft_commands import Json
from chalicelib.deliver.redriving import DeadLetter, dead_letters


class Which(StrEnum):
    """The queues."""

    CHUNKS = "chunks"
    NOTICES = "notices"
    EVENTS = "events"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(redrive)


def redrive(
    only_list: Annotated[bool, typer.Option("--list", help="Only show them.")] = False,
    queue: Annotated[Which | None, typer.Option(help="Only those of one queue.")] = None,
    json: Json = False,
) -> None:
    """Show the dead letters and try them again; what still fails comes back to them."""
    with house() as runtime:
        queues = {name: one for name, one in runtime.queues.items() if queue in (None, name)}
        found = dead_letters(queues, runtime.table, runtime.blobs, MailTokens(runtime.secrets), runtime.clock())
        moved = 0
        if found and not only_list:
            moved = sum(queues[name].redrive() for name in dict.fromkeys(one.queue for one in found))
            decided(runtime, "redrive", " ".join(_name(one) for one in found))
        if json:
            print_json({"dead_letters": [one.as_dict() for one in found], "moved": moved})
            return
        if not found:
            out.print("There are no dead letters.")
            return
        _show(found)
        if moved:
            out.print(f"{moved} are tried again from the next tick on, up to {MAX_ATTEMPTS} times.")


def _name(one: DeadLetter) -> str:
    """How the record of decisions calls it."""
    return f"{one.edition}#{one.chunk}" if one.queue == "chunks" else one.queue


def _show(found: list[DeadLetter]) -> None:
    columns = ("queue", "edition", "chunk", "waiting", "what is wrong")
    table = RichTable(*columns, box=None, header_style="bold", pad_edge=False)
    for one in found:
        trouble = one.trouble or "nothing that can be seen from here; the log has its errors"
        chunk = str(one.chunk) if one.chunk >= 0 else ""
        table.add_row(one.queue, escape(one.edition), chunk, str(one.waiting), escape(trouble))
    out.print(table)
