import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import escape

from chalicelib.content.values import Sender
from chalicelib.errors import AddressError, RenderError
from chalicelib.render.compiling import compile_letter
from chalicelib.render.letter import Letter, Reader
from chalicelib.render.quoted_printable import quoted_printable
from chalicelib.render.renderer import Rendered, render
from chalicelib.render.templates import templates_for
from chalicelib.render.text import header_text
from chalicelib.render.variants import variant_for
from tests.render.test_headers import HOSTILE, decoded_name
from tests.render.values import NEWSLETTER, content, entry, site

URL = "https://news.example.org/unsubscribe/" + "t0ken" * 20 + "?a=1&b=2"
READER = Reader("ada@example.com", "Ada Example", URL, "1.2@news.example.org", datetime(2026, 11, 26, 9, tzinfo=UTC))
EDITION = content(
    *(entry(n) for n in range(6)),
    intro_html={"en": "<p>Dear {name|friend}, from us.</p>", "de": "<p>Guten Tag {name|zusammen}.</p>"},
)
ORDER = [
    "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post",
    "List-Archive", "Auto-Submitted", "MIME-Version", "Content-Language", "X-Sendbrief-Edition", "Content-Type",
]  # fmt: skip


def letter(language: str = "en", rendered: Rendered | None = None, **changes: object) -> Letter:
    edition = replace(EDITION, subject=changes.pop("subject", {}))
    made = site(**changes)
    variant = variant_for(edition, made.languages, made.fallback, language, None)
    assert variant
    rendered = rendered or render(made, NEWSLETTER, edition, variant, templates=templates_for(made.root))
    return compile_letter(rendered, site=made, newsletter=NEWSLETTER, content=edition, variant=variant)


LETTER = letter()
SMALL = letter(
    rendered=Rendered(
        "Für \x02name:536965\x03: Neues",
        "<p>Guten Tag \x02name:7a7573616d6d656e\x03.</p>",
        "Guten Tag \x02name:7a7573616d6d656e\x03.\n",
        "",
    )
)
PERSONAL = letter("de", subject={"de": "Für {name|Sie}: Neues"})


def parsed(raw: bytes):
    """The message as the standard library reads it, after checks of its bytes."""
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]", raw)
    head, _, body = raw.partition(b"\r\n\r\n")
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert max(map(len, head.split(b"\r\n"))) <= 998
    message = message_from_bytes(raw, policy=policy.default)
    assert not message.defects
    return message


def test_a_letter_has_every_header_once_in_order():
    message = parsed(LETTER.personalise(READER))
    assert message.keys() == ORDER
    expected = {
        "From": "Open Example Cloud <news@example.org>",
        "To": "Ada Example <ada@example.com>",
        "Reply-To": "team@example.org",
        "Subject": "Community Digest, 26 November: Title 0",
        "Date": "Thu, 26 Nov 2026 09:00:00 +0000",
        "Message-ID": "<1.2@news.example.org>",
        "List-Id": '"Community Digest" <digest.news.example.org>',
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Archive": "<https://news.example.org/archive/digest/2026-11-26/en>",
        "Auto-Submitted": "auto-generated",
        "Content-Language": "en",
        "X-Sendbrief-Edition": "digest/2026-11-26",
    }
    assert {name: str(message[name]) for name in expected} == expected


def test_the_unsubscribe_url_is_neither_folded_nor_encoded():
    assert len(URL) > 76
    assert f"\r\nList-Unsubscribe: <{URL}>\r\n".encode() in LETTER.personalise(READER)


def test_text_comes_before_html_and_both_are_personal():
    message = parsed(LETTER.personalise(READER))
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.iter_parts()
    assert [text.get_content_type(), html.get_content_type()] == ["text/plain", "text/html"]
    assert "Dear Ada Example, from us." in text.get_content()
    assert f"] {URL}\r\n" in text.get_content()
    assert f'href="{escape(URL)}"' in html.get_content()
    assert "Dear Ada Example, from us." in html.get_content()


def test_a_reader_without_a_name_gets_the_fallback_and_a_bare_address():
    message = parsed(PERSONAL.personalise(replace(READER, name="")))
    assert message["Subject"] == "Für Sie: Neues"
    assert message["To"] == "ada@example.com"
    assert "Guten Tag zusammen." in message.get_body(("plain",)).get_content()


