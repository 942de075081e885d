"""Commands about the site and its news: new, check, collect, sources."""

from typing import Annotated

import typer
from rich.table import Table as RichTable

from chalicelib.cli import scaffold
from chalicelib.cli.context import escape, house, local, out, print_json, scratch, settings
from chalicelib.cli.linting import lint_site
from chalicelib.cli.showing import moved_words, problem_row, report_row, show_problems, source_line, source_rows
from chalicelib.clock import from_iso
from chalicelib.collect.collector import collect
from chalicelib.collect.entries import EntryStore
from chalicelib.collect.fetch import fetcher
from chalicelib.compose.checking import Memory, check_site
from chalicelib.compose.editions import EditionStore
from chalicelib.content.load import LoadedSite
from chalicelib.content.problems import Problems
from chalicelib.errors import SendbriefError
from chalicelib.outreach.sequences import read_sequences
from chalicelib.runtime import Runtime

Json = Annotated[bool, typer.Option("--json", help="JSON on standard output, for programs.")]
Now = Annotated[
    str | None, typer.Option(help="Act as if it were this moment (ISO; the site's zone unless it has an offset).")
]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    for command in (new, check, collect_, sources):
        app.command(command.__name__.rstrip("_"))(command)


def new(
    what: Annotated[str, typer.Argument(help="site, post, event, edition or newsletter.")] = "site",
    name: Annotated[str, typer.Argument(help="Its title or name (edition: NEWSLETTER or NEWSLETTER/SLOT).")] = "",
) -> None:
    """Make a site from nothing, or a new post, event, edition note or newsletter in it."""
    made = scaffold.make(what, name, settings().site)
    for path in made:
        out.print(f"wrote {escape(str(path))}")
    if what == "site":
        out.print("Next: fill in the marked lines of content/site.yaml, then run 'sendbrief check'.")


def check(
    json: Json = False,
    links: Annotated[bool, typer.Option("--links", help="Ask the network whether what is linked to is there.")] = False,
) -> None:
    """Name every problem of the site and its next editions, with file and line. Exits 1 where there are errors."""
    with house() as runtime:
        _, problems = problems_of(runtime, links=links)
    found = problems.sorted()
    if json:
        print_json([problem_row(problem) for problem in found])
    else:
        show_problems(found)
        if not found:
            out.print("No problems found.")
    if problems.errors:
        raise typer.Exit(1)


def problems_of(runtime: Runtime, *, links: bool = False) -> tuple[LoadedSite, Problems]:
    """The site with all that ``check`` finds. ``links``: the network is asked for what is linked to."""
    root = runtime.root
    loaded, problems = check_site(root, fetcher(root, ""), runtime.clock(), _memory(runtime))
    if loaded.site is not None:
        problems.extend(lint_site(runtime, links=links))
        read_sequences(loaded.site, problems)
    return loaded, problems


def _memory(runtime: Runtime) -> Memory | None:
    """What this machine's store knows, read from a copy; None where there is none, or it can't be read."""
    site, store = runtime.loaded.readable, runtime.settings
    if site is None or store.store != "sqlite" or not (store.data / "sendbrief.db").exists():
        return None
    try:
        with scratch(runtime) as copy:
            editions = EditionStore(copy.table, copy.blobs)
            return Memory(
                entries=list(EntryStore(copy.table).since(runtime.clock())),
                editions={name: list(editions.of(name)) for name in site.newsletters},
            )
    except SendbriefError:
        return None  # 'check' is about files; what needs the store names its faults


def collect_(now: Now = None, json: Json = False) -> None:
    """Read all sources now and keep what is new."""
    with house(now) as runtime:
        site = runtime.site
        moment = runtime.clock()
        reports = collect(site, runtime.table, runtime.fetch, moment, force=True)
        if json:
            print_json([report_row(report) for report in reports])
            return
        for report in reports:
            out.print(source_line(report))
            show_problems(list(report.problems) if report.outcome != "failed" else [])


def sources(json: Json = False) -> None:
    """How each source is doing. Exits 1 where one is failing."""
    with house() as runtime:
        rows = source_rows(runtime)
        if json:
            print_json(rows)
        else:
            table = RichTable("source", "kind", "state", "entries", "last read", "next try", "what is wrong", box=None)
            for row in rows:
                checked, next_try = from_iso(row["checked"]), from_iso(row["next_try"])
                moved = moved_words(row["moved_to"]) if row["moved_to"] else ""
                table.add_row(
                    row["name"],
                    row["kind"],
                    row["state"],
                    str(row["entries"]),
                    local(checked, runtime),
                    local(next_try, runtime),
                    escape(row["error"] or moved),
                )
            out.print(table)
    if any(row["state"] == "failing" for row in rows):
        raise typer.Exit(1)
