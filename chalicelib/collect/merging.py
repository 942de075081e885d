"""What a stored entry becomes when a source brings it again: edited by its own source, joined by another. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.collect.entry import Change, Entry, EntryText, entry_to_json
from chalicelib.content.values import Kind

MAX_ENTRY_BYTES = 300_000
"""As JSON, with its HTML: an item must stay under 400 KB."""
MAX_NAMES = 8
"""Names of a kind that one entry has, the first and the last: some programs write a new GUID at each request."""
A_DAY = timedelta(days=1)


def together(found: Sequence[Entry]) -> Entry:
    """Several finds of one reading that are one entry in several languages."""
    texts: dict[str, EntryText] = {}
    for entry in found:
        for tag, text in entry.texts.items():
            texts.setdefault(tag, text)
    names = dict.fromkeys(name for entry in found for name in entry.identities)
    topics = dict.fromkeys(topic for entry in found for topic in entry.topics)
    return replace(found[0], texts=texts, identities=tuple(names), topics=tuple(topics))


def updated(old: Entry, entry: Entry, *, complete: bool) -> Entry:
    """The stored entry after a source brought ``entry``. A ``complete`` source lists all its languages each time."""
    if old.source != entry.source and not old.withdrawn:
        new = _joined(old, entry)
    else:
        new = _edited(old, entry, complete=complete)
    return fit(revised(old, replace(new, identities=_names(old, entry)), entry.first_seen))


def revised(old: Entry, new: Entry, now: datetime) -> Entry:
    """What became of ``old``, with the revision and the moment that tell calendar programs so; posts have none.

    The revision follows RFC 5545, 3.8.7.4: it rises where when, where or whether it takes place is another, and is
    never below that of its source.
    """
    if new.starts is None:
        return new
    rises = _standing(old) != _standing(new)
    moment = now if rises or old.texts != new.texts else old.revised
    return replace(new, revision=max(new.revision, old.revision + rises), revised=moment)


def _standing(entry: Entry) -> tuple[object, ...]:
    return entry.starts, entry.ends, entry.all_day, entry.place, entry.change, entry.withdrawn


def _names(old: Entry, entry: Entry) -> tuple[str, ...]:
    """All its names; of those of a kind, where they are many, the first and the last."""
    names = dict.fromkeys((*old.identities, *entry.identities))
    for kind in {name.partition(":")[0] for name in names}:
        own = [name for name in names if name.partition(":")[0] == kind and name not in entry.identities]
        for name in own[1 : len(own) - MAX_NAMES + 2]:
            del names[name]
    return tuple(names)


def _joined(old: Entry, other: Entry) -> Entry:
    """The same post by another way: the first source's version stays, with the languages only the other has."""
    texts, lent = dict(old.texts), dict(old.lent)
    for tag, text in other.texts.items():
        if tag not in texts or lent.get(tag, ("",))[0] == other.source:
            texts[tag], lent[tag] = text, (other.source, *other.topics)
    return replace(old, texts=texts, lent=lent, topics=_with_lent(old.topics, lent))


def _edited(old: Entry, entry: Entry, *, complete: bool) -> Entry:
    """The source's new version of what stays the same entry; what other sources lent it stays."""
    lent = {tag: names for tag, names in old.lent.items() if tag not in entry.texts and names[0] != entry.source}
    kept = {tag: old.texts[tag] for tag in lent}
    if not complete and old.source == entry.source:
        kept = {**_other_pages(old.texts, entry.texts), **kept}
    change, moved_from = _change(old, entry)
    return replace(
        entry,
        id=old.id,
        first_seen=old.first_seen,
        backlog=old.backlog,
        change=change,
        moved_from=moved_from,
        published=_published(old, entry, trusted=complete),
        said=_said(old, entry),
        texts={**entry.texts, **kept},
        lent=lent,
        topics=_with_lent(entry.topics, lent),
    )


def _change(old: Entry, entry: Entry) -> tuple[Change, datetime | None]:
    """What became of an event: what its source says, else whether it begins at another time than it did before.

    One that is cancelled keeps what it was moved from, in case it takes place after all.
    """
    dated = entry.kind is Kind.EVENT and entry.starts is not None and old.starts is not None
    if not dated or entry.change is Change.MOVED:
        return entry.change, entry.moved_from
    moved_from = old.moved_from if entry.starts == old.starts else old.starts
    if entry.change:
        return entry.change, moved_from
    coming = entry.starts == old.starts or (entry.starts and entry.starts > entry.first_seen)
    return (Change.MOVED, moved_from) if moved_from and coming else (Change.NONE, None)


def _other_pages(old: Mapping[str, EntryText], new: Mapping[str, EntryText]) -> dict[str, EntryText]:
    """Translations on pages of their own, which a feed of the latest may have dropped before this one."""
    here = {text.url for text in new.values()}
    return {tag: text for tag, text in old.items() if tag not in new and text.url and text.url not in here}


def _published(old: Entry, entry: Entry, *, trusted: bool) -> datetime | None:
    """A date that moves on is none it was published at: what was old would be fresh, or wait for ever."""
    if entry.published is None or trusted or old.withdrawn:
        return entry.published or old.published
    return min(entry.published, old.date)


def _said(old: Entry, entry: Entry) -> datetime | None:
    """What the source says now; only from day to day, or a date that always moves were always to be written."""
    before = old.said or old.published
    if entry.published is None or (before and abs(entry.published - before) < A_DAY):
        return old.said
    return entry.published


def _with_lent(topics: Sequence[str], lent: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    brought = (topic for names in lent.values() for topic in names[1:])
    return tuple(dict.fromkeys((*topics, *brought)))


def without_lent(entry: Entry, source: str) -> Entry:
    """Without the languages that a source had lent."""
    tags = {tag for tag, names in entry.lent.items() if names[0] == source}
    texts = {tag: text for tag, text in entry.texts.items() if tag not in tags}
    return replace(entry, texts=texts, lent={tag: names for tag, names in entry.lent.items() if tag not in tags})


def size(entry: Entry) -> int:
    """At most how many bytes of JSON it takes: a character is four in UTF-8, six as an escape."""
    texts = (len(t.html) + len(t.title) + len(t.summary) + len(t.url) + len(t.image_alt) for t in entry.texts.values())
    return 6 * (sum(texts) + sum(map(len, (*entry.identities, *entry.categories, *entry.authors)))) + 10_000


def fit(entry: Entry) -> Entry:
    """Without its longest texts, where the whole is larger than an item may be; readers follow the link then."""
    if size(entry) <= MAX_ENTRY_BYTES:
        return entry
    while _bytes(entry) > MAX_ENTRY_BYTES and any(text.html for text in entry.texts.values()):
        longest = max(entry.texts, key=lambda tag: len(entry.texts[tag].html))
        entry = replace(entry, texts={**entry.texts, longest: replace(entry.texts[longest], html="")})
    return entry


def _bytes(entry: Entry) -> int:
    return len(json.dumps(entry_to_json(entry), ensure_ascii=False).encode("utf-8", "replace"))
