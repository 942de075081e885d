"""What every transport must do alike."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from chalicelib.transports import Fate, Mail, Outcome
from tests.contract.transports.homes import KINDS, Home, home
from tests.transports.mails import mail, mails, message


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    with home(request.param, tmp_path) as made:
        yield made


def send(place: Home, *waves: Sequence[Mail]) -> list[list[Outcome]]:
    """All waves in one event loop, the connections given back at its end."""

    async def all_of_them() -> list[list[Outcome]]:
        try:
            return [await place.transport.send_wave(wave) for wave in waves]
        finally:
            await place.transport.aclose()

    return asyncio.run(all_of_them())


def test_an_empty_wave_has_no_outcomes_and_sends_nothing(place: Home) -> None:
    assert send(place, []) == [[]]
    assert place.arrived() == []


def test_each_mail_arrives_once_with_its_own_bytes(place: Home) -> None:
    waves = [mails(50), [mail(n) for n in range(50, 100)], [mail(n) for n in range(100, 120)]]
    outcomes = [outcome for wave in send(place, *waves) for outcome in wave]
    assert [outcome.fate for outcome in outcomes] == [Fate.SENT] * 120
    assert {outcome.reason for outcome in outcomes} == {""}
    assert all(outcome.provider_id for outcome in outcomes)
    sent = [(m.recipient, m.content) for wave in waves for m in wave]
    assert sorted(map(tuple, place.arrived())) == sorted(sent)


@pytest.mark.parametrize(
    "body",
    [
        b".\r\n",
        b"..\r\n.\r\n...\r\n",
        b".leading\r\n..two\r\nmiddle.\r\n.\r\n.QUIT\r\n",
        b"x" * 998 + b"\r\n" + b"." * 998 + b"\r\n",
        b"\r\n\r\n\r\n",
        b"From the start of a line\r\n",
        (b"y" * 74 + b"\r\n.z\r\n") * 3000,
    ],
    ids=["dot", "dots", "mixed", "long", "empty lines", "from", "large"],
)
def test_bytes_arrive_intact(place: Home, body: bytes) -> None:
    sent = mail(content=message(0, body))
    [[outcome, after]] = send(place, [sent, mail(1)])
    assert (outcome.fate, after.fate) == (Fate.SENT, Fate.SENT)
    contents = {arrived.recipient: arrived.content for arrived in place.arrived()}
    assert contents == {sent.recipient: sent.content, "reader1@example.org": mail(1).content}


@pytest.mark.parametrize(
    "recipient",
    [
        "two@example.org>\r\nRCPT TO:<evil@example.org",
        "a b@example.org",
        "",
        "nobody",
        "ä@example.org",
        "x\0@example.org",
    ],
)
def test_a_bad_one_in_the_middle_fails_alone(place: Home, recipient: str) -> None:
    [outcomes] = send(place, [mail(1), mail(2, recipient=recipient), mail(3)])
    assert [outcome.fate for outcome in outcomes] == [Fate.SENT, Fate.FAILED, Fate.SENT]
    assert outcomes[1].reason
    assert sorted(a.recipient for a in place.arrived()) == ["reader1@example.org", "reader3@example.org"]


def test_a_bad_sender_fails_before_anything_is_said(place: Home) -> None:
    bad = Mail("a@example.org>\r\nDATA\r\n", "reader@example.org", message(0))
    [outcomes] = send(place, [bad])
    assert outcomes[0].fate is Fate.FAILED
    assert place.arrived() == []


def test_a_wave_of_nothing_but_bad_ones(place: Home) -> None:
    [outcomes] = send(place, [mail(n, recipient="bad one") for n in range(7)])
    assert [outcome.fate for outcome in outcomes] == [Fate.FAILED] * 7


def test_used_again_in_another_event_loop_without_a_farewell(place: Home) -> None:
    for number in range(3):
        [outcome] = asyncio.run(place.transport.send_wave([mail(number)]))
        assert outcome.fate is Fate.SENT
    assert len(place.arrived()) == 3


def test_closing_twice_and_going_on(place: Home) -> None:
    async def scene() -> list[Outcome]:
        await place.transport.aclose()
        first = await place.transport.send_wave([mail(1)])
        await place.transport.aclose()
        await place.transport.aclose()
        return first + await place.transport.send_wave([mail(2)])

    assert [outcome.fate for outcome in asyncio.run(scene())] == [Fate.SENT, Fate.SENT]
    assert len(place.arrived()) == 2


def test_transports_have_names(place: Home) -> None:
    assert place.transport.name in {"maildir", "smtp", "ses"}
