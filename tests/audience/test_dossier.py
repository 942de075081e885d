"""All that is stored of one person is told, under every id they had."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.audience.audience import Audience
from chalicelib.audience.choices import Choices
from chalicelib.audience.dossier import dossier
from chalicelib.audience.limits import Limits, subscribe_buckets
from chalicelib.audience.moving import Moves
from chalicelib.audience.signup import Request, SignUps, keep_text
from chalicelib.audience.suppression import Reason, Suppressions
from chalicelib.store import Insert, Key, Put
from chalicelib.store.sqlite import SqliteTable
from tests.audience.house import NOW, SECRETS, People

LATER = NOW + timedelta(minutes=1)
WORDS = "You get the digest every Thursday. Leaving is one press."


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    """With the clock of the tests for what expires."""
    made = People(tmp_path)
    made.table = SqliteTable(made.database, NOW.timestamp)
    made.audience = Audience(made.table, SECRETS)
    yield made
    made.database.close()


def told(people: People, sid: str) -> dict[str, Any]:
    return dossier(people.table, SECRETS, sid, NOW)


def ask(people: People, address: str) -> str:
    sid = people.audience.sid(address)
    text = keep_text(people.table, WORDS, NOW)
    request = Request(
        address, "Ada", "de", {"digest": Choices("monthly", frozenset({"news"}))}, "subscribe/1", text, NOW
    )
    SignUps(people.table).ask(sid, request, NOW)
    return sid


def test_whoever_only_asked_is_told_what_waits(people: People) -> None:
    found = told(people, ask(people, "ada@example.org"))
    assert (found["known"], found["address"], found["name"], found["memberships"]) == (
        True,
        "ada@example.org",
        "Ada",
        [],
    )
    assert found["pending"]["newsletters"] == {"digest": {"cadence": "monthly", "topics": ["news"]}}
    assert found["pending"]["words"] == WORDS
    assert found["pending"]["expires"] == (NOW + timedelta(days=30)).isoformat()


def test_a_member_is_told_each_field_and_the_words_they_agreed_to(people: People) -> None:
    sid = ask(people, "ada@example.org")
    SignUps(people.table).confirm(sid, NOW)
    found = told(people, sid)
    (member,) = found["memberships"]
    assert member == {
        "newsletter": "digest", "address": "ada@example.org", "name": "Ada", "language": "de", "topics": ["news"],
        "cadence": "monthly", "state": "confirmed", "paused_until": "", "joined": NOW.isoformat(), "marks": [],
        "zone": "",
    }  # fmt: skip
    assert [(line["action"], line["form"], line["words"]) for line in found["consent"]] == [
        ("confirmed", "subscribe/1", WORDS)
    ]
    assert found["pending"] is None


def test_suppression_notices_wishes_requests_and_happenings_are_told(people: People) -> None:
    people.add("ada@example.org", marks=frozenset({"tag:speaker"}))
    sid = people.audience.sid("ada@example.org")
    Suppressions(people.table).add(sid, Reason.BOUNCE, LATER, note="550", by="the provider")
    Moves(people.table).ask(sid, "a" * 24, "new@example.org", NOW)
    Limits(people.table, SECRETS.sid_key).take_all(subscribe_buckets(sid, "192.0.2.1"), NOW)
    day = (NOW - timedelta(days=30)).strftime("%Y-%m-%d")
    people.table.put_many([
        Put(Key(f"SUBSCRIBER#{sid}", "NOTICE#confirm"), {"at": NOW.isoformat()}, int(NOW.timestamp()) + 86_400),
        Put(Key(f"HAPPENED#{day}", "1"), {"sid": sid, "kind": "confirmed"}),
        Put(Key(f"HAPPENED#{day}", "2"), {"sid": "b" * 24, "kind": "confirmed"}),
    ])  # fmt: skip
    found = told(people, sid)
    assert found["suppression"] == {
        "who": sid, "reason": "bounce", "at": LATER.isoformat(), "note": "550", "by": "the provider"
    }  # fmt: skip
    assert found["change"]["address"] == "new@example.org"
    assert [(notice["kind"], notice["at"]) for notice in found["notices"]] == [("confirm", NOW.isoformat())]
    assert found["requests"]["counted_until"] > NOW.isoformat()
    assert [one["kind"] for one in found["happenings"]] == ["confirmed"]
    assert found["memberships"][0]["marks"] == ["tag:speaker"]
    assert [line["action"] for line in found["consent"]] == ["subscribed", "suppressed"]


def test_an_id_from_before_a_change_of_address_leads_to_the_person(people: People) -> None:
    people.add("old@example.org")
    old, new = people.audience.sid("old@example.org"), people.audience.sid("new@example.org")
    moves = Moves(people.table)
    moves.ask(old, new, "new@example.org", NOW)
    assert moves.confirm(old, new, NOW)
    found = told(people, old)
    assert (found["sid"], found["address"], found["former"]) == (new, "new@example.org", [old])
    assert people.add("old@example.org", "alerts") == "moved", "a list from before brings nobody back"
    signups = SignUps(people.table)
    signups.ask(old, Request("old@example.org", "", "en", {"alerts": Choices()}, "subscribe/1", "a" * 64, NOW), NOW)
    assert signups.confirm(old, NOW)
    assert told(people, old)["address"] == "old@example.org", "somebody has that address anew"


def test_of_a_stranger_nothing_is_known(people: People) -> None:
    people.table.transact([Insert(Key("HAPPENED#2026-11-23", "1"), {"kind": "edition-sent"})])
    found = told(people, "c" * 24)
    assert found["known"] is False
    assert [key for key, value in found.items() if value] == ["sid", "at"]
