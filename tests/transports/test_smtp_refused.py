"""What a refusal is about: one reader, whom it fails; or who sends and how, which fails nobody."""

import asyncio
import time
from collections.abc import Callable

import pytest

from chalicelib.errors import ConfigurationError, TransportUnavailableError
from chalicelib.transports import Fate, Outcome
from chalicelib.transports.smtp import SmtpTransport
from chalicelib.transports.smtp_mail import queue_id
from chalicelib.transports.smtp_office import UNWELCOME_ENOUGH
from chalicelib.transports.smtp_wire import Reply
from chalicelib.transports.smtp_words import is_unwelcome, refusal, verdict
from tests.smtp_sink import CHUNKING, EXTENSIONS, SmtpSink, Step
from tests.transports.mails import DEFERRED, FAILED, IN_DOUBT, SENT, fates, mail, mails
from tests.transports.smtp_house import LOCKSTEP, on, played, send, settings, verbs

WAYS = pytest.mark.parametrize("extensions", [EXTENSIONS, LOCKSTEP, CHUNKING], ids=["pipelined", "lockstep", "chunked"])
RELAY = "554 5.7.1 relay access denied"


@pytest.mark.parametrize(
    ("said", "to_recipient", "to_sender"),
    [
        ("550 5.1.1 no such user", FAILED, DEFERRED),
        ("553 5.1.3 bad address", FAILED, DEFERRED),
        ("554 5.7.1 relay access denied", FAILED, DEFERRED),
        ("550 5.1.8 sender's domain not found", DEFERRED, DEFERRED),
        ("553 5.1.7 sender's address is wrong", DEFERRED, DEFERRED),
        ("501 5.1.3 bad recipient address syntax", FAILED, DEFERRED),
        ("504 5.5.2 need fully-qualified address", FAILED, DEFERRED),
        ("556 5.1.10 null MX", FAILED, DEFERRED),
        ("552 too large", FAILED, FAILED),
        ("554 5.3.4 message too big", FAILED, FAILED),
        ("550 5.2.3 message too long", FAILED, FAILED),
        ("500 5.5.2 what?", DEFERRED, DEFERRED),
        ("502 5.5.1 not here", DEFERRED, DEFERRED),
        ("503 5.5.1 bad sequence", DEFERRED, DEFERRED),
        ("530 5.7.0 authentication required", DEFERRED, DEFERRED),
        ("538 5.7.11 encryption required", DEFERRED, DEFERRED),
        ("450 4.2.0 greylisted", DEFERRED, DEFERRED),
        ("452 4.3.1 full", DEFERRED, DEFERRED),
    ],
)
def test_whom_a_refusal_fails(said: str, to_recipient: Fate, to_sender: Fate) -> None:
    reply = Reply(int(said[:3]), said[4:])
    assert refusal(reply) == Outcome(to_recipient, said)
    assert refusal(reply, of_sender=True) == Outcome(to_sender, said)


@pytest.mark.parametrize(
    ("outcome", "unwelcome"),
    [
        (Outcome(SENT), False),
        (Outcome(DEFERRED, "450 4.7.1 slow down"), False),
        (Outcome(DEFERRED, "503 5.5.1 bad sequence"), True),
        (Outcome(FAILED, RELAY), True),
        (Outcome(FAILED, "550 5.1.1 no such user"), False),
        (Outcome(FAILED, "552000 bytes are more than the 500 the server takes"), False),
        (Outcome(IN_DOUBT, "554 5.7.1"), False),
    ],
)
def test_what_may_be_ours(outcome: Outcome, unwelcome: bool) -> None:
    assert is_unwelcome(outcome) is unwelcome


@pytest.mark.parametrize(
    ("code", "fate"), [(250, SENT), (220, IN_DOUBT), (221, IN_DOUBT), (354, IN_DOUBT), (451, DEFERRED), (554, FAILED)]
)
def test_what_the_answer_to_the_content_says(code: int, fate: Fate) -> None:
    assert verdict(Reply(code, "2.0.0 x")).fate is fate


@WAYS
@pytest.mark.parametrize("reply", ["550 5.7.1 not you", "553 5.1.8 no such domain", "503 5.5.1 say HELO"])
def test_a_sender_that_is_refused_fails_nobody(extensions: tuple[str, ...], reply: str) -> None:
    sink = SmtpSink(extensions=extensions, answer=on("MAIL", reply))
    with pytest.raises(ConfigurationError, match="refuses all mail") as caught:
        send(sink, mails(3))
    assert reply in str(caught.value)
    assert sink.received == []


@WAYS
def test_a_sender_that_is_refused_in_mid_wave_fails_nobody(extensions: tuple[str, ...]) -> None:
    """As where a day's limit of the sender's account is reached."""

    def answer(step: Step) -> str | None:
        return "550 5.4.5 daily limit exceeded" if step.verb == "MAIL" and step.message >= 2 else None

    [outcomes] = send(SmtpSink(extensions=extensions, answer=answer), mails(6))
    assert fates(outcomes) == [SENT] * 2 + [DEFERRED] * 4


@WAYS
@pytest.mark.parametrize("verb", ["RCPT", "."])
def test_a_server_that_refuses_everybody_by_its_policy_fails_nobody(extensions: tuple[str, ...], verb: str) -> None:
    sink = SmtpSink(extensions=extensions, answer=on(verb, "554 5.7.1 <reader0@example.org>: relay access denied"))
    with pytest.raises(ConfigurationError, match="<the recipient>: relay access denied") as caught:
        send(sink, mails(UNWELCOME_ENOUGH))
    assert "Nothing was handed over" in caught.value.hint
    assert sink.received == []


