"""Dates as feeds write them: read by a strict table, or absent; nothing is guessed.

Read are RFC 3339 and other ISO forms, RFC 5322 with its obsolete zones, the ``date`` of Unix, and prose such as
``2. März 2026, 14:30 Uhr`` or ``Monday, March 2nd, 2026 at 2:30 pm``. ``02.03.2026`` is the second of March, as dots
are written that way everywhere; ``02/03/2026`` may be either and is absent, ``13/03/2026`` can't. Where a zone is
missing the site's counts; where one is named that is not known, or used by two countries, the date is absent. So are
years of two digits and those in which there was no feed, such as 1970 for 'never'. A day of the week is not compared.
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

EARLIEST, LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
MAX_CHARS = 100
_MONTHS = {
    name: number
    for number, names in enumerate(
        (  # English, German, French, Spanish, Portuguese, Italian, Dutch
            "jan january januar jänner jaenner janv janvier ene enero janeiro gen gennaio januari",
            "feb february februar feber fév févr février fev febr febrero fevereiro febbraio februari",
            "mar march mär märz mrz maerz mars marzo março marco mrt maart",
            "apr april avr avril abr abril aprile",
            "may mai mayo maio mag maggio mei",
            "jun june juni juin junio junho giu giugno",
            "jul july juli juil juillet julio julho lug luglio",
            "aug august août aout ago agosto augustus",
            "sep sept september septembre septiembre set setembro settembre",
            "oct october okt oktober octobre octubre out outubro ott ottobre",
            "nov november novembre noviembre novembro",
            "dec december dez dezember déc décembre dic diciembre dezembro dicembre",
        ),
        1,
    )
    for name in names.split()
}
_ZONES = {
    name: hours * 60
    for hours, names in {
        0: "z ut utc gmt wet", 1: "cet mez west bst", 2: "cest mesz eet", 3: "eest msk",
        -4: "edt", -5: "est cdt", -6: "cst mdt", -7: "mst pdt", -8: "pst",
    }.items()
    for name in names.split()
}  # fmt: skip
"""Minutes east. Those of RFC 5322, 4.3 as it says; of the others only what one country or hour uses."""

_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|ª)?"
_MONTH = r"(?P<month>[^\W\d_]{3,10})\.?"
_YEAR = r"(?P<year>\d{4})"
_TIME = (
    r"(?P<hour>\d{1,2})[:.h](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,]\d{1,9})?)?"
    r"(?:\s?(?P<half>[ap])\.?m\b\.?)?(?:\s?(?:uhr|hrs?)\b)?"
)
_ZONE = r"(?P<zone>[a-z]{1,5}(?:/[a-z_]+)*)?\s?(?P<offset>[+\-−]\d{1,2}(?::?\d{2})?)?"
_WEEKDAY = r"(?:(?:on\s)?[^\W\d_]{2,12}(?:-feira)?(?:\s?[.,]+\s?|\s)(?:den\s|dem\s|the\s)?)?"
_AT = r"(?:\s?,?\s?(?:at|um|@|-|–|à|a las|às|alle)?\s?)"
_ISO = r"(?P<year>\d{4})(?P<sep>[-/.]?)(?P<number>\d{2})(?P=sep)(?P<day>\d{2})"
_FORMS = [
    re.compile(rf"{form}\Z", re.ASCII if form.startswith("(?P<year>") else 0)
    for form in (
        rf"{_ISO}(?:[t ]\s?{_TIME}\s?{_ZONE})?",
        r"(?P<year>\d{4})(?P<number>\d{2})(?P<day>\d{2})t(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})?" + _ZONE,
        rf"{_WEEKDAY}{_DAY}\.?[\s-]?(?:of\s|de\s)?{_MONTH},?[\s-]?(?:de\s)?{_YEAR}(?:{_AT}{_TIME}\s?{_ZONE})?",
        rf"{_WEEKDAY}{_MONTH}\s?{_DAY}\s?,?\s{_YEAR}(?:{_AT}{_TIME}\s?{_ZONE})?",
        rf"{_WEEKDAY}{_MONTH}\s{_DAY}\s{_TIME}\s?{_ZONE}\s{_YEAR}",
        rf"{_WEEKDAY}{_DAY}\.\s?(?P<number>\d{{1,2}})\.\s?{_YEAR}(?:{_AT}{_TIME}\s?{_ZONE})?",
        rf"{_WEEKDAY}(?P<one>\d{{1,2}})(?P<sep>[/-])(?P<other>\d{{1,2}})(?P=sep){_YEAR}(?:{_AT}{_TIME}\s?{_ZONE})?",
    )
]
_COMMENT = re.compile(r"\([^()]*\)")


def parse_date(text: object, zone: tzinfo) -> datetime | None:
    """The moment a feed's text means, in UTC, or None. ``zone`` is the site's, for a date without one."""
    if not isinstance(text, str) or len(text) > MAX_CHARS:
        return None
    plain = " ".join(_COMMENT.sub(" ", text).split()).casefold()
    for form in _FORMS:
        if found := form.match(plain):
            try:
                moment = _moment(found.groupdict(), zone)
                return moment if moment and EARLIEST <= moment < LATEST else None
            except (ValueError, OverflowError):  # the 31st of June, 25 o'clock
                return None
    return None


def _moment(parts: dict[str, str | None], zone: tzinfo) -> datetime | None:
    month, day = _month_and_day(parts)
    where = _zone(parts.get("zone"), parts.get("offset"), zone)
    if month is None or day is None or where is None:
        return None
    hour, second = int(parts.get("hour") or 0), min(int(parts.get("second") or 0), 60)
    if half := parts.get("half"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "p" else 0)
    minute = int(parts.get("minute") or 0)
    written = datetime(int(parts["year"] or 0), month, day, hour, minute, min(second, 59), tzinfo=where)
    return written.astimezone(UTC)


def _month_and_day(parts: dict[str, str | None]) -> tuple[int | None, int | None]:
    if parts.get("one"):
        first, second = int(parts["one"] or 0), int(parts["other"] or 0)
        if first <= 12 and second <= 12 and first != second:
            return None, None  # either may be the month
        return min(first, second), max(first, second)
    if number := parts.get("number"):
        return int(number), int(parts["day"] or 0)
    return _MONTHS.get(parts["month"] or ""), int(parts["day"] or 0)


def _zone(name: str | None, offset: str | None, zone: tzinfo) -> tzinfo | None:
    """The zone written, the site's where none is, None where it is not known."""
    if name and name not in _ZONES:
        return None
    if not offset:
        return timezone(timedelta(minutes=_ZONES[name])) if name else zone
    if name and _ZONES[name]:
        return None  # CET+0200 says two things
    digits = offset[1:].replace(":", "")
    hours, minutes = (int(digits), 0) if len(digits) <= 2 else (int(digits[:-2]), int(digits[-2:]))
    if minutes > 59 or hours > 14:
        return None
    east = hours * 60 + minutes
    return timezone(timedelta(minutes=east if offset[0] == "+" else -east))
