"""What comes out when a server refuses, delays, falls silent or dies, at each step of a mail."""

import asyncio
import socket
import time
from collections import Counter

import pytest

from chalicelib.errors import ConfigurationError, TransportUnavailableError
from chalicelib.transports import Fate, Outcome
from chalicelib.transports.smtp import SmtpSettings, SmtpTransport
from tests.smtp_sink import DROP, EXTENSIONS, STALL, TAKE_AND_DROP, TAKE_AND_STALL, Answer, SmtpSink, Step
from tests.transports.mails import DEFERRED, FAILED, IN_DOUBT, SENT, fates, mail, mails, message
from tests.transports.smtp_house import LOCKSTEP, on, played, send, settings


@pytest.fixture(params=[EXTENSIONS, LOCKSTEP], ids=["pipelined", "lockstep"])
def extensions(request: pytest.FixtureRequest) -> tuple[str, ...]:
    chosen: tuple[str, ...] = request.param
    return chosen


@pytest.mark.parametrize(("reply", "fate"), [("550 5.1.1 no such user", FAILED), ("450 4.2.0 greylisted", DEFERRED)])
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize("nth", [1, 2, 4])
def test_a_refusal_concerns_its_mail_alone(
    extensions: tuple[str, ...], verb: str, reply: str, fate: Fate, nth: int
) -> None:
    sink = SmtpSink(extensions=extensions, answer=on(verb, reply, nth=nth))
    [outcomes] = send(sink, mails(4))
    expected = [SENT] * 4
    expected[nth - 1] = DEFERRED if verb == "MAIL" else fate  # who sends is no reader's fault
    assert fates(outcomes) == expected
    assert outcomes[nth - 1].reason == reply
    assert sink.recipients == [m.recipient for i, m in enumerate(mails(4)) if i != nth - 1]
    assert sink.connections == 1


@pytest.mark.parametrize("end", ["554 5.5.1 no valid recipients", "250 2.0.0 Ok"])
def test_content_asked_for_after_the_only_recipient_was_refused_is_empty(end: str) -> None:
    def answer(step: Step) -> str | None:
        if step.verb == "RCPT" and "reader1@" in step.argument:
            return "550 5.1.1 no such user"
        return "354 go on" if step.verb == "DATA" else None

    sink = SmtpSink(answer=answer)
    [outcomes] = send(sink, mails(3))
    assert fates(outcomes) == [SENT, FAILED, SENT]
    assert outcomes[1].reason == "550 5.1.1 no such user"
    assert sink.recipients == ["reader0@example.org", "reader2@example.org"]
    assert [received.content for received in sink.received] == [message(0), message(2)]
    assert sink.connections == 1


def test_a_server_that_wants_content_after_it_refused_the_sender_gets_none() -> None:
    def answer(step: Step) -> str | None:
        if step.verb == "MAIL" and step.connection == 1:
            return "550 5.7.1 not you"
        return {"RCPT": "250 Ok", "DATA": "354 go on"}.get(step.verb)

    sink = SmtpSink(answer=answer)
    [outcomes] = send(sink, mails(1))
    assert fates(outcomes) == [SENT]
    assert sink.connections == 2
    assert [received.content for received in sink.received] == [message(0)]


@pytest.mark.parametrize("silence", [STALL, TAKE_AND_STALL, DROP, TAKE_AND_DROP])
@pytest.mark.parametrize("nth", [1, 3])
def test_no_answer_to_the_final_dot_leaves_that_mail_in_doubt_and_no_other(
    extensions: tuple[str, ...], silence: str, nth: int
) -> None:
    sink = SmtpSink(extensions=extensions, answer=on(".", silence, nth=nth))
    [outcomes] = send(sink, mails(5))
    expected = [SENT] * 5
    expected[nth - 1] = IN_DOUBT
    assert fates(outcomes) == expected
    assert outcomes[nth - 1].reason
    taken = 1 if silence in (TAKE_AND_STALL, TAKE_AND_DROP) else 0
    assert Counter(sink.recipients)[f"reader{nth - 1}@example.org"] == taken
    assert max(Counter(sink.recipients).values()) == 1


