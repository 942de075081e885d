"""What is stored of people, item by item and field by field, and for how long: what the record of processing says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from chalicelib.audience import bounces, happenings, moving, signup
from chalicelib.audience.limits import DAY
from chalicelib.audience.tokens import ChangeTokens, ConfirmTokens, DataTokens, PreferencesTokens
from chalicelib.content.values import Newsletter, Site, localize
from chalicelib.deliver import notices
from chalicelib.deliver.hearing import values as heard
from chalicelib.settings import Settings
from chalicelib.store import Key


@dataclass(frozen=True, slots=True)
class Kept:
    """One kind of item that says something of a person. ``fields`` are the names in its data."""

    name: str
    fields: tuple[str, ...]


KEPT = (
    Kept("profile", ("address", "name", "language", "created", "newsletters", "former")),
    Kept(
        "membership", ("address", "state", "name", "language", "topics", "cadence", "paused", "joined", "marks", "zone")
    ),
    Kept("evidence", ("at", "action", "newsletter", "basis", "how", "form", "text", "asked", "what")),
    Kept("request", ("address", "name", "language", "newsletters", "form", "text", "asked", "zone")),
    Kept("change", ("to", "address", "at")),
    Kept("moved", ("to", "at")),
    Kept("suppression", ("reason", "at", "note", "by")),
    Kept("notice", ("at",)),
    Kept("bounces", ("moments",)),
    Kept("heard", ("kind", "at", "source", "words")),
    Kept("limit", ("full",)),
    Kept("happening", ("kind", "at", "sid", "newsletter", "about")),
    Kept("recipients", ("recipients",)),
    Kept("ledger", ("marks", "details", "owner", "lease")),
    Kept("answer", ("request", "status", "body")),
)
ANSWER_DAYS = 1
"""As web/api/idempotency.py keeps them; a test compares."""
_BY_PARTITION = {
    "LIST": "membership", "MOVED": "moved", "SUPPRESSED": "suppression", "LIMIT": "limit", "HAPPENED": "happening",
    "IDEMPOTENT": "answer", "BOUNCES": "bounces",
}  # fmt: skip
_BY_PLACE = {
    "PROFILE": "profile", "CONSENT": "evidence", "PENDING": "request", "CHANGE": "change", "NOTICE": "notice",
    "HEARD": "heard", "CHUNK": "recipients", "LEDGER": "ledger",
}  # fmt: skip
NOBODYS = frozenset({
    "ALARM", "AUDIT", "BEYOND", "BRAKE", "BUNDLE", "BUNDLES", "CONSENT-TEXT", "DATED", "EDITIONS", "ENTRIES",
    "IDENTITY", "IMPORT", "KEYS", "MX", "NEWSLETTER", "PACE", "READY", "RESTORED", "RETENTION", "SITE", "SOURCE",
    "TRIAL", "VARIANT", "WEBHOOK", "WORK",
})  # fmt: skip
"""Beginnings of keys below which nothing of a reader lies: content, settings of programs, hashes of files."""
_EU_REGIONS = frozenset({"eu-central-1", "eu-west-1", "eu-west-3", "eu-north-1", "eu-south-1", "eu-south-2"})
"""AWS regions within the European Union: London (eu-west-2) and Zurich (eu-central-2) are outside of it."""


def kind_of(key: Key) -> str | None:
    """Which of KEPT lies at a key; None for what is nobody's. Raises KeyError for what this table does not know."""
    first, place = key.pk.partition("#")[0], key.sk.partition("#")[0]
    if first in _BY_PARTITION:
        return _BY_PARTITION[first]
    if first in NOBODYS or (first == "EDITION" and place in {"VARIANT", "COURSE"}):
        return None
    return _BY_PLACE[place]


def record_of(site: Site, settings: Settings, language: str) -> dict[str, Any]:
    """What templates/privacy/ print: the site's words in one language, what is stored, and periods in days."""

    def say(texts: Mapping[str, str]) -> str:
        """One line that keeps within its cell of a table."""
        return " ".join(localize(texts, language, site.fallback).replace("|", "\\|").split())

    about = site.privacy
    return {
        "site": say(site.name),
        "base_url": site.base_url,
        "privacy_url": site.privacy_url,
        "controller": say(about.controller) or say(site.postal_address),
        "contact": about.contact or site.sender.reply_to or site.sender.address,
        "officer": say(about.officer),
        "authority": say(about.authority),
        "hosting": say(about.hosting),
        "newsletters": [_newsletter(one, say) for one in site.newsletters.values()],
        "topics": len(site.topics) > 1,
        "outreach": any((site.root / "content" / "outreach").glob("*/sequence.y*ml")),
        "kept": {kept.name: kept.fields for kept in KEPT},
        "days": _periods(site),
        "asks_dns": site.subscribing.check_mx,
        "webhooks": sorted({urlsplit(hook.url).hostname or "" for hook in site.webhooks}),
        **_home(settings),
    }


def _newsletter(one: Newsletter, say: Any) -> dict[str, Any]:
    return {"title": say(one.title), "description": say(one.description), "cadences": len(one.cadences) > 1}


def _periods(site: Site) -> dict[str, int]:
    return {
        "left": site.privacy.keep_left_days,
        "recipients": site.privacy.keep_recipients_days,
        "request": signup.PENDING.days,
        "change": moving.WAITS.days,
        "notice": notices.ONCE_IN.days,
        "bounces": bounces.KEPT.days,
        "heard": heard.KEPT.days,
        "limit": DAY // 86_400,
        "happening": happenings.KEPT.days,
        "answer": ANSWER_DAYS,
        "confirm_link": ConfirmTokens.lifetime.days,
        "change_link": ChangeTokens.lifetime.days,
        "data_link": DataTokens.lifetime.days,
        "preferences_link": PreferencesTokens.lifetime.days,
    }


def _home(settings: Settings) -> dict[str, Any]:
    """Where it runs and who carries the mails, by what is set."""
    on_aws = settings.store == "aws" or settings.transport == "ses"
    return {
        "store": settings.store,
        "transport": settings.transport,
        "smtp_host": (urlsplit(settings.smtp_url).hostname or "") if settings.transport == "smtp" else "",
        "region": settings.region if on_aws else "",
        "in_eu": settings.region in _EU_REGIONS,
        "on_aws": on_aws,
    }
