"""What a site says of its pace and its quiet hours is read with file and line; what it leaves out is as usual."""

from datetime import date, time
from fractions import Fraction
from pathlib import Path

import pytest

from chalicelib.content.problems import Problems
from chalicelib.content.sending import DomainCap, Pace, Quiet, Sending, WarmUp
from chalicelib.content.site import read_site
from tests.sites import SITE, WEEKLY, make_site, write_site


def read(root: Path, text: str) -> tuple[Sending, list[str]]:
    problems = Problems()
    site, _ = read_site(write_site(root, {}, site=SITE + text), problems)
    assert site is not None
    return site.sending, [f"{p.file}:{p.line} {p.code} {p.message}" for p in problems.sorted()]


def test_a_site_without_it_sends_as_fast_as_it_may_at_any_hour(tmp_path: Path) -> None:
    assert read(tmp_path, "") == (Sending(), [])
    assert Sending() == Sending(Pace(None, None, Fraction(4, 5), {}, None), None)


def test_all_of_it_is_read(tmp_path: Path) -> None:
    sending, problems = read(
        tmp_path,
        "pace:\n  per_second: 11.5\n  per_day: 50000\n  share: 62.5%\n"
        "  warm_up: {from: 2026-12-01, first: 300, grow: 1.5}\n"
        "  domains:\n    gmail.com, GoogleMail.com: {per_second: 5, per_hour: 500}\n"
        "    münchen.example: {per_hour: 7}\n"
        "quiet: {from: '21:00', to: 7:05}\n",
    )
    assert problems == []
    mail = DomainCap(("gmail.com", "googlemail.com"), 5, 500)
    other = DomainCap(("xn--mnchen-3ya.example",), None, 7)
    caps = {"gmail.com": mail, "googlemail.com": mail, "xn--mnchen-3ya.example": other}
    warm_up = WarmUp(date(2026, 12, 1), 300, Fraction(3, 2))
    assert sending == Sending(Pace(11.5, 50_000, Fraction(5, 8), caps, warm_up), Quiet(time(21), time(7, 5)))


