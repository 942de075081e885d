"""Importing subscribers: any size, row-numbered problems, what people decided themselves stands, cut off anywhere."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from pathlib import Path

from chalicelib.audience.audience import Audience
from chalicelib.audience.import_formats import Format, Opened, Part, Position, look_at
from chalicelib.audience.import_mapping import Mapped, guess
from chalicelib.audience.import_reading import Row, shown
from chalicelib.audience.import_rows import Fate, Reader, Said
from chalicelib.audience.intake import MOST, Intake, Wanted
from chalicelib.audience.subscriber import Basis
from chalicelib.audience.tokens import Secrets
from chalicelib.content.values import Newsletter, Site
from chalicelib.errors import AddressError
from chalicelib.store import Key, Put, Table

MOST_PROBLEMS = 1000
"""Problems kept in words; the others are only counted, so that a file of nothing else fits in memory."""
SAVED_EVERY = 100
"""Batches after which the place is written down: what an import that was cut off looks at again, at most."""
KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong with one row; ``row`` is the line it begins on, from 1 (the header), or a JSON array's object."""

    row: int
    message: str
    file: str = ""


@dataclass(slots=True)
class ImportReport:
    """What an import did, in rows.

    ``kept_out`` left, are suppressed or changed their address here; ``left`` did so where they come from;
    ``unconfirmed`` never confirmed there; ``suppressed`` are never written to from now on, as there; ``elsewhere``
    are of another newsletter. ``done_before`` were passed over, since an import that was cut off had done them.
    """

    read: int = 0
    new: int = 0
    changed: int = 0
    same: int = 0
    kept_out: int = 0
    repeated: int = 0
    left: int = 0
    unconfirmed: int = 0
    suppressed: int = 0
    elsewhere: int = 0
    done_before: int = 0
    problem_count: int = 0
    problems: list[RowProblem] = field(default_factory=list)

    def note(self, file: str, row: int, message: str) -> None:
        """One more problem."""
        self.problem_count += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(RowProblem(row, shown(message), file))


Progress = Callable[[int, int], None]
"""Called with the bytes and the rows read so far."""


@dataclass(frozen=True, slots=True)
class ImportJob:
    """What is imported, where to, on what ground; ``chosen`` are words like ``Sprache=language``."""

    path: Path
    site: Site
    newsletter: Newsletter
    basis: Basis
    secrets: Secrets
    now: datetime
    written: Format | None = None
    chosen: Sequence[str] = ()
    saved_every: int = SAVED_EVERY

    def open(self) -> Opened:
        """Look at the file. Raises ImportProblemError, UsageError."""
        return look_at(self.path, self.written, self.chosen)

    def mapped(self, part: Part) -> Mapped:
        """What each column of a part says."""
        return guess(part.columns, part.flavour, self.chosen)


def import_people(
    job: ImportJob, table: Table, *, opened: Opened | None = None, progress: Progress = lambda _bytes, _rows: None
) -> ImportReport:
    """Take the people of a file in as confirmed, 33 in each transaction, in memory that does not grow with the file.

    Rows that can't be used are reported and left out. Run again after it was cut off, it goes on where it stopped;
    run again after its end, it changes nothing. Raises ImportProblemError where the file is none of the formats.
    """
    opened = opened or job.open()
    intake = Intake(table, job.basis, f"import of {job.path.name}", job.now)
    run = _Run(job, intake, Audience(table, job.secrets), _Place(table, job, opened), progress)
    for number, part in enumerate(opened.parts):
        run.take(number, part)
    run.place.forget()
    return run.report


class _Place:
    """Where an import stands: an item named after the file's content, the newsletter and how it is read."""

    def __init__(self, table: Table, job: ImportJob, opened: Opened) -> None:
        words = (opened.digest, job.basis, str(job.written), *job.chosen)
        digest = hashlib.sha256("\n".join(words).encode("utf-8", "replace")).hexdigest()
        self._table, self._key = table, Key(f"IMPORT#{digest}", job.newsletter.name)
        self._expires = int((job.now + KEPT).timestamp())
        item = table.get(self._key)
        self.part, self.rows = (int(item.data["part"]), int(item.data["rows"])) if item else (0, 0)

    def keep(self, part: int, rows: int) -> None:
        """So many rows of a part, and all parts before it, are done."""
        self._table.put_many([Put(self._key, {"part": part, "rows": rows}, self._expires)])

    def forget(self) -> None:
        """The import is complete."""
        item = self._table.get(self._key)
        if item:
            self._table.delete(item)


