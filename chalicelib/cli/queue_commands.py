"""The command about dead letters: chunks that failed again and again."""

from typing import Annotated

import typer
from rich.table import Table as RichTable

from chalicelib.adapters import MAX_ATTEMPTS
from chalicelib.cli.audit_commands import decided
from chalicelib.cli.context import escape, house, out, print_json
from chalicelib.cli.draft_commands import Json
from chalicelib.deliver.redriving import examined


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(redrive)


def redrive(
    only_list: Annotated[bool, typer.Option("--list", help="Only show them.")] = False, json: Json = False
) -> None:
    """Show the dead letters and try them again; what still fails comes back to them."""
    with house() as runtime:
        found = [examined(body, runtime.table, runtime.blobs) for body in runtime.queue.dead()]
        moved = 0
        if found and not only_list:
            moved = runtime.queue.redrive()
            decided(runtime, "redrive", " ".join(f"{one.edition}#{one.chunk}" for one in found))
        if json:
            print_json({"dead_letters": [one.as_dict() for one in found], "moved": moved})
            return
        if not found:
            out.print("There are no dead letters.")
            return
        table = RichTable("edition", "chunk", "waiting", "what is wrong", box=None, header_style="bold", pad_edge=False)
        for one in found:
            trouble = one.trouble or "nothing that can be seen from here; the log has its errors"
            table.add_row(escape(one.edition), str(one.chunk), str(one.waiting), escape(trouble))
        out.print(table)
        if moved:
            out.print(f"{moved} are tried again from the next tick on, up to {MAX_ATTEMPTS} times.")
