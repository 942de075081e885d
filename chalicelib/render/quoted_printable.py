"""Quoted-printable (RFC 2045, 6.7): whole texts, and single values that are put between them."""

import re

SOFT_BREAK = b"=\r\n"
_LINE = 73
_ESCAPES = [bytes([byte]) if 32 <= byte <= 126 and byte != 61 else b"=%02X" % byte for byte in range(256)]
_SAFE = re.compile(rb"[ -<>-~]*")


def quoted_printable(text: str) -> str:
    """Text as quoted-printable (RFC 2045, 6.7) with CRLF, lines of at most 76 columns.

    A dot or ``From `` that begins a line is encoded as well: mail servers of old mangle them.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    return "\r\n".join(_qp_line(line) for line in lines)


def _qp_line(line: str) -> str:
    raw = _escape_bytes(line.encode("utf-8", "replace"))
    if raw.endswith((b" ", b"\t")):
        raw = raw[:-1] + b"=%02X" % raw[-1]
    pieces = [_guarded(piece) for piece in _chunks(raw)]
    return SOFT_BREAK.join(pieces).decode("ascii")


def _guarded(piece: bytes) -> bytes:
    if piece.startswith((b".", b"From ")):
        return b"=%02X" % piece[0] + piece[1:]
    return piece


def _escape_bytes(raw: bytes) -> bytes:
    if _SAFE.fullmatch(raw):
        return raw
    return b"".join(map(_ESCAPES.__getitem__, raw))


def _chunks(raw: bytes) -> list[bytes]:
    """Pieces of at most 73 columns that cut no ``=XX`` in two."""
    pieces = []
    start = 0
    while len(raw) - start > _LINE:
        end = start + _LINE
        escape_at = raw.rfind(b"=", end - 2, end)
        if escape_at != -1:
            end = escape_at
        pieces.append(raw[start:end])
        start = end
    pieces.append(raw[start:])
    return pieces


def qp_value(text: str) -> bytes:
    """A value between two soft line breaks, so that it can't lengthen the lines around it.

    Its pieces begin lines: their dots and ``From `` are encoded as in a text.
    """
    raw = _escape_bytes(text.encode("utf-8", "replace"))
    if len(raw) <= _LINE:
        return SOFT_BREAK + _guarded(raw) + SOFT_BREAK
    return SOFT_BREAK + SOFT_BREAK.join([_guarded(piece) for piece in _chunks(raw)]) + SOFT_BREAK
