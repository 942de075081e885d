"""An edition through SES in bulk: few calls, one outcome for each reader, and the mails are those that go out raw."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from chalicelib.compose.edition import State
from chalicelib.deliver.draining import drain
from chalicelib.transports import Mail, Outcome
from chalicelib.transports.ses import SesTransport, make_client
from chalicelib.transports.smtp_mail import prepare
from tests.deliver.house import ID, House, Scripted, all_sent
from tests.fake_ses import BULK, SEND, FakeSes, Statuses
from tests.simulation.world import SLOT
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

    def __init__(self) -> None:
        super().__init__(self._keep)
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
