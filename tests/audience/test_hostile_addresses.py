"""Ten thousand addresses and names by people who mean harm: one kind of error, and what passes is fit for the wire."""

import random
import time
import unicodedata
from email import message_from_bytes, policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.audience.address import CODES, MAX_ADDRESS, MAX_LOCAL, MAX_NAME, clean_name, fold, parse_address
from chalicelib.errors import AddressError
from chalicelib.render import headers
from chalicelib.transports import Mail
from chalicelib.transports.envelope import envelope_problem

PIECES = [
    "ada", "Ada", "+tag",
    ".", "..", "-", "_", "'", '"', "\\", "@", "@@", "＠", "example", ".org", "example.org", "xn--",
    "xn--bcher-kva", "bücher", "例え", "。", "．", "[", "]",
    "127.0.0.1", "[IPv6:::1]", "<", ">", "(", ")", ",", ";", ":",
    " ", "\t", "\r\n", "\r\nBcc: eve@example.com", "\n.\r\nMAIL FROM:<eve@example.com>", "\0", "\x7f", "\x85", "\u2028",
    "\u200b", "\u200d", "\u202e", "\u2066", "\ufeff", "\ud800", "\udfff", "é", "e\u0301", "аda", "ﬁ", "Ａ", "😀", "%00",
    "%0d%0a", "=?utf-8?q?x?=", "!", "#", "$", "&", "*", "/", "=", "?", "^", "`", "{", "|", "}", "~",
    "a" * 64, "b" * 200,
    "mailto:", "smtp://", "' OR 1=1--", "<script>", "{{7*7}}", "${x}", "../..", "K", "ß", "İ", "ı",
]  # fmt: skip


def drawn(seed: int, most: int = 8) -> str:
    choice = random.Random(seed)
    return "".join(choice.choices(PIECES, k=choice.randint(0, most)))


def aimed(seed: int) -> str:
    """A text in the shape of an address, so that many pass."""
    choice = random.Random(seed)
    local = "".join(choice.choices([*PIECES, "ada", "b", "c1", "+x"], k=choice.randint(1, 3)))
    return f"{local}@{choice.choice(['', 'mail.', 'bücher.', '例え.', 'x-'])}{choice.choice(PIECES)}example.org"


def read(text: str) -> tuple[str, str]:
    """The address and '', or '' and the code of what is wrong with it."""
    try:
        return parse_address(text), ""
    except AddressError as error:
        problem = error
    assert problem.code in CODES
    assert str(problem).isprintable()
    return "", problem.code


def fit(address: str) -> None:
    """An address that may go out: in an envelope, in a header, and through here again."""
    local, _, domain = address.rpartition("@")
    assert address.isascii()
    assert address.isprintable()
    assert not set(address) & set(' "<>(),;:\\[]')
    assert 1 <= len(local) <= MAX_LOCAL
    assert len(address) <= MAX_ADDRESS
    assert "." in domain
    assert domain == domain.lower()
    assert envelope_problem(Mail("a@example.org", address, b"")) == ""
    assert headers.addr_spec(address) == address
    assert parse_address(address) == address
    assert parse_address(f"  {address}\u200b\n") == address
    assert fold(address) == fold(address.upper())


def test_ten_thousand_hostile_texts_are_refused_with_a_code_or_fit_for_the_wire() -> None:
    passed, seen = 0, set[str]()
    for seed in range(5000):
        for text in (drawn(seed), aimed(seed)):
            address, code = read(text)
            seen.add(code)
            if address:
                passed += 1
                fit(address)
    assert passed > 200
    assert seen == {*CODES, ""}


def test_what_passes_is_read_from_a_header_by_another_parser_as_it_was() -> None:
    checked = 0
    for seed in range(2000):
        address, _ = read(aimed(seed))
        if not address:
            continue
        checked += 1
        name = clean_name(drawn(seed))
        message = message_from_bytes(headers.mailbox("To", name, address).encode() + b"\r\n", policy=policy.default)
        assert message.keys() == ["To"]
        (found,) = message["To"].addresses
        assert found.addr_spec == address
    assert checked > 50


