"""How far, how fast, how long: what is shown of an edition that is being sent, also after a restart."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition
from chalicelib.deliver.books import Books
from chalicelib.deliver.course import Course
from chalicelib.deliver.progress import progress_of, span_words, speed_words

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
SENDING = Edition("digest", "2026-11-26", NOW, State.SENDING)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def course(*points: tuple[int, int]) -> Course:
    made = Course()
    for seconds, settled in points:
        made = made.at(after(seconds), settled, None)
    return made


def shown(made: Course, seconds: float, settled: int, **changes: str) -> str:
    books = Books(planned=40_000, sent=settled, pending=40_000 - settled)
    return str(progress_of(replace(SENDING, **changes), books, made, after(seconds)))  # type: ignore[arg-type]


def test_it_says_how_far_how_fast_and_how_long() -> None:
    made = course((0, 0), (60, 6000), (120, 12_000))
    assert shown(made, 180, 18_000) == "18,000 of 40,000, 100 a second, about 4 minutes left"
    assert shown(made, 180, 18_000, waits="quiet hours until 07:00") == "18,000 of 40,000, quiet hours until 07:00"
    sent = replace(SENDING, state=State.SENT)
    assert progress_of(sent, Books(planned=1, sent=1), made, after(180)) is None


def test_where_nothing_is_known_of_now_no_speed_is_made_up() -> None:
    """Before the first points, after an outage, and while it stands still."""
    assert shown(Course(), 0, 100) == "100 of 40,000"
    assert shown(course((0, 100)), 0, 100) == "100 of 40,000"
    made = course((0, 0), (60, 6000))
    assert shown(made, 60 + 901, 30_000) == "30,000 of 40,000"
    assert shown(course((0, 6000), (300, 6000)), 400, 6000) == "6,000 of 40,000"
    within = course((0, 0), (550, 55))
    assert shown(within, 599, 120) == "120 of 40,000, 12 a minute, about 3 days left"


def test_those_whose_time_is_later_have_no_speed() -> None:
    made = course((0, 0), (60, 39_999))
    for deferred, words in ((1, "39,999 of 40,000, 1 comes later"), (1200, "38,800 of 40,000, 1,200 come later")):
        books = Books(planned=40_000, sent=40_000 - deferred, deferred=deferred)
        assert str(progress_of(SENDING, books, made, after(90))) == words
        still = (
            Books(planned=40_000, sent=39_000, pending=1000 - deferred, deferred=deferred) if deferred == 1 else books
        )
        quiet = replace(SENDING, waits="quiet hours until 07:00")
        assert str(progress_of(quiet, still, made, after(90))).endswith(" of 40,000, quiet hours until 07:00")
    books = Books(planned=40_000, sent=39_990, pending=9, deferred=1)
    assert "a second, about" in str(progress_of(SENDING, books, made, after(90)))


def test_only_the_last_ten_minutes_count_and_what_lies_before_a_pause_does_not() -> None:
    made = course((0, 0), (300, 30_000), (700, 30_400), (1000, 30_700))
    assert made.points[0] == (int(after(700).timestamp()), 30_400)
    paused = made.at(after(1100), 30_800, after(1050))
    assert [settled for _, settled in paused.points] == [30_800]
    assert len(course(*((second, second) for second in range(0, 60, 2))).points) == 12
    assert [settled for _, settled in course((0, 50), (60, 20)).points] == [20], "opened again: it is no negative speed"


@pytest.mark.parametrize(("speed", "words"), [
    (96.4, "96 a second"), (1, "1.0 a second"), (0.5, "30 a minute"), (1 / 60, "1.0 a minute"), (0.0014, "5.0 an hour"),
    (0.0001, "0.4 an hour"),
])  # fmt: skip
def test_a_speed_is_said_in_the_unit_that_fits(speed: float, words: str) -> None:
    assert speed_words(speed) == words


@pytest.mark.parametrize(("seconds", "words"), [
    (1, "1 second"), (90, "90 seconds"), (91, "2 minutes"), (5400, "90 minutes"), (5401, "2 hours"),
    (48 * 3600, "48 hours"), (48 * 3600 + 1, "3 days"),
])  # fmt: skip
def test_a_span_is_said_in_the_unit_that_fits(seconds: int, words: str) -> None:
    assert span_words(seconds) == words
