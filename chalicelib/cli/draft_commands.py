"""The command ``draft``: the next edition as it would be composed now."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from chalicelib.cli.context import err, escape, house, local, out, print_json, scratch
from chalicelib.cli.showing import languages_of
from chalicelib.collect.collector import collect
from chalicelib.compose.drafting import Draft
from chalicelib.compose.edition import Content
from chalicelib.compose.reader_time import first_due
from chalicelib.compose.schedule import Slot, latest_slot, next_slot
from chalicelib.compose.writing import write_note
from chalicelib.content.problems import did_you_mean
from chalicelib.content.values import Newsletter, localize
from chalicelib.errors import NotFoundError, UsageError
from chalicelib.runtime import Runtime

Json = Annotated[bool, typer.Option("--json", help="JSON on standard output, for programs.")]
Now = Annotated[
    str | None, typer.Option(help="Act as if it were this moment (ISO; the site's zone unless it has an offset).")
]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("draft")(draft)


def draft(
    newsletter: str,
    now: Now = None,
    json: Json = False,
    write: Annotated[bool, typer.Option("--write", help="Write it as a note that you arrange and commit.")] = False,
) -> None:
    """Show the next edition of a newsletter as it would be composed now; --write makes it a note. Changes no state."""
    with house(now) as runtime:
        made = next_draft(runtime, newsletter)
        if write:
            path = write_draft(runtime, find_newsletter(runtime, newsletter), made)
            err.print(f"wrote {escape(str(path))}: reorder, cut and annotate its lines, then commit it.")
        if json:
            print_json(draft_row(made))
            return
        show_draft(made, runtime)


def next_draft(runtime: Runtime, name: str) -> Draft:
    """The next edition from what is stored and what the sources hold now, made in a scratch copy."""
    newsletter = find_newsletter(runtime, name)
    now = runtime.clock()
    with scratch(runtime) as copy:
        collect(copy.site, copy.table, copy.fetch, now, force=True)
        composer = copy.composer
        composer.started(newsletter.name, now)
        return composer.draft(newsletter, coming_slot(newsletter, runtime, now), now)


def write_draft(runtime: Runtime, newsletter: Newsletter, made: Draft) -> Path:
    """The note of a draft, written; what it says so far is kept. Raises UsageError where it is arranged already."""
    if newsletter.schedule is None:
        raise UsageError(
            f"'{newsletter.name}' is triggered: each entry goes out alone.", "There is nothing to arrange."
        )
    site = runtime.site
    path = runtime.folder / "content" / "editions" / newsletter.name / f"{made.content.slot}.md"
    note = site.notes.get((newsletter.name, made.content.slot))
    if note and note.sections is not None:
        raise UsageError(f"{note.file} is arranged already.", "Edit it, or take its lines from '<!-- entries' on away.")
    try:
        existing = path.read_text("utf-8-sig") if path.exists() else ""
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text(write_note(made, newsletter, site, existing), "utf-8")
        fresh.replace(path)
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error.strerror}.", "Make its folder writable.") from None
    return path


def coming_slot(newsletter: Newsletter, runtime: Runtime, now: datetime) -> Slot:
    """The slot whose edition comes next: one that is due this moment, else the next."""
    zone = runtime.site.time_zone
    if newsletter.schedule is None:
        return Slot(now, f"{now.astimezone(zone):%Y-%m-%d}")
    latest = latest_slot(newsletter.schedule, zone, now)
    if latest and latest.at == now:
        return latest
    slot = next_slot(newsletter.schedule, zone, now)
    if slot is None:
        raise UsageError(f"{newsletter.name} has no slot after {now:%Y-%m-%d}.", "Its rule has ended; change it.")
    return slot


def find_newsletter(runtime: Runtime, name: str) -> Newsletter:
    """A newsletter by name. Raises NotFoundError."""
    known = runtime.site.newsletters
    if name not in known:
        raise NotFoundError(f"There is no newsletter '{name}'.", f"{did_you_mean(name, known).capitalize()}.")
    return known[name]


def draft_row(made: Draft) -> dict[str, Any]:
    """A draft for programs."""
    content = made.content
    return {
        "id": content.edition_id,
        "slot_at": content.slot_at.isoformat(),
        "subject": dict(content.subject),
        "highlight": entry_row(content, None)[0] if content.highlight else None,
        "sections": [
            {"title": dict(section.title), "entries": entry_row(content, number)}
            for number, section in enumerate(content.sections)
        ],
        "unknown": [f"{key}: {name}" for key, name in made.selection.unknown],
        "published": [f"{key}: {name}, in {where}" for key, name, where in made.selection.published],
        "lacks": list(made.lacks),
    }


def entry_row(content: Content, section: int | None) -> list[dict[str, Any]]:
    """The entries of a section (None: the highlight) for programs."""
    highlight = [content.highlight] if content.highlight else []
    entries = highlight if section is None else list(content.sections[section].entries)
    return [
        {
            "id": entry.id,
            "slug": entry.slug,
            "kind": str(entry.kind),
            "title": next(iter(entry.texts.values())).title,
            "url": next(iter(entry.texts.values())).url,
            "languages": list(entry.texts),
            "topics": list(entry.topics),
            "date": entry.date.isoformat(),
        }
        for entry in entries
    ]


def due_words(content: Content, runtime: Runtime) -> str:
    """When an edition goes out, in words: at one moment, or at each reader's own time."""
    schedule, at = runtime.site.newsletters[content.newsletter].schedule, local(content.slot_at, runtime)
    if not (schedule and schedule.reader):
        return at
    first = local(first_due(content.slot_at, runtime.site), runtime)
    return f"{at}, at that time wherever its reader lives: from {first} on"


def show_draft(made: Draft, runtime: Runtime) -> None:
    """A draft for people."""
    content, fallback = made.content, runtime.site.fallback
    out.print(f"[bold]{content.edition_id}[/], number {content.number}, due {due_words(content, runtime)}")
    if content.subject:
        out.print(f"Subject: {escape(localize(content.subject, fallback, fallback))}")
    if made.empty:
        out.print("Nothing new: this edition would be skipped.")
    if content.highlight:
        out.print("\n[bold]Highlight[/]")
        out.print(f"  {escape(content.highlight.text(fallback, fallback)[1].title)}")
    for section in content.sections:
        out.print(f"\n[bold]{escape(localize(section.title, fallback, fallback)) or 'Entries'}[/]")
        for entry in section.entries:
            moment = local(entry.starts or entry.date, runtime)
            languages = ", ".join(languages_of(entry, runtime.site))
            out.print(
                f"  {moment}  {escape(entry.text(fallback, fallback)[1].title)} [dim]({languages}; {entry.slug})[/]"
            )
    for lack in made.lacks:
        err.print(f"[yellow]Missing: {escape(lack)}[/]")
    for key, name, where in made.selection.published:
        err.print(f"[yellow]The note's {key} '{escape(name)}' was already published in {where}: left out.[/]")
    for key, name in made.selection.unknown:
        err.print(f"[yellow]The note's {key} '{escape(name)}' matches no entry.[/]")
