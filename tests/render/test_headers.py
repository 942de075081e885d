import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import parseaddr

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.errors import AddressError, RenderError
from chalicelib.render import headers
from chalicelib.render.text import ascii_url, cut, header_text

HOSTILE = st.text(
    alphabet=st.one_of(
        st.characters(),
        st.sampled_from('\r\n\0\t\x0b\x85\u2028\u202e\u2066\ud800"\\<>,;:@()=?_ \u00e4\u4e16\U0001f600'),
    ),
    max_size=160,
)


def checked(line: str) -> str:
    """A header line that is ASCII, ends in CRLF and holds no other line end; its value unfolded."""
    assert line.isascii()
    assert line.endswith("\r\n")
    folded = line[:-2].split("\r\n")
    assert all(part.startswith(" ") and part.strip() for part in folded[1:])
    assert not any(set(part) & set("\r\n\0") for part in folded)
    assert all(len(part) <= 76 for part in folded)
    return "".join(folded)


def decoded_name(value: str) -> str:
    """The display name as email.utils and email.header read it.

    EmailMessage of Python 3.11 puts blanks between adjacent encoded words of a name, against RFC 2047, 6.2.
    """
    phrase, _ = parseaddr(re.sub(r"\r?\n ", " ", value).strip())
    return str(make_header(decode_header(phrase)))


@settings(max_examples=1000, deadline=None)
@given(HOSTILE)
@example("Bcc: x@example.org\r\nSubject: y")
@example("=?utf-8?b?QQ==?=")
@example("a" * 159)
def test_any_name_comes_back_from_another_parser_as_it_was_cleaned(name):
    line = headers.mailbox("To", name, "ada@example.org")
    checked(line)
    message = message_from_bytes(line.encode() + b"\r\nbody", policy=policy.default)
    assert message.keys() == ["To"]
    (address,) = message["To"].addresses
    assert address.addr_spec == "ada@example.org"
    assert decoded_name(line.removeprefix("To: ")) == header_text(name, headers.MAX_NAME)
    assert not message["To"].defects


@settings(max_examples=1000, deadline=None)
@given(HOSTILE)
@example("=?utf-8?q?x?=")
@example("word " * 60)
@example("Ü" * 150)
@example("x" * 70 + " " + "y" * 80)
def test_any_subject_comes_back_as_it_was_cleaned(text):
    line = headers.unstructured("Subject", text)
    value = checked(line).removeprefix("Subject:").strip()
    assert str(make_header(decode_header(value))) == header_text(text)
    message = message_from_bytes(line.encode() + b"\r\n", policy=policy.default)
    assert message.keys() == ["Subject"]
    assert message["Subject"] == header_text(text)


@pytest.mark.parametrize(
    ("display", "expected"),
    [
        ("", "To: ada@example.org\r\n"),
        ("Ada", 'To: "Ada" <ada@example.org>\r\n'),
        ('A "B" \\ C', 'To: "A \\"B\\" \\\\ C" <ada@example.org>\r\n'),
        ("Zoë", "To: =?utf-8?b?Wm/Dqw==?= <ada@example.org>\r\n"),
    ],
)
def test_mailboxes(display, expected):
    assert headers.mailbox("To", display, "ada@example.org") == expected


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "ada@",
        "@example.org",
        "a b@example.org",
        "a\r\nBcc: x@example.org",
        "ä@example.org",
        "a@b@example.org",
        "<a@example.org>",
        "a..b@example.org",
        "a@example.org\0",
        "a,b@example.org",
        '"a b"@example.org',
        "a@-",
        "x" * 250 + "@example.org",
        "a@exa mple.org",
    ],
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(AddressError):
        headers.addr_spec(address)


def test_idn_domains_become_a_labels():
    assert headers.addr_spec("ada@bücher.example") == "ada@xn--bcher-kva.example"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://example.org",
        "https://a b",
        "https://example.org/\r\nx",
        "https://example.org/<",
        "https://example.org/a,b",
        "https://example.org/ä",
        "https://example.org/" + "x" * 900,
    ],
)
def test_what_can_not_stand_in_angle_brackets_is_refused(url):
    with pytest.raises(RenderError):
        headers.header_url(url)


@pytest.mark.parametrize(
    ("given_id", "expected"), [("a.b@example.org", "<a.b@example.org>"), ("<a@example.org>", "<a@example.org>")]
)
def test_message_ids_stand_in_brackets(given_id, expected):
    assert headers.message_id(given_id) == expected


@pytest.mark.parametrize("value", ["", "a", "a b@example.org", "a@b>\r\nX: y", "ä@example.org"])
def test_what_is_no_message_id_is_refused(value):
    with pytest.raises(RenderError):
        headers.message_id(value)


def test_dates_need_a_zone():
    assert headers.date(datetime(2026, 11, 26, 9, tzinfo=UTC)) == "Thu, 26 Nov 2026 09:00:00 +0000"
    with pytest.raises(RenderError):
        headers.date(datetime(2026, 11, 26, 9))  # noqa: DTZ001


def test_list_ids_have_a_phrase_and_a_name():
    assert headers.list_id("Käse", "digest.example.org") == "List-Id: =?utf-8?b?S8Okc2U=?= <digest.example.org>\r\n"
    assert headers.list_id("", "digest.example.org") == "List-Id: <digest.example.org>\r\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nBcc: b", "a Bcc: b"),
        ("a\0\x1b\x7f\x9fb", "ab"),
        ("a\u202eb\u202dc\u2066d\u2069\u200e\u200f", "abcd"),
        ("a\u2028b\x85c", "a b c"),
        ("\ud800a\ufeff\uffff", "a"),
        ("  a \t b\u00a0c ", "a b c"),
        ("👩‍👩‍👧 नमस्ते", "👩‍👩‍👧 नमस्ते"),
        ("x" * 200, "x" * 99 + "…"),
    ],
)
def test_names_are_cleaned(text, expected):
    assert header_text(text, 100) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://EXAMPLE.org:8443/a?b=c#d", "https://example.org:8443/a?b=c#d"),
        ("HTTPS://bücher.example", "https://xn--bcher-kva.example"),
        ("mailto:a@example.org?subject=ü", "mailto:a@example.org?subject=%C3%BC"),
        ("https://[2001:db8::1]/x", "https://[2001:db8::1]/x"),
        ("https://example.org/100%", "https://example.org/100%25"),
        ("https://example.org/%C3%A4", "https://example.org/%C3%A4"),
        ("https://example.org/\r\n\0x", "https://example.org/%20x"),
        ("https://example.org:99999/", ""),
        ("mailto:nobody", ""),
        ("//example.org", ""),
        ("https://.../", ""),
    ],
)
def test_links_become_ascii_or_nothing(url, expected):
    assert ascii_url(url) == expected


@settings(max_examples=300, deadline=None)
@given(HOSTILE, st.sampled_from(["", "https://", "https://example.org/", "mailto:a@"]))
def test_no_link_breaks_out_of_its_attribute(text, start):
    url = ascii_url(start + text)
    assert url.isascii()
    assert not set(url) & set(' "<>\r\n\0`\\')


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("abc", 3, "abc"),
        ("one two three", 10, "one two…"),
        ("abcdefghijkl", 5, "abcd…"),
        ("one two, three", 9, "one two…"),
    ],
)
def test_cutting(text, most, expected):
    assert cut(text, most) == expected
