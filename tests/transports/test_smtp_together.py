"""Several waves at once over the same connections: each has its own outcomes, whatever happens to the others."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.errors import ConfigurationError, TransportUnavailableError
from chalicelib.transports import Mail, Outcome
from chalicelib.transports.smtp import SmtpTransport
from tests.smtp_sink import CHUNKING, DROP, EXTENSIONS, STALL, TAKE_AND_DROP, Answer, SmtpSink, Step
from tests.transports.mails import DEFERRED, FAILED, IN_DOUBT, SENT, mail, message
from tests.transports.smtp_house import LOCKSTEP, played

WAYS = {"lockstep": LOCKSTEP, "pipelined": EXTENSIONS, "chunked": CHUNKING}
GUARD = 60.0
"""Seconds: a scene takes milliseconds; only one that hangs gets here."""

Result = list[Outcome] | TransportUnavailableError | ConfigurationError


def numbered(count: int, first: int = 0) -> list[Mail]:
    """Mails that tell who they are in their sender, too."""
    return [
        Mail(f"news{n}@example.org", f"reader{n}@example.org", message(n), {"position": str(n)})
        for n in range(first, first + count)
    ]


async def together(transport: SmtpTransport, waves: Sequence[Sequence[Mail]]) -> list[Result]:
    """All at once; what each came to."""

    async def one(wave: Sequence[Mail]) -> Result:
        try:
            return await transport.send_wave(wave)
        except (TransportUnavailableError, ConfigurationError) as error:
            return error

    async with asyncio.timeout(GUARD):
        return list(await asyncio.gather(*map(one, waves)))


@dataclass(frozen=True)
class Fault:
    """What the server does at a step of one mail, as often as ``times`` says."""

    verb: str
    reply: str
    times: int


REFUSALS = ("450 4.2.0 later", "452 4.3.1 full", "550 5.1.1 nobody", "552 5.2.2 too much", "250-no\r\n550 5.0.0 x")
ENDS = (DROP, "421 4.7.0 enough")
STEPS = ("RSET", "MAIL", "RCPT", "DATA", "BODY", ".")
FAULTS = st.one_of(
    st.none(),
    st.builds(Fault, st.sampled_from(["MAIL", "RCPT", "DATA", "."]), st.sampled_from(REFUSALS[:4]), st.just(9)),
    st.builds(
        Fault, st.sampled_from(["RSET", "MAIL", "RCPT", "DATA", "BODY", "."]), st.sampled_from(ENDS), st.integers(1, 3)
    ),
    st.just(Fault(".", TAKE_AND_DROP, 1)),
    st.just(Fault("RCPT", "250-2.1.5 fine\r\n250 2.1.5 Ok", 9)),
    st.just(Fault("BDAT", "502 5.5.1 what?", 1)),
)


class Plan:
    """Who of the mails meets which fault."""

    def __init__(self, faults: Sequence[Fault | None]) -> None:
        self.faults = {f"news{n}@example.org": fault for n, fault in enumerate(faults)}
        self._left = {sender: fault.times for sender, fault in self.faults.items() if fault}
        self._now: dict[int, str] = {}

    def answer(self, step: Step) -> str | None:
        if step.verb == "MAIL":
            self._now[step.connection] = step.argument.partition("<")[2].partition(">")[0]
        sender = self._now.get(step.connection, "")
        fault = self.faults.get(sender)
        if fault is None or fault.verb != step.verb or not self._left[sender]:
            return None
        self._left[sender] -= 1
        return fault.reply


@pytest.mark.parametrize("way", WAYS)
@settings(deadline=None, max_examples=40)
@given(
    waves=st.lists(st.lists(FAULTS, min_size=1, max_size=8), min_size=1, max_size=4),
    connections=st.integers(1, 3),
    dribble=st.sampled_from([0, 0, 1, 7]),
)
def test_outcomes_are_what_the_server_did(
    way: str, waves: list[list[Fault | None]], connections: int, dribble: int
) -> None:
    plan = Plan([fault for wave in waves for fault in wave])
    starts = [sum(map(len, waves[:place])) for place in range(len(waves))]
    mails = [numbered(len(wave), first) for wave, first in zip(waves, starts, strict=True)]
    sink = SmtpSink(extensions=WAYS[way], answer=plan.answer, dribble=dribble)
    results = played(sink, lambda transport: together(transport, mails), connections)
    taken = Counter(sink.recipients)
    assert max(taken.values(), default=0) <= 1
    calm = not any(fault and fault.reply in (*ENDS, TAKE_AND_DROP) for fault in plan.faults.values())
    for wave, result in zip(mails, results, strict=True):
        if not isinstance(result, list):
            assert not calm or all(refuses_the_sender(plan.faults[sent.sender]) for sent in wave)
            assert not any(taken[sent.recipient] for sent in wave)
            continue
        assert len(result) == len(wave)
        for sent, outcome in zip(wave, result, strict=True):
            judge(plan.faults[sent.sender], outcome, taken[sent.recipient], calm=calm, way=way)


def refuses_the_sender(fault: Fault | None) -> bool:
    """And not for the size of the mail."""
    return fault is not None and fault.verb == "MAIL" and fault.reply.startswith("550")


def judge(fault: Fault | None, outcome: Outcome, taken: int, *, calm: bool, way: str) -> None:
    """One mail's outcome, by what the server did with it."""
    if outcome.fate is not IN_DOUBT:
        assert taken == (outcome.fate is SENT), outcome
    if outcome.fate is FAILED:
        assert fault
        assert outcome.reason == fault.reply
        assert fault.reply.startswith("5")
    if not calm:
        return
    if fault and fault.verb == "DATA" and way == "chunked" and outcome.fate is SENT:
        return  # DATA is said only where BDAT was unknown
    if fault and refuses_the_sender(fault):
        assert outcome == Outcome(DEFERRED, fault.reply)
    elif fault and fault.reply in REFUSALS:
        assert outcome == Outcome(FAILED if fault.reply[0] == "5" else DEFERRED, fault.reply)
    else:
        assert outcome.fate is SENT


