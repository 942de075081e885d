"""Who a filter matches: compared with plain sets of people, for any filter; and what each condition means."""

import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from chalicelib.audience.headcount import headcount, side_by_side
from chalicelib.audience.segments import matches, matching
from chalicelib.audience.subscriber import Membership, MemberState
from chalicelib.content.segment_reading import parse_segment
from chalicelib.content.segments import Ago, AllOf, Node, Not, Part, Segment
from tests.content.segment_strategies import KNOWN, TREES

BERLIN, NOW = ZoneInfo("Europe/Berlin"), datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
TODAY = date(2026, 11, 24)
"""In Berlin it is tomorrow already."""
ADA = Membership("digest", "0" * 24, "ada@example.org", "Ada Löß", "de", joined="2026-10-25T23:30:00+00:00")


def says(text: str, member: Membership = ADA, **changes: object) -> bool:
    segment = parse_segment(text, vocabulary=KNOWN)
    return matches(segment, replace(member, **changes), NOW, BERLIN)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "changes", "expected"),
    [
        ("language = de", {}, True),
        ("language = de", {"language": "de-AT"}, True),
        ("language = de", {"language": "DE"}, True),
        ("language = de", {"language": "den"}, False),
        ("language = en", {"language": ""}, True),
        ("language != en", {"language": ""}, False),
        ("language in (en, de)", {"language": "fr"}, False),
        ("topic:news", {"topics": frozenset({"news"})}, True),
        ("topic:news", {"topics": frozenset({"security"})}, False),
        ("topic:news", {"topics": frozenset()}, False),
        ("topic:news", {"topics": None}, True),
        ("topics = all", {"topics": frozenset({"news", "security"})}, False),
        ("topics = all", {"topics": None}, True),
        ("topics != all", {"topics": None}, False),
        ("tag:a", {"marks": frozenset({"tag:a"})}, True),
        ("tag:a", {"marks": frozenset({"tag:ab", "x:a"})}, False),
        ("opened-survey:x", {"marks": frozenset({"opened-survey:x"})}, True),
        ('tag:"two words"', {"marks": frozenset({"tag:two words"})}, True),
        ("name ~ LÖSS", {}, True),
        ("name ~ eva", {}, False),
        ("name = 'ada löß'", {}, True),
        ("name = ada", {}, False),
        ("name = ''", {"name": ""}, True),
        ("name != ''", {"name": ""}, False),
        ("name in (ada, 'Ada Löß')", {}, True),
        ("domain = example.org", {"address": "x@EXAMPLE.org"}, True),
        ("domain = example.org", {"address": "x@a.example.org"}, False),
        ("domain ~ example.org", {"address": "x@a.example.org"}, True),
        ("domain ~ example.org", {}, True),
        ("domain ~ example.org", {"address": "x@badexample.org"}, False),
        ("domain in (example.com, example.org)", {}, True),
        ("paused", {"paused_until": "2026-11-25"}, True),
        ("paused", {"paused_until": "2026-11-24"}, False),
        ("paused", {}, False),
        ("joined = 2026-10-26", {}, True),  # half past midnight in Berlin
        ("joined != 2026-10-26", {}, False),
        ("joined > 2026-10-26", {}, False),
        ("joined >= 2026-10-26", {}, True),
        ("joined <= 2026-10-26", {}, True),
        ("joined < 2026-10-27", {}, True),
        ("joined in (2026-01-01, 2026-10-26)", {}, True),
        ("joined = 29d ago", {}, True),
        ("joined > 30d ago", {}, True),
        ("joined > 4w ago", {}, False),
        ("joined = today", {"joined": "2026-11-24T10:00:00+00:00"}, True),
        ("joined = 2026-10-26", {"joined": "2026-10-26T00:30:00"}, True),
        ("joined < 2030-01-01", {"joined": ""}, False),
        ("joined > 2000-01-01", {"joined": "yesterday"}, False),
        ("joined != 2026-01-01", {"joined": ""}, True),
        ("state = confirmed", {}, True),
        ("state = pending", {"state": MemberState.PENDING}, True),
        ("newsletter = alerts", {}, False),
        ("cadence in (monthly, every)", {}, True),
        ("cadence = monthly", {"cadence": "monthly"}, True),
    ],
)  # fmt: skip
def test_what_each_condition_means(text: str, changes: dict[str, object], expected: bool) -> None:
    assert says(text, ADA, **changes) is expected


def test_a_moment_without_an_offset_is_utc_wherever_this_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert says("joined = 2026-10-25", joined="2026-10-25T21:30:00")
    finally:
        monkeypatch.undo()
        time.tzset()


