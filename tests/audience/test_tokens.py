"""Signed links: one spelling, one purpose, and old ones outlive a new key."""

import hashlib
import string
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from chalicelib.audience.tokens import (
    MAX_TOKEN,
    ChangeTokens,
    ConfirmTokens,
    DataTokens,
    PreferencesTokens,
    Secrets,
    UnsubscribeTokens,
)
from chalicelib.errors import BadLinkError, ConfigurationError, ExpiredLinkError, NotFoundError

OLD, NEW = "o" * 40, "n" * 40
SID = "0123456789abcdef01234567"
TOKENS = UnsubscribeTokens(Secrets((OLD,)))
TOKEN = TOKENS.make(SID, "digest")
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
KINDS: dict[str, type[Any]] = {
    kind.purpose: kind for kind in (UnsubscribeTokens, PreferencesTokens, ConfirmTokens, ChangeTokens, DataTokens)
}
EXPIRING = [name for name, kind in KINDS.items() if hasattr(kind, "lifetime")]


def make(tokens: Any) -> str:
    return str(tokens.make(*((SID, "digest", NOW) if hasattr(tokens, "lifetime") else (SID, "digest"))))


MADE = {name: make(kind(Secrets((OLD,)))) for name, kind in KINDS.items()}


def read(purpose: str, token: str, now: datetime = NOW, keys: tuple[str, ...] = (OLD,)) -> tuple[str, str]:
    tokens = KINDS[purpose](Secrets(keys))
    found: tuple[str, str] = tokens.read(token, now) if purpose in EXPIRING else tokens.read(token)
    return found


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


def test_a_token_of_one_purpose_is_none_of_another() -> None:
    for maker, token in MADE.items():
        for reader in MADE:
            if reader == maker:
                assert read(reader, token)[0] == SID
            else:
                with pytest.raises(BadLinkError):
                    read(reader, token)


@pytest.mark.parametrize("maker", EXPIRING)
def test_every_flipped_bit_of_a_link_is_refused_by_all(maker: str) -> None:
    token = MADE[maker]
    for position, bit in product(range(len(token)), range(8)):
        flipped = token[:position] + chr(ord(token[position]) ^ 1 << bit) + token[position + 1 :]
        with pytest.raises(BadLinkError):
            read(maker, flipped)


@pytest.mark.parametrize("maker", EXPIRING)
def test_a_link_works_for_its_time_and_not_before(maker: str) -> None:
    lifetime = KINDS[maker].lifetime  # type: ignore[attr-defined]
    for ago, error in (
        (lifetime, None),
        (lifetime + timedelta(seconds=2), ExpiredLinkError),
        (-timedelta(minutes=14), None),
        (-timedelta(minutes=16), BadLinkError),
    ):
        with pytest.raises(error) if error else nullcontext():
            read(maker, MADE[maker], NOW + ago)


def test_only_leaving_never_expires() -> None:
    assert [name for name in KINDS if name not in EXPIRING] == ["unsubscribe"]


@pytest.mark.parametrize("maker", list(MADE))
def test_an_old_link_works_after_the_key_changed_and_a_foreign_one_never(maker: str) -> None:
    rotated = KINDS[maker](Secrets((OLD, NEW)))
    assert read(maker, MADE[maker], keys=(OLD, NEW))[0] == SID
    fresh = make(rotated)
    for keys in ((OLD,), ("x" * 40,)):
        with pytest.raises(BadLinkError):
            read(maker, fresh, keys=keys)


@pytest.mark.parametrize(
    "payload", [[SID, "digest", "soon"], [SID, "digest", None], [SID, "digest", 1e400], [SID, "x"]]
)
def test_a_signed_payload_of_another_shape_is_refused(payload: object) -> None:
    kind = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
    signed = URLSafeSerializer(OLD, salt="sendbrief.preferences.v1", signer_kwargs=kind).dumps(payload)
    with pytest.raises(BadLinkError):
        read("preferences", str(signed))


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


def test_ids_stay_the_same_when_the_key_changes() -> None:
    assert Secrets((OLD, NEW)).sid_key == Secrets((OLD,)).sid_key


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
