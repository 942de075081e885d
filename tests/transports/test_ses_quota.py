"""What SES says of an account is read; where it says nothing, that is an error to act on or to wait out."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from chalicelib.errors import ConfigurationError, TransportUnavailableError
from chalicelib.transports.quota import Quota
from chalicelib.transports.ses import make_client
from chalicelib.transports.ses_quota import SesQuota
from tests.transports.ses_house import ses_environment

ACCOUNT: dict[str, Any] = {
    "SendQuota": {"Max24HourSend": 50_000.0, "MaxSendRate": 14.0, "SentLast24Hours": 123.0},
    "SendingEnabled": True,
    "EnforcementStatus": "HEALTHY",
    "ProductionAccessEnabled": True,
}
HEALTHY = Quota(14.0, 50_000, 123)


@pytest.fixture
def account() -> Iterator[Stubber]:
    with ses_environment("http://127.0.0.1:9"), Stubber(make_client()) as stub:
        yield stub


def read(account: Stubber, answer: dict[str, Any]) -> Quota:
    account.add_response("get_account", answer, {})
    return SesQuota(account.client).read()


def test_the_quota_is_read(account: Stubber) -> None:
    assert read(account, ACCOUNT) == HEALTHY


def test_an_account_without_a_daily_limit_has_none(account: Stubber) -> None:
    quota = {"Max24HourSend": -1.0, "MaxSendRate": 500.0, "SentLast24Hours": 9.0}
    assert read(account, ACCOUNT | {"SendQuota": quota}) == Quota(500.0, None, 9)


def test_an_answer_that_lacks_something_limits_nothing(account: Stubber) -> None:
    assert read(account, {}) == Quota()


@pytest.mark.parametrize(
    ("change", "stopped", "warning"),
    [
        ({"SendingEnabled": False}, "has paused sending", ""),
        ({"EnforcementStatus": "SHUTDOWN", "SendingEnabled": False}, "has shut sending down", ""),
        ({"EnforcementStatus": "SHUTDOWN"}, "has shut sending down", ""),
        ({"EnforcementStatus": "PROBATION"}, "", "under review"),
        ({"ProductionAccessEnabled": False}, "", "in the sandbox"),
        ({"EnforcementStatus": "SOMETHING NEW"}, "", ""),
    ],
)
def test_an_account_in_trouble_says_so(account: Stubber, change: dict[str, Any], stopped: str, warning: str) -> None:
    quota = read(account, ACCOUNT | change)
    assert (quota.per_second, bool(quota.stopped), bool(quota.warning)) == (14.0, bool(stopped), bool(warning))
    assert stopped in quota.stopped
    assert warning in quota.warning


@pytest.mark.parametrize(
    ("code", "status", "error", "words"),
    [
        ("AccessDeniedException", 403, ConfigurationError, "allow ses:GetAccount"),
        ("InvalidClientTokenId", 403, ConfigurationError, "Check the credentials"),
        ("TooManyRequestsException", 429, TransportUnavailableError, "tried again later"),
        ("InternalFailure", 500, TransportUnavailableError, "tried again later"),
    ],
)
def test_no_answer_is_a_setting_to_mend_or_a_moment_to_wait(
    account: Stubber, code: str, status: int, error: type[Exception], words: str
) -> None:
    account.add_client_error("get_account", code, "said so", status)
    with pytest.raises(error, match=r"SES does not say its quota: .*said so") as raised:
        SesQuota(account.client).read()
    assert words in str(raised.value)


def test_a_service_that_is_not_there_is_waited_for() -> None:
    class Nobody:
        def get_account(self) -> object:
            raise EndpointConnectionError(endpoint_url="https://ses.invalid")

    with pytest.raises(TransportUnavailableError, match="Could not connect"):
        SesQuota(Nobody()).read()  # type: ignore[arg-type]
