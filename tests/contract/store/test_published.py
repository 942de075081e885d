"""What is published, on each home of the store: whatever is cut off or at once, what is current can be used."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.content.bundles import Bundle, make_bundle, opened
from chalicelib.content.published import CURRENT, KEPT, Publication, Shelf, publish, roll_back, target_of
from chalicelib.errors import BundleError, ConflictError, NotFoundError, UsageError
from chalicelib.store import Blobs, Table
from tests.contract.store.homes import Home
from tests.deliver.cutting import Cut, Cutting

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.fixture
def shelf(home: Home) -> Shelf:
    return Shelf(home.table, home.blobs)


def bundle(name: str, *, commit: str = "") -> Bundle:
    files = {"content/site.yaml": f"name: {name}\n".encode(), "content/posts/a.md": b"The same.\n"}
    return make_bundle(files, ("digest",), NOW.isoformat(), commit or (name * 40)[:40])


def put(shelf: Shelf, name: str, now: datetime = NOW) -> Publication:
    return publish(shelf, bundle(name), "ada", now)


def read(shelf: Shelf) -> str:
    """The site's name, as a function would read it."""
    current = shelf.current()
    assert current is not None
    manifest = shelf.manifest(current.hash)
    return dict(opened(manifest, shelf.archive(current.hash)))["content/site.yaml"].decode()[6:-1]


def test_what_is_published_can_be_read_and_is_in_the_history(shelf: Shelf, home: Home) -> None:
    assert shelf.current() is None
    first, second = put(shelf, "a"), put(shelf, "b")
    assert (read(shelf), shelf.current()) == ("b", second)
    assert shelf.history() == [second, first]
    assert (first.number, second.number, second.back, second.by, second.commit) == (1, 2, 1, "ada", "b" * 40)
    names = [f"bundles/{one}/{file}" for one in (first.hash, second.hash) for file in ("manifest.json", "site.zip")]
    assert home.blobs.names("bundles/") == sorted(names)


def test_publishing_what_is_current_changes_nothing(shelf: Shelf) -> None:
    first = put(shelf, "a")
    assert publish(shelf, bundle("a", commit="f" * 40), "bo", NOW) == first
    assert shelf.history() == [first]


def test_a_bundle_that_is_there_is_read_and_never_written(shelf: Shelf, home: Home) -> None:
    first = put(shelf, "a")
    put(shelf, "b")
    before = {name: home.blobs.get(name) for name in home.blobs.names(f"bundles/{first.hash}")}
    again = publish(shelf, bundle("a", commit="f" * 40), "bo", NOW + timedelta(days=1))
    assert (again.number, again.commit, read(shelf)) == (3, "f" * 40, "a")
    assert {name: home.blobs.get(name) for name in home.blobs.names(f"bundles/{first.hash}")} == before