def test_a_server_that_swallows_everything_is_given_up_after_few_mails() -> None:
    sink = SmtpSink(answer=on(".", TAKE_AND_STALL))
    [outcomes] = send(sink, mails(20), connections=2)
    assert Counter(fates(outcomes)) == {IN_DOUBT: 4, DEFERRED: 16}
    assert len(sink.received) == 4


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("fault", [DROP, STALL, "421 4.3.2 shutting down"])
def test_a_connection_lost_before_the_dot_costs_no_mail(extensions: tuple[str, ...], verb: str, fault: str) -> None:
    sink = SmtpSink(extensions=extensions, answer=on(verb, fault, nth=2))
    [outcomes] = send(sink, mails(4))
    assert fates(outcomes) == [SENT] * 4
    assert sorted(sink.recipients) == sorted(m.recipient for m in mails(4))
    assert sink.connections == 2


def test_lost_in_the_middle_of_long_content_is_certainly_not_taken(extensions: tuple[str, ...]) -> None:
    large = mail(1, content=message(1, (b"z" * 74 + b"\r\n") * 200_000))
    sink = SmtpSink(extensions=extensions, answer=on("BODY", DROP, nth=2))
    [outcomes] = send(sink, [mail(0), large, mail(2)])
    assert fates(outcomes) == [SENT] * 3
    assert Counter(sink.recipients) == Counter(m.recipient for m in mails(3))


def test_a_mail_is_begun_on_two_connections_and_no_more() -> None:
    sink = SmtpSink(answer=on("RCPT", DROP, about="reader1@"))
    [outcomes] = send(sink, mails(4))
    assert fates(outcomes) == [SENT, DEFERRED, SENT, SENT]
    assert sum("reader1@" in command for command in sink.commands) == 2


def test_a_mail_behind_the_one_a_connection_broke_at_has_not_had_its_try() -> None:
    def answer(step: Step) -> str | None:
        if step.connection == 1:
            return DROP if step.verb == "." and step.message == 1 else None
        return DROP if step.connection == 2 and step.verb == "MAIL" else None

    sink = SmtpSink(answer=answer)
    [outcomes] = send(sink, mails(3))
    assert fates(outcomes) == [SENT, IN_DOUBT, SENT]
    assert sink.connections == 3


def test_an_answer_to_the_final_dot_that_is_none_leaves_the_mail_in_doubt(extensions: tuple[str, ...]) -> None:
    sink = SmtpSink(extensions=extensions, answer=on(".", "354 go on", nth=2))
    [outcomes] = send(sink, mails(3))
    assert fates(outcomes) == [SENT, IN_DOUBT, SENT]


def test_421_in_place_of_the_final_answer_is_a_refusal(extensions: tuple[str, ...]) -> None:
    sink = SmtpSink(extensions=extensions, answer=on(".", "421 4.7.0 slow down", nth=2))
    [outcomes] = send(sink, mails(4))
    assert fates(outcomes) == [SENT, DEFERRED, SENT, SENT]
    assert outcomes[1].reason == "421 4.7.0 slow down"
    assert len(sink.received) == 3


def test_a_server_that_closes_after_every_third_mail_still_gets_them_all(extensions: tuple[str, ...]) -> None:
    def answer(step: Step) -> str | None:
        return "421 4.7.0 enough" if step.verb == "MAIL" and step.message == 3 else None

    sink = SmtpSink(extensions=extensions, answer=answer)
    [outcomes] = send(sink, mails(20), connections=2)
    assert fates(outcomes) == [SENT] * 20
    assert Counter(sink.recipients) == Counter(m.recipient for m in mails(20))


def test_a_server_that_takes_few_connections_gets_everything_over_those() -> None:
    def answer(step: Step) -> str | None:
        return "421 4.7.0 too many connections" if step.verb == "CONNECT" and step.connection > 2 else None

    sink = SmtpSink(answer=answer)
    [outcomes] = send(sink, mails(30), connections=6)
    assert fates(outcomes) == [SENT] * 30
    assert len(sink.received) == 30


def test_a_slow_connection_does_not_hold_the_others_mails_back() -> None:
    def answer(step: Step) -> str | None:
        return STALL if step.connection == 1 and step.verb == "DATA" else None

    sink = SmtpSink(answer=answer)
    [outcomes] = send(sink, mails(40), connections=4)
    assert fates(outcomes) == [SENT] * 40
    assert len(sink.received) == 40


