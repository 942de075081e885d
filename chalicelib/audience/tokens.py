"""Signed links: one purpose, one salt; SHA-256; several keys, so that an old link outlives a new key."""

import hashlib
import hmac
import math
import re
import zlib
from binascii import b2a_base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, ClassVar

from itsdangerous import BadSignature, URLSafeSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from chalicelib.errors import BadLinkError, ConfigurationError, ExpiredLinkError

MAX_TOKEN = 1000
"""Characters of a token that are looked at; ours have about 120."""
MAX_SKEW_SECONDS = 900
"""How far the clocks of two machines may differ."""
_SID_LENGTH = 24
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_+-]{1,129}")
_STAND_INS = [hashlib.sha256(b"%d" % n).hexdigest()[:_SID_LENGTH] for n in range(64)]
_SLACK = 5
"""Bytes. Ids are hashes: where zlib is that far from shortening 64 of them, it shortens none in a thousand million."""
_SIGNATURE = 43
"""Characters of base64 that 32 bytes take, without padding."""
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_BASE32 = b"abcdefghijklmnopqrstuvwxyz234567" * 8


@dataclass(frozen=True, slots=True)
class Secrets:
    """The site's keys, oldest first. The first also keys subscriber ids, so it is never taken out."""

    keys: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.keys or any(len(key) < 32 for key in self.keys):
            raise ConfigurationError(
                "The secret is missing or shorter than 32 characters.", "Set SENDBRIEF_SECRET to a long random text."
            )

    @property
    def sid_key(self) -> bytes:
        """What subscriber ids are keyed with."""
        return f"sendbrief.sid.v1:{self.keys[0]}".encode()


def _mac(key: bytes) -> Callable[[bytes], bytes]:
    """HMAC-SHA256 by a key of at most 64 bytes (RFC 2104), both halves begun once.

    To copy each half takes a third of the time of ``hmac.digest``, and every mail has three signatures.
    """
    block = key.ljust(64, b"\0")
    inner_half = hashlib.sha256(bytes(byte ^ 0x36 for byte in block)).copy
    outer_half = hashlib.sha256(bytes(byte ^ 0x5C for byte in block)).copy

    def digest(text: bytes) -> bytes:
        inner, outer = inner_half(), outer_half()
        inner.update(text)
        outer.update(inner.digest())
        return outer.digest()

    return digest


class _Tokens:
    """Tokens of one purpose over two words. The purpose is part of the salt: one is none for another."""

    purpose: ClassVar[str]

    def __init__(self, secrets: Secrets) -> None:
        self._serializer = URLSafeSerializer(
            list(secrets.keys),
            salt=f"sendbrief.{self.purpose}.v1",
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )
        self._mac = _mac(self._serializer.make_signer(self._serializer.salt).derive_key())
        self._middles: dict[str, str] = {}

    def _make(self, *parts: str | int) -> str:
        return self._serializer.dumps(list(parts))

    def _make_short(self, sid: str, newsletter: str, end: str) -> str:
        """What ``_make`` makes, in a fifth of the time: every mail has two. '' where it might be something else."""
        middle = self._middles.get(newsletter)
        if middle is None:
            middle = self._middles[newsletter] = _middle(newsletter)
        if not middle or len(sid) != _SID_LENGTH or not (sid.isalnum() and sid.isascii()):
            return ""
        payload = b2a_base64(f'["{sid}{middle}{end}'.encode(), newline=False).rstrip(b"=")
        signature = b2a_base64(self._mac(payload), newline=False)[:_SIGNATURE]
        return (payload + b"." + signature.translate(_URL_SAFE)).decode()

    def _read(self, token: str, count: int) -> list[Any]:
        try:
            if len(token) > MAX_TOKEN:
                raise BadSignature("it is longer than any of ours")
            parts = self._serializer.loads(token)
            signature = token.rpartition(".")[2]
            if base64_encode(base64_decode(signature)).decode() != signature:
                raise BadSignature("its last character has spare bits set")  # base64 says one thing in four ways
            if not isinstance(parts, list) or len(parts) != count:
                raise BadSignature("its payload has another shape")
        except (BadSignature, ValueError, TypeError):
            raise BadLinkError("This link is not complete.", "Use the whole link from the mail.") from None
        return parts


@lru_cache(maxsize=64)
def _middle(newsletter: str) -> str:
    """A payload between id and end; '' where itsdangerous would, or might, compress it or escape something."""
    middle = f'","{newsletter}"'
    spare = min(_spare(f'["{sid}{middle}{end}'.encode()) for sid in _STAND_INS for end in ("]", ",1795424400]"))
    return middle if _PLAIN_NAME.fullmatch(newsletter) and spare >= _SLACK else ""


