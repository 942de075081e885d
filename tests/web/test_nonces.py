"""Marks of forms: good for one purpose and subject, for two hours, and for nobody who makes them up."""

import hashlib
import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from chalicelib.audience.tokens import Secrets, UnsubscribeTokens
from chalicelib.web.nonces import LIFETIME, MAX_NONCE, SKEW, SOONEST, TRAP_FIELD, Nonces, NonceState, is_trapped

OLD, NEW = "o" * 40, "n" * 40
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NONCES = Nonces(Secrets((OLD,)))
NONCE = NONCES.make("subscribe", "", NOW)
SECOND = timedelta(seconds=1)


def check(nonce: str = NONCE, purpose: str = "subscribe", subject: str = "", after: timedelta = SECOND) -> NonceState:
    return NONCES.check(nonce, purpose, subject, NOW + after)


def test_a_nonce_is_good_for_two_hours() -> None:
    assert check(after=timedelta()) is NonceState.OK
    assert check(after=LIFETIME) is NonceState.OK
    assert check(after=LIFETIME + SECOND) is NonceState.EXPIRED
    assert timedelta(hours=2) == LIFETIME


def test_another_machines_clock_may_be_behind_a_little() -> None:
    assert check(after=-SKEW) is NonceState.OK
    assert check(after=-SKEW - SECOND) is NonceState.BAD


@pytest.mark.parametrize(
    ("after", "state"),
    [(0.0, "too-soon"), (1.999, "too-soon"), (2.0, "ok"), (-60.0, "too-soon"), (7200.0, "ok"), (7201.0, "expired")],
)
def test_who_is_faster_than_any_person_is_told_apart_where_that_is_asked(after: float, state: str) -> None:
    assert NONCES.check(NONCE, "subscribe", "", NOW + timedelta(seconds=after), soonest=SOONEST) == state


@pytest.mark.parametrize(
    ("purpose", "subject"),
    [
        ("preferences", ""),
        ("subscribe", "x"),
        ("", ""),
        ("", "subscribe"),
        ("subscribe\0", ""),
        ("subscribe", "\ud800"),
    ],
)
def test_it_is_none_for_another_purpose_or_subject(purpose: str, subject: str) -> None:
    assert check(purpose=purpose, subject=subject) is NonceState.BAD


def test_purpose_and_subject_do_not_run_together() -> None:
    assert check(NONCES.make("a", "b", NOW), "ab", "") is NonceState.BAD
    assert check(NONCES.make("a", "b", NOW), "a", "b") is NonceState.OK


@pytest.mark.parametrize("position", range(len(NONCE)))
def test_every_flipped_bit_is_refused(position: int) -> None:
    for bit in range(8):
        flipped = chr(ord(NONCE[position]) ^ 1 << bit)
        assert check(NONCE[:position] + flipped + NONCE[position + 1 :]) is NonceState.BAD


@pytest.mark.parametrize(
    "nonce", ["", ".", NONCE[:-1], f"{NONCE}A", f"{NONCE}=", f" {NONCE}", "x" * 10**6, "\ud800", "ä"]
)
def test_what_is_no_nonce_is_refused(nonce: str) -> None:
    assert check(nonce) is NonceState.BAD


@given(st.text(max_size=250))
@settings(max_examples=25)
def test_any_text_is_refused_without_an_error(text: str) -> None:
    assert check(text) is NonceState.BAD
    assert check(subject=text or "x") is NonceState.BAD


def test_it_fits_a_field_and_is_shorter_than_what_is_looked_at() -> None:
    assert set(NONCE) <= set(string.ascii_letters + string.digits + "-_.")
    assert len(NONCES.make("preferences", "x" * 1000, NOW)) < MAX_NONCE


def test_a_form_that_was_open_while_the_key_changed_still_works_and_a_foreign_one_never() -> None:
    rotated = Nonces(Secrets((OLD, NEW)))
    assert rotated.check(NONCE, "subscribe", "", NOW) is NonceState.OK
    assert NONCES.check(rotated.make("subscribe", "", NOW), "subscribe", "", NOW) is NonceState.BAD


def test_a_link_is_no_nonce() -> None:
    token = UnsubscribeTokens(Secrets((OLD,))).make("0123456789abcdef01234567", "digest")
    assert check(token) is NonceState.BAD


@pytest.mark.parametrize("payload", [None, "1", [1], {"a": 1}, 1.5])
def test_a_payload_of_another_shape_is_refused(payload: object) -> None:
    signer = URLSafeSerializer(
        OLD,
        salt="sendbrief.nonce.v1\0subscribe\0",
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )
    assert check(str(signer.dumps(int(NOW.timestamp() * 1000)))) is NonceState.OK
    assert check(str(signer.dumps(payload))) is NonceState.BAD


@pytest.mark.parametrize(
    ("form", "trapped"),
    [
        ({}, False),
        ({TRAP_FIELD: []}, False),
        ({TRAP_FIELD: [""]}, False),
        ({TRAP_FIELD: [" \t"]}, False),
        ({TRAP_FIELD: ["hello"]}, True),
        ({TRAP_FIELD: ["", "hello"]}, True),
        ({"address": ["ada@example.org"]}, False),
    ],
)
def test_whoever_fills_in_what_nobody_sees_is_trapped(form: dict[str, list[str]], trapped: bool) -> None:
    assert is_trapped(form) is trapped
