"""The simulate command: what a newsletter would have said, or will say, over any span."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any

import typer

from chalicelib.cli.context import err, escape, house, local, out, print_json, scratch
from chalicelib.cli.draft_commands import Json, find_newsletter
from chalicelib.cli.showing import gap_row, languages_of, show_problems
from chalicelib.clock import iso
from chalicelib.collect.entry import Entry
from chalicelib.collect.fetch import Fetch
from chalicelib.compose.companions import merges, merging, pairs
from chalicelib.compose.edition import Content
from chalicelib.compose.editions import Edition
from chalicelib.compose.simulation import Simulation, Simulator, once
from chalicelib.content.values import Newsletter, Severity, Site, localize
from chalicelib.errors import UsageError
from chalicelib.runtime import Runtime

MOST_YEARS = 20
Shares = Mapping[str, tuple[str, str]]
"""By an edition's id the host and the guest of the mail that it shares."""


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(simulate)


def simulate(
    newsletter: str,
    start: Annotated[str, typer.Option("--from", help="The first day, like 2022-01-01.")],
    end: Annotated[str, typer.Option("--to", help="The last day.")],
    json: Json = False,
) -> None:
    """Play a newsletter's life over a span: every edition, what is in it, and what never was. Changes nothing."""
    with house() as runtime:
        known = find_newsletter(runtime, newsletter)
        first, last = _span(start, end, runtime.site)
        with scratch(runtime, empty=True) as copy:
            fetch = once(copy.fetch)
            played = Simulator(copy.site, known, copy.table, copy.blobs, fetch).run(first, last)
            shown = [(edition, content, _subject(copy.site, content)) for edition, content in played.editions]
            shares = _shares(runtime, known, played, fetch, first, last)
        if json:
            print_json({
                "editions": [_edition_row(*one, runtime.site, shares) for one in shown],
                "never_offered": [gap_row(gap, runtime.site) for gap in played.never_offered],
            })  # fmt: skip
            return
        _show(played, shown, shares, runtime)


def _shares(
    runtime: Runtime, newsletter: Newsletter, played: Simulation, fetch: Fetch, first: datetime, last: datetime
) -> Shares:
    """Which of the editions go out in one mail with another newsletter's, whose life is played too (`merge: true`)."""
    contents = [content for _, content in played.editions if content]
    for other in merging(runtime.site) if contents and merges(newsletter) else ():
        if other.name != newsletter.name:
            with scratch(runtime, empty=True) as copy:
                beside = Simulator(copy.site, other, copy.table, copy.blobs, fetch).run(first, last)
            contents += [content for _, content in beside.editions if content]
    found = [(host.edition_id, guest.edition_id) for host, guest in pairs(runtime.site, contents)]
    return {one: two for two in found for one in two}


def _span(start: str, end: str, site: Site) -> tuple[datetime, datetime]:
    """From the first day's midnight to the end of the last, in the site's zone. Raises UsageError."""
    days = []
    for name, text in (("--from", start), ("--to", end)):
        try:
            days.append(date.fromisoformat(text))
        except ValueError:
            raise UsageError(f"{name}: '{text}' is no day.", "Write it like 2022-01-01.") from None
    if not (date(1970, 1, 1) <= days[0] <= days[1] < date(2200, 1, 1)):
        raise UsageError(f"{start} to {end} is no span.", "The first day comes first; years are 1970 to 2199.")
    if days[1] - days[0] > timedelta(days=366 * MOST_YEARS):
        raise UsageError(f"{start} to {end} is longer than {MOST_YEARS} years.", "Simulate a part of it.")
    first, last = (datetime(day.year, day.month, day.day, tzinfo=site.time_zone) for day in days)
    return first, last + timedelta(days=1) - timedelta(microseconds=1)


def _subject(site: Site, content: Content | None) -> str:
    """The subject that a reader of everything gets in the first language; '' where nothing goes out."""
    from chalicelib.render.renderer import render_subject
    from chalicelib.render.templates import templates_for
    from chalicelib.render.variants import variant_for

    variant = variant_for(content, site.languages, site.fallback, site.fallback, None) if content else None
    if content is None or variant is None:
        return ""
    return render_subject(
        site, site.newsletters[content.newsletter], content, variant, templates=templates_for(site.root)
    )


