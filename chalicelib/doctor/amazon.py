"""What is wrong with an account of SES, the sender's identity in it, and how its events are told. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

from chalicelib.cloud.account import Account, ConfigurationSet, Destination, Identity, Subscription
from chalicelib.cloud.looking import Told
from chalicelib.doctor.findings import About, Finding, Topic

ACCOUNT, IDENTITY, EVENTS = About(Topic.ACCOUNT), About(Topic.IDENTITY), About(Topic.EVENTS)
PRICES = {"NONE": "0.10", "ESSENTIALS": "0.16"}
"""US dollars for 1,000 mails (Amazon SES, since July 2026); dearer plans have a monthly price as well."""
NEEDED_EVENTS = frozenset({"BOUNCE", "COMPLAINT", "REJECT", "RENDERING_FAILURE"})
USEFUL_EVENTS = frozenset({"SEND", "DELIVERY"})
STOPPING = frozenset({"BOUNCE", "COMPLAINT"})
_A_LA_CARTE = "aws sesv2 put-account-pricing-attributes --plan NONE"


def unknown(about: About, told: Told[Any], what: str) -> Finding:
    """What could not be asked."""
    return about.skipped(f"{what} is not known: {told.why}.", told.do)


def check_account(account: Account) -> Iterator[Finding]:
    """May it send, to whom, how much, at what price."""
    if account.enforcement == "SHUTDOWN":
        yield ACCOUNT.error("SES has shut sending down for bounces or complaints.", "Appeal in the AWS support center.")
    elif not account.sending:
        yield ACCOUNT.error(
            "SES has paused sending for this account.",
            "Read AWS's mail, look at the reputation dashboard, and have it enabled again.",
        )
    elif account.enforcement == "PROBATION":
        yield ACCOUNT.warn(
            "SES has put this account under review.",
            "Bring bounces and complaints down: 'sendbrief status' shows them.",
        )
    else:
        yield ACCOUNT.ok("The account of SES may send.", account.enforcement)
    yield _sandbox(account)
    yield from _quota(account)
    yield from _plan(account)
    lacking = STOPPING - account.suppressed
    if lacking:
        reasons = " ".join(sorted(STOPPING))
        yield ACCOUNT.warn(
            f"SES keeps no suppression list for {' and '.join(f'{kind.lower()}s' for kind in sorted(lacking))}.",
            f"aws sesv2 put-account-suppression-attributes --suppressed-reasons {reasons}",
        )
    else:
        yield ACCOUNT.ok("SES itself writes no more to who bounced or complained.")


def _sandbox(account: Account) -> Finding:
    if account.production:
        return ACCOUNT.ok("The account is out of the sandbox.")
    ask = (
        "Ask for production access: aws sesv2 put-account-details --production-access-enabled --mail-type MARKETING "
        "--website-url YOUR-SITE --contact-language EN"
    )
    if account.review in {"PENDING", "DENIED", "FAILED"}:
        ask = f"AWS's answer to your request is {account.review}: see the case in the AWS support center."
    return ACCOUNT.error("The account is in the sandbox: only addresses that you verified get mail.", ask)


def _quota(account: Account) -> Iterator[Finding]:
    if account.per_day < 0:
        yield ACCOUNT.ok(f"SES takes {account.per_second:g} mails a second, without a limit for the day.")
        return
    seen = f"{account.sent:g} of {account.per_day:g} in the last 24 hours, {account.per_second:g} a second"
    if account.per_day and account.sent >= 0.8 * account.per_day:
        yield ACCOUNT.warn(
            "The day's quota of SES is nearly used up.", "Ask for more: Service Quotas, Amazon SES.", seen
        )
    else:
        yield ACCOUNT.ok("The quota of SES leaves room.", seen)


def _plan(account: Account) -> Iterator[Finding]:
    if not account.plan:
        return
    cheap, coming = PRICES["NONE"], f"From next month on it is {account.next_plan}." if account.next_plan else ""
    if account.plan == "NONE":
        yield ACCOUNT.ok(f"The account pays à la carte: ${cheap} for 1,000 mails.", coming)
    elif account.next_plan == "NONE":
        yield ACCOUNT.note(
            f"The account pays for the plan {account.plan} until the month ends, then ${cheap} à la carte."
        )
    else:
        price = PRICES.get(account.plan)
        pays = f"You pay ${price} for 1,000 mails" if price else "You pay a dearer plan"
        yield ACCOUNT.warn(
            f"{pays} ({account.plan}); à la carte is ${cheap}.", f"Nothing here needs the plan: {_A_LA_CARTE}", coming
        )


def check_identity(identity: Identity | None, domain: str) -> Iterator[Finding]:
    """Is the sender's domain verified, are its mails signed, where do they come back to."""
    if identity is None or not identity.verified:
        how = "not known to SES" if identity is None else "not verified by SES"
        make = f"aws sesv2 create-email-identity --email-identity {domain}, then set the DKIM records it names"
        yield IDENTITY.error(
            f"{domain} is {how} in this region: it refuses its mails.",
            make if identity is None else "Set the DKIM records named below, and wait up to 72 hours.",
        )
        if identity is None:
            return
    else:
        yield IDENTITY.ok(f"{domain} is verified.")
    if not identity.dkim_signs or identity.dkim != "SUCCESS":
        yield IDENTITY.error(
            f"SES does not sign mails of {domain} ({identity.dkim or 'off'}).",
            f"aws sesv2 put-email-identity-dkim-attributes --email-identity {domain} --signing-enabled,"
            " with its DKIM records set.",
        )
    else:
        yield IDENTITY.ok(f"SES signs mails of {domain}.")
    yield from _mail_from(identity, domain)


