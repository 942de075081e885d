"""How an account of Amazon SES, its sender's domain, and what is told of mails are set up, read by the operator."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.cloud.looking import Looking, Told


@dataclass(frozen=True, slots=True)
class Account:
    """GetAccount. ``plan`` is as SES names it (NONE is à la carte), '' where it does not say."""

    production: bool
    sending: bool
    enforcement: str
    per_day: float
    per_second: float
    sent: float
    plan: str = ""
    next_plan: str = ""
    suppressed: frozenset[str] = frozenset()
    """BOUNCE, COMPLAINT: whom SES itself writes to no more."""
    review: str = ""
    """How a request for production access stands: PENDING, FAILED, GRANTED, DENIED, or ''."""


@dataclass(frozen=True, slots=True)
class Identity:
    """GetEmailIdentity. ``dkim`` and ``mail_from_status`` are as SES names them."""

    verified: bool
    dkim: str
    dkim_signs: bool
    tokens: tuple[str, ...]
    own_keys: bool
    """The key is one's own (BYODKIM): tokens name selectors of TXT records."""
    hosted: str
    mail_from: str = ""
    mail_from_status: str = ""
    rejects: bool = False
    """Without the MX of MAIL FROM nothing goes out, in place of falling back to SES's own domain."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a configuration set publishes events to."""

    name: str
    enabled: bool
    kinds: frozenset[str]
    topic: str = ""


@dataclass(frozen=True, slots=True)
class ConfigurationSet:
    """GetConfigurationSet."""

    sending: bool
    tls_required: bool
    suppressed: frozenset[str] | None
    """None: as the account says."""
    tracking_domain: str = ""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Of a topic. ``confirmed`` is False while the owner has not agreed."""

    protocol: str
    endpoint: str
    confirmed: bool


def read_account(aws: Looking) -> Told[Account]:
    """What the account may send."""
    return aws.ask("sesv2", lambda ses: ses.get_account(), "ses:GetAccount", _account)


def _account(answer: Mapping[str, Any]) -> Account:
    quota, plan = answer.get("SendQuota", {}), answer.get("PricingAttributes", {})
    return Account(
        production=bool(answer.get("ProductionAccessEnabled")),
        sending=bool(answer.get("SendingEnabled", True)),
        enforcement=str(answer.get("EnforcementStatus", "")),
        per_day=float(quota.get("Max24HourSend", 0)),
        per_second=float(quota.get("MaxSendRate", 0)),
        sent=float(quota.get("SentLast24Hours", 0)),
        plan=str(plan.get("CurrentPlan", "")),
        next_plan=str(plan.get("NextPlan", "")),
        suppressed=frozenset(answer.get("SuppressionAttributes", {}).get("SuppressedReasons", ())),
        review=str(answer.get("Details", {}).get("ReviewDetails", {}).get("Status", "")),
    )


def read_identity(aws: Looking, name: str) -> Told[Identity]:
    """A domain or an address that SES may send for."""
    return aws.ask("sesv2", lambda ses: ses.get_email_identity(EmailIdentity=name), "ses:GetEmailIdentity", _identity)


def _identity(answer: Mapping[str, Any]) -> Identity:
    dkim, back = answer.get("DkimAttributes", {}), answer.get("MailFromAttributes", {})
    return Identity(
        verified=bool(answer.get("VerifiedForSendingStatus")),
        dkim=str(dkim.get("Status", "")),
        dkim_signs=bool(dkim.get("SigningEnabled")),
        tokens=tuple(dkim.get("Tokens", ())),
        own_keys=dkim.get("SigningAttributesOrigin") == "EXTERNAL",
        hosted=str(dkim.get("SigningHostedZone", "")),
        mail_from=str(back.get("MailFromDomain", "")),
        mail_from_status=str(back.get("MailFromDomainStatus", "")),
        rejects=back.get("BehaviorOnMxFailure") == "REJECT_MESSAGE",
    )


def read_configuration_set(aws: Looking, name: str) -> Told[ConfigurationSet]:
    """How mails of a configuration set are treated."""
    return aws.ask("sesv2", lambda ses: ses.get_configuration_set(ConfigurationSetName=name),
                   "ses:GetConfigurationSet", _configuration_set)  # fmt: skip


def _configuration_set(answer: Mapping[str, Any]) -> ConfigurationSet:
    stops = answer.get("SuppressionOptions", {}).get("SuppressedReasons")
    return ConfigurationSet(
        sending=bool(answer.get("SendingOptions", {}).get("SendingEnabled", True)),
        tls_required=answer.get("DeliveryOptions", {}).get("TlsPolicy") == "REQUIRE",
        suppressed=None if stops is None else frozenset(stops),
        tracking_domain=str(answer.get("TrackingOptions", {}).get("CustomRedirectDomain", "")),
    )


def read_destinations(aws: Looking, name: str) -> Told[tuple[Destination, ...]]:
    """Where events of a configuration set go."""
    return aws.ask("sesv2", lambda ses: ses.get_configuration_set_event_destinations(ConfigurationSetName=name),
                   "ses:GetConfigurationSetEventDestinations", _destinations)  # fmt: skip


def _destinations(answer: Mapping[str, Any]) -> tuple[Destination, ...]:
    return tuple(
        Destination(
            name=str(one.get("Name", "")),
            enabled=bool(one.get("Enabled")),
            kinds=frozenset(one.get("MatchingEventTypes", ())),
            topic=str(one.get("SnsDestination", {}).get("TopicArn", "")),
        )
        for one in answer.get("EventDestinations", ())
    )


def read_subscriptions(aws: Looking, topic: str) -> Told[tuple[Subscription, ...]]:
    """Who a topic tells (the first 100)."""
    return aws.ask("sns", lambda sns: sns.list_subscriptions_by_topic(TopicArn=topic),
                   "sns:ListSubscriptionsByTopic", _subscriptions)  # fmt: skip


def _subscriptions(answer: Mapping[str, Any]) -> tuple[Subscription, ...]:
    return tuple(
        Subscription(one["Protocol"], one["Endpoint"], one["SubscriptionArn"].startswith("arn:"))
        for one in answer.get("Subscriptions", ())
    )


__all__ = [
    "Account", "ConfigurationSet", "Destination", "Identity", "Subscription", "read_account", "read_configuration_set",
    "read_destinations", "read_identity", "read_subscriptions",
]  # fmt: skip
