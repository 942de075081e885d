"""Clients: what of a mail's HTML and CSS which mail program does not understand. Pure but for its data set.

The data is that of caniemail.com (MIT), reduced by ``tools/client_support.py``; ``data/clients.json`` names its date.
Only what breaks a mail is a problem: text that goes missing, columns that fall apart. What merely looks plainer is told
by ``client_report`` and nowhere else.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from chalicelib.lint.css import declarations, read_sheet
from chalicelib.lint.document import Document, Element, read_html
from chalicelib.lint.findings import WARNING, Finding, shown

DATA = Path(__file__).with_name("data") / "clients.json"
BREAKS: Mapping[str, str] = {
    "css-display-flex": "parts stand below one another",
    "css-display-grid": "parts stand below one another",
    "css-position": "parts stand elsewhere or over one another",
    "css-float": "parts stand below one another",
    "css-background-image": "the picture is missing, and light text on it can't be read",
    "css-linear-gradient": "the background is missing, and light text on it can't be read",
    "css-radial-gradient": "the background is missing, and light text on it can't be read",
    "css-transform": "parts stand elsewhere",
    "css-variables": "the value is missing: colours and sizes fall back",
    "css-function-clamp": "the size is missing",
    "css-function-max": "the size is missing",
    "css-function-min": "the size is missing",
    "css-function-light-dark": "the colour is missing",
    "css-modern-color": "the colour is missing",
    "css-unit-calc": "the size is missing",
    "css-unit-rem": "the size is missing",
    "css-unit-vw": "the size is missing",
    "css-unit-vh": "the size is missing",
    "css-unit-vmin": "the size is missing",
    "css-unit-vmax": "the size is missing",
    "css-column-count": "the text stands in one column",
    "css-writing-mode": "the text runs the other way",
    "css-clip-path": "the shape is missing",
    "css-mask-image": "the shape is missing",
    "css-object-fit": "pictures are distorted",
    "html-svg": "the drawing is missing",
    "html-video": "the film is missing",
    "html-audio": "the sound is missing",
    "html-form": "the form can't be used or sent",
    "html-button-submit": "the form can't be used or sent",
    "html-input-text": "the form can't be used or sent",
    "html-input-submit": "the form can't be used or sent",
    "html-input-checkbox": "the form can't be used or sent",
    "html-input-radio": "the form can't be used or sent",
    "html-select": "the form can't be used or sent",
    "html-textarea": "the form can't be used or sent",
    "html-object": "it is missing",
    "html-dialog": "it is shown in the middle of the text, or missing",
    "html-base": "relative links lead nowhere",
    "html-marquee": "it stands still",
    "image-base64": "the picture is missing",
    "image-webp": "the picture is missing",
    "image-avif": "the picture is missing",
    "image-heif": "the picture is missing",
    "image-mp4": "the film is missing",
}
"""What a reader sees where a feature is not understood, of those by which a mail breaks. All else degrades well."""
_HARMLESS_VALUES = {"css-position": {"static", "relative"}, "css-float": {"none"}}
_FUNCTION = re.compile(r"(?<![\w-])([a-z-]++)\(")
_UNIT = re.compile(r"(?<![\w#.-])[-+]?(?:\d++(?:\.\d++)?|\.\d++)([a-z]+)(?![\w-])")
_MSO = re.compile(r"(?i)\[if[^\]]*mso")


@dataclass(frozen=True, slots=True, order=True)
class ClientNote:
    """A feature in use and the mail programs that don't understand it (``none``), or only ``partly``."""

    feature: str
    none: tuple[str, ...]
    partly: tuple[str, ...]
    breaks: str = ""
    """What then happens, '' where a mail only looks plainer."""
    url: str = ""


@dataclass(frozen=True, slots=True)
class _Data:
    clients: Mapping[str, str]
    features: Mapping[str, Any]
    seen: Mapping[tuple[str, str], tuple[str, ...]]
    date: str


@lru_cache(maxsize=1)
def _data() -> _Data:
    raw = json.loads(DATA.read_text("utf-8"))
    seen = defaultdict[tuple[str, str], list[str]](list)
    for slug, feature in raw["features"].items():
        for kind, word in feature["seen"]:
            seen[kind, word].append(slug)
    return _Data(raw["clients"], raw["features"], {key: tuple(slugs) for key, slugs in seen.items()}, raw["date"])


def client_report(html: str) -> list[ClientNote]:
    """All that some mail program does not understand in a mail, what breaks it first."""
    return client_notes(read_html(html))


def client_notes(document: Document) -> list[ClientNote]:
    """The same of a page that was read already."""
    used = _used(document)
    notes = [_note(slug, plainly) for slug, plainly in used.items()]
    return sorted((note for note in notes if note.none or note.partly), key=lambda note: (not note.breaks, note))


