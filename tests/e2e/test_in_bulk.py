"""An edition through SES in bulk: few calls, one outcome for each reader, and the mails are those that go out raw."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from chalicelib.audience.tokens import UnsubscribeTokens, names_of
from chalicelib.compose.edition import State
from chalicelib.deliver.draining import drain
from chalicelib.transports import Mail, Outcome
from chalicelib.transports.ses import SesTransport, make_client
from chalicelib.transports.smtp_mail import prepare
from tests.deliver.house import ID, House, Script, Scripted, all_sent
from tests.deliver.test_merging import GUEST, HOST, Two
from tests.fake_ses import BULK, SEND, FakeSes, Statuses, Taken
from tests.render.test_bulk import OF_SES, parts
from tests.simulation.world import SECRETS, SLOT
from tests.transports.ses_house import ses_environment


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    made.subscribe("cut@example.org", name="R&D {team}")
    made.start()
    yield made
    made.database.close()


class Bulk(Scripted):
    """A transport that wants bulks, and keeps what it is given."""

    bulk = True

    def __init__(self, script: Script | None = None) -> None:
        super().__init__(script or self._keep)
        self.mails: list[Mail] = []

    async def _keep(self, mails: Sequence[Mail]) -> list[Outcome]:
        self.mails += mails
        return await all_sent(mails)


def test_an_edition_goes_out_in_bulks_each_entry_with_an_outcome_of_its_own(house: House) -> None:
    with FakeSes() as ses, ses_environment(ses.url):
        refused = Statuses(["SUCCESS", "MESSAGE_REJECTED"], "no such user")
        ses.answer = lambda call: refused if call.operation == BULK and ses.calls[BULK] == 1 else None
        worker = house.worker(transport=SesTransport(make_client("us-east-1"), bulk=True))  # type: ignore[arg-type]
        drained = asyncio.run(drain(house.queue, worker))
        assert (drained.trouble, drained.left) == ("", [])
        house.dispatcher.tick(SLOT)
        taken = [mail.recipient for mail in ses.taken]
        asked = Counter(ses.calls)
    assert house.edition().state is State.SENT
    assert (house.books().sent, house.books().failed) == (10, 1)
    assert len(taken) == len(set(taken)) == 10
    assert asked[BULK] + asked[SEND] < 11, "several mails in a call"
    (why,) = [one.reason for _, held in house.dispatcher.chunks.ledgers(ID) for one in held.ledger.details.values()]
    assert "no such user" in why
    made = [mail for mail in ses.taken if not mail.raw]
    assert {"edition", "chunk", "position"} == set(made[0].tags)
    assert made[0].headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_reader_whose_name_a_template_may_treat_gets_the_whole_message(house: House) -> None:
    transport = Bulk()
    asyncio.run(drain(house.queue, house.worker(transport=transport)))
    whole = {mail.recipient for mail in transport.mails if mail.bulk is None}
    assert whole <= {"cut@example.org"}
    assert len(transport.mails) == 11


def test_only_a_transport_that_wants_bulks_is_given_any(house: House) -> None:
    found: list[Mail] = []

    async def keep(mails: Sequence[Mail]) -> list[Outcome]:
        found.extend(mails)
        return await all_sent(mails)

    asyncio.run(drain(house.queue, house.worker(transport=Scripted(keep))))
    assert {mail.bulk for mail in found} == {None}


def test_mails_that_are_called_clean_need_no_second_look(house: House) -> None:
    transport = Bulk()
    asyncio.run(drain(house.queue, house.worker(transport=transport)))
    for mail in transport.mails:
        assert mail.clean
        looked_at = Mail(mail.sender, mail.recipient, mail.content, mail.tags)
        assert prepare(mail, None) == prepare(looked_at, None)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    made = Two(tmp_path)
    for number in range(3):
        made.join(f"reader{number}@example.org")
    made.start()
    yield made
    made.database.close()


def assert_one_mail(got: Taken, mail: Mail) -> None:
    """What SES makes of a reader's share is the message they would get by itself, header by header."""
    message, plain, markup = parts(mail.content)
    assert (got.subject, got.text, got.html) == (str(message["Subject"]), plain, markup)
    told = {name: re.sub("\r\n(?=[ \t])", "", str(value)) for name, value in message.raw_items() if name not in OF_SES}
    assert told == got.headers | {"From": got.sender, "To": got.to, "Reply-To": ", ".join(got.reply_to)}


def names_left(got: Taken) -> list[str]:
    """The newsletters that the one-click link of a mail leaves."""
    token = re.fullmatch("<https://[^/]+/u/([^>]+)>", got.headers["List-Unsubscribe"])
    assert token
    return list(names_of(UnsubscribeTokens(SECRETS).read(token[1])[1]))


def test_a_mail_of_two_editions_is_the_same_in_bulk_as_by_itself(two: Two) -> None:
    with FakeSes() as ses, ses_environment(ses.url):
        transport = SesTransport(make_client("us-east-1"), bulk=True)
        given: dict[str, Mail] = {}

        async def through(mails: Sequence[Mail]) -> list[Outcome]:
            given.update((mail.recipient, mail) for mail in mails)
            return await transport.send_wave(mails)

        two.transport = Bulk(two.keeping(through))
        two.finish()
        asyncio.run(transport.aclose())
        taken = list(ses.taken)
    assert sorted(mail.recipient for mail in taken) == sorted(f"reader{number}@example.org" for number in range(11))
    assert two.figures(HOST)[:2] == (8, 8)
    assert two.figures(GUEST)[:3] == (10, 3, 7)
    in_bulk = [mail for mail in taken if not mail.raw]
    both = [mail for mail in in_bulk if two.got()[int(re.sub(r"\D", "", mail.recipient))] == ["DW"]]
    assert len(both) >= 4
    for got in taken:
        if got.raw:
            assert got.raw == given[got.recipient].content
        else:
            assert_one_mail(got, given[got.recipient])
    assert all(names_left(got) == ["digest", "weekly"] for got in both)
    assert all(len(names_left(got)) == 1 for got in in_bulk if got not in both)
    assert {got.tags["edition"] for got in both} == {HOST.replace("/", "_")}


def test_who_left_one_of_two_in_the_meantime_gets_the_others_share_alone(two: Two) -> None:
    """Their letter is another template: it is in no call with those who get both."""
    two.leave(4, "weekly")
    two.leave(5, "digest")
    with FakeSes() as ses, ses_environment(ses.url):
        transport = SesTransport(make_client("us-east-1"), bulk=True)
        two.transport = Bulk(two.keeping(transport.send_wave))
        two.finish()
        asyncio.run(transport.aclose())
        calls = [request for request in ses.requests if request.operation == BULK]
        taken = Counter(mail.recipient for mail in ses.taken)
    assert taken == Counter(f"reader{number}@example.org" for number in range(11))
    assert two.got() == {
        **{number: ["DW"] for number in (0, 1, 2, 6, 7)},
        **{number: ["D"] for number in (3, 4)},
        **{number: ["W"] for number in (5, 8, 9, 10)},
    }
    for call in calls:
        assert len({tuple(two.got()[int(re.sub(r"\D", "", address))]) for address in call.recipients}) == 1
