"""Who a segment matches: filters (content/segments.py) become tests of memberships. Pure.

Days are local ones of the site. A test is made once, then asked for each of many members.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from operator import eq, ge, gt, le, lt, ne
from zoneinfo import ZoneInfo

from chalicelib.audience.subscriber import Membership
from chalicelib.content.segment_reading import parse_segment, vocabulary_of
from chalicelib.content.segments import UNREADABLE, Ago, AllOf, Node, Not, Part, Segment
from chalicelib.content.values import Site
from chalicelib.errors import SegmentError

Test = Callable[[Membership], bool]
_COMPARED = {"=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}


def matches(segment: Segment, member: Membership, now: datetime, zone: ZoneInfo) -> bool:
    """Whether a segment matches one membership; of what state, only the segment itself asks."""
    return tester(segment, now, zone)(member)


def matching(members: Iterable[Membership], segment: Segment, now: datetime, zone: ZoneInfo) -> Iterator[Membership]:
    """Those of many memberships that a segment matches, as they come."""
    return filter(tester(segment, now, zone), members)


def tester(segment: Segment, now: datetime, zone: ZoneInfo) -> Test:
    """The test of a segment; ``now`` is what its relative days are counted from."""
    return node_test(segment.root, segment.fallback, now.astimezone(zone).date(), zone)


def admission(filters: Sequence[str], site: Site, at: datetime) -> Test:
    """Whether a member gets an edition, by its filters ('' lets everybody in); ``at`` is the edition's slot.

    Names are not looked up again: a filter that was checked stays readable. Raises SegmentError.
    """
    known, tests = vocabulary_of(site, strict=False), list[Test]()
    for text in filters:
        if text == UNREADABLE:
            reason = "the segment of its note is wrong, 'sendbrief check' says where"
            raise SegmentError(reason, reason, 1)
        if text:
            tests.append(tester(parse_segment(text, vocabulary=known), at, site.time_zone))
    return lambda member: all(test(member) for test in tests)


def everybody(_: Membership) -> bool:
    """The test of no segment at all."""
    return True


def node_test(node: Node, fallback: str, today: date, zone: ZoneInfo) -> Test:
    """The test of a part of a segment. ``fallback`` is the language of members who chose none."""
    if isinstance(node, Part):
        return _part_test(node, fallback, today, zone)
    if isinstance(node, Not):
        inner = node_test(node.part, fallback, today, zone)
        return lambda member: not inner(member)
    tests = [node_test(part, fallback, today, zone) for part in node.parts]
    if isinstance(node, AllOf):
        return lambda member: all(test(member) for test in tests)
    return lambda member: any(test(member) for test in tests)


def _part_test(part: Part, fallback: str, today: date, zone: ZoneInfo) -> Test:
    if part.operator == ":":
        return _topic_test(part) if part.field == "topic" else _mark_test(part)
    if part.field == "topics":
        return (lambda m: m.topics is None) if part.operator == "=" else (lambda m: m.topics is not None)
    if part.field == "paused":
        return lambda m: m.paused_until > today.isoformat()
    if part.field == "joined":
        return _joined_test(part, today, zone)
    values = [str(value) for value in part.values]
    if part.field == "language":
        return _either(part.operator, _language_test(values, fallback))
    if part.field == "domain":
        return _either(part.operator, _domain_test(values, below=part.operator == "~"))
    if part.field == "name":
        return _either(part.operator, _name_test(values, inside=part.operator == "~"))
    field = part.field
    return _either(part.operator, lambda m: str(getattr(m, field)) in values)


def _either(operator: str, test: Test) -> Test:
    """The test of equality, or its opposite."""
    return (lambda member: not test(member)) if operator == "!=" else test


def _topic_test(part: Part) -> Test:
    """Who gets a topic: those who chose it, and those who chose none and get all."""
    topic = part.values[0]
    return lambda m: m.topics is None or topic in m.topics


def _mark_test(part: Part) -> Test:
    mark = f"{part.field}:{part.values[0]}"
    return lambda m: mark in m.marks


def _language_test(values: list[str], fallback: str) -> Test:
    """As RFC 4647's basic filtering: de is also what de-AT is."""
    wanted = [f"{value}-".casefold() for value in values]
    return lambda m: f"{m.language or fallback}-".casefold().startswith(tuple(wanted))


def _domain_test(values: list[str], *, below: bool) -> Test:
    """The domain of the address; with ``below`` also those below it."""
    ends = tuple(f".{value}" for value in values) if below else ()

    def test(member: Membership) -> bool:
        domain = member.address.rpartition("@")[2].lower()
        return domain in values or domain.endswith(ends)

    return test


def _name_test(values: list[str], *, inside: bool) -> Test:
    wanted = [value.casefold() for value in values]
    if inside:
        return lambda m: any(value in m.name.casefold() for value in wanted)
    return lambda m: m.name.casefold() in wanted


def _joined_test(part: Part, today: date, zone: ZoneInfo) -> Test:
    """Compares local days; whoever's day is not known equals none and is neither before nor after any."""
    days = [today - timedelta(days=value.days) if isinstance(value, Ago) else value for value in part.values]
    compare = _COMPARED.get(part.operator, eq)

    def test(member: Membership) -> bool:
        joined = _day(member.joined, zone)
        return part.operator == "!=" if joined is None else any(compare(joined, day) for day in days)

    return test


def _day(moment: str, zone: ZoneInfo) -> date | None:
    """The local day of an ISO moment (UTC where it has no offset), None where there is none."""
    try:
        read = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(zone).date()
