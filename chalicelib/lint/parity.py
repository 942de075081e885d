"""Parity: what the HTML says, the text part says too. Pure."""

import re
from collections.abc import Iterator, Sequence

from chalicelib.lint.document import Document
from chalicelib.lint.findings import ERROR, WARNING, Finding, shown

MAX_LINE = 998
"""Characters of a line of mail, without its end (RFC 5322, 2.1.1)."""


def parity_findings(document: Document, text: str, titles: Sequence[str] = ()) -> Iterator[Finding]:
    """Links and titles that the text part lacks. ``titles`` are those of the entries shown."""
    if not text.strip():
        yield Finding("text-part", ERROR, "the text part is empty: who reads mail as text gets nothing")
        return
    flat = _flat(text)
    for link in dict.fromkeys(link.attrs["href"].strip() for link in document.links):
        if re.match(r"(?i)(?:https?|mailto):", link) and not _has(text, flat, link):
            words = f"the link {shown(link)} of the HTML is missing in the text part; mend the template's body.txt"
            yield Finding("lost-link", WARNING, words, link)
    shouted = flat.casefold()
    for title in dict.fromkeys(titles):
        if title and _flat(title).casefold() not in shouted:
            words = f"the entry '{shown(title)}' is missing in the text part; mend the template's body.txt"
            yield Finding("lost-title", WARNING, words, title)
    yield from line_findings(text)


def line_findings(text: str) -> Iterator[Finding]:
    """Lines that no mail server need take."""
    long = next((number for number, line in enumerate(text.split("\n"), 1) if len(line) > MAX_LINE), 0)
    if long:
        yield Finding("long-line", WARNING, f"line {long} of the text part has more than {MAX_LINE} characters")


def _has(text: str, flat: str, link: str) -> bool:
    if link in text:
        return True
    bare = link.rstrip("/")
    return bare in text or bare.removeprefix("mailto:").partition("?")[0] in flat


def _flat(text: str) -> str:
    """Without line ends and quote marks, for a text part is wrapped."""
    return " ".join(text.split())
