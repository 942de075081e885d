"""SPF, of zones that a nameserver on this machine serves."""

from collections.abc import Mapping, Sequence

import pytest

from chalicelib.doctor.findings import Finding
from chalicelib.doctor.spf import MAX_LOOKUPS, Walk, read_spf, walk_spf
from chalicelib.doctor.spf_checks import check_spf
from tests.doctor.house import grave, one
from tests.doctor.zones import serving, txt

AMAZON = {"amazonses.com TXT": txt("v=spf1 ip4:199.255.192.0/22 ip4:199.127.232.0/22 -all")}


def walked(zone: Mapping[str, Sequence[str]], domain: str = "example.org", **odd: Sequence[str]) -> Walk:
    with serving(zone, **odd) as (_, dns):
        return walk_spf(domain, dns.ask)


def judged(record: str, more: Mapping[str, Sequence[str]] = AMAZON, *, ses: bool = True) -> list[Finding]:
    return list(check_spf(walked({"example.org TXT": txt(record), **more}), "example.org", ses=ses))


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 include:amazonses.com ~all",
        "v=spf1 include:amazonses.com -all",
        "V=SPF1 INCLUDE:amazonses.com  ~ALL",
        "v=spf1 ip4:192.0.2.1 ip6:2001:db8::/32 include:amazonses.com ?exists:%{i}.spf.example.org ~all",
        "v=spf1 a a/24 mx mx:example.org//64 include:amazonses.com exp=why.example.org -all",
        "v=spf1 redirect=all.example.org",
    ],
)
def test_a_good_record_is_well(record: str) -> None:
    more = {
        **AMAZON,
        "example.org A": ["192.0.2.1"],
        "example.org MX": ["10 mx.example.org."],
        "all.example.org TXT": txt("v=spf1 include:amazonses.com ~all"),
    }
    assert grave(judged(record, more)) == []


def test_texts_of_others_are_no_spf() -> None:
    records = txt("v=spf10 +all", "google-site-verification=x", "v=spf1 include:amazonses.com ~all")
    walk = walked({"example.org TXT": records, **AMAZON})
    assert walk.records == ("v=spf1 include:amazonses.com ~all",)


def test_a_long_record_comes_whole_by_tcp() -> None:
    many = " ".join(f"ip4:192.0.2.{number}" for number in range(60))
    with serving({"example.org TXT": txt(f"v=spf1 {many} ~all")}) as (server, dns):
        walk = walk_spf("example.org", dns.ask)
    assert server.by_tcp == 1
    assert walk.records[0].count("ip4:") == 60


def test_no_record_names_the_one_to_set() -> None:
    found = one(list(check_spf(walked({"example.org A": ["192.0.2.1"]}), "example.org", ses=True)))
    assert found.severity == "error"
    assert found.do == 'Set: example.org. IN TXT "v=spf1 include:amazonses.com ~all"'


def test_two_records_are_none() -> None:
    zone = {"example.org TXT": txt("v=spf1 include:amazonses.com ~all", "v=spf1 mx ~all")}
    found = one(list(check_spf(walked(zone), "example.org", ses=True)))
    assert (found.severity, "2 SPF records" in found.what) == ("error", True)


def lookups(count: int) -> dict[str, list[str]]:
    """A record that takes ``count``: includes that each take one more but for the last."""
    zone = {f"s{number}.example.org TXT": txt("v=spf1 ip4:192.0.2.1 -all") for number in range(count)}
    zone["example.org TXT"] = txt(
        "v=spf1 " + " ".join(f"include:s{number}.example.org" for number in range(count)) + " ~all"
    )
    return zone


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize(("count", "well"), [(MAX_LOOKUPS - 1, True), (MAX_LOOKUPS, True), (MAX_LOOKUPS + 1, False)])
def test_ten_look_ups_are_taken_and_no_more(count: int, well: bool, nested: bool) -> None:
    zone = lookups(count)
    if nested:  # the same number, one below the other
        zone = {f"s{n}.example.org TXT": txt(f"v=spf1 include:s{n + 1}.example.org ~all") for n in range(1, count)} | {
            "example.org TXT": txt("v=spf1 include:s1.example.org ~all"),
            f"s{count}.example.org TXT": txt("v=spf1 -all"),
        }
    walk = walked(zone)
    assert walk.lookups == count
    assert (grave(check_spf(walk, "example.org", ses=False)) == []) is well


def test_each_term_that_asks_counts_and_no_other() -> None:
    asks = "a mx ptr include:amazonses.com exists:x.example.org"
    record = f"v=spf1 {asks} ip4:192.0.2.1 ip6:2001:db8::1 redirect=r.example.org"
    more = {
        "example.org A": ["192.0.2.1"],
        "example.org MX": ["10 mx.example.org."],
        "x.example.org A": ["127.0.0.2"],
        "r.example.org TXT": txt("v=spf1 -all"),
    }
    walk = walked({"example.org TXT": txt(record), **AMAZON, **more})
    assert (walk.lookups, walk.ending, walk.ptr, walk.voids, walk.broken) == (6, "-", True, [], [])


