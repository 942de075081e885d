"""What a stack is asked to be: parameters that were given, and those that the site answers by itself."""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.cloud.aws import Aws, asking
from chalicelib.cloud.stages import Stage
from chalicelib.content.values import Site
from chalicelib.errors import UsageError


def read_given(texts: Sequence[str]) -> dict[str, str]:
    """``Name=Value`` each. Raises UsageError."""
    given = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UsageError(f"--set {text}: this is no NAME=VALUE.", "Write it like: --set MonthlyBudget=10")
        given[name] = value
    return given


def wanted(
    aws: Aws, site: Site, given: Mapping[str, str], known: Mapping[str, Any], now: Stage | None
) -> dict[str, str]:
    """What is asked of the stack: what was ``given``, and for a new stack what the site says of itself.

    Raises UsageError for a parameter that the template does not know.
    """
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise UsageError(f"There is no parameter '{unknown[0]}'.", f"There are: {', '.join(sorted(known))}.")
    if now is not None and now.outputs:
        return dict(given)
    return {**of_site(site, is_known=_is_known(aws, domain_of(site))), **given}


def of_site(site: Site, *, is_known: bool) -> dict[str, str]:
    """The sender's domain, unless SES has it already, where its bounces come back to, and who hears of alarms."""
    domain = domain_of(site)
    identity = {} if is_known else {"SenderDomain": domain, "MailFromDomain": f"bounce.{domain}"}
    return {**identity, **({"EditorsMail": site.editors[0]} if site.editors else {})}


def domain_of(site: Site) -> str:
    """The domain of the sender's address."""
    return site.sender.address.rpartition("@")[2].lower()


def _is_known(aws: Aws, domain: str) -> bool:
    """Whether SES has the domain already: made by hand, or kept when an earlier stack went."""
    client = aws.client("sesv2")
    with asking(f"What SES knows of {domain}"):
        try:
            client.get_email_identity(EmailIdentity=domain)
        except client.exceptions.NotFoundException:
            return False
    return True


__all__ = ["domain_of", "of_site", "read_given", "wanted"]
