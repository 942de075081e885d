"""Records made of ``tag=value; tag=value``: DKIM (RFC 6376, 3.2), DMARC, BIMI, TLS-RPT, MTA-STS. Pure."""

import re

_TAG = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class TagError(ValueError):
    """No list of tags; says why."""


def read_tags(text: str) -> dict[str, str]:
    """Names in lower case, values without blanks around them, in their order. Raises TagError."""
    tags: dict[str, str] = {}
    for part in text.split(";"):
        if not part.strip():
            continue
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if not equals or not _TAG.fullmatch(name):
            raise TagError(f"'{part.strip()[:40]}' is no tag=value")
        if name in tags:
            raise TagError(f"{name}= stands twice")
        tags[name] = value.strip()
    return tags


def begins_with(text: str, version: str) -> bool:
    """Whether the first tag says ``v=VERSION``."""
    first = text.split(";")[0]
    name, _, value = first.partition("=")
    return name.strip().lower() == "v" and value.strip().lower() == version.lower()
