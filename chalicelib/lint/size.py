"""Size: how near a mail is to being cut off, and what in it weighs most. Pure."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from markupsafe import escape

from chalicelib.lint.findings import ERROR, WARNING, Finding, shown

WARN_BYTES, MOST_BYTES = 80 * 1024, 100 * 1024
"""Gmail shows about 102 KB of HTML and hides the rest, unsubscribe link included, behind "View entire message"."""


def size_findings(html: str, entries: Sequence[tuple[str, str]] = (), letter_bytes: int = 0) -> Iterator[Finding]:
    """``entries`` are titles and URLs in the order shown; ``letter_bytes`` the whole message where it is known."""
    size = len(html.encode("utf-8", "replace"))
    if size < WARN_BYTES:
        return
    heavy = ", ".join(f"'{shown(title)}' about {weight / 1024:.0f} KB" for title, weight in heaviest(html, entries))
    most = f"; most of it: {heavy}, each from its link to that of the next entry" if heavy else ""
    whole = f" ({letter_bytes / 1024:.0f} KB as a message)" if letter_bytes else ""
    if size >= MOST_BYTES:
        words = f"the HTML is {size / 1024:.0f} KB{whole}, and Gmail cuts off what is beyond 102 KB{most}"
        yield Finding("mail-size", ERROR, words)
    else:
        words = f"the HTML is {size / 1024:.0f} KB{whole}; Gmail cuts off what is beyond 102 KB{most}"
        yield Finding("mail-size", WARNING, words)


def heaviest(html: str, entries: Sequence[tuple[str, str]], most: int = 3) -> list[tuple[str, int]]:
    """The entries with most bytes between their first link and that of the next; for the last, up to the end."""
    places = []
    for title, url in entries:
        place = html.find(f'href="{escape(url)}"') if url else -1
        place = place if place >= 0 else html.find(str(escape(title)))
        if place >= 0:
            places.append((place, title))
    ends = pairwise([*sorted(places), (len(html), "")])
    weights = [(title, len(html[start:end].encode("utf-8", "replace"))) for (start, title), (end, _) in ends]
    return sorted(weights, key=lambda pair: -pair[1])[:most]
