"""Idempotency-Key: the first answer to a POST is kept for a day and given again, so that a call may be repeated.

Only what was done is kept, for what was refused changed nothing. Kept answers name people by id alone, so that nothing
of somebody who is erased is left here.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from chalicelib.errors import ConflictError
from chalicelib.store import Item, Key, Table
from chalicelib.web.api.calls import Reply
from chalicelib.web.api.problems import ProblemError

KEPT = timedelta(hours=24)
AT_WORK = timedelta(seconds=60)
"""A call that is not done by then has died: the public function lives for 28 seconds."""
_LONGEST = 255


def once(table: Table, owner: str, header: str, request: bytes, now: datetime, act: Callable[[], Reply]) -> Reply:
    """Act, or give the answer that was given to the same request before.

    ``owner`` is the key's id, ``request`` what must be the same: method, path and body. Raises ProblemError: 422 where
    it is not the same, 409 while the first one is still at work.
    """
    if not 1 <= len(header) <= _LONGEST or not (header.isascii() and header.isprintable()):
        raise ProblemError(400, f"Idempotency-Key has from 1 to {_LONGEST} visible characters of ASCII.")
    digest = hashlib.sha256(request).hexdigest()
    place = Key(f"IDEMPOTENT#{owner}#{hashlib.sha256(header.encode()).hexdigest()}", "-")
    try:
        item = table.insert(place, {"request": digest}, int((now + AT_WORK).timestamp()))
    except ConflictError:
        return _again(table.get(place), digest)
    try:
        reply = act()
    except BaseException:
        with suppress(ConflictError):
            table.delete(item)
        raise
    with suppress(ConflictError):
        kept = {"request": digest, "status": reply.status, "body": reply.body}
        table.replace(item, kept, int((now + KEPT).timestamp()))
    return reply


def _again(item: Item | None, digest: str) -> Reply:
    if item is None or (item.data["request"] == digest and "status" not in item.data):
        raise ProblemError(409, "The first call with this key is still at work.", headers={"Retry-After": "5"})
    if item.data["request"] != digest:
        raise ProblemError(422, "This Idempotency-Key was used for another request.")
    return Reply(int(item.data["status"]), item.data["body"], {"Idempotent-Replayed": "true"})
