"""A sum that a browser does before its form is taken, so that asking a thousand times costs something. No third party.

The page holds a signed challenge; the browser looks for a number with which SHA-256 of ``<salt>:<number>`` begins with
enough zero bits (hashcash). Looking takes a quarter of a million tries, checking takes one.
"""

import hashlib
import re
import secrets as randomness
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil

from itsdangerous import BadSignature, URLSafeSerializer

from chalicelib.audience.tokens import Secrets
from chalicelib.errors import ConflictError
from chalicelib.store import Key, Table

CHALLENGE_FIELD, ANSWER_FIELD = "challenge", "answer"
DIFFICULTY = 18
"""Zero bits: half a second on a desk, two or three on an old phone, while its owner types."""
MAX_DIFFICULTY = 24
LIFETIME = timedelta(hours=2)
"""As long as the form itself is good for."""
MAX_CHALLENGE = 300
_ANSWER = re.compile(r"[0-9]{1,15}")


class WorkState(StrEnum):
    """What became of a challenge."""

    DONE = "done"
    MISSING = "missing"
    WRONG = "wrong"
    EXPIRED = "expired"
    SPENT = "spent"


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the page holds: ``token`` comes back with the form, the script needs the other two."""

    token: str
    salt: str
    difficulty: int


class ProofOfWork:
    """Challenges of a site. One counts once: its salt lies in the store until it expires."""

    def __init__(self, table: Table, secrets: Secrets, difficulty: int = DIFFICULTY) -> None:
        self._table, self._difficulty = table, min(difficulty, MAX_DIFFICULTY)
        self._serializer = URLSafeSerializer(
            list(secrets.keys),
            salt="sendbrief.work.v1",
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )

    def make(self, now: datetime) -> Challenge:
        """A new challenge."""
        salt, ends = randomness.token_hex(16), ceil((now + LIFETIME).timestamp())
        token = str(self._serializer.dumps([salt, self._difficulty, ends]))
        return Challenge(token, salt, self._difficulty)

    def verify(self, token: str, answer: str, now: datetime) -> WorkState:
        """Whether the work was done, for the first time. Only what was done is kept, so refusals leave nothing."""
        if not token or not answer:
            return WorkState.MISSING
        challenge = self._read(token)
        if challenge is None:
            return WorkState.WRONG
        salt, difficulty, ends = challenge
        if now.timestamp() >= ends:
            return WorkState.EXPIRED
        if not is_solved(salt, difficulty, answer):
            return WorkState.WRONG
        try:
            # A minute more than it is good for: the store's clock need not be ours.
            self._table.insert(Key(f"WORK#{salt}", "-"), {}, ends + 60)
        except ConflictError:
            return WorkState.SPENT
        return WorkState.DONE

    def _read(self, token: str) -> tuple[str, int, int] | None:
        """Salt, difficulty, end in epoch seconds; None for what ``make`` did not make."""
        try:
            if len(token) > MAX_CHALLENGE:
                return None
            salt, difficulty, ends = self._serializer.loads(token)
        except (BadSignature, ValueError, TypeError):
            return None
        return str(salt), int(difficulty), int(ends)


def is_solved(salt: str, difficulty: int, answer: str) -> bool:
    """Whether ``answer``, a decimal number, gives the zero bits."""
    if not _ANSWER.fullmatch(answer):
        return False
    digest = hashlib.sha256(f"{salt}:{answer}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - difficulty) == 0
