"""What the bytes of a feed say that no parser reads: where its entries are, and what of a broken one was meant."""

import re

ENTRY_BEGINS = re.compile(rb"<(?:\w{1,20}:)?(?:item|entry)[\s>]", re.IGNORECASE)
ENTRY_ENDS = re.compile(rb"</(?:\w{1,20}:)?(?:item|entry)\s*>", re.IGNORECASE)
_LAST = re.compile(rb"</(?:\w{1,20}:)?(?:rss|feed|rdf|channel)\s*>", re.IGNORECASE)
_WRONGLY_CLOSED = re.compile(
    rb"<((?!(?:item|entry|channel|rss|feed)\b)\w[\w:.-]{0,30})(\s[^<>]{0,2000})?>([^<]{0,5000})"
    rb"</(?!\1\s*>)[\w:.-]{1,30}\s*>"
)
_TOLD = (
    re.compile(rb"</title\s*>", re.IGNORECASE),
    re.compile(rb"</(?:link|guid|id)\s*>|<link\s(?=[^<>]{0,2000}href)[^<>]{0,4000}+>", re.IGNORECASE),
    re.compile(rb"</(?:pubDate|published|updated|dc:date)\s*>", re.IGNORECASE),
)


def with_ends_set_right(body: bytes) -> bytes:
    """The body with each element that holds text only closed by its own name: <title>A</titel>."""
    return _WRONGLY_CLOSED.sub(rb"<\1\2>\3</\1>", body)


def breaks_off(body: bytes) -> bool:
    """Whether the end of the feed is missing."""
    return not _LAST.search(body[-4000:]) and b"<" in body


def tells_its_last(body: bytes) -> bool:
    """Whether the entry a feed breaks off in has its title, link and date whole: half a link leads nowhere, and
    without its date an old entry would count as new.
    """
    start = max((found.start() for found in ENTRY_BEGINS.finditer(body)), default=0)
    return ENTRY_ENDS.search(body, start) is not None or all(told.search(body, start) for told in _TOLD)
