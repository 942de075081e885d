"""The letter: a variant compiled once into segments of finished bytes, one recipient's values joined in.

Everything of a message but a handful of values is the same for every reader. It is encoded once, and
cut at the personal tokens; ``personalise`` encodes one reader's values, each for its context, and joins.
"""

import json
from dataclasses import dataclass, field

from chalicelib.errors import RenderError
from chalicelib.render.joining import Joining, Segment
from chalicelib.render.reader import Reader, Slot

__all__ = ["FORMAT", "Letter", "Reader", "Segment", "Slot"]
FORMAT = 1
"""Raised when a letter stored by an older version can't be read by this one any more."""


@dataclass(frozen=True)
class Letter:
    """A compiled variant. ``segments`` are finished ASCII text and the slots between.

    Raises RenderError where not every reader's message would be clean (see ``personalise``).
    """

    edition: str
    variant: str
    segments: tuple[Segment, ...]
    _joining: Joining = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _hold_clean(self.segments)
        object.__setattr__(self, "_joining", Joining(self.segments))

    def personalise(self, reader: Reader) -> bytes:
        """The complete message for a reader: RFC 5322, no line over 998 characters, and *clean*.

        Clean means ready for any transport without another look: ASCII without NUL, every line ends in
        CRLF, the last one too, and none begins with a dot, so that SMTP has none to double (RFC 5321, 4.5.2).
        Fastest where the readers of a wave share the object in ``date``. Raises AddressError or RenderError
        where a value can't stand in a header; the letter stays good for the others.
        """
        return self._joining.join(reader)

    def to_bytes(self) -> bytes:
        """JSON for a blob; the first key says the format."""
        segments = [
            segment if isinstance(segment, str) else [segment.field, segment.context, segment.fallback]
            for segment in self.segments
        ]
        data = {"format": FORMAT, "edition": self.edition, "variant": self.variant, "segments": segments}
        return json.dumps(data, separators=(",", ":")).encode("ascii")

    @classmethod
    def from_bytes(cls, blob: bytes) -> "Letter":
        """The letter that ``to_bytes`` wrote. Raises RenderError where it is of another format or torn."""
        try:
            data = json.loads(blob)
            if data["format"] != FORMAT:
                raise RenderError(
                    f"A stored letter has format {data['format']}, this version reads {FORMAT}.",
                    "Finish the edition with the version that began it.",
                )
            segments = tuple(part if isinstance(part, str) else _known(Slot(*part)) for part in data["segments"])
            return cls(data["edition"], data["variant"], segments)
        except (ValueError, KeyError, TypeError) as error:
            raise RenderError("A stored letter can't be read.", "Plan the edition again.") from error


def _known(slot: Slot) -> Slot:
    if not slot.known:
        raise ValueError(f"unknown slot {slot}")
    return slot


_SHAPES = {"to": "\r\n", "subject": "\r\n"}
"""How the lines of our own making end that are whole; the value of another header stands within a line."""


def _hold_clean(segments: tuple[Segment, ...]) -> None:
    whole = "".join(segment if isinstance(segment, str) else _stand_in(segment) for segment in segments)
    rest = whole.replace("\r\n", "")
    clean = whole.isascii() and not any(character in rest for character in "\r\n\0")
    if not clean or not whole.endswith("\r\n") or "\r\n." in whole or whole.startswith("."):
        raise RenderError("A letter's bytes can't go out as they are.", "Plan the edition again; then report it.")


def _stand_in(slot: Slot) -> str:
    """The shape of a value: what its first line and its last one are like. Values themselves are clean."""
    if slot.context in ("html", "text"):
        return "=\r\nx=\r\n"
    return "x" + _SHAPES.get(slot.field, "")
