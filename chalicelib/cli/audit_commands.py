"""The command that shows what was decided, and how decisions made by commands come on record."""

import os
import pwd
from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table as RichTable

from chalicelib.cli.context import escape, house, local, out, print_json
from chalicelib.cli.draft_commands import Json
from chalicelib.clock import system_clock
from chalicelib.content.moments import parse_moment
from chalicelib.deliver.audit import note, noted
from chalicelib.errors import UsageError
from chalicelib.runtime import Runtime

MONTH = timedelta(days=31)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(audit)


def decided(runtime: Runtime, what: str, about: str, why: str = "") -> None:
    """Put a decision on record, with whose command it was, and when it really was: ``--now`` moves no record."""
    note(runtime.table, system_clock(), user(), what, about, why)


def user() -> str:
    """Whose process this is, by the system's word: not what the environment says."""
    number = os.geteuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def _moment(text: str, runtime: Runtime) -> datetime:
    try:
        return parse_moment(text, runtime.site.time_zone)[0]
    except ValueError as error:
        raise UsageError(f"--since: {error}.") from None


def audit(
    since: Annotated[str, typer.Option(help="From this moment or day on (ISO); usually a month back.")] = "",
    json: Json = False,
) -> None:
    """Who decided what about editions, and why: approvals, stops, resends, also those of the brake and the API."""
    with house() as runtime:
        now = system_clock()
        start = _moment(since, runtime) if since else now - MONTH
        rows = list(noted(runtime.table, start, now))
        if json:
            print_json({"noted": [row.as_dict() for row in rows]})
            return
        table = RichTable("when", "who", "what", "about", "why", box=None, header_style="bold", pad_edge=False)
        for row in rows:
            when = local(datetime.fromisoformat(row.at), runtime)
            table.add_row(when, escape(row.who), row.what, escape(row.about), escape(row.why))
        out.print(table if rows else "Nothing was decided.")
