"""Tags of a mail as SES takes them: its events bear them, so that they are told whose mail it was."""

import re
from typing import TYPE_CHECKING

from chalicelib.transports import Mail

if TYPE_CHECKING:
    from mypy_boto3_sesv2.type_defs import MessageTagTypeDef

MAX_TAG = 256
"""Characters of a tag's name or value (SES)."""
_NOT_IN_TAGS = re.compile(r"[^A-Za-z0-9_-]")


def tag_value(text: str) -> str:
    """``text`` as SES takes it for a tag's name or value: other characters become ``_``."""
    return _NOT_IN_TAGS.sub("_", text)[:MAX_TAG]


def tags_of(mail: Mail) -> "list[MessageTagTypeDef]":
    """Each name once, none empty."""
    tags = {tag_value(name): tag_value(value) for name, value in mail.tags.items()}
    return [{"Name": name, "Value": value} for name, value in tags.items() if name and value]


__all__ = ["MAX_TAG", "tag_value", "tags_of"]
