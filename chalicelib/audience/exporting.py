"""Exporting subscribers as CSV that no spreadsheet takes for formulas."""

import csv
from collections.abc import Iterable
from typing import TextIO

from chalicelib.audience.subscriber import Membership

COLUMNS = ("email", "name", "language", "topics", "cadence", "newsletter", "state")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export_csv(members: Iterable[Membership], out: TextIO) -> int:
    """Write a header and a row for each membership; how many rows."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for member in members:
        topics = "" if member.topics is None else " ".join(sorted(member.topics))
        row = (member.address, member.name, member.language, topics, member.cadence, member.newsletter, member.state)
        writer.writerow([safe_cell(str(cell)) for cell in row])
        count += 1
    return count


def safe_cell(text: str) -> str:
    """A cell that begins like a formula gets an apostrophe in front (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(FORMULA) else text
