"""Errors of SES: each that its service model knows has a meaning, and nothing that may have been sent is repeated."""

import botocore.session
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
    SSLError,
)
from botocore.parsers import ResponseParserError
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.transports.ses_errors import (
    CODES,
    OF_THE_FORM,
    STATUSES,
    Meaning,
    meaning_of,
    meaning_of_status,
)

SENDER = "news@example.org"
MODEL = botocore.session.get_session().get_service_model("sesv2")
FAILED, DEFERRED, QUOTA, IN_DOUBT = Meaning.FAILED, Meaning.DEFERRED, Meaning.QUOTA, Meaning.IN_DOUBT
STOPPED, CONFIGURATION, UNREACHABLE = Meaning.STOPPED, Meaning.CONFIGURATION, Meaning.UNREACHABLE

MODELLED = {
    "AccountSuspendedException": (400, STOPPED),
    "AlreadyExistsException": (400, DEFERRED),
    "BadRequestException": (400, FAILED),
    "ConcurrentModificationException": (500, IN_DOUBT),
    "ConflictException": (409, DEFERRED),
    "InternalServiceErrorException": (500, IN_DOUBT),
    "InvalidNextTokenException": (400, DEFERRED),
    "LimitExceededException": (400, DEFERRED),
    "MailFromDomainNotVerifiedException": (400, CONFIGURATION),
    "MessageRejected": (400, FAILED),
    "NotFoundException": (404, CONFIGURATION),
    "SendingPausedException": (400, STOPPED),
    "TooManyRequestsException": (429, DEFERRED),
}
OF_AN_ENTRY = {
    "SUCCESS": None,
    "MESSAGE_REJECTED": FAILED,
    "MAIL_FROM_DOMAIN_NOT_VERIFIED": CONFIGURATION,
    "CONFIGURATION_SET_NOT_FOUND": CONFIGURATION,
    "TEMPLATE_NOT_FOUND": FAILED,
    "ACCOUNT_SUSPENDED": STOPPED,
    "ACCOUNT_THROTTLED": DEFERRED,
    "ACCOUNT_DAILY_QUOTA_EXCEEDED": QUOTA,
    "INVALID_SENDING_POOL_NAME": CONFIGURATION,
    "ACCOUNT_SENDING_PAUSED": STOPPED,
    "CONFIGURATION_SET_SENDING_PAUSED": STOPPED,
    "INVALID_PARAMETER": FAILED,
    "TRANSIENT_FAILURE": DEFERRED,
    "FAILED": FAILED,
}


def answer(code: str, status: int, message: str = "said so") -> ClientError:
    said = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(said, "SendEmail")  # type: ignore[arg-type]


def test_every_error_of_the_service_model_is_in_the_table() -> None:
    assert {shape.error_code for shape in MODEL.error_shapes} == set(MODELLED)
    assert set(MODELLED) <= set(CODES)


def test_every_status_of_the_service_model_is_in_the_table() -> None:
    statuses = MODEL.shape_for("BulkEmailStatus").enum  # type: ignore[attr-defined]
    assert set(statuses) == set(OF_AN_ENTRY)
    assert set(statuses) <= set(STATUSES)


@pytest.mark.parametrize(("code", "status", "meaning"), [(code, *known) for code, known in MODELLED.items()])
def test_what_an_error_means(code: str, status: int, meaning: Meaning) -> None:
    [shape] = [shape for shape in MODEL.error_shapes if shape.error_code == code]
    assert shape.metadata["error"]["httpStatusCode"] == status
    assert meaning_of(answer(code, status), SENDER) is meaning


