"""Filters of members: what is understood, what is refused and where, and that no text takes long or does harm."""

import random
from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.audience.subscriber import MemberState
from chalicelib.content.load import load_site
from chalicelib.content.segment_reading import STATES, Vocabulary, parse_segment, vocabulary_of
from chalicelib.content.segments import (
    UNREADABLE,
    Ago,
    AllOf,
    AnyOf,
    Node,
    Not,
    Part,
    Segment,
    all_of,
    any_of,
    depth,
    written,
)
from chalicelib.errors import SegmentError
from tests.content.segment_strategies import KNOWN, TREES
from tests.sites import SITE, WEEKLY, write_site

DE, TAG, PAUSED = Part("language", "=", ("de",)), Part("tag", ":", ("a",)), Part("paused")


def refused(text: str, known: Vocabulary = KNOWN) -> SegmentError:
    with pytest.raises(SegmentError) as caught:
        parse_segment(text, vocabulary=known)
    return caught.value


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("language = de", DE),
        ("Language=de", DE),
        ("paused", PAUSED),
        ("not paused", Not(PAUSED)),
        ("NOT not paused", Not(Not(PAUSED))),
        ("tag:a and language = de or paused", AnyOf((AllOf((TAG, DE)), PAUSED))),
        ("tag:a AND (language = de Or paused)", AllOf((TAG, AnyOf((DE, PAUSED))))),
        ("not tag:a and paused", AllOf((Not(TAG), PAUSED))),
        ("not (tag:a and paused)", Not(AllOf((TAG, PAUSED)))),
        ("tag:a and (paused and language = de)", AllOf((TAG, PAUSED, DE))),
        ("((((tag:a))))", TAG),
        ("language in (de, en)", Part("language", "in", ("de", "en"))),
        ("language not in (de)", Not(Part("language", "in", ("de",)))),
        ("tag:'a \\' \"'", Part("tag", ":", ("a ' \"",))),
        ('name = "a\\\\b"', Part("name", "=", ("a\\b",))),
        ("name ~ o.k@x+y", Part("name", "~", ("o.k@x+y",))),
        ("name = ın", Part("name", "=", ("ın",))),
        ("name = android", Part("name", "=", ("android",))),
        ("name = in-side", Part("name", "=", ("in-side",))),
        ("domain = Müller.Example", Part("domain", "=", ("xn--mller-kva.example",))),
        ("joined > 2026-01-31", Part("joined", ">", (date(2026, 1, 31),))),
        ("joined >= '2026-01-31'", Part("joined", ">=", (date(2026, 1, 31),))),
        ("joined < 30d ago", Part("joined", "<", (Ago(30),))),
        ("joined <= 2W  AGO", Part("joined", "<=", (Ago(14),))),
        ("joined in (today, 1d ago)", Part("joined", "in", (Ago(0), Ago(1)))),
        ("segment:berlin", AnyOf((Part("tag", ":", ("berlin",)), Part("domain", "~", ("berlin.example",))))),
    ],
)
def test_what_a_filter_says(text: str, root: Node) -> None:
    assert parse_segment(text, vocabulary=KNOWN) == Segment(root, "en")


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        ("joined > blue", 10, "joined needs a date like 2026-01-31"),
        ("joined > 30d", 10, "'30d ago'"),
        ("joined > 2026-02-30", 10, "joined needs a date"),
        ("joined > 20260130", 10, "joined needs a date"),
        ("joined ~ 2026-02-20", 1, "belongs one of: =  !=  <  <=  >  >=  in"),
        ("languag = de", 1, "did you mean 'language'?"),
        ("language = fr", 12, "known are: de, en"),
        ("language = dee", 12, "did you mean 'de'?"),
        ("language", 1, "belongs one of"),
        ("topic:secrity", 7, "did you mean 'security'?"),
        ("tag:a and topic:x", 17, "no topic 'x'"),
        ("topics = news", 10, "known are: all"),
        ("newsletter = diges", 14, "did you mean 'digest'?"),
        ("state = gone", 9, "known are: confirmed, pending, unsubscribed"),
        ("cadence = weekly", 11, "known are: every, monthly"),
        ("segment:bern", 9, "no segment 'bern'"),
        ("tags:a", 1, "did you mean 'tag'?"),
        ("Tag.a:x", 1, "no kind of mark"),
        ("tag:''", 5, "tag needs a word"),
        ("tag:3d ago", 5, "tag needs a word"),
        ("name = 3d ago", 8, "name needs a word"),
        ("domain = '@x y'", 10, "no domain"),
        ("domain = ''", 10, "no domain"),
        ("domain = a..b", 10, "no domain"),
        (f"domain = {'ü' * 80}.example", 10, "no domain"),
        ("language:de", 1, "write language = de"),
        ("paused:x", 1, "write paused"),
        ("paused = yes", 1, "stands alone"),
        ("language = de and", 18, "it ends too early; a condition belongs here"),
        ("language = ", 11, "it ends too early; a value"),
        ("(language = de", 15, "'and', 'or' or ) belongs here"),
        ("language = de)", 14, "'and' or 'or' belongs here"),
        ("language == de", 11, "a value belongs here"),
        ("language = in", 12, "put it in quotes"),
        ("language in de", 13, "a list belongs here"),
        ("language in (de en)", 17, "a comma or )"),
        ("language = de tag:a", 15, "'and' or 'or' belongs here"),
        ("paused tag:a", 8, "a comparison belongs here"),
        ("language not de", 14, "'in' belongs here"),
        ("tag:a & paused", 7, "'&' means nothing"),
        ("name = 'abc", 8, "never ends"),
        ("()", 2, "a condition belongs here"),
        ("", 1, "empty"),
        (" \n ", 1, "empty"),
        (UNREADABLE, 1, "means nothing"),
    ],
)
def test_what_is_refused_is_named_with_its_place(text: str, at: int, words: str) -> None:
    error = refused(text)
    assert (error.position, words in error.reason) == (at, True), error.reason
    reason, shown, caret = error.message.split("\n")
    assert reason == error.reason
    assert shown == "  " + text.replace("\n", " ")[: at + 30]
    assert caret == " " * (at + 1) + "^"