def test_a_server_that_dies_in_mid_wave() -> None:
    def answer(step: Step) -> str | None:
        if step.connection > 1:
            return "421 4.3.2 down" if step.verb == "CONNECT" else None
        return DROP if step.verb == "MAIL" and step.message == 5 else None

    sink = SmtpSink(answer=answer)
    [outcomes] = send(sink, mails(9))
    assert fates(outcomes) == [SENT] * 5 + [DEFERRED] * 4
    assert "421 4.3.2 down" in outcomes[5].reason
    assert sink.recipients == [m.recipient for m in mails(5)]


@pytest.mark.parametrize(
    "answer",
    [
        on("CONNECT", "421 4.3.2 closed"),
        on("CONNECT", "554 5.7.1 not from there"),
        on("CONNECT", STALL),
        on("CONNECT", DROP),
        on("EHLO", DROP),
        on("MAIL", DROP),
        on("MAIL", "421 4.7.0 go away"),
    ],
)
def test_nothing_handed_over_is_said_as_a_whole(answer: Answer) -> None:
    sink = SmtpSink(answer=answer)
    with pytest.raises(TransportUnavailableError) as caught:
        send(sink, mails(10), connections=2)
    assert f"127.0.0.1:{sink.port}" in str(caught.value)
    assert caught.value.hint
    assert sink.received == []


def test_a_server_that_is_down() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refuses
        with pytest.raises(TransportUnavailableError, match="can't be reached"):
            asyncio.run(SmtpTransport(settings(taken.getsockname()[1], connections=2)).send_wave(mails(3)))


def test_a_host_that_does_not_exist() -> None:
    async def scene() -> None:
        await SmtpTransport(SmtpSettings.parse("smtp://no-such-host.invalid:25")).send_wave(mails(2))

    with pytest.raises((ConfigurationError, TransportUnavailableError), match=r"no-such-host\.invalid"):
        asyncio.run(scene())


def test_a_server_without_ehlo_is_greeted_the_old_way() -> None:
    sink = SmtpSink(answer=on("EHLO", "502 5.5.1 what?"))
    [outcomes] = send(sink, mails(2))
    assert fates(outcomes) == [SENT, SENT]
    assert [c.split()[0] for c in sink.commands[:3]] == ["EHLO", "HELO", "MAIL"]
    assert "SIZE" not in "".join(sink.commands)


def test_a_server_that_wants_credentials_is_a_matter_of_settings() -> None:
    sink = SmtpSink(users={"news": "secret"})
    with pytest.raises(ConfigurationError, match="530"):
        send(sink, mails(5), connections=2)
    assert sink.received == []


def test_size_is_told_and_kept() -> None:
    sink = SmtpSink(extensions=("PIPELINING", "SIZE 500"))
    [outcomes] = send(sink, [mail(0), mail(1, content=message(1, b"x\r\n" * 200)), mail(2)])
    assert fates(outcomes) == [SENT, FAILED, SENT]
    assert "500" in outcomes[1].reason
    assert f"SIZE={len(message(0))}" in sink.commands[1]


@pytest.mark.parametrize("size", ["SIZE", "SIZE 0"])
def test_a_size_without_a_limit_is_none(size: str) -> None:
    sink = SmtpSink(extensions=("PIPELINING", size))
    assert fates(send(sink, mails(1))[0]) == [SENT]


@pytest.mark.parametrize(
    "body",
    [
        b"a\n.\r\nMAIL FROM:<evil@example.org>\r\n",
        b"a\r\n.\nMAIL FROM:<evil@example.org>\r\n",
        b"a\n.\nb\r\n",
        b"a\r.\rb\r\n",
        b"a\r\r\n.\r\r\nb\r\n",
        b"a\r\n\n.\r\n",
        "ä\r\n".encode(),
        b"nul\0\r\n",
    ],
)
def test_content_that_could_smuggle_a_command_is_never_sent(body: bytes) -> None:
    sink = SmtpSink()
    [outcomes] = send(sink, [mail(0), mail(1, content=message(1, body)), mail(2)])
    assert fates(outcomes) == [SENT, FAILED, SENT]
    assert "evil" not in str(sink.commands) + str(sink.received)


