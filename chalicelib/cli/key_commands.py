"""Commands about keys of the API: create, list, revoke."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table as RichTable

from chalicelib.audience.address import clean_name
from chalicelib.cli.context import err, escape, house, out, print_json
from chalicelib.cli.draft_commands import Json
from chalicelib.content.problems import did_you_mean
from chalicelib.errors import UsageError
from chalicelib.web.api.keys import ApiKey, Keys
from chalicelib.web.api.table import SCOPES

app = typer.Typer(help="Keys that other programs call the API with.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Option("--name", help="Which program it is for.")],
    scope: Annotated[list[str], typer.Option("--scope", help=f"What it may do; repeat it. {', '.join(SCOPES)}.")],
    json: Json = False,
) -> None:
    """Make a key. It is shown this once, and kept only as a hash."""
    for one in scope:
        if one not in SCOPES:
            raise UsageError(f"'{one}' is no scope; {did_you_mean(one, SCOPES)}.")
    called = clean_name(name)
    if not called:
        raise UsageError("The key needs a name.", "Say which program it is for: --name CRM.")
    with house() as runtime:
        key, text = Keys(runtime.table).create(called, scope, runtime.clock())
        if json:
            print_json({**_row(key), "key": text})
            return
        out.print(text, markup=False)
        err.print(
            f"The key {key.id} of {escape(key.name)} may: {', '.join(sorted(key.scopes))}. It is not shown again."
        )


@app.command("list")
def list_(json: Json = False) -> None:
    """The keys there are, without their secrets."""
    with house() as runtime:
        keys = Keys(runtime.table).all()
        if json:
            print_json({"keys": [_row(key) for key in keys]})
            return
        table = RichTable("id", "name", "scopes", "created", "last used", box=None)
        for key in keys:
            table.add_row(key.id, escape(key.name), " ".join(sorted(key.scopes)), key.created[:10], key.used or "never")
        out.print(table if keys else "No key yet. Make one with 'sendbrief keys create'.")


@app.command()
def revoke(key: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as 'keys list' shows it.")]) -> None:
    """Take a key away, at once and for good."""
    with house() as runtime:
        gone = Keys(runtime.table).revoke(key)
        out.print(f"The key {gone.id} of {escape(gone.name)} opens nothing any more.")


def _row(key: ApiKey) -> dict[str, object]:
    return {**asdict(key), "scopes": sorted(key.scopes)}
