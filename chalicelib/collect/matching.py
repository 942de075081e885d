"""Which stored entry a find is, if any: a pure decision on what names it, when it appeared and what it says.

A find and a stored entry meet by a name they share. What that means:

==========  ================================================================  ==========
met by      and                                                               verdict
==========  ================================================================  ==========
URL, slug   whatever its id, title, text or date say                          the same
GUID        no new URL; title may be edited                                   the same
GUID        no new URL, but another title and dated days later                new: the GUID is used again
GUID        a new URL with the same path (the host moved)                     the same
GUID        a new URL, the same moment of publication                         the same
GUID        a new URL, the same title, dated within days or undated           the same
GUID        a new URL, the same title, dated days apart                       new: a series under one GUID
GUID        a new URL and another title                                       new: the GUID is used again
title       a URL with the same path (host and GUIDs changed)                 the same
title       neither has a URL, and the find no date                           the same: nothing else names it
title       dated, or first seen, within days                                 the same
title       days apart                                                        new: a series
title       within days, but other authors                                    new
title       within days, URLs differ in digits alone, text and moment differ  new: a series
==========  ================================================================  ==========

Titles count within one source only, and only where the stored entry is not itself listed beside the find:
two at one time are two. Where URL and GUID lead to different entries, the one with the same title is meant,
else the one by URL. An entry is given to one find of a language only, to that with the stronger claim.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.collect.entry import Entry
from chalicelib.content.values import Kind

WITHIN = timedelta(days=5)
"""Two of the same title this far apart are two of a series: less than the week that most have."""
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Leads:
    """The stored entries that a find's names lead to: by URL or slug, by GUID, by title; the first count most."""

    sure: tuple[Entry, ...] = ()
    guid: tuple[Entry, ...] = ()
    title: tuple[Entry, ...] = ()


def match(found: Sequence[Entry], leads: Sequence[Leads]) -> list[Entry | None]:
    """For each find of one reading the stored entry it is, or None where it is new. ``leads`` go with ``found``."""
    claims = _Claims()
    ranked = sorted(range(len(found)), key=lambda n: _strength(found[n], leads[n]), reverse=True)
    for n in ranked:
        claims.take(n, found[n], _by_url(found[n], leads[n]))
    for n in range(len(found)):
        claims.take(n, found[n], [entry for entry in leads[n].guid if same_by_guid(found[n], entry)])
    for n in range(len(found)):
        claims.take(n, found[n], _by_title(found[n], leads[n]))
    return [claims.taken.get(n) for n in range(len(found))]


@dataclass(slots=True)
class _Claims:
    """Which find took which entry in which languages."""

    taken: dict[int, Entry] = field(default_factory=dict)
    _languages: dict[str, set[str]] = field(default_factory=dict)

    def take(self, n: int, found: Entry, candidates: Sequence[Entry]) -> None:
        for entry in candidates if n not in self.taken else ():
            languages = self._languages.setdefault(entry.id, set())
            if not languages & set(found.texts):
                languages.update(found.texts)
                self.taken[n] = entry
                return


def _strength(found: Entry, leads: Leads) -> int:
    """How sure a find is of the entry its URL leads to, beside others whose URLs lead there too."""
    if not leads.sure:
        return 0
    return 1 + 2 * (leads.sure[0] in leads.guid) + same_title(found, leads.sure[0])


def _by_url(found: Entry, leads: Leads) -> list[Entry]:
    """Those by URL; but one by GUID first where it alone has the find's title."""
    ids = {entry.id for entry in leads.sure}
    others = [e for e in leads.guid if e.id not in ids and same_title(found, e) and same_by_guid(found, e)]
    if leads.sure and others and not any(same_title(found, entry) for entry in leads.sure):
        return others
    return sorted(leads.sure, key=lambda entry: not same_title(found, entry))


def _by_title(found: Entry, leads: Leads) -> list[Entry]:
    """Those by title, the nearest in time first."""
    same = [entry for entry in leads.title if same_by_title(found, entry)]
    return sorted(same, key=lambda entry: abs((_said(entry) or entry.date) - found.date))


def same_by_guid(found: Entry, stored: Entry) -> bool:
    """Whether a GUID that a source has used before means the same entry still."""
    if found.kind is not Kind.POST:
        return True  # a calendar's UID, which is never used again (RFC 5545, 3.8.4.7)
    new_url = bool(_urls(found) and _urls(stored))  # both have one, and it did not lead here
    if not new_url:
        said = _said(stored)
        later = found.published and said and found.published - said >= WITHIN
        return same_title(found, stored) or not later
    if _same_path(found, stored) or _same_moment(found, stored):
        return True
    return same_title(found, stored) and (_apart(found, stored) or timedelta(0)) < WITHIN


def same_by_title(found: Entry, stored: Entry) -> bool:
    """Whether an entry of the same title and source is the same, though neither URL nor GUID is known."""
    if found.authors and stored.authors and not set(found.authors) & set(stored.authors):
        return False
    ours, theirs = _urls(found), _urls(stored)
    if _same_path(found, stored) or (not ours and not theirs and found.published is None):
        return True
    apart = _apart(found, stored)
    if (found.first_seen - stored.first_seen if apart is None else apart) >= WITHIN:
        return False
    numbered = any(_DIGITS.sub("0", a) == _DIGITS.sub("0", b) for a in ours for b in theirs)
    return not numbered or _same_words(found, stored) or _same_moment(found, stored)


def same_title(one: Entry, other: Entry) -> bool:
    """Whether any of their titles is the same, but for case, marks and spaces."""
    return bool(set(title_keys(one)) & set(title_keys(other)))


def title_keys(entry: Entry) -> Mapping[str, None]:
    """The letters and digits of its titles, each once; without those that have none."""
    keys = ("".join(filter(str.isalnum, _folded(text.title))) for text in entry.texts.values())
    return dict.fromkeys(key for key in keys if key)


def shared_names(entry: Entry) -> list[str]:
    """Names that may lead to several of a source: a post's titles, and the series of an occurrence."""
    if entry.series and not entry.whole_series:
        return [f"series:{entry.source}:{entry.series}"]
    return [f"title:{entry.source}:{key}" for key in title_keys(entry)] if entry.kind is Kind.POST else []


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _urls(entry: Entry) -> list[str]:
    """Canonical URLs, as they name the entry."""
    return [name[4:] for name in entry.identities if name.startswith("url:")]


def _paths(entry: Entry) -> Iterator[str]:
    for url in _urls(entry):
        path = url.partition("/")[1:] if "/" in url else url.partition("?")[1:]
        if "".join(path):
            yield "".join(path)


def _same_path(one: Entry, other: Entry) -> bool:
    return bool(set(_paths(one)) & set(_paths(other)))


def _said(stored: Entry) -> datetime | None:
    """The date its source gave last."""
    return stored.said or stored.published


def _apart(found: Entry, stored: Entry) -> timedelta | None:
    """How far the find's date is from either of the stored entry's; None where one has none."""
    dates = [date for date in (stored.said, stored.published) if date]
    return min(abs(found.published - date) for date in dates) if found.published and dates else None


def _same_moment(found: Entry, stored: Entry) -> bool:
    """Published at the same minute and second; a full hour may be no more than a date."""
    moment = found.published
    return moment is not None and moment in {stored.published, stored.said} and (moment.minute, moment.second) != (0, 0)


def _same_words(one: Entry, other: Entry) -> bool:
    return any(one.texts[tag].html and one.texts[tag].html == text.html
               for tag, text in other.texts.items() if tag in one.texts)  # fmt: skip
