"""Recurrence rules, beside python-dateutil's reading of them and the standard library's count of weeks."""
# ruff: noqa: DTZ001 (rules are expanded in local time)

from datetime import datetime, timedelta
from itertools import islice

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.collect.recurrence import WEEKDAYS, Budget, expand, parse_rule

DAYS = st.sampled_from(WEEKDAYS)


def listed(key: str, values: list[int]) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True).map(
        lambda some: f";{key}={','.join(map(str, some))}"
    )


def maybe(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(st.just(""), strategy)


@st.composite
def rules(draw: st.DrawFn) -> str:
    freq = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    text = f"FREQ={freq}" + draw(maybe(listed("INTERVAL", [1, 2, 3, 5]).map(lambda t: t.split(",")[0])))
    text += draw(st.one_of(st.just(""), st.just(";COUNT=17"), st.just(";UNTIL=20220515T120000")))
    text += draw(maybe(listed("BYMONTH", list(range(1, 13)))))
    text += draw(maybe(listed("BYMONTHDAY", [1, 2, 13, 28, 29, 30, 31, -1, -2, -31])))
    numbers = {"MONTHLY": [-4, -2, -1, 1, 2, 4], "YEARLY": [-3, -1, 1, 2, 20, 50]}.get(freq)
    number = st.sampled_from(numbers).map(str) if numbers and draw(st.booleans()) else st.just("")
    text += draw(maybe(st.builds("{}{}".format, number, DAYS).map(lambda day: f";BYDAY={day}")))
    text += draw(maybe(st.just(";BYHOUR=9,18")))
    if freq == "YEARLY":
        text += draw(maybe(listed("BYYEARDAY", [1, 60, 100, 365, 366, -1, -366])))
    if freq != "WEEKLY":
        text += draw(maybe(st.sampled_from([";BYSETPOS=1", ";BYSETPOS=-1", ";BYSETPOS=2", ";BYSETPOS=1,-1"])))
    return text + draw(maybe(DAYS.map(lambda day: f";WKST={day}")))


@settings(max_examples=400, deadline=None)
@given(rules(), st.datetimes(datetime(2016, 1, 1), datetime(2021, 1, 1)), st.integers(0, 2000), st.integers(1, 900))
def test_rules_mean_what_dateutil_reads(text: str, first: datetime, after: int, length: int) -> None:
    first = first.replace(microsecond=0)
    low = datetime(2017, 1, 1) + timedelta(days=after)
    high = low + timedelta(days=length)
    found = list(expand(parse_rule(text), first, low, high, Budget(100_000)))
    # dateutil searches what comes true no more to the year 9999: there it is only asked for what was found
    rare = any(key in text for key in ("BYMONTHDAY", "BYYEARDAY", "BYSETPOS", "BYMONTH"))
    theirs = rrulestr(text, dtstart=first)
    assert found == (
        list(islice(theirs.xafter(low, inc=True), len(found))) if rare else theirs.between(low, high, inc=True)
    )


@pytest.mark.parametrize("week", [1, 2, 20, 52, 53])
def test_weeks_are_those_of_iso_8601(week: int) -> None:
    first, high = datetime(2010, 1, 1, 9), datetime(2040, 1, 1)
    found = list(expand(parse_rule(f"FREQ=YEARLY;BYWEEKNO={week}"), first, first, high, Budget(100_000)))
    days = [first + timedelta(days=n) for n in range((high - first).days + 1)]
    assert found == [day for day in days if day.isocalendar().week == week]
    last = list(expand(parse_rule("FREQ=YEARLY;BYWEEKNO=-1;BYDAY=TH"), first, first, high, Budget(100_000)))
    assert last[5:8] == [datetime(2015, 12, 31, 9), datetime(2016, 12, 29, 9), datetime(2017, 12, 28, 9)]


@pytest.mark.timeout(60)  # a guard against what is not linear, no measure
@pytest.mark.parametrize("freq", ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"])
def test_what_never_comes_true_ends_with_its_window(freq: str) -> None:
    rule = parse_rule(f"FREQ={freq};BYMONTH=2;BYMONTHDAY=30")
    budget = Budget(1000)
    low = datetime(2026, 11, 21)
    assert list(expand(rule, datetime(1900, 1, 1), low, low + timedelta(days=90), budget)) == []
    assert budget.days > 0


def test_a_series_is_followed_where_it_is_asked_for_however_old_it_is() -> None:
    budget = Budget(400)
    low = datetime(2026, 11, 21)
    found = list(expand(parse_rule("FREQ=WEEKLY"), datetime(1800, 1, 2, 9), low, low + timedelta(days=7), budget))
    assert found == [datetime(2026, 11, 26, 9)]
    with pytest.raises(ValueError, match="too long"):
        list(expand(parse_rule("FREQ=DAILY;COUNT=90000"), datetime(1800, 1, 2), low, low, Budget(400)))


@pytest.mark.parametrize(
    "text",
    [
        "", "FREQ=", "FREQ=HOURLY", "COUNT=1", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;INTERVAL=x", "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=-1", "FREQ=DAILY;COUNT=9999999999", "FREQ=DAILY;BYMONTH=13", "FREQ=DAILY;BYMONTH=-1",
        "FREQ=YEARLY;BYMONTHDAY=0", "FREQ=YEARLY;BYMONTHDAY=32", "FREQ=YEARLY;BYYEARDAY=367",
        "FREQ=YEARLY;BYWEEKNO=54", "FREQ=DAILY;BYHOUR=24", "FREQ=DAILY;BYMINUTE=60", "FREQ=DAILY;BYSECOND=-1",
        "FREQ=DAILY;BYSETPOS=0", "FREQ=WEEKLY;BYDAY=XX", "FREQ=WEEKLY;BYDAY=MO,", "FREQ=DAILY;UNTIL=soon",
        "FREQ=DAILY;UNTIL=20261301", "FREQ=DAILY;RSCALE=CHINESE", "FREQ=DAILY;BYHOUR=1,2,3,4,5;BYMINUTE=1,2,3,4,5",
    ],
)  # fmt: skip
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="its RRULE"):
        parse_rule(text)
