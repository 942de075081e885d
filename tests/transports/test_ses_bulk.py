"""SES in bulk: which mails go together, and what each entry of an answer means. One attempt here too."""

import json
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from email.header import decode_header, make_header
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.errors import ConfigurationError, ProviderStoppedError, TransportUnavailableError
from chalicelib.render.bulk import bulk_letter
from chalicelib.transports import (
    BulkPart,
    BulkTemplate,
    Fate,
    Mail,
    Outcome,
    provider_stopped,
    quota_used,
    wants_bulk,
)
from chalicelib.transports.ses import SesTransport, make_client
from chalicelib.transports.ses_bulk import MAX_BYTES, bulk_request, calls, fits
from chalicelib.transports.ses_errors import Meaning
from chalicelib.transports.ses_wave import Standing, Wave
from tests.fake_ses import BULK, SEND, Dropped, FakeSes, Fault, Garbled, Refusal, Request, Statuses
from tests.render.test_bulk import LETTERS, READER, parts
from tests.transports.mails import DEFERRED, FAILED, IN_DOUBT, SENDER, SENT, fates, message
from tests.transports.ses_house import ses_environment, waves

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

GARBAGE = [
    b"<html>",
    b"[]",
    b"null",
    b'"x"',
    b"5",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"BulkEmailEntryResults": 5}',
    b'{"BulkEmailEntryResults": "abcd"}',
    b'{"BulkEmailEntryResults": {"a": 1}}',
    b'{"BulkEmailEntryResults": [1, 2, 3, 4]}',
    b'{"BulkEmailEntryResults": [null, null, null, null]}',
    b'{"BulkEmailEntryResults": [{"Status": 5}, {"Status": []}, {"Status": null}, {}]}',
]


def template(**changes: Any) -> BulkTemplate:
    values = {
        "address": SENDER,
        "sender": f'"News" <{SENDER}>',
        "reply_to": "team@example.org",
        "subject": "For {{valuea}}",
        "html": "<p>Hello {{valuea}}</p>",
        "text": "Hello {{valuea}}\r\n",
        "headers": (("List-Id", "<news.example.org>"), ("Auto-Submitted", "auto-generated")),
    }
    return BulkTemplate(**(values | changes))


TEMPLATE = template()


def mail(number: int, shared: BulkTemplate | None = TEMPLATE, **changes: Any) -> Mail:
    recipient = f"reader{number}@example.org"
    part = shared and BulkPart(
        shared,
        f'"Reader {number}" <{recipient}>',
        json.dumps({"valuea": f"Reader {number}"}),
        (("List-Unsubscribe", f"<https://news.example.org/u/{number}>"),),
    )
    tags = {"edition": "digest/2026-11-26", "chunk": "3", "position": str(number)}
    values = {"sender": SENDER, "recipient": recipient, "content": message(number), "tags": tags, "bulk": part}
    return Mail(**(values | changes))


def mails(count: int, shared: BulkTemplate | None = TEMPLATE) -> list[Mail]:
    return [mail(number, shared) for number in range(count)]


@pytest.fixture
def ses(server: tuple[FakeSes, "SESV2Client"]) -> SesTransport:
    return SesTransport(server[1], bulk=True, configuration_set="events")


def send(ses: SesTransport, wave: Sequence[Mail]) -> list[Outcome]:
    return waves(ses, wave)[0]


def in_bulk(fault: Fault | Statuses | None) -> Callable[[Request], Fault | Statuses | None]:
    return lambda request: fault if request.operation == BULK else None


def test_a_wave_of_one_letter_is_one_call(fake: FakeSes, ses: SesTransport) -> None:
    outcomes = send(ses, mails(50))
    assert fates(outcomes) == [SENT] * 50
    assert fake.calls == {BULK: 1}
    assert [outcome.provider_id for outcome in outcomes] == [taken.message_id for taken in fake.taken]
    taken = fake.taken[7]
    assert (taken.sender, taken.to, taken.recipient) == (
        f'"News" <{SENDER}>',
        '"Reader 7" <reader7@example.org>',
        "reader7@example.org",
    )
    assert (taken.subject, taken.html, taken.text) == ("For Reader 7", "<p>Hello Reader 7</p>", "Hello Reader 7\r\n")
    assert taken.headers == {
        "List-Id": "<news.example.org>",
        "Auto-Submitted": "auto-generated",
        "List-Unsubscribe": "<https://news.example.org/u/7>",
    }
    assert taken.tags == {"edition": "digest_2026-11-26", "chunk": "3", "position": "7"}
    assert (taken.configuration_set, taken.reply_to) == ("events", ("team@example.org",))
    assert fake.unrendered == []


