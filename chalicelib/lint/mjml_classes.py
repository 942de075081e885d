"""The checks that need the head: classes, defaults, and what an attribute comes to in the end."""

from dataclasses import dataclass, field

from chalicelib.lint.differences import WIDE, uncounted
from chalicelib.lint.mjml_report import Report
from chalicelib.render.mjml import Attribute, Document, Element

_HAVE_ALT = {"mj-image", "mj-carousel-image"}


@dataclass(slots=True)
class Head:
    """What <mj-attributes> set: by class, by tag, and for all. In each the last one counts."""

    classes: dict[str, dict[str, Attribute]] = field(default_factory=dict)
    tags: dict[str, dict[str, Attribute]] = field(default_factory=dict)

    def resolve(self, element: Element, name: str) -> Attribute | None:
        """The attribute that counts for an element: its own, its classes', its tag's, then everybody's."""
        own = [attribute for attribute in element.attributes if attribute.name == name]
        if own:
            return own[-1]
        for known in (element.get("mj-class") or "").split():
            if name in self.classes.get(known, {}):
                return self.classes[known][name]
        for tag in (element.name, "mj-all"):
            if name in self.tags.get(tag, {}):
                return self.tags[tag][name]
        return None


def read_head(document: Document) -> Head:
    """What the document's <mj-attributes> say."""
    head = Head()
    for element in document.elements:
        if element.parent is None or element.parent.name != "mj-attributes":
            continue
        kept = {attribute.name: attribute for attribute in element.attributes}
        if element.name == "mj-class":
            head.classes.setdefault(element.get("name") or "", {}).update(kept)
        else:
            head.tags.setdefault(element.name, {}).update(kept)
    return head


def check_head(document: Document, report: Report) -> None:
    """Defaults that MRML passes over, classes that are not there or contradict each other, and what comes of them."""
    head = read_head(document)
    for element in document.elements:
        if report.full:
            break
        if element.parent is not None and element.parent.name == "mj-attributes":
            if element.name == "mj-body":
                message = "has no effect in <mj-attributes> here; set its attributes on <mj-body> itself"
                report.warning(element.offset, element.name, "mjml-differs", message)
            continue
        if element.name.startswith("mj-"):
            _check_classes(element, head, report)
        if element.name in WIDE:
            _check_sides(element, head, report)
        if element.name in _HAVE_ALT and head.resolve(element, "alt") is None:
            message = 'has no alt: say what the picture shows, or alt="" where it only decorates'
            report.error(element.offset, element.name, "mjml-alt", message)


def _check_classes(element: Element, head: Head, report: Report) -> None:
    names = (element.get("mj-class") or "").split()
    seen: dict[str, str] = {}
    for name in names:
        if name not in head.classes:
            report.warning(element.offset, element.name, "mjml-class", f"no <mj-class> is called '{name}'")
        for attribute in head.classes.get(name, {}):
            if attribute != "name" and attribute in seen:
                both = f"'{seen[attribute]}' and '{name}'"
                message = f"{both} both set {attribute}; here the first counts, elsewhere the last"
                report.warning(element.offset, element.name, "mjml-differs", message)
            seen.setdefault(attribute, name)


def _check_sides(element: Element, head: Head, report: Report) -> None:
    for name in ("padding", "padding-left", "padding-right"):
        found = head.resolve(element, name)
        value = (found.value if found else None) or ""
        if not found or not uncounted(value):
            continue
        if "%" in value:
            message = f"{name}: a share in % does not count, so what is inside gets too wide in Outlook; use px"
        else:
            message = f"{name}: beside a plain 0 no sides count, so what is inside gets too wide in Outlook; write 0px"
        report.warning(found.offset, element.name, "mjml-differs", message)
