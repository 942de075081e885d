"""The commands about keys and webhooks: what they show, what they never show, and what exit codes mean."""

import shlex
from pathlib import Path

from chalicelib.deliver.hook_states import HookStates
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_database import Database
from tests.cli.house import SITE, Command

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "operating.md"
HOOK = "https://crm.example.org/hook"


def test_a_key_is_shown_once_and_then_only_named(command: Command) -> None:
    made = command.run("keys", "create", "--name", "CRM [1]", "--scope", "events:read", "--scope", "editions:read")
    key = made.out.strip()
    assert key.startswith("sb_")
    assert "events:read" in made.err
    listed = command.run("keys", "list")
    assert key.split("_", 2)[2] not in listed.said
    assert "CRM [1]" in listed.out
    assert "never" in listed.out
    (row,) = command.run("keys", "list", "--json").json["keys"]
    assert (row["name"], row["scopes"], row["used"]) == ("CRM [1]", ["editions:read", "events:read"], "")
    assert command.run("keys", "revoke", row["id"]).out.startswith(f"The key {row['id']}")
    assert "No key yet" in command.run("keys", "list").out
    assert "keys list" in command.run("keys", "revoke", row["id"], code=2).err


def test_the_key_of_the_guide_is_made_as_it_says(command: Command) -> None:
    line = GUIDE.read_text("utf-8").split("\n## API\n")[1].split("```sh\n")[1].split("\n```")[0]
    program, *arguments = shlex.split(line)
    assert program == "sendbrief"
    assert "not shown again" in command.run(*arguments).err
    assert command.run("keys", "list", "--json").json["keys"][0]["name"] == "CRM"


def test_as_json_the_key_is_beside_what_it_may(command: Command) -> None:
    made = command.run("keys", "create", "--name", "x", "--scope", "events:read", "--json").json
    assert list(made) == ["id", "name", "scopes", "created", "used", "key"]
    assert made["key"].startswith(f"sb_{made['id']}_")


def test_a_scope_that_is_none_is_named_and_nothing_is_made(command: Command) -> None:
    assert (
        "did you mean 'events:read'?"
        in command.run("keys", "create", "--name", "x", "--scope", "event:read", code=2).err
    )
    assert "needs a name" in command.run("keys", "create", "--name", " \u200b", "--scope", "events:read", code=2).err
    command.run("keys", "create", "--name", "x", code=2)
    assert command.run("keys", "list", "--json").json == {"keys": []}


def test_webhooks_are_listed_with_their_secret_and_how_they_do(command: Command) -> None:
    assert "names no webhooks" in command.run("webhooks", "list").out
    command.write("site.yaml", f"{SITE}webhooks: [{{url: '{HOOK}', events: [confirmed]}}]\n")
    (row,) = command.run("webhooks", "list", "--json").json["webhooks"]
    assert (row["url"], row["events"], row["state"]) == (HOOK, ["confirmed"], "not looked at yet")
    assert row["secret"].startswith("whsec_")
    assert row["secret"] in command.run("webhooks", "list").out


def test_a_webhook_that_fails_is_shown_and_retried(command: Command) -> None:
    command.write("site.yaml", f"{SITE}webhooks: [{{url: '{HOOK}'}}]\n")
    command.run("status")
    assert "begins with the next tick" in command.run("webhooks", "retry", HOOK).out
    fail(command)
    listed = command.run("webhooks", "list", code=1)
    assert "answered 500" in listed.out
    assert "1 happenings were given up" in listed.out
    assert "told at the next tick" in command.run("webhooks", "retry", HOOK).out
    assert "well" in command.run("webhooks", "list").out
    assert "no such webhook" in command.run("webhooks", "retry", "https://other.example", code=2).err


def fail(command: Command) -> None:
    from datetime import UTC, datetime

    database, now = Database(command.data / "sendbrief.db"), datetime.now(UTC)
    states = HookStates(SqliteTable(database))
    states.claim(HOOK, now)
    held = states.claim(HOOK, now)
    assert held is not None
    states.keep(held[1], held[0].failed("answered 500", now).gave_up("2026-11-26T09:30:00.000000Z#0"))
    database.close()
