"""The lint of MJML: everything that would render wrong, not at all, or otherwise than elsewhere, with file and line."""

from collections.abc import Callable

from chalicelib.content.values import Problem
from chalicelib.lint.mjml_checks import check_repeats, check_tag, check_texts
from chalicelib.lint.mjml_classes import check_head
from chalicelib.lint.mjml_report import Report
from chalicelib.render.mjml import MAX_DEPTH, MAX_SIZE, Document, read_mjml
from chalicelib.render.mjml_structure import refusals
from chalicelib.render.origins import Expanded, Origin, expanded


def lint_mjml(source: str, file: str) -> list[Problem]:
    """All that is wrong with MJML as it lies in a file, sorted by line. Never raises."""
    text = source.replace("\r\n", "\n").replace("\r", "\n")
    made = expanded(file, file, text.removeprefix("\ufeff"))
    found = lint_expanded(made, lambda origin: origin.name)
    if text.startswith("\ufeff"):
        report = Report(made, lambda origin: origin.name)
        report.warning(0, "", "mjml-syntax", "begins with a byte order mark; save it as UTF-8 without one")
        found = sorted({*found, *report.problems})
    return found


def lint_expanded(made: Expanded, named: Callable[[Origin], str]) -> list[Problem]:
    """All that is wrong with a whole document; ``named`` tells the file of a line as problems give it."""
    report = Report(made, named)
    if len(made.text) > MAX_SIZE:
        report.error(0, "", "mjml-syntax", f"has {len(made.text):,} characters, more than {MAX_SIZE:,}")
        return sorted(report.problems)
    document = read_mjml(made.text)
    for fault in refusals(document):
        report.error(fault.offset, "", "mjml-syntax", fault.message)
    if document.elements and document.elements[0].name == "mjml":
        _check_tags(document, report, whole=True)
        check_texts(document, report)
        check_repeats(document, report)
        check_head(document, report)
    return sorted(report.problems)


def lint_source(made: Expanded, named: Callable[[Origin], str]) -> list[Problem]:
    """What can be said of a part of a template that is not run: its tags one by one, not how they stand together."""
    report = Report(made, named)
    _check_tags(read_mjml(made.text), report, whole=False)
    return sorted(report.problems)


def _check_tags(document: Document, report: Report, *, whole: bool) -> None:
    """Each tag, as long as anybody would read on, and as deep as MRML may be given them."""
    for element in document.elements:
        if report.full:
            break
        if element.depth <= MAX_DEPTH:
            check_tag(element, report, whole=whole)
