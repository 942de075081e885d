"""Edition: one issue of a newsletter that goes out at a slot. Values, states and their JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from chalicelib.collect.entry import Entry, entry_from_json, entry_to_json
from chalicelib.content.values import Layout, Localized, Shape, Show
from chalicelib.errors import IllegalTransitionError


class State(StrEnum):
    """Where an edition stands. ``cancelled`` is final; so is ``sent``, but for those in doubt who are resent to."""

    DRAFT = "draft"
    APPROVED = "approved"
    SENDING = "sending"
    SENT = "sent"
    HELD = "held"
    CANCELLED = "cancelled"


TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.APPROVED, State.HELD, State.CANCELLED}),
    State.APPROVED: frozenset({State.SENDING, State.HELD, State.CANCELLED}),
    State.SENDING: frozenset({State.SENT, State.HELD, State.CANCELLED}),
    State.HELD: frozenset({State.APPROVED, State.SENDING, State.CANCELLED}),
    State.SENT: frozenset({State.SENDING}),
    State.CANCELLED: frozenset(),
}


def check_transition(edition: str, old: State, new: State) -> None:
    """Raise IllegalTransitionError unless an edition may go from ``old`` to ``new``."""
    if new not in TRANSITIONS[old]:
        allowed = ", ".join(sorted(TRANSITIONS[old])) or "nothing: it is final"
        raise IllegalTransitionError(
            f"{edition} is {old} and can't become {new}.", f"From here it can become: {allowed}."
        )


@dataclass(frozen=True, slots=True)
class EditionSection:
    """A titled run of entries, in the order they are shown.

    ``more`` are those beyond the limit of their source: counted in the mail, listed on the edition's page.
    """

    title: Localized
    entries: tuple[Entry, ...]
    more: tuple[Entry, ...] = ()
    layout: Layout = field(default_factory=Layout)


@dataclass(frozen=True, slots=True)
class Content:
    """What an edition says: frozen when it is approved or planned, so that every reader gets one version."""

    newsletter: str
    slot: str
    slot_at: datetime
    number: int
    template: str
    sections: tuple[EditionSection, ...] = ()
    highlight: Entry | None = None
    subject: Localized = field(default_factory=dict)
    intro_html: Localized = field(default_factory=dict)
    """Sanitised HTML by language."""
    remarks: Mapping[str, Localized] = field(default_factory=dict)
    """Editors' words on entries, by entry id: sanitised HTML by language."""
    reminders: tuple[str, ...] = ()
    """The ids of entries that stood in an earlier edition and are named once more before they are due."""
    gathering: bool = False
    """Whether it gathers what earlier editions held, for readers of the monthly cadence."""
    guest: "Content | None" = None
    """What a further edition says below it in one mail (see together.py). Made for a mail, never stored."""

    @property
    def edition_id(self) -> str:
        """``<newsletter>/<slot>``: how people and programs name an edition."""
        return f"{self.newsletter}/{self.slot}"

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, the highlight first, in the order they are shown; those of a guest come last."""
        first = (self.highlight,) if self.highlight else ()
        own = first + tuple(entry for section in self.sections for entry in (*section.entries, *section.more))
        return own + self.guest.entries if self.guest else own

    @property
    def offers(self) -> tuple[str, ...]:
        """The names under which its entries count as offered from now on."""
        return tuple(reminder(entry) if entry.id in self.reminders else entry.offer for entry in self.entries)

    @property
    def implied(self) -> tuple[str, ...]:
        """Further names that count as offered with its entries."""
        return tuple(dict.fromkeys(name for entry in self.entries for name in entry.implied))


def reminder(entry: Entry) -> str:
    """The name under which an entry counts as reminded of."""
    return f"{entry.offer}~reminder"


def content_to_json(content: Content) -> dict[str, Any]:
    """A JSON object from which ``content_from_json`` makes equal content."""
    return {
        "newsletter": content.newsletter,
        "slot": content.slot,
        "slot_at": content.slot_at.isoformat(),
        "number": content.number,
        "template": content.template,
        "sections": [
            {
                "title": dict(s.title),
                "entries": [entry_to_json(e) for e in s.entries],
                "more": [entry_to_json(e) for e in s.more],
                "layout": [str(s.layout.show), s.layout.words, s.layout.pictures, str(s.layout.shape)],
            }
            for s in content.sections
        ],
        "highlight": entry_to_json(content.highlight) if content.highlight else None,
        "subject": dict(content.subject),
        "intro_html": dict(content.intro_html),
        "remarks": {name: dict(texts) for name, texts in content.remarks.items()},
        "reminders": list(content.reminders),
        "gathering": content.gathering,
    }


def content_from_json(data: Mapping[str, Any]) -> Content:
    """The content that ``content_to_json`` wrote."""
    return Content(
        newsletter=data["newsletter"],
        slot=data["slot"],
        slot_at=datetime.fromisoformat(data["slot_at"]),
        number=data["number"],
        template=data["template"],
        sections=tuple(
            EditionSection(
                s["title"],
                tuple(entry_from_json(e) for e in s["entries"]),
                tuple(entry_from_json(e) for e in s.get("more", ())),
                _layout(*s["layout"]) if "layout" in s else Layout(),
            )
            for s in data["sections"]
        ),
        highlight=entry_from_json(data["highlight"]) if data["highlight"] else None,
        subject=data["subject"],
        intro_html=data["intro_html"],
        remarks=data.get("remarks", {}),
        reminders=tuple(data.get("reminders", ())),
        gathering=data.get("gathering", False),
    )


def _layout(show: str, words: int, pictures: bool, shape: str) -> Layout:
    return Layout(Show(show), words, pictures, Shape(shape))
