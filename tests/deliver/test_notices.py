"""Notices: what is due goes out once a day and address, what is not due does not, and trouble is tried again."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from chalicelib.audience.audience import Audience
from chalicelib.audience.choices import Choices
from chalicelib.audience.moving import Moves
from chalicelib.audience.signup import Request, SignUps
from chalicelib.audience.suppression import Reason, Suppressions
from chalicelib.audience.tokens import ChangeTokens, ConfirmTokens, DataTokens
from chalicelib.deliver.notices import Done, Notices, Task, ask, read_notice
from chalicelib.deliver.posting import post
from chalicelib.errors import StoreError, TransportUnavailableError
from chalicelib.render.notices import Kind
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_queue import SqliteQueue
from chalicelib.transports import Fate, Mail, Outcome
from tests.deliver.house import House, Scripted
from tests.simulation.world import SECRETS, SLOT

ADA = "Ada@example.org"


class Office:
    """A queue of notices and what sends them, with clocks that stand until told."""

    def __init__(self, folder: Path) -> None:
        self.house = House(folder, readers=0)
        self.passed, self.mails = timedelta(), list[Mail]()
        self.table = SqliteTable(self.house.database, lambda: self.now().timestamp())
        self.queue = SqliteQueue(self.house.database, "notices", max_attempts=3, wall_clock=self.seconds)
        self.transport = Scripted(self._keep)
        self.audience, self.signups = Audience(self.table, SECRETS), SignUps(self.table)
        self.sid = self.audience.sid(ADA)
        self.fate = Fate.SENT

    def now(self) -> Any:
        return SLOT + self.passed

    def seconds(self) -> float:
        return float(self.now().timestamp())

    async def _keep(self, mails: Sequence[Mail]) -> list[Outcome]:
        if self.fate is not Fate.DEFERRED:
            self.mails += mails
        return [Outcome(self.fate, "busy") for _ in mails]

    def notices(self) -> Notices:
        return Notices(self.house.site, self.table, self.house.blobs, self.transport, SECRETS, self.now)

    def request(self, address: str = ADA, *newsletters: str) -> None:
        wanted = {name: Choices() for name in newsletters or ("digest",)}
        request = Request(address, "Ada", "de", wanted, "subscribe/1", "ab" * 32, self.now())
        self.signups.ask(self.audience.sid(address), request, self.now())

    def send(self, kind: Kind = Kind.CONFIRM, sid: str = "", **more: Any) -> list[Done]:
        ask(self.queue, Task(kind, sid or self.sid, "de", **more))
        return asyncio.run(post(self.queue, self.notices))

    def text(self) -> str:
        part = message_from_bytes(self.mails[-1].content, policy=policy.default).get_body(("plain",))
        assert part is not None
        return str(part.get_content())

    def link(self) -> tuple[str, str]:
        found = re.search(r"https://news\.example\.org/([cadpu])/([\w.-]+)", self.text())
        assert found
        return found[1], found[2]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_a_request_leads_to_one_mail_with_a_link_that_confirms_it(office: Office) -> None:
    office.request()
    assert office.send() == [Done.SENT]
    (mail,) = office.mails
    assert mail.recipient == ADA
    door, token = office.link()
    assert (door, ConfirmTokens(SECRETS).read(token, office.now())) == ("c", (office.sid, ""))
    message = message_from_bytes(mail.content, policy=policy.default)
    assert message["To"] == ADA, "without a name that anybody may have typed"
    assert message["Content-Language"] == "de"
    assert message["Precedence"] is None
    assert len(office.queue.receive(10)) == 0


def test_an_address_gets_one_a_day_however_often_it_is_asked(office: Office) -> None:
    office.request()
    done = [office.send()[0] for _ in range(5)]
    assert done == [Done.SENT, *[Done.HAD_ONE] * 4]
    office.passed = timedelta(hours=23, minutes=59)
    assert office.send() == [Done.HAD_ONE]
    office.passed = timedelta(hours=24, seconds=1)
    office.request()
    assert office.send() == [Done.SENT]
    assert len(office.mails) == 2


@pytest.mark.parametrize("reason", list(Reason))
def test_a_stop_that_its_owner_may_not_lift_stops_the_mail_to_confirm(office: Office, reason: Reason) -> None:
    Suppressions(office.table).add(office.sid, reason, office.now())
    office.request()
    sent = reason in {Reason.BOUNCE, Reason.ERASED}
    assert office.send() == [Done.SENT if sent else Done.NOT_DUE]
    assert len(office.mails) == sent


def test_a_suppressed_domain_gets_none(office: Office) -> None:
    Suppressions(office.table).add_domain("example.org", office.now())
    office.request()
    assert office.send() == [Done.NOT_DUE]


def test_what_is_not_pending_is_not_mailed(office: Office) -> None:
    assert [office.send(kind)[0] for kind in Kind] == [Done.NOT_DUE] * len(Kind)
    assert office.mails == []


def test_a_provider_that_is_away_gets_it_later_and_once(office: Office) -> None:
    office.request()

    async def away(_mails: Sequence[Mail]) -> list[Outcome]:
        raise TransportUnavailableError("nobody answers")

    office.transport.script = away
    assert office.send() == []
    office.transport.script, office.fate = office._keep, Fate.DEFERRED
    office.passed = timedelta(seconds=6)
    assert asyncio.run(post(office.queue, office.notices)) == []
    office.fate, office.passed = Fate.SENT, timedelta(seconds=30)
    assert asyncio.run(post(office.queue, office.notices)) == [Done.SENT]
    assert len(office.mails) == 1


@pytest.mark.parametrize(("fate", "done"), [(Fate.FAILED, Done.REFUSED), (Fate.IN_DOUBT, Done.IN_DOUBT)])
def test_what_was_refused_or_is_in_doubt_is_not_sent_again_that_day(office: Office, fate: Fate, done: Done) -> None:
    office.request()
    office.fate = fate
    assert office.send() == [done]
    office.fate = Fate.SENT
    assert office.send() == [Done.HAD_ONE]


def test_a_bad_message_ends_in_the_dead_letters_and_the_others_go_out(office: Office) -> None:
    office.queue.send(["no json", '{"notice": "spam", "sid": "x", "language": "", "newsletters": []}'])
    office.request()
    assert Done.SENT in office.send()
    for _ in range(4):
        office.passed += timedelta(minutes=20)
        asyncio.run(post(office.queue, office.notices))
    assert sorted(office.queue.dead())[0] == "no json"
    with pytest.raises(StoreError):
        read_notice("[" * 100_000)


def test_a_welcome_is_for_what_somebody_gets_by_now(office: Office) -> None:
    office.request(ADA, "digest", "gone")
    office.signups.confirm(office.sid, office.now())
    assert office.send(Kind.WELCOME, newsletters=("digest", "gone")) == [Done.SENT]
    assert "/u/" in office.text()
    office.audience.leave(office.sid, "digest", office.now(), "link")
    office.passed = timedelta(days=2)
    office.audience.leave_all(office.sid, office.now(), "link")
    assert office.send(Kind.WELCOME, newsletters=("digest",)) == [Done.NOT_DUE]


def test_no_welcome_goes_where_mails_came_back(office: Office) -> None:
    office.request()
    office.signups.confirm(office.sid, office.now())
    Suppressions(office.table).add(office.sid, Reason.BOUNCE, office.now())
    assert office.send(Kind.WELCOME, newsletters=("digest",)) == [Done.NOT_DUE]
    assert office.send(Kind.DATA) == [Done.SENT], "but who asks for their data gets it"


def test_in_one_round_each_gets_what_is_theirs(office: Office) -> None:
    people = (("bo@example.org", "de"), ("cy@example.org", "en"), ("dee@example.org", "de"))
    for address, language in people:
        office.request(address)
        ask(office.queue, Task(Kind.CONFIRM, office.audience.sid(address), language))
    assert asyncio.run(post(office.queue, office.notices)) == [Done.SENT] * 3
    messages = [message_from_bytes(mail.content, policy=policy.default) for mail in office.mails]
    assert {(str(one["To"]), str(one["Content-Language"])) for one in messages} == set(people)
    assert len({str(one["Message-ID"]) for one in messages}) == 3


def test_while_the_provider_is_away_the_others_wait_a_little_too(office: Office) -> None:
    async def away(_mails: Sequence[Mail]) -> list[Outcome]:
        raise TransportUnavailableError("nobody answers")

    for address in ("bo@example.org", "cy@example.org"):
        office.request(address)
        ask(office.queue, Task(Kind.CONFIRM, office.audience.sid(address), "de"))
    office.transport.script = away
    assert asyncio.run(post(office.queue, office.notices)) == []
    office.transport.script, office.passed = office._keep, timedelta(seconds=6)
    assert asyncio.run(post(office.queue, office.notices)) == [Done.SENT] * 2


def test_a_new_address_is_asked_and_the_old_one_is_told(office: Office) -> None:
    office.request()
    office.signups.confirm(office.sid, office.now())
    new = office.audience.sid("ada@example.com")
    Moves(office.table).ask(office.sid, new, "ada@example.com", office.now())
    assert office.send(Kind.CHANGE) == [Done.SENT]
    door, token = office.link()
    assert office.mails[-1].recipient == "ada@example.com"
    assert (door, ChangeTokens(SECRETS).read(token, office.now())) == ("a", (office.sid, new))
    assert office.send(Kind.MOVING) == [Done.SENT]
    assert office.mails[-1].recipient == ADA
    assert "/a/" not in office.text()
    assert "ada@example.com" not in office.text()


def test_a_link_to_ones_data_goes_to_the_address_on_record(office: Office) -> None:
    office.request()
    office.signups.confirm(office.sid, office.now())
    assert office.send(Kind.DATA) == [Done.SENT]
    door, token = office.link()
    assert (door, DataTokens(SECRETS).read(token, office.now())) == ("d", (office.sid, ""))
    assert office.mails[-1].recipient == ADA


def test_a_site_that_cannot_be_rendered_loses_no_notice(office: Office) -> None:
    office.request()
    broken = replace(office.house.site, sender=replace(office.house.site.sender, address="no address"))
    wrong = Notices(broken, office.table, office.house.blobs, office.transport, SECRETS, office.now)
    ask(office.queue, Task(Kind.CONFIRM, office.sid, "de"))
    assert asyncio.run(post(office.queue, lambda: wrong)) == []
    office.passed = timedelta(minutes=1)
    assert asyncio.run(post(office.queue, office.notices)) == [Done.SENT]
