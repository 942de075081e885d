"""Whoever mistypes an address hears what is wrong with it, in both languages and kindly."""

import pytest

from chalicelib.audience.address import CODES, parse_address
from chalicelib.audience.screening import screen
from chalicelib.errors import AddressError
from chalicelib.render.messages import Catalogue, load_catalogue
from chalicelib.render.templates import BUILT_IN
from chalicelib.web.address_words import address_message, finding_message, hint

WORDS: dict[str, Catalogue] = {tag: load_catalogue((BUILT_IN / "web", BUILT_IN), tag, "en") for tag in ("en", "de")}


@pytest.mark.parametrize("language", WORDS)
@pytest.mark.parametrize("code", CODES)
def test_every_code_has_words_of_its_own(language: str, code: str) -> None:
    said = {other: address_message(WORDS[language], AddressError("x", code=other)) for other in CODES}
    assert list(said.values()).count(said[code]) == 1
    assert 10 < len(said[code]) < 200
    assert said[code].endswith((".", "?"))
    assert said[code] != address_message(WORDS["de" if language == "en" else "en"], AddressError("x", code=code))


@pytest.mark.parametrize("code", CODES)
def test_german_readers_are_addressed_politely(code: str) -> None:
    words = set(address_message(WORDS["de"], AddressError("x", code=code)).lower().split())
    assert not words & {"du", "dein", "deine", "deiner", "dich", "dir", "gib", "tippe"}


def test_nothing_that_was_typed_is_echoed() -> None:
    for typed in ("<script>@example.org", "ada@exa mple.org", "ada@" + "x" * 500):
        with pytest.raises(AddressError) as caught:
            parse_address(typed)
        assert not any(part in address_message(WORDS["en"], caught.value) for part in ("script", "exa ", "xxx"))


def test_an_error_without_a_code_has_words_too() -> None:
    assert address_message(WORDS["en"], AddressError("x")) == WORDS["en"]("web.address.domain")


@pytest.mark.parametrize(
    ("address", "language", "words"),
    [
        ("ada@gmial.com", "en", "Did you mean ada@gmail.com?"),
        ("ada@gmial.com", "de", "Meinten Sie ada@gmail.com?"),
        ("info@gmial.com", "en", "Did you mean info@gmail.com?"),
        ("info@example.org", "de", "Das scheint die Adresse einer Stelle"),
        ("ada@xn--gmil-63d.com", "en", "for mail it is xn--gmil-63d.com"),
        ("ada@mailinator.com", "en", ""),
        ("ada@example.org", "en", ""),
    ],
)
def test_a_hint_stands_beside_the_field_where_it_helps(address: str, language: str, words: str) -> None:
    said = hint(WORDS[language], screen(address))
    assert words in said
    assert bool(words) == bool(said)


@pytest.mark.parametrize("language", WORDS)
def test_who_is_refused_hears_why(language: str) -> None:
    findings = screen("ada@mailinator.com", refuse_disposable=True, resolver=lambda _: False)
    for finding in findings:
        assert finding.refuses
        assert "mailinator.com" in finding_message(WORDS[language], finding)
