"""The command that answers what somebody got, and why not."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table as RichTable

from chalicelib.cli.context import escape, house, local, out, print_json
from chalicelib.cli.draft_commands import Json
from chalicelib.deliver.whois import Whois
from chalicelib.errors import NotFoundError
from chalicelib.runtime import Runtime


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(who)


def who(
    email: Annotated[str, typer.Argument(metavar="ADDRESS", help="Also one from before a change.")], json: Json = False
) -> None:
    """What somebody got in the last year, and why not: editions with their outcomes, and what stops their mail."""
    with house() as runtime:
        now = runtime.clock()
        whois = Whois(runtime.site, runtime.table, runtime.blobs, runtime.secrets)
        story = whois.story(runtime.audience.sid(email), email, now)
        if not story.known:
            raise NotFoundError(f"Nothing is known of {email}.")
        found = story.as_dict(now)
        if json:
            print_json(found)
        else:
            _show(found, email, runtime)


def _show(found: Mapping[str, Any], email: str, runtime: Runtime) -> None:
    out.print(f"[bold]{escape(found['address'] or email)}[/] {escape(found['name'])} {found['language']}".rstrip())
    if stop := found["suppression"]:
        words = " ".join(part for part in (stop["reason"], stop["note"], stop["by"]) if part)
        whose = f" ({stop['who']})" if stop["who"].startswith("@") else ""
        out.print(f"[red]Gets no mail[/] since {_when(stop['at'], runtime)}: {escape(words)}{escape(whose)}")
    if bounces := found["soft_bounces"]:
        out.print(f"Came back lately, though the mailbox is there: {len(bounces)}, last {_when(bounces[-1], runtime)}")
    for one in found["memberships"]:
        topics = "all topics" if one["topics"] is None else f"topics {' '.join(one['topics'])}"
        zone = f", {one['zone']}" if one["zone"] else ""
        why = f"[yellow]{escape(one['why_not'])}[/]" if one["why_not"] else "[green]gets it[/]"
        out.print(f"{escape(one['newsletter'])}: {why}, {one['cadence']}, {topics}{zone}")
    if not found["editions"]:
        out.print("No edition of their newsletters went out in the last year.")
        return
    table = RichTable("edition", "slot", "outcome", "why", "Message-ID", box=None, header_style="bold", pad_edge=False)
    for row in found["editions"]:
        heard = [f"{note['kind']} {_when(note['at'], runtime)}" for note in row["heard"]]
        why = "; ".join(part for part in (row["reason"], *heard) if part)
        cells = (row["edition"], _when(row["at"], runtime), row["outcome"], why, row["message_id"])
        table.add_row(*map(escape, cells))
    out.print(table)


def _when(moment: str, runtime: Runtime) -> str:
    return local(datetime.fromisoformat(moment), runtime)
