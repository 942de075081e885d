"""Mail addresses: checked, folded for comparison, and turned into the keyed id that names nobody."""

import hashlib
import hmac
import re
import unicodedata

import email_validator

from chalicelib.errors import AddressError

# Reserved names (RFC 2606, RFC 6761) can't get mail, but tests and demos live on them: the transport
# decides, not the syntax.
for _name in ("invalid", "test", "example"):
    if _name in email_validator.SPECIAL_USE_DOMAIN_NAMES:
        email_validator.SPECIAL_USE_DOMAIN_NAMES.remove(_name)

MAX_NAME = 100
_UNWANTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")


def parse_address(text: str) -> str:
    """The address to mail: as typed, but for blanks around it and an IDN domain, which becomes A-labels.

    Raises AddressError. Local parts must be ASCII (SES takes no others; RFC 6531 is not widely deployed).
    """
    try:
        checked = email_validator.validate_email(
            text.strip(), check_deliverability=False, allow_smtputf8=False, strict=True
        )
    except email_validator.EmailNotValidError as error:
        shown = text.strip()[:60].encode("unicode_escape").decode()
        raise AddressError(f"'{shown}' is no address that can be mailed: {error}") from None
    return f"{checked.local_part}@{checked.ascii_domain}"


def fold(address: str) -> str:
    """The form in which two addresses are compared: all small letters; ``+tag`` and dots are kept."""
    return unicodedata.normalize("NFKC", address).casefold()


def subscriber_id(address: str, key: bytes) -> str:
    """24 hex digits (96 bits) of HMAC-SHA256 over the folded address: the same for the same person, with this key."""
    return hmac.new(key, fold(address).encode(), hashlib.sha256).hexdigest()[:24]


def clean_name(text: str) -> str:
    """A name that may stand in headers and pages: one line, no control, zero-width or direction characters."""
    return " ".join(_UNWANTED.sub(" ", unicodedata.normalize("NFC", text)).split())[:MAX_NAME].strip()
