"""Signed links: one purpose, one salt; SHA-256; several keys, so that an old link outlives a new key."""

import hashlib
from dataclasses import dataclass
from typing import ClassVar

from itsdangerous import BadSignature, URLSafeSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from chalicelib.errors import ConfigurationError, NotFoundError

MAX_TOKEN = 1000
"""Characters of a token that are looked at; ours have about 110."""


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
    """Tokens of one purpose, for one person and one newsletter. They never expire: their links lie in old mails."""

    purpose: ClassVar[str]
    """Part of the salt: a token of one purpose is none for another."""

    def __init__(self, secrets: Secrets) -> None:
        self._serializer = URLSafeSerializer(
            list(secrets.keys),
            salt=f"sendbrief.{self.purpose}.v1",
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )
        self._signer = self._serializer.make_signer(self._serializer.salt)  # every mail has two: one signer for all

    def make(self, sid: str, newsletter: str) -> str:
        """A token for one person and newsletter, safe in a URL."""
        return self._signer.sign(self._serializer.dump_payload([sid, newsletter])).decode()

    def read(self, token: str) -> tuple[str, str]:
        """The person's id and the newsletter. Raises NotFoundError for anything not made by ``make``."""
        try:
            if len(token) > MAX_TOKEN:
                raise BadSignature("it is longer than any of ours")
            sid, newsletter = self._serializer.loads(token)
            signature = token.rpartition(".")[2]
            if base64_encode(base64_decode(signature)).decode() != signature:
                raise BadSignature("its last character has spare bits set")  # base64 says one thing in four ways
        except (BadSignature, ValueError, TypeError):
            raise NotFoundError("This link is not complete.", "Use the whole link from the mail.") from None
        return str(sid), str(newsletter)


class UnsubscribeTokens(_Tokens):
    """Tokens that let their holder leave one newsletter (RFC 8058)."""

    purpose = "unsubscribe"


class PreferencesTokens(_Tokens):
    """Tokens that let their holder see and change what they get of one newsletter."""

    purpose = "preferences"
