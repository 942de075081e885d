"""What a preview shows: the mails of an edition by language and variant, and how many readers each is for. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from chalicelib.audience.segments import Test, everybody
from chalicelib.audience.subscriber import Membership, MemberState
from chalicelib.compose.edition import Content
from chalicelib.compose.gathering import MONTHLY
from chalicelib.content.values import Newsletter, Site
from chalicelib.render.rendered import Rendered
from chalicelib.render.variants import Variant, variant_for

MOST_VARIANTS = 12


@dataclass(frozen=True, slots=True)
class Wanted:
    """A variant to show. ``name`` names its files, ``topics`` are those of its readers (None: all)."""

    name: str
    variant: Variant
    topics: tuple[str, ...] | None
    readers: int
    beside: str = ""  # in words, with which other edition it is one mail


@dataclass(frozen=True, slots=True)
class Readership:
    """How many get a mail now, nothing of it, the monthly gathering instead, or are not in its segment."""

    mails: int = 0
    nothing: int = 0
    monthly: int = 0
    outside: int = 0


@dataclass(frozen=True, slots=True)
class Sheet:
    """One mail as a page of the preview. ``message`` is all of it; ``readers`` is None where nobody counts them."""

    name: str
    language: str
    topics: tuple[str, ...] | None
    rendered: Rendered
    html: str
    text: str
    message: bytes
    readers: int | None = None
    beside: str = ""


def wanted_variants(
    site: Site, newsletter: Newsletter, content: Content, members: Iterable[Membership], admits: Test = everybody
) -> tuple[list[Wanted], Readership]:
    """Each language with all topics first, then what most readers get, each mail once.

    Where nobody reads yet, each topic stands for those who will choose it alone. ``admits`` is the edition's segment.
    """
    readers, choices, who = _count(site, newsletter, content, members, admits)
    wanted: dict[str, Wanted] = {}
    for language in site.languages:
        if whole := variant_for(content, site.languages, site.fallback, language, None):
            wanted[whole.key] = Wanted(language, whole, None, readers[whole])
    for variant, number in readers.most_common():
        topics = choices[variant]
        wanted.setdefault(variant.key, Wanted(_name(variant, topics), variant, topics, number))
    if not readers:
        for one in _by_topic(site, newsletter, content):
            wanted.setdefault(one.variant.key, one)
    return _named_apart(list(wanted.values())[:MOST_VARIANTS]), who


def _count(
    site: Site, newsletter: Newsletter, content: Content, members: Iterable[Membership], admits: Test
) -> tuple[Counter[Variant], dict[Variant, tuple[str, ...] | None], Readership]:
    readers, choices = Counter[Variant](), dict[Variant, tuple[str, ...] | None]()
    nothing = monthly = outside = 0
    for member in members:
        if member.state is not MemberState.CONFIRMED:
            continue
        gathers = member.cadence == MONTHLY and MONTHLY in newsletter.cadences
        if gathers != content.gathering:
            monthly += gathers
            continue
        if not admits(member):
            outside += 1
            continue
        language = member.language or site.fallback
        variant = variant_for(content, site.languages, site.fallback, language, member.topics)
        if variant is None:
            nothing += 1
            continue
        readers[variant] += 1
        choices.setdefault(variant, None if member.topics is None else tuple(sorted(member.topics)))
    return readers, choices, Readership(readers.total(), nothing, monthly, outside)


def _by_topic(site: Site, newsletter: Newsletter, content: Content) -> Iterator[Wanted]:
    known = [topic.name for topic in site.topics if newsletter.topics is None or topic.name in newsletter.topics]
    for language in site.languages:
        for topic in known:
            variant = variant_for(content, site.languages, site.fallback, language, frozenset({topic}))
            if variant:
                yield Wanted(_name(variant, (topic,)), variant, (topic,), 0)


def _name(variant: Variant, topics: tuple[str, ...] | None) -> str:
    return "-".join([variant.language, *(topics or ())])[:60]


def _named_apart(found: list[Wanted]) -> list[Wanted]:
    """Two variants never share a file: the later one is called by its key."""
    seen = Counter(one.name for one in found)
    return [one if seen[one.name] == 1 or one.topics is None else replace(one, name=one.variant.key) for one in found]
