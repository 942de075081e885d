"""Days: a weekday beside a date that is another day, and dates that no calendar has; English and German. Pure.

A date without a year is that of the year which lies nearest to the day the text is of. Where two years are near, either
will do: a text of December may mean last June or the next.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from chalicelib.lint.findings import WARNING, Finding, shown

NEAR = timedelta(days=215)
"""How far from the day of the text a date without a year may be, either way."""
_EN_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DE_DAYS = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")
_EN_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_DE_MONTHS = (
    "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
    "Dezember",
)  # fmt: skip
_MORE = {"Tues": 1, "Weds": 2, "Thur": 3, "Thurs": 3, "Sonnabend": 5}
_MORE_MONTHS = {"Sept": 9, "Jänner": 1, "Feber": 2, "Mrz": 3, "Maerz": 3}
_ENGLISH = {**{d: n for n, d in enumerate(_EN_DAYS)}, **{d[:3]: n for n, d in enumerate(_EN_DAYS)}}
_GERMAN = {**{d: n for n, d in enumerate(_DE_DAYS)}, **{d[:2]: n for n, d in enumerate(_DE_DAYS)}}
_DAYS = {**_ENGLISH, **_GERMAN, **_MORE}
_MONTHS = {
    **{m: n for names in (_EN_MONTHS, _DE_MONTHS) for n, m in enumerate(names, 1)},
    **{m[:3]: n for names in (_EN_MONTHS, _DE_MONTHS) for n, m in enumerate(names, 1)},
    **_MORE_MONTHS,
}


def _words(names: dict[str, int]) -> str:
    return "|".join(sorted(names, key=lambda name: (-len(name), name)))


_WEEKDAY = re.compile(rf"(?<![\w-])({_words(_DAYS)})(?![\w-])(\.?)")
_BETWEEN = re.compile(
    r"(?:\s{1,3}(?:early|late|night|morning|noon|afternoon|evening|abend|früh|morgen|mittag|nachmittag|vormittag|nacht))?"
    r"[,.]?\s{0,3}(?:(?:the|den|dem|der|am|on)\s{1,3})?(?=[\w])",
    re.IGNORECASE,
)
_MONTH = rf"(?P<month>{_words(_MONTHS)})(?![a-zäöü])\.?"
_YEAR = r"(?:,?\s{1,3}(?P<year>(?:19|20)\d\d)(?!\d))?"
_DATES = (
    re.compile(r"(?P<year>(?:19|20)\d\d)-(?P<month>\d{2})-(?P<day>\d{2})(?![\d-])"),
    re.compile(
        rf"{_MONTH}\s{{1,3}}(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:.–-]\d|\d|[–-]\w|\s{{0,2}}(?:am|pm)\b){_YEAR}"
    ),
    re.compile(rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?(?:\s{{1,3}}of)?\s{{0,3}}{_MONTH}{_YEAR}"),
    re.compile(r"(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.(?:\s?(?P<year>(?:19|20)\d\d)(?!\d)|(?![\d.]))"),
)
_ANYWHERE = re.compile(
    rf"(?<![\w.-])(?:(?:19|20)\d\d-\d\d-\d\d|\d{{1,2}}\.\s?\d{{1,2}}\.\s?(?:19|20)\d\d|\d{{1,2}}(?:st|nd|rd|th|\.)?"
    rf"\s{{1,3}}(?:{_words(_MONTHS)})\b|(?:{_words(_MONTHS)})\.?\s{{1,3}}\d{{1,2}})(?!\w)"
)
_AFTER = re.compile(rf"\s{{1,2}}\(({_words(_DAYS)})\.?[,)]")


@dataclass(frozen=True, slots=True)
class _Date:
    """A date as written; ``year`` is 0 where none was. ``end`` is where it ends in the text."""

    year: int
    month: int
    day: int
    end: int

    def on(self, year: int) -> date | None:
        """The day in a year, or None where that has no such day."""
        try:
            return date(year, self.month, self.day)
        except ValueError:
            return None

    @property
    def possible(self) -> bool:
        """Whether any year has such a day."""
        return self.on(2000) is not None

    def near(self, day: date) -> list[date]:
        """What it may mean in a text of ``day``, the nearest first."""
        years = (self.year,) if self.year else (day.year - 1, day.year, day.year + 1)
        found = sorted((d for year in years if (d := self.on(year))), key=lambda other: abs(other - day))
        return [other for number, other in enumerate(found) if not number or abs(other - day) <= NEAR]


def day_findings(text: str, of: date) -> Iterator[Finding]:
    """Wrong weekdays and impossible dates in a text that was written on the day ``of``."""
    judged: set[int] = set()
    for match in _WEEKDAY.finditer(text):
        between = _BETWEEN.match(text, match.end())
        found = _date_at(text, between.end()) if between else None
        if found and between and _is_one(match, found, text[match.end() : between.end()]):
            judged.add(between.end())
            yield from _compared(match[1], found, text[match.start() : found.end], of)
    for match in _ANYWHERE.finditer(text):
        found = _date_at(text, match.start())
        if found is None or match.start() in judged:
            continue
        after = _AFTER.match(text, found.end)
        if after:
            yield from _compared(after[1], found, text[match.start() : after.end()], of)
        elif found.year and found.day <= 31 and not found.on(found.year):
            words = text[match.start() : found.end]
            yield Finding("wrong-day", WARNING, f"'{shown(words)}': there is no such day in {found.year}", words)


def _is_one(weekday: re.Match[str], found: _Date, between: str) -> bool:
    """``So 3.12.`` may begin a sentence: two letters need a dot, a comma or a year."""
    return len(weekday[1]) > 2 or bool(weekday[2]) or "," in between or bool(found.year)


def _date_at(text: str, position: int) -> _Date | None:
    for pattern in _DATES:
        if match := pattern.match(text, position):
            month = match["month"].rstrip(".")
            number = int(month) if month.isdigit() else _MONTHS[month]
            day = int(match["day"])
            return _Date(int(match["year"] or 0), number, day, match.end()) if 1 <= number <= 12 and day else None
    return None


def _compared(weekday: str, found: _Date, words: str, of: date) -> Iterator[Finding]:
    days = found.near(of)
    if not found.possible:
        return
    if not days:
        year = found.year or of.year
        yield Finding("wrong-day", WARNING, f"'{shown(words)}': there is no such day in {year}", words)
    elif all(day.weekday() != _DAYS[weekday] for day in days):
        right = f"{days[0].isoformat()} is a {_EN_DAYS[days[0].weekday()]}"
        yield Finding("wrong-day", WARNING, f"'{shown(words)}': {right}; mend one of the two", words)
