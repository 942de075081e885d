"""Page: what mail programs and screen readers need of a mail's HTML. Pure."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from chalicelib.lint.document import Document, Element
from chalicelib.lint.findings import WARNING, Finding, shown


def page_findings(document: Document) -> Iterator[Finding]:
    """Missing language, title and alt texts; headings, tables and ids that mislead."""
    if not any(page.attrs.get("lang", "").strip() for page in document.of("html", "body")):
        yield Finding("page-language", WARNING, "the HTML does not say what language it is in; write <html lang=…>")
    if not any(document.titles):
        yield Finding("page-title", WARNING, "the HTML has no title; write <title>…</title>")
    for image in document.of("img"):
        if "alt" not in image.attrs and image.attrs.get("aria-hidden") != "true":
            src = image.attrs.get("src", "")
            words = f'the picture {shown(src)} has no alt text; say what it shows, or alt="" where it shows nothing'
            yield Finding("missing-alt", WARNING, words, src)
    yield from _headings(document)
    yield from _tables(document)
    ids = Counter(element.attrs["id"] for element in document.elements if element.attrs.get("id"))
    for name in [name for name, count in ids.items() if count > 1][:10]:
        yield Finding("duplicate-id", WARNING, f"id '{shown(name)}' stands {ids[name]} times; each names one element")


def _headings(document: Document) -> Iterator[Finding]:
    before = 0
    for level, heading in document.headings:
        if not heading.name:
            yield Finding("empty-heading", WARNING, f"an empty heading <h{level}>; take it out")
            continue
        if level > before + 1:
            above = f"below <h{before}>" if before else "as the first"
            words = (
                f"heading '{shown(heading.name)}' is <h{level}> {above}, so a level is skipped; make it <h{before + 1}>"
            )
            yield Finding("heading-order", WARNING, words, heading.name)
        before = level


def _tables(document: Document) -> Iterator[Finding]:
    """A table is for layout and says so, or it is one of data and its first cells are headers."""
    heads = [element.offset for element in document.of("th")]
    silent = [table.offset for table in document.of("table") if not _layout(table)]
    for start, end in pairwise([*silent, document.size + 1]):
        first = bisect_right(heads, start)
        if first == len(heads) or heads[first] > end:
            words = 'a table has neither role="presentation" nor header cells; say which kind it is'
            yield Finding("table-role", WARNING, words)
            return


def _layout(table: Element) -> bool:
    return table.attrs.get("role", "").lower() in {"presentation", "none"}
