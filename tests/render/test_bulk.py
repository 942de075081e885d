"""A letter as a template with values: whatever the engine, what a reader sees is what the whole message says."""

import html
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.content.values import Sender
from chalicelib.errors import AddressError, RenderError
from chalicelib.render.bulk import MAX_TO, BulkLetter, bulk_letter
from chalicelib.render.compiling import compile_letter
from chalicelib.render.letter import Letter, Reader, Slot
from chalicelib.render.rendered import CalendarPart, Rendered
from chalicelib.render.renderer import render
from chalicelib.render.templates import templates_for
from chalicelib.render.variants import variant_for
from chalicelib.transports import BulkPart
from tests.fake_ses import rendered
from tests.render.test_headers import HOSTILE
from tests.render.values import NEWSLETTER, content, entry, site

READER = Reader(
    "ada@example.com",
    "Ada Example",
    "https://news.example.org/u/eyJzIjoiMSJ9.a-b_c",
    "digest.2026-11-26.0.17.abcdefghij@example.org",
    datetime(2026, 11, 26, 9, tzinfo=UTC),
    "https://news.example.org/p/eyJzIjoiMSJ9.d-e_f",
)
EDITION = content(
    *(entry(n) for n in range(3)),
    intro_html={"en": "<p>Dear {name|friend}, from us.</p>", "de": "<p>Grüße, {first_name|Du}: {email}.</p>"},
)


def compiled(words: Rendered, calendar: CalendarPart | None = None, **changes: object) -> Letter:
    made = site(**changes)
    variant = variant_for(EDITION, made.languages, made.fallback, "en", None)
    assert variant
    return compile_letter(words, site=made, newsletter=NEWSLETTER, content=EDITION, variant=variant, calendar=calendar)


def of_the_edition(language: str, **changes: object) -> Letter:
    made = site(**changes)
    edition = replace(EDITION, subject={"de": "Für {name|Sie}: Neues – alles, was im November in der Gemeinschaft war"})
    variant = variant_for(edition, made.languages, made.fallback, language, None)
    assert variant
    words = render(made, NEWSLETTER, edition, variant, templates=templates_for(made.root))
    return compile_letter(words, site=made, newsletter=NEWSLETTER, content=edition, variant=variant)


def with_text(text: str, markup: str = "<p>x</p>", subject: str = "S") -> Letter:
    return compiled(Rendered(subject, markup, text, ""))


LETTERS = {language: of_the_edition(language) for language in ("en", "de")}
NAME = "\x02name:667269656e64\x03"
NAMELESS = "\x02name:\x03"
Engine = Callable[[str, Mapping[str, str]], str]


def _one_by_one(template: str, values: Mapping[str, str]) -> str:
    for key, value in values.items():
        template = template.replace("{{" + key + "}}", value)
    return template


def _handlebars_escape(value: str) -> str:
    return html.escape(value).replace("`", "&#x60;").replace("=", "&#x3D;")


def _handlebars(template: str, values: Mapping[str, str]) -> str:
    """With its reading of three braces and of a backslash, which it takes from the left."""

    def value(match: re.Match[str]) -> str:
        if match[0].startswith("\\"):
            return match[0][1:]
        return values[match[2]] if match[1] == "{{{" else _handlebars_escape(values[match[2]])

    return re.sub(r"\\?(\{\{\{?)([A-Za-z]+)\}\}\}?", value, template)


ENGINES: dict[str, Engine] = {
    "as its documents say": rendered,
    "escaping": lambda template, values: rendered(template, values, _handlebars_escape),
    "one by one": _one_by_one,
    "handlebars": _handlebars,
}


def parts(raw: bytes) -> tuple[EmailMessage, str, str]:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    texts = [part.get_payload(decode=True) for part in message.iter_parts()]
    assert all(isinstance(text, bytes) for text in texts)
    plain, markup = (text.decode() for text in texts if isinstance(text, bytes))
    return message, plain, markup


def assert_same(letter: Letter, part: BulkPart, reader: Reader) -> None:
    """Subject, text, HTML and headers of both ways are the same under each engine."""
    message, plain, markup = parts(letter.personalise(reader))
    values = json.loads(part.values)
    for engine in ENGINES.values():
        assert engine(part.template.text, values) == plain
        assert engine(part.template.html, values) == markup
        assert engine(part.template.subject, values) == str(message["Subject"])
    sent = dict(part.template.headers) | dict(part.headers)
    sent |= {"From": part.template.sender, "Reply-To": part.template.reply_to, "To": part.to}
    whole = {name: value for name, value in message.raw_items() if name not in OF_SES}
    assert {name: re.sub("\r\n(?=[ \t])", "", str(value)) for name, value in whole.items()} == sent