def test_only_who_asks_for_it_gets_bulk(server: tuple[FakeSes, "SESV2Client"], fake: FakeSes) -> None:
    ses = SesTransport(server[1])
    assert not wants_bulk(ses)
    assert wants_bulk(SesTransport(server[1], bulk=True))
    assert fates(send(ses, mails(3))) == [SENT] * 3
    assert fake.calls == {SEND: 3}
    assert [taken.raw for taken in sorted(fake.taken, key=lambda taken: taken.recipient)] == [
        message(number) for number in range(3)
    ]


def test_more_than_fifty_and_several_letters_are_several_calls(fake: FakeSes, ses: SesTransport) -> None:
    other = template()
    wave = [mail(number, other if number % 3 == 0 else TEMPLATE) for number in range(120)]
    outcomes = send(ses, wave)
    assert fates(outcomes) == [SENT] * 120
    assert sorted(len(request.recipients) for request in fake.requests) == [30, 40, 50]
    ids = {taken.recipient: taken.message_id for taken in fake.taken}
    assert [outcome.provider_id for outcome in outcomes] == [ids[mail.recipient] for mail in wave]


def test_what_cannot_be_of_a_bulk_goes_beside_it(fake: FakeSes, ses: SesTransport) -> None:
    wave = [
        mail(0),
        mail(1, None),
        mail(2, sender="bounces+2@example.org"),
        mail(3, recipient="no address"),
        mail(4, template(text="x" * MAX_BYTES)),
        mail(5),
    ]
    assert fates(send(ses, wave)) == [SENT, SENT, SENT, FAILED, SENT, SENT]
    assert fake.calls == {BULK: 1, SEND: 3}
    assert [r.recipients for r in fake.requests if r.operation == BULK] == [
        ["reader0@example.org", "reader5@example.org"]
    ]
    assert "bounces+2@example.org" in {taken.sender for taken in fake.taken}


def test_one_mail_alone_is_sent_as_it_is(fake: FakeSes, ses: SesTransport) -> None:
    assert fates(send(ses, mails(1))) == [SENT]
    assert fake.taken[0].raw == message(0)


def test_a_call_is_never_longer_than_ses_takes(fake: FakeSes, ses: SesTransport) -> None:
    """The fake refuses what is longer; quotes, umlauts and emoji grow in JSON."""
    long = template(html="ä" * 60_000 + "😀" * 5_000 + '"' * 20_000 + "\r\n" * 5_000)
    part = BulkPart(long, "x@example.org", json.dumps({"valuea": "ü" * 4_000}), ())
    wave = [mail(number, bulk=part) for number in range(50)]
    assert fates(send(ses, wave)) == [SENT] * 50
    assert set(fake.calls) == {BULK}
    assert fake.calls[BULK] > 1


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        ("MESSAGE_REJECTED", FAILED),
        ("FAILED", FAILED),
        ("ACCOUNT_THROTTLED", DEFERRED),
        ("TRANSIENT_FAILURE", DEFERRED),
        ("ACCOUNT_DAILY_QUOTA_EXCEEDED", DEFERRED),
        ("ACCOUNT_SUSPENDED", DEFERRED),
        ("ACCOUNT_SENDING_PAUSED", DEFERRED),
        ("CONFIGURATION_SET_SENDING_PAUSED", DEFERRED),
        ("MAIL_FROM_DOMAIN_NOT_VERIFIED", DEFERRED),
        ("CONFIGURATION_SET_NOT_FOUND", DEFERRED),
        ("INVALID_SENDING_POOL_NAME", DEFERRED),
        ("SOMETHING_NEW", IN_DOUBT),
        ("", IN_DOUBT),
    ],
)
def test_each_entry_has_its_own_fate(fake: FakeSes, ses: SesTransport, status: str, fate: Fate) -> None:
    fake.answer = in_bulk(Statuses(["SUCCESS", status, "SUCCESS"], "SES's words"))
    outcomes = send(ses, mails(3))
    assert fates(outcomes) == [SENT, fate, SENT]
    assert fake.calls == {BULK: 1}
    assert "SES's words" in outcomes[1].reason or not status
    assert outcomes[1].reason
    assert bool(provider_stopped(ses)) is ("SUSPENDED" in status or "PAUSED" in status)
    assert quota_used(ses) is ("QUOTA" in status)


