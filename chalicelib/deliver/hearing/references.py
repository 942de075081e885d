"""How a mail is known again when it comes back: the signed Message-ID, and the envelope's sender (VERP).

A reference is ``<newsletter>.<slot>.<chunk>.<position>`` of an edition's mail, ``<kind>.<time>.<sid>`` or ``<sid>`` of
a notice. Its signature follows behind a dot, the same in the Message-ID and in the envelope. What bears none of ours is
nobody's: whoever writes a bounce by hand changes nothing.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from chalicelib.deliver.hearing.values import Signer

MAX_LOCAL = 64
"""Octets of a local part (RFC 5321, 4.5.3.1.1)."""
MAX_REFERENCE = 400
"""Characters that are looked at; ours have about 60, with a long slug 200."""
_EDITION = re.compile(r"([a-z0-9][a-z0-9-]{0,63})\.([^.\s@<>]{1,250})\.([0-9]{1,6})\.([0-9]{1,6})")
_SHORT = re.compile(r"([0-9a-f]{16})\.([0-9]{1,6})\.([0-9]{1,6})")
_PERSON = re.compile(r"(?:[a-z]{1,20}\.[0-9]{1,25}\.)?([0-9a-f]{24})")
_SIGNATURE = re.compile(r"[a-z2-7]{10}")
Resolve = Callable[[str], str]
"""From the first 16 hex digits of an edition's hash to its id, or '' for none."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Which mail it was: of an edition, or with ``sid`` a notice to one person."""

    edition: str = ""
    chunk: int = -1
    position: int = -1
    sid: str = ""


def edition_reference(edition: str, chunk: int, position: int) -> str:
    """What is signed of an edition's mail."""
    return f"{edition.replace('/', '.', 1)}.{chunk}.{position}"


def signed_message_id(reference: str, signer: Signer, domain: str) -> str:
    """A Message-ID, without its brackets."""
    return f"{reference}.{signer.sign(reference)}@{domain}"


def bounce_sender(address: str, reference: str, signature: str) -> str:
    """The envelope's sender of one mail: ``bounces+<reference>.<signature>@domain``, its local part within 64.

    A reference that is too long is shortened: an edition's name to its hash, a notice's to the person. Where even that
    is too long, because of the address itself, the address stands alone: then only the Message-ID tells.
    """
    local, _, domain = address.rpartition("@")
    for shown in (reference, _shortened(reference)):
        made = f"{local}+{shown}.{signature}"
        if len(made) <= MAX_LOCAL:
            return f"{made}@{domain}"
    return address


def _shortened(reference: str) -> str:
    found = _EDITION.fullmatch(reference)
    return f"{edition_digest(f'{found[1]}/{found[2]}')}.{found[3]}.{found[4]}" if found else reference


def edition_digest(edition: str) -> str:
    """The 16 hex digits by which a long name of an edition is known in an envelope."""
    return hashlib.sha256(edition.encode("utf-8", "replace")).hexdigest()[:16]


def resolver(editions: Iterable[str]) -> Resolve:
    """From a digest to an edition, among those there are; read only when first asked."""
    known: dict[str, str] = {}

    def resolve(digest: str) -> str:
        if not known:
            known.update({edition_digest(edition): edition for edition in editions})
        return known.get(digest, "")

    return resolve


def read_reference(text: str, signer: Signer, resolve: Resolve = lambda _: "") -> Reference | None:
    """What a Message-ID or an envelope's address refers to; None where it bears no signature of ours.

    ``text`` is the whole address or Message-ID, with or without brackets. Case is not kept by every server on the way.
    """
    if len(text) > MAX_REFERENCE:
        return None
    local = text.strip().strip("<>").rpartition("@")[0].rpartition("+")[2].lower()
    reference, _, signature = local.rpartition(".")
    if not _SIGNATURE.fullmatch(signature):
        return None
    short = _SHORT.fullmatch(reference)
    if short and (edition := resolve(short[1])):
        reference = edition_reference(edition, int(short[2]), int(short[3]))
    return _parsed(reference) if signer.valid(reference, signature) else None


def _parsed(reference: str) -> Reference | None:
    person, edition = _PERSON.fullmatch(reference), _EDITION.fullmatch(reference)
    if person:
        return Reference(sid=person[1])
    if edition:
        return Reference(f"{edition[1]}/{edition[2]}", int(edition[3]), int(edition[4]))
    return None
