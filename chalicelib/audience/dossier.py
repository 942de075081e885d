"""All that is stored of one person, as plain data: the answer to a request for access (Art. 15, 20 GDPR)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.audience.bounces import soft_bounces
from chalicelib.audience.limits import PER_ADDRESS, Bucket, Limits
from chalicelib.audience.moving import change_key
from chalicelib.audience.people import Person, current_id, load_person
from chalicelib.audience.signup import pending_key, read_request
from chalicelib.audience.subscriber import Membership, Profile, profile_key
from chalicelib.audience.suppression import Suppressions
from chalicelib.audience.tokens import Secrets
from chalicelib.store import Item, Key, Table, every

HAPPENINGS_KEPT = timedelta(days=31)
"""How far back happenings are looked for: a day longer than they last."""


def dossier(
    table: Table, secrets: Secrets, sid: str, now: datetime, sends: Iterable[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """What is stored of a person, also by an id from before a change of address. Moments are ISO, UTC.

    ``sends`` says what editions they got, each ``edition``, ``at``, ``outcome``, ``reason``, ``heard``; who asks finds
    them (deliver/sends.py), since they lie with the editions. ``known`` is False where nothing at all is stored.
    """
    own = who(table, sid)
    person = load_person(table, own, ())
    pending, change = table.get(pending_key(own)), table.get(change_key(own))
    evidence = [dict(item.data) for item in every(table, f"SUBSCRIBER#{own}", prefix="CONSENT#")]
    words = _words(table, [*evidence, *([pending.data] if pending else ())])
    about = person.profile or _named_by(own, pending)
    stop = Suppressions(table).of(own, about.address)
    found = {
        "memberships": [_membership(one) for one in person.members.values()],
        "consent": [{**line, **_shown(line, words)} for line in evidence],
        "pending": _pending(pending, words) if pending else None,
        "change": {**change.data, "expires": _moment(change.expires)} if change else None,
        "suppression": {**asdict(stop), "reason": str(stop.reason)} if stop else None,
        "notices": list(_notices(table, own)),
        "bounces": [moment for one in (own, *about.former) for moment in soft_bounces(table, one)],
        "heard": [note for one in (own, *about.former) for note in _heard(table, one)],
        "requests": _requests(table, secrets, own),
        "happenings": list(happenings(table, {own, *about.former}, now)),
        "sends": [dict(one) for one in sends],
    }
    known = bool(person.profile) or any(found.values())
    return {**_about(about), "known": known, "at": now.astimezone(UTC).isoformat(), **found}


def who(table: Table, sid: str) -> str:
    """The id under which somebody is stored: their own where anything lies there, else where they moved to."""
    return sid if _lies_there(table, sid) else current_id(table, sid)


def is_stored(table: Table, sid: str) -> bool:
    """Whether there is a person of this id, or one who had it before a change of address."""
    return _lies_there(table, sid) or _lies_there(table, current_id(table, sid))


def _lies_there(table: Table, sid: str) -> bool:
    return bool(table.get_many([profile_key(sid), pending_key(sid)]))


def ids_of(person: Person) -> tuple[str, ...]:
    """The ids of a person: the present one, then those of earlier addresses."""
    return (person.sid, *(person.profile.former if person.profile else ()))


def happenings(table: Table, ids: Iterable[str], now: datetime) -> Iterator[dict[str, Any]]:
    """What other programs were, or are to be, told of somebody, oldest first."""
    for item in happening_items(table, ids, now):
        yield {**item.data, "expires": _moment(item.expires)}


def happening_items(table: Table, ids: Iterable[str], now: datetime) -> Iterator[Item]:
    """The items of ``happenings``: they lie by day, so the days that are kept are gone through."""
    wanted, first = set(ids), now - HAPPENINGS_KEPT
    for day in range(HAPPENINGS_KEPT.days + 2):
        for item in every(table, f"HAPPENED#{first + timedelta(days=day):%Y-%m-%d}"):
            if item.data.get("sid") in wanted:
                yield item


def _about(profile: Profile) -> dict[str, Any]:
    return {
        "sid": profile.sid,
        "former": list(profile.former),
        "address": profile.address,
        "name": profile.name,
        "language": profile.language,
        "created": profile.created,
    }


def _named_by(sid: str, pending: Item | None) -> Profile:
    """Who has only asked so far is known by what they asked with."""
    asked = read_request(pending) if pending else None
    return Profile(sid, asked.address, asked.name, asked.language) if asked else Profile(sid, "")


def _membership(member: Membership) -> dict[str, Any]:
    data = asdict(member)
    del data["sid"]
    return {
        **data,
        "state": str(member.state),
        "topics": None if member.topics is None else sorted(member.topics),
        "marks": sorted(member.marks),
    }


def _pending(item: Item, words: Mapping[str, str]) -> dict[str, Any]:
    return {**item.data, "expires": _moment(item.expires), **_shown(item.data, words)}


def _words(table: Table, lines: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The consent texts that evidence names, by hash."""
    keys = [Key("CONSENT-TEXT", text) for text in sorted({str(line.get("text", "")) for line in lines} - {""})]
    return {key.sk: str(item.data["text"]) for key, item in table.get_many(keys).items()}


def _shown(line: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, str]:
    text = line.get("text", "")
    return {"words": words[text]} if text in words else {}


def _notices(table: Table, sid: str) -> Iterator[dict[str, Any]]:
    for item in every(table, f"SUBSCRIBER#{sid}", prefix="NOTICE#"):
        yield {"kind": item.key.sk.removeprefix("NOTICE#"), **item.data, "expires": _moment(item.expires)}


def _heard(table: Table, sid: str) -> Iterator[dict[str, Any]]:
    """What servers and providers said of single mails to somebody, such as one to confirm."""
    for item in every(table, f"SUBSCRIBER#{sid}", prefix="HEARD#"):
        yield {**item.data, "expires": _moment(item.expires)}


def _requests(table: Table, secrets: Secrets, sid: str) -> dict[str, Any] | None:
    """What limits how often an address may be asked for: until when it counts."""
    item = Limits(table, secrets.sid_key).look(Bucket("address", sid, PER_ADDRESS))
    return {"counted_until": _moment(item.expires)} if item else None


def _moment(seconds: int | None) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds is not None else None