def test_the_caret_stands_below_its_place_in_wide_and_in_long_texts() -> None:
    assert refused("name = 日本 and x").message.split("\n")[2] == " " * 18 + "^"
    shown, caret = refused(f"{'paused or ' * 50}x = 1 or {'paused and ' * 50}paused").message.split("\n")[1:]
    assert shown[caret.index("^") :].startswith("x = 1")
    assert len(shown) < 100
    assert len(refused(f"name = x and {'y' * 1900} = 1").message) < 400


@settings(max_examples=150)
@given(TREES)
def test_a_filter_that_is_written_out_is_read_as_the_same(root: Node) -> None:
    if depth(root) <= 20:
        assert parse_segment(written(root), vocabulary=KNOWN).root == root


@settings(max_examples=150)
@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from(
            ["and", "or", "not", "in", "(", ")", ",", ":", "=", "!=", "~", "<", "language", "de", "tag", "joined",
             "paused", "2026-01-01", "3d", "ago", "today", "'", '"', "\\", "topic", "security", "\x00", "é", "segment",
             "berlin"]
        ), max_size=14,
    ).map(" ".join)
)  # fmt: skip
@example("ſtate = x")
@example("name ın (x)")
@example("tag:a and joined > 'a\n\u2028b'")
def test_any_text_is_a_filter_or_a_refusal_with_a_place(text: str) -> None:
    try:
        segment = parse_segment(text, vocabulary=KNOWN)
    except SegmentError as caught:
        error = caught
    else:
        assert parse_segment(str(segment), vocabulary=KNOWN) == segment
        return
    assert 1 <= error.position <= len(text) + 1
    assert len(error.message.splitlines()) == 3


