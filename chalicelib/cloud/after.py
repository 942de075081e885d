"""What is left to do once a stack stands: said in full, with the records to set, ready to copy."""

from collections.abc import Iterator, Sequence

from chalicelib.cloud.aws import Aws, asking
from chalicelib.cloud.parameters import domain_of
from chalicelib.cloud.stages import Stage
from chalicelib.content.values import Site


def steps(aws: Aws, stage: Stage, site: Site) -> Iterator[str]:
    """Lines for a person. Activates the rules for mail that comes in where no others are active. Raises
    DeploymentError.
    """
    if commit := stage.outputs.get("Commit"):
        yield f"Deployed: commit {commit}"
    yield f"Public pages: {pages_of(stage)}"
    if not site.base_url.startswith(pages_of(stage).rstrip("/")):
        yield f"  base_url of content/site.yaml is {site.base_url}: let it lead here, or set it to this."
    tokens = dkim_tokens(aws, domain_of(site)) if stage.outputs.get("Transport") == "ses" else ()
    records = list(records_of(stage, site, aws.region, tokens))
    if records:
        yield "DNS records to set, unless they are there:"
        yield from (f"  {name}  {kind}  {value}" for name, kind, value in records)
    if "ReceiptRuleSetName" in stage.outputs:
        yield _inbound(aws, stage.outputs["ReceiptRuleSetName"])
    if stage.parameters.get("EditorsMail"):
        yield f"AWS writes to {stage.parameters['EditorsMail']}: the link in that mail makes alarms arrive."


def pages_of(stage: Stage) -> str:
    """Where the public pages are, with a slash at the end."""
    own = stage.parameters.get("Domain", "")
    return f"https://{own}/" if own else stage.outputs["EndpointURL"]


def records_of(stage: Stage, site: Site, region: str, tokens: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Name, type and value of each record that the stage wants in the DNS; ``tokens`` are DKIM's."""
    outputs, domain = stage.outputs, domain_of(site)
    for token in tokens:
        yield f"{token}._domainkey.{domain}", "CNAME", f"{token}.dkim.amazonses.com"
    if bounces := outputs.get("MailFromDomain"):
        yield bounces, "MX", f"10 feedback-smtp.{region}.amazonses.com"
        yield bounces, "TXT", '"v=spf1 include:amazonses.com ~all"'
    if outputs.get("Transport") == "ses":
        yield f"_dmarc.{domain}", "TXT", f'"v=DMARC1; p=none; rua=mailto:{_reports(site)}"'
    if target := outputs.get("DomainTarget"):
        yield stage.parameters["Domain"], "CNAME", target
    if target := outputs.get("ArchiveTarget"):
        yield stage.parameters["ArchiveDomain"], "CNAME", target
    if inbound := stage.parameters.get("InboundDomain"):
        yield inbound, "MX", f"10 inbound-smtp.{region}.amazonaws.com"


def dkim_tokens(aws: Aws, domain: str) -> tuple[str, ...]:
    """What SES signs the domain's mails with, by the names of its keys; none where SES does not know the domain."""
    client = aws.client("sesv2")
    with asking(f"What SES knows of {domain}"):
        try:
            found = client.get_email_identity(EmailIdentity=domain)
        except client.exceptions.NotFoundException:
            return ()
    return tuple(found.get("DkimAttributes", {}).get("Tokens", ()))


def _reports(site: Site) -> str:
    """Who reads DMARC's reports: an editor of the same domain, whose mailbox needs no leave of another's."""
    domain = domain_of(site)
    return next((one for one in site.editors if one.lower().endswith(f"@{domain}")), f"postmaster@{domain}")


def _inbound(aws: Aws, ours: str) -> str:
    """An account has one active set of rules, which CloudFormation can't choose."""
    client = aws.client("ses")
    with asking("The rules for mail that comes in"):
        active = client.describe_active_receipt_rule_set().get("Metadata", {}).get("Name", "")
        if not active:
            client.set_active_receipt_rule_set(RuleSetName=ours)
            active = ours
    if active == ours:
        return "Mail that comes in is heard."
    return f"The rules for mail that comes in are {active}'s: add a rule there, or activate {ours} in SES's console."


__all__ = ["pages_of", "records_of", "steps"]
