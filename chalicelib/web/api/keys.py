"""Keys of the API: shown once, stored as SHA-256 of 256 random bits, each with the scopes it has."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from chalicelib.errors import ConflictError, NotFoundError
from chalicelib.store import Item, Key, Table, every

PARTITION = "KEYS"
_SHAPE = re.compile(r"sb_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NOBODY = "0" * 64


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key without its secret. ``created`` and ``used`` (the day of its last use, UTC, '' for never) are ISO."""

    id: str
    name: str
    scopes: frozenset[str]
    created: str
    used: str = ""


class Keys:
    """All keys of a site."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def create(self, name: str, scopes: Collection[str], now: datetime) -> tuple[ApiKey, str]:
        """A new key, and the text of it that nobody can read again."""
        key = ApiKey(secrets.token_hex(6), name, frozenset(scopes), now.isoformat())
        secret = secrets.token_urlsafe(32)
        data = {"name": name, "scopes": sorted(scopes), "created": key.created, "hash": _digest(secret)}
        self._table.insert(Key(PARTITION, key.id), data)
        return key, f"sb_{key.id}_{secret}"

    def all(self) -> list[ApiKey]:
        """Every key that was not revoked, the oldest first."""
        return sorted((_read(item) for item in every(self._table, PARTITION)), key=lambda key: key.created)

    def revoke(self, key_id: str) -> ApiKey:
        """Take a key away; it opens nothing from now on. Raises NotFoundError."""
        while True:
            item = self._table.get(Key(PARTITION, key_id)) if key_id else None
            if item is None:
                raise NotFoundError(f"There is no key '{key_id[:40]}'.", "'sendbrief keys list' names all.")
            with suppress(ConflictError):  # its day of use was written this moment
                self._table.delete(item)
                return _read(item)

    def opened_by(self, text: str, now: datetime) -> ApiKey | None:
        """The key that a request bears, None where there is none such. Compared in constant time."""
        found = _SHAPE.fullmatch(text)
        item = self._table.get(Key(PARTITION, found[1])) if found else None
        stored = str(item.data["hash"]) if item else _NOBODY
        same = hmac.compare_digest(_digest(found[2] if found else ""), stored)
        if item is None or not same:
            return None
        self._note_use(item, now)
        return _read(item)

    def _note_use(self, item: Item, now: datetime) -> None:
        """Once a day is enough to see which keys nobody needs."""
        day = now.date().isoformat()
        if item.data.get("used") != day:
            with suppress(ConflictError):
                self._table.replace(item, {**item.data, "used": day})


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _read(item: Item) -> ApiKey:
    data = item.data
    return ApiKey(item.key.sk, data["name"], frozenset(data["scopes"]), data["created"], data.get("used", ""))
