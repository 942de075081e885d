"""MJML as text: a reader that finds the place of what is wrong in it, and the call of MRML, which names none.

MRML (mjml-python) reads MJML as XML of its own kind: only HTML's void elements may stay open, attributes need
quotes, a ``<`` begins a tag. It recurses in Rust: some thousand nested elements end the process, so depth is
counted before it gets anything.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

MAX_DEPTH = 100
MAX_SIZE = 4_000_000
VOID = frozenset(
    "area base br col embed hr img input link meta param source track wbr".split()  # noqa: SIM905
)
_START = re.compile(r"<([A-Za-z][^\s/>\"'=<]*)")
_NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:.-]*")
_CONDITION = re.compile(r"<!--\[if[^\]]{0,200}\](?:-->|>(?:<!-->)?)")
_END_OF_CONDITION = "<![endif]-->"
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_END = re.compile(r"</([^\s<>]*)\s*>")
_ATTRIBUTE = re.compile(r"\s*([^\s\"'<>/=]+)(\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'<>=`]+))?)?")
_CLOSE = re.compile(r"\s*(/?)>")
_TAG = re.compile(
    r"<!--(?:[^-]++|-(?!->))*+|<(/?)([A-Za-z][^\s/>]*+)((?:[^\"'>]++|\"[^\"]*+\"|'[^']*+')*+)",
)


class MjmlError(ValueError):
    """MRML can't read it, or must not be given it. The message names no place."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute as it was written, references unresolved; ``value`` is None where there is none."""

    name: str
    value: str | None
    offset: int
    quoted: bool = True


@dataclass(slots=True)
class Element:
    """A tag and what it holds. ``parent`` and ``depth`` count among open elements; the root has depth 1."""

    name: str
    offset: int
    parent: "Element | None" = None
    depth: int = 1
    attributes: list[Attribute] = field(default_factory=list)
    children: list["Element"] = field(default_factory=list)
    slashed: bool = False

    def get(self, name: str) -> str | None:
        """The last value of an attribute, which is the one MRML takes; None where it isn't there."""
        return next((a.value for a in reversed(self.attributes) if a.name == name), None)


@dataclass(frozen=True, slots=True)
class Text:
    """Text that is more than blanks, where its first such character stands."""

    text: str
    offset: int
    parent: Element | None


@dataclass(frozen=True, slots=True)
class Fault:
    """What keeps a document from being well-formed MJML."""

    offset: int
    message: str


@dataclass(slots=True)
class Document:
    """Everything in the order it stands; ``faults`` too."""

    elements: list[Element] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    comments: list[tuple[int, Element | None]] = field(default_factory=list)
    """Offset and parent of each."""
    conditions: list[tuple[int, Element | None]] = field(default_factory=list)
    """Where conditional comments begin and end, whose insides are read like everything else."""
    blanks: list[tuple[int, Element | None]] = field(default_factory=list)
    """Runs of blanks that don't begin with a line end."""
    faults: list[Fault] = field(default_factory=list)


