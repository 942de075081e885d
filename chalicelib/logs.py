"""Loggers whose records bear no mail address, whatever an error, a request or a message repeats."""

import logging
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

HIDDEN = "<address>"
_AT = r"(?:@|%40|=40|\\u0040|&#64;)"
_ADDRESS = re.compile(rf"[^\s@<>\"'(),:;\[\]\\&=]{{1,64}}{_AT}[^\s@<>\"'(),:;\[\]\\/?&]{{1,255}}", re.IGNORECASE)
"""What may be an address, in the forms in which URLs, JSON, HTML and mails write it. The lengths are RFC 5321's, and
bound what a stranger's text can cost."""

_about: ContextVar[dict[str, str | int] | None] = ContextVar("about", default=None)


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


@contextmanager
def about(**values: str | int) -> Iterator[None]:
    """What is logged meanwhile bears these, beside what it bears already: ``edition``, ``chunk``, ``correlation`` …

    Tasks that begin meanwhile take it along, threads do not.
    """
    token = _about.set({**(_about.get() or {})})
    try:
        learn(**values)
        yield
    finally:
        _about.reset(token)


def learn(**values: str | int) -> None:
    """Add to what the innermost ``about`` says, for as long as it lasts; empty texts are left out."""
    known = _about.get()
    if known is not None:
        known.update({name: value for name, value in values.items() if value != ""})


@contextmanager
def correlated() -> Iterator[None]:
    """As ``about``, with a ``correlation`` of its own where there is none yet: the id of a tick, 16 characters."""
    with about(correlation=correlation() or secrets.token_hex(8)):
        yield


def correlation() -> str:
    """The id of the tick from which this comes; '' where none is known."""
    return str((_about.get() or {}).get("correlation", ""))


def context() -> dict[str, str | int]:
    """All that records bear now, without addresses."""
    return {name: clean(value) for name, value in (_about.get() or {}).items()}


def clean(value: Any) -> Any:
    """A value without addresses, whatever it is nested in."""
    if isinstance(value, str):
        return without_addresses(value)
    if isinstance(value, Mapping):
        return {clean(name): clean(each) for name, each in value.items()}
    return [clean(each) for each in value] if isinstance(value, list | tuple) else value
