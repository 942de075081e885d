"""Keys: shown once, kept as hashes, held to their scopes and to a rate; without one nothing opens."""

import json

import pytest

from chalicelib.errors import NotFoundError
from chalicelib.runtime import Runtime
from chalicelib.web.api.door import PER_KEY
from chalicelib.web.api.keys import Keys
from chalicelib.web.api.table import BASE, OPERATIONS, SCOPES
from tests.web.api.house import Clock, Program, ask

WAYS = {"{subscriber}": "0" * 24, "{newsletter}": "harbour-log", "{slot}": "2026-11-26"}


def path_of(path: str) -> str:
    for part, value in WAYS.items():
        path = path.replace(part, value)
    return path


def test_the_store_holds_nothing_that_opens(runtime: Runtime) -> None:
    key, text = Keys(runtime.table).create("CRM", ["events:read"], runtime.clock())
    secret = text.split("_", 2)[2]
    stored = [json.dumps([item.key, item.data]) for item in runtime.table.everything()]
    assert len(secret) == 43
    assert any(key.id in item for item in stored)
    assert not any(secret in item for item in stored)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_each_route_asks_for_its_scope(runtime: Runtime, operation) -> None:  # type: ignore[no-untyped-def]
    path = path_of(operation.path)
    anybody = Program(runtime).call(operation.method, path, {})
    assert (anybody.status, anybody.headers["www-authenticate"]) == (401, 'Bearer realm="sendbrief"')
    others = Program.of(runtime, set(SCOPES) - {operation.scope}).call(operation.method, path, {})
    assert others.status == 403
    assert f'error="insufficient_scope", scope="{operation.scope}"' in others.headers["www-authenticate"]
    assert Program.of(runtime, {operation.scope}).call(operation.method, path, {}).status not in {401, 403}


def test_what_is_no_key_opens_nothing(runtime: Runtime, program: Program) -> None:
    _, key_id, secret = program.key.split("_", 2)
    other = Program.of(runtime).key.split("_", 2)[2]
    wrong = [
        f"sb_{key_id}_{other}", f"sb_{key_id}_{secret[:-1]}", f"sb_{'0' * 12}_{secret}", program.key + "x", secret,
        f"sb_{key_id}_{secret[:-1]}é", "sb__", "x" * 100_000, f"sb_{key_id}_{secret}\n",
    ]  # fmt: skip
    for text in wrong:
        answer = ask("GET", f"{BASE}/newsletters", headers={"Authorization": f"Bearer {text}".rstrip(" ")})
        assert answer.status == (200 if text.strip() == program.key else 401), text[:80]
    for header in (f"Basic {program.key}", program.key, "Bearer", "Bearer ", f"bearer{program.key}"):
        assert ask("GET", f"{BASE}/newsletters", headers={"Authorization": header}).status == 401, header
    assert ask("GET", f"{BASE}/newsletters", headers={"Authorization": f"bearer {program.key}"}).status == 200


def test_a_key_that_was_revoked_opens_nothing(runtime: Runtime, program: Program) -> None:
    keys = Keys(runtime.table)
    program.get("/newsletters")
    (key,) = keys.all()
    assert keys.revoke(key.id).name == "CRM"
    problem = program.get("/newsletters", 401)
    assert problem["title"] == "Unauthorized"
    assert keys.all() == []
    with pytest.raises(NotFoundError, match="keys list"):
        keys.revoke(key.id)


def test_the_day_of_the_last_use_is_kept(runtime: Runtime, program: Program, clock: Clock) -> None:
    keys = Keys(runtime.table)
    assert keys.all()[0].used == ""
    for _ in range(2):
        program.get("/newsletters")
    assert keys.all()[0].used == clock.now.date().isoformat()
    clock.passes(days=1)
    program.get("/newsletters")
    assert keys.all()[0].used == clock.now.date().isoformat()


def test_each_key_has_a_rate_of_its_own(runtime: Runtime, program: Program, clock: Clock) -> None:
    from chalicelib.audience.limits import Limits, Rule

    key_id, limits = program.key.split("_")[1], Limits(runtime.table, runtime.secrets.sid_key)
    assert limits.take("api", key_id, Rule(1, PER_KEY.per_seconds), clock.now).ok  # all there was, at once
    refused = program.call("GET", "/newsletters")
    assert (refused.status, refused.headers["retry-after"]) == (429, "1")
    Program.of(runtime).get("/newsletters")
    clock.passes(seconds=1)
    program.get("/newsletters")
