"""References in Message-IDs and envelopes: ours are known again, shortened or not, and nobody else's are."""

import string

import pytest
from email_validator import validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.audience.tokens import MailTokens, Secrets
from chalicelib.deliver.hearing.references import (
    Reference,
    bounce_sender,
    edition_reference,
    read_reference,
    resolver,
    signed_message_id,
)
from chalicelib.deliver.hearing.values import nameless
from tests.deliver.hearing.samples import MESSAGE_ID, REFERENCE, SIGNER, VERP

SLUG = st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=60)
EDITIONS = st.builds("{}{}/2026-11-26-{}".format, st.sampled_from("a7"), SLUG, SLUG)
PLACES = st.integers(0, 999_999)


@settings(max_examples=60, deadline=None)
@given(EDITIONS, PLACES, PLACES, st.sampled_from(["b@x.org", "bounces@example.org", "news-bounces@example.org"]))
def test_what_is_made_is_read_whatever_its_length_and_case(
    edition: str, chunk: int, position: int, address: str
) -> None:
    reference, resolve = edition_reference(edition, chunk, position), resolver(["other/1", edition])
    signature = SIGNER.sign(reference)
    sender = bounce_sender(address, reference, signature)
    wanted = Reference(edition, chunk, position)
    assert len(sender.rpartition("@")[0]) <= 64
    assert validate_email(sender, check_deliverability=False, test_environment=True)
    for text in (sender, sender.upper(), f"<{sender}>", signed_message_id(reference, SIGNER, "example.org")):
        assert read_reference(text, SIGNER, resolve) == wanted
    if len(reference) > 60:
        assert read_reference(sender, SIGNER) is None, "a shortened one needs the editions there are"


@settings(max_examples=80, deadline=None)
@given(st.integers(0, len(VERP) - 1), st.characters(codec="ascii"))
def test_one_character_more_or_less_and_it_is_nobodys(at: int, character: str) -> None:
    domain = VERP.index("@")
    for text in (VERP[:at] + character + VERP[at + 1 :], VERP[:at] + VERP[at + 1 :]):
        same = text.lower() == VERP.lower() or at >= domain or at < VERP.index("+") or text[at : at + 1] == "+"
        assert read_reference(text, SIGNER) is None or same


@pytest.mark.parametrize("text", [
    "", "@", "x", "bounces@example.org", "a.b.c@d", ".".join("a" * 300), f"{REFERENCE}@example.org", "+" * 399,
    f"{REFERENCE}.{'a' * 10}@example.org", "." * 399, f"{'x' * 400}{VERP}", f"digest.x.1.{SIGNER.sign('digest.x.1')}@x",
])  # fmt: skip
def test_what_is_none_of_ours_is_none(text: str) -> None:
    assert read_reference(text, SIGNER) is None


def test_a_notice_is_one_person() -> None:
    sid = "0123456789ab" * 2
    for reference in (sid, f"confirm.20261126090000123456.{sid}"):
        sender = bounce_sender("bounces@example.org", reference, SIGNER.sign(reference))
        found = read_reference(signed_message_id(reference, SIGNER, "example.org"), SIGNER)
        assert found == Reference(sid=sid)
        assert sender == "bounces@example.org" or read_reference(sender, SIGNER) == found
    assert read_reference(bounce_sender("bounces@example.org", sid, SIGNER.sign(sid)), SIGNER) == Reference(sid=sid)


def test_an_address_that_leaves_no_room_stands_alone() -> None:
    assert bounce_sender(f"{'b' * 40}@example.org", REFERENCE, SIGNER.sign(REFERENCE)) == f"{'b' * 40}@example.org"


def test_a_former_key_still_knows_its_mails_and_another_sites_does_not() -> None:
    rotated, other = MailTokens(Secrets(("k" * 40, "n" * 40))), MailTokens(Secrets(("z" * 40,)))
    assert read_reference(MESSAGE_ID, rotated) == Reference("digest/2026-11-26", 0, 3)
    assert read_reference(MESSAGE_ID, other) is None


@pytest.mark.parametrize(("words", "shown"), [
    ("550 <ada@example.net>: no ADA here", "550 <the recipient>: no the recipient here"),
    ("adamant adaptation", "adamant adaptation"), ("see bob@example.net, eve+x@y.z", "see an address, an address"),
    ("two\r\nlines\x00and\u2028more", "two lines and more"), ("x" * 2000, "x" * 1024), ("", ""),
    ("5.1.1 <ADA@EXAMPLE.NET>", "5.1.1 <the recipient>"),
])  # fmt: skip
def test_words_name_nobody(words: str, shown: str) -> None:
    assert nameless(words, ["ada@example.net", ""]) == shown


def test_a_flood_of_words_is_cut_off() -> None:
    for words in ("a@" * 100_000, "@" * 100_000, "a" * 100_000, "ada@example.net" * 100_000, "\x00" * 100_000):
        assert len(nameless(words, ["ada@example.net"])) <= 1024