@pytest.mark.parametrize("status", ["INVALID_PARAMETER", "INVALID_PARAMETER_VALUE", "TEMPLATE_NOT_FOUND"])
def test_an_entry_refused_for_its_form_goes_out_as_a_whole_message(
    fake: FakeSes, ses: SesTransport, status: str
) -> None:
    fake.answer = in_bulk(Statuses(["SUCCESS", status, "SUCCESS"]))
    assert fates(send(ses, mails(3))) == [SENT] * 3
    assert fake.calls == {BULK: 1, SEND: 1}
    assert [taken.raw for taken in fake.taken if taken.recipient == "reader1@example.org"] == [message(1)]


@pytest.mark.parametrize("code", ["BadRequestException", "MessageRejected", "ValidationException"])
def test_a_call_refused_for_its_form_is_done_again_mail_by_mail(fake: FakeSes, ses: SesTransport, code: str) -> None:
    """SES refuses a whole call for one address that it does not like: the others must not fail with it."""

    def answer(request: Request) -> Fault | None:
        return Refusal(400, code, "Illegal address") if "reader2@example.org" in request.recipients else None

    fake.answer = answer
    assert fates(send(ses, mails(4))) == [SENT, SENT, FAILED, SENT]
    assert fake.calls == {BULK: 1, SEND: 4}


@pytest.mark.parametrize(
    "fault",
    [
        Dropped(),
        Dropped(taken=True),
        Refusal(500, "InternalServiceErrorException", "oops", taken=True),
        Refusal(503, "ServiceUnavailable", "oops"),
        Garbled(b"<html>"),
        Garbled(b"{}"),
        Garbled(b'{"BulkEmailEntryResults": null}'),
        Statuses(["SUCCESS", "SUCCESS"]),
        Statuses(["SUCCESS"] * 5),
        Statuses([]),
    ],
)
def test_no_answer_for_each_leaves_all_of_the_call_in_doubt_after_one_attempt(
    fake: FakeSes, ses: SesTransport, fault: Fault | Statuses
) -> None:
    fake.answer = in_bulk(fault)
    assert fates(send(ses, [*mails(4), mail(9, None)])) == [IN_DOUBT] * 4 + [SENT]
    assert fake.calls == {BULK: 1, SEND: 1}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Refusal(400, "AccountSuspendedException", "suspended"), ProviderStoppedError),
        (Statuses(["ACCOUNT_SENDING_PAUSED"]), ProviderStoppedError),
        (Refusal(400, "MailFromDomainNotVerifiedException", "MAIL FROM"), ConfigurationError),
        (Statuses(["CONFIGURATION_SET_NOT_FOUND"]), ConfigurationError),
    ],
)
def test_where_nothing_was_taken_a_person_is_told(
    fake: FakeSes, ses: SesTransport, fault: Fault | Statuses, error: type[Exception]
) -> None:
    fake.answer = in_bulk(fault)
    with pytest.raises(ConfigurationError) as caught:
        send(ses, mails(4))
    assert type(caught.value) is error
    assert fake.calls == {BULK: 1}


@pytest.mark.parametrize(
    "fault", [Refusal(429, "TooManyRequestsException", "Maximum sending rate"), Statuses(["ACCOUNT_THROTTLED"])]
)
def test_throttling_defers_all_of_a_call(fake: FakeSes, ses: SesTransport, fault: Fault | Statuses) -> None:
    fake.answer = in_bulk(fault)
    assert fates(send(ses, mails(4))) == [DEFERRED] * 4
    assert not quota_used(ses)


