"""Reading segments: what a filter's words mean, checked against what the site has."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from difflib import get_close_matches

from chalicelib.content.fields import Fields
from chalicelib.content.problems import did_you_mean
from chalicelib.content.segment_grammar import (
    MOST_CHARACTERS,
    MOST_DEPTH,
    Stated,
    Tree,
    Word,
    parse_tree,
    refusal,
    shortened,
)
from chalicelib.content.segments import UNREADABLE, Ago, Node, Not, Part, Segment, Value, all_of, any_of, depth, written
from chalicelib.content.values import EditionNote, Newsletter, Site
from chalicelib.errors import SegmentError

STATES = ("pending", "confirmed", "unsubscribed")
CADENCES = ("every", "monthly")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_KIND = re.compile(r"[a-z][a-z0-9-]{0,63}\Z")
_EQUAL, _EITHER, _TEXT = ("=", "!="), ("=", "!=", "in"), ("=", "!=", "~", "in")
_OPERATORS: Mapping[str, tuple[str, ...]] = {
    "language": _EITHER,
    "cadence": _EITHER,
    "state": _EITHER,
    "newsletter": _EITHER,
    "topics": _EQUAL,
    "name": _TEXT,
    "domain": _TEXT,
    "joined": ("=", "!=", "<", "<=", ">", ">=", "in"),
    "paused": (),
}
_KINDS = ("topic", "tag", "segment")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a filter may name. ``languages`` begins with the site's first; ``segments`` are the texts of named ones.

    Where it is not ``strict``, names are taken as they are: a filter that was checked once is still read when a
    topic has been given up since.
    """

    languages: tuple[str, ...]
    topics: tuple[str, ...] = ()
    newsletters: tuple[str, ...] = ()
    segments: Mapping[str, str] = field(default_factory=dict)
    strict: bool = True


def vocabulary_of(site: Site, *, strict: bool = True) -> Vocabulary:
    """What filters of a site may name; before its newsletters are read, these are known by their files."""
    files = (site.root / "content" / "newsletters").glob("*.y*ml")
    newsletters = tuple(site.newsletters) or tuple(sorted(path.stem for path in files))
    return Vocabulary(site.languages, tuple(topic.name for topic in site.topics), newsletters, site.segments, strict)


def parse_segment(text: str, *, vocabulary: Vocabulary) -> Segment:
    """The filter that a text says; named segments are put in. Raises SegmentError, with the place in the text."""
    root = _Reader(text, vocabulary).node(parse_tree(text))
    if len(written(root)) > MOST_CHARACTERS or depth(root) > MOST_DEPTH:
        limits = f"{MOST_CHARACTERS:,} characters or {MOST_DEPTH} levels"
        raise refusal(text, 1, f"written out, with the segments it names, it has more than {limits}")
    return Segment(root, vocabulary.languages[0] if vocabulary.languages else "")


def filters_for(newsletter: Newsletter, note: EditionNote | None) -> tuple[str, str]:
    """What a member must match to get an edition: the newsletter's filter and that of the edition's note, '' for none.

    A triggered newsletter has no notes.
    """
    return newsletter.segment, note.segment if note and newsletter.schedule else ""


def read_segment(fields: Fields, key: str, site: Site) -> str:
    """A filter below a key, written out, '' where there is none; ``UNREADABLE`` where it is wrong, which is told."""
    text = fields.text(key)
    if key not in fields:
        return ""
    try:
        return str(parse_segment(text, vocabulary=vocabulary_of(site)))
    except SegmentError as error:
        fields.wrong(key, _in_one_line(error), "bad-segment")
        return UNREADABLE


def read_named_segments(fields: Fields, key: str, vocabulary: Vocabulary) -> dict[str, str]:
    """The named filters of site.yaml, written out; each may name those above it."""
    sub, found = fields.sub(key), dict[str, str]()
    if sub is None:
        return found
    for name in sub.keys():
        if not _NAME.match(name):
            sub.wrong(name, "a segment's name is small letters, digits and hyphens", "bad-name")
        try:
            found[name] = str(parse_segment(sub.text(name), vocabulary=replace(vocabulary, segments=found)))
        except SegmentError as error:
            sub.wrong(name, _in_one_line(error), "bad-segment")
    return found


def _in_one_line(error: SegmentError) -> str:
    return f"{error.reason} (at character {error.position} of the filter)"


