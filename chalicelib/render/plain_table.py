"""Tables in plain text: columns side by side where they fit, else a paragraph for each row."""

from dataclasses import dataclass, field
from textwrap import wrap

from chalicelib.render.text import columns

_GAP = 2


@dataclass(slots=True)
class Table:
    """Rows of cells; the first row is a header where its cells are ``th``. ``aligns`` are those of the columns."""

    rows: list[list[str]] = field(default_factory=list)
    header: bool = False
    aligns: list[str] = field(default_factory=list)

    def add_cell(self, align: str) -> None:
        """Begin a cell of the last row; the first row that reaches a column says how that is aligned."""
        self.rows[-1].append("")
        if len(self.rows[-1]) > len(self.aligns):
            self.aligns.append(align)


def table_text(table: Table, width: int) -> str:
    """The table in at most ``width`` columns, longer only where one word is."""
    rows = [row for row in table.rows if any(row)]
    if not rows:
        return ""
    number = max(len(row) for row in rows)
    full = [row + [""] * (number - len(row)) for row in rows]
    widths = [max(columns(row[column]) for row in full) for column in range(number)]
    if sum(widths) + _GAP * (number - 1) <= width:
        return _aligned(full, widths, table)
    return _listed(full, table.header, width)


def _aligned(rows: list[list[str]], widths: list[int], table: Table) -> str:
    lines = [_line(row, widths, table.aligns) for row in rows]
    if table.header:
        lines.insert(1, (" " * _GAP).join("-" * size for size in widths))
    return "\n".join(lines)


def _line(row: list[str], widths: list[int], aligns: list[str]) -> str:
    cells = []
    for cell, size, align in zip(row, widths, aligns, strict=True):
        room = size - columns(cell)
        left = room if align == "right" else room // 2 if align == "center" else 0
        cells.append(" " * left + cell + " " * (room - left))
    return (" " * _GAP).join(cells).rstrip()


def _listed(rows: list[list[str]], header: bool, width: int) -> str:
    """A table too wide for its lines: a paragraph per row, its cells labelled by the header."""
    labels = rows[0] if header else [""] * len(rows[0])
    paragraphs = []
    for row in rows[1:] if header else rows:
        cells = [f"{label}: {cell}" if label else cell for label, cell in zip(labels, row, strict=True) if cell]
        lines = [
            wrap(cell, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False) for cell in cells
        ]
        paragraphs.append("\n".join(line for cell in lines for line in cell))
    return "\n\n".join(paragraphs)
