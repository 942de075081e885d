"""Double opt-in: nothing counts before the button, everything asked for counts after it, and the evidence says so."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.audience.choices import Choices
from chalicelib.audience.signup import PENDING, Request, SignUps, keep_text, pending_key
from chalicelib.audience.subscriber import MemberState, suppression_key
from chalicelib.audience.suppression import Reason, Suppressions
from chalicelib.store import Key
from chalicelib.store.sqlite import SqliteTable
from tests.audience.house import NOW, People

LATER = NOW + timedelta(hours=1)
ADA = "Ada@example.org"
REQUEST = Request(ADA, "Ada", "de", {"digest": Choices("monthly", frozenset({"news"}))}, "subscribe/1", "ab" * 32, NOW)


@pytest.fixture
def sid(people: People) -> str:
    return people.audience.sid(ADA)


@pytest.fixture
def signups(people: People) -> SignUps:
    return SignUps(people.table)


def test_asking_makes_nobody_a_member(people: People, signups: SignUps, sid: str) -> None:
    signups.ask(sid, REQUEST, NOW)
    assert signups.pending(sid) == REQUEST
    assert people.addresses() == []
    assert people.audience.person(sid).profile is None
    assert people.audience.history(sid) == []


def test_confirming_makes_a_member_of_what_was_asked_with_the_whole_evidence(
    people: People, signups: SignUps, sid: str
) -> None:
    signups.ask(sid, REQUEST, NOW)
    confirmed = signups.confirm(sid, LATER)
    assert confirmed is not None
    assert confirmed.added == ("digest",)
    member = people.audience.membership("digest", sid)
    assert member is not None
    assert confirmed.person.members["digest"] == member
    assert (member.address, member.name, member.language, member.cadence) == (ADA, "Ada", "de", "monthly")
    assert (member.topics, member.state, member.joined) == (frozenset({"news"}), "confirmed", LATER.isoformat())
    (evidence,) = people.audience.history(sid)
    assert evidence == {
        "at": LATER.isoformat(), "action": "confirmed", "newsletter": "digest", "basis": "consent",
        "how": "the confirm page", "form": "subscribe/1", "text": "ab" * 32, "asked": NOW.isoformat(),
        "what": "de, monthly, topics news",
    }  # fmt: skip
    profile = people.audience.profile(ADA)
    assert (profile.name, profile.newsletters) == ("Ada", {"digest": "confirmed"})
    assert signups.pending(sid) is None


def test_pressing_twice_says_the_same_and_writes_nothing(people: People, signups: SignUps, sid: str) -> None:
    signups.ask(sid, REQUEST, NOW)
    signups.confirm(sid, LATER)
    before = list(people.table.everything())
    again = signups.confirm(sid, LATER + timedelta(days=3))
    assert again is not None
    assert again.added == ()
    assert list(again.person.confirmed) == ["digest"]
    assert list(people.table.everything()) == before


def test_what_was_never_asked_for_is_not_confirmed(signups: SignUps, sid: str) -> None:
    assert signups.confirm(sid, NOW) is None


def test_a_request_is_forgotten_after_thirty_days(people: People, sid: str) -> None:
    moment = [NOW.timestamp()]
    table = SqliteTable(people.database, lambda: moment[0])
    signups = SignUps(table)
    signups.ask(sid, REQUEST, NOW)
    moment[0] = (NOW + PENDING).timestamp() - 1
    assert signups.pending(sid) == REQUEST
    moment[0] += 2
    assert signups.pending(sid) is None
    assert signups.confirm(sid, NOW + PENDING) is None
    signups.ask(sid, REQUEST, NOW + PENDING)
    assert signups.pending(sid) == REQUEST


def test_asking_again_adds_and_never_takes_away(people: People, signups: SignUps, sid: str) -> None:
    signups.ask(sid, REQUEST, NOW)
    signups.ask(sid, replace(REQUEST, name="", newsletters={"alerts": Choices()}, language="en"), LATER)
    pending = signups.pending(sid)
    assert pending is not None
    assert pending.newsletters == {**REQUEST.newsletters, "alerts": Choices()}
    assert (pending.name, pending.language) == ("Ada", "en")
    for number in range(50):
        signups.ask(sid, replace(REQUEST, newsletters={f"letter{number}": Choices()}), LATER)
    confirmed = signups.confirm(sid, LATER)
    assert confirmed is not None
    assert len(confirmed.added) == 30, "as many as one transaction takes, the newest"
    assert confirmed.added[-1] == "letter49"


def test_asking_again_never_unconfirms_and_choices_that_stand_are_kept(
    people: People, signups: SignUps, sid: str
) -> None:
    people.add(ADA, topics=frozenset({"security"}))
    before = people.audience.membership("digest", sid)
    signups.ask(sid, replace(REQUEST, newsletters={**REQUEST.newsletters, "alerts": Choices()}), NOW)
    assert people.audience.membership("digest", sid) == before
    confirmed = signups.confirm(sid, LATER)
    assert confirmed is not None
    assert confirmed.added == ("alerts",)
    assert people.audience.membership("digest", sid) == before


def test_who_left_comes_back_by_confirming(people: People, signups: SignUps, sid: str) -> None:
    people.add(ADA, marks=frozenset({"tag:speaker"}))
    people.audience.leave(sid, "digest", NOW, "link")
    signups.ask(sid, REQUEST, NOW)
    assert people.audience.membership("digest", sid).state is MemberState.UNSUBSCRIBED  # type: ignore[union-attr]
    signups.confirm(sid, LATER)
    member = people.audience.membership("digest", sid)
    assert member is not None
    assert (member.state, member.joined) == ("confirmed", LATER.isoformat())
    assert member.marks == {"tag:speaker"}


def test_what_is_odd_about_an_address_is_marked_for_editors(people: People, signups: SignUps, sid: str) -> None:
    people.add(ADA, marks=frozenset({"tag:speaker"}))
    people.audience.leave(sid, "digest", NOW, "link")
    odd = replace(REQUEST, flags=("role", "disposable"))
    signups.ask(sid, odd, NOW)
    assert signups.pending(sid) == odd
    confirmed = signups.confirm(sid, LATER)
    assert confirmed is not None
    assert confirmed.person.members["digest"].marks == {"tag:speaker", "flag:role", "flag:disposable"}


@pytest.mark.parametrize("reason", list(Reason))
def test_confirming_lifts_a_bounce_and_an_erasure_and_nothing_else(
    people: People, signups: SignUps, sid: str, reason: Reason
) -> None:
    Suppressions(people.table).add(sid, reason, NOW)
    signups.ask(sid, REQUEST, NOW)
    lifted = reason in {Reason.BOUNCE, Reason.ERASED}
    confirmed = signups.confirm(sid, LATER)
    assert (confirmed is not None) is lifted
    assert (people.table.get(suppression_key(sid)) is None) is lifted
    assert ("lifted" in {line["action"] for line in people.audience.history(sid)}) is lifted
    assert (signups.pending(sid) is None) is lifted


def test_asking_reads_and_writes_the_same_for_everybody(people: People) -> None:
    people.add("known@example.org")
    people.add("left@example.org")
    people.audience.leave(people.audience.sid("left@example.org"), "digest", NOW, "link")
    people.audience.suppress(people.audience.sid("bounced@example.org"), "bounce", NOW)
    seen = []
    for address in ("new@example.org", "known@example.org", "left@example.org", "bounced@example.org"):
        watched = Watched(people.table)
        SignUps(watched).ask(people.audience.sid(address), replace(REQUEST, address=address), NOW)  # type: ignore[arg-type]
        seen.append(watched.calls)
    assert seen[0]
    assert all(calls == seen[0] for calls in seen)


class Watched:
    """A table that notes which calls are made, on how many items."""

    def __init__(self, table: SqliteTable) -> None:
        self._table, self.calls = table, list[Any]()

    def __getattr__(self, name: str) -> Any:
        def call(*values: Any, **named: Any) -> Any:
            size = len(values[0]) if values and isinstance(values[0], Sequence) else 1
            self.calls.append((name, size))
            return getattr(self._table, name)(*values, **named)

        return call


def test_the_words_of_a_form_can_be_read_back_by_their_hash(people: People) -> None:
    digest = keep_text(people.table, "I want it.", NOW)
    assert digest == keep_text(people.table, "I want it.", LATER) == hashlib.sha256(b"I want it.").hexdigest()
    item = people.table.get(Key("CONSENT-TEXT", digest))
    assert item is not None
    assert item.data == {"text": "I want it.", "first": NOW.isoformat()}


def test_two_confirmations_at_once_are_one(people: People, signups: SignUps, sid: str) -> None:
    signups.ask(sid, REQUEST, NOW)

    class Between:
        """Somebody else confirms between this one's reading and writing."""

        def __init__(self) -> None:
            self.done = False

        def __getattr__(self, name: str) -> Any:
            return getattr(people.table, name)

        def transact(self, writes: Any) -> None:
            if not self.done:
                self.done = True
                assert signups.confirm(sid, NOW) is not None
            people.table.transact(writes)

    late = SignUps(Between()).confirm(sid, LATER)  # type: ignore[arg-type]
    assert late is not None
    assert late.added == ()
    assert len(people.audience.history(sid)) == 1
    assert people.table.get(pending_key(sid)) is None
