"""SPF (RFC 7208): what a record says, and what a receiver has to look up because of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network

from chalicelib.doctor.answers import Answer, Ask

MAX_LOOKUPS, MAX_VOID, MAX_MX = 10, 2, 10
"""RFC 7208, 4.6.4."""
_GIVE_UP = 40
"""Look-ups after which nobody counts on."""
_TERM = re.compile(r"([-+?~]?)([A-Za-z][A-Za-z0-9_.-]*)(?:([:=/])(.*))?", re.DOTALL)
_MECHANISMS = frozenset({"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"})
_ASKING = frozenset({"include", "a", "mx", "ptr", "exists"})
_NEEDS_VALUE = frozenset({"include", "ip4", "ip6", "exists"})


@dataclass(frozen=True, slots=True)
class Term:
    """A mechanism, or a modifier (``qualifier`` is '' then). ``value`` is without what parts it from the name."""

    name: str
    qualifier: str = ""
    value: str = ""


def is_spf(text: str) -> bool:
    """Whether a TXT record is one of SPF (4.5)."""
    return text[:6].lower() == "v=spf1" and text[6:7] in {"", " "}


def read_spf(text: str) -> list[Term]:
    """The terms of a record. Raises ValueError that says which is none."""
    return [_term(word) for word in text.split(" ")[1:] if word]


def _term(word: str) -> Term:
    found = _TERM.fullmatch(word)
    if not found:
        raise ValueError(f"'{word[:60]}' is no term of SPF")
    qualifier, name, parted, value = found[1], found[2].lower(), found[3] or "", found[4] or ""
    if parted == "=" and not qualifier:
        return Term(name, "", value)
    if name not in _MECHANISMS or parted == "=":
        raise ValueError(f"'{word[:60]}' is no mechanism of SPF")
    if (name in _NEEDS_VALUE) != (parted == ":" and bool(value)) and name not in {"a", "mx", "ptr"}:
        raise ValueError(f"'{word[:60]}' is not written as SPF wants it")
    if name in {"ip4", "ip6"} and f"ip{_version(value)}" != name:
        raise ValueError(f"'{word[:60]}' is no address or network of {name.upper()}")
    return Term(name, qualifier or "+", value if parted != "/" else f"/{value}")


def _version(network: str) -> int:
    try:
        return ip_network(network, strict=False).version
    except ValueError:
        return 0


@dataclass(slots=True)
class Walk:
    """What became of reading a domain's policy with all that it includes. ``broken`` make it a permanent error."""

    domain: str
    records: tuple[str, ...] = ()
    """The SPF records of the domain itself: one, if all is well."""
    lookups: int = 0
    voids: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    includes: set[str] = field(default_factory=set)
    ptr: bool = False
    ending: str = ""
    """The qualifier of ``all``, redirects followed; '' where there is none."""


def walk_spf(domain: str, ask: Ask) -> Walk:
    """Read a domain's policy as a receiver of a mail from nobody's address would: all the way."""
    walk = Walk(domain)
    answer = ask(domain, "TXT")
    if answer.failed:
        walk.failed.append(f"{domain}: {answer.why}")
        return walk
    walk.records = tuple(value for value in answer.values if is_spf(value))
    if len(walk.records) == 1:
        walk.ending = _follow(walk, domain, walk.records[0], ask, (domain.lower(),))
    return walk


def _follow(walk: Walk, domain: str, record: str, ask: Ask, above: tuple[str, ...]) -> str:
    """Look up what the terms of a record ask for; the qualifier of its ``all``."""
    try:
        terms = read_spf(record)
    except ValueError as error:
        walk.broken.append(f"{domain}: {error}")
        return ""
    for term in terms:
        if term.name == "all" and term.qualifier:
            return term.qualifier
        if term.qualifier and term.name in _ASKING and walk.lookups < _GIVE_UP:
            _look_up(walk, domain, term, ask, above)
    for target in _redirects(terms):
        walk.lookups += 1
        return _into(walk, target, ask, above) if "%" not in target else ""
    return ""


def _redirects(terms: list[Term]) -> Iterator[str]:
    return (term.value for term in terms if term.name == "redirect" and not term.qualifier)


def _look_up(walk: Walk, domain: str, term: Term, ask: Ask, above: tuple[str, ...]) -> None:
    walk.lookups += 1
    target = term.value.split("/")[0] or domain
    if term.name == "ptr":
        walk.ptr = True
    elif "%" in target:
        return  # a macro: what is asked for depends on the mail
    elif term.name == "include":
        walk.includes.add(target.lower().rstrip("."))
        _into(walk, target, ask, above)
    elif term.name == "mx":
        _servers(walk, target, ask)
    elif term.name in {"a", "exists"}:
        _addresses(walk, target, ask, f"{term.name}:{target}")


def _into(walk: Walk, target: str, ask: Ask, above: tuple[str, ...]) -> str:
    """Go on with another domain's record; a loop would never end."""
    name = target.lower().rstrip(".")
    if name in above:
        walk.broken.append(f"{target} includes itself")
        return ""
    answer = ask(target, "TXT")
    if _noted(walk, answer, target):
        return ""
    records = [value for value in answer.values if is_spf(value)]
    if len(records) != 1:
        walk.broken.append(f"{target} has {len(records) or 'no'} SPF record{'s' * (len(records) != 1)}")
        return ""
    return _follow(walk, target, records[0], ask, (*above, name))


def _servers(walk: Walk, target: str, ask: Ask) -> None:
    answer = ask(target, "MX")
    if not _noted(walk, answer, f"mx:{target}") and len(answer.values) > MAX_MX:
        walk.broken.append(f"mx:{target} has {len(answer.values)} mail servers, more than {MAX_MX}")


def _addresses(walk: Walk, target: str, ask: Ask, shown: str) -> None:
    """IPv6 counts too: which of the two a receiver asks for depends on who sends."""
    answer = ask(target, "A")
    _noted(walk, ask(target, "AAAA") if answer.void else answer, shown)


def _noted(walk: Walk, answer: Answer, shown: str) -> bool:
    """Whether there is nothing to go on with."""
    if answer.failed:
        walk.failed.append(f"{shown}: {answer.why}")
    elif answer.void:
        walk.voids.append(shown)
        if ":" not in shown:
            walk.broken.append(f"{shown} has no SPF record")
    return answer.failed or answer.void