class _Reader:
    """One text on its way from words to conditions."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self._text, self._known = text, vocabulary

    def node(self, tree: Tree) -> Node:
        """A tree whose words mean something. Its depth is bounded by the grammar."""
        if isinstance(tree, Stated):
            return self._marked(tree) if tree.operator == ":" else self._condition(tree)
        parts = [self.node(part) for part in tree.parts]
        if tree.kind == "not":
            return Not(parts[0])
        return all_of(parts) if tree.kind == "and" else any_of(parts)

    def _wrong(self, word: Word, reason: str) -> SegmentError:
        return refusal(self._text, word.at, reason)

    def _marked(self, stated: Stated) -> Node:
        kind, value = stated.field.text.lower(), stated.values[0]
        if kind in _OPERATORS:
            example = kind if kind == "paused" else f"{kind} = {shortened(value.text)}"
            raise self._wrong(stated.field, f"'{kind}' is compared, not marked; write {example}")
        shown = shortened(stated.field.text)
        near = get_close_matches(kind, _KINDS, n=1, cutoff=0.8)
        if not _KIND.match(kind) or (near and kind not in _KINDS):
            hint = f"did you mean '{near[0]}'?" if near else "a kind is letters, digits and hyphens, like tag:speaker"
            raise self._wrong(stated.field, f"'{shown}' is no kind of mark; {hint}")
        if value.kind == "AGO" or not value.text:
            raise self._wrong(value, f"{kind} needs a word, like {kind}:speaker")
        if kind == "segment":
            return self._named(value)
        if kind == "topic" and self._known.strict and value.text not in self._known.topics:
            hint = did_you_mean(value.text, self._known.topics)
            raise self._wrong(value, f"there is no topic '{shortened(value.text)}'; {hint}")
        return Part(kind, ":", (value.text,))

    def _named(self, name: Word) -> Node:
        text = self._known.segments.get(name.text)
        if text is None:
            hint = did_you_mean(name.text, self._known.segments)
            raise self._wrong(name, f"there is no segment '{shortened(name.text)}' in site.yaml (above this); {hint}")
        return _Reader(text, self._known).node(parse_tree(text))

    def _condition(self, stated: Stated) -> Part:
        name = stated.field.text.lower()
        if name not in _OPERATORS:
            hint = did_you_mean(name, [*_OPERATORS, *(f"{kind}:…" for kind in _KINDS)])
            raise self._wrong(stated.field, f"there is no field '{shortened(stated.field.text)}'; {hint}")
        allowed = _OPERATORS[name]
        if not allowed:
            if stated.operator:
                raise self._wrong(stated.field, f"'{name}' stands alone: write {name}, or not {name}")
            return Part(name)
        if stated.operator not in allowed:
            raise self._wrong(stated.field, f"after '{name}' belongs one of: {'  '.join(allowed)}")
        return Part(name, stated.operator, tuple(self._value(name, word) for word in stated.values))

    def _value(self, name: str, word: Word) -> Value:
        if name == "joined":
            return self._day(word)
        if word.kind == "AGO":
            raise self._wrong(word, f"{name} needs a word, not a day")
        if name == "domain":
            return self._domain(word)
        choice = self._choice(name)
        if choice is not None and word.text not in choice and (self._known.strict or name == "topics"):
            raise self._wrong(
                word, f"'{shortened(word.text)}' is no {name.removesuffix('s')} here; {did_you_mean(word.text, choice)}"
            )
        return word.text

    def _choice(self, name: str) -> tuple[str, ...] | None:
        known = self._known
        return {
            "language": known.languages, "cadence": CADENCES, "state": STATES, "newsletter": known.newsletters,
            "topics": ("all",),
        }.get(name)  # fmt: skip

    def _day(self, word: Word) -> Value:
        if word.kind == "AGO":
            number, unit = re.match(r"([0-9]+)([dwDW])", word.text).groups()  # type: ignore[union-attr]  # as AGO is
            return Ago(int(number) * (7 if unit in "wW" else 1))
        if word.text.lower() == "today":
            return Ago(0)
        try:
            if _DATE.match(word.text):
                return date.fromisoformat(word.text)
        except ValueError:
            pass
        needs = "joined needs a date like 2026-01-31, 'today' or '30d ago'"
        raise self._wrong(word, f"{needs}, found is '{shortened(word.text)}'")

    def _domain(self, word: Word) -> str:
        """As addresses hold it: small letters, an IDN domain as A-labels."""
        text = word.text.lower()
        try:
            text = text.encode("idna").decode()
        except UnicodeError:
            raise self._wrong(word, f"'{shortened(word.text)}' is no domain; write it like example.org") from None
        if not re.match(r"[a-z0-9_.-]{1,253}\Z", text):
            raise self._wrong(word, f"'{shortened(word.text)}' is no domain; write it like example.org")
        return text
