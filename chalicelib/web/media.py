"""Pictures of a site: image files below its content/ folder, and nothing else there."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from chalicelib.errors import NotFoundError

TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp"}
"""No SVG: mail clients don't show it, and it can hold scripts."""
MAX_BYTES = 4 * 1024 * 1024
"""A function's answer may be 6 MB, and base64 takes a third more."""
_PART = re.compile(r"[^/\\\x00-\x1f\x7f.][^/\\\x00-\x1f\x7f]{0,199}")


@dataclass(frozen=True, slots=True)
class Picture:
    """An image file's bytes and media type."""

    content: bytes
    media_type: str


def read_picture(root: Path, parts: Sequence[str]) -> Picture:
    """The picture at ``parts`` below content/, each perhaps percent-encoded. Raises NotFoundError."""
    names = [unquote(part, errors="replace") for part in parts]
    media_type = TYPES.get(Path(names[-1]).suffix.lower())
    if media_type is None or not all(_PART.fullmatch(name) for name in names):
        raise NotFoundError("There is no such picture.")
    try:
        folder = (root / "content").resolve()
        path = folder.joinpath(*names).resolve()
        if not path.is_relative_to(folder) or not path.is_file() or path.stat().st_size > MAX_BYTES:
            raise NotFoundError("There is no such picture.")
        return Picture(path.read_bytes(), media_type)
    except (OSError, ValueError):  # too long a name, no right to read, a loop of links
        raise NotFoundError("There is no such picture.") from None
