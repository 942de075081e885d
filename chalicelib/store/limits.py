"""What every home of the store can hold: one set of limits, checked before a write leaves the process.

The narrowest home sets each limit, so that what works on one machine works on AWS. Sources: DynamoDB's
and SQS's published quotas, S3's rules for key names.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.errors import InvalidKeyError, ItemTooLargeError
from chalicelib.store import MAX_ITEM_BYTES, MAX_TRANSACTION, Data, Delete, Item, Key, Replace, Write

MAX_PK_BYTES = 2048
MAX_SK_BYTES = 1024
MAX_PAGE_BYTES = 1024 * 1024
MAX_TRANSACTION_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 100
MAX_NUMBER = 2**53
"""Counters and expiry stay exact in every JSON reader, in SQLite's integers and in DynamoDB's numbers."""
MAX_COUNTER_NAME = 100
MAX_BODY_BYTES = 256 * 1024
MAX_DELAY = 900
MAX_VISIBILITY = 43_200
MAX_BLOB_NAME = 900

_OVERHEAD = 80  # names of our attributes, version, expiry and write token, counted as DynamoDB counts them
_COUNTER_OVERHEAD = 24
_SCALARS = frozenset({str, int, float, bool, type(None)})
_NOT_IN_SQS = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_IN_NAMES = re.compile("[\x00-\x1f\x7f]")


def utf8(text: str, what: str) -> bytes:
    """The bytes of ``text``. Raises InvalidKeyError for lone surrogates and for what is no text."""
    if not isinstance(text, str):
        raise InvalidKeyError(f"The {what} is a {type(text).__name__}, not text.")
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InvalidKeyError(
            f"The {what} {text[:60]!a} holds half a surrogate pair.", "Decode its source with errors='replace'."
        ) from None


def check_key_part(text: str, most: int, what: str) -> int:
    """The length in bytes of a pk or sk. Raises InvalidKeyError outside of 1..``most`` bytes."""
    size = len(utf8(text, what))
    if not 1 <= size <= most:
        raise InvalidKeyError(f"The {what} {text[:60]!r} has {size} bytes.", f"Keep it within 1 to {most}.")
    return size


def check_key(key: Key) -> int:
    """The length in bytes of a whole key. Raises InvalidKeyError."""
    return check_key_part(key.pk, MAX_PK_BYTES, "partition key") + check_key_part(key.sk, MAX_SK_BYTES, "sort key")


def check_number(number: int | None, what: str, least: int = -MAX_NUMBER) -> None:
    """Raises InvalidKeyError for what is no whole number of at most 2**53."""
    if number is None:
        return
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= MAX_NUMBER:
        raise InvalidKeyError(f"The {what} is {number!r:.60}.", f"It takes whole numbers from {least} to 2**53.")


def _check_json(value: object, where: Key, depth: int = 0) -> None:
    """``json`` would turn keys such as 1 or None into text without a word: what is read back would differ."""
    if depth > MAX_DEPTH:
        raise InvalidKeyError(f"The data of {where} is nested deeper than {MAX_DEPTH} levels.")
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if not isinstance(name, str):
                raise InvalidKeyError(f"The data of {where} has the key {name!r}, which is not text.")
            if type(inner) not in _SCALARS:
                _check_json(inner, where, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            if type(inner) not in _SCALARS:
                _check_json(inner, where, depth + 1)


def _plain(value: object) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} is no JSON")


_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), check_circular=False, default=_plain
)


def encode(key: Key, data: Data, expires: int | None = None, counters: Mapping[str, int] | None = None) -> str:
    """``data`` as compact JSON, once key, expiry and the size of the whole item are found good.

    Raises InvalidKeyError, or ItemTooLargeError above 400 KB.
    """
    size = check_key(key) + _OVERHEAD
    check_number(expires, "expiry", least=0)
    if not isinstance(data, Mapping):
        raise InvalidKeyError(f"The data of {key} is a {type(data).__name__}, not a mapping.")
    _check_json(data, key)
    try:
        text = _ENCODER.encode(data)
    except (TypeError, ValueError) as error:
        raise InvalidKeyError(f"The data of {key} can't be JSON: {error}.") from None
    size += len(utf8(text, f"data of {key}"))
    for name in counters or ():
        size += len(name.encode()) + _COUNTER_OVERHEAD
    if size > MAX_ITEM_BYTES:
        raise ItemTooLargeError(
            f"The item {key} has {size} bytes, more than {MAX_ITEM_BYTES}.", "Split it, or keep it in the blobs."
        )
    return text


def check_deltas(key: Key, deltas: Mapping[str, int]) -> None:
    """Raises InvalidKeyError for a key, a counter's name or a number that not every home takes."""
    check_key(key)
    for name, delta in deltas.items():
        check_key_part(name, MAX_COUNTER_NAME, "counter name")
        check_number(delta, f"change of counter {name}")


