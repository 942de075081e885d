"""Subscribers by the API: the two ways in, changing, leaving, erasing, and lists with filters."""

from datetime import timedelta

import pytest

from chalicelib.deliver.notices import read_notice
from chalicelib.runtime import Runtime
from tests.web.api.house import ADA, ASKED, BO, LOG, RECORDED, Clock, Program


def test_a_recorded_ground_makes_a_member_with_evidence(program: Program, runtime: Runtime) -> None:
    made = program.send("POST", "/subscribers", {"address": " Ada@Example.org", **RECORDED, "name": "Ada\u202e L",
                                                 "language": "de", "marks": ["tag:speaker"]}, 201)  # fmt: skip
    assert made == {"id": runtime.audience.sid(ADA), "newsletters": {"harbour-log": "new"}}
    found = program.get(f"/subscribers/{made['id']}")
    assert (found["address"], found["name"], found["language"]) == ("Ada@example.org", "Ada L", "de")
    member = found["newsletters"]["harbour-log"]
    assert (member["state"], member["marks"], member["topics"]) == ("confirmed", ["tag:speaker"], None)
    (evidence,) = runtime.audience.history(made["id"])
    assert (evidence["action"], evidence["basis"]) == ("subscribed", "consent")
    assert evidence["how"].startswith("Signed the list (the API, key ")
    again = {"address": ADA, **RECORDED, "marks": ["tag:speaker"]}
    assert program.send("POST", "/subscribers", again)["newsletters"] == {"harbour-log": "same"}


def test_a_ground_never_brings_back_who_left_or_is_suppressed(program: Program, runtime: Runtime, clock: Clock) -> None:
    sid = program.add()
    assert program.send("POST", f"/subscribers/{sid}/leave", {"why": "too much"})["left"] == ["harbour-log"]
    assert program.send("POST", "/subscribers", {"address": ADA, **RECORDED})["newsletters"] == {
        "harbour-log": "unsubscribed"
    }
    runtime.audience.suppress(runtime.audience.sid(BO), "complaint", clock())
    assert program.send("POST", "/subscribers", {"address": BO, **RECORDED})["newsletters"] == {
        "harbour-log": "suppressed"
    }
    assert program.get(f"/subscribers/{sid}")["newsletters"]["harbour-log"]["state"] == "unsubscribed"


