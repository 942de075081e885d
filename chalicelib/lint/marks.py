"""Marks: what a template or a hand left behind in a text that readers see. Pure.

Marks of templates (``{{``, ``{%``, our own tokens) are errors unless the text they stand in came so from an entry:
a blog post about templates is no mistake.
"""

import re
from collections.abc import Iterable, Iterator

from chalicelib.lint.findings import ERROR, WARNING, Finding, shown
from chalicelib.render.personal import FIELDS, TOKEN

_TEMPLATE = re.compile(r"\{\{[^{}\n]{0,80}\}{0,2}|\{[%#][^{}\n]{0,80}[%#]?\}?|SLOT[0-9a-f]{2,40}|\*\|[A-Z_]{2,30}\|\*")
_CONTROL = re.compile("[\x02\x03]")
_FIELD = re.compile(
    r"(?i)\{(?:name|first_?name|last_?name|e-?mail|address|unsubscribe(?:_url)?)(?:\|[^{}\n]{0,100})?\}?"
)
_LEFT = re.compile(
    r"&(?:amp;)?(?:amp|lt|gt|quot|nbsp|#\d{2,5});|(?<![\w\\:/])\\n(?![\w\\])|(?<=[a-z.,])\\n(?=[A-Z])"
    r"|\A(?:None|undefined|null|NaN|\[object Object\])\Z|\[object Object\]"
)
_HAND = re.compile(r"(?i:\blorem ipsum\b)|\b(?:TODO|FIXME|XXX|TBD)\b(?!-)(?=\s*[:(]|\s|\Z)")
SAME = 12
"""Characters by which a mark is known again in the text it came from."""
MOST = 20
"""Findings of one kind in one text: who has more has read the first ones."""


def token_findings(text: str) -> Iterator[Finding]:
    """Tokens that no letter can fill, in a rendered subject, HTML or text."""
    unknown = {match[1] for match in TOKEN.finditer(text)} - set(FIELDS)
    for name in sorted(unknown)[:MOST]:
        message = f"'{shown(name)}' is no field that a mail can be filled with; known: {', '.join(FIELDS)}"
        yield Finding("unresolved", ERROR, message)
    if _CONTROL.search(TOKEN.sub("", text)):
        yield Finding("unresolved", ERROR, "holds control characters of a field that was broken in two")


def template_findings(text: str, said: Iterable[str] = ()) -> Iterator[Finding]:
    """Marks of templates in visible text. ``said`` are texts that hold such marks by their authors' will."""
    found = list(dict.fromkeys(match[0].rstrip() for match in _TEMPLATE.finditer(text)))[:MOST]
    if not found:
        return
    theirs = " ".join(" ".join(said).split())
    for mark in found:
        if " ".join(mark[:SAME].split()).rstrip("… ") in theirs:  # the rest may be cut, or another text
            words = f"'{shown(mark)}' stands in an entry; if it is code, put it in backticks"
            yield Finding("unresolved", WARNING, words, mark)
        else:
            yield Finding(
                "unresolved", ERROR, f"'{shown(mark)}' was not filled in; mend the template or the text", mark
            )


def left_findings(block: str) -> Iterator[Finding]:
    """What else was left in a line of text: fields, doubled escapes, notes to oneself."""
    for match in list(_FIELD.finditer(block))[:MOST]:
        yield Finding("unresolved", WARNING, f"'{shown(match[0])}' was not filled in", match[0])
    for match in list(_LEFT.finditer(block))[:MOST]:
        yield Finding("unresolved", WARNING, f"'{shown(match[0])}' stands in the text as it is written", match[0])
    for match in list(_HAND.finditer(block))[:MOST]:
        yield Finding("placeholder", WARNING, f"'{shown(match[0])}' is a note to oneself, or no text yet", match[0])
