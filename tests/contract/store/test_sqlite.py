"""What only the embedded store does: its file, its faults, and processes that die."""

import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.errors import StoreUnavailableError
from chalicelib.store import Delete, Key, Put
from chalicelib.store.owners import Owners
from chalicelib.store.sqlite import SqliteTable, clean
from chalicelib.store.sqlite_database import Database, after_prefix
from chalicelib.store.sqlite_queue import SqliteQueue
from tests.contract.store.homes import START, Clock

K = Key("a", "b")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "made" / "store.db", patience=0.2)
    yield database
    database.close()


def test_it_is_made_at_the_first_use_for_its_user_alone(database: Database) -> None:
    assert not database.path.parent.exists()
    SqliteTable(database).insert(K, {})
    assert stat.S_IMODE(database.path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in database.path.parent.iterdir()} == {0o600}


def test_every_commit_reaches_the_disk(database: Database) -> None:
    assert database.run("PRAGMA synchronous") == [(2,)]
    assert database.run("PRAGMA journal_mode") == [("wal",)]


def refuse(path: Path) -> StoreUnavailableError:
    database = Database(path, patience=0.2)
    try:
        with pytest.raises(StoreUnavailableError, match=path.name) as caught:
            SqliteTable(database).insert(K, {})
    finally:
        database.close()
    assert caught.value.hint
    return caught.value


def edit(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_newer_schema_is_refused(database: Database) -> None:
    SqliteTable(database).insert(K, {})
    database.close()
    edit(database.path, "PRAGMA user_version=99")
    assert "newer Sendbrief (schema 99" in refuse(database.path).message


@pytest.mark.parametrize("version", [0, 1, 7])
def test_another_programs_database_is_left_alone(tmp_path: Path, version: int) -> None:
    path = tmp_path / "theirs.db"
    edit(path, "CREATE TABLE theirs (a)", f"PRAGMA user_version={version}")
    assert "another program" in refuse(path).message
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]
    connection.close()


def test_no_database_at_all(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("This is a text, and a long one, of more than a hundred bytes. " * 20)
    assert "no SQLite database" in refuse(path).hint
    assert path.read_text().startswith("This is a text")


def test_a_damaged_file(database: Database) -> None:
    table = SqliteTable(database)
    table.put_many(Put(Key("p", f"{n}"), {"text": "x" * 1000}) for n in range(200))
    database.close()
    content = bytearray(database.path.read_bytes())
    content[4096 * 3 :] = b"\xff" * (len(content) - 4096 * 3)
    database.path.write_bytes(content)
    broken = Database(database.path)
    with pytest.raises(StoreUnavailableError, match=r"store\.db") as caught:
        SqliteTable(broken).query("p")
    broken.close()
    assert "backup" in caught.value.hint


@pytest.mark.parametrize("way", ["a directory", "below a file"])
def test_a_path_that_can_be_no_file(tmp_path: Path, way: str) -> None:
    path = tmp_path / "store.db"
    if way == "a directory":
        path.mkdir()
    else:
        (tmp_path / "file").touch()
        path = tmp_path / "file" / "store.db"
    assert "directory" in refuse(path).hint


def test_a_full_disk_undoes_the_write(database: Database) -> None:
    table = SqliteTable(database)
    table.insert(K, {"kept": True})
    database.run("PRAGMA max_page_count=30")
    with pytest.raises(StoreUnavailableError, match="full") as caught:
        table.put_many(Put(Key("p", f"{n}"), {"text": "x" * 1000}) for n in range(400))
    assert "Free space" in caught.value.hint
    assert table.query("p").items == ()
    database.run("PRAGMA max_page_count=10000")
    assert table.replace(table.insert(Key("a", "c"), {}), {"again": True}).version == 2


def test_a_read_only_file(database: Database) -> None:
    SqliteTable(database).insert(K, {})
    database.run("PRAGMA query_only=ON")
    with pytest.raises(StoreUnavailableError) as caught:
        SqliteTable(database).add(K, {"n": 1})
    assert "right to write" in caught.value.hint
    assert SqliteTable(database).get(K)


def test_a_writer_that_never_ends_is_named(database: Database) -> None:
    table = SqliteTable(database)
    table.insert(K, {})
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert table.get(K)
    with pytest.raises(StoreUnavailableError, match="locked") as caught:
        table.add(K, {"n": 1})
    assert "Another process" in caught.value.hint
    other.execute("ROLLBACK")
    other.close()
    assert table.add(K, {"n": 1}) == {"n": 1}


def test_a_closed_store_says_so(database: Database) -> None:
    SqliteTable(database).insert(K, {})
    database.close()
    with pytest.raises(StoreUnavailableError, match="closed"):
        SqliteTable(database).get(K)


def test_an_error_in_a_transaction_undoes_it(database: Database) -> None:
    def fail() -> None:
        with database.writing() as connection:
            connection.execute("DELETE FROM items")
            raise KeyError("on purpose")

    SqliteTable(database).insert(K, {})
    with pytest.raises(KeyError):
        fail()
    assert SqliteTable(database).get(K)


def test_threads_that_have_ended_leave_no_connections(database: Database) -> None:
    table = SqliteTable(database)
    table.insert(K, {})
    for _ in range(50):
        thread = threading.Thread(target=table.get, args=(K,))
        thread.start()
        thread.join()
    handles = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if _is_open(fd)]  # noqa: PTH115, PTH208
    assert sum(1 for handle in handles if handle.startswith(str(database.path))) <= 12


