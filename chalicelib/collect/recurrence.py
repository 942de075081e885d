"""Recurrence rules (RFC 5545, 3.3.10) as local times within a window.

python-dateutil knows these rules too, and the tests compare with it; but it searches a rule that never comes true
(30 February) to the year 9999, for many seconds, and can't be stopped. Here a rule is only followed in the window
that is asked for, however long ago its series began, and against a budget.
"""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MAX_TIMES_A_DAY = 24
MAX_INTERVAL = 5000
_LIMITS = {
    "BYMONTH": 12, "BYWEEKNO": 53, "BYYEARDAY": 366, "BYMONTHDAY": 31, "BYSETPOS": 366,
    "BYHOUR": 23, "BYMINUTE": 59, "BYSECOND": 59,
}  # fmt: skip
_TIMES = ("BYHOUR", "BYMINUTE", "BYSECOND")
_BYDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)\Z")
_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?\Z")


@dataclass(slots=True)
class Budget:
    """How many days the rules of one calendar may look at, all together."""

    days: int

    def spend(self, days: int) -> None:
        """Raises ValueError where nothing is left."""
        self.days -= days
        if self.days < 0:
            raise ValueError("the rules up to it repeat for too long to be followed")


@dataclass(frozen=True, slots=True)
class Rule:
    """One RRULE. ``until`` is aware where it was written in UTC, else local; of a date, its last second.

    ``weekdays`` are (n, weekday): the n-th of the month or year, from its end where negative, each where 0.
    """

    freq: str
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    week_start: int = 0
    months: frozenset[int] = frozenset()
    weeks: frozenset[int] = frozenset()
    yeardays: frozenset[int] = frozenset()
    monthdays: frozenset[int] = frozenset()
    weekdays: frozenset[tuple[int, int]] = frozenset()
    positions: frozenset[int] = frozenset()
    hours: frozenset[int] = frozenset()
    minutes: frozenset[int] = frozenset()
    seconds: frozenset[int] = frozenset()


def parse_rule(text: str) -> Rule:
    """Raises ValueError, in plain words, where it is no rule or repeats more often than events do."""
    parts = dict(part.upper().split("=", 1) for part in text.split(";") if "=" in part)
    freq = parts.get("FREQ", "")
    if freq not in {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}:
        raise ValueError("its RRULE repeats more often than events do, or has no FREQ")
    if parts.get("RSCALE", "GREGORIAN") != "GREGORIAN":
        raise ValueError(f"its RRULE counts in the calendar {parts['RSCALE'][:20]}, which is not followed")
    numbers = {key: _numbers(parts.get(key, ""), key, limit) for key, limit in _LIMITS.items()}
    interval, count = _above_zero(parts, "INTERVAL") or 1, _above_zero(parts, "COUNT")
    if interval > MAX_INTERVAL:
        raise ValueError(f"its RRULE has an INTERVAL above {MAX_INTERVAL}")
    often = 1
    for key in _TIMES:
        often *= max(1, len(numbers[key]))
    if often > MAX_TIMES_A_DAY:
        raise ValueError("its RRULE repeats more often than events do")
    return Rule(
        freq,
        interval,
        count,
        _until(parts["UNTIL"]) if "UNTIL" in parts else None,
        WEEKDAYS.index(parts["WKST"]) if parts.get("WKST") in WEEKDAYS else 0,
        months=numbers["BYMONTH"],
        weeks=numbers["BYWEEKNO"],
        yeardays=numbers["BYYEARDAY"],
        monthdays=numbers["BYMONTHDAY"],
        weekdays=_weekdays(parts.get("BYDAY", ""), numbered=freq in {"MONTHLY", "YEARLY"}),
        positions=numbers["BYSETPOS"],
        hours=numbers["BYHOUR"],
        minutes=numbers["BYMINUTE"],
        seconds=numbers["BYSECOND"],
    )


def _above_zero(parts: dict[str, str], key: str) -> int | None:
    if key not in parts:
        return None
    if not re.fullmatch(r"\d{1,9}", parts[key]) or int(parts[key]) < 1:
        raise ValueError("its RRULE has an INTERVAL or COUNT below 1")
    return int(parts[key])


def _numbers(text: str, key: str, limit: int) -> frozenset[int]:
    numbers = [int(part) for part in text.split(",") if re.fullmatch(r"[+-]?\d{1,3}", part)]
    negative = key not in ("BYMONTH", *_TIMES)
    low = 0 if key in _TIMES else 1
    if len(numbers) != len(text.split(",")) * bool(text) or any(
        not low <= (abs(number) if negative else number) <= limit for number in numbers
    ):
        raise ValueError(f"its RRULE has a {key} that can't be read")
    return frozenset(numbers)


def _weekdays(text: str, *, numbered: bool) -> frozenset[tuple[int, int]]:
    found = [_BYDAY.match(part.strip()) for part in text.split(",") if text]
    if not all(found):
        raise ValueError("its RRULE has a BYDAY that can't be read")
    return frozenset((int(m[1] or 0) if numbered else 0, WEEKDAYS.index(m[2])) for m in found if m)


def _until(text: str) -> datetime:
    match = _UNTIL.match(text)
    try:
        moment = datetime.strptime(match[1] + (match[2] or "235959"), "%Y%m%d%H%M%S") if match else None  # noqa: DTZ007
    except ValueError:
        moment = None
    if match is None or moment is None:
        raise ValueError("its RRULE has an UNTIL that can't be read")
    return moment.replace(tzinfo=UTC) if match[3] else moment


