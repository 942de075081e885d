"""What is understood of mails that come back: of each kind there is, and of what strangers make of them."""

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.deliver.hearing.mails import Read, Verdict, read_mail
from chalicelib.deliver.hearing.mime import parse_mail
from chalicelib.deliver.hearing.references import bounce_sender
from chalicelib.deliver.ledger import News
from tests.deliver.hearing.samples import CHUNK, EDITION, FORGED, NAMES, NOW, POSITION, SIGNER, VERP, sample

GONE = {
    "postfix-unknown-user", "postfix-no-domain", "exim-unrouteable", "exim-plain", "sendmail-user-unknown",
    "gmail-no-such-user", "exchange-online", "exchange-old", "qmail-no-mailbox", "dsn-internationalised",
}  # fmt: skip
SOFT = {
    "postfix-expired", "postfix-mailbox-full", "gmail-rate", "exchange-spam-policy", "qmail-gave-up",
    "alias-half-delivered",
}  # fmt: skip
COMPLAINTS = {"arf-abuse", "arf-yahoo", "arf-redacted", "outlook-jmrp"}
OTHERS = {
    "postfix-delayed": Verdict.LATE, "exim-warning": Verdict.AUTO_REPLY, "gmail-delay": Verdict.LATE,
    "dsn-relayed": Verdict.LATE, "dsn-forged": Verdict.FOREIGN, "arf-not-spam": Verdict.NOTHING,
    "arf-dmarc-failure": Verdict.NOTHING, "arf-forged": Verdict.FOREIGN, "vacation-en": Verdict.AUTO_REPLY,
    "vacation-de": Verdict.AUTO_REPLY, "vacation-left-company": Verdict.AUTO_REPLY, "vacation-bare": Verdict.NOTHING,
    "read-receipt": Verdict.NOTHING, "reply-by-a-person": Verdict.NOTHING,
}  # fmt: skip


def read(raw: bytes, recipient: str = "") -> Read:
    return read_mail(raw, SIGNER, NOW, recipient=recipient)


def test_every_sample_is_judged_somewhere() -> None:
    assert GONE | SOFT | COMPLAINTS | {*OTHERS, "dsn-delivered"} == set(NAMES)


@pytest.mark.parametrize("name", sorted(GONE | SOFT))
def test_a_bounce_is_told_with_whether_the_mailbox_is_gone(name: str) -> None:
    heard = read(sample(name)).heard
    assert heard is not None
    assert (heard.kind, heard.edition, heard.chunk, heard.position) == (News.BOUNCED, EDITION, CHUNK, POSITION)
    assert heard.permanent is (name in GONE)
    assert heard.reason
    assert "@" not in heard.reason + heard.excerpt, "nobody is named"
    assert "ada" not in f"{heard.reason} {heard.excerpt}".lower().replace("adapt", "")


@pytest.mark.parametrize("name", sorted(COMPLAINTS))
def test_a_complaint_is_told(name: str) -> None:
    heard = read(sample(name)).heard
    assert heard is not None
    assert (heard.kind, heard.edition, heard.chunk, heard.position) == (News.COMPLAINED, EDITION, CHUNK, POSITION)
    assert "@" not in heard.excerpt


def test_a_delivery_that_is_told_of_is_news_too() -> None:
    heard = read(sample("dsn-delivered")).heard
    assert heard is not None
    assert (heard.kind, heard.reason) == (News.DELIVERED, "")


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_all_else_changes_nothing(name: str) -> None:
    assert read(sample(name)) == Read(OTHERS[name])


@pytest.mark.parametrize("name", sorted(GONE | SOFT | COMPLAINTS))
def test_without_a_signature_of_ours_nothing_is_heard(name: str) -> None:
    assert read(sample(name, message_id=FORGED, verp=FORGED)) == Read(Verdict.FOREIGN)


@pytest.mark.parametrize("name", sorted(GONE | SOFT))
def test_the_message_id_alone_is_enough_and_so_is_the_envelope(name: str) -> None:
    by_id, by_envelope = (
        sample(name, verp="bounces@example.org"),
        sample(name, message_id="x@example.net", verp="y@z.eu"),
    )
    heard = read(by_id).heard
    assert heard is not None
    assert read(by_envelope, VERP).heard == heard
    assert read(by_envelope).heard is None


