"""What botocore raises, told as StoreUnavailableError with what to do about it."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
)

from chalicelib.errors import StoreUnavailableError

_MISSING = "Deploy first, or look whether region and name are the ones that were deployed."
_FORBIDDEN = "Give the role of this function, or the credentials in use, the rights of docs/deploy.md."
_HINTS = {
    "ResourceNotFoundException": _MISSING,
    "NoSuchBucket": _MISSING,
    "QueueDoesNotExist": _MISSING,
    "AWS.SimpleQueueService.NonExistentQueue": _MISSING,
    "AccessDenied": _FORBIDDEN,
    "AccessDeniedException": _FORBIDDEN,
    "ExpiredToken": "Sign in to AWS again.",
    "ExpiredTokenException": "Sign in to AWS again.",
    "UnrecognizedClientException": "Sign in to AWS again.",
    "InvalidSignatureException": "Set this machine's clock right, or sign in to AWS again.",
}
ATTEMPTS = 8


def code_of(error: ClientError) -> str:
    """AWS's name of the error, such as ``ConditionalCheckFailedException``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def unavailable(error: Exception, what: str) -> StoreUnavailableError:
    """The error to raise for what AWS refused or could not be asked."""
    if isinstance(error, ClientError):
        hint = _HINTS.get(code_of(error), "Look at the service's health page, then try again.")
    elif isinstance(error, NoCredentialsError | PartialCredentialsError):
        hint = "Sign in to AWS, or set SENDBRIEF_STORE to keep everything on this machine."
    elif isinstance(error, EndpointConnectionError | ConnectTimeoutError):
        hint = "Look at the network, the region and AWS_ENDPOINT_URL."
    else:
        hint = "Try again."
    return StoreUnavailableError(f"{what} failed: {error}.", hint)


@contextmanager
def reaching(what: str) -> Iterator[None]:
    """Turns every botocore error of the block into StoreUnavailableError about ``what``."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise unavailable(error, what) from error


def back_off(attempt: int, sleep: Callable[[float], None] = time.sleep) -> None:
    """Wait before try ``attempt`` + 1: full jitter up to 25 ms, doubled each time, at most 2 seconds."""
    sleep(random.uniform(0, min(2.0, 0.025 * 2**attempt)))  # noqa: S311 (spreads load, keeps no secret)
