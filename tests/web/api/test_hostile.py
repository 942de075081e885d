"""Whatever is sent: a clear 4xx at once, nothing of it echoed, nothing kept, never a 5xx."""

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chalicelib.web.api.checking import MAX_BODY, check, read_body
from chalicelib.web.api.problems import ProblemError
from chalicelib.web.api.table import BASE, OPERATIONS
from tests.web.api.house import ADA, RECORDED, Program, ask
from tests.web.api.test_keys import path_of

MARK = "zq7Xecho"
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    ["address", "name", "language", "newsletters", "consent", "basis", "how", "marks", "why", "reason", "paused_until"]
)
SLOW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SLOW
@given(st.sampled_from(OPERATIONS), ANYTHING | st.dictionaries(NAMES, ANYTHING), st.text(max_size=30))
@example(OPERATIONS[1], {"address": ADA, **RECORDED, "newsletters": [{"name": "harbour-log", "topics": [None]}]}, "x")
@example(OPERATIONS[3], {"newsletters": [{}]}, "x")
def test_no_body_and_no_path_makes_it_fall(program: Program, operation: Any, body: Any, part: str) -> None:
    for path in (path_of(operation.path), operation.path.replace("{subscriber}", part.replace("/", "") or "x")):
        assert program.call(operation.method, path, json.dumps(body).encode()).status < 500


@SLOW
@given(st.dictionaries(st.sampled_from(["limit", "cursor", "newsletter", "state", "where", "x"]), st.text(max_size=40)))
def test_no_query_makes_it_fall(program: Program, query: dict[str, str]) -> None:
    for path in ("/subscribers", "/suppressions", "/editions", "/events"):
        assert program.call("GET", path, **query).status in {200, 400}


@pytest.mark.parametrize(
    "raw",
    [
        b"{", b"nul", b"\xff\xfe{}", "{}".encode("utf-16"), b'{"why": "\\ud800"}', b'{"why": NaN}', b'{"why": 1e999}',
        b'{"why": "a", "why": "b"}', b"[" * 60_000, b'{"a":' * 9_000 + b"1" + b"}" * 9_000, b"1" * 60_000,
        b'{"why": {"why": {"why": 1}}}', b"[]", b'""', b"null", b"0", b'{"why": "' + b"\\u0000" * 100 + b'"}' + b"x",
    ],
    ids=lambda raw: repr(raw[:16]),
)  # fmt: skip
def test_broken_json_is_refused(program: Program, raw: bytes) -> None:
    program.add()
    answer = program.call("POST", f"/subscribers/{ADA}/leave", raw)
    assert answer.status == 400, answer
    assert program.get(f"/subscribers/{ADA}")["newsletters"]["harbour-log"]["state"] == "confirmed"


def test_depth_is_bounded_and_true_is_no_number() -> None:
    with pytest.raises(ProblemError, match="nested deeper than 20 levels"):
        read_body(b'{"a":' * 21 + b"1" + b"}" * 21, "application/json", "Why")
    with pytest.raises(ProblemError, match="a whole number"):
        check(True, {"type": "integer"})


def test_bodies_have_a_limit_and_a_type(program: Program) -> None:
    fits = b'{"why": "' + b"x" * 100 + b'"' + b" " * (MAX_BODY - 111) + b"}"
    assert len(fits) == MAX_BODY
    program.add()
    assert program.call("POST", f"/subscribers/{ADA}/leave", fits).status == 200
    assert program.call("POST", f"/subscribers/{ADA}/leave", fits + b" ").status == 413
    assert program.call("POST", f"/subscribers/{ADA}/leave", b"x" * 2_000_000).status == 413
    for kind in ("text/plain", "application/x-www-form-urlencoded", "", "application/json-seq"):
        assert program.call("POST", f"/subscribers/{ADA}/leave", b"{}", {"Content-Type": kind}).status == 415, kind
    for kind in ("application/json; charset=utf-8", "Application/JSON"):
        assert program.call("POST", f"/subscribers/{ADA}/leave", b"{}", {"Content-Type": kind}).status == 200, kind


def test_long_repetitions_take_no_time(program: Program) -> None:
    """A guard against what never ends; 60 kB of each delimiter."""
    began = time.monotonic()
    for unit in ("{", '"', "\\", "@", ".", "a.", "@a", ":", "tag:", "(", "not ", " ", "\t", "%40", "é"):
        text = (unit * (60_000 // len(unit)))[:60_000]
        program.call("POST", "/subscribers", json.dumps({"address": text, **RECORDED})[:MAX_BODY].encode())
        program.call("POST", "/subscribers", text.encode()[:MAX_BODY])
        program.call("GET", "/subscribers", where=text[:2000], cursor=text[:200])
        program.call("GET", f"/subscribers/{text.replace('/', '')[:3000]}")
        program.call(
            "GET", "/newsletters", headers={"Authorization": f"Bearer {text[:8000].encode().decode('latin-1')}"}
        )
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_nothing_is_echoed(program: Program, operation: Any) -> None:
    path = operation.path.replace("{subscriber}", f"{MARK}@").replace("{slot}", MARK).replace("{newsletter}", MARK)
    for body in ({MARK: MARK}, {"newsletter": MARK, "reason": MARK, "consent": MARK}, f"{MARK}{{"):
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        answer = program.call(operation.method, path, raw, {f"X-{MARK}": MARK})
        assert MARK.encode() not in answer.body
    for query in ({MARK: MARK}, {"cursor": MARK}, {"where": MARK}, {"newsletter": MARK}, {"limit": MARK}):
        assert MARK.encode() not in program.call(operation.method, path, b"{}", **query).body
    answer = ask(operation.method, f"{BASE}{path}", headers={"Authorization": f"Bearer {MARK}"})
    assert MARK not in str(answer.headers)


def test_other_methods_and_addresses_are_told_as_problems(program: Program) -> None:
    refused = program.call("POST", "/newsletters")
    assert (refused.status, refused.headers["allow"]) == (405, "GET")
    for path in ("/api/", "/api/v1", "/api/v1/nothing", "/api/v2/subscribers"):
        answer = ask("GET", path)
        assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json"), path
    assert ask("GET", "/nothing").headers["content-type"].startswith("text/html")


def test_a_store_that_is_away_is_told(program: Program) -> None:
    program.runtime.database.close()
    headers = {"Authorization": f"Bearer {program.key}"}
    answer = ask("GET", f"{BASE}/newsletters", headers=headers, unchecked=503)
    assert (answer.status, answer.headers["retry-after"]) == (503, "30")