class _Run:
    """One import on its way through the parts of a file."""

    def __init__(self, job: ImportJob, intake: Intake, audience: Audience, place: _Place, progress: Progress) -> None:
        self._job, self._intake, self._audience, self._progress = job, intake, audience, progress
        self.place, self.report, self._position = place, ImportReport(), Position()
        self._batch: dict[str, Said] = {}
        self._batches = 0

    def take(self, number: int, part: Part) -> None:
        """All rows of a part, from where the import stood when it was cut off."""
        done = self.place.rows if number == self.place.part else 0
        skipped = number < self.place.part
        reader = self._reader(part)
        with closing(part.rows(self._position)) as rows:
            for count, row in enumerate(rows, start=1):
                self.report.read += 1
                if skipped or count <= done:
                    self.report.done_before += 1
                    continue
                self._one(part, reader, row)
                if len(self._batch) == MOST:
                    self._flush(part)
                    if self._batches % self._job.saved_every == 0:
                        self.place.keep(number, count)
        self._flush(part)
        self.place.keep(number + 1, 0)

    def _reader(self, part: Part) -> Reader:
        job = self._job
        return Reader(job.site, job.newsletter, job.secrets, job.now, job.mapped(part), part.flavour, part.state)

    def _one(self, part: Part, reader: Reader, row: Row) -> None:
        at, values = row
        if isinstance(values, str):
            self.report.note(part.name, at, values)
            return
        try:
            said = reader.read(at, values)
        except AddressError as error:
            self.report.note(part.name, at, error.message)
            return
        for remark in said.remarks:
            self.report.note(part.name, at, remark)
        earlier = self._batch.get(said.member.sid)
        self.report.repeated += earlier is not None
        self._batch[said.member.sid] = merged(earlier, said) if earlier else said

    def _flush(self, part: Part) -> None:
        """What the batch says becomes true: those who come in first, all of them or nobody."""
        said, self._batch, self._batches = list(self._batch.values()), {}, self._batches + 1
        coming = [one for one in said if one.fate is Fate.TAKE or one.member.state == "unsubscribed"]
        wanted = [Wanted(one.member, _what(one)) for one in coming]
        # Each batch has a moment of its own: evidence of two rows on one person is two pieces.
        intake = replace(self._intake, now=self._job.now + timedelta(microseconds=self._batches))
        results = intake.admit(wanted) if wanted else []
        for one, result in zip(coming, results, strict=True):
            self._count(one, result)
        self._keep_out(part, [one for one in said if one not in coming])
        self._progress(self._position.bytes, self.report.read)

    def _count(self, one: Said, result: str) -> None:
        if one.fate is not Fate.TAKE:
            self.report.left += 1
        elif result in {"suppressed", "unsubscribed", "moved"}:
            self.report.kept_out += 1
        else:
            setattr(self.report, result, getattr(self.report, result) + 1)

    def _keep_out(self, part: Part, said: Sequence[Said]) -> None:
        for one in said:
            if one.fate in {Fate.BOUNCE, Fate.MANUAL, Fate.COMPLAINT}:
                self._audience.suppress(one.member.sid, str(one.fate), self._job.now)
                self.report.suppressed += 1
            else:
                setattr(self.report, str(one.fate), getattr(self.report, str(one.fate)) + 1)
        left = {one.member.sid: one for one in said if one.fate is Fate.LEFT}
        for sid in self._intake.members(self._job.newsletter.name, list(left)) if left else ():
            row, address = left[sid].row, left[sid].member.address
            self.report.note(part.name, row, f"{address} left there and is a member here: is that meant?")


def merged(first: Said, second: Said) -> Said:
    """Two rows on one person: what keeps out wins; else the first stands, and the second fills in what it lacks."""
    if first.fate is not second.fate:
        return max(first, second, key=lambda said: list(Fate).index(said.fate))
    member, other = first.member, second.member
    filled = replace(
        member,
        name=member.name or other.name,
        language=member.language or other.language,
        marks=member.marks | other.marks,
        zone=member.zone or other.zone,
    )
    return replace(first, member=filled)


def _what(said: Said) -> str:
    return f"line {said.row}" + (f"; since {said.joined}, as it says" if said.joined else "")


COUNTED = tuple(each.name for each in fields(ImportReport) if each.name != "problems")
"""The names of a report's figures, in order."""


def read_addresses(path: Path) -> Iterator[tuple[int, str | AddressError]]:
    """The addresses of a file, one a line or in a column of CSV or JSON, with their rows; checked, not folded.

    ``@example.org`` stands for a whole domain and is given as it is. Raises ImportProblemError.
    """
    from chalicelib.audience.address import parse_address

    for part in look_at(path).parts:
        column = next(name for name, what in guess(part.columns, part.flavour).fields.items() if what == "email")
        with closing(part.rows(Position())) as rows:
            for row, values in rows:
                found = values if isinstance(values, str) else values.get(column, "")
                address = found.strip() if isinstance(found, str) else ""
                try:
                    if isinstance(values, str):
                        raise AddressError(values)
                    yield row, address if address.startswith("@") else parse_address(address)
                except AddressError as error:
                    yield row, error