def _spare(payload: bytes) -> int:
    """Bytes that are missing until compressing pays; below 0 it does."""
    return len(zlib.compress(payload)) - (len(payload) - 1)


def both_names(first: str, second: str) -> str:
    """Two newsletters as a token names them; no newsletter's name has a plus."""
    return f"{first}+{second}"


def names_of(word: str) -> tuple[str, ...]:
    """The newsletters that a token names."""
    return tuple(word.split("+"))


class UnsubscribeTokens(_Tokens):
    """Tokens that let their holder leave a newsletter (RFC 8058), or two: those of a mail that holds both.

    They never expire: they lie in old mails.
    """

    purpose = "unsubscribe"

    def make(self, sid: str, newsletter: str) -> str:
        """A token for one person and newsletter (or two, see ``both_names``), safe in a URL."""
        return self._make_short(sid, newsletter, "]") or self._make(sid, newsletter)

    def read(self, token: str) -> tuple[str, str]:
        """The person's id and the newsletter, or two (see ``names_of``).

        Raises BadLinkError for anything not made by ``make``.
        """
        sid, newsletter = self._read(token, 2)
        return str(sid), str(newsletter)


class _ExpiringTokens(_Tokens):
    """Tokens over two words that work for a while; the day or second of their making is in them."""

    lifetime: ClassVar[timedelta]

    def make(self, first: str, second: str, now: datetime) -> str:
        """A token for two words, safe in a URL."""
        return self._make(first, second, int(now.timestamp()))

    def read(self, token: str, now: datetime) -> tuple[str, str]:
        """The two words. Raises BadLinkError for what ``make`` did not make, ExpiredLinkError for what is too old.

        One from the future, beyond what clocks differ by (15 minutes), is none of ours.
        """
        first, second, made = self._read(token, 3)
        age = now.timestamp() - made if isinstance(made, int) else -math.inf
        if age < -MAX_SKEW_SECONDS:
            raise BadLinkError("This link is not complete.", "Use the whole link from the mail.")
        if age > self.lifetime.total_seconds():
            raise ExpiredLinkError("This link is too old.", "Ask for a new one.")
        return str(first), str(second)


class PreferencesTokens(_ExpiringTokens):
    """Tokens that let their holder see and change what they get: person and newsletter. They lie in every mail."""

    purpose = "preferences"
    lifetime = timedelta(days=366)

    def __init__(self, secrets: Secrets) -> None:
        super().__init__(secrets)
        self._end: tuple[datetime | None, str] = (None, "")

    def make(self, first: str, second: str, now: datetime) -> str:
        """A token for two words, safe in a URL; fastest where all of a wave have the same ``now``."""
        moment, end = self._end
        if moment is not now:
            end = f",{int(now.timestamp())}]"
            self._end = now, end
        return self._make_short(first, second, end) or super().make(first, second, now)


class ConfirmTokens(_ExpiringTokens):
    """Tokens that let their holder confirm what was asked for with an address: person, and nothing."""

    purpose = "confirm"
    lifetime = timedelta(days=7)


class ChangeTokens(_ExpiringTokens):
    """Tokens that let their holder confirm a new address: the person's id so far, and the new one."""

    purpose = "change-address"
    lifetime = timedelta(days=2)


class DataTokens(_ExpiringTokens):
    """Tokens that let their holder see and erase all that is known of them: person, and nothing. Asked for by mail."""

    purpose = "data"
    lifetime = timedelta(days=1)


class MailTokens:
    """Signatures of what a mail bears in the open (its Message-ID, its way back): whoever made one up is found out.

    50 bits: nobody guesses one in as many tries as a mailbox takes, and it is short enough for a local part.
    """

    purpose = "mail"

    def __init__(self, secrets: Secrets) -> None:
        salt = f"sendbrief.{self.purpose}.v1".encode()
        self._macs = [_mac(hmac.digest(key.encode(), salt, "sha256")) for key in secrets.keys]
        self._newest = self._macs[-1]

    def sign(self, text: str) -> str:
        """Ten characters, ``a`` to ``z`` and ``2`` to ``7``; by the newest key."""
        return self._newest(text.encode())[:10].translate(_BASE32).decode()

    def valid(self, text: str, signature: str) -> bool:
        """Whether ``sign`` made it, with any of the keys; takes the same time for each wrong one."""
        raw, given = text.encode("utf-8", "replace"), signature.encode("utf-8", "replace")
        fits = [hmac.compare_digest(mac(raw)[:10].translate(_BASE32), given) for mac in self._macs]
        return any(fits)
