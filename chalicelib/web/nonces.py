"""What a form bears against those who never opened it: a signed mark of when and for what it was shown, and a trap."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from itsdangerous import BadSignature, URLSafeSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from chalicelib.audience.tokens import Secrets

NONCE_FIELD, TRAP_FIELD = "form", "comment"
"""What the fields of a form are called. No browser fills in a ``comment`` by itself; programs fill in everything."""
LIFETIME = timedelta(hours=2)
"""A form left open over lunch still works. Whoever comes later is shown it anew, with what they typed."""
SOONEST = timedelta(seconds=2)
"""Nobody reads a form and types an address faster, not even with a password manager."""
SKEW = timedelta(minutes=5)
"""How far ahead the clock of another machine may be."""
MAX_NONCE = 200


class NonceState(StrEnum):
    """What a nonce is worth."""

    OK = "ok"
    TOO_SOON = "too-soon"
    EXPIRED = "expired"
    BAD = "bad"


class Nonces:
    """Nonces of forms. Each is bound to a purpose (a word such as ``subscribe``) and a subject (a link's token or '').

    They are kept nowhere and may be used more than once: they tell that a page of ours was open, no more.
    """

    def __init__(self, secrets: Secrets) -> None:
        self._keys = list(secrets.keys)

    def make(self, purpose: str, subject: str, now: datetime) -> str:
        """A nonce for a form that is shown now."""
        return str(self._serializer(purpose, subject).dumps(int(now.timestamp() * 1000)))

    def check(
        self, nonce: str, purpose: str, subject: str, now: datetime, *, soonest: timedelta = timedelta()
    ) -> NonceState:
        """What a nonce says. Where ``soonest`` is given, a form that came back sooner is TOO_SOON."""
        try:
            if len(nonce) > MAX_NONCE:
                return NonceState.BAD
            made = self._serializer(purpose, subject).loads(nonce)
            signature = nonce.rpartition(".")[2]
            if not isinstance(made, int) or base64_encode(base64_decode(signature)).decode() != signature:
                return NonceState.BAD
        except (BadSignature, ValueError, TypeError):
            return NonceState.BAD
        age = timedelta(milliseconds=int(now.timestamp() * 1000) - made)
        if age < -SKEW:
            return NonceState.BAD
        if age > LIFETIME:
            return NonceState.EXPIRED
        return NonceState.TOO_SOON if max(age, timedelta()) < soonest else NonceState.OK

    def _serializer(self, purpose: str, subject: str) -> URLSafeSerializer:
        return URLSafeSerializer(
            self._keys,
            salt=f"sendbrief.nonce.v1\0{purpose}\0{subject}",
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )


def is_trapped(form: Mapping[str, Sequence[str]]) -> bool:
    """Whether something stands in the field that no person sees."""
    return any(value.strip() for value in form.get(TRAP_FIELD, ()))