def test_after_the_quota_no_further_call_is_made(server: tuple[FakeSes, "SESV2Client"], fake: FakeSes) -> None:
    ses = SesTransport(server[1], bulk=True, concurrency=1)
    fake.answer = in_bulk(Statuses(["SUCCESS"] * 49 + ["ACCOUNT_DAILY_QUOTA_EXCEEDED"]))
    assert fates(send(ses, mails(120))) == [SENT] * 49 + [DEFERRED] * 71
    assert fake.calls == {BULK: 1}
    assert quota_used(ses)


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("content", GARBAGE)
def test_an_answer_that_is_none_leaves_a_mail_in_doubt(
    fake: FakeSes, ses: SesTransport, content: bytes, count: int
) -> None:
    """As a proxy may make it: nothing is raised, since the mails may be on their way."""
    fake.answer = lambda _: Garbled(content)
    outcomes = send(ses, mails(count))
    assert fates(outcomes) == [IN_DOUBT] * count
    assert all(outcome.reason for outcome in outcomes)


def test_a_mail_in_doubt_keeps_its_outcome_where_the_account_stops_after_it(
    server: tuple[FakeSes, "SESV2Client"], fake: FakeSes
) -> None:
    ses = SesTransport(server[1], concurrency=1)
    fake.answer = lambda _: Dropped() if len(fake.requests) == 1 else Refusal(400, "AccountSuspendedException", "no")
    assert fates(send(ses, mails(3))) == [IN_DOUBT, DEFERRED, DEFERRED]


def test_a_stop_is_told_before_what_else_is_wrong(fake: FakeSes, ses: SesTransport) -> None:
    fake.answer = in_bulk(Statuses(["ACCOUNT_SUSPENDED", "CONFIGURATION_SET_NOT_FOUND"]))
    with pytest.raises(ProviderStoppedError):
        send(ses, mails(2))


@pytest.mark.parametrize("fate", ["taken", "refused", "neither"])
def test_failures_to_connect_end_a_wave_only_where_ses_never_answered(fate: str) -> None:
    wave = Wave(Standing())
    if fate == "taken":
        outcomes = [wave.took(wave.begin(), "id")]
    elif fate == "refused":
        outcomes = [wave.refused("no", Meaning.FAILED, answered=True)]
    else:
        outcomes = []
    outcomes += [wave.refused("unreachable", Meaning.UNREACHABLE, answered=False) for _ in range(3)]
    assert wave.stopped == ("unreachable" if fate == "neither" else "")
    if fate == "neither":
        with pytest.raises(TransportUnavailableError):
            wave.finish(outcomes)
    else:
        assert wave.finish(outcomes) == outcomes


def test_long_words_are_cut_to_one_line() -> None:
    outcome = Wave(Standing()).refused("a\r\nb" + "x" * 500, Meaning.FAILED, answered=True)
    assert outcome.reason == "a  b" + "x" * 196


@pytest.mark.parametrize("character", ["a", "ä", "€", "😀", '"', "\\", "\n", "\t"])
def test_a_template_that_fits_is_within_what_ses_takes(character: str) -> None:
    """The longest that fits, and 50 readers of it with long values: each call's JSON is under 1 MB."""
    values = json.dumps({"valuea": "ü" * 400})
    longest = 0
    for step in (2**k for k in range(20, 8, -1)):
        grown = template(html=character * (longest + step))
        if fits(mail(0), BulkPart(grown, "x@example.org", values, ())):
            longest += step
    assert longest > 60_000
    shared = template(html=character * longest)
    wave = [mail(n, bulk=BulkPart(shared, "x@example.org", values, ())) for n in range(50)]
    for call in calls(wave):
        assert len(json.dumps(bulk_request([wave[n] for n in call], "events"))) <= 1_000_000


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with ses_environment(f"http://127.0.0.1:{taken.getsockname()[1]}"):
            client = make_client(connect_timeout=20)
        with pytest.raises(TransportUnavailableError):
            send(SesTransport(client, bulk=True), mails(60))
        client.close()


