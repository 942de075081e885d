"""Signed links: one spelling, one purpose, and old ones outlive a new key."""

import hashlib
import string
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from chalicelib.audience.tokens import MAX_TOKEN, PreferencesTokens, Secrets, UnsubscribeTokens
from chalicelib.errors import ConfigurationError, NotFoundError

OLD, NEW = "o" * 40, "n" * 40
SID = "0123456789abcdef01234567"
TOKENS = UnsubscribeTokens(Secrets((OLD,)))
TOKEN = TOKENS.make(SID, "digest")
PREFERENCES = PreferencesTokens(Secrets((OLD,)))
CHOOSING = PREFERENCES.make(SID, "digest")
ALPHABET = string.ascii_letters + string.digits + "-_.=~ \0ä"


def test_a_token_is_read_by_who_made_it_and_is_fit_for_a_path() -> None:
    assert TOKENS.read(TOKEN) == (SID, "digest")
    assert set(TOKEN) <= set(string.ascii_letters + string.digits + "-_.")


@pytest.mark.parametrize("position", range(len(TOKEN)))
def test_every_other_character_at_any_place_is_refused(position: int) -> None:
    for other in ALPHABET:
        if other != TOKEN[position]:
            with pytest.raises(NotFoundError):
                TOKENS.read(TOKEN[:position] + other + TOKEN[position + 1 :])


@pytest.mark.parametrize("position", range(len(CHOOSING)))
def test_every_flipped_bit_of_a_link_to_choose_is_refused_by_both(position: int) -> None:
    for bit in range(8):
        flipped = chr(ord(CHOOSING[position]) ^ 1 << bit)
        for tokens in (PREFERENCES, TOKENS):
            with pytest.raises(NotFoundError):
                tokens.read(CHOOSING[:position] + flipped + CHOOSING[position + 1 :])


def test_a_link_to_leave_is_none_to_choose_nor_the_other_way_round() -> None:
    assert PREFERENCES.read(CHOOSING) == (SID, "digest")
    assert CHOOSING.split(".")[0] == TOKEN.split(".")[0], "only the signature tells them apart"
    with pytest.raises(NotFoundError):
        PREFERENCES.read(TOKEN)
    with pytest.raises(NotFoundError):
        TOKENS.read(CHOOSING)


def test_an_old_link_to_choose_works_after_the_key_changed_and_a_foreign_one_never() -> None:
    rotated = PreferencesTokens(Secrets((OLD, NEW)))
    assert rotated.read(CHOOSING) == (SID, "digest")
    with pytest.raises(NotFoundError):
        PREFERENCES.read(rotated.make(SID, "digest"))


def test_the_longest_names_fit_and_what_is_longer_is_not_even_read() -> None:
    assert TOKENS.read(TOKENS.make(SID, "x" * 64)) == (SID, "x" * 64)
    for length, fits in ((100, True), (1000, False)):
        name = hashlib.shake_256(b"nothing that packs well").hexdigest(length)
        assert (len(TOKENS.make(SID, name)) <= MAX_TOKEN) is fits
        with nullcontext() if fits else pytest.raises(NotFoundError):
            TOKENS.read(TOKENS.make(SID, name))


@pytest.mark.parametrize(
    "text", ["", ".", TOKEN[:-1], TOKEN + "A", TOKEN + "=", "." + TOKEN, TOKEN + "\n", "\ud800", "x" * 10**6]
)
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(NotFoundError):
        TOKENS.read(text)


@given(st.text())
def test_any_text_is_refused_without_another_error(text: str) -> None:
    with pytest.raises(NotFoundError):
        TOKENS.read(text)


def test_an_old_link_works_after_the_key_changed_and_a_foreign_one_never() -> None:
    rotated = UnsubscribeTokens(Secrets((OLD, NEW)))
    assert rotated.read(TOKEN) == (SID, "digest")
    with pytest.raises(NotFoundError):
        TOKENS.read(rotated.make(SID, "digest"))
    assert Secrets((OLD, NEW)).sid_key == Secrets((OLD,)).sid_key, "ids stay the same"


@pytest.mark.parametrize("salt", ["sendbrief.confirm.v1", "itsdangerous", "sendbrief.unsubscribe.v2", ""])
def test_a_token_for_another_purpose_is_refused(salt: str) -> None:
    other = URLSafeSerializer(OLD, salt=salt, signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"})
    with pytest.raises(NotFoundError):
        TOKENS.read(str(other.dumps([SID, "digest"])))


def test_a_payload_of_another_shape_is_refused() -> None:
    signer = URLSafeSerializer(
        OLD,
        salt="sendbrief.unsubscribe.v1",
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )
    for payload in (None, 1, [], ["x"], ["x", "y", "z"]):
        with pytest.raises(NotFoundError):
            TOKENS.read(str(signer.dumps(payload)))


@pytest.mark.parametrize("keys", [(), ("",), ("short",), (OLD, "short")])
def test_a_short_secret_is_refused(keys: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError):
        Secrets(keys)
