"""The short way of joining a letter leads to the same bytes as the long one, and all of them are clean."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.errors import AddressError, RenderError
from chalicelib.render.compiling import compile_notice
from chalicelib.render.letter import Letter, Reader, Segment, Slot
from chalicelib.render.notices import Kind, Notice, render_notice
from chalicelib.render.personal import mark, token
from chalicelib.render.quoted_printable import qp_value
from chalicelib.render.reader import encoded
from chalicelib.render.renderer import Rendered
from chalicelib.render.templates import templates_for
from tests.render.test_letter import LETTER, PERSONAL, READER, letter
from tests.render.test_personal_fields import ADDRESSES, NAMES
from tests.render.test_personal_fields import LETTER as WRITTEN
from tests.render.values import NEWSLETTER, site

LINKS = f'<a href="{token("unsubscribe_url")}">{token("preferences_url")}</a>'
NAMED = "{name|.}, {first_name|From us &}, {email}{name}{first_name|x=y} "
BODY = Rendered("News", f"<p>{mark(NAMED)}{LINKS}</p>", f"{mark(NAMED)}\n{token('name', '<b>')}. .\n{LINKS}\n", "")
EVERYTHING = letter(rendered=BODY)


def notice(kind: Kind) -> Letter:
    made = Notice(kind, (NEWSLETTER,), "en")
    rendered = render_notice(site(), made, templates=templates_for(site().root))
    return compile_notice(rendered, site=site(), notice=made)


LETTERS = {
    "edition": LETTER,
    "personal subject": PERSONAL,
    "all that editors write": WRITTEN,
    "names at every turn": EVERYTHING,
    "welcome": notice(Kind.WELCOME),
    "confirm": notice(Kind.CONFIRM),
}

PLAIN_NAMES = st.one_of(
    st.sampled_from(["", "Ada", "Ada Lovelace", "J. R. Smith", ".net", "From us", "From", "Fro", "Ada ", "a  b", "A,"]),
    st.from_regex(r"[A-Za-z.(_-]{1,12}( [A-Za-z./-]{1,12}){0,5}", fullmatch=True),
    st.integers(30, 80).map("n".__mul__),
)  # fmt: skip
PLAIN_ADDRESSES = st.one_of(
    st.just("ada@example.com"), st.from_regex(r"[a-z._+-]{1,30}@[a-z0-9.-]{1,30}", fullmatch=True)
)
URLS = st.one_of(
    st.integers(60, 260).map(lambda length: f"https://example.org/u/{'a' * length}"[:length]),
    st.builds("https://e/{:x>{}}".format, st.text("ab.-_", max_size=80), st.integers(60, 160)),
    st.sampled_from(["https://e/?a=1&b", "https://e/'", "http://e/", "https://", "https://e/,", "https://e/\r\nX", ""]),
    st.integers(895, 902).map(lambda length: "https://e/".ljust(length, "x")),
)  # fmt: skip
IDS = st.one_of(
    st.just("digest.2026-11-26.3.17.abcdefghij@example.org"),
    st.sampled_from(["<a.b@c>", "a@b@c", "a@", "@b", "a_b@c_d", "a/b@c", "a@[::1]", "a@b\r\nX: y", ".@.", "a@b.org\n"]),
    st.integers(240, 256).map(lambda length: "a@b".rjust(length, "i")),
)
READERS = st.builds(
    Reader,
    address=st.one_of(PLAIN_ADDRESSES, ADDRESSES),
    name=st.one_of(PLAIN_NAMES, NAMES),
    unsubscribe_url=st.one_of(st.just("https://example.org/u/x"), URLS),
    message_id=st.one_of(st.just("a.b@example.org"), IDS),
    date=st.sampled_from([READER.date, READER.date + timedelta(days=1), datetime(2026, 1, 1)]),  # noqa: DTZ001
    preferences_url=st.one_of(st.just("https://example.org/p/x"), URLS),
    confirm_url=URLS,
)


def said(make: Letter, reader: Reader, *, long: bool) -> bytes | None:
    """A message, or None where it is refused; the long way has each value from ``encoded``."""
    try:
        if not long:
            return make.personalise(reader)
        return b"".join(
            part.encode() if isinstance(part, str) else encoded([part], reader)[0] for part in make.segments
        )
    except (AddressError, RenderError):
        return None


def assert_clean(raw: bytes) -> None:
    assert raw.isascii()
    assert b"\0" not in raw
    assert raw.endswith(b"\r\n")
    lines = raw.split(b"\r\n")
    assert not any(line.startswith(b".") or b"\r" in line or b"\n" in line for line in lines)
    assert max(map(len, lines)) <= 998


@settings(max_examples=150, deadline=None)
@given(READERS, st.sampled_from(list(LETTERS)))
def test_the_short_way_makes_what_the_long_one_makes_and_both_are_clean(reader: Reader, which: str) -> None:
    raw, expected = (said(LETTERS[which], reader, long=long) for long in (False, True))
    assert raw == expected
    if raw is not None:
        assert_clean(raw)


@pytest.mark.slow
@settings(max_examples=6_000, deadline=None)
@given(READERS, st.sampled_from(list(LETTERS)))
def test_thousands_of_hostile_readers(reader: Reader, which: str) -> None:
    raw, expected = (said(LETTERS[which], reader, long=long) for long in (False, True))
    assert raw == expected
    if raw is not None:
        assert_clean(raw)


NAMES_AT_EDGES = [
    *("n" * length for length in (1, 45, 51, 52, 53)),
    "",
    "Ada B. Example",
    "Zoë",
    ",",
    "Example,",
    "O'Neill",
]
NAMES_AT_EDGES += ['"Ada"', "a\nb", "\u200e", ".net", "From us", "A .b"]
ADDRESSES_AT_EDGES = ["ada@example.com", "o'neill@example.com", "a=b@example.com", "ada@bücher.example"]
LINKS_AT_EDGES = ["https://example.org/u/" + "x" * length for length in (1, 50, 51, 52, 123, 124, 125, 200)]
LINKS_AT_EDGES += [f"https://example.org/u/{'x' * 51}{rest}" for rest in (".x", "." * 80)] + ["https://e/?a=b&c"]
ORDINARY = [
    replace(READER, name=name, address=address, unsubscribe_url=leave, preferences_url=choose)
    for name, address, leave, choose in product(
        NAMES_AT_EDGES, ADDRESSES_AT_EDGES, LINKS_AT_EDGES, ["", "https://example.org/p/" + "x" * 124 + ".a"]
    )
]


def test_at_each_length_that_matters() -> None:
    for reader in ORDINARY:
        raw = said(EVERYTHING, reader, long=False)
        assert raw == said(EVERYTHING, reader, long=True)
        assert raw is not None
        assert_clean(raw)


@pytest.mark.parametrize(
    "text", [".", "..", ". x", "x" * 73 + ".", "x" * 73 + "From y", "ä" * 12 + "x." * 90, "From x"]
)
def test_a_piece_of_a_value_that_begins_a_line_has_no_bare_dot(text: str) -> None:
    import quopri

    value = qp_value(text)
    assert not any(line.startswith((b".", b"From ")) for line in value.split(b"\r\n"))
    assert max(map(len, value.split(b"\r\n"))) <= 76
    assert quopri.decodestring(value).decode() == text


@given(st.text(alphabet="ab.=ä F\n", max_size=300), st.text(alphabet="ab.=ä F", max_size=200))
@settings(deadline=None)
@example("x\n", ".")
def test_any_text_before_and_behind_any_name_is_clean(text: str, name: str) -> None:
    made = letter(rendered=Rendered("s", f"<p>{text}{token('name')}{text}</p>", f"{text}{token('name')}{text}\n", ""))
    assert_clean(made.personalise(replace(READER, name=name)))


TO = Slot("to", "header")


@pytest.mark.parametrize(
    "segments",
    [
        (TO, "\r\n.hidden\r\n"),
        (".", TO, "\r\n\r\n"),
        (TO, ".x\r\n"),
        (TO, "X: y\r\n\r\n", Slot("name", "text"), ".\r\n"),
        (TO, "\r\nno end"),
        (TO, "\r\na\nb\r\n"),
        (TO, "\r\na\rb\r\n"),
        (TO, "\r\nä\r\n"),
        (TO, "\r\n\0\r\n"),
    ],
)
def test_what_would_not_be_clean_is_no_letter(segments: tuple[Segment, ...]) -> None:
    with pytest.raises(RenderError, match="can't go out"):
        Letter("a/1", "b", segments)


IDS_AT_EDGES = [
    "a@b",
    "<a@b>",
    "a@b_c",
    "a@b@c",
    "@b",
    "a@",
    "a b@c",
    *("a@b".rjust(length, "i") for length in (250, 251)),
]


@pytest.mark.parametrize("identifier", IDS_AT_EDGES)
def test_a_message_id_is_taken_or_refused_on_either_way(identifier: str) -> None:
    reader = replace(READER, message_id=identifier, unsubscribe_url="https://example.org/u/x")
    assert said(EVERYTHING, reader, long=False) == said(EVERYTHING, reader, long=True)


def test_what_a_letter_has_no_place_for_is_not_looked_at() -> None:
    reader = replace(READER, name="Zoë, ", preferences_url="https://e/?a=b", confirm_url="javascript:x")
    assert EVERYTHING.personalise(reader)
    with pytest.raises(RenderError):
        LETTERS["confirm"].personalise(reader)


def test_letters_of_few_slots_are_joined_too() -> None:
    assert Letter("a/1", "b", ("x\r\n",)).personalise(READER) == b"x\r\n"
    assert Letter("a/1", "b", (TO, "\r\nx\r\n")).personalise(READER).startswith(b'To: "Ada Example" <ada@example.com>')
    assert Letter("a/1", "b", (TO, TO, TO)).personalise(replace(READER, name="")) == b"To: ada@example.com\r\n" * 3


def test_each_date_is_its_own_however_readers_share_it() -> None:
    moments = [datetime(2026, 11, 26, hour, tzinfo=UTC) for hour in (9, 9, 10)]
    moments += [datetime(2026, 11, 26, 10, tzinfo=timezone(timedelta(hours=1))), moments[0]]
    dates = [
        EVERYTHING.personalise(replace(READER, date=moment)).partition(b"\r\nDate: ")[2][:31] for moment in moments
    ]
    assert dates == [
        b"Thu, 26 Nov 2026 09:00:00 +0000",
        b"Thu, 26 Nov 2026 09:00:00 +0000",
        b"Thu, 26 Nov 2026 10:00:00 +0000",
        b"Thu, 26 Nov 2026 10:00:00 +0100",
        b"Thu, 26 Nov 2026 09:00:00 +0000",
    ]


@pytest.mark.parametrize("piece", ["A ", ".", "a.", "A. ", "(", "\u200e", "=", "From "])
def test_values_of_a_hundred_thousand_pieces_take_no_time(piece: str) -> None:
    long = piece * 100_000
    for changes in (
        {"name": long},
        {"address": f"{long}@e"},
        {"unsubscribe_url": f"https://{long} "},
        {"message_id": long},
    ):
        said(EVERYTHING, replace(READER, **changes), long=False)
