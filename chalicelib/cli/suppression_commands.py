"""Commands about who is never written to: list, add, lift, import."""

import getpass
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from chalicelib.audience.importing import read_addresses
from chalicelib.audience.subscriber import profile_key
from chalicelib.audience.suppression import Reason, Suppression, domain_name
from chalicelib.cli.context import escape, house, local, out, print_json
from chalicelib.cli.draft_commands import Json
from chalicelib.errors import AddressError, NotFoundError, UsageError
from chalicelib.runtime import Runtime

app = typer.Typer(help="Who is never written to, in any newsletter.", no_args_is_help=True)
Whom = Annotated[str, typer.Argument(metavar="ADDRESS", help="An address, or @example.org for a whole domain.")]
ENTERED = (Reason.MANUAL, Reason.COMPLAINT, Reason.BOUNCE)
ReasonOption = Annotated[Reason, typer.Option("--reason", help="manual, complaint or bounce.")]
Note = Annotated[str, typer.Option("--note", help="For the record; no more of the person than is needed.")]
SHOWN, BATCH = 20, 100


@dataclass(slots=True)
class Taken:
    """What an import of suppressions did. ``problems`` are rows, from 1, with what is wrong."""

    read: int = 0
    added: int = 0
    same: int = 0
    problems: list[dict[str, Any]] = field(default_factory=list)


@app.command("list")
def list_(json: Json = False) -> None:
    """Everybody who is never written to, with why and since when; addresses where they are known."""
    with house() as runtime:
        if json:
            print_json([{**asdict(one), "address": address} for one, address in _named(runtime)])
            return
        for one, address in _named(runtime):
            note = ", ".join(word for word in (one.note, one.by) if word)
            when = local(datetime.fromisoformat(one.at), runtime)
            out.print(f"{escape(address or one.who)}  {one.reason} since {when}  [dim]{escape(note)}[/]".rstrip())


def _named(runtime: Runtime) -> Iterator[tuple[Suppression, str]]:
    """Each with its address, '' where nothing else is stored of the person."""
    found = runtime.suppressions.all()
    while batch := list(islice(found, BATCH)):
        people = runtime.table.get_many([profile_key(one.who) for one in batch if not one.who.startswith("@")])
        for one in batch:
            item = people.get(profile_key(one.who))
            yield one, str(item.data["address"]) if item else ""


@app.command()
def add(address: Whom, reason: ReasonOption = Reason.MANUAL, note: Note = "") -> None:
    """Never write to an address, or to anybody of a domain, until somebody lifts it."""
    _check(reason)
    with house() as runtime:
        new = _add(runtime, address, reason, note)
        out.print(f"{escape(address)} {'is never written to from now on' if new else 'was suppressed already'}.")


def _check(reason: Reason) -> None:
    if reason not in ENTERED:
        raise UsageError(f"The reason '{reason}' can't be entered.", f"Take {', '.join(map(str, ENTERED))}.")


def _add(runtime: Runtime, address: str, reason: Reason, note: str) -> bool:
    now, by = runtime.clock(), _entered_by()
    if address.strip().startswith("@"):
        return runtime.suppressions.add_domain(address, now, note=note, by=by)
    return runtime.suppressions.add(runtime.audience.sid(address), reason, now, note=note, by=by)


@app.command()
def lift(
    address: Whom, why: Annotated[str, typer.Option("--why", help="What happened since: it goes into the evidence.")]
) -> None:
    """Take a suppression back, with why on record."""
    if not why.strip():
        raise UsageError("--why is empty.", "Say what happened since, like --why 'asked by mail of 3 May'.")
    with house() as runtime:
        who = f"@{domain_name(address)}" if address.strip().startswith("@") else runtime.audience.sid(address)
        try:
            lifted = runtime.suppressions.lift(who, runtime.clock(), why=why.strip(), by=_entered_by())
        except NotFoundError:
            raise NotFoundError(
                f"{address} is not suppressed.", "'sendbrief suppressions list' shows who is."
            ) from None
        out.print(f"{escape(address)} may be written to again; it was suppressed as '{lifted.reason}'.")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="Addresses or @domains: one a line, or a column of CSV or JSON.")],
    reason: ReasonOption = Reason.MANUAL,
    note: Note = "",
    json: Json = False,
) -> None:
    """Suppress each address of a file. Rows that can't be used are named; the others are taken."""
    _check(reason)
    with house() as runtime:
        taken = Taken()
        for row, found in read_addresses(file):
            taken.read += 1
            try:
                if isinstance(found, AddressError):
                    raise found
                new = _add(runtime, found, reason, note or f"import of {file.name}")
            except AddressError as error:
                taken.problems.append({"row": row, "message": error.message})
                continue
            taken.added, taken.same = taken.added + new, taken.same + (not new)
        print_json(asdict(taken)) if json else _tell(taken, file)
    if taken.problems:
        raise typer.Exit(1)


def _tell(taken: Taken, file: Path) -> None:
    for problem in taken.problems[:SHOWN]:
        out.print(f"{escape(file.name)}:{problem['row']}: [yellow]{escape(problem['message'])}[/]")
    if len(taken.problems) > SHOWN:
        out.print(f"… and {len(taken.problems) - SHOWN} more rows with problems (--json lists all)")
    out.print(
        f"{taken.read} rows: {taken.added} suppressed, {taken.same} were already, {len(taken.problems)} with problems"
    )


def _entered_by() -> str:
    """The name of whoever sits at this machine, '' where it has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
