"""Editions that editors arranged: lines, headings, words on entries, and what is wrong with its line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.content.arrangement import merge_sections, split_arrangement
from chalicelib.content.load import load_site
from chalicelib.content.problems import Problems
from chalicelib.content.values import NoteSection
from tests.sites import SITE, write_site

A, B, C = "aaaaaaaaaaaa", "bbbbbbbbbbbb", "0123456789ab"


def read(body: str, *, line: int = 5) -> tuple[str, tuple[NoteSection, ...] | None, list[tuple[int, str]]]:
    problems = Problems()
    intro, sections = split_arrangement(body, line, "n.md", "en", problems)
    return intro, sections, [(p.line, p.code) for p in problems.sorted()]


def test_intro_headings_entries_and_words_on_them() -> None:
    intro, sections, problems = read(
        "Hello.\n\n## A heading of the intro\n\n<!-- entries: help -->\n\n## News ##\n\n"
        f"- `{A}` [T](https://x) anything\n"
        f"  A **word**.\n\n  And another.\n* {B}\n\n# Ours\n- `{C}`\n\tsaid with a tab\n"
    )
    assert (intro, problems) == ("Hello.\n\n## A heading of the intro", [])
    assert sections
    assert [(s.title, [(e.id, e.line, dict(e.remark)) for e in s.entries]) for s in sections] == [
        ("News", [(A, 13, {"en": "A **word**.\n\nAnd another."}), (B, 17, {})]),
        ("Ours", [(C, 20, {"en": "said with a tab"})]),
    ]


def test_a_note_without_a_marker_is_all_intro() -> None:
    assert read(f"Hello\n- `{A}`") == (f"Hello\n- `{A}`", None, [])


def test_a_marker_alone_is_an_edition_without_entries() -> None:
    assert read("<!-- entries -->") == ("", (), [])


def test_entries_without_a_heading_stand_in_a_section_without_a_title() -> None:
    _, sections, problems = read(
        f"<!-- entries: a comment\nof two lines -->\n- `{A}` x\n<!-- - `{B}` cut\n- `{C}` -->\n"
    )
    assert sections
    assert problems == []
    assert [(s.title, [e.id for e in s.entries]) for s in sections] == [("", [A])]


@pytest.mark.parametrize(
    ("lines", "problems"),
    [
        ([f"- `{A}`", f"- `{B}`", f"- `{A}` again"], [(8, "duplicate-entry")]),
        (["some words"], [(6, "bad-line")]),
        (["- a title without an id", f"- `{A}`"], [(6, "bad-line")]),
        (["- `abc` too short"], [(6, "bad-line")]),
        (["  indented below nothing"], [(6, "bad-line")]),
        (["## News", "  indented below a heading"], [(7, "bad-line")]),
        ([f"- `{A}0`"], [(6, "bad-line")]),
    ],
)
def test_what_is_wrong_is_named_with_its_line(lines: list[str], problems: list[tuple[int, str]]) -> None:
    assert read("\n".join(["<!-- entries -->", *lines]))[2] == problems


def test_the_words_of_two_languages_join_in_the_order_of_the_first() -> None:
    problems = Problems()
    _, first = split_arrangement(f"<!-- entries -->\n## N\n- `{A}`\n  one\n- `{B}`", 1, "a", "en", problems)
    _, second = split_arrangement(f"<!-- entries -->\n- `{B}`\n  zwei\n- `{A}`\n  eins", 1, "b", "de", problems)
    merged = merge_sections(first, second)
    assert merged
    assert [(e.id, dict(e.remark)) for s in merged for e in s.entries] == [
        (A, {"de": "eins", "en": "one"}),
        (B, {"de": "zwei"}),
    ]
    assert merge_sections(None, second) == second
    assert merge_sections(first, None) == first


NEWSLETTER = "title: Digest\nschedule: {rule: FREQ=WEEKLY;BYDAY=TH, at: '10:00'}\n"


def test_a_note_with_a_broken_line_is_used_all_the_same(tmp_path: Path) -> None:
    """What an editor cut must not come back because a line beside it is wrong."""
    note = f"---\nsubject: Hello\n---\nWords.\n\n<!-- entries -->\n- `{A}`\n- `{A}`\nwhat is this\n"
    files = {"newsletters/digest.yaml": NEWSLETTER, "editions/digest/2026-11-26.md": note}
    write_site(tmp_path, dict(files), site=SITE)
    loaded = load_site(tmp_path)
    found = loaded.require().notes["digest", "2026-11-26"]
    assert found.sections
    assert [e.id for s in found.sections for e in s.entries] == [A]
    assert found.intro == {"en": "Words."}
    assert [(p.line, p.code) for p in loaded.problems] == [(8, "duplicate-entry"), (9, "bad-line")]


PARTS = st.sampled_from(
    ["-", "`", "#", "<!--", "-->", "> ", " ", "\t", "\n", "\n- ", "é", "\0", A, B, "\n<!-- entries "]
)


@given(st.lists(PARTS, max_size=60))
def test_any_text_is_read_and_every_id_stands_once(parts: list[str]) -> None:
    _, sections, _ = read("".join(parts))
    ids = [e.id for s in sections or () for e in s.entries]
    assert len(ids) == len(set(ids))
