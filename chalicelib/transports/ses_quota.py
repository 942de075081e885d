"""What an account of Amazon SES may send, by GetAccount (API v2)."""

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import ConfigurationError, TransportUnavailableError
from chalicelib.transports.quota import Quota
from chalicelib.transports.ses_errors import Meaning, meaning_of

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sesv2.type_defs import GetAccountResponseTypeDef

UNLIMITED = -1
"""Max24HourSend of an account without a daily limit."""
_PAUSED = (
    "SES has paused sending for this account: look for AWS's mail and at the reputation dashboard, "
    "and have it enabled again"
)
_SHUTDOWN = "SES has shut sending down for this account for its bounces or complaints: appeal in the AWS support center"
_PROBATION = "SES has put this account under review: mails go out, but its bounces or complaints must come down"
_SANDBOX = "the SES account is in the sandbox: only verified addresses get mail; ask AWS for production access"


class SesQuota:
    """See ``QuotaSource``. The client is its maker's to close."""

    def __init__(self, client: "SESV2Client") -> None:
        self._client = client

    def read(self) -> Quota:
        """See ``QuotaSource``. GetAccount takes one call a second of an account (AWS's limit)."""
        try:
            return _quota(self._client.get_account())
        except (BotoCoreError, ClientError) as error:
            if meaning_of(error, "") is Meaning.CONFIGURATION:
                raise ConfigurationError(
                    f"SES does not say its quota: {error}", "Check the credentials, and allow ses:GetAccount."
                ) from error
            raise TransportUnavailableError(
                f"SES does not say its quota: {error}", "Nothing was handed over; it is tried again later."
            ) from error


def _quota(answer: "GetAccountResponseTypeDef") -> Quota:
    quota, status = answer.get("SendQuota", {}), answer.get("EnforcementStatus", "")
    most, rate = int(quota.get("Max24HourSend", UNLIMITED)), quota.get("MaxSendRate")
    stopped = _SHUTDOWN if status == "SHUTDOWN" else "" if answer.get("SendingEnabled", True) else _PAUSED
    warning = _PROBATION if status == "PROBATION" else "" if answer.get("ProductionAccessEnabled", True) else _SANDBOX
    return Quota(
        per_second=float(rate) if rate is not None and rate >= 0 else None,
        per_day=None if most == UNLIMITED else most,
        sent=int(quota.get("SentLast24Hours", 0)),
        stopped=stopped,
        warning=warning,
    )


__all__ = ["SesQuota"]
