"""Double opt-in: what somebody asks for by a form is pending, and forgotten after 30 days, until they confirm it."""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib.audience.choices import Choices, choices_from_data, choices_to_data, describe, first_of
from chalicelib.audience.people import Announce, Person, load_person, nothing_more, person_writes, settle
from chalicelib.audience.subscriber import Basis, Evidence, Membership, MemberState, Profile, moved_key, suppression_key
from chalicelib.audience.suppression import WAY_BACK
from chalicelib.errors import ConflictError
from chalicelib.store import Delete, Insert, Item, Key, Replace, Table, Write

PENDING = timedelta(days=30)
MAX_NEWSLETTERS = 30
"""In one request: a transaction holds 100 writes."""
HOW = "the confirm page"


@dataclass(frozen=True, slots=True)
class Request:
    """What a form asked for. ``text`` is the SHA-256 (hex) of the words above its button, ``form`` its version.

    ``flags`` are what a second look at the address found (see screening.py): members bear them as ``flag:role``.
    """

    address: str
    name: str
    language: str
    newsletters: Mapping[str, Choices]
    form: str
    text: str
    asked: datetime
    flags: tuple[str, ...] = ()
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What came of a confirmation: ``added`` are the newsletters that are new to the person."""

    person: Person
    added: tuple[str, ...]


class SignUps:
    """Requests that wait for their confirmation."""

    def __init__(self, table: Table, announce: Announce = nothing_more) -> None:
        self._table, self._announce = table, announce

    def ask(self, sid: str, request: Request, now: datetime) -> None:
        """Keep a request beside what the same address asked for before. Reads and writes the same for everybody."""
        wanted = dict(list(request.newsletters.items())[:MAX_NEWSLETTERS])
        expires = int((now + PENDING).timestamp())

        def attempt() -> tuple[None, Sequence[Write]]:
            item = self._table.get(pending_key(sid))
            earlier = read_request(item) if item else None
            merged = {**(earlier.newsletters if earlier else {}), **wanted}
            name = request.name or (earlier.name if earlier else "")
            zone = request.zone or (earlier.zone if earlier else "")
            kept = dict(list(merged.items())[-MAX_NEWSLETTERS:])
            data = _data(replace(request, newsletters=kept, name=name, zone=zone))
            write = Replace(item, data, expires) if item else Insert(pending_key(sid), data, expires)
            return None, [write]

        settle(self._table, attempt)

    def pending(self, sid: str) -> Request | None:
        """What waits for a person's confirmation."""
        item = self._table.get(pending_key(sid))
        return read_request(item) if item else None

    def confirm(self, sid: str, now: datetime) -> Confirmed | None:
        """Make a person a member of what they asked for, with the evidence. Safe to repeat.

        None where nothing is pending and the person gets nothing, or where a complaint or an editor stops mail to
        them; a suppression for bounces is lifted by it. What they chose in newsletters that they get already stands.
        """

        def attempt() -> tuple[Confirmed | None, Sequence[Write]]:
            item = self._table.get(pending_key(sid))
            request = read_request(item) if item else None
            person = load_person(self._table, sid, request.newsletters if request else ())
            if person.stopped and person.stopped.reason not in WAY_BACK:
                return None, []
            if item is None or request is None:
                return (Confirmed(person, ()) if person.confirmed and not person.stopped else None), []
            added = [
                _member(person, name, request, now) for name in request.newsletters if name not in person.confirmed
            ]
            writes = [*self._writes(person, request, added, now), Delete(item)]
            joined = replace(person, members={**person.members, **{one.newsletter: one for one in added}})
            return Confirmed(joined, tuple(one.newsletter for one in added)), writes

        return settle(self._table, attempt)

    def _writes(self, person: Person, request: Request, added: Sequence[Membership], now: datetime) -> list[Write]:
        usual = {"how": HOW, "form": request.form, "text": request.text, "asked": request.asked.isoformat()}
        evidence = [
            Evidence(now, "confirmed", one.newsletter, str(Basis.CONSENT), what=describe(one), **usual) for one in added
        ]
        stop = person.items.get(suppression_key(person.sid))
        if stop and person.stopped:
            evidence.append(Evidence(now, "lifted", "", str(Basis.CONSENT), **{**usual, "how": person.stopped.reason}))
        old = person.profile
        about = Profile(
            person.sid,
            request.address,
            request.name or (old.name if old else ""),
            request.language or (old.language if old else ""),
            old.created if old else now.isoformat(),
            old.newsletters if old else {},
            old.former if old else (),
        )
        pointer = self._table.get(moved_key(person.sid))  # who had this address before has moved on: now it is theirs
        lifted: list[Write] = [Delete(item) for item in (stop, pointer) if item]
        return [*person_writes(person, added, about, evidence, self._announce), *lifted]


def keep_text(table: Table, text: str, now: datetime) -> str:
    """Keep the words that a form showed, so that the evidence's hash can be read back; their SHA-256 (hex)."""
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    key = Key("CONSENT-TEXT", digest)
    if table.get(key) is None:
        with suppress(ConflictError):  # another request was the first to keep it
            table.insert(key, {"text": text, "first": now.isoformat()})
    return digest


def pending_key(sid: str) -> Key:
    """Where a request waits, within the person's own partition: erasing sweeps it as well."""
    return Key(f"SUBSCRIBER#{sid}", "PENDING")


def _member(person: Person, newsletter: str, request: Request, now: datetime) -> Membership:
    """The membership that a request leads to; who comes back keeps what they are marked with."""
    choices, old = request.newsletters[newsletter], person.members.get(newsletter)
    return Membership(
        newsletter, person.sid, request.address, request.name or (old.name if old else ""), request.language,
        choices.topics, choices.cadence, MemberState.CONFIRMED, "", now.isoformat(),
        (old.marks if old else frozenset()) | {f"flag:{flag}" for flag in request.flags},
        request.zone or first_of(person.members, "zone"),
    )  # fmt: skip


def read_request(item: Item) -> Request:
    """A stored request."""
    data = item.data
    return Request(
        data["address"], data["name"], data["language"],
        {name: choices_from_data(one) for name, one in data["newsletters"].items()},
        data["form"], data["text"], datetime.fromisoformat(data["asked"]), tuple(data.get("flags", ())),
        data.get("zone", ""),
    )  # fmt: skip


def _data(request: Request) -> dict[str, Any]:
    return {
        "address": request.address,
        "name": request.name,
        "language": request.language,
        "newsletters": {name: choices_to_data(one) for name, one in request.newsletters.items()},
        "form": request.form,
        "text": request.text,
        "asked": request.asked.isoformat(),
        **({"flags": list(request.flags)} if request.flags else {}),
        **({"zone": request.zone} if request.zone else {}),
    }
