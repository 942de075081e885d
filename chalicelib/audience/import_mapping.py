"""Which column of a file says what: guessed from its names, shown, and overruled by hand."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.content.problems import did_you_mean
from chalicelib.errors import UsageError

FIELDS = (
    "email", "name", "first_name", "last_name", "language", "topics", "cadence", "joined", "confirmed", "paused",
    "state", "newsletter", "tags", "marks", "attributes", "left_at", "bounced_at",
    "zone",
)  # fmt: skip
"""``confirmed`` wins over ``joined``; ``mark:KIND`` makes marks of that kind, ``attributes.NAME`` is a column too."""
_WORDS = {
    "email": ("email", "e mail", "mail", "email address", "e mail address", "emailadresse", "e mail adresse",
              "subscriber email", "contact email", "address", "adresse"),
    "name": ("name", "full name", "fullname", "display name", "real name", "vollständiger name"),
    "first_name": ("first name", "firstname", "fname", "given name", "vorname"),
    "last_name": ("last name", "lastname", "lname", "surname", "family name", "nachname"),
    "language": ("language", "lang", "locale", "preferred language", "sprache"),
    "topics": ("topics", "topic", "themen"),
    "cadence": ("cadence",),
    "joined": ("joined", "optin time", "opt in time", "timestamp opt", "created at", "created", "subscribed at",
               "signup date", "date added", "subscription date", "timestamp signup"),
    "confirmed": ("confirm time", "confirmed at", "confirmation time"),
    "paused": ("paused", "paused until"),
    "zone": ("zone", "timezone", "time zone", "tz", "zeitzone"),
    "state": ("status", "subscription status", "member status", "email status"),
    "tags": ("tags", "tag", "labels"),
    "left_at": ("unsub time", "unsubscribed at", "unsubscribe date"),
    "bounced_at": ("clean time", "cleaned at", "bounced at"),
}  # fmt: skip
_FLAVOURS: Mapping[str, Mapping[str, str]] = {
    "sendbrief": {"state": "state", "newsletter": "newsletter", "marks": "marks"},
    "listmonk": {"attributes": "attributes", "attribs": "attributes"},
}
_ADDRESSES = re.compile(r"\b(?:ip|optin ip|confirm ip|ip address|ip opt|ip signup)$")
_PARTING = re.compile(r"[\s_\-.]+")
_KIND = re.compile(r"mark:[a-z][a-z0-9-]{0,30}")


@dataclass(frozen=True, slots=True)
class Mapped:
    """``fields`` by column, in the file's order; the columns that stay ``unused``, and those with ``ips``."""

    fields: Mapping[str, str]
    unused: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()


def word_of(column: str) -> str:
    """A column's name as it is compared: small letters, one blank for whatever parts its words."""
    return _PARTING.sub(" ", column.strip().strip('"').strip().lower()).strip()


def flavour_of(columns: Sequence[str]) -> str:
    """Whose export has such columns: ``sendbrief``, ``listmonk``, ``mailchimp`` or '' for nobody's."""
    words = {word_of(column) for column in columns}
    if {"email", "newsletter", "state"} <= words:
        return "sendbrief"
    if "email" in words and words & {"attributes", "attribs"}:
        return "listmonk"
    if words & {"member rating", "euid", "leid", "optin time"}:
        return "mailchimp"
    return ""


def guess(columns: Sequence[str], flavour: str = "", chosen: Sequence[str] = ()) -> Mapped:
    """What each column says. ``chosen`` are words like ``Sprache=language``; nothing after the ``=``: it is not used.

    Raises UsageError where those name a column or a field that is not there.
    """
    fields = _chosen(columns, chosen)
    taken = {field for field in fields.values() if field}
    own = _FLAVOURS.get(flavour, {})
    by_word: dict[str, str] = {}
    for column in columns:
        if column not in fields:
            by_word.setdefault(word_of(column), column)
    for field, words in _WORDS.items():
        found = next((by_word[word] for word in words if word in by_word), None)
        if field not in taken and found:
            fields[found] = field
            taken.add(field)
    for word, field in own.items():
        if word in by_word and field not in taken:
            fields[by_word[word]] = field
    used = {column: fields[column] for column in [*columns, *fields] if fields.get(column)}
    ips = tuple(column for column in columns if column not in used and _ADDRESSES.search(word_of(column)))
    return Mapped(used, tuple(column for column in columns if column not in used and column not in ips), ips)


def _chosen(columns: Sequence[str], chosen: Sequence[str]) -> dict[str, str]:
    """Columns and fields of ``--map``; a dotted column may lie within ``attributes``."""
    fields: dict[str, str] = {}
    for text in chosen:
        column, equals, field = (part.strip() for part in text.rpartition("="))
        if not equals or not column:
            raise UsageError(f"--map '{text}' is not COLUMN=FIELD.", "Write it like --map 'Sprache=language'.")
        if field and field not in FIELDS and not _KIND.fullmatch(field):
            known = f"{did_you_mean(field, FIELDS)}; or mark:KIND in small letters"
            raise UsageError(f"--map '{text}': there is no field '{field}'; {known}.")
        fields[_column(columns, column, text)] = field
    return fields


def _column(columns: Sequence[str], name: str, text: str) -> str:
    if name in columns:
        return name
    alike = [column for column in columns if word_of(column) == word_of(name)]
    if alike:
        return alike[0]
    head, dot, _ = name.partition(".")
    if dot and head in columns:
        return name
    raise UsageError(f"--map '{text}': the file has no column '{name}'; {did_you_mean(name, columns)}.")