def _mail_from(identity: Identity, domain: str) -> Iterator[Finding]:
    set_it = "aws sesv2 put-email-identity-mail-from-attributes"
    if not identity.mail_from:
        yield IDENTITY.warn(
            f"{domain} has no MAIL FROM of its own: SPF speaks for amazonses.com, not for you.",
            f"{set_it} --email-identity {domain} --mail-from-domain bounce.{domain}",
        )
    elif identity.mail_from_status != "SUCCESS":
        falls = "SES refuses mails" if identity.rejects else "SES uses its own domain"
        yield IDENTITY.error(
            f"MAIL FROM {identity.mail_from} is {identity.mail_from_status}: {falls} until it is set.",
            "Set its MX and SPF records; they stand under mail-from and spf.",
        )
    else:
        yield IDENTITY.ok(f"MAIL FROM is {identity.mail_from}.")


def check_configuration_set(found: ConfigurationSet | None, name: str) -> Iterator[Finding]:
    """Does what mails go out with let them go out as they are."""
    if found is None:
        yield EVENTS.error(
            f"There is no configuration set '{name}': SES refuses each mail.",
            "Correct SENDBRIEF_SES_CONFIGURATION_SET, or deploy the stage again.",
        )
        return
    if not found.sending:
        yield EVENTS.error(
            f"The configuration set {name} is paused.",
            f"aws sesv2 put-configuration-set-sending-options --configuration-set-name {name} --sending-enabled",
        )
    if found.suppressed is not None and found.suppressed < STOPPING:
        yield EVENTS.warn(
            f"The configuration set {name} passes over SES's suppression list.",
            f"aws sesv2 put-configuration-set-suppression-options --configuration-set-name {name}"
            " --suppressed-reasons BOUNCE COMPLAINT",
        )
    if found.tls_required:
        yield EVENTS.note(f"The configuration set {name} insists on TLS: readers whose servers have none get no mail.")
    if found.tracking_domain:
        yield EVENTS.note(
            f"Links of mails are led through {found.tracking_domain}.", "Sendbrief does not count clicks."
        )


def check_destinations(found: Sequence[Destination], name: str, topic: str = "") -> Iterator[Finding]:
    """``topic`` is the stage's own, '' where none is known."""
    ours = [one for one in found if one.topic and one.topic in {topic, one.topic if not topic else ""}]
    if not any(one.enabled for one in ours):
        state = "off" if ours else "missing"
        yield EVENTS.error(
            f"The event destination of {name} is {state}: bounces and complaints are not heard.",
            "Deploy the stage again, or add a destination (SNS) for bounce, complaint, reject, delivery.",
        )
        return
    kinds = frozenset().union(*(one.kinds for one in ours if one.enabled))
    if lacking := NEEDED_EVENTS - kinds:
        yield EVENTS.error(f"The event destination of {name} leaves out {_named(lacking)}.", "Add them to it.")
    elif lacking := USEFUL_EVENTS - kinds:
        yield EVENTS.note(
            f"The event destination of {name} leaves out {_named(lacking)}: who is in doubt stays so.",
            "Add them (DeliveryEvents: yes), unless you save their price.",
        )
    else:
        yield EVENTS.ok(f"Events of {name} are published.", _named(kinds))
    if tracking := kinds & {"OPEN", "CLICK"}:
        yield EVENTS.warn(
            f"SES counts {_named(tracking)}: it changes links and adds a picture, of which readers were not told.",
            "Take these out of the event destination.",
        )


def _named(kinds: frozenset[str]) -> str:
    return ", ".join(sorted(kind.lower().replace("_", " ") for kind in kinds))


def check_wiring(found: Sequence[Subscription], topic: str, queue: str) -> Finding:
    """Whether a topic's events come into the queue (its ARN; '' where it is not known)."""
    ours = [one for one in found if one.protocol == "sqs" and (not queue or one.endpoint == queue)]
    if any(one.confirmed for one in ours):
        return EVENTS.ok("The topic of events is wired to the queue.", ours[0].endpoint)
    add = f"aws sns subscribe --topic-arn {topic} --protocol sqs --notification-endpoint {queue or 'ARN-OF-THE-QUEUE'}"
    return EVENTS.error("Events of SES do not come into the queue: its topic has no subscription for it.", add)
