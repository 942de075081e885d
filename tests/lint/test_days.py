"""Weekdays and dates: what is another day, what no year has, and what is right or no date at all."""

from datetime import date

import pytest

from chalicelib.lint.days import day_findings

DAY = date(2026, 11, 20)

WRONG = [
    ("Saturday night, February 11", date(2022, 2, 3), "2022-02-11 is a Friday"),
    ("Saturday, February 11", DAY, "2027-02-11 is a Thursday"),
    ("Fri 12 Dec 2026", DAY, "2026-12-12 is a Saturday"),
    ("Samstag, den 11. Februar", DAY, "2027-02-11 is a Thursday"),
    ("Mi., 3.12.2026", DAY, "2026-12-03 is a Thursday"),
    ("Fr., 3.12.", DAY, "2026-12-03 is a Thursday"),
    ("Friday 2026-12-03", DAY, "2026-12-03 is a Thursday"),
    ("Friday, the 3rd of December", DAY, "2026-12-03 is a Thursday"),
    ("3. Dezember (Freitag)", DAY, "2026-12-03 is a Thursday"),
    ("Sonnabend, 3. März 2027", DAY, "2027-03-03 is a Wednesday"),
    ("Sunday, February 29", DAY, "there is no such day in 2026"),
    ("29 February 2027", DAY, "there is no such day in 2027"),
    ("am 29.02.2027", DAY, "there is no such day in 2027"),
    ("31 November 2026", DAY, "there is no such day in 2026"),
]
RIGHT = [
    "Saturday, February 13",
    "Sat 12 Dec 2026",
    "Donnerstag, den 11. Februar",
    "Do., 3.12.2026",
    "Do 3.12.2026",
    "Thursday 2026-12-03",
    "29 February 2028",
    "Thursday, December 3rd, 2026",
    "Thursday morning, 3 December",
    "Friday, 4 June",
    "Thursday, 4 June",  # of the next year or of this: both are near
    "So 3.12. was released",
    "Monday, May 2024",
    "Wednesday, March 10-12",
    "Wed, May 10:30",
    "version 31.11.2",
    "Thursdays, 4 December",
    "In May 12 people came on Monday",
    "Thursday–Saturday, 3–5 December",
    "31.11.",
]


@pytest.mark.parametrize(("text", "day", "words"), WRONG)
def test_a_day_that_is_another(text: str, day: date, words: str) -> None:
    (finding,) = day_findings(f"We meet {text} in Potsdam.", day)
    assert finding.code == "wrong-day"
    assert finding.message.startswith(f"'{text.removeprefix('am ')}': {words}")
    assert finding.needle in text


@pytest.mark.parametrize("text", RIGHT)
def test_a_day_that_may_be_right(text: str) -> None:
    assert list(day_findings(f"We meet {text} in Potsdam.", DAY)) == []
