"""The command that looks whether mails of this site can go out, arrive, and be heard of."""

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from chalicelib.cli.context import Options, escape, house, out, print_json
from chalicelib.cli.draft_commands import Json
from chalicelib.errors import UsageError

MAX_MAIL = 25_000_000
_MARKS = {
    "ok": "[green]✓[/]",
    "note": "[blue]i[/]",
    "warn": "[yellow]![/]",
    "error": "[red]✗[/]",
    "skipped": "[dim]–[/]",
}


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(doctor)


def doctor(
    offline: Annotated[bool, typer.Option(help="Look only at what needs no network.")] = False,
    events: Annotated[bool, typer.Option(help="Send to SES's simulator, and wait for the events.")] = False,
    wait: Annotated[float, typer.Option(help="Seconds to wait for them.", min=1, max=900)] = 120.0,
    mail: Annotated[Path | None, typer.Option(help="A mail of an edition that arrived, as a file.")] = None,
    dkim_selector: Annotated[list[str] | None, typer.Option(help="Selector of your DKIM key; may be repeated.")] = None,
    blocklist: Annotated[list[str] | None, typer.Option(help="A blocklist's zone; may be repeated.")] = None,
    nameserver: Annotated[str | None, typer.Option(help="Ask this nameserver: ADDRESS or ADDRESS:PORT.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show what is well, and what was seen.")] = False,
    json: Json = False,
) -> None:
    """Look whether mails can go out, arrive and be heard of; each finding says what to do. Changes nothing."""
    from chalicelib.doctor.examining import Wishes, examine

    wishes = Wishes(
        offline=offline, events=events, wait=wait, mail=_read(mail), selectors=tuple(dkim_selector or ()),
        blocklists=tuple(blocklist or ()), nameservers=_nameservers(nameserver),
    )  # fmt: skip
    with house() as runtime:
        wishes = replace(wishes, stage=Options.stage, outputs=_outputs(Options.stage))
        rows = [finding.as_dict() for finding in examine(runtime, wishes)]
    if json:
        print_json(rows)
    else:
        show(rows, verbose=verbose)
    if any(row["severity"] == "error" for row in rows):
        raise typer.Exit(1)


def _outputs(stage: str) -> dict[str, str]:
    """What the stack of a stage says of itself. Raises DeploymentError."""
    if not stage:
        return {}
    from chalicelib.cloud.stages import read_stage

    return read_stage(stage).outputs


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            return file.read(MAX_MAIL)
    except OSError as error:
        raise UsageError(
            f"{path} can't be read: {error.strerror}.", "Save a mail as a file (.eml), and name it."
        ) from None


def _nameservers(text: str | None) -> Any:
    """An address, with a port behind a colon where it is not 53; IPv6 without one, or in brackets."""
    from ipaddress import ip_address

    from chalicelib.doctor.nameservers import Nameservers

    if text is None:
        return Nameservers()
    host, _, port = text.rpartition(":") if text.count(":") == 1 or "]" in text else (text, "", "53")
    try:
        return Nameservers([str(ip_address(host.strip("[]")))], int(port))
    except ValueError:
        raise UsageError(f"'{text}' is no nameserver.", "Write its address, like 9.9.9.9 or 127.0.0.1:5353.") from None


def show(rows: list[dict[str, str]], *, verbose: bool) -> None:
    """Topic by topic; of topics in which all is well one line, unless ``verbose``."""
    for topic, group in itertools.groupby(rows, key=lambda row: row["topic"]):
        of_topic = list(group)
        shown = [row for row in of_topic if verbose or row["severity"] != "ok"]
        well = len(of_topic) - len(shown)
        heading = f"{topic:12}"
        if not shown:
            out.print(f"[bold]{heading}[/] {_MARKS['ok']} {escape(_all_well(of_topic))}")
            continue
        for row in shown:
            _show_row(heading, row, verbose=verbose)
            heading = " " * 12
        if well:
            verb = "is" if well == 1 else "are"
            out.print(f"{heading} [dim]{_MARKS['ok']} {well} more {verb} well[/]")
    _sum_up(rows)


def _all_well(rows: list[dict[str, str]]) -> str:
    return rows[0]["what"] if len(rows) == 1 else f"all {len(rows)} are well"


def _show_row(heading: str, row: dict[str, str], *, verbose: bool) -> None:
    out.print(f"[bold]{heading}[/] {_MARKS[row['severity']]} {escape(row['what'])}")
    for words in (row["do"], f"seen: {row['evidence']}" if verbose and row["evidence"] else ""):
        if words:
            out.print(
                f"{'':14} [dim]→[/] {escape(words)}" if words == row["do"] else f"{'':14} [dim]{escape(words)}[/]"
            )


def _sum_up(rows: list[dict[str, str]]) -> None:
    words = {"error": "error{s}", "warn": "warning{s}", "note": "note{s}", "skipped": "not looked at", "ok": "well"}
    counts = {severity: sum(row["severity"] == severity for row in rows) for severity in words}
    told = [f"{count} {words[name].format(s='s' * (count != 1))}" for name, count in counts.items() if count]
    out.print(", ".join(told) + ".")
