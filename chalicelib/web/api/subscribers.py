"""Subscribers by the API: listed, looked up, asked to confirm or added, changed, unsubscribed, erased."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chalicelib.audience.audience import make_member
from chalicelib.audience.choices import Choices, Wishes, first_of
from chalicelib.audience.listing import members_page
from chalicelib.audience.people import Person
from chalicelib.audience.signup import Request, keep_text
from chalicelib.audience.subscriber import Basis, Membership
from chalicelib.web.api.calls import Call, Reply, person_id
from chalicelib.web.api.problems import ProblemError
from chalicelib.web.api.suppressions import suppression_row
from chalicelib.web.api.wishes import language_of, pause_of, wanted_choices, zone_of


def listed(call: Call) -> Reply:
    """Memberships, page by page."""
    asked = call.query.get("newsletter")
    names = [call.newsletter(asked, "newsletter").name] if asked else list(call.runtime.site.newsletters)
    cursor = call.query.get("cursor", "")
    found, following = members_page(call.runtime.table, names, _test(call), cursor, call.query["limit"])
    rows = [{"id": one.sid, "newsletter": one.newsletter, "address": one.address, "name": one.name,
             "language": one.language or None, **_member(one)} for one in found]  # fmt: skip
    return Reply(200, {"items": rows, "cursor": following or None})


def _test(call: Call) -> Callable[[Membership], bool]:
    """What the filters say. Raises SegmentError."""
    state, where = call.query.get("state"), call.query.get("where")
    if where is None:
        return lambda member: state is None or member.state == state
    from chalicelib.audience.segments import tester
    from chalicelib.content.segment_reading import parse_segment, vocabulary_of

    site = call.runtime.site
    matches = tester(parse_segment(where, vocabulary=vocabulary_of(site)), call.now, site.time_zone)
    return lambda member: (state is None or member.state == state) and matches(member)


def get(call: Call) -> Reply:
    """One person."""
    return Reply(200, _row(call, _known(call)))


def create(call: Call) -> Reply:
    """Ask somebody to confirm, or make them a member on a ground that the caller has on record."""
    body, runtime = call.body, call.runtime
    language = language_of(call)
    choices = wanted_choices(call)
    member = make_member(runtime.secrets, next(iter(choices)), body["address"], str(body.get("name", "")), language)
    member = replace(member, zone=zone_of(call))
    if body["consent"] == "double-opt-in":
        return _ask(call, member, choices)
    results = dict[str, str]()
    for name, chosen in choices.items():  # one by one: each writes the profile
        one = replace(member, newsletter=name, cadence=chosen.cadence, topics=chosen.topics,
                      marks=frozenset(body.get("marks", ())))  # fmt: skip
        how = f"{call.text('how')} ({call.how})"
        (results[name],) = runtime.audience.subscribe([one], Basis(body["basis"]), how, call.now, runtime.announce)
    status = 201 if "new" in results.values() else 200
    return Reply(status, {"id": member.sid, "newsletters": results})


def _ask(call: Call, member: Membership, choices: dict[str, Choices]) -> Reply:
    """The same answer, and the same writes, whether they are known or not; the mail goes out at most once a day."""
    from chalicelib.deliver.notices import Task, ask
    from chalicelib.render.notices import Kind

    runtime, words = call.runtime, str(call.body.get("words", ""))
    text = keep_text(runtime.table, words, call.now) if words else ""
    form = f"api {call.key.id} {call.text('form')}".strip()
    request = Request(member.address, member.name, member.language, choices, form, text, call.now,
                      zone=member.zone)  # fmt: skip
    runtime.signups.ask(member.sid, request, call.now)
    ask(runtime.notice_queue, Task(Kind.CONFIRM, member.sid, member.language or runtime.site.fallback))
    return Reply(202, {"id": member.sid, "status": "pending"})


def change(call: Call) -> Reply:
    """Change name, language, pause, and what they chose of newsletters that they get."""
    person = _known(call)
    if person.profile is None:
        raise ProblemError(409, "They are no member yet; nothing can be changed before they confirm.")
    chosen, getting = wanted_choices(call, person.confirmed), person.confirmed
    if any(name not in getting for name in chosen):
        raise ProblemError(409, "They don't get this newsletter; to add one takes their consent.", "newsletters")
    first = next(iter(getting.values()), None)
    wishes = Wishes(
        newsletters={name: chosen.get(name, Choices(one.cadence, one.topics)) for name, one in getting.items()},
        language=language_of(call),
        name=str(call.body.get("name", person.profile.name)),
        paused_until=pause_of(call, first.paused_until if first else ""),
        had=frozenset(getting),
        zone=zone_of(call, first_of(getting, "zone")),
    )
    wishes = replace(wishes, name=_clean(wishes.name))
    changed = call.runtime.audience.arrange(person.sid, wishes, list(getting), call.now, call.how)
    if changed is None:
        raise ProblemError(409, "Mail to them is stopped; nothing can be changed.")
    return Reply(200, _row(call, changed))


def leave(call: Call) -> Reply:
    """Unsubscribe somebody; nothing more happens where they had left."""
    person, audience = _known(call), call.runtime.audience
    wanted, why = call.body.get("newsletter"), call.text("why")
    if wanted is None:
        return Reply(200, {"id": person.sid, "left": audience.leave_all(person.sid, call.now, call.how, why)})
    name = call.newsletter(wanted, "newsletter").name
    left = audience.leave(person.sid, name, call.now, call.how, why)
    return Reply(200, {"id": person.sid, "left": [name] if left else []})


def erase(call: Call) -> Reply:
    """Take somebody out altogether, but for a suppression that names nobody."""
    if not call.runtime.audience.erase(person_id(call, call.parts["subscriber"]), call.now).known:
        raise ProblemError(404, "There is no such subscriber.")
    return Reply(204)


def _known(call: Call) -> Person:
    """The person of the path. Raises ProblemError where nothing is known of them."""
    person = call.runtime.audience.person(person_id(call, call.parts["subscriber"]))
    if person.profile is None and call.runtime.signups.pending(person.sid) is None:
        raise ProblemError(404, "There is no such subscriber.")
    return person


def _clean(name: str) -> str:
    from chalicelib.audience.address import clean_name

    return clean_name(name)


def _row(call: Call, person: Person) -> dict[str, Any]:
    pending, about = call.runtime.signups.pending(person.sid), person.profile
    known = about or pending
    return {
        "id": person.sid,
        "address": known.address if known else "",
        "name": known.name if known else "",
        "language": (known.language or None) if known else None,
        "created": about.created if about else None,
        "former_ids": list(about.former) if about else [],
        "newsletters": {name: _member(one) for name, one in sorted(person.members.items())},
        "pending": list(pending.newsletters) if pending else [],
        "suppressed": suppression_row(person.stopped) if person.stopped else None,
    }


def _member(member: Membership) -> dict[str, Any]:
    return {
        "topics": None if member.topics is None else sorted(member.topics),
        "cadence": member.cadence,
        "state": str(member.state),
        "paused_until": member.paused_until or None,
        "joined": member.joined or None,
        "marks": sorted(member.marks),
        "zone": member.zone or None,
    }