def expand(rule: Rule, first: datetime, low: datetime, high: datetime, budget: Budget) -> Iterator[datetime]:
    """The local times from ``low`` to ``high``, both included, of a series that begins at ``first``; all are naive.

    ``rule.until`` must be local. As with dateutil, ``first`` itself only counts where the rule names it.
    """
    rule = _with_defaults(rule, first)
    last = min(high, rule.until) if rule.until else high
    left = rule.count
    for days in _periods(rule, first.date(), first.date() if left else max(first, low).date(), last.date()):
        budget.spend(len(days))
        for moment in _moments(rule, days):
            if moment > last or left == 0:
                return
            if moment >= first:
                left = left - 1 if left else None
                if moment >= low:
                    yield moment


def _with_defaults(rule: Rule, first: datetime) -> Rule:
    """What the rule leaves open is as in the first occurrence."""
    changes: dict[str, frozenset[int] | frozenset[tuple[int, int]]] = {}
    if not (rule.weeks or rule.yeardays or rule.monthdays or rule.weekdays):
        if rule.freq == "WEEKLY":
            changes["weekdays"] = frozenset({(0, first.weekday())})
        elif rule.freq in {"MONTHLY", "YEARLY"}:
            changes["monthdays"] = frozenset({first.day})
            if rule.freq == "YEARLY" and not rule.months:
                changes["months"] = frozenset({first.month})
    changes["hours"] = rule.hours or frozenset({first.hour})
    changes["minutes"] = rule.minutes or frozenset({first.minute})
    changes["seconds"] = rule.seconds or frozenset({first.second})
    return replace(rule, **changes)  # type: ignore[arg-type]


def _periods(rule: Rule, first: date, low: date, high: date) -> Iterator[list[date]]:
    """The days of each year, month, week or day of the rule, from the last one that begins before ``low`` on."""
    step = rule.interval
    if rule.freq == "YEARLY":
        for year in range(first.year + (low.year - first.year) // step * step, high.year + 1, step):
            yield [day for month in sorted(rule.months) or range(1, 13) for day in _month(year, month)]
    elif rule.freq == "MONTHLY":
        start, end = first.year * 12 + first.month - 1, high.year * 12 + high.month
        begin = low.year * 12 + low.month - 1
        for number in range(start + (begin - start) // step * step, end, step):
            yield _month(number // 12, number % 12 + 1)
    else:
        length = 7 if rule.freq == "WEEKLY" else 1
        start = first.toordinal() - ((first.weekday() - rule.week_start) % 7 if length == 7 else 0)
        step *= length
        for number in range(start + (low.toordinal() - start) // step * step, high.toordinal() + 1, step):
            yield [date.fromordinal(day) for day in range(max(1, number), number + length)]


def _month(year: int, month: int) -> list[date]:
    return [date(year, month, day) for day in range(1, calendar.monthrange(year, month)[1] + 1)]


def _moments(rule: Rule, days: list[date]) -> list[datetime]:
    times = [time(h, m, s) for h in sorted(rule.hours) for m in sorted(rule.minutes) for s in sorted(rule.seconds)]
    found = [datetime.combine(day, at) for day in days if _fits(rule, day) for at in times]
    if not rule.positions:
        return found
    chosen = {position - 1 if position > 0 else len(found) + position for position in rule.positions}
    return [moment for position, moment in enumerate(found) if position in chosen]


def _fits(rule: Rule, day: date) -> bool:
    if rule.months and day.month not in rule.months:
        return False
    if rule.monthdays:
        length = calendar.monthrange(day.year, day.month)[1]
        if day.day not in rule.monthdays and day.day - length - 1 not in rule.monthdays:
            return False
    if rule.yeardays:
        number, length = day.timetuple().tm_yday, 366 if calendar.isleap(day.year) else 365
        if number not in rule.yeardays and number - length - 1 not in rule.yeardays:
            return False
    if rule.weekdays and not any(day.weekday() == weekday and _nth(rule, day, n) for n, weekday in rule.weekdays):
        return False
    return not rule.weeks or _in_week(rule, day)


def _nth(rule: Rule, day: date, n: int) -> bool:
    if n == 0:
        return True
    if rule.freq == "MONTHLY" or rule.months:
        number, length = day.day, calendar.monthrange(day.year, day.month)[1]
    else:
        number, length = day.timetuple().tm_yday, 366 if calendar.isleap(day.year) else 365
    return n in {(number - 1) // 7 + 1, -((length - number) // 7 + 1)}


def _in_week(rule: Rule, day: date) -> bool:
    """Weeks belong to the year that has four of their days, and begin with WKST."""
    middle = day - timedelta(days=(day.weekday() - rule.week_start) % 7) + timedelta(days=3)
    number = (middle.timetuple().tm_yday - 1) // 7 + 1
    return number in rule.weeks or number - _weeks(middle.year, rule.week_start) - 1 in rule.weeks


def _weeks(year: int, week_start: int) -> int:
    """How many weeks a year has: as many as days that stand in the middle of one."""
    middle = (week_start + 3) % 7
    first = 1 + (middle - date(year, 1, 1).weekday()) % 7
    return (366 - first if calendar.isleap(year) else 365 - first) // 7 + 1
