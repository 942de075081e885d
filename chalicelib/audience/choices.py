"""What people may choose, and what a form says they chose: the same fields for subscribing and for preferences. Pure.

A form has ``newsletter`` once for each that is ticked, and for each of them ``cadence.<newsletter>``,
``topics.<newsletter>`` (``all`` or ``chosen``) and ``topic.<newsletter>`` for each ticked topic; beside them
``language``, ``zone`` (an IANA name, or empty for the site's), ``name`` and ``pause`` (an ISO date), and ``had`` for
each newsletter that was got when it was shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from chalicelib.audience.address import clean_name
from chalicelib.audience.subscriber import Membership
from chalicelib.compose.reader_time import known_zone
from chalicelib.content.values import Newsletter, Site, Topic
from chalicelib.errors import UsageError

Form = Mapping[str, Sequence[str]]
ALL, CHOSEN = "all", "chosen"
"""What ``topics.<newsletter>`` says: everything, or those that ``topic.<newsletter>`` names."""
LONGEST_PAUSE = timedelta(days=366)
EVERY = "every"


class FormError(UsageError):
    """A form that can't be kept as it is; ``code`` is what its page says, ``newsletter`` whose part it is or ''."""

    def __init__(self, code: str, newsletter: str = "") -> None:
        super().__init__(f"The form can't be kept: {code}.")
        self.code, self.newsletter = code, newsletter


@dataclass(frozen=True, slots=True)
class Offer:
    """What a newsletter lets its members choose from; each is empty where there is nothing to choose."""

    languages: tuple[str, ...]
    cadences: tuple[str, ...]
    topics: tuple[Topic, ...]


@dataclass(frozen=True, slots=True)
class Choices:
    """What somebody chose of one newsletter. ``topics`` None means everything, also what has no topic."""

    cadence: str = EVERY
    topics: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Wishes:
    """All that somebody wants from now on: newsletters with what they chose of each, and how they are written to.

    ``had`` are the newsletters they got when the form was shown: whoever left one of them since is not brought back.
    """

    newsletters: Mapping[str, Choices] = field(default_factory=dict)
    language: str = ""
    name: str = ""
    paused_until: str = ""
    had: frozenset[str] = frozenset()
    zone: str = ""


def offered(site: Site, newsletter: Newsletter) -> Offer:
    """What may be chosen: of one language, one cadence or one topic that all entries have, nothing."""
    named = newsletter.trigger_topics or newsletter.topics
    topics = tuple(topic for topic in site.topics if named is None or topic.name in named)
    return Offer(
        languages=site.languages if len(site.languages) > 1 else (),
        cadences=newsletter.cadences if len(newsletter.cadences) > 1 else (),
        topics=topics if named is None or len(topics) > 1 else (),
    )


def offers_zones(site: Site) -> bool:
    """Whether anything comes at each reader's own time: else a zone is nothing to be asked for."""
    return any(one.schedule and one.schedule.reader for one in site.newsletters.values())


def read_wishes(form: Form, site: Site, members: Mapping[str, Membership], today: date) -> Wishes:
    """What a form says. What it leaves out stays as in ``members``; newsletters and topics given up since are passed
    over. Raises FormError: ``foreign`` (a value that was never offered), ``no_topics``, ``pause``.
    """
    ticked = dict.fromkeys(name for name in form.get("newsletter", ()) if name in site.newsletters)
    return Wishes(
        newsletters={name: _choices(form, site, name, members.get(name)) for name in ticked},
        language=_one(form, "language", site.languages, first_of(members, "language")),
        name=clean_name(_text(form, "name")) if "name" in form else first_of(members, "name"),
        paused_until=_pause(form, today) if "pause" in form else first_of(members, "paused_until"),
        had=frozenset(form.get("had", ())),
        zone=_zone(form) if "zone" in form else first_of(members, "zone"),
    )


def _choices(form: Form, site: Site, newsletter: str, old: Membership | None) -> Choices:
    offer = offered(site, site.newsletters[newsletter])
    kept = Choices(old.cadence, old.topics) if old else Choices()
    cadence = _one(form, f"cadence.{newsletter}", offer.cadences, kept.cadence)
    which = _one(form, f"topics.{newsletter}", (ALL, CHOSEN) if offer.topics else (), "")
    if not which:
        return Choices(cadence, kept.topics)
    if which == ALL:
        return Choices(cadence, None)
    ticked = frozenset(form.get(f"topic.{newsletter}", ())).intersection(topic.name for topic in offer.topics)
    if not ticked:
        raise FormError("no_topics", newsletter)
    return Choices(cadence, ticked)


def _one(form: Form, name: str, known: Sequence[str], kept: str) -> str:
    """The value of a field, what was ``kept`` where there is none to choose. Raises FormError for a foreign one."""
    values = form.get(name)
    if not values or not known:
        return kept
    if len(values) != 1 or values[0] not in known:
        raise FormError("foreign")
    return values[0]


def _zone(form: Form) -> str:
    zone = _text(form, "zone").strip()
    if zone and not known_zone(zone):
        raise FormError("foreign")
    return zone


def _pause(form: Form, today: date) -> str:
    text = _text(form, "pause").strip()
    if not text:
        return ""
    try:
        until = date.fromisoformat(text)
    except ValueError:
        raise FormError("pause") from None
    if not today < until <= today + LONGEST_PAUSE:
        raise FormError("pause")
    return until.isoformat()


def _text(form: Form, name: str) -> str:
    return next(iter(form.get(name, ())), "")


def first_of(members: Mapping[str, Membership], name: str) -> str:
    """A person's own value that all their memberships bear, as far as one says it."""
    return next((value for one in members.values() if (value := str(getattr(one, name)))), "")


def describe(member: Membership) -> str:
    """What somebody chose, in words for the evidence."""
    topics = "all topics" if member.topics is None else f"topics {' '.join(sorted(member.topics))}"
    paused = member.paused_until and f"paused until {member.paused_until}"
    parts = (member.language, member.cadence, topics, member.zone and f"zone {member.zone}", paused)
    return ", ".join(part for part in parts if part)


def choices_to_data(choices: Choices) -> dict[str, Any]:
    """Choices as they are stored."""
    return {"cadence": choices.cadence, "topics": None if choices.topics is None else sorted(choices.topics)}


def choices_from_data(data: Mapping[str, Any]) -> Choices:
    """The choices that ``choices_to_data`` wrote."""
    return Choices(str(data["cadence"]), None if data["topics"] is None else frozenset(data["topics"]))