@pytest.mark.parametrize(("names", "severity"), [(1, "warn"), (2, "warn"), (3, "error")])
def test_two_void_look_ups_are_taken_and_no_more(names: int, severity: str) -> None:
    record = (
        "v=spf1 " + " ".join(f"a:gone{number}.example.org" for number in range(names)) + " include:amazonses.com ~all"
    )
    found = one(judged(record))
    assert found.severity == severity
    assert "gone0.example.org" in found.do


def test_an_address_of_ipv6_alone_is_no_void() -> None:
    assert (
        grave(
            judged(
                "v=spf1 a:v6.example.org include:amazonses.com ~all", {**AMAZON, "v6.example.org AAAA": ["2001:db8::1"]}
            )
        )
        == []
    )


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ("v=spf1 include:example.org ~all", "includes itself"),
        ("v=spf1 include:loop.example.org ~all", "includes itself"),
        ("v=spf1 include:empty.example.org ~all", "has no SPF record"),
        ("v=spf1 include:nowhere.example.org ~all", "has no SPF record"),
        ("v=spf1 include:two.example.org ~all", "has 2 SPF records"),
        ("v=spf1 ipv4:192.0.2.1 ~all", "'ipv4:192.0.2.1' is no mechanism"),
        ("v=spf1 ip4:192.0.2.300 ~all", "is no address"),
        ("v=spf1 ip4:2001:db8::1 ~all", "is no address"),
        ("v=spf1 include ~all", "is not written"),
        ("v=spf1 all:example.org", "is not written"),
        ("v=spf1 include=amazonses.com -include=x ~all", "is no mechanism"),
        ("v=spf1 mx:many.example.org ~all", "11 mail servers"),
    ],
)
def test_what_breaks_a_record_is_named(record: str, words: str) -> None:
    more = {
        "loop.example.org TXT": txt("v=spf1 include:back.example.org -all"),
        "back.example.org TXT": txt("v=spf1 redirect=loop.example.org"),
        "empty.example.org TXT": txt("nothing of SPF"),
        "two.example.org TXT": txt("v=spf1 -all", "v=spf1 ~all"),
        "many.example.org MX": [f"10 mx{number}.example.org." for number in range(11)],
    }
    found = [finding for finding in judged(record, more, ses=False) if finding.severity == "error"]
    assert any(words in finding.what for finding in found), found


@pytest.mark.parametrize(
    ("record", "severity", "words"),
    [
        ("v=spf1 include:amazonses.com +all", "error", "ends in +all"),
        ("v=spf1 include:amazonses.com all", "error", "ends in +all"),
        ("v=spf1 include:amazonses.com ?all", "warn", "says nothing"),
        ("v=spf1 include:amazonses.com", "warn", "says nothing"),
        ("v=spf1 ptr include:amazonses.com ~all", "warn", "uses ptr"),
        ("v=spf1 ip4:192.0.2.1 ~all", "error", "does not name Amazon SES"),
    ],
)
def test_what_a_record_says_is_judged(record: str, severity: str, words: str) -> None:
    found = one(judged(record))
    assert (found.severity, words in found.what) == (severity, True)


@pytest.mark.parametrize(
    ("envelope", "sender", "strict", "well"),
    [
        ("bounce.example.org", "example.org", False, True),
        ("bounce.example.org", "news.example.org", False, True),
        ("bounce.example.org", "example.org", True, False),
        ("example.org", "example.org", True, True),
        ("example.net", "example.org", False, False),
        ("bounce.example.co.uk", "other.co.uk", False, False),
        ("bounce.example.co.uk", "example.co.uk", False, True),
    ],
)
def test_alignment_is_by_the_registered_domain(envelope: str, sender: str, strict: bool, well: bool) -> None:
    walk = walked({f"{envelope} TXT": txt("v=spf1 ip4:192.0.2.1 ~all")}, envelope)
    assert (grave(check_spf(walk, sender, ses=False, strict=strict)) == []) is well


@pytest.mark.parametrize("odd", ["mute", "broken"])
def test_where_nobody_answers_nothing_is_judged(odd: str) -> None:
    walk = walked({"example.org TXT": txt("v=spf1 -all")}, **{odd: ["example.org"]})
    assert one(check_spf(walk, "example.org", ses=True)).severity == "skipped"
    walk = walked({"example.org TXT": txt("v=spf1 include:x.example.net -all")}, **{odd: ["x.example.net"]})
    assert one(check_spf(walk, "example.org", ses=False)).severity == "skipped"


def test_terms_are_read_as_they_are_written() -> None:
    assert [
        (term.name, term.qualifier, term.value) for term in read_spf("v=spf1 a/24 -mx:x.example//64 exp=y ~all")
    ] == [
        ("a", "+", "/24"),
        ("mx", "-", "x.example//64"),
        ("exp", "", "y"),
        ("all", "~", ""),
    ]
