"""The topics command: what the topics are, how much each holds, and which rule gave them to an entry."""

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.table import Table as RichTable

from chalicelib.cli.context import err, escape, house, out, print_json
from chalicelib.cli.draft_commands import Json, Now
from chalicelib.collect.collector import read_sources
from chalicelib.collect.entry import Entry
from chalicelib.collect.found import Found
from chalicelib.collect.topics import TopicReason, explain, topics_of
from chalicelib.compose.select import answers
from chalicelib.content.problems import nearest
from chalicelib.content.values import Site, Source, localize
from chalicelib.errors import NotFoundError
from chalicelib.runtime import Runtime


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(topics)


@dataclass(frozen=True, slots=True)
class _Read:
    """An entry as its source has it now, with the topics its author gave it."""

    entry: Entry
    source: Source
    written: tuple[str, ...]


def topics(
    wanted: Annotated[
        str, typer.Option("--explain", metavar="ENTRY", help="An entry's slug, id or URL: which rule made it so.")
    ] = "",
    now: Now = None,
    json: Json = False,
) -> None:
    """The site's topics and how many entries of the sources have each. Changes nothing."""
    with house(now) as runtime:
        read = list(_read(runtime))
        if wanted:
            _explain(runtime.site, read, wanted, json=json)
            return
        rows = _rows(runtime.site, read)
        if json:
            print_json(rows)
            return
        table = RichTable("topic", "title", "rules", "entries", box=None)
        for row in rows:
            table.add_row(row["topic"], escape(row["title"]), str(row["rules"]), str(row["entries"]))
        out.print(table)


def _read(runtime: Runtime) -> list[_Read]:
    """Everything that the sources hold now; one that can't be read is named."""
    found: list[_Read] = []
    for source, held, error in read_sources(runtime.site, runtime.fetch, runtime.clock()):
        if error:
            err.print(f"[yellow]source '{source.name}' {escape(error)}[/]")
        found += _of(source, held) if held else []
    return found


def _of(source: Source, held: Found) -> list[_Read]:
    return [_Read(entry, source, tuple(held.own_topics.get(entry.id, ()))) for entry in held.entries]


def _rows(site: Site, read: list[_Read]) -> list[dict[str, Any]]:
    count = Counter(
        topic for one in read for topic in topics_of(one.entry, (*one.source.topics, *one.written), site.topics)
    )
    return [
        {
            "topic": topic.name,
            "title": localize(topic.title, site.fallback, site.fallback),
            "rules": len(topic.rules),
            "entries": count[topic.name],
        }
        for topic in site.topics
    ]


def _explain(site: Site, read: list[_Read], wanted: str, *, json: bool) -> None:
    one = next((one for one in read if answers(one.entry, wanted)), None)
    if one is None:
        near = nearest(wanted, [one.entry.slug for one in read])
        hint = f"Did you mean '{near}'?" if near else "Use its slug, id or URL, as 'sendbrief draft' shows them."
        raise NotFoundError(f"No entry answers to '{wanted}'.", hint)
    reasons = explain(one.entry, one.written, one.source.topics, site.topics)
    if json:
        print_json([{"topic": r.topic, "has": bool(r.why), "rule": r.rule or None, "why": r.why} for r in reasons])
        return
    title = one.entry.text(site.fallback, site.fallback)[1].title
    out.print(f"[bold]{escape(title)}[/] [dim]({one.entry.id}, {escape(one.entry.slug)}, source {one.source.name})[/]")
    for reason in reasons:
        out.print(_line(reason))


def _line(reason: TopicReason) -> str:
    if not reason.why:
        return f"  [dim]{reason.topic}: no, none of its rules matches[/]"
    rule = f"rule {reason.rule}, " if reason.rule else ""
    return f"  [green]{reason.topic}[/]: {rule}{escape(reason.why)}"
