"""What other programs are told of something that happened, from what is known now; by webhook and by the API alike."""

from collections.abc import Callable, Sequence
from typing import Any

from chalicelib.audience.happenings import Happened, happening
from chalicelib.audience.people import Person, current_id, load_person
from chalicelib.clock import Clock
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.content.webhooks import Happening
from chalicelib.store import Blobs, Table, Write


def closing(clock: Clock) -> Callable[[Edition], Sequence[Write]]:
    """What is written with the end of an edition, so that other programs hear of it."""
    return lambda edition: (
        happening(Happening.EDITION_SENT, clock(), newsletter=edition.newsletter, about=edition.id),
    )


class Teller:
    """Makes payloads (type, timestamp, data: Standard Webhooks); people are looked up once for all of them."""

    def __init__(self, table: Table, blobs: Blobs) -> None:
        self._table, self._editions = table, EditionStore(table, blobs)
        self._people: dict[str, Person] = {}

    def payloads(self, happened: Sequence[Happened]) -> list[dict[str, Any]]:
        """One payload for each."""
        return [self.payload(one) for one in happened]

    def payload(self, one: Happened) -> dict[str, Any]:
        """What is told of one. Of a person who was erased only the id is left, which names nobody."""
        data: dict[str, Any] = {"newsletter": one.newsletter or None}
        if one.sid:
            data["subscriber"] = self._subscriber(one.sid)
        if one.about:
            data["edition"] = self._edition(one.about)
        return {"id": one.id, "type": str(one.kind), "timestamp": one.at, "data": data}

    def _subscriber(self, sid: str) -> dict[str, Any]:
        if sid not in self._people:
            person = load_person(self._table, sid, ())
            if person.profile is None and (current := current_id(self._table, sid)) != sid:
                person = load_person(self._table, current, ())
            self._people[sid] = person
        person = self._people[sid]
        profile = person.profile
        return {
            "id": sid,
            "address": profile.address if profile else None,
            "name": profile.name if profile else None,
            "language": (profile.language or None) if profile else None,
            "newsletters": {name: str(member.state) for name, member in sorted(person.members.items())},
            "former_ids": list(profile.former) if profile else [],
        }

    def _edition(self, edition_id: str) -> dict[str, Any]:
        newsletter, _, slot = edition_id.partition("/")
        edition = self._editions.get(newsletter, slot)
        return {
            "id": edition_id,
            "slot": slot,
            "subject": dict(edition.subject) if edition else {},
            "books": _books(edition),
        }


def _books(edition: Edition | None) -> dict[str, int] | None:
    return dict(edition.totals) if edition and edition.totals else None
