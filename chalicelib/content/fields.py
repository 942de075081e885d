"""Reading a mapping field by field: each reader reports what is wrong and returns something usable."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TypeVar
from urllib.parse import urlsplit

from chalicelib.content.moments import parse_span
from chalicelib.content.problems import Problems, did_you_mean
from chalicelib.content.values import ANY_LANGUAGE, Localized
from chalicelib.content.yamldoc import Node, kind_of, mapping_of

T = TypeVar("T")
LANGUAGE_TAG = re.compile(r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
_TRUE, _FALSE = {"true", "yes", "on"}, {"false", "no", "off"}


class Fields:
    """The keys of one mapping, each read at most once; ``finish`` reports those nobody asked for."""

    def __init__(self, node: Node, file: str, problems: Problems, where: str = "") -> None:
        self.file, self.problems, self.line = file, problems, node.key_line
        self._nodes: Mapping[str, Node] = mapping_of(node)
        self._where = where
        self._known: list[str] = []

    def __contains__(self, key: str) -> bool:
        return key in self._nodes

    def keys(self) -> Iterable[str]:
        """The keys as written, in their order."""
        return self._nodes.keys()

    def line_of(self, key: str) -> int:
        """The line of a key, or of the mapping where the key is missing."""
        node = self._nodes.get(key)
        return node.key_line if node else self.line

    def wrong(self, key: str, message: str, code: str = "bad-value") -> None:
        """Report an error at a key."""
        self.problems.error(self.file, self.line_of(key), code, f"{self._name(key)}: {message}")

    def node(self, key: str, *, required: bool = False) -> Node | None:
        """The raw node; None where absent or null, reported where required."""
        self._known.append(key)
        node = self._nodes.get(key)
        if node is not None and node.value is not None:
            return node
        if required:
            message = f"'{self._name(key)}' is missing; add it"
            self.problems.error(self.file, self.line_of(key), "missing-key", message)
        return None

    def text(self, key: str, default: str = "", *, required: bool = False) -> str:
        """A text, stripped."""
        node = self.node(key, required=required)
        if node is None:
            return default
        if isinstance(node.value, str):
            if required and not node.value.strip():
                self.wrong(key, "must not be empty", "missing-key")
            return node.value.strip()
        self.wrong(key, f"expected a text, found {kind_of(node)}", "wrong-type")
        return default

    def texts(self, key: str, *, split: bool = False) -> tuple[str, ...]:
        """A list of texts; a single text counts as a list of one (or is split at blanks and commas)."""
        node = self.node(key)
        if node is None:
            return ()
        if isinstance(node.value, str):
            parts = re.split(r"[,\s]+", node.value) if split else [node.value]
            return tuple(part.strip() for part in parts if part.strip())
        if isinstance(node.value, list):
            return tuple(self._item(key, item) for item in node.value if item.value is not None)
        self.wrong(key, f"expected a list of texts, found {kind_of(node)}", "wrong-type")
        return ()

    def localized(self, key: str, *, required: bool = False, languages: Iterable[str] = ()) -> Localized:
        """A text for all languages, or one for each: ``{en: …, de: …}``."""
        node = self.node(key, required=required)
        if node is None:
            return {}
        if not isinstance(node.value, str | dict):
            self.wrong(key, f"expected a text or one for each language, found {kind_of(node)}", "wrong-type")
            return {}
        if isinstance(node.value, str):
            texts = {ANY_LANGUAGE: node.value.strip()}
        else:
            known = tuple(languages)
            texts = {tag: self._by_language(key, tag, child, known) for tag, child in node.value.items()}
        if required and not any(texts.values()):
            self.wrong(key, "must not be empty", "missing-key")
        return texts

    def flag(self, key: str, default: bool = False) -> bool:
        """true or false."""
        text = self.text(key).lower()
        if text and text not in _TRUE | _FALSE:
            self.wrong(key, f"expected true or false, found '{text}'", "wrong-type")
        return text in _TRUE if text in _TRUE | _FALSE else default

    def parsed(self, key: str, parse: Callable[[str], T], default: T, *, required: bool = False) -> T:
        """A text read by ``parse``, whose ValueError becomes the problem."""
        text = self.text(key, required=required)
        if not text:
            return default
        try:
            return parse(text)
        except ValueError as error:
            self.wrong(key, str(error))
            return default

    def span(self, key: str) -> timedelta | None:
        """A span of time like 48h, or None where there is none."""
        return self.parsed(key, parse_span, None)

    def choice(self, key: str, choices: Iterable[str], default: str) -> str:
        """One of a few words."""
        text, known = self.text(key, default), tuple(choices)
        if text in known:
            return text
        self.wrong(key, f"'{text}' is not known; {did_you_mean(text, known)}", "unknown-value")
        return default

    def each(self, key: str) -> "list[Fields]":
        """A list of mappings."""
        node = self.node(key)
        if node is None:
            return []
        if isinstance(node.value, list):
            return [f for i, item in enumerate(node.value) if (f := self._sub(f"{key}[{i}]", item))]
        self.wrong(key, f"expected a list, found {kind_of(node)}", "wrong-type")
        return []

    def sub(self, key: str, *, required: bool = False) -> "Fields | None":
        """A mapping below a key."""
        node = self.node(key, required=required)
        return None if node is None else self._sub(key, node)

    def finish(self, also_known: Iterable[str] = ()) -> None:
        """Report the keys that were not asked for."""
        known = set(self._known) | set(also_known)
        for key in self._nodes:
            if key not in known:
                message = f"unknown key '{self._name(key)}'; {did_you_mean(key, known)}"
                self.problems.error(self.file, self.line_of(key), "unknown-key", message)

    def _sub(self, key: str, node: Node) -> "Fields | None":
        if isinstance(node.value, dict):
            return Fields(node, self.file, self.problems, self._name(key))
        message = f"{self._name(key)}: expected a mapping, found {kind_of(node)}"
        self.problems.error(self.file, node.line, "wrong-type", message)
        return None

    def _item(self, key: str, item: Node) -> str:
        if isinstance(item.value, str):
            return item.value.strip()
        message = f"{self._name(key)}: expected texts, found {kind_of(item)}"
        self.problems.error(self.file, item.line, "wrong-type", message)
        return ""

    def _by_language(self, key: str, tag: str, child: Node, known: tuple[str, ...]) -> str:
        if not LANGUAGE_TAG.match(tag) or (known and tag not in known):
            message = f"{self._name(key)}: language '{tag}' is unknown; {did_you_mean(tag, known)}"
            self.problems.error(self.file, child.key_line, "unknown-language", message)
        return self._item(key, child)

    def _name(self, key: str) -> str:
        return f"{self._where}.{key}" if self._where else key


def web_address(text: str) -> str:
    """An absolute HTTP(S) URL. Raises ValueError."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or re.search(r"[\s<>\"]", text):
        raise ValueError(f"'{text}' is no web address; begin with https://")
    return text
