"""Thousands of hostile names, and what a mail makes of them: in HTML, in links, in the subject, in plain text."""

from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.render import headers
from chalicelib.render.html import mail_html
from chalicelib.render.personal import first_name, mark
from chalicelib.render.plain import LinkList, to_plain
from chalicelib.render.renderer import Rendered
from chalicelib.render.text import header_text
from tests.render.test_headers import HOSTILE, decoded_name
from tests.render.test_letter import ORDER, READER, letter

WRITTEN = (
    "<p>Dear {name|friend}, or {first_name|you}, at {email}: "
    '<a href="https://example.org/r?n={name|friend}&amp;f={first_name|you}&amp;e={email}&amp;end=1">go</a>.</p>'
)
SUBJECT = "News for {name|friend} or {first_name|you} at {email}"


def written() -> Rendered:
    """What editors wrote, as their texts are rendered."""
    links = LinkList()
    text = to_plain(WRITTEN, links, personal=True)
    html = f"<html><body>{mail_html(WRITTEN, personal=True)}</body></html>"
    return Rendered(mark(SUBJECT), html, f"{text}\n{links.urls[0]}\n", "")


LETTER = letter(rendered=written())
PIECES = (
    "\r\nBcc: all@example.org\r\n\r\n", "\0", "\x02name:\x03", "\x02unsubscribe_url:\x03", "\x1b[31m", "\x7f", "\x85",
    "\u2028", "\u2029", "\ufeff", "\u202egnp.exe", "\u2066", "\u200f", "\u200d", "\ud800", "\udfff", "\U000e0041",
    '"', "'", "''", "\\", "<", ">", "</p>", "<script>alert(1)</script>", "<!--", "-->", "]]>", "&amp;", "&lt", "&#x26;",
    "=?utf-8?b?QQ==?=", "=?utf-8?q?=0D=0ABcc:_x?=", "=?", "?=", "=", "=\r\n", "=0D=0A", "--=_sendbrief", ".", "From ",
    "{name|friend}", "{email}", "%7Bname%7D", "{{ name }}", "{% x %}", "%s", "%0d%0a", "%", "+", "/", "?", "#", "&e=x",
    ",", ", Ada", ";", ":", "@", "(", ")", "[", "]", "SLOT61TOLS", "مرحبا", "שלום", "李小龍", "a\u0301\u0302\u0303" * 9,
    "👩‍👩‍👧‍👦", "🇩🇪", "\U0001f600" * 60, "Ä" * 120, "x" * 3000, "word " * 400, " ", "\t", "\u3000", "\xa0", "", "Ada",
)  # fmt: skip
NAMES = st.one_of(HOSTILE, st.lists(st.one_of(st.sampled_from(PIECES), HOSTILE), max_size=8).map("".join))
LOCAL = r"[a-z!#$%&'*+/=?^_`{|}~-]{1,60}(\.[a-z&%+{}|]{1,3})?"
ADDRESSES = st.one_of(
    st.just("ada@example.com"),
    st.from_regex(
        r"[a-z!#$%&'*+/=?^_`{|}~-]{1,60}(\.[a-z&%+{}|]{1,3})?@([a-z0-9]{1,20}\.){1,3}example", fullmatch=True
    ),
    st.from_regex(r"[a-z]{1,8}@(bücher|例え|münchen)\.example", fullmatch=True),
)


class Page(HTMLParser):
    """The words of a page, its links, and how many elements it has."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.words, self.links = "", list[str]()
        self.tags: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.words += data


def parsed(raw: bytes) -> EmailMessage:
    assert raw.isascii()
    assert not set(raw) & {*range(9), 11, 12, *range(14, 32), 127}
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert not raw.replace(b"\r\n", b"").count(b"\n") + raw.replace(b"\r\n", b"").count(b"\r")
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert message.keys() == ORDER
    assert not message.defects
    return message


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    assert not part.defects
    return str(part.get_content())


def holds(name: str, address: str) -> None:
    """The mail of a reader says the cleaned values in each place, and nothing else of it differs."""
    raw = LETTER.personalise(replace(READER, name=name, address=address))
    message, cleaned = parsed(raw), header_text(name, headers.MAX_NAME)
    named, first = cleaned or "friend", first_name(cleaned) or "you"
    url = f"https://example.org/r?n={quote(named, '')}&f={quote(first, '')}&e={quote(address, '')}&end=1"
    said = f"Dear {named}, or {first}, at {address}: go"
    page = Page(body(message, "html"))
    assert page.words.strip() == f"{said}."
    assert page.tags == ["html", "body", "p", "a"]
    assert page.links == [url]
    assert parse_qsl(urlsplit(url).query, strict_parsing=True) == [
        ("n", named), ("f", first), ("e", address), ("end", "1"),
    ]  # fmt: skip
    assert body(message, "plain") == f"{said} [1].\r\n{url}\r\n"
    assert message["Subject"] == header_text(f"News for {named} or {first} at {address}")
    assert message["To"].addresses[0].addr_spec == headers.addr_spec(address)
    assert decoded_name(message_from_bytes(raw, policy=policy.compat32)["To"]) == cleaned


@settings(max_examples=300, deadline=None)
@given(NAMES, ADDRESSES)
@example("".join(PIECES), "ada@example.com")
@example("=?utf-8?q?a?= =?utf-8?q?b?=", "{email}@example.org")
def test_hostile_names_stand_as_they_were_cleaned_in_every_place(name: str, address: str) -> None:
    holds(name, address)


@pytest.mark.slow
@pytest.mark.timeout(600)
@settings(max_examples=10_000, deadline=None)
@given(NAMES, ADDRESSES)
def test_ten_thousand_hostile_names(name: str, address: str) -> None:
    holds(name, address)


@pytest.mark.parametrize("piece", PIECES, ids=range(len(PIECES)))
def test_each_piece_alone_repeated_and_around_a_name(piece: str) -> None:
    for name in (piece, piece * 20, f"{piece}Ada{piece}", f"Ada {piece} Lovelace"):
        holds(name, "ada@example.com")