@pytest.mark.parametrize("file", ["site.zip", "manifest.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_bundle_that_was_damaged_is_not_published_again_and_not_gone_back_to(
    shelf: Shelf, home: Home, file: str, damage: str
) -> None:
    first, second = put(shelf, "a"), put(shelf, "b")
    name = f"bundles/{first.hash}/{file}"
    raw = home.blobs.get(name)
    assert raw
    if damage == "gone":
        home.blobs.delete(name)
    else:
        home.blobs.put(name, raw[:-1] if damage == "cut" else raw[:-3] + bytes([raw[-3] ^ 1]) + raw[-2:])
    with pytest.raises(BundleError, match="is not what was published"):
        roll_back(shelf, first, "ada", NOW)
    assert shelf.current() == second
    if (file, damage) == ("manifest.json", "gone"):  # then it is none, and what was half there is written anew
        put(shelf, "a")
        assert read(shelf) == "a"
        return
    with pytest.raises(BundleError, match=r"is not what was published.*delete bundles/"):
        put(shelf, "a")
    assert shelf.current() == second


class Lossy:
    """Blobs that lose what is written, as a disk or a proxy might: one of the writes is shorter than it should be."""

    def __init__(self, blobs: Blobs, short: str) -> None:
        self._blobs, self._short = blobs, short

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    def put(self, name: str, content: bytes) -> None:
        self._blobs.put(name, content[:-1] if name.endswith(self._short) else content)


@pytest.mark.parametrize("short", ["site.zip", "manifest.json"])
def test_an_upload_that_did_not_arrive_whole_moves_no_pointer(shelf: Shelf, home: Home, short: str) -> None:
    first = put(shelf, "a")
    with pytest.raises(BundleError):
        put(Shelf(home.table, Lossy(home.blobs, short)), "b")
    assert (shelf.current(), read(shelf)) == (first, "a")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("before", [0, 1, KEPT + 2])
def test_cut_off_at_any_write_what_is_current_can_be_used_and_another_run_completes(
    home: Home, after: bool, before: int
) -> None:
    shelf = Shelf(home.table, home.blobs)
    for number in range(before):
        put(shelf, f"old{number}", NOW - timedelta(days=100))
    old = f"old{before - 1}" if before else ""
    for cut in range(1, 40):
        Cutting.left, Cutting.after = cut, after
        name = f"new{cut}"
        try:
            put(Shelf(Cutting(home.table), Cutting(home.blobs)), name)
        except Cut:
            pass
        else:
            break
        finally:
            Cutting.left = 10**9
        assert (read(shelf) if shelf.current() else "") in {old, name}
        assert shelf.history()[:1] == [one for one in [shelf.current()] if one], "the history tells of what is current"
        put(shelf, name)
        assert read(shelf) == name
        old = name
    else:
        raise AssertionError("a publish of 40 writes")
    assert cut > 4
    history = shelf.history()
    assert len(history) <= KEPT
    for one in history:
        shelf.verify(one.hash)


def test_of_two_at_once_one_loses_and_what_won_can_be_used(shelf: Shelf, home: Home) -> None:
    first = put(shelf, "a")
    other = Shelf(home.table, home.blobs)
    stale = other.current()
    won = put(shelf, "b")
    lost = bundle("c")
    other.upload(lost, NOW)
    with pytest.raises(ConflictError, match="Somebody else published in the meantime"):
        other.flip(stale, Publication(2, lost.manifest.hash, "", "bo", (), back=1))
    assert (shelf.current(), shelf.history(), read(shelf)) == (won, [won, first], "b")
    assert put(shelf, "c").number == 3


def test_of_two_first_ones_at_once_one_loses(shelf: Shelf) -> None:
    put(shelf, "a")
    with pytest.raises(ConflictError):
        shelf.flip(None, Publication(1, "f" * 64, "", "bo", ()))
    assert read(shelf) == "a"


def test_many_at_once_make_one_history(sturdy: Home) -> None:
    shelf = Shelf(sturdy.table, sturdy.blobs)
    lost, names, start = list[str](), [f"n{number}" for number in range(8)], threading.Barrier(8)

    def run(name: str) -> None:
        start.wait()
        try:
            put(shelf, name)
        except ConflictError:
            lost.append(name)

    threads = [threading.Thread(target=run, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    history = shelf.history()
    assert [one.number for one in history] == list(range(len(names) - len(lost), 0, -1))
    assert [one.back for one in history] == [one.number - 1 for one in history]
    for one in history:
        shelf.verify(one.hash)


def test_rolling_back_goes_further_back_each_time_and_never_forth(shelf: Shelf) -> None:
    for name in "abc":
        put(shelf, name)
    for expected in "ba":
        roll_back(shelf, target_of("", shelf.current(), shelf.history()), "bo", NOW)
        assert read(shelf) == expected
    with pytest.raises(NotFoundError, match="nothing before"):
        target_of("", shelf.current(), shelf.history())
    assert [one.brings_back for one in shelf.history()] == [1, 2, 0, 0, 0]
    put(shelf, "d")
    roll_back(shelf, target_of("", shelf.current(), shelf.history()), "bo", NOW)
    assert read(shelf) == "a"


def test_a_rollback_names_a_bundle_by_the_beginning_of_its_hash_or_commit(shelf: Shelf) -> None:
    made = {name: put(shelf, name) for name in "abc"}
    history, current = shelf.history(), shelf.current()
    assert target_of("AAAA", current, history) == made["a"]
    assert target_of(made["b"].hash[:12], current, history) == made["b"]
    with pytest.raises(UsageError, match="too short"):
        target_of("aaa", current, history)
    for nothing in ("cccc", made["c"].hash, "eeee1"):
        with pytest.raises(NotFoundError, match="no bundle or commit"):
            target_of(nothing, current, history)
    put(shelf, "aaaaab")
    put(shelf, "d")
    with pytest.raises(UsageError, match="more than one"):
        target_of("aaaaa", shelf.current(), shelf.history())
    with pytest.raises(NotFoundError, match="Nothing is published yet"):
        target_of("", None, [])


def test_old_bundles_go_and_what_may_be_gone_back_to_stays(shelf: Shelf, home: Home) -> None:
    long_ago = NOW - timedelta(days=100)
    made = [put(shelf, f"n{number}", long_ago) for number in range(KEPT + 5)]
    put(shelf, "last")
    kept = [one.hash for one in shelf.history()]
    assert len(kept) == KEPT
    assert kept[1:] == [one.hash for one in reversed(made[6:])]
    assert {name.split("/")[1] for name in home.blobs.names("bundles/")} == set(kept)
    roll_back(shelf, made[7], "ada", NOW)
    assert len(shelf.history()) == KEPT + 1, "with the one that the next way back leads to"
    roll_back(shelf, target_of("", shelf.current(), shelf.history()), "ada", NOW)
    assert read(shelf) == "n6"


def test_what_somebody_is_uploading_is_not_swept_away(shelf: Shelf, home: Home) -> None:
    put(shelf, "a")
    other = bundle("b")
    shelf.upload(other, datetime.now(UTC))
    put(shelf, "c")
    assert shelf.verify(other.manifest.hash) == other.manifest
    stale = bundle("d")
    shelf.upload(stale, NOW - timedelta(days=400))
    put(shelf, "e")
    with pytest.raises(BundleError):
        shelf.verify(stale.manifest.hash)


def test_nothing_else_of_the_store_is_touched(shelf: Shelf, home: Home) -> None:
    home.blobs.put("editions/digest/x", b"1")
    for number in range(KEPT + 3):
        put(shelf, f"n{number}", NOW - timedelta(days=100))
    assert home.blobs.get("editions/digest/x") == b"1"


def test_the_pointer_is_one_item(table: Table, shelf: Shelf) -> None:
    put(shelf, "a")
    item = table.get(CURRENT)
    assert item is not None
    assert (item.version, item.data["hash"]) == (1, bundle("a").manifest.hash)
