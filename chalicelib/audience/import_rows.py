"""What one row says of one person: a membership, or why there shall be none."""

import csv
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

from chalicelib.audience.address import clean_name, parse_address, subscriber_id
from chalicelib.audience.exporting import NO_TOPICS
from chalicelib.audience.import_mapping import Mapped, word_of
from chalicelib.audience.import_reading import Value, plain
from chalicelib.audience.subscriber import Membership, MemberState
from chalicelib.audience.tokens import Secrets
from chalicelib.compose.reader_time import known_zone
from chalicelib.content.problems import did_you_mean
from chalicelib.content.values import Newsletter, Site

MOST_MARKS = 50
MAX_MARK = 100
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_KIND = re.compile(r"[a-z][a-z0-9-]{0,30}")
_GO_ZONE = re.compile(r" ([+-]\d{4}) \S{1,9}$")
"""The end of a time as Go prints it, which listmonk's export has: ``2021-02-22 10:03:25.12 +0000 UTC``."""
_FRACTION = re.compile(r"\.(\d{1,6})\d*")


class Fate(StrEnum):
    """What a row asks for; the later, the more it keeps somebody out."""

    TAKE = "take"
    ELSEWHERE = "elsewhere"
    UNCONFIRMED = "unconfirmed"
    LEFT = "left"
    BOUNCE = "bounce"
    MANUAL = "manual"
    COMPLAINT = "complaint"


_STATES = {
    Fate.TAKE: ("", "confirmed", "enabled", "subscribed", "active", "regular", "yes"),
    Fate.UNCONFIRMED: ("pending", "unconfirmed", "waiting", "nonsubscribed", "non subscribed", "transactional",
                       "never subscribed"),
    Fate.LEFT: ("unsubscribed", "disabled", "inactive", "removed", "left", "opted out", "archived", "no"),
    Fate.BOUNCE: ("bounced", "bounce", "cleaned", "undeliverable", "hard bounced", "hard bounce", "invalid"),
    Fate.MANUAL: ("blocklisted", "blacklisted", "blocked", "suppressed", "do not contact"),
    Fate.COMPLAINT: ("complained", "complaint", "spam", "abuse", "spam complaint", "marked as spam", "junk"),
}  # fmt: skip
_FATES = {word: fate for fate, words in _STATES.items() for word in words}


@dataclass(frozen=True, slots=True)
class Said:
    """What a row says. ``joined`` is what the file says of the beginning, '' where it says nothing."""

    row: int
    fate: Fate
    member: Membership
    joined: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(slots=True)
class Reader:
    """Makes members of one newsletter out of the rows of one part of a file."""

    site: Site
    newsletter: Newsletter
    secrets: Secrets
    now: datetime
    mapped: Mapped
    flavour: str = ""
    state: str = ""
    _columns: dict[str, str] = field(default_factory=dict)
    _kinds: dict[str, str] = field(default_factory=dict)
    _topics: frozenset[str] = frozenset()
    _key: bytes = b""
    _today: str = ""

    def __post_init__(self) -> None:
        for column, what in self.mapped.fields.items():
            if what.startswith("mark:"):
                self._kinds[column] = what.removeprefix("mark:")
            else:
                self._columns[what] = column
        self._key, self._today = self.secrets.sid_key, self.now.isoformat()
        self._topics = frozenset(topic.name for topic in self.site.topics)

    def read(self, row: int, values: Mapping[str, Value]) -> Said:
        """What a row says. Raises AddressError."""
        remarks: list[str] = []
        fields = {name: value for name, column in self._columns.items() if (value := _cell(values, column)) != ""}
        if "attributes" in fields:
            fields = {**_attributes(fields["attributes"], remarks), **fields}
        fate = self._fate(fields, remarks)
        address = parse_address(_text(fields, "email"))
        joined = self._joined(fields, remarks)
        kept = fate is Fate.LEFT and self.flavour == "sendbrief"
        member = Membership(
            self.newsletter.name,
            subscriber_id(address, self._key),
            address,
            clean_name(_name(fields)),
            language=self._language(_text(fields, "language"), remarks),
            topics=self._chosen(fields.get("topics", ""), remarks),
            cadence=self._cadence(_text(fields, "cadence"), remarks),
            state=MemberState.UNSUBSCRIBED if kept else MemberState.CONFIRMED,
            paused_until=_paused(_text(fields, "paused"), remarks),
            joined=joined or self._today,
            marks=self._marks(fields, values, remarks),
            zone=self._zone(_text(fields, "zone"), remarks),
        )
        return Said(row, fate, member, joined, tuple(remarks))

    def _fate(self, fields: Mapping[str, Value], remarks: list[str]) -> Fate:
        if fields.get("bounced_at"):
            return Fate.BOUNCE
        if fields.get("left_at"):
            return Fate.LEFT
        newsletter = _text(fields, "newsletter")
        if newsletter and newsletter != self.newsletter.name:
            return Fate.ELSEWHERE
        word = word_of(_text(fields, "state") or self.state)
        if word not in _FATES:
            remarks.append(f"state '{word[:40]}' is unknown; {did_you_mean(word[:40], _FATES.keys() - {''})}; left out")
        return _FATES.get(word, Fate.UNCONFIRMED)

    def _language(self, language: str, remarks: list[str]) -> str:
        if not language or language in self.site.languages:
            return language
        short = language.replace("_", "-").split("-")[0].lower()
        if short in self.site.languages:
            return short
        hint = did_you_mean(language[:40], self.site.languages)
        remarks.append(f"language '{language[:40]}' is unknown; {hint}; uses '{self.site.fallback}'")
        return self.site.fallback

    def _cadence(self, text: str, remarks: list[str]) -> str:
        """One of the newsletter's cadences; none given means every edition."""
        cadence = text.lower()
        if cadence in {"", "every", *self.newsletter.cadences}:
            return cadence or "every"
        hint = did_you_mean(cadence[:40], self.newsletter.cadences)
        remarks.append(f"cadence '{cadence[:40]}' is not offered; {hint}; gets every edition")
        return "every"

    def _zone(self, zone: str, remarks: list[str]) -> str:
        """An IANA name; none given means the site's."""
        if not zone or known_zone(zone):
            return zone
        own = self.site.time_zone.key
        remarks.append(f"zone '{zone[:40]}' is no name like America/New_York; counts as the site's, {own}")
        return ""

    def _chosen(self, value: Value, remarks: list[str]) -> frozenset[str] | None:
        """Topics parted by blanks or semicolons; none given means all."""
        if value == NO_TOPICS or (isinstance(value, list) and not value):
            return frozenset()
        words = value.replace(";", " ").split() if isinstance(value, str) else list(value)
        chosen = frozenset(words)
        for topic in sorted(chosen - self._topics)[:10]:
            hint = did_you_mean(topic[:40], self._topics)
            remarks.append(f"topic '{topic[:40]}' is unknown; {hint}; left out")
        return chosen & self._topics or None

    def _joined(self, fields: Mapping[str, Value], remarks: list[str]) -> str:
        text = _text(fields, "confirmed") or _text(fields, "joined")
        if not text:
            return ""
        moment = read_moment(text)
        if moment is None or not EARLIEST <= moment <= self.now:
            remarks.append(f"time '{text[:40]}' is not understood; it counts as joined today")
            return ""
        return moment.isoformat()

    def _marks(self, fields: Mapping[str, Value], values: Mapping[str, Value], remarks: list[str]) -> frozenset[str]:
        if not (self._kinds or fields.get("tags") or fields.get("marks")):
            return frozenset()
        marks = set(_list(fields.get("marks", ""), lambda text: [unquote(word) for word in text.split()]))
        marks |= {f"tag:{_mark(tag)}" for tag in _list(fields.get("tags", ""), _tags)}
        for column, kind in self._kinds.items():
            marks |= {f"{kind}:{_mark(text)}" for text in _list(_cell(values, column), lambda text: [text])}
        good = sorted(mark for mark in marks if len(mark) <= MAX_MARK and _is_mark(mark))
        if len(good) < len(marks) or len(good) > MOST_MARKS:
            left = len(marks) - len(good[:MOST_MARKS])
            remarks.append(f"{left} of its tags and marks are empty, too long or too many; left out")
        return frozenset(good[:MOST_MARKS])


