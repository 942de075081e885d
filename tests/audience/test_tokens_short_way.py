"""Tokens of the short way are those of itsdangerous, byte for byte; signatures of mails."""

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from chalicelib.audience.tokens import MailTokens, PreferencesTokens, Secrets, UnsubscribeTokens

OLD, NEW, LONG = "o" * 40, "ä" + "n" * 40, "l" * 65
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
KEYS = st.lists(
    st.sampled_from([OLD, NEW, LONG]) | st.text(min_size=32, max_size=80, alphabet="aZ9-ß"), min_size=1, max_size=3
)
SIDS = st.binary(max_size=8).map(lambda raw: hashlib.sha256(raw).hexdigest()[:24])
WORDS = st.one_of(
    st.text(max_size=64).filter(lambda text: not re.search("[\ud800-\udfff]", text)),
    st.sampled_from(
        ["digest", "x" * 24, "ab" * 12, "weekly-weekly", "x" * 64, "open-source-weekly-news", '"', "\\", "?>~"]
    ),
)
HEX = "0123456789abcdef01234567"


def theirs(purpose: str, keys: list[str], payload: list[Any]) -> str:
    kind = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
    return str(URLSafeSerializer(keys, salt=f"sendbrief.{purpose}.v1", signer_kwargs=kind).dumps(payload))


@settings(max_examples=150, deadline=None)
@given(
    KEYS,
    st.one_of(SIDS, WORDS),
    WORDS,
    st.integers(-10, 2_000_000_000).map(lambda seconds: NOW.fromtimestamp(seconds, UTC)),
)
@example([OLD], "\x7f" * 24, "digest", NOW)
@example([OLD], "é" * 24, "digest", NOW)
@example([OLD], '0"x' * 8, "digest", NOW)
def test_a_token_is_what_itsdangerous_makes(keys: list[str], sid: str, newsletter: str, now: datetime) -> None:
    if re.fullmatch("[A-Za-z0-9]{24}", sid) and len(set(sid)) < 6:
        return  # no hash is like that
    secrets = Secrets(tuple(keys))
    leaving, choosing = UnsubscribeTokens(secrets), PreferencesTokens(secrets)
    assert leaving.make(sid, newsletter) == theirs("unsubscribe", keys, [sid, newsletter])
    assert choosing.make(sid, newsletter, now) == theirs("preferences", keys, [sid, newsletter, int(now.timestamp())])
    assert leaving.read(leaving.make(sid, newsletter)) == (sid, newsletter)
    assert choosing.read(choosing.make(sid, newsletter, now), now) == (sid, newsletter)


def test_each_newsletter_and_moment_has_tokens_of_its_own() -> None:
    leaving, choosing = UnsubscribeTokens(Secrets((OLD,))), PreferencesTokens(Secrets((OLD,)))
    for newsletter in ("digest", "events", "digest"):
        assert leaving.make(HEX, newsletter) == theirs("unsubscribe", [OLD], [HEX, newsletter])
        for now in (NOW, NOW, NOW + timedelta(seconds=1), NOW):
            expected = theirs("preferences", [OLD], [HEX, newsletter, int(now.timestamp())])
            assert choosing.make(HEX, newsletter, now) == expected


def test_an_id_that_is_no_hash_may_go_uncompressed_and_is_read_all_the_same() -> None:
    tokens = UnsubscribeTokens(Secrets((OLD,)))
    token = tokens.make("0" * 24, "digest")
    assert token != theirs("unsubscribe", [OLD], ["0" * 24, "digest"])
    assert tokens.read(token) == ("0" * 24, "digest")


@settings(deadline=None)
@given(st.text(max_size=80), KEYS)
def test_a_signature_is_fifty_bits_of_the_newest_keys_hmac(text: str, keys: list[str]) -> None:
    signature = MailTokens(Secrets(tuple(keys))).sign(text)
    key = hmac.digest(keys[-1].encode(), b"sendbrief.mail.v1", "sha256")
    digest = hmac.digest(key, text.encode("utf-8", "replace"), "sha256")
    assert signature == "".join("abcdefghijklmnopqrstuvwxyz234567"[byte & 31] for byte in digest[:10])


def test_a_signature_outlives_its_key_and_is_good_for_its_text_alone() -> None:
    old, rotated, foreign = (MailTokens(Secrets(keys)) for keys in ((OLD,), (OLD, NEW), ("x" * 40, LONG)))
    text = "digest.2026-11-26.3.17"
    signature = old.sign(text)
    assert rotated.sign(text) != signature
    assert rotated.valid(text, signature)
    assert rotated.valid(text, rotated.sign(text))
    assert not old.valid(text, rotated.sign(text))
    assert not foreign.valid(text, signature)
    assert not rotated.valid("digest.2026-11-26.3.18", signature)


@pytest.mark.parametrize("other", ["", "a", "A", "ä", "\ud800", "\0", "?" * 10])
def test_what_is_no_signature_is_none(other: str) -> None:
    tokens = MailTokens(Secrets((OLD,)))
    signature = tokens.sign("a.b")
    for wrong in (other, signature[:-1], signature + other if other else "x", other + signature[1:], signature.upper()):
        assert not tokens.valid("a.b", wrong)
    assert not tokens.valid(f"a.b{other or 'x'}", signature)


def test_a_link_to_leave_is_no_signature_of_a_mail() -> None:
    assert not MailTokens(Secrets((OLD,))).valid(HEX, UnsubscribeTokens(Secrets((OLD,))).make(HEX, "digest")[-10:])
