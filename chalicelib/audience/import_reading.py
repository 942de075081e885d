"""Rows out of files of strangers: CSV, JSON and rosters, one at a time, whatever the file holds."""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from chalicelib.audience.exporting import unguarded

MAX_FIELD = 10_000
"""Characters of a value that are looked at."""
MAX_RECORD = 1_000_000
"""Characters of a line, a row or a JSON object. What is longer is named and passed over."""
MAX_HEADER = 200_000
CHUNK = 65_536

Value = str | list[str] | Mapping[str, Any]
Row = tuple[int, dict[str, Value] | str]
"""The line a row begins on, from 1 (of a JSON array the number of the object), and its values or what is wrong."""

_BLANKS = re.compile(r"[ \t\r\n]*")


class _TooLongError(Exception):
    """A line or a row beyond MAX_RECORD."""


class _Lines:
    """The lines of a text for the CSV reader, which can go on after one that is too long."""

    def __init__(self, file: TextIO) -> None:
        self._file, self.number, self.size = file, 1, 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._file.readline(MAX_RECORD)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) == MAX_RECORD and not line.endswith(("\n", "\r")):
            while (rest := self._file.readline(MAX_RECORD)) and not rest.endswith(("\n", "\r")):
                pass
            raise _TooLongError
        self.size += len(line)
        if self.size > MAX_RECORD:
            raise _TooLongError
        return line


def read_csv(file: TextIO, columns: tuple[str, ...], delimiter: str, *, guarded: bool = True) -> Iterator[Row]:
    """The rows below the header, which has been read. ``guarded`` cells have an apostrophe before a formula."""
    lines = _Lines(file)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)  # else a stray quote swallows the rows after it
    while True:
        first, lines.size = lines.number + 1, 0
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield first, _torn(str(error), first, lines.number)
            continue
        except _TooLongError:
            yield first, _torn(f"it is longer than {MAX_RECORD} characters", first, lines.number)
            continue
        if any(cell and not cell.isspace() for cell in cells):
            taken = (cell if len(cell) <= MAX_FIELD else cell[:MAX_FIELD] for cell in cells)
            yield first, dict(zip(columns, map(unguarded, taken) if guarded else taken, strict=False))


def _torn(what: str, first: int, last: int) -> str:
    lines = f"; nothing was read up to line {last}: is a quote open?" if last > first else "; is a quote open?"
    return f"{what}{lines}"


def read_roster(file: TextIO) -> Iterator[Row]:
    """One ``address`` or ``Name <address>`` a line, as Mailman lists its members; ``#`` begins a remark."""
    lines = _Lines(file)
    lines.number = 0
    while True:
        lines.size = 0
        try:
            line = next(lines).strip()
        except StopIteration:
            return
        except _TooLongError:
            yield lines.number, f"it is longer than {MAX_RECORD} characters"
            continue
        if line and not line.startswith("#"):
            name, address = roster_entry(line[:MAX_FIELD])
            yield lines.number, {"email": address, "name": name}


def roster_entry(line: str) -> tuple[str, str]:
    """Name and address of a line of a roster."""
    before, angle, address = line.rpartition("<")
    if not angle or not line.endswith(">"):
        return "", line
    return before.strip().strip('"'), address[:-1].strip()


def read_json_lines(file: TextIO) -> Iterator[Row]:
    """One JSON object a line."""
    lines = _Lines(file)
    lines.number = 0
    while True:
        lines.size = 0
        try:
            line = next(lines)
        except StopIteration:
            return
        except _TooLongError:
            yield lines.number, f"it is longer than {MAX_RECORD} characters"
            continue
        if line and not line.isspace():
            try:
                yield lines.number, _object(json.loads(line))
            except (ValueError, RecursionError) as error:
                yield lines.number, f"it is no JSON that can be read: {_words(error)}"


def read_json_array(file: TextIO) -> Iterator[Row]:
    """The objects of one JSON array, of which only a part is held at a time."""
    text, number = _Json(file), 1
    text.skip()
    following = text.peek()
    while following not in {"]", ""}:
        try:
            yield number, _object(text.value())
        except (ValueError, RecursionError) as error:
            # Where the next object would begin can't be told.
            yield number, f"it is no JSON that can be read ({_words(error)}), nor is what comes after it"
            return
        number += 1
        following = text.peek()
        if following not in {",", "]"}:
            yield number, "the file ends within the array" if not following else "a comma is missing before it"
            return
        if following == ",":
            text.skip()
            following = "," if text.peek() else ""


class _Json:
    """JSON values in a text, one after the other; what has been read is let go."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._text, self._at, self._ended = file, "", 0, False
        self._decode = json.JSONDecoder().raw_decode

    def peek(self) -> str:
        """The next character that is no blank; '' at the end."""
        while True:
            found = _BLANKS.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._read(0)

    def skip(self) -> None:
        """Pass over the next character that is no blank."""
        self.peek()
        self._at += 1

    def value(self) -> Any:
        """The next value. Raises ValueError, RecursionError."""
        self.peek()
        while True:
            try:
                value, self._at = self._decode(self._text, self._at)
            except ValueError:
                if self._ended or len(self._text) - self._at > MAX_RECORD:
                    raise
                self._read(len(self._text) - self._at)
            else:
                return value

    def _read(self, pending: int) -> None:
        """More text, doubling what is pending: an object is tried a few times, not once for each piece of it."""
        more = self._file.read(max(CHUNK, pending))
        self._ended = not more
        self._text, self._at = self._text[self._at :] + more, 0


def _object(value: Any) -> dict[str, Value] | str:
    if not isinstance(value, dict):
        return f"it is {_KINDS.get(type(value), 'a number')}, not an object"
    return {sound(str(name))[:MAX_FIELD]: plain(inner) for name, inner in value.items()}


_KINDS = {str: "a text", list: "a list", bool: "true or false", type(None): "null"}


def plain(value: Any) -> Value:
    """A JSON value as text, a list of texts, or an object."""
    if isinstance(value, str):
        return sound(value)[:MAX_FIELD]
    if isinstance(value, list):
        return [sound(str(inner))[:MAX_FIELD] for inner in value if isinstance(inner, str | int | float)]
    if isinstance(value, dict):
        return value
    return "" if value is None else str(value)[:MAX_FIELD]


def sound(text: str) -> str:
    """Text without halves of surrogate pairs, which JSON can spell and nothing can keep."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def shown(text: str) -> str:
    """A stranger's words for a terminal: nothing in them moves its cursor."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in text)


def _words(error: Exception) -> str:
    return "it is nested too deep" if isinstance(error, RecursionError) else str(error)[:100]
