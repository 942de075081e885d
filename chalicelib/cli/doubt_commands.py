"""The command about mails of which nobody knows whether they went out."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table as RichTable

from chalicelib.cli.audit_commands import decided
from chalicelib.cli.context import err, escape, house, local, out, print_json
from chalicelib.cli.draft_commands import Json
from chalicelib.deliver.doubts import Doubt, Doubts, Place, read_places
from chalicelib.deliver.evidence import look_in_folder, look_in_log
from chalicelib.deliver.maillog import Evidence
from chalicelib.errors import ConfigurationError, UsageError
from chalicelib.runtime import Runtime

EditionId = Annotated[str, typer.Argument(metavar="EDITION", help="Like community-digest/2026-11-26.")]
SHOWN = 50


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doubt)


def doubt(
    edition: EditionId,
    look: Annotated[bool, typer.Option("--look", help="Look for evidence: mail log, sent folder.")] = False,
    resend: Annotated[list[str] | None, typer.Option(metavar="ID", help="Write to them again: 3.117, or all.")] = None,
    leave: Annotated[list[str] | None, typer.Option(metavar="ID", help="Let it be: 3.117, or all.")] = None,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    json: Json = False,
) -> None:
    """Who is in doubt of an edition: their mail was handed over, perhaps. Nobody is written to again by itself."""
    if (resend or leave) and not reason.strip():
        raise UsageError("A decision needs its reason.", "Add --reason 'their server lost its mail'.")
    if resend and leave:
        raise UsageError("--resend and --leave at once are two decisions.", "Make them one after the other.")
    with house() as runtime:
        doubts = Doubts(runtime.site, runtime.table, runtime.blobs, runtime.secrets)
        settled = _look(runtime, doubts, edition) if look else 0
        known = list(doubts.of(edition))
        count = _decide(runtime, doubts, edition, known, resend, leave, reason) if resend or leave else 0
        known = list(doubts.of(edition)) if count else known
        if json:
            rows = [one.as_dict() for one in known]
            print_json({"edition": edition, "settled": settled, "decided": count, "doubts": rows})
        else:
            _show(runtime, known, settled, count if resend else 0)


def _decide(
    runtime: Runtime, doubts: Doubts, edition: str, known: list[Doubt], resend: list[str] | None,
    leave: list[str] | None, reason: str,
) -> int:  # fmt: skip
    texts = resend or leave or []
    places = read_places(texts, {one.place for one in known if resend or not one.left or "all" not in texts})
    count = doubts.decide(edition, places, resend=bool(resend), why=reason, now=runtime.clock())
    about = f"{edition} {' '.join(f'{chunk}.{position}' for chunk, position in places)}"
    decided(runtime, "resend" if resend else "leave", about, reason)
    return count


def _look(runtime: Runtime, doubts: Doubts, edition: str) -> int:
    """Evidence of all places that are set up; of two the ledger keeps the stronger."""
    log = runtime.settings.mail_log
    folder = runtime.deciphered(runtime.settings.sent_folder, "SENDBRIEF_SENT_FOLDER")
    if log is None and not folder:
        raise ConfigurationError(
            "There is nowhere to look.",
            "Set SENDBRIEF_MAIL_LOG to the mail server's log, or SENDBRIEF_SENT_FOLDER to a folder with a copy of all.",
        )
    known, settled = list(doubts.of(edition)), 0
    found: list[Mapping[Place, Evidence]] = []
    if known and log is not None:
        found.append(look_in_log(log, edition, known, runtime.secrets))
    if known and folder:
        found.append(look_in_folder(folder, edition, [one.place for one in known]))
    for evidence in found:
        settled += doubts.settle(edition, evidence)
    return settled


def _show(runtime: Runtime, known: list[Doubt], settled: int, resent: int) -> None:
    if settled:
        out.print(f"{settled} were settled by evidence.")
    if resent:
        out.print(f"{resent} are written to again by the next tick.")
    if not known:
        out.print("Nobody is in doubt.")
        return
    table = RichTable("id", "address", "since", "why", "Message-ID", box=None, header_style="bold", pad_edge=False)
    for one in known[:SHOWN]:
        since = local(datetime.fromisoformat(one.since), runtime) if one.since else ""
        table.add_row(one.id, escape(one.address or "(not known any more)"), since, escape(one.why), one.message_id)
    out.print(table)
    if len(known) > SHOWN:
        out.print(f"… and {len(known) - SHOWN} more; --json lists all.")
    if any(not one.left for one in known):
        err.print("--look searches for evidence; --resend or --leave, with --reason, decides.")
