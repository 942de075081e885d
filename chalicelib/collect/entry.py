"""Entry: one piece of news, event or deadline, in the languages it exists in. Values and their JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from chalicelib.clock import from_iso, iso
from chalicelib.content.values import Kind, Shape


@dataclass(frozen=True, slots=True)
class EntryText:
    """An entry in one language. ``html`` is sanitised; ``summary`` is plain text the author gave, or ''.

    ``image_alt`` says in this language what the entry's picture shows, where its author did.
    """

    title: str
    url: str
    html: str = ""
    summary: str = ""
    image_alt: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    """What readers want at a glance: label and plain text."""


@dataclass(frozen=True, slots=True)
class Image:
    """A picture at an absolute https URL, and what it shows."""

    src: str
    alt: str


class Change(StrEnum):
    """What became of an event after it was planned. ``AGAIN``: it takes place after readers were told otherwise."""

    NONE = ""
    MOVED = "moved"
    CANCELLED = "cancelled"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry however it came. Moments are aware, in UTC.

    ``id`` is 12 hex digits, stable over edits; ``slug`` is what editors call it. ``published`` is None
    where the source gives no date: ``first_seen`` counts then. Events have ``starts`` (and perhaps
    ``ends``), deadlines only ``starts``: the moment they are due. ``all_day`` moments are local midnights.
    An event with ``change`` moved has ``moved_from``, the moment it was planned for; one that is cancelled or on again
    has it where it was moved as well. ``series`` names the recurring event an occurrence belongs to, or is '';
    ``planned_on`` is the day it was planned for there, like 2026-12-03, or ''. ``pinned`` ones come first.
    """

    id: str
    slug: str
    kind: Kind
    source: str
    texts: Mapping[str, EntryText]
    first_seen: datetime
    published: datetime | None = None
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    image: Image | None = None
    starts: datetime | None = None
    ends: datetime | None = None
    all_day: bool = False
    place: str = ""
    change: Change = Change.NONE
    moved_from: datetime | None = None
    series: str = ""
    planned_on: str = ""
    pinned: bool = False
    shape: Shape = Shape.USUAL
    identities: tuple[str, ...] = ()
    backlog: bool = False
    """Came with the first fetch of its source: counts as seen unless it is fresh enough."""
    withdrawn: bool = False
    """No longer in its folder or calendar: not offered any more."""
    lent: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The languages that another source gave: that source's name, and the topics it brought."""
    said: datetime | None = None
    """The date its source gave last, where that has moved on from ``published`` by a day or more."""
    offered_as: str = ""
    """Of what a newsletter tells: the name it counts under, where what was told before decides that."""
    revision: int = 0
    """How often when, where or whether it takes place changed: the SEQUENCE of RFC 5545, 3.8.7.4. Never falls."""
    revised: datetime | None = None
    """When an event or deadline was last read with other words, another time or place; None where it never was."""

    @property
    def date(self) -> datetime:
        """When it counts as published."""
        return self.published or self.first_seen

    @property
    def offer(self) -> str:
        """Under which name it counts as offered: an event that is moved or cancelled is news once more."""
        if self.offered_as:
            return self.offered_as
        if self.change is Change.MOVED and self.starts:
            return f"{self.id}~moved-{self.starts:%Y%m%dT%H%M}"
        return f"{self.id}~{self.change}" if self.change else self.id

    @property
    def implied(self) -> tuple[str, ...]:
        """Further names that are offered with it: who is told what became of an event was told of the event."""
        if not self.change:
            return ()
        moved = self.change is Change.AGAIN and self.moved_from and self.starts
        return (self.id, f"{self.id}~moved-{self.starts:%Y%m%dT%H%M}") if moved else (self.id,)

    @property
    def whole_series(self) -> bool:
        """Whether it stands for all coming occurrences of its series, as where that is cancelled."""
        return bool(self.series) and f"guid:{self.source}:{self.series}" in self.identities

    def text(self, language: str, fallback: str) -> tuple[str, EntryText]:
        """The language and text a reader of ``language`` gets."""
        for tag in (language, fallback):
            if tag in self.texts:
                return tag, self.texts[tag]
        return next(iter(self.texts.items()))


_WORDS = ("title", "url", "html", "summary", "image_alt")


def entry_to_json(entry: Entry) -> dict[str, Any]:
    """A JSON object from which ``entry_from_json`` makes an equal entry."""
    return {
        "id": entry.id,
        "slug": entry.slug,
        "kind": str(entry.kind),
        "source": entry.source,
        "texts": {
            tag: {**{key: getattr(text, key) for key in _WORDS}, "facts": [list(fact) for fact in text.facts]}
            for tag, text in entry.texts.items()
        },
        "first_seen": entry.first_seen.isoformat(),
        "published": iso(entry.published),
        "authors": list(entry.authors),
        "categories": list(entry.categories),
        "topics": list(entry.topics),
        "image": [entry.image.src, entry.image.alt] if entry.image else None,
        "starts": iso(entry.starts),
        "ends": iso(entry.ends),
        "all_day": entry.all_day,
        "place": entry.place,
        "change": str(entry.change),
        "moved_from": iso(entry.moved_from),
        "series": entry.series,
        "planned_on": entry.planned_on,
        "pinned": entry.pinned,
        "shape": str(entry.shape),
        "identities": list(entry.identities),
        "backlog": entry.backlog,
        "withdrawn": entry.withdrawn,
        "lent": {tag: list(names) for tag, names in entry.lent.items()},
        "said": iso(entry.said),
        "offered_as": entry.offered_as,
        "revision": entry.revision,
        "revised": iso(entry.revised),
    }


def entry_from_json(data: Mapping[str, Any]) -> Entry:
    """The entry that ``entry_to_json`` wrote; keys added later have defaults."""
    return Entry(
        id=data["id"],
        slug=data["slug"],
        kind=Kind(data["kind"]),
        source=data["source"],
        texts={tag: _text(text) for tag, text in data["texts"].items()},
        first_seen=datetime.fromisoformat(data["first_seen"]),
        published=from_iso(data.get("published")),
        authors=tuple(data.get("authors", ())),
        categories=tuple(data.get("categories", ())),
        topics=tuple(data.get("topics", ())),
        image=Image(*data["image"]) if data.get("image") else None,
        starts=from_iso(data.get("starts")),
        ends=from_iso(data.get("ends")),
        all_day=data.get("all_day", False),
        place=data.get("place", ""),
        change=Change(data.get("change", "")),
        moved_from=from_iso(data.get("moved_from")),
        series=data.get("series", ""),
        planned_on=data.get("planned_on", ""),
        pinned=data.get("pinned", False),
        shape=Shape(data.get("shape", "")),
        identities=tuple(data.get("identities", ())),
        backlog=data.get("backlog", False),
        withdrawn=data.get("withdrawn", False),
        lent={tag: tuple(names) for tag, names in data.get("lent", {}).items()},
        said=from_iso(data.get("said")),
        offered_as=data.get("offered_as", ""),
        revision=data.get("revision", 0),
        revised=from_iso(data.get("revised")),
    )


def _text(data: Mapping[str, Any]) -> EntryText:
    return EntryText(**{**data, "facts": tuple((label, text) for label, text in data.get("facts", ()))})