POOL = [
    Membership(
        ("digest", "alerts")[number % 2], f"{number:024x}", f"p{number}@{domain}", name, language, topics,
        ("every", "monthly")[number // 5 % 2], list(MemberState)[number % 3],
        ("", "2026-11-24", "2026-12-01")[number // 4 % 3], joined,
        frozenset({"tag:ada", "opened-survey:Łódź"} if number % 3 else {'tag:a "b"'}),
    )
    for number, (name, language, domain, topics, joined) in enumerate(product(
        ("Ada", "", 'Bo and a "b"'), ("", "de", "en"), ("example.org", "a.berlin.example"),
        (None, frozenset({"news"})), ("", "2026-10-25T23:30:00+00:00"),
    ))
]  # fmt: skip


def plainly(part: Part, member: Membership) -> bool:
    """A condition as the documentation tells it, one value after the other."""
    if part.operator == ":":
        mark = f"{part.field}:{part.values[0]}"
        chosen = {"news", "security"} if member.topics is None else member.topics
        return mark in {*member.marks, *(f"topic:{topic}" for topic in chosen)}
    if part.field == "paused":
        return member.paused_until != "" and date.fromisoformat(member.paused_until) > TODAY
    if part.operator == "!=":
        return not plainly(replace(part, operator="="), member)
    if part.operator == "in":
        return any(plainly(Part(part.field, "=", (value,)), member) for value in part.values)
    (value,) = part.values
    if part.field == "joined":
        day = TODAY - timedelta(value.days) if isinstance(value, Ago) else value
        own = date(2026, 10, 26)
        signs = {"=": own == day, "<": own < day, "<=": own <= day, ">": own > day, ">=": own >= day}  # type: ignore[operator]
        return member.joined != "" and signs[part.operator]
    text = str(value)
    domain = member.address.split("@")[1]
    if part.operator == "~":
        return text.casefold() in member.name.casefold() if part.field == "name" else f".{domain}".endswith(f".{text}")
    known = {
        "language": member.language or "en", "cadence": member.cadence, "state": str(member.state), "domain": domain,
        "newsletter": member.newsletter, "name": member.name, "topics": "all" if member.topics is None else "some",
    }  # fmt: skip
    return known[part.field].casefold() == text.casefold()


def people(node: Node) -> set[int]:
    """Whom a filter matches in the pool, by the algebra of sets."""
    if isinstance(node, Part):
        return {number for number, member in enumerate(POOL) if plainly(node, member)}
    if isinstance(node, Not):
        return set(range(len(POOL))) - people(node.part)
    sets = [people(part) for part in node.parts]
    return set.intersection(*sets) if isinstance(node, AllOf) else set.union(*sets)


@settings(max_examples=150)
@given(TREES)
def test_any_filter_matches_whom_the_sets_say(root: Node) -> None:
    found = list(matching(POOL, Segment(root, "en"), NOW, BERLIN))
    assert found == [POOL[number] for number in sorted(people(root))]


@settings(max_examples=80)
@given(TREES)
def test_the_figures_of_any_filter_are_those_of_the_sets(root: Node) -> None:
    segment = Segment(root, "en")
    base = {n for n, m in enumerate(POOL) if segment.asks_for("state") or m.state is MemberState.CONFIRMED}
    stopped = {POOL[0].sid, POOL[5].sid, POOL[9].sid}
    figures = headcount(POOL, segment, lambda batch: stopped & {m.sid for m in batch}, NOW, BERLIN)
    found = people(root) & base
    assert (figures.memberships, figures.matching, figures.people) == (len(base), len(found), len(found))
    confirmed = {n for n in found if POOL[n].state is MemberState.CONFIRMED}
    out = {n for n in confirmed if POOL[n].sid in stopped}
    paused = {n for n in confirmed - out if POOL[n].paused_until > str(TODAY)}
    assert (figures.suppressed, figures.paused, figures.mails) == (len(out), len(paused), len(confirmed - out - paused))
    assert figures.pending + figures.unsubscribed == len(found) - len(confirmed)
    rows = iter(figures.parts)

    def compare(node: Node, level: int, joint: str, so_far: set[int]) -> None:
        row = next(rows)
        assert (row.level, row.joint) == (level, joint)
        assert (row.alone, row.so_far) == (len(people(node) & base), len(so_far & base)), row
        if not isinstance(node, Part) and not (isinstance(node, Not) and isinstance(node.part, Part)):
            inner(node, level + 1)

    def inner(node: Node, level: int) -> None:
        parts = (node.part,) if isinstance(node, Not) else node.parts  # type: ignore[union-attr]
        so_far = people(parts[0])
        for number, part in enumerate(parts):
            whom = people(part)
            so_far = (so_far & whom if isinstance(node, AllOf) else so_far | whom) if number else whom
            compare(part, level, ("and" if isinstance(node, AllOf) else "or") if number else "", so_far)

    if isinstance(root, Part | Not):
        compare(root, 0, "", people(root))
    else:
        inner(root, 0)
    assert next(rows, None) is None


def test_everybody_is_counted_where_there_is_no_filter_and_a_person_of_two_newsletters_once() -> None:
    digest = [replace(ADA, sid=f"{n:024x}") for n in (1, 2, 3)]
    alerts = [replace(ADA, newsletter="alerts", sid=f"{n:024x}") for n in (2, 3, 4)]
    figures = headcount(side_by_side([digest, alerts]), None, lambda batch: (), NOW, BERLIN)
    assert (figures.memberships, figures.matching, figures.people, figures.mails) == (6, 6, 4, 6)
    assert figures.parts == ()


def test_suppressed_people_are_looked_up_in_batches_and_only_those_who_match() -> None:
    asked: list[int] = []

    def stopped(batch: list[Membership]) -> set[str]:
        asked.append(len(batch))
        return {batch[0].sid}

    segment = parse_segment("tag:a and state != pending", vocabulary=KNOWN)
    members = [replace(ADA, sid=f"{n:024x}", marks=frozenset({"tag:a"} if n % 2 else ())) for n in range(2400)]
    members.append(replace(members[1], sid="f" * 24, state=MemberState.UNSUBSCRIBED))
    figures = headcount(members, segment, stopped, NOW, BERLIN)
    assert (asked, figures.matching, figures.suppressed) == ([500, 500, 200], 1201, 3)