def test_double_opt_in_asks_by_mail_and_says_the_same_of_everybody(program: Program, runtime: Runtime) -> None:
    program.add(ADA)
    told = []
    for address in (ADA, BO):
        body = {"address": address, **ASKED, "form": "shop 3", "words": "Yes, write to me."}
        told.append(program.send("POST", "/subscribers", body, 202))
    assert [one["status"] for one in told] == ["pending", "pending"]
    waiting = [read_notice(message.body) for message in runtime.notice_queue.receive(10)]
    assert {(str(task.kind), task.sid) for task in waiting} == {("confirm", one["id"]) for one in told}
    request = runtime.signups.pending(told[1]["id"])
    assert request is not None
    assert (request.form.split(" ", 2)[2], len(request.text)) == ("shop 3", 64)
    found = program.get(f"/subscribers/{BO}")
    assert (found["pending"], found["newsletters"], found["created"]) == (["harbour-log"], {}, None)
    confirmed = runtime.signups.confirm(told[1]["id"], runtime.clock())
    assert confirmed is not None
    assert confirmed.added == ("harbour-log",)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"address": "ada@", **RECORDED}, "address"),
        ({"address": ADA, **RECORDED, "newsletters": [{"name": "nowhere"}]}, "newsletters[0].name"),
        ({"address": ADA, **RECORDED, "newsletters": LOG * 2}, "newsletters[1].name"),
        ({"address": ADA, **RECORDED, "newsletters": []}, "newsletters"),
        ({"address": ADA, **RECORDED, "newsletters": [{**LOG[0], "cadence": "hourly"}]}, "newsletters[0].cadence"),
        ({"address": ADA, **RECORDED, "newsletters": [{**LOG[0], "topics": ["x"]}]}, "newsletters[0].topics"),
        ({"address": ADA, **RECORDED, "newsletters": [{**LOG[0], "topics": []}]}, "newsletters[0].topics"),
        ({"address": ADA, **RECORDED, "language": "tlh"}, "language"),
        ({"address": ADA, **RECORDED, "basis": "because"}, "basis"),
        ({"address": ADA, **RECORDED, "marks": ["tag: x"]}, "marks[0]"),
        ({"address": ADA, **RECORDED, "marks": ["tag:x\n"]}, "marks[0]"),
        ({"address": ADA, **RECORDED, "name": 7}, "name"),
        ({"address": ADA, **RECORDED, "consent": "assumed"}, "consent"),
        ({"address": ADA, "newsletters": LOG}, "consent"),
        ({"address": ADA, "newsletters": LOG, "consent": "recorded", "basis": "consent"}, "how"),
        ({"address": ADA, **ASKED, "basis": "consent"}, ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_nothing_is_kept(program: Program, body: object, field: str) -> None:
    problem = program.send("POST", "/subscribers", body, 400)
    assert problem.get("field", "") == field
    assert program.get("/subscribers")["items"] == []


def test_changing_keeps_what_is_not_named(program: Program, runtime: Runtime, clock: Clock) -> None:
    sid = program.add(name="Ada", language="de", newsletters=[{**LOG[0], "topics": ["tools"]}])
    until = (clock.now + timedelta(days=20)).date().isoformat()
    paused = program.send("PATCH", f"/subscribers/{sid}", {"paused_until": until})
    member = paused["newsletters"]["harbour-log"]
    assert (paused["name"], paused["language"]) == ("Ada", "de")
    assert (member["paused_until"], member["topics"]) == (until, ["tools"])
    named = program.send("PATCH", f"/subscribers/{sid}", {"name": "Ada L", "newsletters": [{**LOG[0], "topics": None}]})
    member = named["newsletters"]["harbour-log"]
    assert (named["name"], member["paused_until"], member["topics"]) == ("Ada L", until, None)
    back = program.send("PATCH", f"/subscribers/{sid}", {"paused_until": None, "language": "en"})
    assert (back["newsletters"]["harbour-log"]["paused_until"], back["language"]) == (None, "en")
    assert {line["action"] for line in runtime.audience.history(sid)} == {"subscribed", "chose"}


def test_a_change_adds_no_newsletter_and_brings_nobody_back(program: Program) -> None:
    sid = program.add()
    program.send("PATCH", f"/subscribers/{sid}", {"newsletters": [{"name": "storm-warnings"}]}, 409)
    program.send("POST", f"/subscribers/{sid}/leave", {"newsletter": "harbour-log"})
    program.send("PATCH", f"/subscribers/{sid}", {"newsletters": LOG}, 409)
    assert program.send("PATCH", f"/subscribers/{sid}", {"name": "A"})["newsletters"]["harbour-log"]["state"] == (
        "unsubscribed"
    )


@pytest.mark.parametrize("day", ["2020-01-01", "20261224", "2026-13-01", "today 1234", "9999-12-31", "２０２６-12-24"])
def test_a_pause_is_a_day_to_come(program: Program, day: str) -> None:
    program.add()
    assert program.send("PATCH", f"/subscribers/{ADA}", {"paused_until": day}, 400)["field"] == "paused_until"


def test_nothing_of_the_suppressed_or_the_pending_is_changed(program: Program) -> None:
    program.add()
    program.send("PUT", f"/suppressions/{ADA}", {"reason": "manual"})
    program.send("PATCH", f"/subscribers/{ADA}", {"name": "X"}, 409)
    program.send("POST", "/subscribers", {"address": BO, **ASKED}, 202)
    program.send("PATCH", f"/subscribers/{BO}", {"name": "X"}, 409)


def test_leaving_is_safe_to_repeat(program: Program) -> None:
    sid = program.add(newsletters=[*LOG, {"name": "storm-warnings"}])
    assert program.send("POST", f"/subscribers/{sid}/leave", {"newsletter": "storm-warnings"})["left"] == [
        "storm-warnings"
    ]
    assert program.send("POST", f"/subscribers/{sid}/leave")["left"] == ["harbour-log"]
    assert program.send("POST", f"/subscribers/{sid}/leave")["left"] == []
    program.send("POST", f"/subscribers/{sid}/leave", {"newsletter": "nowhere"}, 400)
    program.send("POST", f"/subscribers/{BO}/leave", None, 404)


def test_who_is_erased_is_gone_and_stays_out(program: Program, runtime: Runtime) -> None:
    sid = program.add(name="Ada Unmistakable")
    program.send("DELETE", f"/subscribers/{ADA}", None, 204)
    program.get(f"/subscribers/{sid}", 404)
    program.send("DELETE", f"/subscribers/{BO}", None, 404)
    stored = str([(item.key, item.data) for item in runtime.table.everything()])
    assert ADA not in stored
    assert "Unmistakable" not in stored
    assert program.send("POST", "/subscribers", {"address": ADA, **RECORDED})["newsletters"] == {
        "harbour-log": "suppressed"
    }


def test_people_are_found_by_id_and_address_and_nobody_else_is(program: Program) -> None:
    sid = program.add("ada+log@example.org")
    for way in (sid, "ada+log@example.org", "ADA+LOG@example.org", "ada+log%40example.org"):
        assert program.get(f"/subscribers/{way}")["id"] == sid
    for way, status in (("0" * 24, 404), (BO, 404), ("ada", 404), ("a@b@c", 400), ("x" * 3000, 404), ("@", 400)):
        program.get(f"/subscribers/{way}", status)


def test_lists_have_filters_and_pages_that_lose_nobody(program: Program) -> None:
    for number in range(12):
        wanted = [*LOG, {"name": "storm-warnings"}] if number % 2 else LOG
        program.add(f"n{number}@{'example.org' if number < 9 else 'example.com'}", newsletters=wanted)
    program.send("POST", "/subscribers/n3@example.org/leave", {"newsletter": "harbour-log"})

    def everybody(**query: str | int) -> list[tuple[str, str]]:
        found, cursor = [], None
        for _ in range(50):
            page = program.get("/subscribers", **query, **({"cursor": cursor} if cursor else {}))
            assert len(page["items"]) <= int(query.get("limit", 50))
            found += [(one["newsletter"], one["address"]) for one in page["items"]]
            cursor = page["cursor"]
            if cursor is None:
                return found
        raise AssertionError("the pages never end")

    whole = everybody()
    assert len(whole) == len(set(whole)) == 18
    for limit in (1, 5, 18, 200):
        assert everybody(limit=limit) == whole
    assert len(everybody(newsletter="storm-warnings", limit=4)) == 6
    assert everybody(state="unsubscribed") == [("harbour-log", "n3@example.org")]
    assert {address for _, address in everybody(where="domain = example.com", limit=2)} == {
        "n9@example.com", "n10@example.com", "n11@example.com",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"where": "domain ="}, "where"), ({"where": "domian = x"}, "where"), ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"), ({"limit": "1e1"}, "limit"), ({"limit": "٣"}, "limit"), ({"limit": ""}, "limit"),
        ({"newsletter": "nowhere"}, "newsletter"), ({"state": "lost"}, "state"), ({"cursor": ""}, "cursor"),
        ({"cursor": "x"}, ""), ({"cursor": "harbour-log:"}, ""), ({"cursor": "harbour-log:zz"}, ""),
        ({"page": "2"}, ""),
    ],
)  # fmt: skip
def test_a_filter_that_is_wrong_is_named(program: Program, query: dict[str, str], field: str) -> None:
    problem = program.get("/subscribers", 400, **query)
    assert problem.get("field", "") == field


def test_a_filter_s_words_are_not_repeated(program: Program) -> None:
    problem = program.get("/subscribers", 400, where="language = en and domian = x")
    assert problem["detail"] == "The filter can't be read, at its character 19."


def test_a_zone_is_kept_changed_and_refused_where_there_is_none(program: Program) -> None:
    made = program.send("POST", "/subscribers", {"address": ADA, **RECORDED, "zone": "Asia/Tokyo"}, 201)
    where = f"/subscribers/{made['id']}"
    assert program.get(where)["newsletters"]["harbour-log"]["zone"] == "Asia/Tokyo"
    assert program.send("PATCH", where, {"name": "Ada"})["newsletters"]["harbour-log"]["zone"] == "Asia/Tokyo"
    assert program.send("PATCH", where, {"zone": None})["newsletters"]["harbour-log"]["zone"] is None
    assert program.send("PATCH", where, {"zone": "Mars/Olympus"}, 400)["field"] == "zone"
