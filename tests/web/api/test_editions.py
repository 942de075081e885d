"""Newsletters, editions and what a person decides about them, by the API."""

import asyncio
from datetime import timedelta

import pytest

from chalicelib.audience.subscriber import MemberState
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.runtime import Runtime
from tests.web.api.house import ADA, BO, Clock, Program
from tests.web.site import AFTER

EDITION = "harbour-log/2026-11-26"
SLOT = f"/editions/{EDITION}"


def edition(
    runtime: Runtime, clock: Clock, slot: str = "2026-11-26", name: str = "harbour-log", **more: object
) -> Edition:
    store = EditionStore(runtime.table, runtime.blobs)
    fields = {"slot_at": clock.now + timedelta(days=2), "state": State.DRAFT, **more}
    return store.claim_slot(Edition(name, slot, **fields))  # type: ignore[arg-type]


def test_newsletters_say_what_they_offer_and_how_many_get_them(program: Program) -> None:
    program.add(ADA)
    program.add(BO)
    program.send("POST", f"/subscribers/{BO}/leave")
    names = [one["name"] for one in program.get("/newsletters")["items"]]
    log = program.get("/newsletters/harbour-log")
    assert names == ["harbour-log", "storm-warnings"]
    assert log["members"] == {"confirmed": 1, "unsubscribed": 1, "complete": True}
    assert [topic["name"] for topic in log["topics"]] == ["tools"]
    assert log["triggered"] is False
    program.get("/newsletters/nowhere", 404)


@pytest.mark.slow
def test_large_lists_are_counted_only_so_far(program: Program, runtime: Runtime) -> None:
    from chalicelib.audience.subscriber import Membership, membership_to_data
    from chalicelib.store import Put
    from chalicelib.web.api import newsletters

    members = [Membership("harbour-log", f"{n:024x}", f"n{n}@example.org") for n in range(newsletters.MOST_COUNTED + 1)]
    assert members[0].state is MemberState.CONFIRMED
    runtime.table.put_many(Put(one.key, membership_to_data(one)) for one in members[: newsletters.MOST_COUNTED])
    assert program.get("/newsletters/harbour-log")["members"]["complete"] is True
    runtime.table.put_many([Put(members[-1].key, membership_to_data(members[-1]))])
    found = program.get("/newsletters/harbour-log")["members"]
    assert (found["confirmed"], found["complete"]) == (newsletters.MOST_COUNTED, False)


def test_a_person_s_decisions_are_those_of_the_commands(program: Program, runtime: Runtime, clock: Clock) -> None:
    edition(runtime, clock)
    held = program.send("POST", f"{SLOT}/hold", {"why": "a typo\nthere"})
    assert (held["state"], held["why"]) == ("held", "a typo there")
    assert program.send("POST", f"{SLOT}/approve")["state"] == "approved"
    wrong = program.send("POST", f"{SLOT}/pause", {}, 409)
    assert "is approved, not being sent" in wrong["detail"]
    program.send("POST", f"{SLOT}/resume", None, 409)
    assert program.send("POST", f"{SLOT}/cancel", {"why": "no news"})["state"] == "cancelled"
    program.send("POST", f"{SLOT}/approve", None, 409)
    assert program.get(SLOT)["why"] == "no news"
    for verb in ("approve", "hold", "pause", "resume", "cancel"):
        program.send("POST", f"/editions/harbour-log/2020-01-01/{verb}", None, 404)
    program.get("/editions/nowhere/2026-11-26", 404)


def test_an_edition_in_mid_send_is_paused_and_resumed_with_its_books(
    program: Program, runtime: Runtime, clock: Clock
) -> None:
    program.add(ADA)
    asyncio.run(runtime.ticker().tick(clock.now))
    assert program.send("POST", f"{SLOT}/approve")["state"] == "approved"
    clock.now = AFTER
    asyncio.run(runtime.ticker().tick(clock.now))
    sending = program.get(SLOT)
    assert (sending["state"], sending["books"]["planned"], sending["books"]["pending"]) == ("sending", 1, 1)
    assert program.send("POST", f"{SLOT}/pause")["state"] == "held"
    assert program.send("POST", f"{SLOT}/resume")["state"] == "sending"
    asyncio.run(runtime.ticker().tick_and_send(clock.now, runtime.worker()))
    clock.passes(minutes=1)
    sent = program.get(SLOT)
    assert (sent["state"], sent["books"]["sent"]) == ("sent", 1)
    (told,) = [one for one in program.get("/events")["items"] if one["type"] == "edition-sent"]
    assert told["data"]["edition"]["id"] == EDITION
    assert told["data"]["edition"]["books"] == sent["books"]


def test_lists_begin_with_the_newest_and_lose_none(program: Program, runtime: Runtime, clock: Clock) -> None:
    for day in range(1, 10):
        edition(runtime, clock, f"2026-11-0{day}", state=State.HELD if day % 2 else State.DRAFT)
    for day in (3, 4):
        edition(runtime, clock, f"2026-11-0{day}", "storm-warnings")
    whole = [one["id"] for one in program.get("/editions")["items"]]
    assert whole == sorted(whole, key=lambda name: name.split("/")[::-1], reverse=True)
    assert len(whole) == 11
    for limit in (1, 2, 4, 11):
        found, cursor = [], None
        for _ in range(20):
            page = program.get("/editions", limit=limit, **({"cursor": cursor} if cursor else {}))
            found += [one["id"] for one in page["items"]]
            cursor = page["cursor"]
            if cursor is None:
                break
        assert found == whole, limit
    assert program.get("/editions", limit=11)["cursor"] is None
    assert len(program.get("/editions", newsletter="storm-warnings")["items"]) == 2
    assert {one["state"] for one in program.get("/editions", state="held")["items"]} == {"held"}
    program.get("/editions", 400, cursor="x")


@pytest.mark.parametrize("slot", ["%2e%2e", "\x00", "x" * 3000, "2026-11-26'", "é"])
def test_names_that_no_edition_has_are_not_found(program: Program, slot: str) -> None:
    program.get(f"/editions/harbour-log/{slot}", 404)
