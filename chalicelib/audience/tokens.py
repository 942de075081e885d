"""Signed links: one purpose, one salt; SHA-256; several keys, so that an old link outlives a new key."""

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from itsdangerous import BadSignature, URLSafeSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from chalicelib.errors import BadLinkError, ConfigurationError, ExpiredLinkError

MAX_TOKEN = 1000
"""Characters of a token that are looked at; ours have about 120."""
MAX_SKEW_SECONDS = 900
"""How far the clocks of two machines may differ."""


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


class _Tokens:
    """Tokens of one purpose over two words. The purpose is part of the salt: one is none for another."""

    purpose: ClassVar[str]

    def __init__(self, secrets: Secrets) -> None:
        self._serializer = URLSafeSerializer(
            list(secrets.keys),
            salt=f"sendbrief.{self.purpose}.v1",
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )
        self._signer = self._serializer.make_signer(self._serializer.salt)  # every mail has two: one signer for all

    def _make(self, *parts: str | int) -> str:
        return self._signer.sign(self._serializer.dump_payload(list(parts))).decode()

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


class UnsubscribeTokens(_Tokens):
    """Tokens that let their holder leave one newsletter (RFC 8058). They never expire: they lie in old mails."""

    purpose = "unsubscribe"

    def make(self, sid: str, newsletter: str) -> str:
        """A token for one person and newsletter, safe in a URL."""
        return self._make(sid, newsletter)

    def read(self, token: str) -> tuple[str, str]:
        """The person's id and the newsletter. Raises BadLinkError for anything not made by ``make``."""
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
