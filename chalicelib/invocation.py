"""One call of a function: what its log lines bear, what it counts, and how a fault leaves it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from chalicelib.json_logs import log_as_json
from chalicelib.logs import about, context, logger
from chalicelib.metrics import line, metering
from chalicelib.settings import LogSettings, log_settings

LOG = logger(__name__)


class FunctionError(Exception):
    """A fault of a call, in words that repeat nobody's address: AWS Lambda writes them down as they are."""


def start_logs() -> LogSettings:
    """As a function starts: JSON on AWS Lambda, and wherever SENDBRIEF_LOG asks for it."""
    found = log_settings()
    if found.json:
        log_as_json(function=found.function, stage=found.stage)
    return found


def request_id(lambda_context: object) -> str:
    """AWS's id of a call, as its own log lines have it; '' elsewhere."""
    return str(getattr(lambda_context, "aws_request_id", "") or "")


@contextmanager
def invocation(lambda_context: object, **values: str | int) -> Iterator[None]:
    """While a call lasts. On AWS Lambda what it counted is printed at its end, also where it failed.

    A fault is logged with its trace; what leaves is a FunctionError that says only what kind it was.
    """
    found = log_settings()
    with about(request_id=request_id(lambda_context), **values), metering() as meter:
        try:
            yield
        except Exception as error:  # the runtime would write down its words, which may name somebody
            LOG.exception("The call failed")
            raise FunctionError(f"{type(error).__name__}: the log says more") from None
        finally:
            bears: dict[str, Any] = {"function": found.function, **context()}
            for document in meter.documents(found.stage, datetime.now(UTC), bears) if found.function else ():
                sys.stdout.write(line(document))
            sys.stdout.flush()
