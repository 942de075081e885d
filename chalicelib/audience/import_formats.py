"""What a file of subscribers is: looked at whole before the first row is taken, then opened part by part."""

import codecs
import csv
import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, BinaryIO, cast

from chalicelib.audience.import_mapping import FIELDS, flavour_of, guess, word_of
from chalicelib.audience.import_reading import (
    MAX_HEADER,
    Row,
    read_csv,
    read_json_array,
    read_json_lines,
    read_roster,
    roster_entry,
    shown,
)
from chalicelib.errors import ImportProblemError, UsageError

CHUNK = 1 << 20
LOOKED_AT = 100
"""Objects of a JSON file whose names are taken for its columns."""
MOST_PARTS = 20
MAX_UNPACKED = 8 << 30
_ORDER = ("cleaned", "unsubscribed", "nonsubscribed", "")
"""Parts of a zip that keep people out come before those that bring them in."""


class Format(StrEnum):
    """How a file is written, where that shall not be guessed. The last three say whose columns a CSV file has."""

    CSV = "csv"
    TSV = "tsv"
    JSON = "json"
    JSONL = "jsonl"
    MAILMAN = "mailman"
    LISTMONK = "listmonk"
    MAILCHIMP = "mailchimp"
    SENDBRIEF = "sendbrief"


@dataclass(frozen=True, slots=True)
class Part:
    """One list within a file: the file itself, or a member of a zip.

    ``state`` is what the name of the part says of its people, '' for nothing; ``rows`` reads anew at each call.
    """

    name: str
    written: str
    flavour: str
    columns: tuple[str, ...]
    state: str
    rows: Callable[["Position"], Generator[Row, None, None]]


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that was looked at: its SHA-256 (hex), its bytes in all once unpacked, and its parts."""

    digest: str
    size: int
    parts: tuple[Part, ...]


class Position:
    """How many bytes have been read, for a progress bar."""

    def __init__(self) -> None:
        self._before, self._file = 0, cast(IO[bytes] | None, None)

    def follow(self, file: IO[bytes]) -> None:
        """From now on this file is read."""
        self._before, self._file = self.bytes, file

    @property
    def bytes(self) -> int:
        """Bytes of all files so far."""
        return self._before + (self._file.tell() if self._file and not self._file.closed else 0)


Opening = Callable[[], AbstractContextManager[IO[bytes]]]


def look_at(path: Path, written: Format | None = None, chosen: Sequence[str] = ()) -> Opened:
    """Read a file once from end to end. ``chosen`` are the words of ``--map``, one of which may name the addresses.

    Raises ImportProblemError where it can't be read, is not UTF-8, or has no addresses that can be found.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4)
        if head == b"PK\x03\x04":
            return _look_into_zip(path, written, chosen)
        digest, size = _check(path.name, path.open("rb"))
        part = _part(path.name, lambda: path.open("rb"), written, chosen)
    except OSError as error:
        raise ImportProblemError(f"{path} can't be read: {error.strerror}.") from None
    return Opened(digest, size, (part,))


def _look_into_zip(path: Path, written: Format | None, chosen: Sequence[str]) -> Opened:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [info for info in archive.infolist() if info.filename.lower().endswith((".csv", ".tsv", ".json"))]
            names = [info for info in names if not info.filename.startswith("__MACOSX/")]
            if not 0 < len(names) <= MOST_PARTS:
                raise ImportProblemError(
                    f"{path.name} holds {len(names)} lists.", f"It takes 1 to {MOST_PARTS} CSV or JSON files."
                )
            if sum(info.file_size for info in names) > MAX_UNPACKED:
                raise ImportProblemError(f"{path.name} unpacks to more than 8 GB.", "Import its files one by one.")
            names.sort(key=lambda info: (_ORDER.index(_kind(info.filename)), info.filename))
            looks = [_check(info.filename, archive.open(info)) for info in names]
        parts = [_part(info.filename, partial(_unpacked, path, info.filename), written, chosen) for info in names]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ImportProblemError(f"{path.name} is a zip that can't be unpacked: {error}.", "Unpack it first.") from None
    digest = hashlib.sha256("".join(digest for digest, _ in looks).encode()).hexdigest()
    return Opened(digest, sum(size for _, size in looks), tuple(parts))


@contextmanager
def _unpacked(path: Path, member: str) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(path) as archive, archive.open(member) as file:
        yield file


def _kind(name: str) -> str:
    """What Mailchimp says with a file's name: ``cleaned_…``, ``unsubscribed_…``."""
    base = name.rpartition("/")[2].lower()
    return next((word for word in _ORDER[:-1] if base.startswith(f"{word}_")), "")