OF_SES = ("Date", "Message-ID", "MIME-Version", "Content-Type", "Subject")


def bulk(letter: Letter) -> BulkLetter:
    made = bulk_letter(letter)
    assert made is not None
    return made


@pytest.mark.parametrize("language", LETTERS)
@pytest.mark.parametrize(
    "name", ["Ada Example", "Example, Ada", "Zoë Ångström", "丁香", "", "  Ada   Example ", "x" * 150]
)
def test_an_edition_reads_alike_both_ways(language: str, name: str) -> None:
    reader = replace(READER, name=name)
    part = bulk(LETTERS[language]).part(reader)
    assert part is not None
    assert_same(LETTERS[language], part, reader)


def test_what_the_template_holds() -> None:
    template = bulk(LETTERS["de"]).template
    assert template.address == "news@example.org"
    assert template.reply_to == "team@example.org"
    assert len(template.headers) == 6
    assert re.findall(r"\{\{(.*?)\}\}", template.subject) == ["valuea"]
    assert set(re.findall(r"\{\{(.*?)\}\}", template.html)) == {"valueb", "valuec", "valued", "valuee"}


def test_all_readers_share_one_template() -> None:
    made = bulk(LETTERS["en"])
    first, second = made.part(READER), made.part(replace(READER, name="Bob"))
    assert first
    assert second
    assert first.template is second.template


@pytest.mark.parametrize("character", "&<>\"'`={}\\$")
def test_a_value_that_an_engine_might_touch_goes_the_other_way(character: str) -> None:
    assert bulk(LETTERS["en"]).part(replace(READER, name=f"A{character}B")) is None


def test_a_value_that_stands_in_no_text_is_free() -> None:
    letter = with_text("for all\n")
    reader = replace(READER, name='Ada "the" O\'Neil & {{sons}}')
    part = bulk(letter).part(reader)
    assert part is not None
    assert_same(letter, part, reader)


def test_an_empty_value_goes_the_other_way() -> None:
    assert bulk(with_text(f"Hello {NAMELESS}!\n")).part(replace(READER, name="")) is None


def test_a_subject_with_blanks_around_no_name_goes_the_other_way() -> None:
    made = bulk(with_text("x\n", subject=f"Hello {NAMELESS} there"))
    assert made.part(READER) is not None
    assert made.part(replace(READER, name="")) is None


def test_a_link_with_a_query_goes_the_other_way() -> None:
    assert bulk(LETTERS["en"]).part(replace(READER, preferences_url="https://x.example/p?a=1&b=2")) is None


def test_a_long_name_goes_the_other_way() -> None:
    made = bulk(with_text("x\n"))
    short, long = (made.part(replace(READER, name="名" * count)) for count in (30, 90))
    assert short is not None
    assert len(short.to) <= MAX_TO
    assert long is None


def test_a_link_to_leave_too_long_for_a_header_of_the_provider_goes_the_other_way() -> None:
    made = bulk(with_text("x\n"))
    link = "https://x.example/u/".ljust(996 - len("List-Unsubscribe") - len("<>"), "a")
    assert made.part(replace(READER, unsubscribe_url=link)) is not None
    assert made.part(replace(READER, unsubscribe_url=link + "a")) is None


@pytest.mark.parametrize(
    "text",
    [
        "A {{template}} stands here.\n",
        "GitHub's ${{ secrets.X }}\n",
        f"{{{NAME}}} in braces\n",
        f"a backslash\\{NAME}\n",
        f"{NAME}}} behind\n",
    ],
)
def test_text_that_reads_like_a_template_is_none(text: str) -> None:
    assert bulk_letter(with_text(text)) is None
    assert bulk_letter(with_text("x\n", markup=f"<p>{text}</p>")) is None
    assert bulk_letter(with_text("x\n", subject=text.strip())) is None


@pytest.mark.parametrize("text", ["{ one } brace\n", "}} alone\n", "\\ alone \\{\n", f"{{ {NAME} }}\n"])
def test_single_braces_are_only_that(text: str) -> None:
    letter = with_text(text)
    part = bulk(letter).part(READER)
    assert part is not None
    assert_same(letter, part, READER)


def test_a_letter_with_a_calendar_is_none() -> None:
    calendar = CalendarPart("PUBLISH", "event.ics", ("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",))
    assert bulk_letter(compiled(Rendered("S", "<p>x</p>", "x\n", ""), calendar)) is None


