"""Backup and restore: the whole store in one file, written whole or not at all, and restored paused.

The file is gzip over lines of JSON: a header, ``["item", pk, sk, data, expires, counters]`` for each item,
``["blob", name, base64]`` for each blob, and an end with counts and the SHA-256 of all lines before it.
Queues are not in it, nor where they lie in the table: what they hold follows from the items.
"""

import base64
import contextlib
import gzip
import hashlib
import hmac
import json
import os
import secrets as random_secrets
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import IO, Any

from chalicelib.errors import BackupError
from chalicelib.store import Blobs, Item, Table

FORMAT = 1
EVERY = 1000
QUEUES = "QUEUE#"
"""How the partitions begin in which queues lie, where there is no service for them (store/table_queue.py)."""
_WIDTHS = {"['item']": 6, "['blob']": 3, "['end']": 2}
"""How long the line of each kind is."""
Progress = Callable[[int], None]
"""Called now and then with how many items and blobs are done."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What a file holds. ``key`` tells which secret its ids were made with, without naming it; ``secret`` if inside."""

    made: str
    key: str
    items: int
    blobs: int
    digest: str
    secret: str = ""


def fingerprint(sid_key: bytes) -> str:
    """Which key it is, without the key."""
    return hmac.new(sid_key, b"sendbrief.backup.v1", hashlib.sha256).hexdigest()[:16]


def write_backup(
    path: Path, table: Table, blobs: Blobs, key: str, now: datetime, *,
    secret: str = "", progress: Progress = lambda _: None,
) -> Backup:  # fmt: skip
    """Write everything to a new file that its owner alone may read. Raises BackupError, StoreUnavailableError.

    Items come before blobs: whatever an item names was there before it. What has expired is left out.
    """
    if path.exists():
        raise BackupError(f"{path} exists.", "Name another file, or move it away.")
    half = path.with_name(f".{path.name}.{random_secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw:
            with gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=5, mtime=0) as file:
                header = {"sendbrief-backup": FORMAT, "made": now.isoformat(), "key": key, "secret": secret}
                made = _write(file, header, table, blobs, now, progress)
            raw.flush()
            os.fsync(raw.fileno())
        half.replace(path)
    except OSError as error:
        raise BackupError(f"{path} can't be written: {error.strerror}.", "Make room, or name another place.") from None
    finally:
        with contextlib.suppress(OSError):
            half.unlink(missing_ok=True)
    return made


def _write(
    file: gzip.GzipFile, header: dict[str, Any], table: Table, blobs: Blobs, now: datetime, progress: Progress
) -> Backup:
    digest, counts = hashlib.sha256(), {"item": 0, "blob": 0}

    def put(line: Any) -> None:
        raw = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"
        digest.update(raw)
        file.write(raw)
        if isinstance(line, list):
            counts[line[0]] += 1
            if sum(counts.values()) % EVERY == 0:
                progress(sum(counts.values()))

    put(header)
    for item in table.everything():
        if not item.key.pk.startswith(QUEUES) and (item.expires is None or item.expires > now.timestamp()):
            put(_line(item))
    for name in blobs.names(""):
        content = blobs.get(name)
        if content is not None:
            put(["blob", name, base64.b64encode(content).decode()])
    file.write(json.dumps(["end", _end(counts, digest.hexdigest())]).encode() + b"\n")
    progress(sum(counts.values()))
    return Backup(header["made"], header["key"], counts["item"], counts["blob"], digest.hexdigest(), header["secret"])


def _end(counts: dict[str, int], digest: str) -> dict[str, Any]:
    return {"items": counts["item"], "blobs": counts["blob"], "sha256": digest}


def _line(item: Item) -> list[Any]:
    return ["item", *item.key, dict(item.data), item.expires, dict(item.counters)]


def read_backup(path: Path, progress: Progress = lambda _: None) -> Backup:
    """Look at a file from end to end: is it one, is it whole? Raises BackupError."""
    digest, counts, header, end = hashlib.sha256(), {"item": 0, "blob": 0}, dict[str, Any](), list[Any]()
    for number, raw in enumerate(_lines(path)):
        line = _parsed(path, number, raw)
        if number == 0:
            header = _header(path, line)
        elif end or not isinstance(line, list) or len(line) != _WIDTHS.get(str(line[:1]), 0):
            raise BackupError(f"{path}:{number + 1}: this is no line of a backup.", "Take another backup.")
        elif line[0] == "end":
            end = line
            continue
        else:
            counts[line[0]] += 1
        digest.update(raw)
        if number % EVERY == 0:
            progress(number)
    if end != ["end", _end(counts, digest.hexdigest())]:
        raise BackupError(f"{path} is not whole, or was changed since it was written.", "Take another backup.")
    return Backup(header["made"], header["key"], counts["item"], counts["blob"], digest.hexdigest(), header["secret"])


def read_lines(path: Path) -> Iterator[list[Any]]:
    """The items and blobs of a file that ``read_backup`` found whole."""
    for number, raw in enumerate(_lines(path)):
        line = _parsed(path, number, raw)
        if number and line[0] != "end":
            yield line


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as raw:
            if raw.read(2) != b"\x1f\x8b":
                raise BackupError(f"{path} is no backup of Sendbrief.", "'sendbrief backup FILE' makes one.")
        with gzip.open(path) as file:
            yield from _all_lines(file)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise BackupError(f"{path} is not whole: it ends too early or is damaged.", "Take another backup.") from None
    except OSError as error:
        raise BackupError(f"{path} can't be read: {error.strerror}.") from None


def _all_lines(file: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    first = file.readline(10_000)
    yield from chain([first] if first else [], iter(file.readline, b""))


def _parsed(path: Path, number: int, raw: bytes) -> Any:
    try:
        return json.loads(raw.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        raise BackupError(f"{path}:{number + 1}: this is no line of a backup.", "Take another backup.") from None


def _header(path: Path, line: Any) -> dict[str, Any]:
    if not isinstance(line, dict) or "sendbrief-backup" not in line:
        raise BackupError(f"{path} is no backup of Sendbrief.", "'sendbrief backup FILE' makes one.")
    if line["sendbrief-backup"] != FORMAT:
        raise BackupError(
            f"{path} has the format {line['sendbrief-backup']}; this version reads {FORMAT}.",
            "Restore it with the version that wrote it.",
        )
    if not all(isinstance(line.get(name), str) for name in ("made", "key", "secret")):
        raise BackupError(f"{path}:1: the header of this backup lacks something.", "Take another backup.")
    return line
