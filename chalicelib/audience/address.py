"""Mail addresses: checked, folded for comparison, and turned into the keyed id that names nobody."""

import hashlib
import hmac
import re
import unicodedata
from functools import cache, lru_cache
from types import ModuleType

from chalicelib.errors import AddressError

RESERVED = ("invalid", "test", "example")
"""Names (RFC 2606, RFC 6761) that can't get mail, but tests and demos live on them: the transport decides, not the
syntax."""
MAX_NAME = 100
MAX_LOCAL, MAX_ADDRESS = 64, 254
"""RFC 5321 sections 4.5.3.1.1 and 4.5.3.1.3, the latter less its angle brackets. SES keeps both."""
_MAX_TYPED = 1000
_ATEXT = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+")
_NUMBER = re.compile(r"[0-9.]+")
_BLANK = re.compile(r"\s")
_EDGES = re.compile(r"\A[\s\u200b-\u200f\u202a-\u202e\u2060\ufeff]+|[\s\u200b-\u200f\u202a-\u202e\u2060\ufeff]+\Z")
"""What comes along when an address is copied from a page: blanks, and marks that nobody sees."""
_IDN_DOTS = re.compile("[\u3002\uff0e\uff61]")
"""What stands for a dot between the labels of a domain (UTS 46)."""


def parse_address(text: str) -> str:
    """The address to mail: as typed, but for blanks and unseen marks around it; an IDN domain becomes A-labels.

    Raises AddressError with a code (see CODES). Local parts must be ASCII (SES takes no others; RFC 6531 is not
    widely deployed) and without quotes; domains are names, no numbers, with a dot (RFC 5321 section 2.3.5).
    """
    typed = _EDGES.sub("", text) if len(text) <= _MAX_TYPED else text
    code = _problem(typed)
    if not code:
        local, _, domain = typed.rpartition("@")
        ascii_domain = _ascii_domain(domain)
        if ascii_domain and len(local) + 1 + len(ascii_domain) <= MAX_ADDRESS:
            return f"{local}@{ascii_domain}"
        code = "too-long" if ascii_domain else "domain"
    shown = typed[:60].encode("unicode_escape").decode()
    raise AddressError(f"'{shown}' is no address that can be mailed: {CODES[code]}", code=code)


@lru_cache(maxsize=4096)
def _ascii_domain(domain: str) -> str:
    """The domain in A-labels, '' where it is none. Kept, for half of a million addresses share a few domains."""
    email_validator = _validator()
    try:
        checked = email_validator.validate_email(
            f"x@{domain}", check_deliverability=False, allow_smtputf8=False, strict=True
        )
    except email_validator.EmailNotValidError:
        return ""
    return str(checked.ascii_domain)


@cache
def _validator() -> ModuleType:
    """The library, when an address is first checked: those who only send check none, and start sooner."""
    import email_validator

    for name in RESERVED:
        if name in email_validator.SPECIAL_USE_DOMAIN_NAMES:
            email_validator.SPECIAL_USE_DOMAIN_NAMES.remove(name)
    return email_validator


CODES = {
    "empty": "there is nothing.",
    "too-long": "it has more than 254 characters, or more than 64 before the @.",
    "no-at": "it has no @.",
    "name": "it has a name or brackets around it; only the address is needed.",
    "quoted": "quotation marks are of no use before the @.",
    "blank": "there is a blank in it.",
    "several": "it has more than one @; one address at a time.",
    "no-local": "there is nothing before the @.",
    "local-not-ascii": "before the @ it has letters beyond a-z that mail can't carry everywhere.",
    "local": "before the @ it has a character that no address has there.",
    "double-dot": "it has two dots in a row.",
    "dot-at-edge": "a dot stands at the beginning, at the end, or beside the @.",
    "no-domain": "there is nothing after the @.",
    "number": "after the @ stands a number; it needs a name like example.org.",
    "no-dot": "after the @ there is no dot; it needs a whole name like example.org.",
    "domain": "what stands after the @ is no name of a domain.",
}
"""What can be wrong with an address. Pages say it in their reader's language: ``web.address.<code>``."""


def _problem(typed: str) -> str:
    """The code of what is wrong at the first look, '' where only the name of the domain remains to be checked."""
    if not typed or len(typed) > _MAX_TYPED:
        return "too-long" if typed else "empty"
    local, at, domain = typed.rpartition("@")
    if not at:
        return "no-at"
    if "<" in typed or ">" in typed:
        return "name"
    if '"' in typed:
        return "quoted"
    if "@" in local:
        return "several"
    if _BLANK.search(typed):
        return "blank"
    return _problem_of_local(local) or _problem_of_domain(_IDN_DOTS.sub(".", domain), len(local) + 1)


def _problem_of_local(local: str) -> str:
    if not local:
        return "no-local"
    if not local.isascii():
        return "local-not-ascii"
    if not _ATEXT.fullmatch(local) or "=?" in local:  # many programs decode RFC 2047's words even in an address
        return "local"
    if ".." in local:
        return "double-dot"
    if local.startswith(".") or local.endswith("."):
        return "dot-at-edge"
    return "too-long" if len(local) > MAX_LOCAL else ""


def _problem_of_domain(domain: str, before: int) -> str:
    if not domain:
        return "no-domain"
    if domain.startswith("[") or _NUMBER.fullmatch(domain):
        return "number"
    if ".." in domain:
        return "double-dot"
    if domain.startswith(".") or domain.endswith("."):
        return "dot-at-edge"
    if "." not in domain:
        return "no-dot"
    return "too-long" if before + len(domain) > MAX_ADDRESS else ""


def fold(address: str) -> str:
    """The form in which two addresses are compared: all small letters; ``+tag`` and dots are kept."""
    return unicodedata.normalize("NFKC", address).casefold()


def subscriber_id(address: str, key: bytes) -> str:
    """24 hex digits (96 bits) of HMAC-SHA256 over the folded address: the same for the same person, with this key."""
    return hmac.new(key, fold(address).encode(), hashlib.sha256).hexdigest()[:24]


def clean_name(text: str) -> str:
    """A name that may stand in headers and pages: one line, no control, zero-width or direction characters.

    Joiners stay between letters or pictures that need them: Persian and Indic names, emoji of several. What shows
    nothing at all is no name: ''.
    """
    shown = unicodedata.normalize("NFC", _UNSEEN.sub("", _BREAKS.sub(" ", text[:_MAX_TYPED])))
    joined = unicodedata.normalize("NFC", _STRAY_JOINER.sub("", " ".join(shown.split())))
    name = " ".join(joined.split())[:MAX_NAME].rstrip(" \u200c\u200d")
    return name if any(_shows(character) for character in name) else ""


_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e001f\U000e0080-\U000e0fff]"
)
_STRAY_JOINER = re.compile("(?<![^\x00-\x7f\u200c\u200d])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f\u200c\u200d])")
_SHOWING_NOTHING = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols by category that are blank by design: fillers of Hangul, the empty pattern of Braille."""


def _shows(character: str) -> bool:
    return unicodedata.category(character)[0] not in "CMZ" and character not in _SHOWING_NOTHING
