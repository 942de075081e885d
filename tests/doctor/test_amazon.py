"""What SES says of an account, asked over HTTP and judged."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from chalicelib.cloud.account import (
    Subscription,
    read_account,
    read_configuration_set,
    read_destinations,
    read_identity,
)
from chalicelib.cloud.looking import Looking
from chalicelib.doctor.amazon import (
    check_account,
    check_configuration_set,
    check_destinations,
    check_identity,
    check_wiring,
)
from chalicelib.doctor.findings import Finding
from chalicelib.doctor.stage import check_clock
from tests.doctor.amazon_house import ACCOUNT, IDENTITY, KINDS, SET, FakeAccount, destinations, serving_account
from tests.doctor.house import grave, one

TOPIC, QUEUE = "arn:aws:sns:eu-central-1:123456789012:events", "arn:aws:sqs:eu-central-1:123456789012:events"


@pytest.fixture
def ses() -> Iterator[FakeAccount]:
    with serving_account() as account:
        yield account


@pytest.fixture
def aws(ses: FakeAccount) -> Iterator[Looking]:
    looking = Looking()
    yield looking
    looking.close()


def of_account(ses: FakeAccount, aws: Looking, **changes: Any) -> list[Finding]:
    ses.says["/account"] = ACCOUNT | changes
    told = read_account(aws)
    assert told.value is not None
    return list(check_account(told.value))


def test_a_good_account_is_well(ses: FakeAccount, aws: Looking) -> None:
    assert grave(of_account(ses, aws)) == []


@pytest.mark.parametrize(
    ("changes", "severity", "words", "do"),
    [
        ({"ProductionAccessEnabled": False}, "error", "sandbox", "put-account-details"),
        ({"SendingEnabled": False}, "error", "paused", "dashboard"),
        ({"EnforcementStatus": "SHUTDOWN", "SendingEnabled": False}, "error", "shut sending down", "Appeal"),
        ({"EnforcementStatus": "PROBATION"}, "warn", "under review", "status"),
        ({"PricingAttributes": {"CurrentPlan": "ESSENTIALS"}}, "warn", "You pay $0.16", "--plan NONE"),
        (
            {"PricingAttributes": {"CurrentPlan": "PRO"}},
            "warn",
            "dearer plan (PRO); à la carte is $0.10",
            "--plan NONE",
        ),
        ({"PricingAttributes": {"CurrentPlan": "ESSENTIALS", "NextPlan": "NONE"}}, "note", "until the month ends", ""),
        ({"PricingAttributes": {"CurrentPlan": "ESSENTIALS", "NextPlan": "PRO"}}, "warn", "You pay", "--plan NONE"),
        ({"SuppressionAttributes": {"SuppressedReasons": ["BOUNCE"]}}, "warn", "complaints", "BOUNCE COMPLAINT"),
        ({"SuppressionAttributes": {}}, "warn", "bounces and complaints", "BOUNCE COMPLAINT"),
        ({"SendQuota": {"Max24HourSend": 200.0, "MaxSendRate": 1.0, "SentLast24Hours": 160.0}}, "warn", "quota", "Ask"),
    ],
)
def test_what_is_wrong_with_an_account_is_named(
    ses: FakeAccount, aws: Looking, changes: dict[str, Any], severity: str, words: str, do: str
) -> None:
    found = one(of_account(ses, aws, **changes))
    assert (found.severity, words in found.what, do in found.do) == (severity, True, True), found


def test_an_account_without_a_limit_or_a_price_is_well(ses: FakeAccount, aws: Looking) -> None:
    quota = {"Max24HourSend": -1.0, "MaxSendRate": 80.0, "SentLast24Hours": 9.0}
    assert grave(of_account(ses, aws, SendQuota=quota, PricingAttributes={})) == []


def test_a_request_for_production_that_was_denied_is_told(ses: FakeAccount, aws: Looking) -> None:
    details = {"ReviewDetails": {"Status": "DENIED"}}
    assert "DENIED" in one(of_account(ses, aws, ProductionAccessEnabled=False, Details=details)).do


def of_identity(ses: FakeAccount, aws: Looking, **changes: Any) -> list[Finding]:
    ses.says["/identities/havel.net"] = IDENTITY | changes
    return list(check_identity(read_identity(aws, "havel.net").value, "havel.net"))


def test_a_good_identity_is_well(ses: FakeAccount, aws: Looking) -> None:
    assert grave(of_identity(ses, aws)) == []


@pytest.mark.parametrize(
    ("changes", "severity", "words"),
    [
        ({"VerifiedForSendingStatus": False}, "error", "not verified"),
        ({"DkimAttributes": IDENTITY["DkimAttributes"] | {"Status": "PENDING"}}, "error", "does not sign"),
        ({"DkimAttributes": IDENTITY["DkimAttributes"] | {"SigningEnabled": False}}, "error", "does not sign"),
        ({"MailFromAttributes": {}}, "warn", "no MAIL FROM"),
        (
            {"MailFromAttributes": IDENTITY["MailFromAttributes"] | {"MailFromDomainStatus": "FAILED"}},
            "error",
            "FAILED",
        ),
    ],
)
def test_what_is_wrong_with_an_identity_is_named(
    ses: FakeAccount, aws: Looking, changes: dict[str, Any], severity: str, words: str
) -> None:
    found = one(of_identity(ses, aws, **changes))
    assert (found.severity, words in found.what) == (severity, True), found
    assert found.do


def test_an_identity_that_is_not_there_is_made(aws: Looking) -> None:
    told = read_identity(aws, "elsewhere.net")
    assert (told.value, told.why) == (None, "")
    assert "create-email-identity --email-identity elsewhere.net" in one(check_identity(told.value, "elsewhere.net")).do


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"SendingOptions": {"SendingEnabled": False}}, "is paused"),
        ({"SuppressionOptions": {"SuppressedReasons": []}}, "passes over"),
        ({"DeliveryOptions": {"TlsPolicy": "REQUIRE"}}, "insists on TLS"),
        ({"TrackingOptions": {"CustomRedirectDomain": "click.havel.net"}}, "click.havel.net"),
    ],
)
def test_a_configuration_set_is_judged(ses: FakeAccount, aws: Looking, changes: dict[str, Any], words: str) -> None:
    ses.says["/configuration-sets/sendbrief"] = SET | changes
    found = grave(check_configuration_set(read_configuration_set(aws, "sendbrief").value, "sendbrief"))
    assert [words in what for _, what in found] == ([True] if words else [])


def test_a_configuration_set_that_is_not_there_is_an_error(aws: Looking) -> None:
    assert one(check_configuration_set(read_configuration_set(aws, "none").value, "none")).severity == "error"


@pytest.mark.parametrize(
    ("said", "ours", "severity", "words"),
    [
        (destinations(TOPIC), TOPIC, "", ""),
        (destinations(TOPIC), "", "", ""),
        (destinations(TOPIC), TOPIC + "-other", "error", "missing"),
        (destinations(TOPIC, enabled=False), TOPIC, "error", "off"),
        ({"EventDestinations": []}, "", "error", "missing"),
        (destinations(TOPIC, ["SEND", "DELIVERY", "BOUNCE"]), TOPIC, "error", "complaint, reject, rendering failure"),
        (destinations(TOPIC, KINDS[2:]), TOPIC, "note", "delivery, send"),
        (destinations(TOPIC, [*KINDS, "OPEN", "CLICK"]), TOPIC, "warn", "click, open"),
    ],
)
def test_where_events_go_is_judged(
    ses: FakeAccount, aws: Looking, said: dict[str, Any], ours: str, severity: str, words: str
) -> None:
    ses.says["/configuration-sets/sendbrief/event-destinations"] = said
    found = grave(check_destinations(read_destinations(aws, "sendbrief").value or (), "sendbrief", ours))
    assert [(kind, words in what) for kind, what in found] == ([(severity, True)] if severity else [])


@pytest.mark.parametrize(
    ("subscriptions", "severity"),
    [
        ([Subscription("sqs", QUEUE, True)], "ok"),
        ([Subscription("sqs", QUEUE, False)], "error"),
        ([Subscription("sqs", QUEUE + "2", True)], "error"),
        ([Subscription("email", QUEUE, True)], "error"),
        ([], "error"),
    ],
)
def test_events_must_come_into_the_queue(subscriptions: list[Subscription], severity: str) -> None:
    assert check_wiring(subscriptions, TOPIC, QUEUE).severity == severity


def test_a_refusal_names_the_permission_and_stops_nothing_else(ses: FakeAccount, aws: Looking) -> None:
    ses.says["/account"] = 403
    told = read_account(aws)
    assert "ses:GetAccount" in told.why
    assert "ses:GetAccount" in told.do
    assert not told.for_all
    assert read_identity(aws, "havel.net").value is not None


def test_wrong_credentials_are_so_for_all(ses: FakeAccount, aws: Looking) -> None:
    ses.says["/account"] = 400
    assert read_account(aws).for_all


def test_an_aws_that_fails_is_told(ses: FakeAccount, aws: Looking) -> None:
    ses.says["/account"] = 500
    told = read_account(aws)
    assert (told.value, told.for_all, "Internal" in told.why) == (None, False, True)


def test_without_credentials_region_or_network_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    region = read_account(Looking())
    assert (region.for_all, "region" in region.why) == (True, True)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    strangers = read_account(Looking())
    assert (strangers.for_all, "credentials" in strangers.why) == (True, True)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", "http://127.0.0.1:9")
    lonely = read_account(Looking())
    assert (lonely.for_all, "can't be reached" in lonely.why) == (True, True)


@pytest.mark.parametrize(("seconds", "severity"), [(0, "ok"), (-25, "ok"), (40, "warn"), (-40, "warn"), (400, "error")])
def test_the_clock_is_compared_with_that_of_aws(ses: FakeAccount, aws: Looking, seconds: int, severity: str) -> None:
    ses.date = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    assert check_clock(aws.skew).severity == "skipped"
    read_account(aws)
    assert check_clock(aws.skew).severity == severity


def test_a_refusal_tells_the_time_as_well(ses: FakeAccount, aws: Looking) -> None:
    ses.says["/account"], ses.date = 403, format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    read_account(aws)
    assert check_clock(aws.skew).severity == "error"
