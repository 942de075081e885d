"""Commands about subscribers: add, import, export, show, remove."""

import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from chalicelib.audience.audience import make_member
from chalicelib.audience.exporting import export_csv
from chalicelib.audience.importing import ImportReport, import_csv
from chalicelib.audience.subscriber import Basis
from chalicelib.cli.context import err, escape, house, out, print_json
from chalicelib.cli.draft_commands import Json, find_newsletter
from chalicelib.content.problems import did_you_mean
from chalicelib.errors import UsageError

app = typer.Typer(help="Who gets the newsletters.", no_args_is_help=True)
Newsletter = Annotated[str, typer.Option("--newsletter", help="The newsletter's name.")]
BasisOption = Annotated[Basis, typer.Option("--basis", help="The legal ground, for the record.")]
SHOWN = 20


@app.command()
def add(
    email: str,
    newsletter: Newsletter,
    basis: BasisOption,
    name: Annotated[str, typer.Option(help="How they want to be called.")] = "",
    language: Annotated[str, typer.Option(help="A language of the site.")] = "",
    cadence: Annotated[str, typer.Option(help="One of the newsletter's cadences.")] = "every",
) -> None:
    """Add one person as confirmed, with the ground for it on record."""
    with house() as runtime:
        chosen = find_newsletter(runtime, newsletter)
        if language and language not in runtime.site.languages:
            known = did_you_mean(language, runtime.site.languages)
            raise UsageError(f"Language '{language}' is not one of the site's; {known}.")
        if cadence not in {"every", *chosen.cadences}:
            raise UsageError(f"{newsletter} has no cadence '{cadence}': {did_you_mean(cadence, chosen.cadences)}.")
        member = replace(make_member(runtime.secrets, chosen.name, email, name, language), cadence=cadence)
        result = runtime.audience.subscribe([member], basis, "sendbrief subscribers add", datetime.now(UTC))[0]
        words = {"new": "is subscribed", "changed": "is changed", "same": "was subscribed already"}
        if result not in words:
            left = "has unsubscribed" if result == "unsubscribed" else "is suppressed"
            raise UsageError(f"{email} {left} and is not taken back.", "They can subscribe again by themselves.")
        out.print(f"{escape(member.address)} {words[result]} ({newsletter}).")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV with a column email, and name, language, topics, cadence.")],
    newsletter: Newsletter,
    basis: BasisOption,
    json: Json = False,
) -> None:
    """Import people as confirmed. Rows that can't be used are named; the others are taken. Exits 1 if any."""
    with house() as runtime:
        chosen = find_newsletter(runtime, newsletter)
        columns = (SpinnerColumn(), TextColumn("{task.completed} rows"))
        with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
            task = bar.add_task("import", total=None)
            report = import_csv(
                file, site=runtime.site, newsletter=chosen, basis=basis, audience=runtime.audience,
                secrets=runtime.secrets, now=datetime.now(UTC), progress=lambda rows: bar.update(task, completed=rows),
            )  # fmt: skip
        print_json(asdict(report)) if json else _show(report, file)
    if report.problems:
        raise typer.Exit(1)


def _show(report: ImportReport, file: Path) -> None:
    for problem in report.problems[:SHOWN]:
        out.print(f"{escape(file.name)}:{problem.row}: [yellow]{escape(problem.message)}[/]")
    if len(report.problems) > SHOWN:
        out.print(f"… and {len(report.problems) - SHOWN} more rows with problems (--json lists all)")
    out.print(
        f"{report.read} rows: {report.new} new, {report.changed} changed, {report.same} known already, "
        f"{report.repeated} repeated, {report.kept_out} kept out (left or suppressed), "
        f"{len(report.problems)} with problems"
    )


@app.command("export")
def export_(newsletter: Annotated[str | None, typer.Option("--newsletter", help="Only this one.")] = None) -> None:
    """Write all memberships as CSV to standard output."""
    with house() as runtime:
        names = [find_newsletter(runtime, newsletter).name] if newsletter else list(runtime.site.newsletters)
        export_csv((member for name in names for member in runtime.audience.members(name)), sys.stdout)


@app.command()
def show(email: str, json: Json = False) -> None:
    """All that is known of one person."""
    with house() as runtime:
        profile = runtime.audience.profile(email)
        history = runtime.audience.history(profile.sid)
        if json:
            print_json({**asdict(profile), "newsletters": dict(profile.newsletters), "consent": history})
            return
        out.print(f"[bold]{escape(profile.address)}[/] {escape(profile.name)} {profile.language}".rstrip())
        for newsletter, state in profile.newsletters.items():
            out.print(f"  {newsletter}: {state}")
        for line in history:
            how = escape(line["how"])
            out.print(
                f"  [dim]{line['at'][:19]}[/] {line['action']} {line['newsletter']} {line['basis']} {how}".rstrip()
            )


@app.command()
def remove(email: str) -> None:
    """Take a person out altogether: memberships, profile and evidence."""
    with house() as runtime:
        runtime.audience.remove(email)
        out.print(f"{escape(email)} is removed.")
