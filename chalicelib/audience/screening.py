"""A second look at an address that can be mailed: is it what was meant, is it a person's, does it take mail?

| code | what | |
|---|---|---|
| `misspelt` | `gmial.com`: another domain was meant, which ``suggestion`` names | warns |
| `role` | `info@`, `abuse@` (RFC 2142): read by many or by nobody, and quick to complain | warns |
| `look-alike` | letters of several alphabets in one word, or a known domain's name in another alphabet | warns |
| `disposable` | a domain whose addresses are thrown away after an hour | warns, or refuses where the site says so |
| `no-mail` | the domain has no mail server | refuses, where the site has the DNS asked |

What warns is flagged for editors; pages say it beside the field where it helps who types (`misspelt`).
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import idna

from chalicelib.audience.known_domains import ENDINGS, KNOWN, PROVIDERS, ROLES

_DATA = Path(__file__).parent / "data" / "disposable.txt"
_WORD = re.compile(r"[^\W\d_]+")
_SEEN_AS_LATIN = str.maketrans(
    "аеорсухіјѕһԁԛԝӏмткοανικρτυχωγɡıօոսհց",
    "aeopcyxijshdqwlmtkoavikptuxwygionuhg",
)
"""Cyrillic, Greek, Armenian and phonetic letters that most fonts draw like a Latin one (Unicode TR 39)."""
_LONG_ENOUGH = frozenset(known for known in PROVIDERS if known.index(".") >= 5)
"""Of shorter names too many neighbours exist: gmx, web, free."""
_TOGETHER = (
    frozenset({"LATIN", "CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
)
"""Alphabets that are written in one word (Unicode TR 39, "highly restrictive")."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a second look found. ``shown`` is the domain as it goes to the DNS, ``suggestion`` a whole address or ''."""

    code: str
    refuses: bool = False
    suggestion: str = ""
    shown: str = ""


def screen(
    address: str, *, refuse_disposable: bool = False, resolver: Callable[[str], bool | None] | None = None
) -> tuple[Finding, ...]:
    """What is to be said of an address as ``parse_address`` gives it, in the order of the table above.

    ``resolver`` says whether a domain takes mail, None where it can't tell (see mx.py).
    """
    local, _, domain = address.rpartition("@")
    domain = domain.lower()
    findings: list[Finding] = []
    if meant := meant_domain(domain):
        findings.append(Finding("misspelt", suggestion=f"{local}@{meant}", shown=domain))
    if is_role(local):
        findings.append(Finding("role", shown=domain))
    if looks_like_another(domain):
        findings.append(Finding("look-alike", shown=domain))
    if is_disposable(domain):
        findings.append(Finding("disposable", refuse_disposable, shown=domain))
    if resolver is not None and resolver(domain) is False:
        findings.append(Finding("no-mail", refuses=True, shown=domain))
    return tuple(findings)


def screen_name(name: str) -> tuple[Finding, ...]:
    """What is to be said of a person's name: ``look-alike`` where one word of it mixes alphabets."""
    return (Finding("look-alike"),) if any(_mixes(word) for word in _WORD.findall(name)) else ()


def is_role(local: str) -> bool:
    """Whether the part before the @ names an office and no person; ``+tag`` does not count."""
    name = local.lower().partition("+")[0]
    return name.replace("-", "").replace("_", "").replace(".", "") in ROLES or name.endswith("-request")


def is_disposable(domain: str) -> bool:
    """Whether a domain, or one above it, is on the list."""
    labels = domain.split(".")
    return any(".".join(labels[start:]) in _disposable() for start in range(len(labels) - 1))


def looks_like_another(domain: str) -> bool:
    """Whether a label mixes alphabets or could be read as Latin, or the name differs from a provider's by accents."""
    labels = [_unicode(label) for label in domain.split(".")]
    seen = [label.translate(_SEEN_AS_LATIN) for label in labels]
    bare = "".join(c for c in unicodedata.normalize("NFKD", ".".join(seen)) if not unicodedata.combining(c))
    disguised = any(not label.isascii() and like.isascii() for label, like in zip(labels, seen, strict=True))
    return disguised or any(_mixes(label) for label in labels) or (bare in PROVIDERS and domain not in PROVIDERS)


def meant_domain(domain: str) -> str:
    """The well-known domain that was likely meant by one that is off by a slip of the finger; '' for all else."""
    name, dot, ending = domain.rpartition(".")
    mended = f"{name}{dot}{ENDINGS.get(ending, ending)}"
    near = "" if mended in KNOWN else _near(mended)
    return near or (mended if mended != domain else "")


def _near(domain: str) -> str:
    """The one provider that is one slip away: a letter too many, too few, wrong, or two changed about."""
    near = [known for known in _LONG_ENOUGH if abs(len(known) - len(domain)) <= 1 and _is_one_slip(domain, known)]
    return near[0] if len(near) == 1 else ""


def _is_one_slip(typed: str, meant: str) -> bool:
    start = 0
    while start < min(len(typed), len(meant)) and typed[start] == meant[start]:
        start += 1
    one, other = typed[start:], meant[start:]
    if not start:  # hardly anybody slips at the first letter, and mail.com is not meant to be gmail.com
        return False
    swapped = len(one) > 1 and one[1:2] + one[:1] + one[2:] == other
    return one[1:] == other or one == other[1:] or one[1:] == other[1:] or swapped


def _mixes(word: str) -> bool:
    """Whether the letters of a word come from alphabets that are not written together."""
    letters = (character for character in unicodedata.normalize("NFKC", word) if character.isalpha())
    alphabets = {_alphabet(letter) for letter in letters} - {"MODIFIER"}
    return len(alphabets) > 1 and not any(alphabets <= together for together in _TOGETHER)


def _alphabet(character: str) -> str:
    """By the first word of its Unicode name, which for letters is the script's: LATIN, CYRILLIC, CJK."""
    return unicodedata.name(character, "?").split(" ", 1)[0]


def _unicode(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return idna.decode(label)
    except (idna.IDNAError, UnicodeError):
        return label


@lru_cache(maxsize=1)
def _disposable() -> frozenset[str]:
    lines = _DATA.read_text("utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))