def test_a_long_answer_is_one_short_line() -> None:
    reply = "550-5.7.1 first\r\n550-5.7.1 \x1b[31msecond\r\n550 5.7.1 " + "x" * 400
    sink = SmtpSink(answer=on("RCPT", reply))
    [[outcome]] = send(sink, mails(1))
    assert outcome.reason.startswith("550 5.7.1 first 5.7.1  [31msecond")
    assert len(outcome.reason) <= 200
    assert outcome.reason.isprintable()


@pytest.mark.parametrize(
    ("greeting", "trouble"),
    [
        ("HTTP/1.1 400 Bad Request", "does not speak SMTP"),
        ("\r\n220 hello", "does not speak SMTP"),
        ("700 hello", "does not speak SMTP"),
        ("220+hello", "does not speak SMTP"),
        ("", "no answer within"),
        ("220-x\r\n" * 20_000 + "220-x", "without end"),
        ("220-" + "x" * 100_000, "without end"),
    ],
)
def test_something_else_than_smtp_is_no_danger(greeting: str, trouble: str) -> None:
    sink = SmtpSink(answer=on("CONNECT", greeting))
    with pytest.raises(TransportUnavailableError, match=trouble):
        send(sink, mails(1))


def test_a_reply_may_be_a_bare_code() -> None:
    sink = SmtpSink(answer=on("RCPT", "250"))
    assert fates(send(sink, mails(2))[0]) == [SENT, SENT]


@pytest.mark.parametrize(
    ("verb", "reply"), [("MAIL", "250 Ok\r\n250 and again"), ("DATA", "354 go on\r\n250 Ok: queued as FAKE")]
)
def test_an_answer_nobody_asked_for_is_not_taken_for_the_next_ones(verb: str, reply: str) -> None:
    """A 250 too many would mark a refused mail as sent."""
    wrong, refuse = on(verb, reply, nth=1), on(".", "550 5.7.1 spam", about="")
    sink = SmtpSink(answer=lambda step: wrong(step) or refuse(step))
    [outcomes] = send(sink, mails(1))
    assert fates(outcomes) == [FAILED]
    assert sink.connections == 2


def test_connections_are_kept_between_waves_and_the_closed_ones_noticed() -> None:
    async def play(transport: SmtpTransport) -> list[list[Outcome]]:
        waves = [await transport.send_wave(mails(12)), await transport.send_wave(mails(12))]
        opened = sink.connections
        assert opened <= 3
        sink.close_all()
        await asyncio.sleep(0.05)
        waves.append(await transport.send_wave(mails(12)))
        assert opened < sink.connections <= 2 * opened
        await transport.aclose()
        await asyncio.sleep(0.05)
        assert sink.open_connections == 0
        return waves

    sink = SmtpSink()
    waves = played(sink, play, connections=3)
    assert sink.commands.count("QUIT") >= 1
    assert all(fates(wave) == [SENT] * 12 for wave in waves)
    assert Counter(sink.recipients) == Counter({m.recipient: 3 for m in mails(12)})


def test_a_connection_reset_on_its_first_command_after_a_pause_costs_nothing() -> None:
    """What a firewall does to an idle connection: nobody can notice before speaking."""

    def answer(step: Step) -> str | None:
        return DROP if step.verb == "MAIL" and step.message > 0 and step.connection <= 3 else None

    sink = SmtpSink(answer=answer)
    waves = send(sink, mails(1), mails(1), mails(1), mails(1))
    assert [fates(wave) for wave in waves] == [[SENT]] * 4
    assert len(sink.received) == 4


def test_a_cancelled_wave_leaves_no_half_said_connection_behind() -> None:
    async def play(transport: SmtpTransport) -> list[Outcome]:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await transport.send_wave(mails(3))
        await asyncio.sleep(0.05)
        assert sink.open_connections == 0
        return await transport.send_wave([mail(9)])

    sink = SmtpSink(answer=on("DATA", STALL, nth=2))
    assert fates(played(sink, play)) == [SENT]
    assert sink.recipients == ["reader0@example.org", "reader9@example.org"]
    assert sink.connections == 2


def test_a_wave_ends_when_its_time_is_over() -> None:
    sink = SmtpSink(answer=lambda step: time.sleep(0.1) if step.verb == "." else None)
    [outcomes] = send(sink, mails(30), options="&wave_timeout=0.3")
    assert outcomes[0].fate is SENT
    assert outcomes[-1].fate is DEFERRED
    assert "time" in outcomes[-1].reason
    assert len(sink.received) == fates(outcomes).count(SENT) < 10
