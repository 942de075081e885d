"""What pages say of an address: why it can't be mailed, or what a second look found, in the reader's language."""

from chalicelib.audience.screening import Finding
from chalicelib.errors import AddressError
from chalicelib.render.messages import Catalogue

HINTS = ("misspelt", "look-alike", "role")
"""What is worth a word to who typed it though it refuses nothing, the first of them first."""


def address_message(catalogue: Catalogue, error: AddressError) -> str:
    """Why what somebody typed is no address; echoes nothing of it."""
    return catalogue(f"web.address.{error.code or 'domain'}")


def finding_message(catalogue: Catalogue, finding: Finding) -> str:
    """What a second look found: a reason where it refuses, else a hint. Holds parts of a checked address."""
    return catalogue(f"web.address.{finding.code}", suggestion=finding.suggestion, domain=finding.shown)


def hint(catalogue: Catalogue, findings: tuple[Finding, ...]) -> str:
    """The one hint that stands beside the field, or ''."""
    found = {finding.code: finding for finding in findings}
    return next((finding_message(catalogue, found[code]) for code in HINTS if code in found), "")
