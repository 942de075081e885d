"""The checks of single tags: unknown ones, attributes and their values, what stands where, and HTML inside MJML."""

import re

from chalicelib.content.problems import nearest
from chalicelib.lint.differences import ICONS, IGNORED, IGNORED_VALUES, ONCE, WIDE, mangled
from chalicelib.lint.mjml_report import Report
from chalicelib.lint.schema import EVERYWHERE, WITHOUT_COMPONENT, schema, wrong_value
from chalicelib.render.mjml import VOID, Attribute, Document, Element
from chalicelib.render.mjml_structure import FREE, HOLDS

UNKNOWN = "\ue000"
"""Stands for a value that is printed by a template, where it is not known."""
_HIDDEN = re.compile(r"SLOT[0-9a-f]*TOLS|\ue000")
_SHORT = re.compile(r"#[0-9a-fA-F]{3}")
_FOREIGN = frozenset({"svg", "math"})


def is_ours(element: Element) -> bool:
    """Whether a tag is one of MJML's, by its name."""
    return element.name == "mjml" or element.name.lower().startswith("mj-")


def html_parent(element: Element) -> Element | None:
    """The nearest of MJML's elements around one that holds HTML; None where MJML itself stands."""
    parent = element.parent
    while parent is not None and not is_ours(parent):
        parent = parent.parent
    return parent if parent is not None and parent.name in FREE else None


def check_tag(element: Element, report: Report, *, whole: bool) -> None:
    """One tag, by itself and with what it stands in; ``whole`` where the document is all there."""
    if is_ours(element):
        if _known(element, report):
            if whole:
                _check_place(element, report)
            _check_attributes(element, report)
    else:
        _check_html(element, report, whole=whole)
    for attribute in element.attributes:
        _check_text(element, attribute, report)


def check_texts(document: Document, report: Report) -> None:
    """Text that stands where only tags may."""
    for text in document.texts:
        parent = text.parent
        if parent is not None and is_ours(parent) and parent.name not in FREE and parent.name not in HOLDS:
            if parent.name in ("mj-attributes",) or parent.name not in schema().tags:
                continue
            message = "text can't stand in it; put it into <mj-text>"
            report.error(text.offset, parent.name, "mjml-nesting", message)


def check_repeats(document: Document, report: Report) -> None:
    """A second one of what works only once."""
    for name in ONCE:
        for again in [element for element in document.elements if element.name == name][1:]:
            message = "a second one in a mail works the first: MRML gives all of them one name"
            report.warning(again.offset, name, "mjml-differs", message)


def _known(element: Element, report: Report) -> bool:
    name = element.name
    if name in schema().tags:
        return True
    if name.lower() in schema().tags:
        report.error(element.offset, name, "mjml-unknown", "MJML's tags are written in small letters")
    else:
        near = nearest(name, schema().tags)
        hint = f"did you mean <{near}>?" if near else "it would pass through as it is"
        report.error(element.offset, name, "mjml-unknown", f"MJML has no such tag; {hint}")
    return False


def _check_place(element: Element, report: Report) -> None:
    parent = element.parent
    if parent is None or element.offset in report.wrong or parent.name == "mj-attributes":
        return
    if holder := html_parent(element):
        if parent.name != "mj-attributes" and element.name not in WITHOUT_COMPONENT:
            message = f"MJML is not read inside <{holder.name}>"
            report.error(element.offset, element.name, "mjml-nesting", message)
        return
    holds = schema().children.get(parent.name)
    if holds is None or element.name in holds or "*" in holds or element.name in WITHOUT_COMPONENT:
        return
    parents = [other for other in schema().parents(element.name) if other != "mj-attributes"]
    message = f"can't stand in <{parent.name}>, only in {' or '.join(f'<{other}>' for other in parents) or 'nothing'}"
    report.error(element.offset, element.name, "mjml-nesting", message)


