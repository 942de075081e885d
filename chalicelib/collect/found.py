"""What reading a source gives: entries, whether they are all there is, and what could not be used."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.collect.entry import Entry
from chalicelib.content.values import Problem


@dataclass(frozen=True, slots=True)
class Found:
    """``complete`` sources (folders, calendars) list all they have: what is missing was withdrawn.

    ``own_topics`` are those an entry's author or source gave, by entry id; rules add to them later.
    ``unfinished`` ones must be asked for in full again: entries wait for their date, or the answer broke off.
    """

    entries: tuple[Entry, ...]
    complete: bool = False
    problems: tuple[Problem, ...] = ()
    own_topics: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unfinished: bool = False


class SourceError(Exception):
    """A source can't be read now: the message says why in plain words."""


def refuse_what_is_no_source(body: bytes) -> None:
    """Raise SourceError for an empty answer and for a web page: a login, a notice, a moved feed."""
    start = body[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not start:
        raise SourceError("the answer is empty")
    if start.startswith((b"<!doctype html", b"<html")):
        raise SourceError("the answer is a web page (HTML): perhaps a login, or the address has changed")
