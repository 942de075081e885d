"""Envelope and content as they go over the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.transports import Fate, Mail, Outcome
from chalicelib.transports.smtp_mail import Prepared, prepare, queue_id, stuffed
from tests.transports.mails import SENDER, mail

LINES = st.lists(st.text(".ab", max_size=4).map(str.encode), max_size=8)
ADDRESSES = st.text(max_size=40) | st.text('ab@.<> \r\n\0;,:"', max_size=20) | st.emails()


@given(LINES)
def test_stuffed_content_can_be_unstuffed_and_ends_nowhere_early(lines: list[bytes]) -> None:
    content = b"".join(line + b"\r\n" for line in lines)
    wire = stuffed(content) + b".\r\n"
    assert (b"\r\n" + wire).find(b"\r\n.\r\n") + 5 == len(wire) + 2
    taken = wire[:-3].split(b"\r\n")
    assert b"\r\n".join(line[1:] if line.startswith(b".") else line for line in taken) == content


def test_content_without_a_last_line_end_gets_one() -> None:
    assert stuffed(b"a") == b"a\r\n"
    assert stuffed(b"") == b""


@given(ADDRESSES, ADDRESSES)
def test_an_envelope_is_one_line_each_or_refused(sender: str, recipient: str) -> None:
    ready = prepare(Mail(sender, recipient, b"x\r\n"), None)
    if isinstance(ready, Outcome):
        assert ready.fate is Fate.FAILED
        return
    assert ready.sender == b"MAIL FROM:<" + sender.encode("ascii") + b">"
    assert ready.recipient == b"RCPT TO:<" + recipient.encode("ascii") + b">\r\n"
    for line in (ready.sender, ready.recipient[:-2]):
        assert line.count(b">") == line.count(b"<") == 1
        assert not set(line) & set(b"\r\n\0")


def test_the_null_sender_is_a_sender() -> None:
    ready = prepare(Mail("", "reader@example.org", b"x\r\n"), None)
    assert isinstance(ready, Prepared)
    assert ready.sender == b"MAIL FROM:<>"


def test_the_limit_counts_bytes_as_given() -> None:
    content = b".\r\n" * 10
    assert isinstance(prepare(mail(content=content), 30), Prepared)
    assert isinstance(prepare(mail(content=content), 29), Outcome)


def test_clean_content_is_not_looked_at_again() -> None:
    """Its maker's word is taken: nothing is copied, for DATA or BDAT."""
    content = b"x\r\n" * 30
    for stuff in (True, False):
        ready = prepare(Mail(SENDER, "reader@example.org", content, clean=True), None, stuff=stuff)
        assert isinstance(ready, Prepared)
        assert ready.content is content
    assert isinstance(prepare(Mail(SENDER, "reader@example.org", content, clean=True), 29), Outcome)
    assert isinstance(prepare(Mail(SENDER, "rea der@example.org", content, clean=True), None), Outcome)


def test_dots_are_stuffed_for_data_alone() -> None:
    content = b".a\r\n.b"
    by_data, by_bdat = prepare(mail(content=content), None), prepare(mail(content=content), None, stuff=False)
    assert isinstance(by_data, Prepared)
    assert isinstance(by_bdat, Prepared)
    assert (by_data.content, by_bdat.content) == (b"..a\r\n..b\r\n", b".a\r\n.b\r\n")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("2.0.0 Ok: queued as 4XyZ1234Abc", "4XyZ1234Abc"),
        ("OK id=1rABCD-000001-2x", "1rABCD-000001-2x"),
        ("2.0.0 48ABCDEF012345 Message accepted for delivery", "48ABCDEF012345"),
        ("Ok 0102018f2b7c8d9e-1a2b3c4d-0000", "0102018f2b7c8d9e-1a2b3c4d-0000"),
        ("2.0.0 Ok", ""),
        ("", ""),
        ("queued as \x1b[31m", ""),
    ],
)
def test_the_servers_name_for_a_mail(text: str, name: str) -> None:
    assert queue_id(text) == name


def test_mails_of_the_tests_are_themselves_well_formed() -> None:
    assert mail(3).sender == SENDER
    assert isinstance(prepare(mail(3), None), Prepared)
