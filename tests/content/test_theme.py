"""content/theme.yaml: read, refused where it could break a style sheet, and checked for contrast."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.content.contrast import AA, ratio, readable
from chalicelib.content.load import load_site
from chalicelib.content.values import Problem, Theme
from tests.sites import SITE

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def load(root: Path, theme: str, site: str = SITE) -> tuple[Theme | None, list[Problem]]:
    (root / "content").mkdir(exist_ok=True)
    (root / "content" / "site.yaml").write_text(site)
    (root / "content" / "theme.yaml").write_text(theme)
    loaded = load_site(root)
    return (loaded.site.theme if loaded.site else None), [p for p in loaded.problems if "newsletter" not in p.message]


def test_the_usual_theme_can_be_read_in_light_and_dark(tmp_path: Path) -> None:
    theme, problems = load(tmp_path, "radius: 6\n")
    assert theme == Theme()
    assert problems == []


def test_every_key_is_taken(tmp_path: Path) -> None:
    written = "accent: '#0A6B74'\naccent_dark: '#6fd3d6'\npaper: '#fffefa'\nradius: 0\nlogo: images/logo.png\n"
    theme, problems = load(tmp_path, written + "logo_alt: Ours\nlogo_width: 200\ncode_font: Menlo, monospace\n")
    assert problems == []
    assert theme is not None
    assert (theme.accent, theme.paper, theme.radius) == ("#0a6b74", "#fffefa", 0)
    assert (theme.logo, theme.logo_width, theme.code_font) == ("media/images/logo.png", 200, "Menlo, monospace")


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("accent: red", "no colour"),
        ("accent: '#12345'", "no colour"),
        ("text_font: 'x;} body{display:none'", "no list of fonts"),
        ("radius: 99", "at most 30"),
        ("radius: -1", "no radius"),
        ("logo_width: 5000", "at most 552"),
        ("logo: ../secret.png", "leads out of content/"),
        ("logo: javascript:alert(1)", "no web address"),
        ("logo: //example.org/x.png", "no web address"),
        ("acent: '#123456'", "did you mean 'accent'?"),
        ("- accent", "expected 'key: value' lines"),
    ],
)
def test_what_is_no_theme_is_named_with_its_line(tmp_path: Path, line: str, word: str) -> None:
    theme, problems = load(tmp_path, f"# ours\n{line}\n")
    assert theme is None
    assert [(p.file, p.line) for p in problems] == [("content/theme.yaml", 2)]
    assert word in problems[0].message


def test_poor_contrast_is_named_with_a_shade_that_would_do_and_stops_nothing(tmp_path: Path) -> None:
    theme, problems = load(tmp_path, "note: '#888888'\naccent: '#ff8800'\npaper_dark: '#555555'\n")
    assert theme is not None
    assert theme.accent == "#ff8800"
    assert {(p.line, p.code) for p in problems} == {(1, "contrast"), (2, "contrast"), (3, "contrast")}
    accent = next(p for p in problems if p.line == 2)
    assert "2.4:1" in accent.message
    assert ratio(accent.message.rpartition("'")[0].rpartition("'")[2], "#ffffff") >= AA


def test_a_theme_in_two_places_is_an_error(tmp_path: Path) -> None:
    _, problems = load(tmp_path, "radius: 3\n", SITE + "theme: {radius: 4}\n")
    assert [(p.file, p.code) for p in problems] == [("content/site.yaml", "duplicate-name")]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48), ("#ff0000", "#0000ff", 2.15)],
)
def test_the_ratio_is_that_of_wcag(one: str, other: str, expected: float) -> None:
    assert ratio(one, other) == ratio(other, one) == pytest.approx(expected, abs=0.01)


@given(COLOURS, COLOURS)
def test_a_readable_shade_is_found_for_every_pair(colour: str, background: str) -> None:
    found = readable(colour, background)
    assert ratio(found, background) >= AA
    assert (found == colour) == (ratio(colour, background) >= AA)
