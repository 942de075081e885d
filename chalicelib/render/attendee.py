"""The line of a calendar file that names its reader (RFC 5545, 3.8.4.1): all of it that differs from mail to mail."""

from urllib.parse import quote

from chalicelib.render.headers import MAX_NAME, addr_spec
from chalicelib.render.text import header_text

LINE = 75
"""Octets of a line without its end (RFC 5545, 3.1)."""


def attendee_line(address: str, name: str) -> str:
    """The content line of a reader who may answer, folded and without its line end. Raises AddressError."""
    # RFC 6868 reads ^^ as ^; of quotation marks in quotes older programs know nothing.
    shown = header_text(name, MAX_NAME).translate({ord('"'): "'", ord("^"): "^^"})
    named = f';CN="{shown}"' if shown else ""
    where = quote(addr_spec(address), safe="@!$'*+-._~")
    return _folded(f"ATTENDEE;ROLE=OPT-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE{named}:mailto:{where}")


def _folded(line: str) -> str:
    """A line in pieces that cut no character; all but the first begin with a blank."""
    lines, length = [""], 0
    for character in line:
        octets = len(character.encode("utf-8", "replace"))
        if length + octets > LINE:
            lines.append(" ")
            length = 1
        lines[-1] += character
        length += octets
    return "\r\n".join(lines)