def _is_open(descriptor: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{descriptor}")


def test_sweeping_removes_what_has_expired_and_nothing_else(database: Database) -> None:
    clock = Clock()
    table = SqliteTable(database, clock)
    now = int(START)
    table.put_many(Put(Key("old", f"{n}"), {}, now - n) for n in range(200))
    table.put_many([Put(Key("new", "a"), {}, now + 1), Put(Key("new", "b"), {})])
    assert (table.sweep(150), table.sweep(), table.sweep()) == (150, 50, 0)
    assert len(table.query("new").items) == 2


def contents(database: Database) -> bytes:
    """Of the file and its log."""
    log = database.path.with_name(f"{database.path.name}-wal")
    return database.path.read_bytes() + (log.read_bytes() if log.exists() else b"")


@pytest.mark.parametrize("seed", [432, 449, 500, 521, 561, 645])
def test_copies_that_joined_pages_keep_of_what_was_deleted_go_too(database: Database, seed: int) -> None:
    """These rows leave one in a gap, with the SQLite of 2026 at least."""
    table, chance = SqliteTable(database, lambda: 0), random.Random(seed)
    count = chance.randrange(60, 80)
    for who, name in (("P", "somebody"), ("Q", "Ada Lovelace"), ("R", "somebody")):
        for n in range(count):
            table.insert(Key(who, f"{n:04}"), {"name": f"{name} {n}",
                                               "x": "y" * chance.randrange(60)})  # fmt: skip
    table.transact([Delete(item) for item in table.query("Q").items])
    clean(database)
    assert b"Ada Lovelace" not in contents(database)
    assert len(table.query("P").items) == len(table.query("R").items) == count


def test_a_busy_or_full_disk_puts_writing_anew_off(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    table = SqliteTable(database)
    table.put_many(Put(Key("p", f"{n}"), {"text": "x" * 1000}) for n in range(100))
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert not database.compact()
    with pytest.raises(StoreUnavailableError):
        clean(database)
    other.execute("ROLLBACK")
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM items").fetchall()
    table.put_many([Put(Key("p", "0"), {"text": "another"})])
    assert not database.compact(), "who reads sees the file as it was, so that its log is kept"
    assert clean(database) == 0
    assert "another day" in caplog.text
    caplog.clear()
    other.close()
    clean(database)
    assert caplog.text == ""
    assert not database.path.with_name("store.db-wal").stat().st_size
    assert len(table.query("p").items) == 100


def test_writing_sweeps_by_itself(database: Database) -> None:
    clock = Clock()
    table = SqliteTable(database, clock)
    for n in range(600):
        clock.now += 10
        table.insert(Key("lease", f"{n}"), {}, int(clock.now) + 5)
    assert database.run("SELECT count(*) FROM items")[0][0] < 300


def in_a_child(work: Callable[[], object]) -> int:
    """The exit code of a forked child that does ``work``: 0 where it returns something true."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if work() else 3)
        except BaseException:  # noqa: BLE001 (a child must never go on into pytest)
            os._exit(4)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_forked_child_has_a_connection_of_its_own(database: Database) -> None:
    table = SqliteTable(database)
    table.insert(K, {})
    inherited = database._connection()
    assert in_a_child(lambda: database._connection() is not inherited and table.add(K, {"n": 1})) == 0
    assert table.add(K, {"n": 1}) == {"n": 2}


CHILD = """
import sys, time
from pathlib import Path
from chalicelib.store import Key
from chalicelib.store.owners import Owners
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_database import Database
from chalicelib.store.sqlite_queue import SqliteQueue
directory = Path(sys.argv[1])
database = Database(directory / "store.db")
if sys.argv[2] == "receive":
    print(len(SqliteQueue(database, "work", owners=Owners(directory / "owners")).receive(10)), flush=True)
    time.sleep(60)
n = 0
while True:
    SqliteTable(database).transact([__import__("chalicelib.store").store.Insert(Key(p, f"{n:06}"), {}) for p in "ab"])
    print(n, flush=True)
    n += 1
"""


def start(directory: Path, what: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", CHILD, str(directory), what], stdout=subprocess.PIPE, text=True)


def kill(process: "subprocess.Popen[str]") -> str:
    process.send_signal(signal.SIGKILL)
    return process.communicate(timeout=10)[0]


def test_what_was_said_to_be_written_survives_kill_9(tmp_path: Path) -> None:
    for _ in range(3):
        directory = tmp_path / f"{time.monotonic_ns()}"
        process = start(directory, "write")
        assert process.stdout
        process.stdout.readline()
        time.sleep(0.1)
        said = [int(line) for line in kill(process).split()]
        database = Database(directory / "store.db")
        table = SqliteTable(database)
        first, second = ([item.key.sk for item in table.query(pk).items] for pk in "ab")
        assert database.run("PRAGMA integrity_check") == [("ok",)]
        database.close()
        assert first == second
        assert len(first) in (said[-1] + 1, said[-1] + 2)


def test_messages_of_a_killed_receiver_come_again_at_once(tmp_path: Path) -> None:
    database, owners = Database(tmp_path / "store.db"), Owners(tmp_path / "owners")
    queue = SqliteQueue(database, "work", owners=owners)
    queue.send(["a", "b"])
    process = start(tmp_path, "receive")
    assert process.stdout
    assert process.stdout.readline() == "2\n"
    assert queue.receive(10) == []
    kill(process)
    assert [(message.body, message.attempts) for message in queue.receive(10)] == [("a", 2), ("b", 2)]
    assert queue.receive(10) == []
    assert len(list((tmp_path / "owners").iterdir())) == 1
    owners.close()
    database.close()


def test_a_message_that_kills_its_receivers_dies(tmp_path: Path, database: Database) -> None:
    owners = Owners(tmp_path / "owners")
    queue = SqliteQueue(database, "work", owners=owners, max_attempts=3)
    queue.send(["poison"])
    for attempt in range(1, 4):
        receiver = Owners(tmp_path / "owners")
        (message,) = SqliteQueue(database, "work", owners=receiver, max_attempts=3).receive()
        assert message.attempts == attempt
        receiver.close()
    assert queue.receive() == []
    assert queue.dead() == ["poison"]
    owners.close()


def test_a_stale_receipt_does_nothing(database: Database) -> None:
    clock = Clock()
    queue = SqliteQueue(database, "work", wall_clock=clock)
    queue.send(["a"])
    (first,) = queue.receive(visibility=5)
    clock.now += 5
    (second,) = queue.receive()
    queue.delete(first)
    queue.release(first)
    assert queue.receive() == []
    queue.release(second)
    assert len(queue.receive()) == 1


def test_named_queues_keep_apart(database: Database) -> None:
    one, two = SqliteQueue(database, "one"), SqliteQueue(database, "two")
    one.send(["a"])
    assert two.receive() == []
    (message,) = one.receive()
    two.delete(message)
    two.release(message)
    assert one.receive() == []
    one.release(message)
    assert len(one.receive()) == 1


def test_owners_know_who_lives(tmp_path: Path) -> None:
    one, two = Owners(tmp_path / "o"), Owners(tmp_path / "o")
    assert one.token != two.token
    assert one.token == one.token
    assert all(a.alive(b.token) for a in (one, two) for b in (one, two))
    token = one.token
    one.close()
    assert not two.alive(token)
    assert not one.alive(token)
    assert one.token != token
    for stranger in ("", "../../etc/passwd", "0" * 32, two.token.upper()):
        assert not two.alive(stranger)
    one.close()
    two.close()
    assert list((tmp_path / "o").iterdir()) == []


def test_a_forked_child_is_an_owner_of_its_own(tmp_path: Path) -> None:
    owners, watcher = Owners(tmp_path / "o"), Owners(tmp_path / "o")
    token = owners.token
    assert in_a_child(lambda: owners.token != token and owners.alive(token)) == 0
    assert watcher.alive(token)
    assert sum(1 for path in (tmp_path / "o").iterdir() if not watcher.alive(path.stem)) <= 1
    assert [path.stem for path in (tmp_path / "o").iterdir() if path.suffix == ".lock"] == [token]
    owners.close()
    watcher.close()


def test_a_child_that_outlives_its_parent_does_not_keep_it_alive(tmp_path: Path) -> None:
    """The lock is inherited with its descriptor: a helper process must not make its dead parent look alive."""
    code = (
        "import os, sys, time; from pathlib import Path; from chalicelib.store.owners import Owners\n"
        "owners = Owners(Path(sys.argv[1])); token = owners.token; read, write = os.pipe()\n"
        "child = os.fork()\n"
        "if child == 0: os.write(write, b'x'); os.close(1); os.close(2); time.sleep(30); os._exit(0)\n"
        "os.read(read, 1); print(token, child, flush=True); os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    token, child = done.stdout.split()
    try:
        assert not Owners(tmp_path).alive(token)
    finally:
        os.kill(int(child), signal.SIGKILL)


def test_what_killed_owners_left_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / f"{'0' * 32}.lock").touch()
    owners, other = Owners(tmp_path), Owners(tmp_path)
    tokens = {owners.token, other.token}
    assert {path.stem for path in tmp_path.iterdir()} == tokens
    owners.close()
    other.close()


def test_a_directory_of_owners_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailableError, match="live processes"):
        Owners(tmp_path / "file" / "owners").token  # noqa: B018


@given(st.text(), st.text())
def test_after_prefix_is_the_least_upper_bound(prefix: str, text: str) -> None:
    after = after_prefix(prefix)
    assert after is None or prefix < after
    begins = text.startswith(prefix)
    assert begins == (prefix <= text and (after is None or text < after))


SKS = st.text(st.sampled_from("\x00a b#é🎈\ud7ff\ue000\U0010ffff"), min_size=1, max_size=3)


@settings(max_examples=60, deadline=None)
@given(
    sks=st.sets(SKS, max_size=12),
    bounds=st.one_of(
        st.fixed_dictionaries({"prefix": st.just("") | SKS}),
        st.fixed_dictionaries({"first": st.none() | SKS, "last": st.none() | SKS}),
    ),
    limit=st.integers(1, 5),
    reverse=st.booleans(),
)
def test_pages_join_to_what_a_plain_filter_finds(
    tmp_path_factory: pytest.TempPathFactory, sks: set[str], bounds: dict[str, Any], limit: int, reverse: bool
) -> None:
    database = _model_database(tmp_path_factory)
    database.change("DELETE FROM items")
    table = SqliteTable(database)
    table.put_many(Put(Key("p", sk), {}) for sk in sks)
    prefix, first, last = bounds.get("prefix", ""), bounds.get("first"), bounds.get("last")
    expected = sorted(
        (sk for sk in sks if sk.startswith(prefix) and (first is None or sk >= first) and (last is None or sk <= last)),
        key=str.encode,
        reverse=reverse,
    )
    found: list[str] = []
    cursor = None
    while True:
        page = table.query("p", limit=limit, reverse=reverse, cursor=cursor, **bounds)
        assert len(page.items) <= limit
        found += [item.key.sk for item in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert found == expected


_MODEL: list[Database] = []


def _model_database(factory: pytest.TempPathFactory) -> Database:
    if not _MODEL:
        _MODEL.append(Database(factory.mktemp("model") / "store.db"))
    return _MODEL[0]


@pytest.fixture(scope="module", autouse=True)
def _close_model() -> Iterator[None]:
    yield
    while _MODEL:
        _MODEL.pop().close()
