"""What may be mailed, who is the same person, and names that may stand in headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.audience.address import MAX_NAME, clean_name, fold, parse_address, subscriber_id
from chalicelib.errors import AddressError

KEY = b"k" * 40


@pytest.mark.parametrize(
    ("typed", "mailed"),
    [
        ("  Ada@Example.ORG ", "Ada@example.org"),
        ("ada+news@example.org", "ada+news@example.org"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("o'neil@example.com", "o'neil@example.com"),
        ("=cmd@example.org", "=cmd@example.org"),
        ("a@bcher.example.invalid", "a@bcher.example.invalid"),
        ("ada@例え.example", "ada@xn--r8jz45g.example"),
    ],
)
def test_an_address_is_kept_as_typed_with_an_ascii_domain(typed: str, mailed: str) -> None:
    assert parse_address(typed) == mailed


@pytest.mark.parametrize(
    "text",
    ["", "ada", "@example.org", "ada@", "ada@@example.org", "ada@example", "ada @example.org", "ada@exam ple.org",
     "ädä@example.org", "a@b@example.org", "ada@example.org\r\nBcc: eve@example.com", "ada\x00@example.org",
     "ada@example.org, eve@example.com", "Ada <ada@example.org>", "ada@[127.0.0.1]", "ada@127.0.0.1",
     '"a b"@example.org',
     "a" * 65 + "@example.org", "ada@" + "a" * 64 + ".org",
     "a@" + "b." * 130 + "org", "ada@localhost",
     ".ada@example.org",
     "ada..x@example.org", "ada@-example.org", "ada@example..org", "\ud800@example.org", "ada@\ud800.org",
     "ada@xn--0.org",
     "ada@exa\u202emple.org", "<script>@example.org", "ada@example.org\u2028x"],
)  # fmt: skip
def test_what_is_no_address_is_refused_in_printable_words(text: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_address(text)
    assert not set("\r\n\0\u202e\u2028\ud800") & set(str(caught.value))


@given(st.text(max_size=40) | st.from_regex(r"[ -~]{0,20}@[ -~]{0,20}", fullmatch=True))
def test_whatever_is_typed_ends_as_a_plain_address_or_an_address_error(text: str) -> None:
    try:
        mailed = parse_address(text)
    except AddressError:
        return
    assert mailed.isascii()
    assert mailed.isprintable()
    assert " " not in mailed
    assert parse_address(mailed) == mailed


@pytest.mark.parametrize("other", ["ADA@example.org", "ada@EXAMPLE.org", "aDa@Example.Org"])
def test_case_does_not_make_another_person(other: str) -> None:
    assert subscriber_id(parse_address(other), KEY) == subscriber_id("ada@example.org", KEY)


@pytest.mark.parametrize("other", ["a.da@example.org", "ada+x@example.org", "ada@example.com"])
def test_dots_and_tags_do(other: str) -> None:
    assert subscriber_id(other, KEY) != subscriber_id("ada@example.org", KEY)


def test_an_id_is_keyed_and_names_nobody() -> None:
    sid = subscriber_id("ada@example.org", KEY)
    assert len(sid) == 24
    assert set(sid) <= set("0123456789abcdef")
    assert sid != subscriber_id("ada@example.org", b"l" * 40)
    assert fold(parse_address("X@BÜCHER.example")) == fold(parse_address("x@xn--bcher-kva.example"))


@given(st.text(max_size=300))
def test_a_clean_name_is_one_short_visible_line(text: str) -> None:
    name = clean_name(text)
    assert len(name) <= MAX_NAME
    assert name == name.strip() == clean_name(name)
    assert not any(c in "\r\n\0\u200b\u202e\u2028\ufeff" or ord(c) < 32 for c in name)
