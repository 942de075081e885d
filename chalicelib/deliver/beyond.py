"""Mails that somebody tells of, of editions or chunks that this store does not have: they went out after its backup.

News of them can't be put into any ledger. They are noted by place, so that repeats count once, and name nobody. An
edition of which such mails are known is never planned anew by itself: who got it then can't be told from a place.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from chalicelib.errors import ConflictError, StoreError
from chalicelib.store import Key, Table, every

BEYOND = "BEYOND"
KEPT = timedelta(days=90)
TRIES = 50


def note_beyond(table: Table, edition: str, chunk: int, positions: Iterable[int], now: datetime) -> int:
    """Note mails of a chunk that is not there; how many were not known. Safe to repeat. Raises StoreError."""
    key, new, expires = _key(edition, chunk), set(positions), int((now + KEPT).timestamp())
    for _ in range(TRIES):
        item = table.get(key)
        known = set(item.data["positions"]) if item else set()
        if new <= known:
            return 0
        data = {"edition": edition, "positions": sorted(known | new)}
        try:
            if item:
                table.replace(item, data, expires)
            else:
                table.insert(key, data, expires)
        except ConflictError:
            continue
        return len(new - known)
    raise StoreError(f"What is told of {edition} is being changed all the time.", "Try again in a moment.")


def mails_beyond(table: Table, edition: str = "") -> Mapping[str, int]:
    """How many such mails are known of each edition; or of one alone."""
    counts: Counter[str] = Counter()
    for item in every(table, BEYOND, prefix=f"{edition}#" if edition else ""):
        counts[item.data["edition"]] += len(item.data["positions"])
    return counts


def beyond_words(count: int) -> str:
    """Why an edition of which they are known is held."""
    mails = "a mail" if count == 1 else f"{count} mails"
    return f"{mails} of it went out that this store knows nothing of, for it was restored: cancel it"


def _key(edition: str, chunk: int) -> Key:
    return Key(BEYOND, f"{edition}#{chunk:06d}")