def test_a_notification_told_twice_is_the_same_event_and_a_harder_one_is_another() -> None:
    first, again = read(sample("postfix-unknown-user")).heard, read(sample("exchange-online")).heard
    soft = read(sample("postfix-mailbox-full")).heard
    assert first is not None
    assert again is not None
    assert soft is not None
    assert first.raw_id == again.raw_id != soft.raw_id


def test_a_notice_that_bounces_again_another_day_is_news_and_on_the_same_day_none() -> None:
    """Its envelope names the person alone, so whoever came back once and is lifted could never be stopped again."""
    back = bounce_sender("bounces@example.org", "ab" * 12, SIGNER.sign("ab" * 12))
    raw = sample("qmail-no-mailbox", message_id="x@example.net", verp=back)
    days = [read(raw.replace(b"26 Nov 2026", day)).heard for day in (b"26 Nov 2026", b"25 Nov 2026", b"26 Nov 2026")]
    assert [one.sid if one else "" for one in days] == ["ab" * 12] * 3
    first, other, again = (one.raw_id if one else "" for one in days)
    assert first == again != other
    raw = sample("qmail-no-mailbox")
    told = [read(raw.replace(b"26 Nov 2026", day)).heard for day in (b"26 Nov 2026", b"25 Nov 2026")]
    assert len({one.raw_id if one else "" for one in told}) == 1, "an edition's mail is known by itself"


SUBJECTS = {
    "=?utf-8?Q?Unzustellbar:_Gr=C3=BC=C3=9Fe?=": "Unzustellbar: Grüße",
    "=?UTF-8?B?VW56dXN0ZWxsYmFyOiBHcsO8w59l?=": "Unzustellbar: Grüße",
    "=?iso-8859-1?q?Gr=FC=DFe?= =?iso-8859-1?q?_an_alle?= und mehr": "Grüße an alle und mehr",
    "plain =?x=?= =?utf-8?z?a?= _": "plain =?x=?= =?utf-8?z?a?= _", "": "",
}  # fmt: skip


@pytest.mark.parametrize("raw", SUBJECTS)
def test_subjects_are_read_as_people_see_them(raw: str) -> None:
    assert parse_mail(f"Subject: {raw}\n\n".encode()).subject == SUBJECTS[raw]


def test_a_bounce_in_plain_words_with_an_encoded_subject_is_heard_and_an_answer_for_somebody_away_is_none() -> None:
    def told(subject: str) -> Read:
        head = f"From: Postmaster <postmaster@example.net>\nReturn-Path: <>\nSubject: {subject}\nTo: {VERP}\n\n"
        return read(f"{head}550 5.1.1 no such user\n".encode())

    assert told("=?utf-8?B?VW56dXN0ZWxsYmFyOiBHcsO8w59l?=").heard
    assert told("=?utf-8?Q?Automatische_Antwort:_unzustellbar_Gr=C3=BC=C3=9Fe?=") == Read(Verdict.AUTO_REPLY)


def test_line_ends_an_mbox_line_and_a_cut_off_end_are_all_the_same() -> None:
    raw = sample("postfix-unknown-user")
    plain = read(raw).heard
    assert read(raw.replace(b"\n", b"\r\n")).heard == plain
    assert read(b"From MAILER-DAEMON Thu Nov 26 09:05:00 2026\n" + raw).heard == plain
    assert read(raw[: raw.index(b"News of the week")]).heard == plain


def test_a_moment_that_makes_no_sense_is_now() -> None:
    for date in (
        b"Thu, 26 Nov 2099 09:05:00 +0000",
        b"yesterday",
        b"Thu, 26 Nov 1999 09:05:00 +0000",
        b"",
        b"\xff" * 90,
    ):
        raw = sample("qmail-no-mailbox").replace(b"26 Nov 2026 09:05:00 -0000", date)
        heard = read(raw).heard
        assert heard is not None
        assert heard.at == NOW


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_a_report_that_is_encoded_is_read(encoding: str) -> None:
    import base64
    import quopri

    raw = sample("postfix-unknown-user")
    start = raw.index(b"Content-Type: message/delivery-status\n\n") + len(b"Content-Type: message/delivery-status\n\n")
    end = raw.index(b"\n--=_sample", start)
    code = {"base64": base64.encodebytes, "quoted-printable": quopri.encodestring}[encoding]
    head = raw[: start - 1] + f"Content-Transfer-Encoding: {encoding}\n\n".encode()
    assert read(head + code(raw[start:end]) + raw[end:]).heard == read(raw).heard