_KINDS = st.sampled_from(["shared", "other", "raw", "bounces", "bad"])


@settings(max_examples=40)
@given(st.lists(_KINDS, max_size=160))
def test_each_mail_is_in_one_call(kinds: list[str]) -> None:
    other = template()
    made = {
        "shared": lambda n: mail(n),
        "other": lambda n: mail(n, other),
        "raw": lambda n: mail(n, None),
        "bounces": lambda n: mail(n, sender="b@example.org"),
        "bad": lambda n: mail(n, recipient="bad one"),
    }
    wave = [made[kind](number) for number, kind in enumerate(kinds)]
    found = calls(wave)
    assert sorted(position for call in found for position in call) == list(range(len(wave)))
    for call in found:
        assert len(call) <= 50
        assert len({kinds[position] for position in call}) == 1
        assert len(call) == 1 or kinds[call[0]] in ("shared", "other")
    assert sum(kinds[call[0]] == "shared" for call in found) == -(-kinds.count("shared") // 50)


_OF_ENTRY = st.sampled_from(
    ["SUCCESS", "SUCCESS", "FAILED", "ACCOUNT_THROTTLED", "INVALID_PARAMETER", "ACCOUNT_SUSPENDED", "NEW"]
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(statuses=st.lists(_OF_ENTRY, min_size=2, max_size=8), raw=st.booleans())
def test_what_was_taken_is_sent_and_nobody_gets_two(
    fake: FakeSes, ses: SesTransport, statuses: list[str], raw: bool
) -> None:
    fake.reset()
    refuse = Refusal(400, "MessageRejected", "no")
    fake.answer = lambda request: Statuses(statuses) if request.operation == BULK else None if raw else refuse
    try:
        outcomes = send(ses, mails(len(statuses)))
    except ConfigurationError:
        assert "SUCCESS" not in statuses
        assert fake.taken == []
        return
    taken = [mail.recipient for mail in fake.taken]
    assert len(taken) == len(set(taken))
    for number, outcome in enumerate(outcomes):
        if outcome.fate is SENT:
            assert f"reader{number}@example.org" in taken
        elif outcome.fate is not IN_DOUBT:
            assert f"reader{number}@example.org" not in taken


def test_a_letter_in_bulk_is_what_it_is_as_a_message(fake: FakeSes, ses: SesTransport) -> None:
    """From the compiled letter to what SES makes of it; who has a name that engines differ about gets the message."""
    letter = LETTERS["de"]
    names = ["Ada Example", "Zoë", "丁香", "Conan O'Brien", "{{valuea}}"]
    made = bulk_letter(letter)
    assert made is not None
    readers = [replace(READER, name=name, address=f"reader{n}@example.org") for n, name in enumerate(names)]
    wave = [Mail(SENDER, r.address, letter.personalise(r), {"position": "1"}, bulk=made.part(r)) for r in readers]
    assert fates(send(ses, wave)) == [SENT] * 5
    assert fake.calls == {BULK: 1, SEND: 2}
    taken = {mail.recipient: mail for mail in fake.taken}
    for reader, mail in zip(readers, wave, strict=True):
        got = taken[reader.address]
        message, plain, markup = parts(mail.content)
        if got.raw:
            assert got.raw == mail.content
        else:
            assert (got.subject, got.text, got.html) == (str(message["Subject"]), plain, markup)
            assert got.headers["List-Unsubscribe"] == f"<{reader.unsubscribe_url}>"
            assert str(make_header(decode_header(got.to))).replace('"', "") == str(message["To"])


def test_waves_at_once_write_down_how_the_account_stands_one_after_the_other() -> None:
    standing = Standing()
    with standing.lock, ThreadPoolExecutor(1) as threads:
        late = threads.submit(Wave(standing).refused, "paused", Meaning.STOPPED, answered=True)
        assert not wait([late], timeout=0.05).done
        assert standing.stopped == ""
        standing.lock.release()
        assert late.result(20).reason == "paused"
        standing.lock.acquire()
    assert standing.stopped == "paused"
