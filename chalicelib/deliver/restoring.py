"""Restoring a backup into an empty store: looked at whole first, cut off anywhere, and paused at the end."""

import base64
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from chalicelib.deliver.backup import EVERY, Backup, Progress, read_backup, read_lines
from chalicelib.deliver.holding import HELD, held, note_held
from chalicelib.deliver.pausing import SITE, Restored, note_restored, pause, standing
from chalicelib.errors import BackupError
from chalicelib.store import Blobs, Key, Put, Table

_BATCH = 500


def restore(
    path: Path, table: Table, blobs: Blobs, now: datetime, *,
    backup: Backup | None = None, progress: Progress = lambda _: None,
) -> Backup:  # fmt: skip
    """Put everything back and leave the site paused. Raises BackupError, before the first write where it can.

    Into an empty store only; one that a restore of the same file left half full is filled to the end.
    """
    backup = backup or read_backup(path)
    before = standing(table).pause
    if not (before and before.restoring == backup.digest) and not _is_empty(table, blobs):
        raise BackupError("The store is not empty.", "Restore into a new data folder, or a new table and bucket.")
    pause(table, "a restore is under way", now, restoring=backup.digest)
    waiting: dict[str, str] = {}
    table.put_many(_puts(path, blobs, table, now, progress, waiting))
    note_held(table, waiting)
    note_restored(table, Restored(now.isoformat(), backup.made))
    pause(table, f"it was restored from a backup made at {backup.made[:16]}Z", now)
    return backup


def _is_empty(table: Table, blobs: Blobs) -> bool:
    return next(table.everything(), None) is None and not blobs.names("")


def _puts(
    path: Path, blobs: Blobs, table: Table, now: datetime, progress: Progress, waiting: dict[str, str]
) -> Iterator[Put]:
    """Each item as it is put back; blobs, and items with counters, are written on the way.

    How the old store stood (paused, at home there, restored itself) is not put back. ``waiting`` takes the editions
    that are held, with their state before.
    """
    for number, line in enumerate(read_lines(path), start=1):
        if number % EVERY == 0:
            progress(number)
        if line[0] == "blob":
            blobs.put(line[1], base64.b64decode(line[2]))
            continue
        _, pk, sk, data, expires, counters = line
        key = Key(pk, sk)
        if pk in {SITE, HELD} or (expires is not None and expires <= now.timestamp()):
            continue
        put = Put(key, held(pk, data, now), expires)
        if put.data is not data:
            waiting[f"{pk.removeprefix('EDITIONS#')}/{sk}"] = data["state"]
        if not counters:
            yield put
            continue
        table.put_many([put])
        table.add(key, counters)


__all__ = ["held", "restore"]