@pytest.mark.parametrize(
    "piece", ["(", "not ", "paused and ", "tag:a or (", "'", '"', "\\", ",", "((paused) or ", "a", " "]
)
def test_a_hundred_thousand_of_anything_are_refused_at_once(piece: str) -> None:
    assert refused(piece * 100_000).position in {1, 2001}
    short = refused(piece * (2000 // len(piece)))
    assert short.position <= 2001


def test_depth_is_bounded_and_brackets_alone_are_none() -> None:
    assert parse_segment("(" * 900 + "paused" + ")" * 900, vocabulary=KNOWN).root == PAUSED
    assert parse_segment("not " * 19 + "paused", vocabulary=KNOWN)
    assert "deeper than 20" in refused("not " * 20 + "paused").reason


def test_named_segments_can_t_grow_without_bound() -> None:
    segments = {"a": " or ".join(f"tag:t{n}" for n in range(150))}
    assert "2,000 characters" in refused("segment:a or segment:a", Vocabulary(("en",), segments=segments)).reason
    deep = Vocabulary(("en",), segments={"d": "not " * 18 + "paused"})
    assert "20 levels" in refused("tag:a or not not segment:d", deep).reason
    assert parse_segment("tag:a or segment:d", vocabulary=deep)


def test_a_filter_that_was_checked_is_still_read_when_its_names_are_gone() -> None:
    text = "topic:gone and newsletter = gone and language in (fr, en)"
    refused(text)
    gone = Vocabulary(("en",), strict=False)
    assert str(parse_segment(text, vocabulary=gone)) == text
    assert refused("joined > blue", gone).position == 10
    assert refused("topics = some", gone).position == 10


def test_asking_for_a_field() -> None:
    segment = parse_segment("not (tag:a or state = pending)", vocabulary=KNOWN)
    assert (segment.asks_for("state"), segment.asks_for("tag"), segment.asks_for("language")) == (True, False, False)


def test_groups_of_one_are_what_they_hold_and_equal_ones_are_merged() -> None:
    assert all_of([DE]) == DE == any_of([DE])
    assert all_of([all_of([DE, TAG]), PAUSED]) == AllOf((DE, TAG, PAUSED))
    assert any_of([PAUSED, any_of([DE, TAG])]) == AnyOf((PAUSED, DE, TAG))


def test_days_are_written_as_people_would() -> None:
    text = "joined in (today, 14d ago, 2026-01-31)"
    assert str(parse_segment("joined in (0d ago, 2w ago, '2026-01-31')", vocabulary=KNOWN)) == text


def test_the_states_are_those_of_members() -> None:
    assert set(STATES) == {str(state) for state in MemberState}


SEGMENTS = SITE + "segments:\n  berlin: tag:berlin or domain ~ berlin.example\n  both: segment:berlin and paused\n"


def test_what_the_files_say_is_written_out(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "newsletters/weekly.yaml": WEEKLY + "segment: segment:both and topic:news\n",
        "editions/weekly/2026-11-26.md": "---\nsegment: newsletter = weekly\n---\nHello.\n",
        "editions/weekly/2026-11-26.de.md": "---\nsegment: language = de\n---\nHallo.\n",
        "editions/weekly/2026-12-03.md": "---\nsubject: Hello\n---\nHello.\n",
        "editions/weekly/2026-12-03.de.md": "---\nsegment: language = de\n---\nHallo.\n",
    }
    site = load_site(write_site(tmp_path, files, site=SEGMENTS)).require()
    assert site.segments["both"] == "(tag:berlin or domain ~ berlin.example) and paused"
    assert site.newsletters["weekly"].segment == f"{site.segments['both']} and topic:news"
    assert site.notes["weekly", "2026-11-26"].segment == "newsletter = weekly"
    assert site.notes["weekly", "2026-12-03"].segment == "language = de"
    assert vocabulary_of(site).newsletters == ("weekly",)


def test_mistakes_in_files_are_named_with_line_and_character(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "newsletters/weekly.yaml": WEEKLY + "segment: topic:secrity\n",
        "newsletters/other.yaml": WEEKLY + "segment:\n",
        "editions/weekly/2026-11-26.md": "---\nsubject: Hello\nsegment: segment:later\n---\nHello.\n",
    }
    site = SITE + "segments:\n  first: segment:later\n  later: joined > 1\n  Big: paused\n  good: paused\n"
    loaded = load_site(write_site(tmp_path, files, site=site))
    found = {(p.file.rpartition("/")[2], p.line, p.code): p.message for p in loaded.problems}
    assert set(found) == {
        ("site.yaml", 11, "bad-segment"),
        ("site.yaml", 12, "bad-segment"),
        ("site.yaml", 13, "bad-name"),
        ("weekly.yaml", 4, "bad-segment"),
        ("other.yaml", 4, "bad-segment"),
        ("2026-11-26.md", 3, "bad-segment"),
    }
    said = "segment: there is no topic 'secrity'; did you mean 'security'? (at character 7 of the filter)"
    assert found["weekly.yaml", 4, "bad-segment"] == said
    assert "segments.first: there is no segment 'later'" in found["site.yaml", 11, "bad-segment"]
    assert loaded.site is None
    assert loaded.readable is not None
    assert loaded.readable.newsletters["weekly"].segment == UNREADABLE


@pytest.mark.parametrize(
    ("note", "segment"),
    [
        ("---\nsegment: tag:board\nsubjekt: x\n---\n", UNREADABLE),
        ("---\nsegment: tag board\n---\n", UNREADABLE),
        ("---\nsegment: [tag:board]\n---\n", UNREADABLE),
        ("---\nsegment: tag:board\nsubject: 'x\n---\n", UNREADABLE),
        ("---\nsubject: x\nsegment: tag:board\n", UNREADABLE),
        ("---\nsubjekt: x\n---\n", None),
    ],
)
def test_a_broken_note_is_never_for_everybody_where_it_spoke_of_a_segment(
    tmp_path: Path, note: str, segment: str | None
) -> None:
    files: dict[str, str | bytes] = {"newsletters/weekly.yaml": WEEKLY, "editions/weekly/2026-11-26.md": note}
    loaded = load_site(write_site(tmp_path, files))
    assert any(problem.severity == "error" for problem in loaded.problems)
    found = loaded.require().notes.get(("weekly", "2026-11-26"))
    assert (found.segment if found else None) == segment


def test_the_grammar_takes_no_time_to_speak_of_at_its_limit() -> None:
    """A guard against a parser that searches: the longest filters of many shapes, one after the other."""
    draw = random.Random(5)
    words = ["paused", "not paused", "(tag:a or paused)", "language in (de, en)", "joined < 3d ago"]
    for _ in range(20):
        text = " and ".join(draw.choice(words) for _ in range(90))
        assert parse_segment(text[:2000].rpartition(" and ")[0], vocabulary=KNOWN)