def test_a_header_that_a_provider_would_not_take_makes_it_none() -> None:
    letter = with_text("x\n")
    for line in ("X-Long: " + "a" * 991, "X" * 127 + ": a", "X-Empty: "):
        grown = Letter(letter.edition, letter.variant, (f"{line}\r\n", *letter.segments))
        assert bulk_letter(grown) is None
    grown = Letter(letter.edition, letter.variant, ("X-Long: " + "a" * 990 + "\r\n", *letter.segments))
    assert bulk_letter(grown) is not None
    many = "".join(f"X-{n}: a\r\n" for n in range(9))
    assert bulk_letter(Letter(letter.edition, letter.variant, (many[8:], *letter.segments))) is not None
    assert bulk_letter(Letter(letter.edition, letter.variant, (many, *letter.segments))) is None


@pytest.mark.parametrize("subject", ["=?iso-8859-1?q?a?=", "=?nothing?q?a?=", "=?utf-8?b?a?=", "a  b", None])
def test_a_subject_that_is_not_of_our_making_makes_it_none(subject: str | None) -> None:
    letter = with_text("x\n")
    line = f"Subject: {subject}\r\n" if subject else ""
    changed = tuple(s.replace("Subject: S\r\n", line) if isinstance(s, str) else s for s in letter.segments)
    assert changed != letter.segments
    assert bulk_letter(Letter(letter.edition, letter.variant, changed)) is None


@pytest.mark.parametrize(
    "segments",
    [
        ("",),
        ("no letter at all",),
        ("\r\n\r\n\r\n",),
        ("Content-Type: text/plain\r\n\r\nx\r\n",),
        ('Content-Type: multipart/alternative; boundary="b"\r\n\r\n--b\r\nx\r\n--b\r\ny\r\n--b--\r\n',),
        ("Subject: x\r\n", Slot("attendee", "ics"), "\r\n\r\nx\r\n"),
    ],
)
def test_what_is_no_letter_of_ours_is_none(segments: tuple[str | Slot, ...]) -> None:
    try:
        letter = Letter("e", "v", segments)
    except RenderError:
        return
    assert bulk_letter(letter) is None


def test_a_sender_without_a_name_and_one_with_a_long_one() -> None:
    for name in ("", "Ein sehr langer Name mit Wörtern, der über mehrere Zeilen geht, weil er so lang ist"):
        letter = of_the_edition("en", sender=Sender({"*": name}, "news@example.org", ""))
        made = bulk(letter)
        assert made.template.address == "news@example.org"
        assert "\r" not in made.template.sender
        part = made.part(READER)
        assert part is not None
        assert part.template.reply_to == ""


@settings(max_examples=50)
@given(
    name=st.one_of(HOSTILE, st.text(alphabet="{}\\ aé'&=$<\x02\x03\u2028", max_size=12)),
    local=st.from_regex(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,12}", fullmatch=True),
)
def test_no_reader_however_hostile_reads_anything_else(name: str, local: str) -> None:
    reader = replace(READER, name=name, address=f"{local}@example.com")
    for letter in LETTERS.values():
        try:
            letter.personalise(reader)
        except (AddressError, RenderError):
            continue
        part = bulk(letter).part(reader)
        if part is not None:
            assert_same(letter, part, reader)


_PIECES = st.lists(
    st.sampled_from(["{", "}", "{{", "}}", "\\", "a", " ", "ä", "=", "=20", ".", "\n", "\t", "From ", NAME, NAMELESS]),
    max_size=14,
).map("".join)


@settings(max_examples=50)
@given(text=_PIECES, markup=_PIECES, subject=_PIECES)
def test_no_text_however_hostile_reads_otherwise(text: str, markup: str, subject: str) -> None:
    made = bulk_letter(letter := with_text(text, markup, subject.replace("\n", " ").strip() or "S"))
    part = made.part(READER) if made else None
    if part is not None:
        assert_same(letter, part, READER)


@pytest.mark.parametrize("piece", ["{", "}", "\\", "\x02", "=?", "\r\n ", "--", "<"])
def test_hostile_letters_take_linear_time(piece: str) -> None:
    letter = with_text("x\n")
    for segments in ((*letter.segments[:1], piece * 100_000, *letter.segments[1:]), (piece * 100_000,)):
        try:
            made = Letter("e", "v", (*segments, "\r\n"))
        except RenderError:
            continue
        bulk_letter(made)
    bulk_letter(with_text(piece * 100_000 + "\n"))
