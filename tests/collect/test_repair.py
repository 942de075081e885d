"""Mojibake is put right, and nothing else is touched."""

import subprocess
import sys
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.collect.repair import MAX_CHARS, repaired

WORDS = [
    "Größe", "Straße", "Überblick", "ÄRGER", "MÜLLER", "„Zitat“", "‚so‘", "»hier«",
    "„Äpfel“", "über…", "Maß–", "§ 5", "10 €", "Café", "déjà", "vu", "œuvre", "«", "»",
    "l’été", "À", "NOËL", "Ça", "“quoted”", "don’t", "ﬁne", "½", "³", "ŁÓDŹ", "zażółć",
    "gęślą", "jaźń", "„Ośmiornica”", "日本語", "中文。", "「引用」", "한국어", "ｗｉｄｅ", "😀", "👩‍💻",
    "🇩🇪", "é́", "São", "NÃO", "AÇÃO", "coração", "Ñandú", "¿Qué?", "Åse", "Ærø", "ÅÄÖ",
    "привет", "Ελλάδα", "שלום", "مرحبا", "√2", "x≈y", "5 × 5", "±1", "°C", "©", "®",
    "™", "…", "–", "—", "a b", "µs", "<b>", "&amp;", "\n", "٣", "Tiếng", "Việt",
    "Çağrı", "İstanbul", "naïve",
]  # fmt: skip
GERMAN = "Größe Straße Überblick ÄRGER Maß schön für später Mädchen Café".split()  # noqa: SIM905


@settings(max_examples=1000, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=12), st.sampled_from([" ", ", ", ". ", " – ", "\n"]))
def test_a_text_in_order_stays_as_it_is(words: list[str], between: str) -> None:
    text = between.join(words)
    assert repaired(text) == text


@pytest.mark.parametrize(("encoding", "times"), [("mac_roman", 1), *product(["cp1252", "latin-1"], [1, 2, 3])])
def test_a_broken_word_is_put_right(encoding: str, times: int) -> None:
    for word in ["Loßack", *GERMAN]:
        text = word
        for _ in range(times):
            text = text.encode().decode(encoding, "strict" if encoding != "cp1252" else "replace")
        if "�" not in text:
            assert repaired(text) == word, text


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=5), st.sampled_from(GERMAN), st.sampled_from(["mac_roman", "latin-1"]))
@example(["Maß–", "MAẞ", "ÜBER", "Ü“"], "Größe", "latin-1")
def test_a_broken_word_among_others_is_put_right_alone(words: list[str], broken: str, encoding: str) -> None:
    before = " ".join(words)
    assert repaired(f"{before} {broken.encode().decode(encoding)} {before}") == f"{before} {broken} {before}"


@pytest.mark.parametrize(
    ("broken", "meant"),
    [
        ("Lo√üack", "Loßack"),
        ("fÃ¼r alle", "für alle"),
        ("Ã¢â‚¬â„¢", "’"),
        ("â€œQuotesâ€\x9d", "“Quotes”"),
        ("ðŸ˜€", "😀"),
        ("æ—¥æœ¬èªž", "日本語"),
        ("ZaÅ¼Ã³Å‚Ä‡", "Zażółć"),
        ("voilÃ le travail", "voilà le travail"),
        ("<p>GrÃ¶ÃŸe</p> und <a href='x'>Lo√üack</a> 😀", "<p>Größe</p> und <a href='x'>Loßack</a> 😀"),
        ("Sch�n", "Sch�n"),
        ("", ""),
    ],
)
def test_cases(broken: str, meant: str) -> None:
    assert repaired(broken) == meant


def test_a_text_too_long_is_left_alone() -> None:
    text = "Ã¶" * MAX_CHARS
    assert repaired(text) is text


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", ["Ã", "√", "Â ", "â€", "Ã¶ 😀 ", "\x80", "Ã¶", "ãƒ", "<&>√ü😀"])
def test_hostile_texts_end(piece: str) -> None:
    repaired(piece * (MAX_CHARS // len(piece)))


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_any_text(text: str) -> None:
    repaired(text)


def test_the_library_is_loaded_only_where_a_text_looks_broken() -> None:
    code = (
        "import sys; from chalicelib.collect.repair import repaired;"
        "repaired('Größe, „Zitat“, déjà vu – 5 € 😀'); assert 'ftfy' not in sys.modules;"
        "repaired('GrÃ¶ÃŸe'); assert 'ftfy' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