def _check(name: str, file: IO[bytes]) -> tuple[str, int]:
    """SHA-256 and size. Raises ImportProblemError, with the line, where it is not UTF-8."""
    digest, size, line = hashlib.sha256(), 0, 1
    decoder = codecs.getincrementaldecoder("utf-8")()
    with file:
        while True:
            piece = file.read(CHUNK)
            if size == 0 and piece[:2] in {b"\xff\xfe", b"\xfe\xff"}:
                raise ImportProblemError(f"{name} is UTF-16.", "Save it as UTF-8.")
            try:
                decoder.decode(piece, final=not piece)
            except UnicodeDecodeError as error:
                at = line + error.object[: error.start].count(b"\n")
                raise ImportProblemError(f"{name}:{at}: it is not UTF-8 from here on.", "Save it as UTF-8.") from None
            if not piece:
                return digest.hexdigest(), size
            digest.update(piece)
            size, line = size + len(piece), line + piece.count(b"\n")


def _part(name: str, opening: Opening, written: Format | None, chosen: Sequence[str]) -> Part:
    state = _kind(name)
    with opening() as raw:
        text = _text(raw)
        header = text.readline(MAX_HEADER)
        while header and not header.strip():
            header = text.readline(MAX_HEADER)
    kind = written or _guessed(header)
    if kind in {Format.JSON, Format.JSONL, Format.MAILMAN}:
        read = {Format.JSON: read_json_array, Format.JSONL: read_json_lines}.get(kind, read_roster)
        rows = partial(_rows, opening, read)
        columns = ("email", "name") if kind is Format.MAILMAN else _names(rows(Position()))
        flavour = "" if kind is Format.MAILMAN else flavour_of(columns)
        return _with_addresses(Part(name, str(kind), flavour, columns, state, rows), chosen)
    return _with_addresses(_csv(name, opening, header, kind, state), chosen)


def _csv(name: str, opening: Opening, header: str, kind: Format | None, state: str) -> Part:
    if len(header) == MAX_HEADER:
        raise ImportProblemError(f"The first line of {name} is longer than {MAX_HEADER} characters.", "Is it CSV?")
    delimiter = "\t" if kind is Format.TSV else max(",;\t", key=header.count)
    cells = next(csv.reader([header], delimiter=delimiter), [])
    columns = tuple(dict.fromkeys(_unlike(cells)))
    flavour = str(kind) if kind in {Format.LISTMONK, Format.MAILCHIMP, Format.SENDBRIEF} else flavour_of(columns)
    read = partial(read_csv, columns=columns, delimiter=delimiter, guarded=flavour != "listmonk")
    rows = partial(_rows, opening, read, header=True)
    return Part(name, "tsv" if delimiter == "\t" else "csv", flavour, columns, state, rows)


def _unlike(cells: Sequence[str]) -> Iterator[str]:
    """Names of columns; of two that are alike the second gets a number, as does one without a name."""
    seen: set[str] = set()
    for number, cell in enumerate(cells, start=1):
        name = cell.strip().strip('"').strip() or f"column {number}"
        name = f"{name} ({number})" if name in seen else name
        seen.add(name)
        yield name


def _with_addresses(part: Part, chosen: Sequence[str]) -> Part:
    if part.columns or part.written == "csv":
        try:
            found = "email" in guess(part.columns, part.flavour, chosen).fields.values()
        except UsageError as error:
            raise UsageError(f"{part.name}: {error.message}", error.hint) from None
        if not found:
            first = ", ".join(shown(column[:40]) for column in part.columns[:10]) or "nothing"
            raise ImportProblemError(
                f"{part.name} has no column 'email'; its first line has: {first}.",
                "Name the columns in the first line: email,name,language; or say which it is: --map 'NAME=email'.",
            )
    return part


def _guessed(header: str) -> Format | None:
    """JSON and rosters by how they begin; None: CSV."""
    start = header.lstrip()[:1]
    if start in {"[", "{"}:
        return Format.JSON if start == "[" else Format.JSONL
    words = {word_of(cell) for delimiter in ",;\t" for cell in header.split(delimiter)}
    named = words & {"email", "e mail", "mail", "email address", "address", *FIELDS}
    alone = not named and "@" in roster_entry(header.strip())[1] and not header.count(";") + header.count("\t")
    return Format.MAILMAN if alone and (header.rstrip().endswith(">") or "," not in header) else None


def _names(rows: Iterator[Row]) -> tuple[str, ...]:
    objects = (values for _, values in islice(rows, LOOKED_AT) if not isinstance(values, str))
    return tuple(dict.fromkeys(name for values in objects for name in values))


def _text(raw: IO[bytes]) -> io.TextIOWrapper:
    return io.TextIOWrapper(cast(BinaryIO, raw), encoding="utf-8-sig", newline="")


def _rows(
    opening: Opening, read: Callable[[io.TextIOWrapper], Iterator[Row]], position: Position, *, header: bool = False
) -> Generator[Row, None, None]:
    with opening() as raw:
        position.follow(raw)
        text = _text(raw)
        blank = 0
        while header and not (line := text.readline(MAX_HEADER)).strip() and line:
            blank += 1
        for row, values in read(text):
            yield row + blank, values
