"""What an error of SES means for one mail: which of our four fates, and whether the rest may go on."""

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


class Meaning(Enum):
    """``CONFIGURATION`` and ``UNREACHABLE`` are certain not to have handed the mail over."""

    FAILED = "failed"
    DEFERRED = "deferred"
    IN_DOUBT = "in doubt"
    CONFIGURATION = "configuration"
    UNREACHABLE = "unreachable"


_LATER = frozenset(
    {
        "LimitExceededException",
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)
_NEVER = frozenset({"BadRequestException", "MessageRejected", "RequestEntityTooLarge", "ValidationException"})
_OURS_TO_MEND = frozenset(
    {
        "AccountSendingPausedException",
        "AccountSuspendedException",
        "MailFromDomainNotVerifiedException",
        "NotFoundException",
        "SendingPausedException",
    }
)
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
_BEFORE_THE_REQUEST = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)


def meaning_of(error: BotoCoreError | ClientError, sender: str) -> Meaning:
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


def _meaning_of_answer(error: ClientError, sender: str) -> Meaning:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    if code in _LATER or status == 429:
        return Meaning.DEFERRED
    if code in _OURS_TO_MEND or _sender_not_verified(error, sender):
        return Meaning.CONFIGURATION
    if code in _NEVER:
        return Meaning.FAILED
    if status in _NOT_ALLOWED:
        return Meaning.CONFIGURATION
    # Any other 4xx is a certain refusal of unknown kind; a 5xx may come after the mail was taken.
    return Meaning.DEFERRED if 400 <= status < 500 else Meaning.IN_DOUBT


def _sender_not_verified(error: ClientError, sender: str) -> bool:
    """SES says MessageRejected both for a sender nobody verified and for a sandbox's recipient."""
    said = str(error).lower()
    domain = sender.lower().partition("@")[2]
    return "not verified" in said and bool(domain) and (sender.lower() in said or said.endswith(f": {domain}"))


__all__ = ["Meaning", "meaning_of"]
