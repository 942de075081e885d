"""Which topics an entry has, by the site's rules, its own front matter and its source."""

from collections.abc import Iterable

from chalicelib.collect.entry import Entry
from chalicelib.content.markup import plain_text
from chalicelib.content.values import Topic, TopicRule


def topics_of(entry: Entry, own: Iterable[str], topics: Iterable[Topic]) -> tuple[str, ...]:
    """The names of all topics of which any rule matches, in the site's order; ``own`` ones always count."""
    named = set(own)
    text = " ".join(plain_text(t.html) + " " + t.summary + " " + t.title for t in entry.texts.values())
    return tuple(t.name for t in topics if t.name in named or any(matches(rule, entry, text) for rule in t.rules))


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