@pytest.mark.parametrize(("status", "meaning"), OF_AN_ENTRY.items())
def test_what_a_status_means(status: str, meaning: Meaning | None) -> None:
    assert meaning_of_status(status, "said so", SENDER) is meaning


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        ("INVALID_PARAMETER_VALUE", FAILED),
        ("CONFIGURATION_SET_DOES_NOT_EXIST", CONFIGURATION),
        ("TEMPLATE_DOES_NOT_EXIST", FAILED),
        ("SOMETHING_NEW", IN_DOUBT),
        ("", IN_DOUBT),
        ("success", IN_DOUBT),
    ],
)
def test_statuses_by_the_references_names_and_unknown_ones(status: str, meaning: Meaning) -> None:
    assert meaning_of_status(status, "", SENDER) is meaning


def test_an_entry_refused_for_its_sender_is_for_a_person_to_mend() -> None:
    said = f"Email address is not verified. The following identities failed the check: {SENDER}"
    assert meaning_of_status("MESSAGE_REJECTED", said, SENDER) is CONFIGURATION
    assert meaning_of_status("MESSAGE_REJECTED", said.replace(SENDER, "reader@example.com"), SENDER) is FAILED


@pytest.mark.parametrize(
    ("failed", "meaning"),
    [
        (SENDER, CONFIGURATION),
        (f"reader@example.com, {SENDER.upper()}.", CONFIGURATION),
        (f'"News" <{SENDER}>, reader@example.com', CONFIGURATION),
        ("example.org, reader@example.com", CONFIGURATION),
        (f"good{SENDER}", FAILED),
        ("reader@example.org", FAILED),
        (f"{SENDER}.uk", FAILED),
    ],
)
def test_a_recipient_that_a_sandbox_refuses_is_not_taken_for_the_sender(failed: str, meaning: Meaning) -> None:
    said = f"Email address is not verified. The following identities failed the check in region EU-WEST-1: {failed}"
    assert meaning_of(answer("MessageRejected", 400, said), SENDER) is meaning


def test_only_refusals_of_the_form_are_tried_again_as_raw_messages() -> None:
    assert all(STATUSES[status] is FAILED for status in OF_THE_FORM)
    assert not OF_THE_FORM & {"FAILED", "MESSAGE_REJECTED", "SUCCESS"}


@pytest.mark.parametrize("code", ["ThrottlingException", "LimitExceededException", "TooManyRequestsException", "Odd"])
@pytest.mark.parametrize(
    ("message", "meaning"),
    [
        ("Daily message quota exceeded", QUOTA),
        ("Daily sending quota exceeded.", QUOTA),
        ("Maximum sending rate exceeded", DEFERRED),
        ("Rate exceeded", DEFERRED),
    ],
)
def test_a_days_quota_and_a_seconds_rate(code: str, message: str, meaning: Meaning) -> None:
    assert meaning_of(answer(code, 429, message), SENDER) is meaning


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (EndpointConnectionError(endpoint_url="x"), UNREACHABLE),
        (ConnectTimeoutError(endpoint_url="x"), UNREACHABLE),
        (ReadTimeoutError(endpoint_url="x"), IN_DOUBT),
        (ConnectionClosedError(endpoint_url="x"), IN_DOUBT),
        (ResponseParserError("not JSON"), IN_DOUBT),
        (TypeError("'NoneType' object is not iterable"), IN_DOUBT),
        (NoCredentialsError(), CONFIGURATION),
        (ParamValidationError(report="x"), FAILED),
        (SSLError(endpoint_url="x", error="CERTIFICATE_VERIFY_FAILED"), CONFIGURATION),
        (SSLError(endpoint_url="x", error="EOF occurred"), IN_DOUBT),
    ],
)
def test_what_no_answer_means(error: Exception, meaning: Meaning) -> None:
    assert meaning_of(error, SENDER) is meaning


@settings(max_examples=40)
@given(st.text(max_size=40), st.integers(200, 599), st.text(max_size=60))
def test_an_unknown_error_is_a_refusal_only_by_a_status_that_says_so(code: str, status: int, message: str) -> None:
    meaning = meaning_of(answer(f"X{code}", status, message), SENDER)
    if not 400 <= status < 500:
        assert meaning is IN_DOUBT
    else:
        assert meaning in (DEFERRED, QUOTA, CONFIGURATION)
