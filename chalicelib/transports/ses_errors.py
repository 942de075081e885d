"""What an error of SES means for one mail: which of our four fates, and whether the rest may go on."""

import re
from collections.abc import Mapping
from enum import Enum

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProxyConnectionError,
    SSLError,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError


class Meaning(Enum):
    """All but ``FAILED`` and ``IN_DOUBT`` are certain not to have handed the mail over, and it may go out later."""

    FAILED = "failed"
    DEFERRED = "deferred"
    QUOTA = "quota"
    """Of the day: nothing more is taken before tomorrow."""
    IN_DOUBT = "in doubt"
    STOPPED = "stopped"
    """SES takes nothing from this account or configuration set until a person acts."""
    CONFIGURATION = "configuration"
    UNREACHABLE = "unreachable"


CODES: Mapping[str, Meaning] = {
    "AccountSendingPausedException": Meaning.STOPPED,
    "AccountSuspendedException": Meaning.STOPPED,
    "AlreadyExistsException": Meaning.DEFERRED,
    "BadRequestException": Meaning.FAILED,
    "ConcurrentModificationException": Meaning.IN_DOUBT,  # a 500: it says nothing of the mail
    "ConfigurationSetSendingPausedException": Meaning.STOPPED,
    "ConflictException": Meaning.DEFERRED,
    "InternalServiceErrorException": Meaning.IN_DOUBT,
    "InvalidNextTokenException": Meaning.DEFERRED,
    "LimitExceededException": Meaning.DEFERRED,
    "MailFromDomainNotVerifiedException": Meaning.CONFIGURATION,
    "MessageRejected": Meaning.FAILED,
    "NotFoundException": Meaning.CONFIGURATION,
    "RequestEntityTooLarge": Meaning.FAILED,
    "RequestLimitExceeded": Meaning.DEFERRED,
    "SendingPausedException": Meaning.STOPPED,
    "ThrottledException": Meaning.DEFERRED,
    "Throttling": Meaning.DEFERRED,
    "ThrottlingException": Meaning.DEFERRED,
    "TooManyRequestsException": Meaning.DEFERRED,
    "ValidationException": Meaning.FAILED,
}
"""All codes of SES's service model (API v2), and those that AWS answers before SES is asked."""

STATUSES: Mapping[str, Meaning | None] = {
    "ACCOUNT_DAILY_QUOTA_EXCEEDED": Meaning.QUOTA,
    "ACCOUNT_SENDING_PAUSED": Meaning.STOPPED,
    "ACCOUNT_SUSPENDED": Meaning.STOPPED,
    "ACCOUNT_THROTTLED": Meaning.DEFERRED,
    "CONFIGURATION_SET_DOES_NOT_EXIST": Meaning.CONFIGURATION,
    "CONFIGURATION_SET_NOT_FOUND": Meaning.CONFIGURATION,
    "CONFIGURATION_SET_SENDING_PAUSED": Meaning.STOPPED,
    "FAILED": Meaning.FAILED,
    "INVALID_PARAMETER": Meaning.FAILED,
    "INVALID_PARAMETER_VALUE": Meaning.FAILED,
    "INVALID_SENDING_POOL_NAME": Meaning.CONFIGURATION,
    "MAIL_FROM_DOMAIN_NOT_VERIFIED": Meaning.CONFIGURATION,
    "MESSAGE_REJECTED": Meaning.FAILED,
    "SUCCESS": None,
    "TEMPLATE_DOES_NOT_EXIST": Meaning.FAILED,
    "TEMPLATE_NOT_FOUND": Meaning.FAILED,
    "TRANSIENT_FAILURE": Meaning.DEFERRED,
}
"""What SendBulkEmail says of one entry, by the service model and by the reference, which differ; None: it was taken."""

OF_THE_FORM = frozenset(
    {"INVALID_PARAMETER", "INVALID_PARAMETER_VALUE", "TEMPLATE_DOES_NOT_EXIST", "TEMPLATE_NOT_FOUND"}
)
"""Refusals that may be of the template alone: the same mail as a raw message may be taken."""

# AWS answers all troubles with identity and permission by 401 or 403, under a dozen names.
_NOT_ALLOWED = frozenset({401, 403})
_NO_WAY_TO_SIGN = (
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)
_BETWEEN_WORDS = re.compile(r"[\s,;:<>()\"']+|\.(?=\s|$)")
_BEFORE_THE_REQUEST = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)

SES_ERRORS = (
    BotoCoreError,
    ClientError,
    ResponseParserError,
    AttributeError,
    KeyError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What a call of SES raises. From the third on: an answer 200 is something else (of a proxy, or cut off), and botocore
says so in whatever way it stumbles."""


def meaning_of(error: Exception, sender: str) -> Meaning:
    """Certain refusals by name; everything that may have reached SES without an answer is in doubt."""
    match error:
        case ClientError():
            return _meaning_of_answer(error, sender)
        case ParamValidationError():
            return Meaning.FAILED
        case SSLError() if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return Meaning.CONFIGURATION
    if isinstance(error, _NO_WAY_TO_SIGN):
        return Meaning.CONFIGURATION
    return Meaning.UNREACHABLE if isinstance(error, _BEFORE_THE_REQUEST) else Meaning.IN_DOUBT


def meaning_of_status(status: str, said: str, sender: str) -> Meaning | None:
    """What one entry's status means; None where the mail was taken. An unknown one leaves it in doubt."""
    if status not in STATUSES:
        return Meaning.IN_DOUBT
    if status == "MESSAGE_REJECTED" and _sender_not_verified(said, sender):
        return Meaning.CONFIGURATION
    return STATUSES[status]


def _meaning_of_answer(error: ClientError, sender: str) -> Meaning:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    known = CODES.get(code)
    if known is Meaning.DEFERRED or status == 429:
        return Meaning.QUOTA if _of_the_day(str(error)) else Meaning.DEFERRED
    if _sender_not_verified(str(error), sender):
        return Meaning.CONFIGURATION
    if known is not None:
        return known
    if status in _NOT_ALLOWED:
        return Meaning.CONFIGURATION
    # Any other 4xx is a certain refusal of unknown kind; a 5xx may come after the mail was taken.
    return Meaning.DEFERRED if 400 <= status < 500 else Meaning.IN_DOUBT


def _of_the_day(said: str) -> bool:
    """SES throttles under one name for a second and for a day: "Daily message quota exceeded" is the latter."""
    lower = said.lower()
    return "daily" in lower and "quota" in lower


def _sender_not_verified(said: str, sender: str) -> bool:
    """SES says MessageRejected both for a sender nobody verified and for a sandbox's recipient."""
    words = set(_BETWEEN_WORDS.split(said.lower()))
    domain = sender.lower().partition("@")[2]
    return "not verified" in said.lower() and bool(domain) and not words.isdisjoint({sender.lower(), domain})


__all__ = [
    "CODES",
    "OF_THE_FORM",
    "SES_ERRORS",
    "STATUSES",
    "Meaning",
    "meaning_of",
    "meaning_of_status",
]
