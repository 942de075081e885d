"""Exporting subscribers, as a stream: CSV that no spreadsheet takes for formulas, JSON, and what listmonk imports."""

import csv
import json
import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, TextIO

from chalicelib.audience.subscriber import Membership, MemberState

COLUMNS = ("email", "name", "language", "topics", "cadence", "newsletter", "state", "joined", "paused", "marks", "zone")
NO_TOPICS = "(none)"
"""What stands for a choice of no topic at all; an empty cell means all of them."""
_LISTMONK = ("language", "topics", "cadence", "joined", "paused", "marks", "zone")
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")
_BREAKS = re.compile(r"[\s%]")


class ExportFormat(StrEnum):
    """What an export is written as."""

    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"
    LISTMONK = "listmonk"


def export(members: Iterable[Membership], out: TextIO, written_as: ExportFormat = ExportFormat.CSV) -> int:
    """Write memberships one after the other, in the order they come; how many."""
    if written_as is ExportFormat.CSV:
        return export_csv(members, out)
    if written_as is ExportFormat.LISTMONK:
        return _export_listmonk(members, out)
    return _export_json(members, out, lines=written_as is ExportFormat.JSONL)


def export_csv(members: Iterable[Membership], out: TextIO) -> int:
    """Write a header and a row for each membership; how many rows."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for member in members:
        row = (
            member.address, member.name, member.language, _topics(member), member.cadence, member.newsletter,
            str(member.state), member.joined, member.paused_until, marks_cell(member.marks),
            member.zone,
        )  # fmt: skip
        writer.writerow([safe_cell(cell) for cell in row])
        count += 1
    return count


def _topics(member: Membership) -> str:
    if member.topics is None:
        return ""
    return " ".join(sorted(member.topics)) or NO_TOPICS


def marks_cell(marks: Iterable[str]) -> str:
    """Marks parted by blanks; blanks within one, and ``%``, as in URLs: ``%20``."""
    return " ".join(sorted(_BREAKS.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), mark)
                           for mark in marks))  # fmt: skip


def _export_listmonk(members: Iterable[Membership], out: TextIO) -> int:
    """Confirmed members with the columns its importer takes; its programs read it, so that no cell is guarded."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("email", "name", "attributes"))
    count = 0
    for member in members:
        if member.state is MemberState.CONFIRMED:
            data = _data(member)
            kept = {name: data[name] for name in _LISTMONK}
            attributes = {name: value for name, value in kept.items() if value or (name == "topics" and value == [])}
            writer.writerow((member.address, member.name, json.dumps(attributes, ensure_ascii=False)))
            count += 1
    return count


def _export_json(members: Iterable[Membership], out: TextIO, *, lines: bool) -> int:
    """An array with an object a line; or the objects alone."""
    count = 0
    for member in members:
        before = "" if lines else ("[\n" if count == 0 else ",\n")
        out.write(f"{before}{json.dumps(_data(member), ensure_ascii=False)}" + ("\n" if lines else ""))
        count += 1
    if not lines:
        out.write("\n]\n" if count else "[]\n")
    return count


def _data(member: Membership) -> dict[str, Any]:
    """A membership for programs; ``topics`` null means all."""
    return {
        "email": member.address,
        "name": member.name,
        "language": member.language,
        "topics": None if member.topics is None else sorted(member.topics),
        "cadence": member.cadence,
        "newsletter": member.newsletter,
        "state": str(member.state),
        "joined": member.joined,
        "paused": member.paused_until,
        "marks": sorted(member.marks),
        "zone": member.zone,
    }


def safe_cell(text: str) -> str:
    """A cell that begins like a formula gets an apostrophe in front (OWASP, CSV injection)."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """A cell without the apostrophe that ``safe_cell`` put in front."""
    return cell[1:] if cell.startswith("'") and _GUARDED.match(cell) else cell