def _check_attributes(element: Element, report: Report) -> None:
    allowed = schema().attributes(element.name)
    for attribute in element.attributes if allowed is not None else ():
        name, value = attribute.name, attribute.value
        kind = (allowed or {}).get(name)
        if kind is None:
            if name not in EVERYWHERE:
                near = nearest(name, allowed or ())
                message = f"has no attribute {name}" + (f"; did you mean '{near}'?" if near else "")
                report.error(attribute.offset, element.name, "mjml-unknown", message)
        elif value is None:
            report.error(attribute.offset, element.name, "mjml-value", f"{name} has no value")
        elif _HIDDEN.search(value):
            _check_hidden(element, attribute, kind, report)
        elif wanted := wrong_value(kind, value):
            report.error(attribute.offset, element.name, "mjml-value", f"{name} takes {wanted}, not '{value[:60]}'")
        else:
            _check_differences(element, attribute, kind, report)


def _check_hidden(element: Element, attribute: Attribute, kind: str, report: Report) -> None:
    """MRML counts with widths and paddings: a value that it does not see is none."""
    if kind.startswith("unit") and element.name in WIDE and UNKNOWN not in (attribute.value or ""):
        message = f"{attribute.name} is a printed text, which MRML does not see; print a number, or use |safe"
        report.error(attribute.offset, element.name, "mjml-value", message)


def _check_differences(element: Element, attribute: Attribute, kind: str, report: Report) -> None:
    name, value = attribute.name, attribute.value or ""
    if name in IGNORED.get(element.name, ()):
        message = f"{name} changes nothing here: MRML does not know it"
        report.warning(attribute.offset, element.name, "mjml-differs", message)
    elif value in IGNORED_VALUES.get((element.name, name), ()):
        message = f'{name}="{value}" means something else to MRML; leave it out'
        report.warning(attribute.offset, element.name, "mjml-differs", message)
    elif kind == "color" and _SHORT.fullmatch(value):
        message = f"{name}: Outlook wants six digits, and MRML leaves {value} as it is"
        report.warning(attribute.offset, element.name, "mjml-differs", message)
    elif (element.name, name) == ("mj-social-element", "name") and not _has_icon(element, value):
        message = f"there is no icon for '{value}'; give src a picture of your own"
        report.warning(attribute.offset, element.name, "mjml-differs", message)


def _has_icon(element: Element, network: str) -> bool:
    return bool(element.get("src")) or network.removesuffix("-noshare") in ICONS


def _check_html(element: Element, report: Report, *, whole: bool) -> None:
    if whole and not html_parent(element) and element.offset not in report.wrong:
        message = "HTML stands in <mj-text>, <mj-table>, <mj-button> or <mj-raw> only"
        report.error(element.offset, element.name, "mjml-nesting", message)
    if element.name.lower() == "img" and element.get("alt") is None and not _unsure(element):
        message = 'has no alt: say what the picture shows, or alt="" where it only decorates'
        report.error(element.offset, element.name, "mjml-alt", message)
    if element.slashed and element.name not in VOID and not _foreign(element):
        message = f"to browsers this is an open tag, while MRML closes it; write <{element.name}></{element.name}>"
        report.warning(element.offset, element.name, "mjml-differs", message)


def _unsure(element: Element) -> bool:
    return any(UNKNOWN in attribute.name for attribute in element.attributes)


def _foreign(element: Element | None) -> bool:
    while element is not None:
        if element.name in _FOREIGN or ":" in element.name:
            return True
        element = element.parent
    return False


def _check_text(element: Element, attribute: Attribute, report: Report) -> None:
    letter = mangled((attribute.value or "").replace(UNKNOWN, ""))
    if letter:
        what = {"\n": "a line end", "\t": "a tab", '"': '"', "\\": "a backslash"}.get(letter, f"U+{ord(letter):04X}")
        message = f"{attribute.name} holds {what}, which would stand in the mail as an escape; write it otherwise"
        report.error(attribute.offset, element.name, "mjml-mangled", message)