@pytest.mark.parametrize("way", WAYS)
def test_many_waves_share_the_connections(way: str) -> None:
    async def play(transport: SmtpTransport) -> list[Result]:
        waiting = iter([numbered(25, 25 * n) for n in range(24)])
        results: list[Result] = []

        async def worker() -> None:
            for wave in waiting:
                results.append(await transport.send_wave(wave))

        await asyncio.gather(*(worker() for _ in range(8)))
        return results

    sink = SmtpSink(extensions=WAYS[way])
    results = played(sink, play, 5)
    assert all(isinstance(result, list) and {o.fate for o in result} == {SENT} for result in results)
    assert Counter(sink.recipients) == Counter(f"reader{n}@example.org" for n in range(600))
    assert sink.connections <= 5


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("connections", [1, 2])
def test_mails_that_a_server_dies_of_do_not_stop_another_wave(way: str, connections: int) -> None:
    deadly, healthy = numbered(12), numbered(20, 12)
    plan = Plan([Fault("RCPT", DROP, 99)] * 12 + [None] * 20)
    sink = SmtpSink(extensions=WAYS[way], answer=plan.answer)
    bad, good = played(sink, lambda t: together(t, [deadly, healthy]), connections)
    assert isinstance(good, list)
    assert {outcome.fate for outcome in good} <= {SENT, IN_DOUBT}
    assert [outcome.fate for outcome in good].count(SENT) >= 10
    assert isinstance(bad, TransportUnavailableError) or SENT not in {outcome.fate for outcome in bad}


def on_first(verb: str, reply: str) -> Answer:
    return lambda step: reply if step.connection == 1 and step.verb == verb else None


def test_a_wave_does_not_wait_for_a_connection_it_does_not_need() -> None:
    sink = SmtpSink(answer=on_first("CONNECT", STALL))
    [result] = played(sink, lambda t: together(t, [numbered(6)]), 3)
    assert isinstance(result, list)
    assert {outcome.fate for outcome in result} == {SENT}


@pytest.mark.parametrize("way", WAYS)
def test_a_cancelled_wave_takes_no_other_with_it(way: str) -> None:
    async def play(transport: SmtpTransport) -> list[Result]:
        first = asyncio.create_task(transport.send_wave(numbered(30)))
        second = asyncio.create_task(transport.send_wave(numbered(30, 30)))
        while sink.accepted < 5:
            await asyncio.sleep(0)
        first.cancel()
        results: list[Result] = [await second]
        with pytest.raises(asyncio.CancelledError):
            await first
        results.append(await transport.send_wave(numbered(3, 60)))
        return results

    sink = SmtpSink(extensions=WAYS[way])
    results = played(sink, play, 2)
    assert [[o.fate for o in result] for result in results if isinstance(result, list)] == [[SENT] * 30, [SENT] * 3]
    assert max(Counter(sink.recipients).values()) == 1


def test_a_server_that_is_down_is_said_to_every_wave_and_forgotten_when_it_is_up() -> None:
    down = True

    async def play(transport: SmtpTransport) -> list[Result]:
        nonlocal down
        results = await together(transport, [numbered(5), numbered(5, 5), numbered(5, 10)])
        down = False
        return [*results, *await together(transport, [numbered(5), numbered(5, 5)])]

    sink = SmtpSink(answer=lambda step: "421 4.3.2 down" if down and step.verb == "CONNECT" else None)
    results = played(sink, play, 3)
    assert [isinstance(result, list) for result in results] == [False] * 3 + [True] * 2
    assert sink.accepted == 10


def test_connections_that_are_refused_are_not_asked_for_again_with_every_wave() -> None:
    async def play(transport: SmtpTransport) -> list[Result]:
        return [await transport.send_wave(numbered(4, 4 * n)) for n in range(20)]

    sink = SmtpSink(answer=lambda s: "421 4.7.0 too many" if s.verb == "CONNECT" and s.connection > 2 else None)
    played(sink, play, 10)
    assert sink.accepted == 80
    assert sink.connections <= 10


def test_after_a_respite_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.transports.smtp_office.RESPITE", 0.0)

    async def play(transport: SmtpTransport) -> list[Result]:
        return [await transport.send_wave(numbered(4, 4 * n)) for n in range(5)]

    sink = SmtpSink(answer=lambda s: "421 4.7.0 too many" if s.verb == "CONNECT" and s.connection == 2 else None)
    played(sink, play, 2)
    assert sink.connections == 3


def test_one_closes_while_another_sends() -> None:
    async def play(transport: SmtpTransport) -> list[Result]:
        sending = asyncio.create_task(transport.send_wave(numbered(40)))
        while sink.accepted < 3:
            await asyncio.sleep(0)
        await transport.aclose()
        return [await sending, await transport.send_wave(numbered(3, 40))]

    sink = SmtpSink()
    results = played(sink, play, 2)
    assert [[o.fate for o in result] for result in results if isinstance(result, list)] == [[SENT] * 40, [SENT] * 3]


def test_wrong_settings_are_said_to_every_wave() -> None:
    async def play(transport: SmtpTransport) -> list[Result]:
        results = await asyncio.gather(*(transport.send_wave([mail(n)]) for n in range(3)), return_exceptions=True)
        assert all(isinstance(result, ConfigurationError) for result in results)
        return []

    assert played(SmtpSink(users={"news": "secret"}), play, 2) == []
