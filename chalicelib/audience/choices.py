"""What a member may choose of a newsletter, and what a form says they chose. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.audience.subscriber import Membership
from chalicelib.content.values import Newsletter, Site, Topic

FIELDS = ("language", "cadence", "topics")
"""What a form may hold, once each; beside them ``topic``, once for each that is ticked."""
ALL, CHOSEN = "all", "chosen"
"""What ``topics`` says: everything, or those that ``topic`` names."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a newsletter lets its members choose from; each is empty where there is nothing to choose."""

    languages: tuple[str, ...]
    cadences: tuple[str, ...]
    topics: tuple[Topic, ...]


@dataclass(frozen=True, slots=True)
class Choices:
    """A member's choices. ``topics`` None means everything, also what has no topic; empty, that nothing was ticked."""

    language: str
    cadence: str
    topics: frozenset[str] | None


def offered(site: Site, newsletter: Newsletter) -> Offer:
    """What may be chosen: of one language, one cadence or one topic that all entries have, nothing."""
    named = newsletter.trigger_topics or newsletter.topics
    topics = tuple(topic for topic in site.topics if named is None or topic.name in named)
    return Offer(
        languages=site.languages if len(site.languages) > 1 else (),
        cadences=newsletter.cadences if len(newsletter.cadences) > 1 else (),
        topics=topics if named is None or len(topics) > 1 else (),
    )


def read_choices(form: Mapping[str, Sequence[str]], offer: Offer, member: Membership) -> Choices | None:
    """What a form says, None where no form of ours says so. What is left out or not offered stays as it is.

    A topic that is unknown is passed over: it may have been given up since the page was shown.
    """
    if not any(field in form for field in FIELDS):
        return None
    language = _one(form.get("language"), offer.languages, member.language)
    cadence = _one(form.get("cadence"), offer.cadences, member.cadence)
    which = _one(form.get("topics"), (ALL, CHOSEN) if offer.topics else (), "")
    if language is None or cadence is None or which is None:
        return None
    if not which:
        return Choices(language, cadence, member.topics)
    ticked = frozenset(form.get("topic", ())).intersection(topic.name for topic in offer.topics)
    return Choices(language, cadence, None if which == ALL else ticked)


def _one(values: Sequence[str] | None, known: Sequence[str], kept: str) -> str | None:
    """The value of a field, what was ``kept`` where there is none to choose, None where it is none of the known."""
    if not values or not known:
        return kept
    return values[0] if len(values) == 1 and values[0] in known else None
