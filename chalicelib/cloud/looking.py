"""Asking AWS how something is: an answer, or why there is none. A question that is refused stops no other."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar

import boto3.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
)

from chalicelib.cloud.aws import CREDENTIALS, code_of, said_by

T = TypeVar("T")
_REFUSED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"})
_STRANGERS = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException",
     "InvalidSignatureException", "SignatureDoesNotMatch", "MissingAuthenticationToken", "RequestExpired"}
)  # fmt: skip
_NOWHERE = frozenset(
    {"NotFoundException", "ResourceNotFoundException", "QueueDoesNotExist", "NotFound", "ResourceNotFound",
     "AWS.SimpleQueueService.NonExistentQueue"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told(Generic[T]):
    """``value`` is what AWS says; None where it knows of no such thing. Where ``why`` is set there is no answer.

    ``for_all``: nothing else will be answered either (no credentials, no network).
    """

    value: T | None = None
    why: str = ""
    do: str = ""
    for_all: bool = False


class Looking:
    """Clients of one account and region, made when first asked for. ``skew`` is learned from any answer."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock, self._clients = clock, dict[str, Any]()
        self._session: boto3.session.Session | None = None
        self.skew: float | None = None
        """Seconds by which AWS's clock is ahead of this machine's."""

    def region(self) -> str:
        """The region that is asked, '' where none is set."""
        try:
            return str(self._made().region_name or "")
        except BotoCoreError:
            return ""

    def client(self, service: str) -> Any:
        """The client of a service: with little patience, since a person waits."""
        if service not in self._clients:
            config = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2, "mode": "standard"})
            self._clients[service] = self._made().client(service, config=config)  # type: ignore[call-overload]
        return self._clients[service]

    def ask(self, service: str, call: Callable[[Any], Any], action: str, read: Callable[[Any], T]) -> Told[T]:
        """What ``read`` makes of a call's answer. ``action`` is the permission it takes. Raises nothing of AWS."""
        try:
            answer = call(self.client(service))
        except ClientError as error:
            self._note(error.response)
            return _refused(error, action)
        except (NoCredentialsError, PartialCredentialsError, ProfileNotFound, TokenRetrievalError):
            return Told(None, "There are no credentials for AWS", CREDENTIALS, for_all=True)
        except NoRegionError:
            return Told(None, "No region of AWS is set", "Set AWS_REGION, such as eu-central-1.", for_all=True)
        except (ConnectionError, HTTPClientError):
            return Told(None, f"{service} of AWS can't be reached", "Look at the network, then run it again.",
                        for_all=True)  # fmt: skip
        except (BotoCoreError, ValueError) as error:
            return Told(None, f"{service} of AWS could not be asked: {error}"[:200], "Look at region and credentials.")
        self._note(answer)
        return Told(read(answer))

    def close(self) -> None:
        """Give connections back."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _made(self) -> boto3.session.Session:
        if self._session is None:
            self._session = boto3.session.Session()
        return self._session

    def _note(self, answer: Any) -> None:
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}) if isinstance(answer, dict) else {}
        try:
            theirs = parsedate_to_datetime(headers["date"])
            self.skew = (theirs - self._clock()).total_seconds()
        except (KeyError, TypeError, ValueError):
            return


def _refused(error: ClientError, action: str) -> Told[Any]:
    code = code_of(error)
    if code in _NOWHERE or code.endswith("NotFoundException"):
        return Told(None)
    if code in _REFUSED:
        return Told(None, f"The permission {action} is missing", f"Allow {action} to whoever runs the doctor.")
    if code in _STRANGERS:
        return Told(None, f"AWS does not take these credentials ({code})", CREDENTIALS, for_all=True)
    return Told(
        None, f"AWS answered {code}: {said_by(error)[:120]}", "Run it again; if it stays, look at AWS's status."
    )


__all__ = ["Looking", "Told"]
