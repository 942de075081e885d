"""What happened, by the API: in order, once it has settled, each once by the cursor, nothing of the erased."""

from datetime import UTC, datetime

import pytest

from chalicelib.audience.choices import Choices, Wishes
from chalicelib.runtime import Runtime
from tests.web.api.house import ADA, ASKED, BO, Clock, Program


def kinds(program: Program, **query: str | int) -> list[tuple[str, str | None]]:
    return [(one["type"], one["data"]["newsletter"]) for one in program.get("/events", **query)["items"]]


def test_all_that_happens_to_people_is_told(program: Program, runtime: Runtime, clock: Clock) -> None:
    sid = program.add()
    program.send("POST", "/subscribers", {"address": BO, **ASKED}, 202)
    other = runtime.audience.sid(BO)
    runtime.signups.confirm(other, clock.passes(seconds=1))
    both = {"harbour-log": Choices(), "storm-warnings": Choices()}
    runtime.audience.arrange(other, Wishes(both), list(both), clock.passes(seconds=1), "a test")
    runtime.audience.leave(sid, "harbour-log", clock.passes(seconds=1), "a test")
    new = runtime.audience.sid("new@example.org")
    runtime.moves.ask(sid, new, "new@example.org", clock.now)
    runtime.moves.confirm(sid, new, clock.passes(seconds=1))
    runtime.audience.suppress(new, "bounce", clock.passes(seconds=1))
    runtime.audience.suppress(other, "complaint", clock.passes(seconds=1))
    clock.passes(seconds=31)
    assert kinds(program) == [
        ("subscribed", "harbour-log"), ("confirmed", "harbour-log"), ("subscribed", "storm-warnings"),
        ("unsubscribed", "harbour-log"), ("moved", None), ("bounced", None), ("suppressed", None),
    ]  # fmt: skip
    moved = program.get("/events")["items"][4]["data"]["subscriber"]
    assert (moved["id"], moved["former_ids"], moved["address"]) == (new, [sid], "new@example.org")
    first = program.get("/events")["items"][0]["data"]["subscriber"]
    assert (first["id"], first["address"]) == (sid, "new@example.org")


def test_an_import_tells_nothing(program: Program, runtime: Runtime, clock: Clock) -> None:
    from chalicelib.audience.audience import make_member
    from chalicelib.audience.subscriber import Basis

    member = make_member(runtime.secrets, "harbour-log", ADA, "", "en")
    runtime.audience.subscribe([member], Basis.CONSENT, "an import", clock())
    clock.passes(minutes=1)
    assert kinds(program) == []


def test_what_may_be_overtaken_is_not_shown_yet_and_the_cursor_shows_each_once(program: Program, clock: Clock) -> None:
    program.add(ADA)
    clock.passes(seconds=29)
    early = program.get("/events")
    assert early["items"] == []
    program.add(BO)
    clock.passes(seconds=2)
    first = program.get("/events", cursor=early["cursor"])
    assert [one["data"]["subscriber"]["address"] for one in first["items"]] == [ADA]
    assert program.get("/events", cursor=first["cursor"])["items"] == []
    clock.passes(seconds=30)
    second = program.get("/events", cursor=first["cursor"])
    assert [one["data"]["subscriber"]["address"] for one in second["items"]] == [BO]
    assert len(program.get("/events")["items"]) == 2


@pytest.mark.parametrize("limit", [1, 2, 3, 200])
def test_pages_over_days_lose_none(program: Program, clock: Clock, limit: int) -> None:
    for number in range(5):
        program.add(f"n{number}@example.org")
        clock.passes(hours=13)
    found, cursor = [], None
    for _ in range(10):
        page = program.get("/events", limit=limit, **({"cursor": cursor} if cursor else {}))
        found += [one["id"] for one in page["items"]]
        cursor = page["cursor"]
    assert len(found) == len(set(found)) == 5


def test_nothing_of_the_erased_is_told(program: Program, clock: Clock) -> None:
    sid = program.add(name="Ada Unmistakable")
    clock.passes(seconds=31)
    assert ADA in str(program.get("/events"))
    program.send("DELETE", f"/subscribers/{sid}", None, 204)
    clock.passes(seconds=31)
    after = program.get("/events")["items"]
    assert [one["type"] for one in after] == ["erased"]
    assert after[0]["data"]["subscriber"]["id"] == sid
    assert ADA not in str(after)
    assert "Unmistakable" not in str(after)


@pytest.mark.parametrize(
    "cursor",
    ["x", "2026-11-26", "2026-11-26T09:30:00.000000Z#", "2026-13-26T09:30:00.000000Z", "2026-11-26T09:30:00.000000Z#zz",
     "2026-11-26T09:30:00.00000١Z", "2026-11-26T09:30:00.000000Z#-123456789012345", "0000-01-01T00:00:00.000000Z"],
)  # fmt: skip
def test_a_cursor_that_was_never_given_is_refused(program: Program, cursor: str) -> None:
    expected = 200 if cursor.endswith("Z#") else 400
    program.get("/events", expected, cursor=cursor)


@pytest.mark.parametrize("year", [1000, 2000, 9999])
def test_a_cursor_from_far_away_takes_no_longer(program: Program, year: int, clock: Clock) -> None:
    far = datetime(year, 1, 1, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    program.add()
    clock.passes(minutes=1)
    assert len(program.get("/events", cursor=far)["items"]) == (0 if year == 9999 else 1)