def read_moment(text: str) -> datetime | None:
    """A moment as exports write it (ISO 8601, Mailchimp's, Go's); without a zone it is UTC. None: it is none."""
    text = _FRACTION.sub(r".\1", _GO_ZONE.sub(r"\1", text.strip()[:60]), count=1)
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _paused(text: str, remarks: list[str]) -> str:
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        remarks.append(f"paused until '{text[:40]}' is no date like 2026-01-31; not paused")
        return ""


def _text(fields: Mapping[str, Value], name: str) -> str:
    value = fields.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def _name(fields: Mapping[str, Value]) -> str:
    return _text(fields, "name") or f"{_text(fields, 'first_name')} {_text(fields, 'last_name')}".strip()


def _list(value: Value, parted: Callable[[str], list[str]]) -> list[str]:
    return [word for word in (parted(value) if isinstance(value, str) else list(value)) if word.strip()]


def _tags(text: str) -> list[str]:
    """Tags parted by commas (Mailchimp's are a row of CSV within the cell) or semicolons."""
    try:
        cells = next(csv.reader([text.replace("\n", " ").replace("\r", " ")], skipinitialspace=True), [])
    except csv.Error:
        cells = text.split(",")
    return [tag for cell in cells for tag in cell.split(";")]


def _mark(text: str) -> str:
    """The value of a mark: small letters, hyphens for blanks."""
    return "-".join(clean_name(text).lower().split())


def _is_mark(mark: str) -> bool:
    kind, colon, value = mark.partition(":")
    return bool(colon and value and _KIND.fullmatch(kind) and clean_name(value) == value)


def _attributes(value: Value, remarks: list[str]) -> dict[str, Value]:
    """What listmonk keeps in JSON beside name and address, as far as there is a field for it."""
    data: Any = value
    if isinstance(value, str):
        try:
            data = json.loads(value)
        except (ValueError, RecursionError):
            remarks.append("its attributes are no JSON; left out")
    if not isinstance(data, Mapping):
        return {}
    known = {"lang": "language", "locale": "language", "timezone": "zone"}
    kept = ("language", "lang", "locale", "topics", "cadence", "joined", "paused", "tags", "marks", "zone", "timezone")
    return {known.get(name, name): plain(data[name]) for name in kept if data.get(name) is not None}


def _cell(values: Mapping[str, Value], column: str) -> Value:
    """What stands in a column; in one like ``attributes.city``, which no file has, what that attribute is."""
    if column in values or "." not in column:
        return values.get(column, "")
    head, _, name = column.partition(".")
    data: Any = values.get(head, "")
    if isinstance(data, str):
        try:
            data = json.loads(data or "{}")
        except (ValueError, RecursionError):
            return ""
    return plain(data.get(name)) if isinstance(data, Mapping) else ""
