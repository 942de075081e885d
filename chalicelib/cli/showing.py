"""What results look like: rows for programs, tables and lines for people."""

import time
from collections import Counter
from datetime import datetime
from typing import Any

from rich.table import Table as RichTable

from chalicelib.cli.context import err, escape, out
from chalicelib.clock import iso
from chalicelib.collect.collector import SourceReport
from chalicelib.collect.entry import Entry
from chalicelib.collect.health import HealthStore
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition
from chalicelib.compose.gaps import OLD, Gap
from chalicelib.content.values import Problem, Severity, Site
from chalicelib.deliver.alarms import Alarm
from chalicelib.deliver.books import Books
from chalicelib.deliver.course import Course, load_course
from chalicelib.deliver.progress import Progress, progress_of
from chalicelib.deliver.ticking import TickReport
from chalicelib.runtime import Runtime

MOST_PROBLEMS = 10
_ALWAYS = ("planned", "sent")
_IF_ANY = ("pending", "skipped", "failed", "bounced", "deferred", "in_doubt", "complained")


def problem_row(problem: Problem) -> dict[str, Any]:
    """A problem for programs."""
    return {
        "file": problem.file,
        "line": problem.line,
        "code": problem.code,
        "severity": str(problem.severity),
        "message": problem.message,
    }


def show_problems(problems: list[Problem]) -> None:
    """Problems for people: file:line, what, what to do."""
    for p in problems:
        colour = "red" if p.severity is Severity.ERROR else "yellow"
        place = f"{p.file}:{p.line}" if p.line else p.file
        out.print(f"{escape(place)}: [{colour}]{p.severity}[/] {escape(p.message)} [dim]\\[{p.code}][/]")


def report_row(report: SourceReport) -> dict[str, Any]:
    """What became of a source, for programs."""
    return {
        "source": report.source,
        "outcome": report.outcome,
        "entries": report.health.entries,
        "new": report.changes.new,
        "changed": report.changes.changed,
        "withdrawn": report.changes.withdrawn,
        "error": report.health.error,
        "next_try": iso(report.health.next_try),
        "moved_to": report.health.moved_to,
        "why": report.why,
        "problems": [problem_row(problem) for problem in report.problems],
    }


def source_line(report: SourceReport) -> str:
    """What became of a source, for people."""
    if report.outcome == "failed":
        return f"[red]✗[/] {report.source}: {escape(report.health.error)}"
    if report.outcome == "waiting":
        return f"[yellow]…[/] {report.source}: {escape(report.why)}"
    changes = report.changes
    what = f"{changes.new} new, {changes.changed} changed, {changes.withdrawn} withdrawn"
    moved = f"; {moved_words(report.health.moved_to)}" if report.health.moved_to else ""
    return f"[green]✓[/] {report.source}: {report.health.entries} entries, {what}{escape(moved)}"


def moved_words(address: str) -> str:
    """What to do about a source that has moved for good."""
    return f"has moved to {address}: write that in site.yaml"


def source_rows(runtime: Runtime) -> list[dict[str, Any]]:
    """The health of all sources, for programs."""
    site = runtime.site
    healths = HealthStore(runtime.table).load([source.name for source in site.sources])
    return [
        {
            "name": source.name,
            "kind": str(source.kind),
            "location": source.location,
            "state": healths[source.name][0].state,
            "entries": healths[source.name][0].entries,
            "checked": iso(healths[source.name][0].checked),
            "error": healths[source.name][0].error,
            "failures": healths[source.name][0].failures,
            "next_try": iso(healths[source.name][0].next_try),
            "moved_to": healths[source.name][0].moved_to,
        }
        for source in site.sources
    ]


def _source_state(error: str, checked: datetime | None) -> str:
    if checked is None:
        return "never read"
    return "failing" if error else "well"


def edition_rows(runtime: Runtime) -> list[dict[str, Any]]:
    """All editions with their books, oldest first, for programs."""
    dispatcher = runtime.dispatcher
    editions = [edition for name in runtime.site.newsletters for edition in dispatcher.editions.of(name)]
    return [edition_row(e, dispatcher.count(e), runtime) for e in sorted(editions, key=lambda e: e.slot)]


def edition_row(edition: Edition, books: Books, runtime: Runtime) -> dict[str, Any]:
    """One edition for programs."""
    course = load_course(runtime.table, edition.id) if edition.state is State.SENDING else Course()
    progress = progress_of(edition, books, course, runtime.clock()) or Progress(0, 0)
    return {
        "id": edition.id,
        "newsletter": edition.newsletter,
        "slot": edition.slot,
        "slot_at": edition.slot_at.isoformat(),
        "state": str(edition.state),
        "why": edition.why,
        "entries": len(edition.entries),
        "lacks": list(edition.lacks),
        "balanced": books.balanced,
        **books.as_dict(),
        **progress.as_dict(),
    }


