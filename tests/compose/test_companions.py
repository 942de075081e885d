"""`merge: true` before anything is sent: who can share a mail at all, and which editions would."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chalicelib.collect.fetch import fetcher
from chalicelib.compose.checking import check_site
from chalicelib.compose.companions import merging, pairs
from chalicelib.compose.edition import Content
from tests.sites import FOLDER, NOW, SITE, WEEKLY, make_site, write_site

THURSDAY = datetime(2026, 11, 26, 9, tzinfo=UTC)
MERGE = "merge: true\n"


def newsletter(rule: str = "FREQ=WEEKLY;BYDAY=TH", at: str = "10:00", more: str = MERGE) -> str:
    return f"title: N\nschedule: {{rule: '{rule}', at: '{at}', starts: 2026-01-01}}\n{more}"


def found(root: Path, **files: str) -> list[tuple[str, int, str, str]]:
    write_site(root, {f"newsletters/{name}.yaml": text for name, text in files.items()}, site=SITE)
    _, problems = check_site(root, fetcher(root, ""), NOW)
    return [(p.file.removeprefix("content/newsletters/"), p.line, p.code, p.message) for p in problems.sorted()]


def test_one_newsletter_alone_is_told_that_it_merges_with_none(tmp_path: Path) -> None:
    ((file, line, code, message),) = found(tmp_path, a=newsletter(), b=newsletter(more=""))
    assert (file, line, code) == ("a.yaml", 3, "merge-alone")
    assert "write it in the other one's file too" in message


@pytest.mark.parametrize(
    "other", [newsletter(more=MERGE + "calendar: publish\n"), "title: N\ntrigger: {topics: [news]}\n" + MERGE]
)
def test_one_that_can_not_be_merged_is_no_other(tmp_path: Path, other: str) -> None:
    assert {row[2] for row in found(tmp_path, a=newsletter(), b=other)} == {"merge-alone", "never-merged"}


def test_two_of_one_time_are_in_order(tmp_path: Path) -> None:
    assert found(tmp_path, a=newsletter(), b=newsletter("FREQ=YEARLY;BYMONTH=10;BYDAY=1TH")) == []
    assert found(tmp_path, a=newsletter(at="reader 10:00"), b=newsletter(at="reader 10:00")) == []


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (newsletter(at="10:30"), "at '10:30', not '10:00': write the same 'at' in both"),
        (newsletter(at="reader 10:00"), "at 'reader 10:00', not '10:00': write the same 'at' in both"),
        (newsletter("FREQ=WEEKLY;BYDAY=FR"), "give their rules a day that both have"),
        (newsletter("FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=1"), "give their rules a day that both have"),
        (newsletter("FREQ=WEEKLY;BYDAY=TH;UNTIL=20261112"), "give their rules a day that both have"),
    ],
)
def test_two_that_never_meet_are_told_so_each_at_its_line(tmp_path: Path, other: str, words: str) -> None:
    rows = found(tmp_path, a=newsletter(), b=other)
    assert [row[:3] for row in rows] == [("a.yaml", 3, "merge-apart"), ("b.yaml", 3, "merge-apart")]
    assert words in rows[0][3]
    assert "one of 'b'" in rows[0][3]


def test_of_three_only_the_one_that_meets_none_is_told(tmp_path: Path) -> None:
    three = {"a": newsletter(), "b": newsletter(), "c": newsletter("FREQ=WEEKLY;BYDAY=MO")}
    ((*place, message),) = found(tmp_path, **three)
    assert place == ["c.yaml", 3, "merge-apart"]
    assert "'a' or 'b'" in message


def test_a_broken_file_may_be_the_other_ones(tmp_path: Path) -> None:
    rows = found(tmp_path, a=newsletter(), b="title: N\nschedule: {rule: never}\n" + MERGE)
    assert {row[2] for row in rows} == {"bad-value", "bad-schedule"}


def edition(name: str, **changes: object) -> Content:
    return replace(Content(name, "2026-11-26", THURSDAY, 1, "digest"), **changes)  # type: ignore[arg-type]


def paired(root: Path, *contents: Content, **files: str) -> list[tuple[str, str]]:
    same = dict.fromkeys(("a", "b", "c", "d", "e"), WEEKLY + MERGE)
    texts = {f"newsletters/{name}.yaml": text for name, text in {**same, "f": WEEKLY, **files}.items()}
    site = make_site(root, dict(texts), site=SITE + FOLDER)
    assert [one.name for one in merging(site)][:1] == ["a"]
    return [(host.newsletter, guest.newsletter) for host, guest in pairs(site, contents)]


def test_which_editions_share_a_mail(tmp_path: Path) -> None:
    a, b, c, d, e = map(edition, "abcde")
    assert paired(tmp_path, b, a) == paired(tmp_path, a, b) == [("a", "b")]
    assert paired(tmp_path, a, b, c) == [("a", "b")]
    assert paired(tmp_path, e, d, c, b, a) == [("a", "b"), ("c", "d")]
    assert paired(tmp_path, a, edition("f")) == []
    assert paired(tmp_path, a, edition("gone")) == []
    assert paired(tmp_path, a, edition("b", gathering=True)) == []
    assert paired(tmp_path, a, edition("b", slot_at=THURSDAY + timedelta(minutes=1))) == []


def test_at_one_moment_but_not_both_at_each_readers_own_time(tmp_path: Path) -> None:
    own = WEEKLY.replace("'10:00'", "'reader 10:00'") + MERGE
    assert paired(tmp_path, edition("a"), edition("b"), b=own) == []
    assert paired(tmp_path, edition("a"), edition("b"), a=own, b=own) == [("a", "b")]


def test_an_hour_of_the_first_zone_is_not_met_by_the_same_moment_of_the_sites(tmp_path: Path) -> None:
    """Thursday's 10:00 of UTC+14 is Wednesday's 21:00 in Berlin, in winter."""
    other = newsletter("FREQ=WEEKLY;BYDAY=WE", at="21:00")
    assert {row[2] for row in found(tmp_path, a=newsletter(at="reader 10:00"), b=other)} == {"merge-apart"}
