"""Which topics an entry has, and why: by the site's rules, its own front matter and its source."""

from collections.abc import Iterable
from dataclasses import dataclass

from chalicelib.collect.entry import Entry
from chalicelib.content.markup import plain_text
from chalicelib.content.values import Topic, TopicRule


def topics_of(entry: Entry, own: Iterable[str], topics: Iterable[Topic]) -> tuple[str, ...]:
    """The names of all topics of which any rule matches, in the site's order; ``own`` ones always count."""
    named = set(own)
    text = text_of(entry)
    return tuple(t.name for t in topics if t.name in named or any(matches(rule, entry, text) for rule in t.rules))


def text_of(entry: Entry) -> str:
    """The plain text of all languages, titles and summaries too, as rules search it."""
    return " ".join(plain_text(t.html) + " " + t.summary + " " + t.title for t in entry.texts.values())


def matches(rule: TopicRule, entry: Entry, text: str) -> bool:
    """Whether one rule takes an entry; ``text`` is the plain text of all its languages."""
    value = rule.value.casefold()
    if rule.field in {"category", "tag"}:
        return value in {category.casefold() for category in entry.categories}
    if rule.field == "title":
        return bool(rule.pattern and any(rule.pattern.search(t.title) for t in entry.texts.values()))
    if rule.field == "text":
        return bool(rule.pattern and rule.pattern.search(text))
    if rule.field == "kind":
        return value == entry.kind
    if rule.field == "source":
        return value == entry.source.casefold()
    return rule.field == "any" and value in {"true", "yes"}


@dataclass(frozen=True, slots=True)
class TopicReason:
    """Why an entry has a topic, or that it has not (``why`` is empty). ``rule`` counts from 1, 0 is none."""

    topic: str
    rule: int
    why: str


def explain(
    entry: Entry, written: Iterable[str], of_source: Iterable[str], topics: Iterable[Topic]
) -> list[TopicReason]:
    """For each topic of the site everything that gives it to an entry, or one reason without a word.

    ``written`` are the topics of the entry's front matter, ``of_source`` those of its source.
    """
    own, sources = set(written), set(of_source)
    text = text_of(entry)
    reasons = []
    for topic in topics:
        found = [TopicReason(topic.name, 0, "its front matter names it")] if topic.name in own else []
        if topic.name in sources:
            found.append(TopicReason(topic.name, 0, f"everything of source '{entry.source}' has it"))
        found += [
            TopicReason(topic.name, number, _because(rule, entry, text))
            for number, rule in enumerate(topic.rules, 1)
            if matches(rule, entry, text)
        ]
        reasons += found or [TopicReason(topic.name, 0, "")]
    return reasons


def _because(rule: TopicRule, entry: Entry, text: str) -> str:
    """The rule as it is written, and what of the entry it found."""
    said = f"{{{rule.field}: {rule.value}}}"
    places = (
        [text] if rule.field == "text" else [t.title for t in entry.texts.values()] if rule.field == "title" else []
    )
    found = next((match[0] for place in places if rule.pattern and (match := rule.pattern.search(place))), "")
    return f"{said} finds '{found[:60]}'" if found else f"{said} matches"