def test_a_warm_up_has_usual_steps(tmp_path: Path) -> None:
    sending, problems = read(tmp_path, "pace: {warm_up: {from: 2026-12-01}}")
    assert (sending.pace.warm_up, problems) == (WarmUp(date(2026, 12, 1), 500, Fraction(2)), [])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pace: {\n  per_second: 0}", "11 bad-value pace.per_second: '0' is no number from 0.01 to 100000"),
        ("pace: {\n  per_second: 1e3}", "'1e3' is no number"),
        ("pace: {\n  per_second: 100001}", "'100001' is no number"),
        ("pace: {\n  per_day: 0}", "11 bad-value pace.per_day: '0' is no whole number from 1 to 1000000000"),
        ("pace: {\n  per_day: 2.5}", "'2.5' is no whole number"),
        ("pace: {\n  share: 0.8}", "11 bad-value pace.share: '0.8' is no share from 1% to 100%"),
        ("pace: {\n  share: 101%}", "'101%' is no share"),
        ("pace: {\n  share: 0%}", "'0%' is no share"),
        ("pace: {\n  share: '%'}", "'%' is no share"),
        ("pace: {\n  warm_up: {first: 5}}", "11 missing-key 'pace.warm_up.from' is missing"),
        ("pace: {\n  warm_up: {from: 20261201}}", "'20261201' is no date; write it like 2026-12-01"),
        ("pace: {\n  warm_up: {from: 2026-02-30}}", "'2026-02-30' is no date"),
        ("pace: {\n  warm_up: {from: 2026-12-01, grow: 1}}", "'1' is no number above 1, up to 10"),
        ("pace: {\n  warm_up: {from: 2026-12-01, grow: 10.1}}", "'10.1' is no number above 1"),
        ("pace:\n  domains:\n    a.example: {}",
         "12 missing-key pace.domains.a.example: say per_second, per_hour or both"),
        ("pace:\n  domains:\n    a.example: 5", "expected a mapping"),
        ("pace:\n  domains:\n    a b: {per_hour: 5}", "12 bad-value pace.domains.a b: 'a b' is no domain"),
        ("pace:\n  domains:\n    a.example, : {per_hour: 5}", "'' is no domain"),
        ("pace:\n  domains:\n    'ü\u0301 x.example': {per_hour: 5}", "is no domain"),
        ("pace:\n  domains:\n    x.example: {per_hour: 5}\n    y.example, X.example: {per_hour: 6}",
         "13 bad-value pace.domains.y.example, X.example: 'x.example' stands twice; name it once"),
        ("pace:\n  domains:\n    x.example: {per_minute: 5, per_hour: 1}", "unknown-key unknown key"),
        ("pace: {\n  per_hour: 5}", "unknown-key unknown key 'pace.per_hour'"),
        ("quiet: {\n  from: '21:00'}", "missing-key 'quiet.to' is missing"),
        ("quiet: {\n  from: '25:00', to: '7:00'}", "'25:00' is no time of day"),
        ("quiet: {\n  from: '7:00', to: '07:00'}", "11 bad-value quiet.to: it is the same as 'from'"),
        ("quiet: {\n  from: '7:00', to: '8:00', zone: UTC}", "unknown-key unknown key 'quiet.zone'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    found = read(tmp_path, text)[1]
    assert len(found) == 1, found
    assert words in found[0]


def test_a_name_of_100_000_dots_is_no_domain(tmp_path: Path) -> None:
    for name in ("a." * 50_000, "ü." * 20_000, "-" * 100_000):
        _, problems = read(tmp_path, f"pace:\n  domains:\n    ? '{name}'\n    : {{per_hour: 1}}\n")
        assert any("is no domain" in problem or "bad-" in problem for problem in problems)


@pytest.mark.parametrize(
    ("at", "local", "reader"),
    [("'07:30'", time(7, 30), False), ("reader", time(10), True), ("reader 07:30", time(7, 30), True)],
)
def test_a_schedule_may_be_at_each_readers_hour(tmp_path: Path, at: str, local: time, reader: bool) -> None:
    text = WEEKLY.replace("'10:00'", at)
    schedule = make_site(tmp_path, {"newsletters/weekly.yaml": text}).newsletters["weekly"].schedule
    assert schedule is not None
    assert (schedule.at, schedule.reader) == (local, reader)


@pytest.mark.parametrize("at", ["readers", "reader 25:00", "reader10:00", "10:00 reader"])
def test_any_other_word_is_no_time(tmp_path: Path, at: str) -> None:
    problems = Problems()
    root = write_site(tmp_path, {"newsletters/weekly.yaml": WEEKLY.replace("'10:00'", at)})
    site, _ = read_site(root, problems)
    assert site is not None
    from chalicelib.content.newsletters import read_newsletters

    _, usable = read_newsletters(site, problems, ("digest",))
    assert not usable
    assert "is no time of day" in problems.sorted()[0].message


def test_an_alert_may_break_the_quiet(tmp_path: Path) -> None:
    alert = "title: Alert\ntrigger: {topics: [security]}\nquiet: false\n"
    newsletters = make_site(tmp_path, {"newsletters/a.yaml": alert, "newsletters/w.yaml": WEEKLY}).newsletters
    assert [newsletters[name].quiet for name in "aw"] == [False, True]


def test_the_example_of_the_document_is_read(tmp_path: Path) -> None:
    document = (Path(__file__).resolve().parents[2] / "docs" / "content.md").read_text("utf-8")
    example = document.partition("### pace\n")[2].partition("```yaml\n")[2].partition("```")[0]
    sending, problems = read(tmp_path, example)
    assert problems == []
    assert sending.pace.per_day == 50_000
    assert sending.pace.caps["googlemail.com"].per_hour == 5000
    assert sending.pace.warm_up == WarmUp(date(2026, 12, 1), 500, Fraction(2))
