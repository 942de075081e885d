"""Commands that take subscribers in and out as files: subscribers import, subscribers export."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from chalicelib.audience.exporting import ExportFormat, export
from chalicelib.audience.import_formats import Format, Opened
from chalicelib.audience.import_reading import shown
from chalicelib.audience.importing import ImportJob, ImportReport, import_people
from chalicelib.audience.importing import Progress as Told
from chalicelib.audience.looking import LookingTable
from chalicelib.audience.segments import matching
from chalicelib.audience.subscriber import Basis, Membership
from chalicelib.cli.context import err, escape, house, out, print_json
from chalicelib.cli.draft_commands import Json, find_newsletter
from chalicelib.content.segment_reading import parse_segment, vocabulary_of

SHOWN = 20
Newsletter = Annotated[str, typer.Option("--newsletter", help="The newsletter's name.")]
BasisOption = Annotated[Basis, typer.Option("--basis", help="The legal ground, for the record.")]
Map = Annotated[list[str], typer.Option("--map", metavar="COLUMN=FIELD", help="What a column says; may be repeated.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("import")(import_)
    app.command("export")(export_)


def import_(
    file: Annotated[Path, typer.Argument(help="CSV, JSON, a zip of them, or a list of addresses.")],
    newsletter: Newsletter,
    basis: BasisOption,
    written: Annotated[Format | None, typer.Option("--format", help="Not to be guessed.")] = None,
    chosen: Map = [],  # noqa: B006 (typer copies it)
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    json: Json = False,
) -> None:
    """Import people as confirmed. Rows that can't be used are named; the others are taken. Exits 1 if any."""
    with house() as runtime:
        chosen_newsletter = find_newsletter(runtime, newsletter)
        job = ImportJob(
            file, runtime.site, chosen_newsletter, basis, runtime.secrets, datetime.now(UTC), written, chosen
        )
        opened = job.open()
        if not json:
            _show_mapping(job, opened)
        table = LookingTable(runtime.table) if dry_run else runtime.table
        with _bar(opened) as progress:
            report = import_people(job, table, opened=opened, progress=progress)
        print_json(_row(job, opened, report, dry_run=dry_run)) if json else _show(report, dry_run=dry_run)
    if report.problem_count:
        raise typer.Exit(1)


@contextmanager
def _bar(opened: Opened) -> Iterator[Told]:
    words = "{task.fields[rows]:,} rows, {task.fields[rate]:,.0f}/s"
    columns = (TextColumn("import"), BarColumn(), TextColumn(words), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("import", total=opened.size, rows=0, rate=0.0)
        begun = time.monotonic()

        def told(read: int, rows: int) -> None:
            bar.update(task, completed=read, rows=rows, rate=rows / max(time.monotonic() - begun, 0.001))

        yield told


def _row(job: ImportJob, opened: Opened, report: ImportReport, *, dry_run: bool) -> dict[str, Any]:
    files = []
    for part in opened.parts:
        mapped = job.mapped(part)
        files.append({
            "name": part.name, "format": part.written, "of": part.flavour, "columns": dict(mapped.fields),
            "unused": [*mapped.unused, *mapped.ips],
        })  # fmt: skip
    return {**asdict(report), "dry_run": dry_run, "files": files}


def _show_mapping(job: ImportJob, opened: Opened) -> None:
    for part in opened.parts:
        mapped = job.mapped(part)
        whose = f" as {part.flavour} exports it" if part.flavour else ""
        out.print(f"{escape(part.name)}: {part.written}{whose}")
        for column, what in mapped.fields.items():
            out.print(f"  {_named(column)} → {what}" + (":…" if what.startswith("mark:") else ""))
        if mapped.unused:
            more = f" and {len(mapped.unused) - SHOWN} more" if len(mapped.unused) > SHOWN else ""
            out.print(f"  [dim]not used: {', '.join(map(_named, mapped.unused[:SHOWN]))}{more}[/]")
        if mapped.ips:
            out.print(f"  [dim]never taken over: {', '.join(map(_named, mapped.ips[:SHOWN]))}[/]")


def _named(column: str) -> str:
    return escape(shown(column[:60]))


_TOLD = (
    ("repeated", "repeated"),
    ("kept_out", "kept out (left, suppressed or moved here)"),
    ("left", "left there"),
    ("unconfirmed", "not confirmed there"),
    ("suppressed", "never to be written to"),
    ("elsewhere", "of another newsletter (take them with --map newsletter=)"),
    ("done_before", "done before it was cut off"),
)


def _show(report: ImportReport, *, dry_run: bool) -> None:
    for problem in report.problems[:SHOWN]:
        out.print(f"{escape(problem.file)}:{problem.row}: [yellow]{escape(problem.message)}[/]")
    if report.problem_count > SHOWN:
        out.print(f"… and {report.problem_count - SHOWN} more problems (--json lists the first thousand)")
    figures = asdict(report)
    told = [f"{figures[name]} {words}" for name, words in _TOLD if figures[name]]
    out.print(
        ", ".join((f"{report.read} rows: {report.new} new", f"{report.changed} changed", f"{report.same} known already",
                   *told, f"{report.problem_count} problems"))
    )  # fmt: skip
    if dry_run:
        out.print("Nothing was changed: that is what an import would do.")


def export_(
    newsletter: Annotated[str | None, typer.Option("--newsletter", help="Only this one.")] = None,
    written: Annotated[ExportFormat, typer.Option("--format", help="csv, json, jsonl or listmonk.")] = ExportFormat.CSV,
    where: Annotated[str | None, typer.Option(help="Only whom a filter matches, in whatever state.")] = None,
) -> None:
    """Write all memberships to standard output: CSV, JSON, or what listmonk imports."""
    with house() as runtime:
        site = runtime.site
        names = [find_newsletter(runtime, newsletter).name] if newsletter else list(site.newsletters)
        members: Iterator[Membership] = (member for name in names for member in runtime.audience.members(name))
        if where is not None:
            segment = parse_segment(where, vocabulary=vocabulary_of(site))
            members = matching(members, segment, runtime.clock(), site.time_zone)
        export(members, sys.stdout, written)