@settings(max_examples=200, deadline=None)
@given(HOSTILE)
def test_hostile_names_change_one_header_and_break_nothing(name):
    raw = SMALL.personalise(replace(READER, name=name))
    message = parsed(raw)
    cleaned = header_text(name, 100)
    assert message.keys() == ORDER
    assert message["To"].addresses[0].addr_spec == "ada@example.com"
    assert decoded_name(message_from_bytes(raw, policy=policy.compat32)["To"]) == cleaned
    assert message["Subject"] == header_text(f"Für {cleaned or 'Sie'}: Neues")
    text = message.get_body(("plain",)).get_content()
    html = message.get_body(("html",)).get_content()
    assert f"Guten Tag {cleaned or 'zusammen'}." in text
    assert f"Guten Tag {cleaned or 'zusammen'}.</p>" in unescape(html)
    assert not set("<>\"'") & set(html.strip().removeprefix("<p>Guten Tag ").removesuffix(".</p>"))


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><img src=x>', "&amp;"])
def test_names_are_escaped_in_html_and_plain_in_text(name):
    message = parsed(LETTER.personalise(replace(READER, name=name)))
    assert name in message.get_body(("plain",)).get_content()
    html = message.get_body(("html",)).get_content()
    assert f"Dear {escape(name)[:4]}" in html
    assert f"Dear {name}, from us.</p>" in unescape(html)


@pytest.mark.parametrize("changes", [{"address": "a\r\nBcc: b@example.org"}, {"address": "ä@example.org"}])
def test_a_bad_address_is_refused_for_this_reader_alone(changes):
    with pytest.raises(AddressError):
        LETTER.personalise(replace(READER, **changes))
    parsed(LETTER.personalise(READER))


@pytest.mark.parametrize(
    "changes",
    [
        {"unsubscribe_url": "javascript:x"},
        {"unsubscribe_url": ""},
        {"unsubscribe_url": "https://example.org/\r\nX: y"},
        {"message_id": "x\r\ny@example.org"},
        {"date": datetime(2026, 11, 26)},  # noqa: DTZ001
    ],
)
def test_values_that_can_not_stand_in_a_header_are_refused(changes):
    with pytest.raises(RenderError):
        LETTER.personalise(replace(READER, **changes))


def test_a_letter_survives_its_blob():
    blob = PERSONAL.to_bytes()
    assert json.loads(blob)["format"] == 1
    again = Letter.from_bytes(blob)
    assert again == PERSONAL
    assert again.personalise(READER) == PERSONAL.personalise(READER)
    assert (again.edition, again.variant) == ("digest/2026-11-26", PERSONAL.variant)


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"format":1}',
        b'{"format":99,"segments":[]}',
        b'{"format":1,"edition":"a","variant":"b","segments":[["name"]]}',
        b'{"format":1,"edition":"a","variant":"b","segments":[["name","sql",""]]}',
    ],
)
def test_a_blob_that_can_not_be_read_says_so(blob):
    with pytest.raises(RenderError, match="stored letter"):
        Letter.from_bytes(blob)


def test_two_compilations_are_identical():
    assert letter().to_bytes() == LETTER.to_bytes()


def test_hostile_settings_of_the_site_stay_in_their_headers():
    sender = Sender({"*": "Evil\r\nBcc: x@example.org"}, "news@bücher.example", None)
    message = parsed(letter(sender=sender, base_url="https://bücher.example/n/").personalise(READER))
    assert message["From"] == '"Evil Bcc: x@example.org" <news@xn--bcher-kva.example>'
    assert message["List-Id"].endswith("<digest.xn--bcher-kva.example>")
    assert message["List-Archive"] == "<https://xn--bcher-kva.example/n/archive/digest/2026-11-26/en>"
    assert "Reply-To" not in message


def test_an_unknown_personal_field_is_refused():
    with pytest.raises(RenderError, match="secret"):
        letter(rendered=Rendered("s", "<p>\x02secret:\x03</p>", "t\n", ""))


@pytest.mark.parametrize(
    "text", ["x" * 5000, "ä" * 3000, "a b " * 900, "=" * 500, ".\n.\nFrom me\n..", " \n\t\nx \n", "😀" * 200, ""]
)
def test_quoted_printable_comes_back_as_it_was(text):
    import quopri

    encoded = quoted_printable(text)
    lines = encoded.split("\r\n")
    assert max(map(len, lines)) <= 76
    assert not any(line.startswith((".", "From ")) or line.endswith((" ", "\t")) for line in lines)
    assert quopri.decodestring(encoded.encode()).decode().replace("\r\n", "\n") == text


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=400))
def test_any_text_comes_back_from_quoted_printable(text):
    import quopri

    encoded = quoted_printable(text)
    assert max(map(len, encoded.split("\r\n"))) <= 76
    assert quopri.decodestring(encoded.encode()).decode().replace("\r\n", "\n") == text


def test_a_worker_that_only_personalises_loads_no_template_engine():
    import subprocess
    import sys

    heavy = "{'jinja2', 'yaml', 'mjml', 'nh3', 'boto3', 'chalice', 'idna'}"
    code = f"import sys, chalicelib.render.letter; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_a_letter_of_another_format_is_refused_by_its_number():
    blob = LETTER.to_bytes().replace(b'"format":1', b'"format":2', 1)
    with pytest.raises(RenderError, match="has format 2, this version reads 1"):
        Letter.from_bytes(blob)