def read_mjml(text: str) -> Document:
    """Read MJML that may be broken anywhere. Never raises, and takes time in proportion to the text."""
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.found = Document()
        self.open: list[Element] = []
        self.names: Counter[str] = Counter()
        self.ended: set[int] = set()

    def fault(self, offset: int, message: str) -> None:
        self.found.faults.append(Fault(offset, message))

    def read(self) -> Document:
        place = 0
        while (start := self.text.find("<", place)) >= 0:
            self._text(place, start)
            place = self._markup(start)
        self._text(place, len(self.text))
        for element in self.open:
            self.fault(element.offset, f"<{element.name}> is not closed")
        for match in _CONTROL.finditer(self.text):
            self.fault(match.start(), f"there is a control character (U+{ord(match[0]):04X})")
        self.found.faults.sort(key=lambda fault: fault.offset)
        return self.found

    def _text(self, start: int, end: int) -> None:
        piece = self.text[start:end]
        if stripped := piece.lstrip():
            offset = end - len(stripped)
            self.found.texts.append(Text(stripped, offset, self.open[-1] if self.open else None))
            if (bad := piece.find("]]>")) >= 0:
                self.fault(start + bad, "']]>' can't stand in MJML")
        elif piece and piece[0] != "\n" and self.open:
            self.found.blanks.append((start, self.open[-1]))

    def _markup(self, start: int) -> int:
        """Read what begins with ``<``; return where to go on."""
        text = self.text
        if text.startswith("<!--", start):
            return self._comment(start)
        if text.startswith(("<!", "<?"), start):
            return self._declaration(start)
        if match := _END.match(text, start):
            self._end(match[1], start)
            return match.end()
        if match := _START.match(text, start):
            return self._start(match[1], start, match.end())
        self.fault(start, "a '<' that begins no tag; write &lt;")
        return start + 1

    def _comment(self, start: int) -> int:
        parent = self.open[-1] if self.open else None
        if self.text.startswith("<!--[if", start):
            self.found.conditions.append((start, parent))
            if match := _CONDITION.match(self.text, start):
                return match.end()
            self.fault(start, "a conditional comment is not well-formed; it begins like <!--[if mso]>")
            return start + 4
        ends = self.text.startswith(f"<!--{_END_OF_CONDITION}", start)
        (self.found.conditions if ends else self.found.comments).append((start, parent))
        end = self.text.find("-->", start + 4)
        if end < 0:
            self.fault(start, "a comment is not closed")
            return len(self.text)
        said = self.text[start + 4 : end]
        if "--" in said or said.startswith((">", "->")) or said.endswith("-"):
            self.fault(start, "a comment holds '--'")
        return end + 3

    def _declaration(self, start: int) -> int:
        if self.text.startswith(_END_OF_CONDITION, start):
            self.found.conditions.append((start, self.open[-1] if self.open else None))
            return start + len(_END_OF_CONDITION)
        cdata = self.text.startswith("<![CDATA[", start)
        what = "CDATA" if cdata else "an XML declaration" if self.text.startswith("<?", start) else "a declaration"
        what = "a DOCTYPE" if self.text[start + 2 : start + 9].lower() == "doctype" else what
        self.fault(start, f"{what} can't stand in MJML; take it out")
        end = self.text.find("]]>" if cdata else ">", start)
        return len(self.text) if end < 0 else end + (3 if cdata else 1)

    def _start(self, name: str, start: int, place: int) -> int:
        parent = self.open[-1] if self.open else None
        element = Element(name, start, parent, len(self.open) + 1)
        (parent.children if parent else []).append(element)
        self.found.elements.append(element)
        if not _NAME.fullmatch(name):
            self.fault(start, f"<{name[:40]}> is no name of a tag")
        place = self._attributes(element, place)
        close = _CLOSE.match(self.text, place)
        element.slashed = bool(close and close[1])
        if not element.slashed and name not in VOID:
            self.open.append(element)
            self.names[name] += 1
            if len(self.open) == MAX_DEPTH + 1:
                self.fault(start, f"<{name}> is nested more than {MAX_DEPTH} deep")
        if close:
            return close.end()
        self.fault(start, f"the tag <{name} is not well-formed: a quote or a '>' is missing")
        end = self.text.find(">", place)
        return len(self.text) if end < 0 else end + 1

    def _attributes(self, element: Element, place: int) -> int:
        seen: set[str] = set()
        while match := _ATTRIBUTE.match(self.text, place):
            name, assigned, double, single, bare = match.groups()
            value = next((part for part in (double, single, bare) if part is not None), None)
            element.attributes.append(Attribute(name, value, match.start(1), bare is None))
            if bare is not None or (assigned and value is None):
                self.fault(match.start(1), f"{name} of <{element.name}> has a value without quotes")
            if not _NAME.fullmatch(name):
                self.fault(match.start(1), f"{name[:40]} is no name of an attribute")
            if name in seen:
                self.fault(match.start(1), f"<{element.name}> has {name} twice")
            seen.add(name)
            place = match.end()
            if not self.text[place : place + 1].isspace() and self.text[place : place + 1] not in (">", "/"):
                break
        return place

    def _end(self, name: str, start: int) -> None:
        if not self.names[name]:
            self.fault(start, f"</{name}> closes nothing")
            return
        while (element := self.open.pop()).name != name:
            self.names[element.name] -= 1
            self.fault(element.offset, f"<{element.name}> is not closed before </{name}>")
        self.names[name] -= 1


def depth(source: str) -> int:
    """How deep elements are nested at most, by a quick count that is never too low."""
    stack: list[str] = []
    most = 0
    for match in _TAG.finditer(source):
        ends, name, rest = match.groups()
        if ends:
            if stack and stack[-1] == name:
                stack.pop()
        elif name and name not in VOID and not rest.endswith("/"):
            stack.append(name)
            most = max(most, len(stack))
    return most


def to_html(source: str) -> str:
    """MJML as HTML. Raises MjmlError, also for what would end the process."""
    from mjml import mjml2html

    if len(source) > MAX_SIZE:
        raise MjmlError(f"it has {len(source):,} characters, more than {MAX_SIZE:,}")
    if (deepest := depth(source)) > MAX_DEPTH:
        raise MjmlError(f"its elements are nested {deepest} deep, more than {MAX_DEPTH}")
    if source.count("<!--[if") != len(_CONDITION.findall(source)) or source.count("<![") != source.count(
        _END_OF_CONDITION
    ):
        raise MjmlError("a conditional comment is not well-formed")  # MRML would panic
    try:
        return mjml2html(source, fonts={})
    except ValueError as error:
        raise MjmlError(str(error)) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # what pyo3 makes of a panic in Rust is no Exception
            raise
        raise MjmlError(f"MRML gave up: {error}") from error
