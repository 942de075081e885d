"""Suppressions by the API: of people and domains, listed in pages, lifted but for complaints."""

import pytest

from chalicelib.runtime import Runtime
from tests.web.api.house import ADA, BO, Clock, Program


def test_a_suppression_is_made_once_and_a_stronger_one_stays(program: Program, runtime: Runtime, clock: Clock) -> None:
    sid = program.add()
    clock.passes(seconds=1)
    made = program.send("PUT", f"/suppressions/{ADA}", {"reason": "complaint", "note": "by\r\nphone"})
    assert (made["who"], made["reason"], made["note"]) == (sid, "complaint", "by phone")
    assert "CRM" in made["by"]
    assert program.send("PUT", f"/suppressions/{sid}", {"reason": "bounce"})["reason"] == "complaint"
    assert program.get(f"/suppressions/{ADA}") == made
    assert program.get(f"/subscribers/{sid}")["suppressed"] == made
    assert [line["action"] for line in runtime.audience.history(sid)] == ["subscribed", "suppressed"]


def test_a_complaint_is_not_lifted_and_all_else_is(program: Program) -> None:
    for address, reason in ((ADA, "complaint"), (BO, "manual")):
        program.send("PUT", f"/suppressions/{address}", {"reason": reason})
    program.send("POST", f"/suppressions/{ADA}/lift", {"why": "they asked"}, 409)
    lifted = program.send("POST", f"/suppressions/{BO}/lift", {"why": "they asked"})
    assert lifted["reason"] == "manual"
    assert BO not in str(lifted)
    program.send("POST", f"/suppressions/{BO}/lift", {"why": "they asked"}, 404)
    program.get(f"/suppressions/{BO}", 404)
    program.get(f"/suppressions/{ADA}")


def test_domains_have_a_reason_of_their_own(program: Program) -> None:
    made = program.send("PUT", "/suppressions/@Example.NET", {"reason": "domain"})
    assert made["who"] == "@example.net"
    assert program.get("/suppressions/%40example.net")["reason"] == "domain"
    assert program.send("PUT", "/suppressions/@example.net", {"reason": "manual"}, 400)["field"] == "reason"
    assert program.send("PUT", f"/suppressions/{ADA}", {"reason": "domain"}, 400)["field"] == "reason"
    assert program.send("POST", "/suppressions/@example.net/lift", {"why": "x"})["who"] == "@example.net"


def test_pages_lose_none(program: Program, runtime: Runtime, clock: Clock) -> None:
    for number in range(7):
        runtime.suppressions.add_domain(f"d{number}.example", clock())
        runtime.audience.suppress(runtime.audience.sid(f"n{number}@example.org"), "manual", clock())
    for limit in (1, 3, 7, 14, 50):
        found, cursor = [], None
        for _ in range(20):
            page = program.get("/suppressions", limit=limit, **({"cursor": cursor} if cursor else {}))
            found += [one["who"] for one in page["items"]]
            cursor = page["cursor"]
            if cursor is None:
                break
        assert len(found) == len(set(found)) == 14, limit
        assert all(who.startswith("@") for who in found[:7])


@pytest.mark.parametrize("cursor", ["zz", "@" * 199, "0" * 100, "\x00"])
def test_a_cursor_that_is_none_is_refused_or_the_end(program: Program, cursor: str) -> None:
    assert program.call("GET", "/suppressions", cursor=cursor).status in {200, 400}
