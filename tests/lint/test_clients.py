"""What mail programs understand: the data set is dated and whole; what breaks a mail is told from what is plainer."""

import json
from datetime import date

import pytest

from chalicelib.lint.clients import BREAKS, DATA, client_report

RAW = json.loads(DATA.read_text("utf-8"))


def test_the_data_says_where_it_is_from_and_of_when() -> None:
    assert "caniemail" in RAW["source"]
    assert date.fromisoformat(RAW["date"]) <= date.today()  # noqa: DTZ011 (a day is enough)
    assert len(RAW["features"]) > 200


def test_every_feature_can_be_seen_and_someone_lacks_it() -> None:
    for slug, feature in RAW["features"].items():
        assert feature["seen"], slug
        assert set(feature["support"].values()) <= {"n", "a"}, slug
        assert set(feature["support"]) <= set(RAW["clients"]), slug


def test_all_that_breaks_a_mail_is_in_the_data() -> None:
    assert set(BREAKS) - set(RAW["features"]) == set()


@pytest.mark.parametrize(
    ("html", "feature", "breaks"),
    [
        ('<p style="display: flex">x</p>', "display:flex", True),
        ('<p style="display:FLEX !important">x</p>', "display:flex", True),
        ("<style>.a { position: absolute }</style>", "position", True),
        ("<style>@media print { .a { position: absolute } }</style>", "position", False),
        ('<p style="position:relative">x</p>', "position", None),
        ('<p style="width:calc(100% - 2px)">x</p>', "CSS calc() function", True),
        ('<p style="width:50vw">x</p>', "vw unit", True),
        ('<p style="color:var(--x)">x</p>', "CSS Variables (Custom Properties)", True),
        ('<img src="https://a.example/x.webp?y=1" alt="">', "webP image format", True),
        ("<svg></svg>", "Embedded <svg> image", True),
        ('<p style="border-radius:3px">x</p>', "border-radius", False),
        (
            "<style>@media (prefers-color-scheme: dark) { p { color: red } }</style>",
            "@media (prefers-color-scheme)",
            False,
        ),
        ("<style>/* position: absolute */ p { color: red }</style>", "position", None),
        ("<!--[if mso]><v:rect></v:rect><![endif]--><p style='background:url(x)'>x</p>", "background-image", False),
        ('<p style="background:url(x)">x</p>', "background-image", True),
    ],
)
def test_what_is_used_is_seen(html: str, feature: str, breaks: bool | None) -> None:
    notes = {note.feature: note for note in client_report(html)}
    assert (feature in notes) == (breaks is not None)
    if breaks is not None:
        assert bool(notes[feature].breaks) == breaks
        assert notes[feature].url.startswith("https://www.caniemail.com/features/")
        assert notes[feature].none or notes[feature].partly


def test_what_breaks_comes_first() -> None:
    notes = client_report('<p style="border-radius:3px;display:flex">x</p>')
    assert [bool(note.breaks) for note in notes] == sorted((bool(note.breaks) for note in notes), reverse=True)
    assert "Outlook (Windows)" in notes[0].none
