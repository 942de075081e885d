"""A dossier (see audience/dossier.py) in the words of a page: groups of labels and values, times in the site's zone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.web.pages import Pages

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """What happened, when; ``more`` says how, and the words that a form showed."""

    when: str
    what: str
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A part of the page: ``facts`` are labels and values, ``lines`` what happened, in its order."""

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    lines: tuple[Line, ...] = ()


def told(pages: Pages, data: Data) -> list[Group]:
    """The whole dossier; what is empty is left out."""
    groups = [_about(pages, data), *(_membership(pages, one) for one in data["memberships"]), *_waiting(pages, data)]
    say = pages.say
    groups += [
        Group(say("web.data.consent"), lines=tuple(_evidence(pages, one) for one in data["consent"])),
        Group(say("web.data.sends"), lines=tuple(_send(pages, one) for one in data["sends"])),
        Group(say("web.data.bounces"), lines=tuple(_bounces(pages, data))),
        Group(say("web.data.notices"), lines=tuple(_notice(pages, one) for one in data["notices"])),
        Group(say("web.data.happenings"), lines=tuple(_other(pages, one) for one in data["happenings"])),
    ]
    return [group for group in groups if group.facts or group.lines]


def _about(pages: Pages, data: Data) -> Group:
    facts = {
        "address": data["address"],
        "name": data["name"],
        "language": pages.own_name(data["language"]) if data["language"] else "",
        "created": _moment(pages, data["created"]),
        "key": data["sid"],
        "former": ", ".join(data["former"]),
        "counted_until": _moment(pages, (data.get("requests") or {}).get("counted_until")),
    }
    return Group(pages.say("web.data.about"), tuple(_facts(pages, facts)))


def _membership(pages: Pages, one: Data) -> Group:
    say, topics = pages.say, one["topics"]
    titles = {topic.name: pages.said(topic.title) or topic.name for topic in pages.site.topics}
    facts = {
        "state": _known(pages, "web.data.states", one["state"]),
        "joined": _moment(pages, one["joined"]),
        "cadence": _known(pages, "web.choose.cadences", one["cadence"]),
        "topics": say("web.choose.all") if topics is None else ", ".join(titles.get(name, name) for name in topics),
        "language": pages.own_name(one["language"]) if one["language"] else "",
        "zone": one["zone"],
        "paused_until": _day(pages, one["paused_until"]),
        "marks": ", ".join(one["marks"]),
    }
    return Group(pages.title_of(one["newsletter"]), tuple(_facts(pages, facts)))


def _waiting(pages: Pages, data: Data) -> Iterator[Group]:
    """What waits for a button, and what stops mails."""
    pending, change, stop = data["pending"], data["change"], data["suppression"]
    say = pages.say
    if pending:
        titles = ", ".join(pages.title_of(name) for name in pending["newsletters"])
        asked = {"asked": _moment(pages, pending["asked"]), "until": _moment(pages, pending["expires"])}
        yield Group(say("web.data.pending"), tuple(_facts(pages, {"newsletters": titles, **asked})))
    if change:
        asked = {"asked": _moment(pages, change["at"]), "until": _moment(pages, change["expires"])}
        yield Group(say("web.data.change"), tuple(_facts(pages, {"address": change["address"], **asked})))
    if stop:
        reason = _known(pages, "web.data.reasons", stop["reason"])
        facts = {"reason": reason, "since": _moment(pages, stop["at"]), "note": stop["note"]}
        yield Group(say("web.data.suppression"), tuple(_facts(pages, facts)))


def _evidence(pages: Pages, one: Data) -> Line:
    what = _known(pages, "web.data.actions", one["action"])
    title = pages.title_of(one["newsletter"]) if one["newsletter"] else ""
    asked = pages.say("web.data.asked_at", when=_moment(pages, one["asked"])) if one.get("asked") else ""
    more = (one.get("how", ""), one.get("what", ""), asked, one.get("words", ""))
    return Line(_moment(pages, one["at"]), f"{what}: {title}" if title else what, tuple(filter(None, more)))


def _send(pages: Pages, one: Data) -> Line:
    newsletter, _, slot = one["edition"].partition("/")
    outcome = _known(pages, "web.data.outcomes", one["outcome"])
    heard = (f"{_moment(pages, note['at'])}: {note['words']}" for note in one["heard"])
    more = (f"{outcome}: {one['reason']}" if one["reason"] else outcome, *heard)
    return Line(_moment(pages, one["at"]), f"{pages.title_of(newsletter)}, {slot}", more)


def _bounces(pages: Pages, data: Data) -> Iterator[Line]:
    """Mails that came back or were called spam: soft ones as they are counted, and what was said of single mails."""
    yield from (Line(_moment(pages, at), _known(pages, "web.data.outcomes", "bounced")) for at in data["bounces"])
    for one in data["heard"]:
        yield Line(_moment(pages, one["at"]), _known(pages, "web.data.outcomes", one["kind"]), (one["words"],))


def _notice(pages: Pages, one: Data) -> Line:
    return Line(_moment(pages, one["at"]), _known(pages, "web.data.mails", one["kind"]))


def _other(pages: Pages, one: Data) -> Line:
    """What other programs were told, and until when that is kept."""
    what = _known(pages, "web.data.actions", one.get("kind", ""))
    title = pages.title_of(one["newsletter"]) if one.get("newsletter") else ""
    until = _moment(pages, one.get("expires"))
    more = (f"{pages.say('web.data.facts.until')}: {until}",) if until else ()
    return Line(_moment(pages, one.get("at")), f"{what}: {title}" if title else what, more)


def _facts(pages: Pages, facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in facts.items():
        if value:
            yield pages.say(f"web.data.facts.{name}"), str(value)


def _known(pages: Pages, key: str, word: str) -> str:
    """The word in the page's language, or itself where the catalogue has none: another version may have written it."""
    full = f"{key}.{word}"
    return pages.say(full) if full in pages.say.texts else str(word)


def _day(pages: Pages, iso: str) -> str:
    """``2026-12-24`` as ``24 December 2026``."""
    return pages.say.date(datetime.fromisoformat(iso)) if iso else ""


def _moment(pages: Pages, iso: Any) -> str:
    """``2026-11-26T09:30:00+00:00`` as ``26 November 2026, 10:30 CET``, in the site's zone."""
    try:
        moment = datetime.fromisoformat(str(iso))
    except ValueError:
        return ""
    zone, say = pages.site.time_zone, pages.say
    if moment.tzinfo is None:
        return ""
    return say("date.at", date=say.date(moment.astimezone(zone)), time=say.time(moment, zone))