def _edition_row(edition: Edition, content: Content | None, subject: str, site: Site, shares: Shares) -> dict[str, Any]:
    host, guest = shares.get(edition.id, ("", ""))
    return {
        "slot": edition.slot,
        "slot_at": edition.slot_at.isoformat(),
        "number": edition.number if content else None,
        "subject": subject,
        "state": str(edition.state),
        "why": edition.why,
        "host": host if host != edition.id else "",
        "guest": guest if guest != edition.id else "",
        "entries": [_entry_row(e, section, edition, content, site) for e, section in _entries(content, site)],
    }


def _entries(content: Content | None, site: Site) -> list[tuple[Entry, str]]:
    """Each entry and the title of its section, in the order they are shown."""
    if content is None:
        return []
    rows = [(content.highlight, "highlight")] if content.highlight else []
    for section in content.sections:
        title = localize(section.title, site.fallback, site.fallback)
        rows += [(entry, title) for entry in (*section.entries, *section.more)]
    return rows


def _entry_row(entry: Entry, section: str, edition: Edition, content: Content | None, site: Site) -> dict[str, Any]:
    text = entry.text(site.fallback, site.fallback)[1]
    return {
        "id": entry.id,
        "url": text.url,
        "title": text.title,
        "kind": str(entry.kind),
        "published": iso(entry.published),
        "starts": iso(entry.starts),
        "age_days": None if entry.starts else _age(entry, edition),
        "section": section,
        "topics": list(entry.topics),
        "languages": languages_of(entry, site),
        "reminder": content is not None and entry.id in content.reminders,
    }


def _age(entry: Entry, edition: Edition) -> int:
    return (edition.slot_at - entry.date).days


def _show(
    played: Simulation, shown: list[tuple[Edition, Content | None, str]], shares: Shares, runtime: Runtime
) -> None:
    site = runtime.site
    for edition, content, subject in shown:
        if content is None:
            out.print(f"[dim]{edition.slot}  {edition.state}: {escape(edition.why)}[/]")
            continue
        why = f" [dim]({escape(edition.why)})[/]" if edition.why else ""
        out.print(f"[bold]{edition.slot}  No. {edition.number}  {escape(subject)}[/]{why}")
        if two := shares.get(edition.id):
            other, where = (two[1], "below") if two[0] == edition.id else (two[0], "above")
            out.print(f"  [dim]in one mail with {other} {where} it, for readers of both[/]")
        for entry, section in _entries(content, site):
            text = entry.text(site.fallback, site.fallback)[1]
            age = local(entry.starts, runtime) if entry.starts else f"{_age(entry, edition)} days old"
            again = ", reminder" if entry.id in content.reminders else ""
            facts = f"{', '.join(entry.topics) or 'no topic'}; {', '.join(languages_of(entry, site))}; {age}{again}"
            out.print(f"  {escape(section) or '-'}: {escape(text.title)} [dim]({facts})[/]")
    sent = [content for _, content, _ in shown if content]
    offered = sum(len(content.entries) for content in sent)
    count = "1 edition" if len(sent) == 1 else f"{len(sent)} editions"
    merged = f", {sum(e.id in shares for e, _, _ in shown)} in one mail with another newsletter's" if shares else ""
    out.print(f"{count} with {offered} entries{merged}, {len(shown) - len(sent)} skipped.")
    for gap in played.never_offered:
        title = gap.entry.text(site.fallback, site.fallback)[1].title
        out.print(f"[yellow]Never offered:[/] {escape(title)} ({gap.entry.date:%Y-%m-%d}): {escape(gap.why)}")
    failed = [problem for problem in played.problems if problem.severity is Severity.ERROR or problem.code == "source"]
    show_problems(failed[:10])
    if len(played.problems) > len(failed[:10]):
        err.print(f"[dim]{len(played.problems) - len(failed[:10])} more problems; 'sendbrief check' lists all.[/]")