def client_findings(document: Document) -> Iterator[Finding]:
    """A warning for each feature that breaks the mail somewhere, and for what no mail program runs or loads."""
    for note in client_notes(document):
        if note.breaks and note.none:
            words = f"{note.feature} is not understood by {_enumerated(note.none)}: {note.breaks}"
            yield Finding("client", WARNING, words)
    if any(not script.attrs.get("type", "").endswith("json") for script in document.of("script")):
        words = "<script> runs in no mail program, and filters take it for an attack; take it out"
        yield Finding("client", WARNING, words)
    yield from _remote(document)


def _remote(document: Document) -> Iterator[Finding]:
    """Fonts and styles from elsewhere: whoever serves them learns who reads, and when."""
    sheets = [read_sheet(style) for style in document.styles]
    found = [link.attrs.get("href", "") for link in document.of("link") if "style" in link.attrs.get("rel", "").lower()]
    found += [_address(rule) for sheet in sheets for rule in sheet.at_rules if rule.lower().startswith("@import")]
    found += [_address(value) for sheet in sheets for name, value, _ in sheet.declarations if name == "src"]
    for address in dict.fromkeys(address for address in found if "//" in address):
        words = f"the mail loads styles or fonts from elsewhere, which tells that server who reads: {shown(address)}"
        yield Finding("remote-style", WARNING, words, address)


def _address(rule: str) -> str:
    """The address in a rule of CSS, in url() or in quotes."""
    match = re.search(r"""(?i)(?:url\(\s*+["']?|["'])([^"')\s]++)""", rule)
    return match[1] if match else ""


def _enumerated(names: tuple[str, ...]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _note(slug: str, plainly: bool) -> ClientNote:
    data = _data()
    feature = data.features[slug]
    by = defaultdict[str, list[str]](list)
    for client, how in feature["support"].items():
        by[how].append(data.clients[client])
    breaks = BREAKS.get(slug, "") if plainly else ""
    url = f"https://www.caniemail.com/features/{slug}/"
    return ClientNote(feature["title"], tuple(by["n"]), tuple(by["a"]), breaks, url)


def _used(document: Document) -> dict[str, bool]:
    """The features in use; False for those that stand only under a condition, as an addition."""
    found: dict[str, bool] = {}
    has_vml = any(_MSO.search(comment) and "<v:" in comment for comment in document.comments)

    def use(kind: str, word: str, *, plainly: bool = True, value: str = "") -> None:
        for slug in _data().seen.get((kind, word), ()):
            if value not in _HARMLESS_VALUES.get(slug, ()):
                found[slug] = found.get(slug, False) or (plainly and not (has_vml and slug == "css-background-image"))

    for element in document.elements:
        for kind, word in _of_element(element):
            use(kind, word)
        for name, value in declarations(element.attrs.get("style", "")):
            for kind, word in _of_declaration(name, value):
                use(kind, word, value=value if kind == "property" else "")
    for style in document.styles:
        sheet = read_sheet(style)
        for name, value, conditional in sheet.declarations:
            for kind, word in _of_declaration(name, value):
                use(kind, word, plainly=not conditional, value=value if kind == "property" else "")
        for kind, word in _of_rules(sheet.at_rules, sheet.selectors):
            use(kind, word)
    return found


def _of_element(element: Element) -> Iterator[tuple[str, str]]:
    yield "element", element.tag
    for name, value in element.attrs.items():
        yield "attribute", name
        yield "pair", f"{element.tag} {name}={value.lower()[:20]}"
    for name in ("src", "href"):
        value = element.attrs.get(name, "").lower()
        if element.tag in {"img", "source"} and name == "src":
            path = value.partition("?")[0].partition("#")[0]
            yield "suffix", f".{path.rpartition('.')[2][:8]}"
        yield from ((name, start) for start in ("mailto:", "#", "data:image/") if value.startswith(start))


def _of_declaration(name: str, value: str) -> Iterator[tuple[str, str]]:
    yield "property", name
    yield "declaration", f"{name}:{value.removesuffix('!important').strip()}"
    if name == "background" and "url(" in value:
        yield "property", "background-image"
    yield from (("function", match[1]) for match in _FUNCTION.finditer(value))
    yield from (("unit", match[1]) for match in _UNIT.finditer(value))
    if "!important" in value:
        yield "value", "!important"
    yield from (("value", word) for word in re.findall(r"(?<![\w-])(?:system-ui|ui-[a-z-]++)", value))


def _of_rules(at_rules: Iterable[str], selectors: Iterable[str]) -> Iterator[tuple[str, str]]:
    for rule in at_rules:
        name = re.match(r"@([\w-]++)", rule)
        if name:
            yield "at", name[1].lower()
            yield from (
                ("media", word) for word in re.findall(r"\(\s*+(?:-webkit-)?(?:min-|max-)?([a-z-]++)", rule.lower())
            )
    for selector in selectors:
        yield from (("pseudo", word) for word in re.findall(r":([a-z-]++)", selector.lower()))
