"""Logs as JSON, one line for each record: for CloudWatch Logs Insights, and for whatever reads a container's output."""

import json
import logging
import sys
from datetime import UTC, datetime

from chalicelib.logs import context, logger, without_addresses

OURS = ("sendbrief", "chalicelib")
"""The loggers whose INFO is kept; of all others only warnings and errors are."""


class JsonLines(logging.Formatter):
    """A record as one line: ``time`` (ISO 8601, UTC), ``level``, ``message``, ``logger``, and what it is about.

    ``always`` stands in every line. An address is hidden wherever it stands, also in other programs' records. ``end``
    is for a handler that ends no lines itself.
    """

    def __init__(self, end: str = "", **always: str) -> None:
        super().__init__()
        self._end = end
        self._always = {name: value for name, value in always.items() if value}

    def format(self, record: logging.LogRecord) -> str:
        """Never raises: values that JSON does not know are written as text."""
        message = super().format(record)  # with its traceback, as far as no filter has put that into the message
        at = datetime.fromtimestamp(record.created, UTC)
        line = {
            "time": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z", "level": record.levelname,
            "message": without_addresses(message), "logger": record.name, **self._always, **context(),
        }  # fmt: skip
        return json.dumps(line, ensure_ascii=False, default=str) + self._end


def log_as_json(**always: str) -> None:
    """From now on all records of this process are JSON lines: through the handlers it has, else to standard error.

    AWS Lambda's runtime brings a handler of its own, which adds nothing to what a formatter makes, not even its end.
    """
    root = logging.root
    if not root.handlers:
        root.addHandler(logging.StreamHandler(sys.stderr))
    for handler in root.handlers:
        ends = isinstance(handler, logging.StreamHandler)
        handler.setFormatter(JsonLines("" if ends else "\n", **always))
    for name in OURS:
        logger(name).setLevel(logging.INFO)


def is_json() -> bool:
    """Whether logs are JSON lines."""
    return any(isinstance(handler.formatter, JsonLines) for handler in logging.root.handlers)
