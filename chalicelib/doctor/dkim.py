"""Keys of DKIM in the DNS (RFC 6376, 3.6.1; RFC 8301; RFC 8463): what they are, and what is wrong with them. Pure."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.doctor.answers import Answer, aligned
from chalicelib.doctor.findings import About, Finding, Topic
from chalicelib.doctor.taglists import TagError, read_tags

DKIM = About(Topic.DKIM)
SHORTEST, SHORT = 1024, 2048
"""Bits of an RSA key that receivers take at all, and should have (RFC 8301, 3.2)."""
_ED25519_BYTES = 32


@dataclass(frozen=True, slots=True)
class PublicKey:
    """``bits`` is 0 of a key that was revoked."""

    kind: str
    bits: int
    testing: bool = False


class BadKeyError(ValueError):
    """No key that a receiver takes; says why."""


def read_key(text: str) -> PublicKey:
    """The key of a TXT record. Raises BadKeyError."""
    try:
        tags = read_tags(text)
    except TagError as error:
        raise BadKeyError(str(error)) from None
    if tags.get("v", "DKIM1") != "DKIM1":
        raise BadKeyError(f"it says v={tags['v'][:20]} in place of v=DKIM1")
    if "p" not in tags:
        raise BadKeyError("it has no p=")
    if "h" in tags and "sha256" not in tags["h"].lower().replace(" ", "").split(":"):
        raise BadKeyError(f"it allows h={tags['h'][:20]} only, not sha256")
    if not {"*", "email"} & set(tags.get("s", "*").replace(" ", "").split(":")):
        raise BadKeyError(f"it is for s={tags['s'][:20]}, not for mail")
    kind, testing = tags.get("k", "rsa").lower(), "y" in tags.get("t", "").replace(" ", "").split(":")
    return PublicKey(kind, _bits(kind, "".join(tags["p"].split())), testing)


def _bits(kind: str, text: str) -> int:
    if kind not in {"rsa", "ed25519"}:
        raise BadKeyError(f"k={kind[:20]} is neither rsa nor ed25519")
    if not text:
        return 0
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadKeyError("its p= is no base64; perhaps it was cut off") from None
    if kind == "ed25519":
        if len(raw) != _ED25519_BYTES:
            raise BadKeyError(f"its p= has {len(raw)} bytes, Ed25519 keys have {_ED25519_BYTES}")
        return 256
    return _rsa_bits(raw)


def _rsa_bits(der: bytes) -> int:
    """Bits of the modulus: of a SubjectPublicKeyInfo (RFC 5280), or of the bare RSAPublicKey inside (RFC 8017)."""
    try:
        inner = _element(der, 0x30)[0]
        if inner[:1] == b"\x30":
            wrapped, _ = _element(_element(inner, 0x30)[1], 0x03)
            inner = _element(wrapped[1:], 0x30)[0]
        return int.from_bytes(_element(inner, 0x02)[0], "big").bit_length()
    except ValueError:
        raise BadKeyError("its p= is no RSA key; perhaps it was cut off") from None


def _element(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of the first DER element, and what follows it. Raises ValueError."""
    if len(data) < 2 or data[0] != tag:
        raise ValueError("another element")
    length, start = data[1], 2
    if length & 0x80:
        start = 2 + (length & 0x7F)
        length = int.from_bytes(data[2:start], "big")
    if length == 0 or len(data) < start + length:
        raise ValueError("cut off")
    return data[start : start + length], data[start + length :]


def check_key(name: str, answer: Answer, record: str) -> Iterator[Finding]:
    """The key at ``name``, and ``record``, which should be there."""
    if answer.failed:
        yield DKIM.skipped(f"The DKIM key {name} could not be read: {answer.why}.", "Try again in a while.")
        return
    texts = [value for value in answer.values if "p=" in value.replace(" ", "")] or list(answer.values)
    if not texts:
        yield DKIM.error(f"There is no DKIM key at {name}: signatures can't be verified.", f"Set: {record}")
        return
    if len(texts) > 1:
        yield DKIM.error(f"{name} has {len(texts)} keys; receivers take any of them.", "Leave one.", " | ".join(texts))
        return
    try:
        yield from _judged(name, read_key(texts[0]), texts[0], record)
    except BadKeyError as error:
        yield DKIM.error(f"The DKIM key at {name} can't be used: {error}.", f"Set: {record}", texts[0])


def _judged(name: str, key: PublicKey, seen: str, record: str) -> Iterator[Finding]:
    if key.bits == 0:
        yield DKIM.error(f"The DKIM key at {name} was revoked (p= is empty).", f"Set: {record}", seen)
    elif key.kind == "rsa" and key.bits < SHORTEST:
        yield DKIM.error(
            f"The DKIM key at {name} has {key.bits} bits; receivers refuse less than {SHORTEST} (RFC 8301).",
            f"Make one of {SHORT} bits.",
            seen,
        )
    elif key.kind == "rsa" and key.bits < SHORT:
        yield DKIM.warn(f"The DKIM key at {name} has {key.bits} bits.", f"Make one of {SHORT} bits (RFC 8301).", seen)
    elif key.kind == "ed25519":
        yield DKIM.warn(
            f"The DKIM key at {name} is Ed25519, which large receivers don't verify yet.",
            f"Sign with RSA of {SHORT} bits as well.",
            seen,
        )
    else:
        yield DKIM.ok(f"The DKIM key at {name} has {key.bits} bits.", seen)
    if key.testing:
        yield DKIM.warn(f"The DKIM key at {name} says t=y: receivers take it for a test.", "Take t=y out.", seen)


def check_alignment(signing: str, sender: str, *, strict: bool) -> Finding:
    """Whether the domain that signs speaks for the sender's."""
    if aligned(signing, sender, strict=strict):
        return DKIM.ok(f"DKIM speaks for the sender: {signing} is aligned with {sender}.")
    return DKIM.error(
        f"DKIM does not speak for the sender: {signing} signs, {sender} sends.", f"Have mails signed with d={sender}."
    )
