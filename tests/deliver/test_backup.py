"""Backup and restore: everything comes back, whatever is cut off or damaged, and nothing goes out by itself."""

import gzip
import json
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.compose.edition import State
from chalicelib.deliver.backup import fingerprint, read_backup, write_backup
from chalicelib.deliver.holding import HELD
from chalicelib.deliver.pausing import KEY, pause, paused
from chalicelib.deliver.restoring import restore
from chalicelib.errors import BackupError
from chalicelib.store import Item, Key, Put, Table
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_blobs import SqliteBlobs
from chalicelib.store.sqlite_database import Database
from tests.deliver.house import ID, House
from tests.simulation.world import MONDAY, SECRETS, SLOT

LATER = SLOT + timedelta(hours=2)


class Store:
    def __init__(self, folder: Path) -> None:
        self.database = Database(folder / "sendbrief.db")
        self.table, self.blobs = SqliteTable(self.database), SqliteBlobs(self.database)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "here")
    made.start()
    made.table.add(Key("counted", "1"), {"n": 7})
    made.table.put_many([Put(Key("counted", "2"), {"text": "ä \x00 🎈"}, int(LATER.timestamp()) + 60)])
    made.table.put_many([Put(Key("counted", "3"), {"gone": 1}, 1_000)])
    made.table.put_many([Put(Key("QUEUE#chunks#0", "1"), {"body": "{}"})])
    made.blobs.put("pictures/x.webp", bytes(range(256)))
    yield made
    made.database.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "there")
    yield made
    made.database.close()


@pytest.fixture
def file(house: House, tmp_path: Path) -> Path:
    path = tmp_path / "store.backup"
    write_backup(path, house.table, house.blobs, fingerprint(SECRETS.sid_key), MONDAY)
    return path


def content(table: Table) -> dict[Key, tuple[Any, ...]]:
    return {
        item.key: (item.data, item.expires, item.counters)
        for item in table.everything()
        if item.key.pk not in {KEY.pk, HELD}
    }


def blobs_of(store: Any) -> dict[str, bytes | None]:
    return {name: store.blobs.get(name) for name in store.blobs.names("")}


def test_everything_comes_back_and_the_site_is_paused(house: House, fresh: Store, file: Path) -> None:
    made = restore(file, fresh.table, fresh.blobs, LATER)
    before, after = content(house.table), content(fresh.table)
    edition = Key("EDITIONS#digest", "2026-11-26")
    del before[Key("counted", "3")]
    del before[Key("QUEUE#chunks#0", "1")]
    assert {key: value for key, value in after.items() if key != edition} == {
        key: value for key, value in before.items() if key != edition
    }
    assert (blobs_of(fresh), made.items, made.blobs) == (blobs_of(house), len(before), len(blobs_of(house)))
    assert "restored from a backup" in str(paused(fresh.table))
    held = after[edition][0]
    assert (held["state"], held["was_sending"], "restored" in held["why"]) == ("held", True, True)
    assert {name: held[name] for name in held if name not in {"state", "was_sending", "why"}} == {
        name: value for name, value in before[edition][0].items() if name not in {"state", "was_sending", "why"}
    }


def test_the_file_is_its_owners_alone_and_nothing_is_left_beside_it(file: Path) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.glob("*store*")] == ["store.backup"]
    assert [path for path in file.parent.iterdir() if path.name.startswith(".")] == []


def test_the_secret_is_inside_only_where_asked(house: House, file: Path, tmp_path: Path) -> None:
    assert SECRETS.keys[0] not in gzip.decompress(file.read_bytes()).decode()
    other = tmp_path / "with"
    write_backup(other, house.table, house.blobs, "k", MONDAY, secret=SECRETS.keys[0])
    assert read_backup(other).secret == SECRETS.keys[0]


def test_a_file_that_is_there_is_not_overwritten(house: House, file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(BackupError, match="exists"):
        write_backup(file, house.table, house.blobs, "k", MONDAY)
    assert file.read_bytes() == before


class Breaking:
    """A table that is read up to a point."""

    home = ""

    def __init__(self, table: Table) -> None:
        self._table = table

    def everything(self) -> Iterator[Item]:
        for number, item in enumerate(self._table.everything()):
            if number == 5:
                raise BackupError("The disk is gone.")
            yield item


def test_a_backup_that_is_cut_off_leaves_no_file(house: House, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    with pytest.raises(BackupError, match="gone"):
        write_backup(folder / "b", Breaking(house.table), house.blobs, "k", MONDAY)  # type: ignore[arg-type]
    assert list(folder.iterdir()) == []
    with pytest.raises(BackupError, match="can't be written"):
        write_backup(tmp_path / "nowhere" / "b", house.table, house.blobs, "k", MONDAY)


def repacked(file: Path, change: Any) -> None:
    lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    file.write_bytes(gzip.compress(b"".join(change(lines))))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: lines[:-1], "not whole"),
        (lambda lines: lines[:3] + lines[4:], "not whole"),
        (lambda lines: [lines[0], lines[1].replace(b"a", b"b"), *lines[2:]], "not whole"),
        (lambda lines: [*lines, lines[1]], "no line of a backup"),
        (lambda lines: [*lines[:2], b"[\n", *lines[2:]], ":3: this is no line"),
        (lambda lines: [*lines[:2], b'[["item"],2]\n', *lines[2:]], ":3: this is no line"),
        (lambda lines: [*lines[:2], b"[" * 100_000 + b"\n", *lines[2:]], ":3: this is no line"),
        (lambda lines: lines[1:], "no backup of Sendbrief"),
        (lambda lines: [b'{"sendbrief-backup":99}\n', *lines[1:]], "format 99"),
        (lambda lines: [b'{"sendbrief-backup":1}\n', *lines[1:]], "lacks"),
        (lambda _lines: [], "not whole"),
    ],
)
def test_a_damaged_file_is_refused_before_the_first_write(fresh: Store, file: Path, change: Any, words: str) -> None:
    repacked(file, change)
    with pytest.raises(BackupError, match=words):
        restore(file, fresh.table, fresh.blobs, LATER)
    assert (content(fresh.table), paused(fresh.table), blobs_of(fresh)) == ({}, None, {})