PIECES = [
    b"--=_sample_boundary_1\n", b"Content-Type: multipart/mixed; boundary=a\n\n", b"--a\n", b"\n\n",
    b"Action: failed\n",
    b"Status: 5.1.1\n", b"Message-ID: <" + FORGED.encode() + b">\n", b"\x00", b"\xff\xfe", b"\r\n", b"@@", b"=\n", b";",
    b'boundary="', b"message/rfc822", b"Content-Transfer-Encoding: base64\n", b"Auto-Submitted: auto-replied\n",
]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(NAMES), st.randoms(use_true_random=False))
def test_whatever_strangers_make_of_a_mail_nothing_raises_and_nobody_unsigned_is_heard(
    name: str, dice: random.Random
) -> None:
    raw = bytearray(sample(name, message_id=FORGED, verp=FORGED))
    for _ in range(dice.randrange(1, 12)):
        at, until = sorted((dice.randrange(len(raw) + 1), dice.randrange(len(raw) + 1)))
        choice = dice.randrange(4)
        if choice == 0:
            del raw[at : at + (until - at) // 8]
        elif choice == 1:
            raw[at:at] = dice.choice(PIECES)
        elif choice == 2:
            raw[at:at] = raw[at : at + (until - at) // 4]
        elif raw:
            raw[min(at, len(raw) - 1)] = dice.randrange(256)
    found = read(bytes(raw))
    assert found.heard is None
    assert found.verdict in set(Verdict)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(GONE | SOFT | COMPLAINTS)), st.integers(0, 10**6), st.integers(0, 255))
def test_a_changed_byte_never_leads_to_another_mail(name: str, at: int, byte: int) -> None:
    raw = bytearray(sample(name))
    raw[at % len(raw)] = byte
    heard = read(bytes(raw)).heard
    assert heard is None or (heard.edition, heard.chunk, heard.position) == (EDITION, CHUNK, POSITION)


NESTED = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(20_000))
FLOODS = {
    "nested parts": NESTED,
    "nested mails": b"Content-Type: message/rfc822\n\n" * 30_000,
    "many parts": b"Content-Type: multipart/report; boundary=b\n\n" + b"--b\n\n" * 100_000,
    "parameters": b"Content-Type: multipart/report; " + b'a="; ' * 100_000 + b"\n\n",
    "folds": b"Subject: x\n" + b" \n" * 300_000,
    "headers": b"a:\n" * 300_000,
    "recipients": b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n"
    + b"Action: failed\n\n" * 60_000,
    "message ids": b"X-Failed-Recipients: a@b.c\n\n5.1.1\n" + b"message-id: <\n" * 70_000,
    "blanks": b"X-Failed-Recipients: a@b.c\n\n5.1.1" + b" " * 900_000,
    "codes": b"X-Failed-Recipients: a@b.c\n\n" + b"5.1.1." * 150_000,
    "addresses": b"X-Failed-Recipients: " + b"a@" * 400_000 + b"\n\n550 <" + b"a@<" * 100_000,
    "to": b"X-Failed-Recipients: a@b.c\n" + b"To: " + b"x" * 900_000 + b"\n\n5.1.1 failed",
    "dashes": b"X-Failed-Recipients: a@b.c\n\n" + b"-" * 900_000,
    "lines": b"X-Failed-Recipients: a@b.c\n\n" + b"\n" * 900_000,
    "base64": b"Content-Transfer-Encoding: base64\nX-Failed-Recipients: a\n\n" + b"=A" * 400_000,
    "quoted": b"Content-Transfer-Encoding: quoted-printable\nX-Failed-Recipients: a\n\n" + b"=" * 900_000,
    "encoded": b"From: mailer-daemon\nSubject: " + b"=?a?q?" * 200_000 + b"\n\n550 5.1.1",
    "hi": b"From: mailer-daemon\nSubject: failure notice\n\n" + b"Hi. This is the " * 60_000,
}


@pytest.mark.parametrize("name", FLOODS)
def test_floods_take_no_time_to_speak_of(name: str) -> None:
    started = time.perf_counter()
    assert read(FLOODS[name]).heard is None
    assert time.perf_counter() - started < 5, "a hang guard: each takes some hundredths of a second"
