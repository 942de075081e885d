"""Erasing somebody leaves no trace but a suppression that names nobody, wherever it is cut off."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.audience.audience import Audience, make_member
from chalicelib.audience.bounces import bounce_writes
from chalicelib.audience.choices import Choices
from chalicelib.audience.erasing import Whom
from chalicelib.audience.happenings import announcer, happening
from chalicelib.audience.limits import Limits, subscribe_buckets
from chalicelib.audience.moving import Moves
from chalicelib.audience.people import current_id
from chalicelib.audience.scan import spellings, traces_in_file
from chalicelib.audience.signup import Request, SignUps, keep_text
from chalicelib.audience.subscriber import Basis, Evidence, MemberState, evidence_key, profile_key
from chalicelib.audience.suppression import Reason, Suppressions
from chalicelib.content.webhooks import Happening
from chalicelib.errors import ConflictError, StoreError
from chalicelib.store import Item, Key, Put, Replace, Write
from chalicelib.store.sqlite import SqliteTable, clean
from chalicelib.store.sqlite_database import Database
from tests.audience.house import NOW, SECRETS

OLD, PRESENT, NEXT = "Ada.Lovelace@example.org", "countess@example.org", "ada.byron@example.org"
WORDS = (OLD, PRESENT, NEXT, "Ada Lovelace", "lovelace", "countess", "byron")
NEIGHBOUR = "grace@example.org"


class World:
    """Somebody who moved, chose, asked and was suppressed, beside a neighbour who did the same."""

    def __init__(self, path: Path) -> None:
        self.path, self.database = path, Database(path)
        self.table = SqliteTable(self.database, NOW.timestamp)
        self.audience = self.audience_on(self.table)

    def audience_on(self, table: Any) -> Audience:
        return Audience(table, SECRETS, announcer(lambda: NOW))

    def live(self, address: str, later: str, wished: str, name: str) -> str:
        member = replace(make_member(SECRETS, "digest", address, name, "en"), marks=frozenset({"tag:speaker"}))
        self.audience.subscribe([member], Basis.CONSENT, "a test", NOW)
        old, sid, next_ = (self.audience.sid(text) for text in (address, later, wished))
        moves = Moves(self.table)
        moves.ask(old, sid, later, NOW)
        assert moves.confirm(old, sid, NOW)
        self.audience.subscribe([make_member(SECRETS, "alerts", later, name, "en")], Basis.CONTRACT, "list.csv", NOW)
        self.ask(later, name)
        moves.ask(sid, next_, wished, NOW)
        Limits(self.table, SECRETS.sid_key).take_all(subscribe_buckets(sid, "192.0.2.1"), NOW)
        writes = [happening(Happening.CONFIRMED, NOW - timedelta(days=day), sid=sid) for day in (0, 3, 29)]
        self.table.transact(writes)
        for number in range(120):  # more than one transaction takes
            what = Evidence(NOW + timedelta(seconds=number), "chose", "digest", how="the page", what=f"as {name}")
            self.table.put_many([Put(evidence_key(sid, what), {"how": f"{name} {number}"})])
        self.table.put_many([Put(Key(f"SUBSCRIBER#{sid}", "NOTICE#confirm"), {"at": ""}, int(NOW.timestamp()) + 60)])
        self.hear(old, sid)
        Suppressions(self.table).add(sid, Reason.COMPLAINT, NOW, note=f"{name} <{later}>", by="an editor")
        return sid

    def hear(self, old: str, sid: str) -> None:
        """A notice to each address came back, though the mailboxes may still be there; as deliver/hearing keeps it."""
        for one in (old, sid):
            self.table.transact(bounce_writes(None, one, [int(NOW.timestamp())]))
            note = {"kind": "bounced", "at": NOW.isoformat(), "source": "dsn", "words": "452 4.2.2 mailbox full"}
            self.table.put_many([Put(Key(f"SUBSCRIBER#{one}", "HEARD#0f"), note, int(NOW.timestamp()) + 60)])

    def ask(self, address: str, name: str, now: datetime = NOW) -> str:
        sid, text = self.audience.sid(address), keep_text(self.table, "You get a mail a week.", NOW)
        request = Request(address, name, "en", {"digest": Choices()}, "subscribe/1", text, now, zone="Asia/Tokyo")
        SignUps(self.table).ask(sid, request, now)
        return sid

    def left(self) -> list[Item]:
        return sorted(self.table.everything(), key=lambda item: item.key)

    def close(self) -> None:
        self.database.close()


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world = World(tmp_path_factory.mktemp("lived") / "people.db")
    world.live(OLD, PRESENT, NEXT, "Ada Lovelace")
    world.live(NEIGHBOUR, "hopper@example.org", "grace.hopper@example.org", "Grace Hopper")
    world.close()
    return world.path


@pytest.fixture
def world(lived: Path, tmp_path: Path) -> Iterator[World]:
    made = World(Path(shutil.copy(lived, tmp_path / "people.db")))
    yield made
    made.close()


def assert_gone(world: World, sid: str) -> None:
    """Nothing but suppressions bears an id of theirs, and no file a word; the neighbour has everything."""
    ids = {sid, world.audience.sid(OLD)}
    bearing = [item for item in world.left() if any(one in f"{item.key}{item.data}" for one in ids)]
    told = [item for item in bearing if item.key.pk.startswith("HAPPENED#")]
    assert [item.data["kind"] for item in told] in ([], ["erased"])
    kept = {item.key.sk: item.data for item in bearing if item not in told}
    assert kept == {
        sid: {"reason": "complaint", "at": NOW.isoformat()},
        world.audience.sid(OLD): {"reason": "erased", "at": NOW.isoformat()},
    }
    assert Limits(world.table, SECRETS.sid_key).look(subscribe_buckets(sid, "")[0]) is None
    assert sum(item.data.get("sid") == world.audience.sid("hopper@example.org") for item in world.left()) >= 3
    neighbour = world.audience.person(world.audience.sid(NEIGHBOUR))
    assert neighbour.profile is not None
    assert set(neighbour.members) == {"digest", "alerts"}
    clean(world.database)
    world.close()
    for name in ("people.db", "people.db-wal"):
        if (world.path.parent / name).exists():
            assert list(traces_in_file(world.path.parent / name, spellings(WORDS))) == []
            assert list(traces_in_file(world.path.parent / name, spellings([NEIGHBOUR[:5]]))) != []


@pytest.mark.parametrize("address", [OLD, PRESENT])
def test_all_goes_under_whichever_address(world: World, address: str) -> None:
    sid = world.audience.sid(PRESENT)
    erased = world.audience.erase(world.audience.sid(address), NOW)
    assert erased.known
    assert erased.whom.ids == (sid, world.audience.sid(OLD))
    assert {PRESENT, NEXT, "Ada Lovelace"} <= set(erased.whom.words)
    assert erased.items > 120
    assert_gone(world, sid)


def test_a_second_time_changes_nothing(world: World) -> None:
    world.audience.erase(world.audience.sid(PRESENT), NOW)
    before = world.left()
    assert world.audience.erase(world.audience.sid(PRESENT), NOW + timedelta(days=1)).items == 0
    assert world.left() == before


class Cut(BaseException):
    pass


class Meddled:
    """A table that does something at its n-th call, before or after it took effect."""

    def __init__(self, table: SqliteTable, at: int, what: Callable[[], None], *, after: bool = False) -> None:
        self._table, self.calls, self._at, self._what, self._after = table, 0, at, what, after

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._table, name)

        def call(*values: Any, **named: Any) -> Any:
            self.calls += 1
            mine = self.calls == self._at
            if mine and not self._after:
                self._what()
            result = method(*values, **named)
            if mine and self._after:
                self._what()
            return result

        return call


def cut() -> None:
    raise Cut


def calls_of_one(lived: Path, folder: Path) -> int:
    world = World(Path(shutil.copy(lived, folder / "count.db")))
    counting = Meddled(world.table, 0, cut)
    world.audience_on(counting).erase(world.audience.sid(OLD), NOW)
    world.close()
    return counting.calls


STEPS = [pytest.param(41, id="some"), pytest.param(1, id="all", marks=pytest.mark.slow)]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_cut_off_at_any_call_it_is_finished_by_doing_it_again(
    lived: Path, tmp_path: Path, step: int, after: bool
) -> None:
    for at in range(1 + 20 * after, calls_of_one(lived, tmp_path) + 1, step):
        world = World(Path(shutil.copy(lived, tmp_path / "people.db")))
        with pytest.raises(Cut):
            world.audience_on(Meddled(world.table, at, cut, after=after)).erase(world.audience.sid(OLD), NOW)
        sid = world.audience.sid(PRESENT)
        world.audience.erase(sid, NOW)
        assert world.table.get(profile_key(sid)) is None
        assert_gone(world, sid)
        for file in tmp_path.glob("people.db*"):
            file.unlink()


@pytest.mark.parametrize("step", STEPS)
def test_whoever_writes_meanwhile_is_overtaken_at_every_call(lived: Path, tmp_path: Path, step: int) -> None:
    """An import that read before the suppression joins them to another newsletter at any moment of the erasure."""
    for at in range(calls_of_one(lived, tmp_path), 3, -step):  # the last calls are the narrowest
        world = World(Path(shutil.copy(lived, tmp_path / "people.db")))
        member = make_member(SECRETS, "third", PRESENT, "Ada Lovelace", "en")
        sid = member.sid

        def join(world: World = world, member: Any = member) -> None:
            found = world.table.get(profile_key(member.sid))
            if found:
                states = {**found.data["newsletters"], "third": "confirmed"}
                about = Replace(found, {**found.data, "newsletters": states})
                world.table.transact([Put(member.key, {"address": PRESENT, "state": "confirmed"}), about])

        world.audience_on(Meddled(world.table, at, join)).erase(sid, NOW)
        assert world.table.get(member.key) is None, at
        assert_gone(world, sid)
        for file in tmp_path.glob("people.db*"):
            file.unlink()


def test_whoever_only_asked_is_erased_and_kept_out_of_imports(tmp_path: Path) -> None:
    world = World(tmp_path / "people.db")
    sid = world.ask(PRESENT, "Ada Lovelace")
    assert world.audience.erase(sid, NOW).whom.words == (PRESENT, "Ada Lovelace")
    assert [item.key for item in world.left() if item.key.pk != "CONSENT-TEXT"] == [Key(f"SUPPRESSED#{sid[0]}", sid)]
    member = make_member(SECRETS, "digest", PRESENT, "", "")
    assert world.audience.subscribe([member], Basis.CONSENT, "an import", NOW) == ["suppressed"]
    world.close()


def test_what_expired_and_was_not_swept_yet_goes_as_well(tmp_path: Path) -> None:
    world = World(tmp_path / "people.db")
    sid = world.ask(PRESENT, "Ada Lovelace", NOW - timedelta(days=31))
    Moves(world.table).ask(sid, "a" * 24, NEXT, NOW - timedelta(days=3))
    world.audience.subscribe([make_member(SECRETS, "alerts", PRESENT, "", "")], Basis.CONTRACT, "a test", NOW)
    assert sum(PRESENT in str(item.data) or NEXT in str(item.data) for item in world.left()) == 4
    world.audience.erase(sid, NOW)
    assert [item for item in world.left() if PRESENT in str(item.data) or NEXT in str(item.data)] == []
    world.close()


def test_of_a_suppression_alone_only_the_reason_stays(tmp_path: Path) -> None:
    world = World(tmp_path / "people.db")
    sid = world.audience.sid(PRESENT)
    Suppressions(world.table).add(sid, Reason.MANUAL, NOW, note=f"asked by {PRESENT}", by="Ed")
    assert world.audience.erase(sid, NOW + timedelta(days=1)).known
    assert [dict(item.data) for item in world.left()] == [{"reason": "manual", "at": NOW.isoformat()}]
    world.close()


def test_of_a_stranger_nothing_is_written(tmp_path: Path) -> None:
    world = World(tmp_path / "people.db")
    assert not world.audience.erase("a" * 24, NOW).known
    assert world.left() == []
    world.close()


def test_what_lies_elsewhere_is_forgotten_while_it_can_still_be_found(world: World) -> None:
    seen: list[tuple[Whom, bool]] = []

    def elsewhere(whom: Whom) -> dict[str, int]:
        seen.append((whom, world.table.get(profile_key(whom.ids[0])) is not None))
        return {"mails": 2}

    erased = Audience(world.table, SECRETS, elsewhere=elsewhere).erase(world.audience.sid(OLD), NOW)
    assert erased.elsewhere == {"mails": 2}
    assert seen == [(erased.whom, True)]
    assert erased.whom.newsletters == ("alerts", "digest")


def test_a_new_double_opt_in_brings_somebody_back(tmp_path: Path) -> None:
    world = World(tmp_path / "people.db")
    sid = world.ask(PRESENT, "Ada")
    world.audience.erase(sid, NOW)
    assert SignUps(world.table).confirm(sid, NOW) is None
    world.ask(PRESENT, "Ada")
    confirmed = SignUps(world.table).confirm(sid, NOW)
    assert confirmed is not None
    assert confirmed.added == ("digest",)
    member = world.audience.membership("digest", sid)
    assert member is not None
    assert member.state is MemberState.CONFIRMED
    assert Suppressions(world.table).of(sid) is None
    assert [line["action"] for line in world.audience.history(sid)] == ["lifted", "confirmed"]
    world.close()


def test_an_import_keeps_the_ids_a_person_had(tmp_path: Path) -> None:
    world = World(tmp_path / "people.db")
    world.audience.subscribe([make_member(SECRETS, "digest", OLD, "", "")], Basis.CONSENT, "a test", NOW)
    old, sid = world.audience.sid(OLD), world.audience.sid(PRESENT)
    Moves(world.table).ask(old, sid, PRESENT, NOW)
    assert Moves(world.table).confirm(old, sid, NOW)
    world.audience.subscribe([make_member(SECRETS, "alerts", PRESENT, "", "")], Basis.CONSENT, "an import", NOW)
    assert world.audience.profile(PRESENT).former == (old,)
    assert current_id(world.table, old) == sid
    world.close()


def test_changes_without_end_are_an_error_a_person_can_act_on(world: World) -> None:
    class Busy:
        def __getattr__(self, name: str) -> Any:
            return getattr(world.table, name)

        def transact(self, writes: Sequence[Write]) -> None:
            raise ConflictError("always")

    with pytest.raises(StoreError, match="all the time"):
        world.audience_on(Busy()).erase(world.audience.sid(PRESENT), NOW)
