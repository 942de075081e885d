from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from chalicelib.errors import ConfigurationError, RenderError
from chalicelib.render.messages import Catalogue, load_catalogue
from chalicelib.render.templates import BUILT_IN

BERLIN = ZoneInfo("Europe/Berlin")
NBSP = "\u00a0"


def catalogue(language: str, *roots: Path) -> Catalogue:
    return load_catalogue((*roots, BUILT_IN), language, "en")


def said(text: str) -> str:
    return text.replace(NBSP, " ")


@pytest.mark.parametrize(("language", "expected"), [("en", "16 November 2026"), ("de", "16. November 2026")])
def test_dates_are_said_as_the_language_says_them(language, expected):
    assert said(catalogue(language).date(datetime(2026, 11, 16, tzinfo=UTC))) == expected


@pytest.mark.parametrize(
    ("language", "month", "expected"),
    [("en", 12, "3 December, 15:05 CET"), ("en", 7, "3 July, 16:05 CEST"), ("de", 12, "3. Dezember, 15:05 Uhr CET")],
)
def test_moments_are_told_in_the_zone_of_the_site(language, month, expected):
    assert said(catalogue(language).moment(datetime(2026, month, 3, 14, 5, tzinfo=UTC), BERLIN)) == expected


@pytest.mark.parametrize(
    ("starts", "ends", "all_day", "expected"),
    [
        ((2026, 12, 3, 14, 5), (2026, 12, 3, 15, 0), False, "Thursday, 3 December, 15:05–16:00 CET"),
        ((2026, 12, 3, 14, 5), None, False, "Thursday, 3 December, 15:05 CET"),
        ((2026, 12, 3, 14, 5), (2026, 12, 4, 1, 0), False, "3 December, 15:05 CET – 4 December, 02:00 CET"),
        ((2026, 12, 8, 23, 0), (2026, 12, 9, 23, 0), True, "Wednesday, 9 December"),
        ((2026, 12, 8, 23, 0), (2026, 12, 10, 23, 0), True, "9–10 December"),
        ((2026, 11, 29, 23, 0), (2026, 12, 1, 23, 0), True, "30 November – 1 December"),
        ((2026, 12, 8, 23, 0), None, True, "Wednesday, 9 December"),
    ],
)
def test_spans_say_days_and_times(starts, ends, all_day, expected):
    first = datetime(*starts, tzinfo=UTC)
    last = datetime(*ends, tzinfo=UTC) if ends else None
    assert said(catalogue("en").span(first, last, BERLIN, all_day=all_day)) == expected


def test_an_all_day_span_over_the_end_of_summer_time_has_no_day_too_many():
    first = datetime(2026, 10, 24, tzinfo=BERLIN)
    last = datetime(2026, 10, 26, tzinfo=BERLIN)
    assert said(catalogue("en").span(first, last, BERLIN, all_day=True)) == "24–25 October"


def test_zones_without_a_name_show_their_offset():
    assert said(catalogue("en").time(datetime(2026, 1, 1, tzinfo=UTC), ZoneInfo("Asia/Kathmandu"))) == "05:45 UTC+05:45"


@pytest.mark.parametrize(("number", "expected"), [(0, "due today"), (1, "one day left"), (5, "5 days left")])
def test_plurals(number, expected):
    assert catalogue("en").count("mail.days_left", number) == expected


def test_both_languages_have_the_same_keys_and_placeholders():
    en, de = catalogue("en"), catalogue("de")
    assert en.texts.keys() == de.texts.keys()
    for key, text in en.texts.items():
        if isinstance(text, str):
            assert {p.split("}")[0] for p in text.split("{")[1:]} == {
                p.split("}")[0] for p in de.texts[key].split("{")[1:]
            }, key
        else:
            assert len(text) == len(de.texts[key])


@pytest.mark.parametrize(
    ("language", "found"), [("de-AT", "de"), ("fr", "en"), ("../../etc/passwd", "en"), ("en", "en")]
)
def test_a_missing_language_falls_back(language, found):
    assert catalogue(language).language == found


def test_a_site_changes_single_messages(tmp_path):
    (tmp_path / "messages").mkdir()
    (tmp_path / "messages" / "de.yaml").write_text("mail:\n  read_on: Weiter\n")
    changed = catalogue("de", tmp_path)
    assert changed("mail.read_on") == "Weiter"
    assert changed("mail.imprint") == "Impressum"


def test_a_missing_key_is_an_error_that_names_the_file():
    with pytest.raises(RenderError, match=r"mail\.nothing.*templates/messages/de\.yaml"):
        catalogue("de")("mail.nothing")


def test_a_missing_placeholder_is_an_error():
    with pytest.raises(RenderError, match=r"mail\.number.*number"):
        catalogue("en")("mail.number")


@pytest.mark.parametrize("text", ["- a", "a: [", "a: \x00"])
def test_a_broken_file_is_a_configuration_error(tmp_path, text):
    (tmp_path / "messages").mkdir()
    (tmp_path / "messages" / "en.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"messages/en\.yaml"):
        catalogue("en", tmp_path)
