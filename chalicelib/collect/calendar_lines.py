"""Calendar files (RFC 5545) taken apart into the lines of each event, so that one broken event stops no other."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from chalicelib.collect.found import SourceError, refuse_what_is_no_source
from chalicelib.content.markup import one_line

_FOLD = re.compile(rb"\r?\n[ \t]")


@dataclass(slots=True)
class Block:
    """The lines of one VEVENT without its alarms, and what can be told of it at a glance.

    ``day`` is the date of its DTSTART as YYYYMMDD, or '' where none can be seen; ``series`` whether it repeats or
    changes an occurrence of what does; ``calendar`` numbers the VCALENDAR it stands in.
    """

    lines: list[str] = field(default_factory=list)
    uid: str = ""
    day: str = ""
    series: bool = False
    calendar: int = 0


@dataclass(slots=True)
class CalendarLines:
    """A file taken apart. ``whole`` is False where it breaks off; ``methods`` are by number of the VCALENDAR.

    ``definitions`` are the STANDARD and DAYLIGHT parts of each VTIMEZONE; ``zone`` is X-WR-TIMEZONE, or ''.
    """

    blocks: list[Block] = field(default_factory=list)
    definitions: dict[str, list[list[str]]] = field(default_factory=dict)
    methods: dict[int, str] = field(default_factory=dict)
    zone: str = ""
    whole: bool = True


def take_apart(body: bytes) -> CalendarLines:
    """A calendar's bytes; what they hold is read later. Raises SourceError where it is no calendar."""
    refuse_what_is_no_source(body)
    lines = _FOLD.sub(b"", body).decode("utf-8-sig", "replace").splitlines()
    file = CalendarLines()
    open_calendars = _sort(iter(lines), file)
    if not file.methods:
        raise SourceError("is no calendar: it has no BEGIN:VCALENDAR")
    file.whole = open_calendars == 0
    return file


def _sort(lines: Iterator[str], file: CalendarLines) -> int:
    """Put lines where they belong; how many calendars are left open at the end."""
    number, is_open = 0, 0
    for line in lines:
        head = line[:40].strip().upper()
        if head == "BEGIN:VCALENDAR":
            number, is_open = number + 1, 1
            file.methods[number] = ""
        elif head == "END:VCALENDAR":
            is_open = 0
        elif head.startswith("METHOD:"):
            file.methods[number] = head[7:].strip()
        elif head.startswith("X-WR-TIMEZONE"):
            file.zone = line.partition(":")[2].strip()
        elif head == "BEGIN:VEVENT" and number:
            is_open = max(is_open, _event_lines(lines, file, number))
        elif head == "BEGIN:VTIMEZONE":
            _zone_lines(lines, file)
    return is_open


def _event_lines(lines: Iterator[str], file: CalendarLines, number: int) -> int:
    """One event, without what stands inside of it (alarms); 1 where it never ends."""
    block, inside = Block(calendar=number), 0
    for line in lines:
        head = line[:40].strip().upper()
        if head == "BEGIN:VEVENT":  # the one before was never ended
            file.blocks.append(block)
            block, inside = Block(calendar=number), 0
        elif head in {"END:VEVENT", "END:VCALENDAR"}:
            file.blocks.append(block)
            return 0
        elif head.startswith("BEGIN:"):
            inside += 1
        elif head.startswith("END:"):
            inside = max(0, inside - 1)
        elif not inside:
            block.lines.append(line)
            _glance(block, line, head)
    return 1


def _glance(block: Block, line: str, head: str) -> None:
    if head.startswith("UID"):
        block.uid = one_line(line.partition(":")[2])
    elif head.startswith("DTSTART"):
        match = re.match(r"\d{8}", line.rpartition(":")[2])
        block.day = match[0] if match else ""
    elif head.startswith(("RRULE", "RDATE", "RECURRENCE-ID")):
        block.series = True


def _zone_lines(lines: Iterator[str], file: CalendarLines) -> None:
    name, parts = "", list[list[str]]()
    for line in lines:
        head = line[:40].strip().upper()
        if head == "END:VTIMEZONE":
            break
        if head in {"BEGIN:STANDARD", "BEGIN:DAYLIGHT"}:
            parts.append([])
        elif head.startswith("TZID"):
            name = line.partition(":")[2].strip().strip('"')
        elif parts and not head.startswith(("BEGIN:", "END:")):
            parts[-1].append(line)
    file.definitions.setdefault(name, parts)
