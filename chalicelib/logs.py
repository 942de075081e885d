"""Loggers whose records bear no mail address, whatever an error, a request or a message repeats."""

import logging
import re

HIDDEN = "<address>"
_AT = r"(?:@|%40|=40|\\u0040|&#64;)"
_ADDRESS = re.compile(rf"[^\s@<>\"'(),:;\[\]\\&=]{{1,64}}{_AT}[^\s@<>\"'(),:;\[\]\\/?&]{{1,255}}", re.IGNORECASE)
"""What may be an address, in the forms in which URLs, JSON, HTML and mails write it. The lengths are RFC 5321's, and
bound what a stranger's text can cost."""


class WithoutAddresses(logging.Filter):
    """Writes ``<address>`` in place of each address of a record, its traceback included."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Never keeps a record back."""
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}\n{logging.Formatter().formatException(record.exc_info)}"
            record.exc_info = record.exc_text = None
        record.msg, record.args = without_addresses(text), ()
        return True


def without_addresses(text: str) -> str:
    """A text with each mail address hidden."""
    return _ADDRESS.sub(HIDDEN, text)


def logger(name: str) -> logging.Logger:
    """The logger of that name. All of this program are made here."""
    found = logging.getLogger(name)
    if not any(isinstance(one, WithoutAddresses) for one in found.filters):
        found.addFilter(WithoutAddresses())
    return found