@pytest.mark.parametrize("cut", [1, 10, 100, -20, -1])
def test_a_file_that_was_cut_is_refused(fresh: Store, file: Path, cut: int) -> None:
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(BackupError):
        restore(file, fresh.table, fresh.blobs, LATER)
    assert content(fresh.table) == {}


def test_a_store_that_is_not_empty_stays_as_it_is(house: House, file: Path) -> None:
    before = content(house.table)
    with pytest.raises(BackupError, match="not empty"):
        restore(file, house.table, house.blobs, LATER)
    assert (content(house.table), paused(house.table)) == (before, None)


def test_a_store_that_holds_nothing_but_a_blob_is_not_empty(fresh: Store, file: Path) -> None:
    fresh.blobs.put("pictures/mine.webp", b"x")
    with pytest.raises(BackupError, match="not empty"):
        restore(file, fresh.table, fresh.blobs, LATER)


class CutError(Exception):
    pass


class CutOff:
    """Blobs of which the second one can't be put."""

    def __init__(self, blobs: Any) -> None:
        self.put_before, self._blobs, self.names, self.get = 0, blobs, blobs.names, blobs.get

    def put(self, name: str, raw: bytes) -> None:
        if self.put_before:
            raise CutError
        self.put_before += 1
        self._blobs.put(name, raw)


def test_a_restore_that_was_cut_off_is_finished_by_the_same_file_only(
    house: House, fresh: Store, file: Path, tmp_path: Path
) -> None:
    with pytest.raises(CutError):
        restore(file, fresh.table, CutOff(fresh.blobs), LATER)  # type: ignore[arg-type]
    assert "cut off" in str(paused(fresh.table))
    house.table.put_many([Put(Key("another", "item"), {})])
    other = tmp_path / "other"
    write_backup(other, house.table, house.blobs, "k", MONDAY)
    with pytest.raises(BackupError, match="not empty"):
        restore(other, fresh.table, fresh.blobs, LATER)
    restore(file, fresh.table, fresh.blobs, LATER)
    assert (len(content(fresh.table)), blobs_of(fresh)) == (read_backup(file).items, blobs_of(house))
    assert "restored" in str(paused(fresh.table))


def test_a_backup_of_a_paused_site_can_be_cut_off_too(house: House, fresh: Store, tmp_path: Path) -> None:
    pause(house.table, "by hand", MONDAY)
    house.table.put_many(Put(Key("many", f"{n}"), {}) for n in range(600))  # more than are put back at once
    path = tmp_path / "b"
    write_backup(path, house.table, house.blobs, "k", MONDAY)
    with pytest.raises(CutError):
        restore(path, fresh.table, CutOff(fresh.blobs), LATER)  # type: ignore[arg-type]
    assert "cut off" in str(paused(fresh.table))
    restore(path, fresh.table, fresh.blobs, LATER)
    assert "restored" in str(paused(fresh.table))


def test_editions_whose_slot_passed_since_the_backup_wait_for_a_person(tmp_path: Path, fresh: Store) -> None:
    house = House(tmp_path / "drafted")
    house.composer.tick(SLOT - timedelta(hours=20))
    assert house.edition().state in {State.DRAFT, State.APPROVED}
    path = tmp_path / "b"
    write_backup(path, house.table, house.blobs, "k", MONDAY)
    house.database.close()
    restore(path, fresh.table, fresh.blobs, LATER)
    item = fresh.table.get(Key("EDITIONS#digest", ID.partition("/")[2]))
    assert item
    assert (item.data["state"], "slot has passed" in item.data["why"]) == ("held", True)


def test_editions_whose_slot_is_to_come_are_as_they_were(tmp_path: Path, fresh: Store) -> None:
    house = House(tmp_path / "drafted")
    house.composer.tick(SLOT - timedelta(hours=20))
    path = tmp_path / "b"
    write_backup(path, house.table, house.blobs, "k", MONDAY)
    restore(path, fresh.table, fresh.blobs, SLOT - timedelta(hours=10))
    assert Key("EDITIONS#digest", ID.partition("/")[2]) in content(fresh.table)
    assert content(fresh.table) == content(house.table)
    house.database.close()


def test_a_header_is_json_that_other_programs_can_read(file: Path) -> None:
    header = json.loads(gzip.decompress(file.read_bytes()).splitlines()[0])
    assert header == {
        "sendbrief-backup": 1,
        "made": MONDAY.isoformat(),
        "key": fingerprint(SECRETS.sid_key),
        "secret": "",
    }
