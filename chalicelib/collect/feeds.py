"""Feed bytes become entries, whatever they are: read in a process of their own, which may be killed."""

from datetime import datetime

from chalicelib.collect.entry import entry_from_json
from chalicelib.collect.feed_entries import Question, question_to_json
from chalicelib.collect.feed_process import READER
from chalicelib.collect.found import Found, refuse_what_is_no_source
from chalicelib.content.values import Problem, Severity, Site, Source


def read_feed(site: Site, source: Source, body: bytes, url: str, now: datetime) -> Found:
    """The entries of a feed fetched from ``url`` that are visible at ``now``.

    Raises SourceError where it is no feed, or takes more than a few seconds or 256 MB to read.
    """
    refuse_what_is_no_source(body)
    question = Question(
        source=source.name,
        kind=source.entry_kind,
        language=source.language or "",
        languages=site.languages,
        base_url=site.base_url,
        zone=site.time_zone.key,
        url=url,
        now=now,
    )
    answer = READER.ask(question_to_json(question), body)
    entries = tuple(entry_from_json(entry) for entry in answer["entries"])
    problems = tuple(_problem(source, note) for note in answer["notes"])
    return Found(entries, problems=problems, unfinished=answer["unfinished"])


def _problem(source: Source, message: str) -> Problem:
    return Problem("content/site.yaml", source.line, "feed", Severity.WARNING, f"source '{source.name}' {message}")