def key_of(write: Write) -> Key:
    """The key a write of a transaction goes to."""
    return write.item.key if isinstance(write, Replace | Delete) else write.key


def encode_transaction(writes: Sequence[Write]) -> list[str]:
    """The JSON of each write ('' for a delete). Raises InvalidKeyError for repeated keys, over 100 writes or 4 MB."""
    if len(writes) > MAX_TRANSACTION:
        raise InvalidKeyError(
            f"A transaction of {len(writes)} writes.", f"It takes at most {MAX_TRANSACTION}: split it."
        )
    keys = [key_of(write) for write in writes]
    if len(set(keys)) < len(keys):
        twice = next(key for at, key in enumerate(keys) if key in keys[:at])
        raise InvalidKeyError(f"A transaction writes {twice} twice.", "Fold the two writes into one.")
    texts = [_encode_write(write) for write in writes]
    total = sum(len(text.encode()) for text in texts)
    if total > MAX_TRANSACTION_BYTES - MAX_TRANSACTION * (MAX_PK_BYTES + MAX_SK_BYTES + _OVERHEAD):
        raise ItemTooLargeError(f"A transaction of {total} bytes.", "DynamoDB takes 4 MB: split it.")
    return texts


def _encode_write(write: Write) -> str:
    match write:
        case Delete(item):
            check_key(item.key)
            return ""
        case Replace(item, data, expires):
            return encode(item.key, data, expires, item.counters)
        case _:
            return encode(write.key, write.data, write.expires)


def check_query(
    pk: str, prefix: str, first: str | None, last: str | None, limit: int | None, cursor: str | None
) -> bool:
    """Whether anything can match (not where ``first`` is after ``last``). Raises InvalidKeyError."""
    check_key_part(pk, MAX_PK_BYTES, "partition key")
    if prefix and (first is not None or last is not None):
        raise InvalidKeyError("A query has a prefix and a range.", "Give one of them.")
    for text, what in ((prefix or None, "prefix"), (first, "first"), (last, "last"), (cursor, "cursor")):
        if text is not None:
            check_key_part(text, MAX_SK_BYTES, what)
    if limit is not None and limit < 1:
        raise InvalidKeyError(f"A query is limited to {limit} items.", "Ask for at least one.")
    if cursor is not None and not (
        cursor.startswith(prefix) and (first is None or cursor >= first) and (last is None or cursor <= last)
    ):
        raise InvalidKeyError(f"The cursor {cursor[:60]!r} lies outside of its query.", "Start again without it.")
    return first is None or last is None or first <= last


def is_live(expires: int | None, now: float) -> bool:
    """Whether an item that ends at ``expires`` is still there at ``now`` (epoch seconds)."""
    return expires is None or expires > now


def next_item(item: Item, data: Data, expires: int | None) -> Item:
    """The item as it stands once ``data`` has replaced ``item``."""
    return Item(item.key, data, item.version + 1, expires, item.counters)


def check_body(body: str) -> int:
    """The length in bytes of a message. Raises InvalidKeyError beyond what SQS takes (XML's characters)."""
    size = len(utf8(body, "message"))
    if found := _NOT_IN_SQS.search(body):
        raise InvalidKeyError(f"A message holds {found[0]!a}, which SQS refuses.", "Encode it, as JSON does.")
    if size == 0:
        raise InvalidKeyError("A message is empty.")
    if size > MAX_BODY_BYTES:
        raise ItemTooLargeError(f"A message of {size} bytes.", f"Keep it within {MAX_BODY_BYTES}, or in the blobs.")
    return size


def check_seconds(seconds: int, most: int, what: str) -> None:
    """Raises InvalidKeyError outside of 0..``most`` whole seconds."""
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 <= seconds <= most:
        raise InvalidKeyError(f"A {what} of {seconds!r} seconds.", f"It takes whole seconds from 0 to {most}.")


def check_receive(most: int, visibility: int, wait: int) -> None:
    """Raises InvalidKeyError for what SQS would refuse."""
    if not 1 <= most <= 10:
        raise InvalidKeyError(f"{most} messages asked for at once.", "Ask for 1 to 10.")
    check_seconds(visibility, MAX_VISIBILITY, "visibility")
    check_seconds(wait, 20, "wait")


def check_blob_name(name: str) -> None:
    """Raises InvalidKeyError for names that proxies, S3's XML or a file system would bend."""
    size = len(utf8(name, "blob name"))
    if not 1 <= size <= MAX_BLOB_NAME:
        raise InvalidKeyError(f"The blob name {name[:60]!r} has {size} bytes.", f"It takes 1 to {MAX_BLOB_NAME}.")
    if _NOT_IN_NAMES.search(name) or any(part in ("", ".", "..") for part in name.split("/")):
        raise InvalidKeyError(
            f"The blob name {name[:60]!r} is no plain relative path.",
            "No control characters, empty parts, '.' or '..'.",
        )
