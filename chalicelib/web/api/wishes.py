"""What a body says that somebody wants, checked against what the site offers."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from chalicelib.audience.choices import EVERY, LONGEST_PAUSE, Choices, offered
from chalicelib.audience.subscriber import Membership
from chalicelib.compose.reader_time import known_zone
from chalicelib.web.api.calls import Call
from chalicelib.web.api.problems import ProblemError

_NOBODY: Mapping[str, Membership] = {}


def language_of(call: Call) -> str:
    """The language of the body, '' where it names none. Raises ProblemError."""
    language, known = str(call.body.get("language", "")), call.runtime.site.languages
    if language and language not in known:
        raise ProblemError(400, f"This must be one of: {', '.join(known)}.", "language")
    return language


def zone_of(call: Call, kept: str = "") -> str:
    """The zone of the body, '' for the site's; ``kept`` where it names none. Raises ProblemError."""
    if "zone" not in call.body:
        return kept
    zone = str(call.body["zone"] or "")
    if zone and not known_zone(zone):
        raise ProblemError(400, "This must be a zone's IANA name, like Europe/Berlin; null: the site's.", "zone")
    return zone


def wanted_choices(call: Call, members: Mapping[str, Membership] = _NOBODY) -> dict[str, Choices]:
    """The choices by newsletter; what is left out stays as it is in ``members``. Raises ProblemError."""
    found = dict[str, Choices]()
    for place, wanted in enumerate(call.body.get("newsletters", ())):
        where = f"newsletters[{place}]"
        newsletter = call.newsletter(wanted["name"], f"{where}.name")
        if newsletter.name in found:
            raise ProblemError(400, "A newsletter stands twice.", f"{where}.name")
        old = members.get(newsletter.name)
        kept = Choices(old.cadence, old.topics) if old else Choices()
        cadence = wanted.get("cadence", kept.cadence)
        if "cadence" in wanted and cadence not in {EVERY, *newsletter.cadences}:
            raise ProblemError(400, f"This must be one of: {', '.join(newsletter.cadences)}.", f"{where}.cadence")
        offer = [topic.name for topic in offered(call.runtime.site, newsletter).topics]
        found[newsletter.name] = Choices(cadence, _topics(wanted, kept.topics, offer, f"{where}.topics"))
    return found


def _topics(
    wanted: Mapping[str, Any], kept: frozenset[str] | None, offer: list[str], where: str
) -> frozenset[str] | None:
    if "topics" not in wanted:
        return kept
    if wanted["topics"] is None:
        return None
    if not offer or not set(wanted["topics"]) <= set(offer):
        raise ProblemError(400, f"Its topics are: {', '.join(offer) or 'none to choose from'}.", where)
    return frozenset(wanted["topics"])


def pause_of(call: Call, kept: str) -> str:
    """The first day of mails again, '' for no pause. Raises ProblemError."""
    if "paused_until" not in call.body:
        return kept
    text = call.body["paused_until"]
    if text is None:
        return ""
    today = call.now.astimezone(call.runtime.site.time_zone).date()
    try:
        until = date.fromisoformat(text)
    except ValueError:
        raise ProblemError(400, "This must be a day, like 2026-12-31.", "paused_until") from None
    if text != until.isoformat() or not today < until <= today + LONGEST_PAUSE:
        raise ProblemError(
            400, f"This must be a day after today, at most {LONGEST_PAUSE.days} from it.", "paused_until"
        )
    return str(text)
