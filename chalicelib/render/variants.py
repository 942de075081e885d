"""Variants: which of an edition's entries a reader gets, in which language. Pure decisions."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from chalicelib.compose.edition import Content


@dataclass(frozen=True, slots=True)
class Variant:
    """A language and the ids of the entries shown, in the order of the edition.

    ``guest``: of the edition and another one below it, in one mail (see compose/together.py).
    """

    language: str
    entry_ids: tuple[str, ...]
    guest: bool = False

    @property
    def key(self) -> str:
        """Short, stable and fit for a file name: ``en-3fa9c1d204``. Unique within one edition.

        Ten digits keep two of 1,000 selections apart with a chance of one in two million to fail.
        """
        return _key(self)


@lru_cache(maxsize=1024)
def _key(variant: Variant) -> str:
    parts = (variant.language, *variant.entry_ids, *(("+",) if variant.guest else ()))
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return f"{variant.language}-{digest[:10]}"


def variant_for(
    content: Content,
    languages: Sequence[str],
    fallback: str,
    language: str,
    topics: frozenset[str] | None,
) -> Variant | None:
    """What a reader of ``language`` who chose ``topics`` (None: all) gets, or None where nothing is theirs.

    An entry is theirs if any of its topics is chosen. A language the site lacks becomes its primary
    subtag's (``de-AT`` -> ``de``), else the fallback. An edition without entries (a note alone) is for all.
    """
    shown = tuple(entry.id for entry in content.entries if topics is None or topics.intersection(entry.topics))
    if content.entries and not shown:
        return None
    return Variant(_offered(language, languages, fallback), tuple(dict.fromkeys(shown)))


def variant_with_guest(both: Content, host: Variant, guest: Variant) -> Variant:
    """What a reader gets who is in both newsletters: all that is theirs of either, in the host's language.

    ``both`` is the content of the two (see compose/together.py).
    """
    theirs = {*host.entry_ids, *guest.entry_ids}
    shown = (entry.id for entry in both.entries if entry.id in theirs)
    return Variant(host.language, tuple(dict.fromkeys(shown)), guest=True)


def _offered(language: str, languages: Sequence[str], fallback: str) -> str:
    by_tag = {tag.lower(): tag for tag in languages}
    wanted = language.lower()
    return by_tag.get(wanted) or by_tag.get(wanted.split("-")[0]) or fallback