def editions_table(rows: list[dict[str, Any]]) -> RichTable:
    """Editions and their books for people; a column that is 0 everywhere is left out."""
    table = RichTable(box=None, header_style="bold", pad_edge=False)
    table.add_column("edition", no_wrap=True)
    table.add_column("state")
    columns = [*_ALWAYS, *(name for name in _IF_ANY if any(row[name] for row in rows))]
    for name in columns:
        table.add_column(name.replace("_", " "), justify="right")
    table.add_column("")
    for row in rows:
        table.add_row(row["id"], row["state"], *(str(row[name]) for name in columns), _why(row))
    return table


def _why(row: dict[str, Any]) -> str:
    """Why an edition stands where it stands; of one that is still to go out also what it lacks."""
    open_still = row["state"] in {"draft", "approved", "held"}
    lacks = [f"missing: {lack}" for lack in row["lacks"]] if open_still else []
    return escape("; ".join(filter(None, [row["why"], _progress(row), *lacks])))


def _progress(row: dict[str, Any]) -> str:
    """How far it is, while it is being sent."""
    if row["state"] != "sending" or not row["planned"]:
        return ""
    settled = row["planned"] - row["pending"] - row["deferred"]
    return str(Progress(settled, row["planned"], row["per_second"], row["waits"]))


def pace_row(runtime: Runtime) -> dict[str, Any]:
    """The pace as far as it is known, for programs; ``words`` are for people too."""
    status = runtime.pacing.status(time.time())
    return {"per_second": status.per_second, "per_day": status.per_day, "today": status.today,
            "words": list(status.words)}  # fmt: skip


def show_alarms(alarms: list[Alarm]) -> None:
    """What waits for a person, and what to do about it."""
    for alarm in alarms:
        err.print(f"[bold red]Alarm:[/] {escape(alarm.words)}")
        for command in alarm.commands:
            err.print(f"  {escape(command)}")


def subscriber_rows(runtime: Runtime) -> dict[str, dict[str, int]]:
    """How many members each newsletter has, by state."""
    return {
        name: dict(Counter(str(member.state) for member in runtime.audience.members(name)))
        for name in runtime.site.newsletters
    }


def tick_row(report: TickReport, runtime: Runtime) -> dict[str, Any]:
    """What a tick did, for programs."""
    dispatcher = runtime.dispatcher
    return {
        "sources": [report_row(source) for source in report.sources],
        "editions": [edition_row(e, dispatcher.books(e), runtime) for e in report.editions.values()],
        "proofs": report.proofs,
        "troubles": report.troubles,
    }


def show_tick(report: TickReport, runtime: Runtime) -> None:
    """What a tick did, for people."""
    _show_most(sorted({problem for source in report.sources for problem in source.problems}))
    dispatcher = runtime.dispatcher
    rows = [edition_row(edition, dispatcher.books(edition), runtime) for edition in report.editions.values()]
    if rows:
        out.print(editions_table(rows))
    else:
        out.print("Nothing is due.")
    for proof in report.proofs:
        out.print(f"The proof of {proof} went to the editors.")
    show_troubles(report.troubles)


def _show_most(problems: list[Problem]) -> None:
    """What a tick's log should hold of the content's problems: sources that fail, and files with errors."""
    grave = [p for p in problems if p.severity is Severity.ERROR or p.code == "source"]
    show_problems(grave[:MOST_PROBLEMS])
    rest = len(problems) - len(grave[:MOST_PROBLEMS])
    if rest:
        out.print(f"[dim]{rest} more problems of the content; 'sendbrief check' lists all.[/]")


def show_troubles(troubles: list[str]) -> None:
    """What needs a person."""
    for trouble in troubles:
        err.print(f"[bold red]Error:[/] {escape(trouble)}")
        err.print("  Nothing is lost: the next tick goes on.")


def languages_of(entry: Entry, site: Site) -> list[str]:
    """The languages an entry exists in, in the site's order."""
    return [tag for tag in site.languages if tag in entry.texts]


def gap_row(gap: Gap, site: Site) -> dict[str, Any]:
    """News that was never offered, for programs."""
    text = gap.entry.text(site.fallback, site.fallback)[1]
    return {
        "id": gap.entry.id,
        "url": text.url,
        "title": text.title,
        "published": iso(gap.entry.published),
        "topics": list(gap.entry.topics),
        "languages": languages_of(gap.entry, site),
        "why": gap.why,
    }


def show_gaps(gaps: list[Gap], site: Site) -> None:
    """The gap report for people."""
    if not gaps:
        return
    count = "One entry" if len(gaps) == 1 else f"{len(gaps)} entries"
    out.print(f"[yellow]{count} older than {OLD.days} days never stood in an edition:[/]")
    for gap in gaps[:MOST_PROBLEMS]:
        title = gap.entry.text(site.fallback, site.fallback)[1].title
        out.print(f"  {gap.entry.date:%Y-%m-%d}  {escape(title)} [dim]({gap.entry.id}; {escape(gap.why)})[/]")
    if len(gaps) > MOST_PROBLEMS:
        out.print(f"  [dim]… and {len(gaps) - MOST_PROBLEMS} more; --json lists all.[/]")