@given(st.text(max_size=60) | st.from_regex(r"[\w.+'!#-]{1,20}@([\w-]{1,20}\.){1,3}[a-z]{2,8}", fullmatch=True))
@settings(max_examples=40, deadline=None)
def test_any_text_is_refused_with_a_code_or_fit_for_the_wire(text: str) -> None:
    address, _ = read(text)
    if address:
        fit(address)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "empty"),
        (" \t\u200b", "empty"),
        ("ada", "no-at"),
        ("ada＠example.org", "no-at"),
        ("ada at example.org", "no-at"),
        ("Ada <ada@example.org>", "name"),
        ('"a b"@example.org', "quoted"),
        ("ada@example.org, eve@example.org", "several"),
        ("ada@b@example.org", "several"),
        ("ada @example.org", "blank"),
        ("ada@example .org", "blank"),
        ("ada@example.org\r\nBcc:x", "blank"),
        ("ada\u00a0@example.org", "blank"),
        ("@example.org", "no-local"),
        ("ädä@example.org", "local-not-ascii"),
        ("a\u200bda@example.org", "local-not-ascii"),
        ("ada(x)@example.org", "local"),
        ("a,da@example.org", "local"),
        ("=?utf-8?q?eve?=@example.org", "local"),
        ("mailto:ada@example.org", "local"),
        ("ada\0@example.org", "local"),
        ("ada..x@example.org", "double-dot"),
        ("ada@example..org", "double-dot"),
        ("ada@example。。org", "double-dot"),
        (".ada@example.org", "dot-at-edge"),
        ("ada.@example.org", "dot-at-edge"),
        ("ada@.example.org", "dot-at-edge"),
        ("ada@example.org.", "dot-at-edge"),
        ("ada@", "no-domain"),
        ("ada@127.0.0.1", "number"),
        ("ada@[127.0.0.1]", "number"),
        ("ada@[IPv6:::1]", "number"),
        ("ada@localhost", "no-dot"),
        ("ada@-example.org", "domain"),
        ("ada@exam_ple.org", "domain"),
        ("ada@example.org,", "domain"),
        ("ada@xn--0.org", "domain"),
        ("ada@exa\u202emple.org", "domain"),
        ("a" * 65 + "@example.org", "too-long"),
        ("a" * 64 + "@" + ".".join(["b" * 60] * 3) + ".example", "too-long"),
        ("a@" + ".".join(["ü" * 40] * 4) + ".org", "domain"),
        ("x" * 100_000, "too-long"),
        ("@" * 100_000, "too-long"),
    ],
)
def test_each_mistake_has_its_code(typed: str, code: str) -> None:
    assert read(typed) == ("", code)


def test_the_longest_address_is_one() -> None:
    address = "a" * 64 + "@" + ".".join(["b" * 60] * 3) + ".exampl"
    assert read(address) == (address, "")
    assert len(address) == MAX_ADDRESS
    typed = "a" * 64 + "@" + "ü." * 25 + "org"
    assert read(typed) == ("", "too-long"), "as it goes to the DNS, not as it is typed"
    assert len(read(typed[:1] + typed[64:])[0]) > 200


@pytest.mark.parametrize("piece", PIECES)
def test_nothing_takes_long_however_often_it_stands_there(piece: str) -> None:
    started = time.monotonic()
    for text in (piece * 100_000, f"a{piece * 300}@example.org", f"a@{piece * 300}.org"):
        address, _ = read(text)
        if address:
            fit(address)
        clean_name(text)
    assert time.monotonic() - started < 60, "a hang guard, no measure"


@pytest.mark.parametrize(
    "nothing",
    ["", " ", "\u200b", "\u200b\u200d\ufeff", "\u202e\u202c", "\u0301\u0301", "\ufe0f", "\u3164", "\u115f\u1160",
     "\u2800",
     "\U000e0041", "\r\n\0", "\u00ad", "\u061c", "\u2060 \u2063", "\ud800", "\u00a0\u3000"],
)  # fmt: skip
def test_what_shows_nothing_is_no_name(nothing: str) -> None:
    assert clean_name(nothing) == ""


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("👩‍💻", "👩‍💻"),
        ("Ada 👩🏽‍💻 Lovelace", "Ada 👩🏽‍💻 Lovelace"),
        ("👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦"),
        ("❤️", "❤️"),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"),
        ("علی\u200cرضا", "علی\u200cرضا"),
        ("क्\u200dष", "क्\u200dष"),
        ("A\u200bda", "Ada"),
        ("A\u200dda", "Ada"),
        ("Ada\u200d", "Ada"),
        ("\u202eadA", "adA"),
        ("\u2066Ada\u2069", "Ada"),
        ("\u061cAda\u200f", "Ada"),
        ("Ada\r\nBcc: eve@example.com", "Ada Bcc: eve@example.com"),
        ("Ada\x00\x1bLovelace", "Ada Lovelace"),
        ("e\u0301", "é"),
        ("é\u200d x", "é x"),
        ("So\u00adphie", "Sophie"),
        ("  Ada \t Lovelace ", "Ada Lovelace"),
        ("x" * 200, "x" * 100),
        ("\u202e" * 500 + "Ada", "Ada"),
        ("é\u200d" * 100_000, ("é\u200d" * 50)[:99]),
    ],
)
def test_names_keep_what_shows_and_what_joins_it(typed: str, name: str) -> None:
    assert clean_name(typed) == name


def test_ten_thousand_hostile_names_are_one_clean_line_each() -> None:
    kept = 0
    for seed in range(10_000):
        name = clean_name(drawn(seed, 12))
        kept += bool(name)
        assert len(name) <= MAX_NAME
        assert name == clean_name(name) == unicodedata.normalize("NFC", name)
        assert not any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in name)
        assert not any(unicodedata.bidirectional(c) in {"RLE", "LRE", "RLO", "LRO", "PDF", "RLI", "LRI"} for c in name)
    assert kept > 9000


@given(st.text(max_size=120))
@settings(max_examples=50, deadline=None)
def test_a_clean_name_is_clean(text: str) -> None:
    name = clean_name(text)
    assert name == clean_name(name)
    assert name.encode("utf-8").decode() == name
    assert not name or any(unicodedata.category(c)[0] in "LNPS" for c in name)
