"""The strings of mails in each language, and how dates are said in it: templates/messages/<language>.yaml."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from chalicelib.errors import ConfigurationError, RenderError

_LAST_RESORT = "en"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where it is built in: eight times as fast
_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The strings of one language, keys joined by dots. ``language`` is what was found, not what was asked for."""

    language: str
    texts: Mapping[str, Any]

    def __call__(self, key: str, **values: object) -> str:
        """The string of ``key`` with ``{placeholders}`` filled. Raises RenderError where either is missing."""
        text = self._find(key)
        if isinstance(text, list):
            raise RenderError(f"Message {key} of language {self.language} is a list.", "Ask for one of its items.")
        try:
            return str(text).format(**values)
        except (KeyError, IndexError, ValueError) as error:
            raise RenderError(
                f"Message {key} of language {self.language} has a placeholder that is not known: {error}.",
                f"Known here: {', '.join(sorted(values)) or 'none'}.",
            ) from error

    def count(self, key: str, number: int, **values: object) -> str:
        """A plural: ``key.zero`` where it exists, ``key.one``, ``key.other``; ``{n}`` is the number."""
        form = "one" if number == 1 else "zero" if number == 0 and f"{key}.zero" in self.texts else "other"
        return self(f"{key}.{form}", n=number, **values)

    def date(self, moment: datetime, *, year: bool = True) -> str:
        """``16 November 2026`` of a moment already in the zone it is to be told in."""
        pattern = "date.long" if year else "date.short"
        return self(pattern, day=moment.day, month=self._item("date.months", moment.month - 1), year=moment.year)

    def month(self, moment: datetime) -> str:
        """``Nov``: the short name for a date block."""
        return self._item("date.months_short", moment.month - 1)

    def weekday(self, moment: datetime) -> str:
        """``Monday``."""
        return self._item("date.weekdays", moment.weekday())

    def time(self, moment: datetime, zone: ZoneInfo) -> str:
        """``15:05 CET``, told in ``zone``."""
        local = moment.astimezone(zone)
        return self("date.time", time=f"{local:%H:%M}", zone=zone_name(local))

    def moment(self, moment: datetime, zone: ZoneInfo) -> str:
        """``3 December, 15:05 CET``."""
        local = moment.astimezone(zone)
        return self("date.moment", date=self.date(local, year=False), time=self.time(moment, zone))

    def span(self, starts: datetime, ends: datetime | None, zone: ZoneInfo, *, all_day: bool) -> str:
        """When something takes place, in ``zone``: one day or several, with times unless it lasts all day.

        Of ``all_day`` spans the end is exclusive, as in iCalendar (RFC 5545, 3.6.1).
        """
        first = starts.astimezone(zone)
        last = (ends or starts).astimezone(zone)
        if all_day and last > first:
            last -= timedelta(days=1)
        days = self._days(first, last)
        if all_day:
            return days
        if ends is None or last == first:
            return self("date.at", date=days, time=self.time(starts, zone))
        if first.date() == last.date():
            times = self("date.times", first=f"{first:%H:%M}", last=f"{last:%H:%M}")
            return self("date.at", date=days, time=self("date.time", time=times, zone=zone_name(first)))
        return self("date.range", first=self.moment(starts, zone), last=self.moment(last, zone))

    def planned(self, starts: datetime, zone: ZoneInfo, *, all_day: bool) -> str:
        """``Thursday, 3 December, 15:05``: when something was to begin, in ``zone``."""
        local = starts.astimezone(zone)
        days = self._days(local, local)
        return days if all_day else self("date.at", date=days, time=self("date.clock", time=f"{local:%H:%M}"))

    def _days(self, first: datetime, last: datetime) -> str:
        if first.date() == last.date():
            return self("date.with_weekday", weekday=self.weekday(first), date=self.date(first, year=False))
        if (first.year, first.month) == (last.year, last.month):
            return self("date.days", first=first.day, last=self.date(last, year=False))
        return self("date.range", first=self.date(first, year=False), last=self.date(last, year=False))

    def language_name(self, tag: str) -> str:
        """What ``tag`` is called in this language; the tag itself where the catalogue does not say."""
        name = self.texts.get(f"languages.{tag.lower().split('-')[0]}", tag)
        return str(name)

    def _item(self, key: str, index: int) -> str:
        items = self._find(key)
        if not isinstance(items, list) or len(items) <= index:
            raise RenderError(
                f"Message {key} of language {self.language} lacks item {index + 1}.",
                f"Complete the list in templates/messages/{self.language}.yaml.",
            )
        return str(items[index])

    def _find(self, key: str) -> Any:
        if key not in self.texts:
            raise RenderError(
                f"Message {key} is missing in language {self.language}.",
                f"Add it to templates/messages/{self.language}.yaml.",
            )
        return self.texts[key]


def zone_name(local: datetime) -> str:
    """``CET`` where the zone has a name, else ``UTC+05:45``."""
    name = local.tzname() or ""
    if name.isalpha():
        return name
    offset = f"{local:%z}"
    return f"UTC{offset[:3]}:{offset[3:5]}"


def load_catalogue(roots: Sequence[Path], language: str, fallback: str) -> Catalogue:
    """The catalogue of ``language``, its primary subtag, ``fallback`` or English: the first that exists.

    ``roots`` are template folders, the one that wins first; a site's file may hold only what it changes.
    Raises ConfigurationError where a file can't be read as YAML.
    """
    for tag in (language, language.split("-")[0], fallback, fallback.split("-")[0], _LAST_RESORT):
        files = [root / "messages" / f"{tag}.yaml" for root in reversed(roots) if _TAG.fullmatch(tag)]
        texts: dict[str, Any] = {}
        for file in files:
            if file.is_file():
                texts |= _flat(_read(file))
        if texts:
            return Catalogue(tag, texts)
    raise ConfigurationError("No messages were found.", "The installation lacks templates/messages/en.yaml.")


def _read(file: Path) -> Mapping[str, Any]:
    known = file.stat()
    return _parsed(file, known.st_mtime_ns, known.st_size)


@lru_cache(maxsize=64)
def _parsed(file: Path, _changed: int, _size: int) -> Mapping[str, Any]:
    """A file's strings, parsed once until it changes."""
    try:
        data = yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - safe, either of them
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"messages/{file.name} can't be read: {error}.", "Mend its YAML.") from error
    if not isinstance(data, dict):
        raise ConfigurationError(f"messages/{file.name} is no mapping.", "Give it keys with strings below them.")
    return data


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found