def test_a_few_that_it_refuses_have_failed() -> None:
    """Whose own server takes no mail from strangers, say."""
    [outcomes] = send(SmtpSink(answer=on("RCPT", RELAY)), mails(UNWELCOME_ENOUGH - 1))
    assert fates(outcomes) == [FAILED] * (UNWELCOME_ENOUGH - 1)
    wave = mails(3 * UNWELCOME_ENOUGH)

    def but_one(step: Step) -> str | None:
        return RELAY if step.verb == "RCPT" and "reader0@" not in step.argument else None

    [outcomes] = send(SmtpSink(answer=but_one), wave)
    assert fates(outcomes) == [SENT] + [FAILED] * (len(wave) - 1)


@pytest.mark.parametrize("taken", [False, True])
def test_waves_of_one_mail_are_looked_at_together(taken: bool) -> None:
    """As a slow pace makes them: a mail that is taken between them says that it was the readers'."""

    async def play(transport: SmtpTransport) -> list[Fate | None]:
        found: list[Fate | None] = []
        for number in range(UNWELCOME_ENOUGH + 2):
            try:
                [outcome] = await transport.send_wave([mail(number)])
                found.append(outcome.fate)
            except ConfigurationError:
                found.append(None)
        return found

    def answer(step: Step) -> str | None:
        return RELAY if step.verb == "RCPT" and not (taken and "reader3@" in step.argument) else None

    some = [FAILED] * 3 + [SENT] + [FAILED] * 3
    assert played(SmtpSink(answer=answer), play) == (some if taken else [FAILED] * 4 + [None] * 3)


def test_mails_that_may_be_out_are_not_undone() -> None:
    def answer(step: Step) -> str | None:
        if step.verb == ".":
            return "221 2.0.0 closing"
        return None if (step.message == 0 and "reader0@" in step.argument) or step.verb != "RCPT" else RELAY

    [outcomes] = send(SmtpSink(answer=answer), mails(8))
    assert fates(outcomes) == [IN_DOUBT] + [FAILED] * 7


async def _hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 hello\r\n")
    await reader.readline()
    writer.write(b"250 hello\r\n")
    writer.close()


async def _boasts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 hello\r\n")
    await reader.readline()
    writer.write(b"250-hello\r\n250 SIZE " + b"9" * 5000 + b"\r\n")
    await reader.readline()
    writer.close()


@pytest.mark.parametrize("serve", [_hangs_up, _boasts])
def test_a_server_that_hangs_up_after_it_introduced_itself(serve: Callable[..., object]) -> None:
    """Lost before the first mail, the connection has nobody yet who would hear of it."""

    async def scene() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)  # type: ignore[arg-type]
        transport = SmtpTransport(settings(server.sockets[0].getsockname()[1], options="&wave_timeout=20"))
        for _ in range(2):
            with pytest.raises(TransportUnavailableError, match="broke off"):
                await transport.send_wave(mails(3))
        await transport.aclose()
        server.close()
        await server.wait_closed()

    asyncio.run(scene())


@pytest.mark.parametrize("text", ["a" * 60_000, "queued as" * 8_000, "id=" * 20_000, "Ok " * 20_000])
def test_a_name_is_looked_for_in_a_line_alone(text: str) -> None:
    began = time.process_time()
    queue_id(text)
    assert time.process_time() - began < 20


def test_a_server_that_says_421_and_stays_may_be_at_work() -> None:
    """Only its close tells that it has not read what was under way."""

    def answer(step: Step) -> str | None:
        if step.connection == 1 and step.message >= 8:
            return "250 Ok\r\n421 4.7.0 enough" if step.verb == "RSET" else "(stall)"
        return None

    sink = SmtpSink(extensions=CHUNKING, answer=answer)
    [outcomes] = send(sink, mails(30))
    doubtful = [outcome for outcome in outcomes if outcome.fate is IN_DOUBT]
    assert doubtful
    assert set(fates(outcomes)) == {SENT, IN_DOUBT}
    assert all("421" in outcome.reason for outcome in doubtful)
    assert len(sink.recipients) == len(set(sink.recipients)) == 30 - len(doubtful)


def test_bdat_is_asked_about_for_a_recipient_alone_who_is_taken() -> None:
    """A server that does not know it would read the first line of the content as a command, and say so twice."""
    sink = SmtpSink(extensions=CHUNKING, answer=on("RCPT", "550 5.1.1 no such user", about="reader0@"))
    [outcomes] = send(sink, mails(3))
    assert fates(outcomes) == [FAILED, SENT, SENT]
    assert sink.connections == 1
    assert verbs(sink)["BDAT"] == 3


def test_a_first_chunk_refused_for_now_ends_the_connection() -> None:
    """Whether it was swallowed is open."""
    sink = SmtpSink(extensions=CHUNKING, answer=on("BDAT", "452 4.3.1 full", nth=1))
    [outcomes] = send(sink, mails(3))
    assert fates(outcomes) == [DEFERRED, SENT, SENT]
    assert sink.connections == 2


@pytest.mark.parametrize("content", [b"", b"\r\nbody\r\n", b"MAIL FROM:<a@b.c>\r\n", b"X" * 2000 + b": y\r\n\r\n"])
def test_what_begins_with_no_header_is_asked_about_with_nothing(content: bytes) -> None:
    sink = SmtpSink(extensions=CHUNKING)
    [outcomes] = send(sink, [mail(0, content=content), mail(1)])
    assert fates(outcomes) == [SENT, SENT]
    assert "BDAT 0" in sink.commands
    assert verbs(sink)["DATA"] == 2
