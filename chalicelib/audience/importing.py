"""Importing subscribers from CSV: row-numbered problems, suppressed and departed people stay out."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from chalicelib.audience.address import fold
from chalicelib.audience.audience import Audience, make_member
from chalicelib.audience.exporting import FORMULA
from chalicelib.audience.subscriber import Basis, Membership
from chalicelib.audience.tokens import Secrets
from chalicelib.content.problems import did_you_mean
from chalicelib.content.values import Newsletter, Site
from chalicelib.errors import AddressError, ImportProblemError

BATCH = 30
MAX_FIELD = 10_000
MAX_HEADER = 200_000
COLUMNS = ("email", "name", "language", "topics", "cadence")
_ALIASES = {"e-mail": "email", "mail": "email", "address": "email", "email address": "email", "lang": "language"}


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong with one row; ``row`` is the line of the file on which it begins, from 1 (the header)."""

    row: int
    message: str


@dataclass(slots=True)
class ImportReport:
    """What an import did. ``kept_out`` counts people who left or are suppressed."""

    read: int = 0
    new: int = 0
    changed: int = 0
    same: int = 0
    kept_out: int = 0
    repeated: int = 0
    problems: list[RowProblem] = field(default_factory=list)


def import_csv(
    path: Path, *, site: Site, newsletter: Newsletter, basis: Basis, audience: Audience, secrets: Secrets,
    now: datetime, progress: Callable[[int], None] = lambda _: None,
) -> ImportReport:  # fmt: skip
    """Add each row of a CSV file (``email``, and what else of COLUMNS is present) as confirmed.

    Rows that can't be used are reported and left out, the others are kept, 30 in each transaction: run again
    after a failure, it goes on where it stopped. Raises ImportProblemError where the file is no such CSV.
    """
    report, seen, batch = ImportReport(), set[str](), list[Membership]()
    for row, values in _rows(path):
        report.read += 1
        if isinstance(values, str):
            report.problems.append(RowProblem(row, values))
            continue
        try:
            member = _member(values, site, newsletter, secrets, row, report)
        except AddressError as error:
            report.problems.append(RowProblem(row, error.message))
            continue
        if fold(member.address) in seen:
            report.repeated += 1
            continue
        seen.add(fold(member.address))
        batch.append(member)
        if len(batch) == BATCH:
            _flush(batch, audience, basis, path.name, now, report)
            progress(report.read)
    _flush(batch, audience, basis, path.name, now, report)
    progress(report.read)
    return report


def _flush(
    batch: list[Membership], audience: Audience, basis: Basis, file: str, now: datetime, report: ImportReport
) -> None:
    for result in audience.subscribe(batch, basis, f"import of {file}", now) if batch else []:
        if result in {"suppressed", "unsubscribed"}:
            report.kept_out += 1
        else:
            setattr(report, result, getattr(report, result) + 1)
    batch.clear()


def _member(
    values: Mapping[str, str], site: Site, newsletter: Newsletter, secrets: Secrets, row: int, report: ImportReport
) -> Membership:
    language = values.get("language", "").strip()
    if language and language not in site.languages:
        short = language.replace("_", "-").split("-")[0].lower()
        if short not in site.languages:
            message = (
                f"language '{language}' is unknown; {did_you_mean(language, site.languages)}; uses '{site.fallback}'"
            )
            report.problems.append(RowProblem(row, message))
        language = short if short in site.languages else site.fallback
    member = make_member(secrets, newsletter.name, values.get("email", ""), values.get("name", ""), language)
    topics = _topics(values.get("topics", ""), site, row, report)
    return replace(member, topics=topics, cadence=_cadence(values.get("cadence", ""), newsletter, row, report))


def _cadence(text: str, newsletter: Newsletter, row: int, report: ImportReport) -> str:
    """One of the newsletter's cadences; none given means every edition."""
    cadence = text.strip().lower()
    if cadence in {"", "every", *newsletter.cadences}:
        return cadence or "every"
    hint = did_you_mean(cadence, newsletter.cadences)
    report.problems.append(RowProblem(row, f"cadence '{cadence}' is not offered; {hint}; gets every edition"))
    return "every"


def _topics(text: str, site: Site, row: int, report: ImportReport) -> frozenset[str] | None:
    """Topics parted by blanks or semicolons; none given means all."""
    known = {topic.name for topic in site.topics}
    chosen = set(text.replace(";", " ").split())
    for topic in sorted(chosen - known):
        report.problems.append(RowProblem(row, f"topic '{topic}' is unknown; {did_you_mean(topic, known)}; left out"))
    return frozenset(chosen & known) or None


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str] | str]]:
    """Each row by the names of its columns, or what is wrong with it, with the line it begins on."""
    try:
        with path.open("rb") as raw:
            if raw.read(2) in {b"\xff\xfe", b"\xfe\xff"}:
                raise ImportProblemError(f"{path.name} is UTF-16.", "Save it as UTF-8.")
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _parse(file, path.name)
    except OSError as error:
        raise ImportProblemError(f"{path} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ImportProblemError(f"{path.name} is not UTF-8.", "Save it as UTF-8.") from None


def _parse(file: io.TextIOBase, name: str) -> Iterator[tuple[int, dict[str, str] | str]]:
    header = file.readline(MAX_HEADER)
    if len(header) == MAX_HEADER:
        raise ImportProblemError(f"The first line of {name} is longer than {MAX_HEADER} characters.", "Is it CSV?")
    delimiter = max(",;\t", key=header.count)
    columns = [_column(cell) for cell in next(csv.reader([header], delimiter=delimiter), [])]
    if "email" not in columns:
        shown = ", ".join(columns[:10]) or "nothing"
        raise ImportProblemError(
            f"{name} has no column 'email'; its first line has: {shown}.",
            "Name the columns in the first line: email,name,language.",
        )
    reader = csv.reader(file, delimiter=delimiter, strict=True)  # else a stray quote swallows the rows after it
    while True:
        row = reader.line_num + 2
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield row, _torn(error, row, reader.line_num + 1)
            continue
        if any(cell.strip() for cell in cells):
            yield row, dict(zip(columns, (_unguarded(cell[:MAX_FIELD]) for cell in cells), strict=False))


def _torn(error: csv.Error, first: int, last: int) -> str:
    lines = f"; nothing was read up to line {last}: is a quote open?" if last > first else "; is a quote open?"
    return f"{error}{lines}"


def _unguarded(cell: str) -> str:
    """Without the apostrophe that an export puts before what begins like a formula."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell


def _column(cell: str) -> str:
    word = " ".join(cell.strip().strip('"').lower().split())
    return _ALIASES.get(word, word)
