"""BDAT: many mails under way at once, each with its own outcome, and DATA where BDAT does not work."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from typing import cast

import pytest

from chalicelib.errors import ConfigurationError, TransportUnavailableError
from chalicelib.transports import Fate
from chalicelib.transports.smtp import SmtpSettings, SmtpTransport
from chalicelib.transports.smtp_chunks import WINDOW, ChunkCourier
from chalicelib.transports.smtp_office import PostOffice
from chalicelib.transports.smtp_session import Session
from chalicelib.transports.smtp_wave import Wave
from chalicelib.transports.smtp_wire import Reply, Wire
from tests.smtp_sink import CHUNKING, DROP, STALL, TAKE_AND_DROP, TAKE_AND_STALL, Answer, SmtpSink, Step
from tests.transports.mails import DEFERRED, FAILED, IN_DOUBT, SENT, fates, mail, mails, message
from tests.transports.smtp_house import on, played, send, verbs


def questions(sink: SmtpSink) -> list[str]:
    return [command for command in sink.commands if command.startswith("BDAT") and not command.endswith("LAST")]


def test_content_goes_as_it_is_after_one_question() -> None:
    dotted = message(1, b".leading dot\r\n..two\r\n.\r\nend\r\n")
    sink = SmtpSink(extensions=CHUNKING)
    [first, second] = send(sink, [mail(0), mail(1, content=dotted), *mails(5)[2:]], mails(3))
    assert fates(first) + fates(second) == [SENT] * 8
    assert sink.received[1].content == dotted
    assert first[0].provider_id
    assert questions(sink) == ["BDAT 31"]
    assert verbs(sink)["DATA"] == 0
    assert any(command.endswith(f"SIZE={len(dotted)}") for command in sink.commands)


def test_what_is_under_way_is_counted_to_nothing() -> None:
    async def play(transport: SmtpTransport) -> list[int]:
        await transport.send_wave([*mails(9), mail(9, content=message(9, (b"z" * 74 + b"\r\n") * 9000))])
        assert transport._office
        return [courier._bytes for courier in transport._office._couriers if isinstance(courier, ChunkCourier)]

    refused = on("RCPT", "550 5.1.1 no such user", about="reader4@")
    assert played(SmtpSink(extensions=CHUNKING, answer=refused), play) == [0]


def test_content_without_a_last_line_end_gets_one() -> None:
    sink = SmtpSink(extensions=CHUNKING)
    send(sink, [mail(0, content=b"Subject: x\r\n\r\nend")])
    assert sink.received[0].content == b"Subject: x\r\n\r\nend\r\n"


@pytest.mark.parametrize(("how", "taken"), [("never", False), ("auto", False), ("always", True)])
def test_it_can_be_left_out_and_is_to_a_server_on_this_machine(how: str, taken: bool) -> None:
    sink = SmtpSink(extensions=CHUNKING)
    assert fates(send(sink, mails(3), options=f"&chunking={how}")[0]) == [SENT] * 3
    assert (verbs(sink)["BDAT"] > 0) == taken


@pytest.mark.parametrize(("host", "taken"), [("mx.example.org", True), ("localhost", False), ("[::1]", False)])
def test_it_is_taken_across_a_distance(host: str, taken: bool) -> None:
    assert SmtpSettings.parse(f"smtp://{host}").takes_chunks is taken
    assert not SmtpSettings.parse(f"smtp://{host}?chunking=never").takes_chunks


def test_without_pipelining_there_is_none() -> None:
    sink = SmtpSink(extensions=("CHUNKING",))
    assert fates(send(sink, mails(3))[0]) == [SENT] * 3
    assert verbs(sink)["BDAT"] == 0


@pytest.mark.parametrize(("reply", "fate"), [("550 5.1.1 no such user", FAILED), ("450 4.2.0 greylisted", DEFERRED)])
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "."])
@pytest.mark.parametrize("nth", [1, 2, 4])
def test_a_refusal_concerns_its_mail_alone(verb: str, reply: str, fate: Fate, nth: int) -> None:
    """The server swallows what it refused, and wants RSET before anything else."""
    sink = SmtpSink(extensions=CHUNKING, answer=on(verb, reply, nth=nth))
    [outcomes] = send(sink, mails(5))
    expected = [SENT] * 5
    expected[nth - 1] = DEFERRED if verb == "MAIL" else fate  # who sends is no reader's fault
    assert fates(outcomes) == expected
    assert outcomes[nth - 1].reason == reply
    assert sink.recipients == [m.recipient for i, m in enumerate(mails(5)) if i != nth - 1]
    assert sink.connections == 1


def test_all_may_be_refused() -> None:
    sink = SmtpSink(extensions=CHUNKING, answer=on("RCPT", "550 5.1.1 no such user"))
    assert fates(send(sink, mails(9))[0]) == [FAILED] * 9
    assert sink.connections == 1


@pytest.mark.parametrize("code", ["500 5.5.1", "501 5.5.4", "502 5.5.1", "503 5.5.1", "554 5.5.1"])
def test_a_server_that_offers_bdat_and_does_not_know_it_gets_data(code: str) -> None:
    sink = SmtpSink(extensions=CHUNKING, answer=on("BDAT", f"{code} what?"))
    waves = send(sink, mails(5), mails(5))
    assert [fates(wave) for wave in waves] == [[SENT] * 5] * 2
    assert len(questions(sink)) == 1
    assert verbs(sink)["DATA"] == 10
    assert "LAST" not in str(sink.commands)


@pytest.mark.parametrize("code", ["500 5.5.1", "502 5.5.1"])
def test_one_that_forgets_it_gets_the_rest_by_data(code: str) -> None:
    """As a balancer of unlike servers may: a first chunk was fine, a last one is unknown."""

    def answer(step: Step) -> str | None:
        return f"{code} what?" if step.verb == "." and step.connection == 1 and step.message == 2 else None

    sink = SmtpSink(extensions=CHUNKING, answer=answer)
    [outcomes] = send(sink, mails(6))
    assert fates(outcomes) == [SENT] * 6
    assert max(Counter(sink.recipients).values()) == 1
    assert verbs(sink)["DATA"] == 4
    assert sink.connections == 2


@pytest.mark.parametrize("silence", [STALL, TAKE_AND_STALL, DROP, TAKE_AND_DROP])
@pytest.mark.parametrize("nth", [1, 3, 60])
def test_without_an_answer_all_that_is_under_way_is_in_doubt(silence: str, nth: int) -> None:
    """As many as were answered before, and one, up to the window."""
    wave = mails(nth + WINDOW + 5)
    sink = SmtpSink(extensions=CHUNKING, answer=on(".", silence, nth=nth))
    [outcomes] = send(sink, wave)
    lost = [place for place, outcome in enumerate(outcomes) if outcome.fate is IN_DOUBT]
    assert lost == list(range(nth - 1, nth - 1 + len(lost)))
    assert 1 <= len(lost) <= min(nth, WINDOW)
    assert Counter(fates(outcomes)) == {IN_DOUBT: len(lost), SENT: len(wave) - len(lost)}
    assert max(Counter(sink.recipients).values()) == 1
    assert set(sink.recipients) >= {m.recipient for m, o in zip(wave, outcomes, strict=True) if o.fate is SENT}


def test_a_server_that_swallows_everything_is_given_up_after_few_mails() -> None:
    sink = SmtpSink(extensions=CHUNKING, answer=on(".", TAKE_AND_STALL))
    [outcomes] = send(sink, mails(20), connections=2)
    assert Counter(fates(outcomes)) == {IN_DOUBT: 4, DEFERRED: 16}
    assert len(sink.received) == 4


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "."])
def test_after_421_nothing_more_was_read(verb: str) -> None:
    """Dozens of mails are under way when a server has had enough: none of them is in doubt."""

    def answer(step: Step) -> str | None:
        return "421 4.7.0 enough" if step.verb == verb and step.message == 7 else None

    sink = SmtpSink(extensions=CHUNKING, answer=answer)
    [outcomes] = send(sink, mails(40))
    deferred = 5 if verb == "." else 0
    assert Counter(fates(outcomes)) == {SENT: 40 - deferred, **({DEFERRED: deferred} if deferred else {})}
    assert max(Counter(sink.recipients).values()) == 1
    assert len(sink.recipients) == 40 - deferred


def test_a_421_that_closes_nothing_is_no_word() -> None:
    """Who goes on after it may have taken what follows."""
    mail_9, rcpt_9 = on("MAIL", "250 2.1.0 Ok\r\n421 4.7.0 enough", nth=9), on("RCPT", "", nth=9)
    sink = SmtpSink(extensions=CHUNKING, answer=lambda step: mail_9(step) or rcpt_9(step))
    [outcomes] = send(sink, mails(30))
    assert fates(outcomes)[:8] == [SENT] * 8
    assert fates(outcomes)[8] is IN_DOUBT
    assert "went on" in outcomes[8].reason
    assert {DEFERRED, FAILED}.isdisjoint(fates(outcomes))
    assert max(Counter(sink.recipients).values()) == 1
    assert "reader8@example.org" not in sink.recipients


@pytest.mark.parametrize("fault", [DROP, STALL, "421 4.3.2 shutting down"])
@pytest.mark.parametrize("verb", ["RSET", "MAIL", "RCPT", "BDAT"])
def test_a_connection_lost_in_its_first_question_costs_no_mail(verb: str, fault: str) -> None:
    sink = SmtpSink(extensions=CHUNKING, answer=on(verb, fault, nth=1))
    [outcomes] = send(sink, mails(4))
    assert fates(outcomes) == [SENT] * 4
    assert sink.connections == 2


@pytest.mark.parametrize("nth", [1, 2])
def test_long_content_lost_in_the_middle_is_certainly_not_taken(nth: int) -> None:
    large = mail(1, content=message(1, (b"z" * 74 + b"\r\n") * 200_000))
    wave = [large, mail(2), mail(3)] if nth == 1 else [mail(0), large, mail(2)]
    sink = SmtpSink(extensions=CHUNKING, answer=on("BODY", DROP, nth=nth))
    [outcomes] = send(sink, wave)
    assert fates(outcomes)[nth - 1] is SENT
    assert set(fates(outcomes)) <= {SENT, IN_DOUBT}
    assert max(Counter(sink.recipients).values()) == 1
    assert any(received.content == large.content for received in sink.received)


def test_a_word_on_content_that_has_not_left_is_not_believed() -> None:
    large = mail(1, content=message(1, (b"z" * 74 + b"\r\n") * 200_000))
    sink = SmtpSink(extensions=CHUNKING, answer=on("BODY", "250 2.0.0 early", nth=2))
    [outcomes] = send(sink, [mail(0), large])
    assert fates(outcomes) == [SENT, SENT]
    assert sink.connections == 2
    assert Counter(sink.recipients) == Counter(m.recipient for m in mails(2))


class FullWire:
    """A wire whose bytes never leave; ``waiting`` are replies nobody has taken."""

    paused, unasked = True, False

    def __init__(self) -> None:
        self.waiting: deque[Reply] = deque()
        self.broken = ""

    def take(self) -> Reply | None:
        return self.waiting.popleft() if self.waiting else None

    def abort(self, reason: str) -> None:
        self.broken = reason

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None  # listen, write, expect, rest


def test_a_server_that_answers_what_has_not_left_is_left() -> None:
    """It would be idle with mails waiting, and no room to write one."""

    async def scene() -> FullWire:
        wire = FullWire()
        office = PostOffice(SmtpSettings.parse("smtp://127.0.0.1:9"), asyncio.get_running_loop())
        wave = Wave(mails(3), asyncio.get_running_loop())
        office._waiting += wave.parcels
        office._unsettled = 3
        courier = ChunkCourier(Session(cast(Wire, wire)), office, SmtpSettings.parse("smtp://127.0.0.1:9"), 0)
        courier.start()
        for answers in (4, 1):  # to the envelope and the first chunk, and to content
            wire.waiting += [Reply(250, "Ok")] * answers
            courier.replies()
        return wire

    assert "can't have read" in asyncio.run(scene()).broken


def test_a_250_for_nobody_is_no_delivery() -> None:
    rcpt, end = on("RCPT", "550 5.1.1 no such user", nth=3), on(".", "250 2.0.0 Ok", nth=3)
    sink = SmtpSink(extensions=CHUNKING, answer=lambda step: rcpt(step) or end(step))
    [outcomes] = send(sink, mails(5))
    assert fates(outcomes) == [SENT, SENT, FAILED, SENT, SENT]
    assert outcomes[2].reason == "550 5.1.1 no such user"
    assert "reader2@example.org" not in sink.recipients


def test_what_is_taken_for_its_recipient_is_sent_whatever_was_said_to_its_sender() -> None:
    sender, recipient = on("MAIL", "503 5.5.1 nested MAIL", nth=3), on("RCPT", "250 2.1.5 Ok", nth=3)
    sink = SmtpSink(extensions=CHUNKING, answer=lambda step: sender(step) or recipient(step))
    [outcomes] = send(sink, mails(5))
    assert fates(outcomes) == [SENT] * 5
    assert sink.recipients == [m.recipient for m in mails(5)]


def test_a_way_that_does_not_work_is_no_try() -> None:
    def answer(step: Step) -> str | None:
        if step.verb == "." and step.connection == 1:
            return "502 5.5.1 what?"
        return DROP if step.verb == "MAIL" and step.connection == 2 else None

    sink = SmtpSink(extensions=CHUNKING, answer=answer)
    assert fates(send(sink, mails(1))[0]) == [SENT]
    assert sink.connections == 3


def test_long_and_short_mails_keep_their_order() -> None:
    wave = [mail(n, content=message(n, (b"z" * 74 + b"\r\n") * (9000 if n % 3 == 0 else 40))) for n in range(12)]
    sink = SmtpSink(extensions=CHUNKING)
    [outcomes] = send(sink, wave)
    assert fates(outcomes) == [SENT] * 12
    assert [received.content for received in sink.received] == [m.content for m in wave]


def test_a_server_that_reads_nothing_while_it_answers_is_no_deadlock() -> None:
    """It stops in the middle of content: what is written waits in this process, and replies are read all the same."""
    sink = SmtpSink(extensions=CHUNKING, answer=on("BODY", STALL, nth=4))
    wave = [mail(n, content=message(n, (b"z" * 74 + b"\r\n") * 3000)) for n in range(40)]
    [outcomes] = send(sink, wave)
    assert fates(outcomes)[:3] == [SENT] * 3
    assert Counter(fates(outcomes))[IN_DOUBT] <= 6
    assert max(Counter(sink.recipients).values()) == 1


@pytest.mark.parametrize(
    "answer", [on("RSET", DROP), on("MAIL", DROP), on("MAIL", "421 4.7.0 go away"), on("BDAT", DROP)]
)
def test_nothing_handed_over_is_said_as_a_whole(answer: Answer) -> None:
    sink = SmtpSink(extensions=CHUNKING, answer=answer)
    with pytest.raises(TransportUnavailableError):
        send(sink, mails(10), connections=2)
    assert sink.received == []


def test_a_server_that_wants_credentials_is_a_matter_of_settings() -> None:
    sink = SmtpSink(extensions=CHUNKING, users={"news": "secret"})
    with pytest.raises(ConfigurationError, match="530"):
        send(sink, mails(5), connections=2)
    assert sink.received == []


def test_one_that_wants_them_in_the_middle_leaves_no_doubt() -> None:
    def answer(step: Step) -> str | None:
        return "530 5.7.0 Authentication required" if step.verb == "MAIL" and step.message >= 3 else None

    sink = SmtpSink(extensions=CHUNKING, answer=answer)
    [outcomes] = send(sink, mails(9))
    assert fates(outcomes) == [SENT] * 3 + [DEFERRED] * 6
    assert "530" in outcomes[5].reason
    assert sink.recipients == [m.recipient for m in mails(3)]


def test_an_answer_nobody_asked_for_stops_it_at_the_first_question() -> None:
    sink = SmtpSink(extensions=CHUNKING, answer=on("MAIL", "250 Ok\r\n250 and again", nth=1))
    [outcomes] = send(sink, mails(3))
    assert fates(outcomes) == [SENT] * 3
    assert sink.connections == 2
    assert Counter(sink.recipients) == Counter(m.recipient for m in mails(3))


def test_one_connection_does_not_take_what_others_could() -> None:
    """The sink's names for mails begin with the number of their connection."""
    sink = SmtpSink(extensions=CHUNKING)
    _, outcomes = send(sink, mails(400), mails(8), connections=4)
    assert Counter(outcome.provider_id[0] for outcome in outcomes) == {"1": 2, "2": 2, "3": 2, "4": 2}
