"""What MRML refuses though it is well-formed: which of MJML's elements may hold what. Found by trying them all."""

from chalicelib.render.mjml import MAX_DEPTH, Document, Element, Fault, read_mjml

_HEAD = frozenset({"mj-attributes", "mj-breakpoint", "mj-font", "mj-preview", "mj-raw", "mj-style", "mj-title"})
_NOTHING: frozenset[str] = frozenset()
HOLDS: dict[str, frozenset[str]] = {
    "mjml": frozenset({"mj-head", "mj-body"}),
    "mj-head": _HEAD,
    "mj-accordion": frozenset({"mj-accordion-element"}),
    "mj-accordion-element": frozenset({"mj-accordion-title", "mj-accordion-text"}),
    "mj-carousel": frozenset({"mj-carousel-image"}),
    "mj-navbar": frozenset({"mj-navbar-link"}),
    "mj-social": frozenset({"mj-social-element"}),
    **dict.fromkeys(("mj-accordion-title", "mj-title", "mj-style", "mj-preview"), _NOTHING),
    **dict.fromkeys(("mj-breakpoint", "mj-font", "mj-carousel-image", "mj-divider", "mj-image"), _NOTHING),
    **dict.fromkeys(("mj-spacer", "mj-all", "mj-class"), _NOTHING),
}
"""Elements that may hold only some others; those not named here may hold anything, as far as MRML goes."""
_TEXT = {"mj-accordion-title", "mj-title", "mj-style", "mj-preview"}
_NO_COMMENT = set(HOLDS) - {"mjml", "mj-head", "mj-accordion", "mj-navbar", "mj-social", "mj-preview"} | {
    "mj-attributes"
}
_LINES = {
    "mj-head", "mj-attributes", "mj-accordion", "mj-accordion-element", "mj-carousel", "mj-navbar", "mj-social",
}  # fmt: skip
"""Between the tags in these there may be nothing, or blanks that begin with a line end."""
_RAW = {"mj-text", "mj-raw", "mj-accordion-text", "mj-navbar-link", "mj-social-element"}
FREE = {"mj-text", "mj-raw", "mj-button", "mj-table", "mj-accordion-text", "mj-navbar-link", "mj-social-element"}
"""Elements that hold HTML."""


def refusals(document: Document) -> list[Fault]:
    """Everything in a document that MRML would not read, in the order it stands."""
    found = [*document.faults, *_roots(document)]
    for element in document.elements:
        found += _refused(element)
    for text in document.texts:
        if text.parent is None:
            found.append(Fault(text.offset, "text stands outside <mjml>"))
        elif text.parent.name == "mj-attributes" or (text.parent.name in HOLDS and text.parent.name not in _TEXT):
            found.append(Fault(text.offset, f"text can't stand in <{text.parent.name}>"))
    for offset, parent in document.comments:
        if parent and parent.name in _NO_COMMENT:
            found.append(Fault(offset, f"a comment can't stand in <{parent.name}>; Jinja's {{# … #}} can"))
    for offset, parent in document.conditions:
        if not parent or parent.name in HOLDS or not _in_html(parent, _RAW):
            found.append(Fault(offset, "a conditional comment can stand in <mj-raw> and <mj-text> only"))
    for offset, parent in document.blanks:
        if parent and parent.name in _LINES:
            message = f"blanks between tags in <{parent.name}>; let each tag there begin a line, right after the last"
            found.append(Fault(offset, message))
    return sorted(found, key=lambda fault: fault.offset)


def first_refusal(text: str) -> Fault | None:
    """The first thing in MJML that MRML would not read, or None."""
    return next(iter(refusals(read_mjml(text))), None)


def _roots(document: Document) -> list[Fault]:
    roots = [element for element in document.elements if element.parent is None]
    if not roots:
        return [Fault(0, "there is no MJML here: it begins with <mjml>")]
    first, *rest = roots
    found = [Fault(other.offset, f"<{other.name}> stands outside <mjml>") for other in rest]
    if first.name != "mjml":
        found.append(Fault(first.offset, f"this is no MJML: it begins with <{first.name}>, not <mjml>"))
    elif not any(child.name == "mj-body" for child in first.children):
        found.append(Fault(first.offset, "<mjml> has no <mj-body>"))
    return found


def _refused(element: Element) -> list[Fault]:
    parent = element.parent
    if element.name == "mj-include" and not _in_html(element.parent, _RAW):
        return [Fault(element.offset, "<mj-include> is not followed here; use Jinja's {% include %} or a macro")]
    if parent is None:
        return []
    if element.name == "mj-class" and parent.name == "mj-attributes" and element.get("name") is None:
        return [Fault(element.offset, "<mj-class> has no name")]
    foreign = parent.name == "mj-attributes" and not element.name.startswith("mj-")
    if foreign or (parent.name in HOLDS and element.name not in HOLDS[parent.name]):
        return [Fault(element.offset, f"<{element.name}> can't stand in <{parent.name}>")]
    return []


def _in_html(element: Element | None, kinds: set[str] = FREE) -> bool:
    """Whether an element is one of some kinds, or stands in one."""
    while element is not None and element.depth <= MAX_DEPTH:
        if element.name in kinds:
            return True
        element = element.parent
    return False
