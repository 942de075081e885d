"""``sendbrief subscribers count``, and what a segment changes in ``check`` and ``preview``."""

import json
import re
from pathlib import Path

import pytest

from chalicelib.audience.suppression import Reason
from chalicelib.cli.context import house
from chalicelib.content.segment_reading import Vocabulary, parse_segment
from tests.cli.house import DIGEST, SITE, Command

ROOT = Path(__file__).resolve().parents[2]
KEYS = [
    "filter",
    "memberships",
    "matching",
    "people",
    "mails",
    "pending",
    "unsubscribed",
    "suppressed",
    "paused",
    "parts",
]


@pytest.fixture
def peopled(bare: Command) -> Command:
    """Two newsletters; five people, two of them German, one suppressed."""
    bare.write("site.yaml", SITE + "segments:\n  german: language = de\n")
    bare.write("newsletters/digest.yaml", DIGEST)
    bare.write("newsletters/alerts.yaml", "title: Alerts\ntrigger: {topics: [security]}\n")
    bare.write("posts/2026-11-20-first.md", "---\ntitle: First\n---\nThe first post.\n")
    for number in range(5):
        language = "de" if number < 2 else "en"
        for newsletter in ("digest", "alerts") if number < 3 else ("digest",):
            bare.run("subscribers", "add", f"r{number}@example.org", "--newsletter", newsletter, "--basis", "consent",
                     "--language", language)  # fmt: skip
    with house() as runtime:
        runtime.suppressions.add(runtime.audience.sid("r1@example.org"), Reason.COMPLAINT, runtime.clock())
    return bare


def test_a_filter_is_counted_part_by_part(peopled: Command) -> None:
    shown = peopled.run("subscribers", "count", "--newsletter", "digest", "--where", "segment:german or not topic:news")
    assert shown.out.splitlines()[:2] == [
        "2 of 5 memberships match, of 2 people.",
        "1 would get mail; 1 suppressed.",
    ]
    rows = [line.split() for line in shown.out.splitlines()[3:]]
    assert rows[0] == ["part", "of", "the", "filter", "matches", "alone", "so", "far"]
    assert rows[1:] == [["language", "=", "de", "2", "2"], ["or", "not", "topic:news", "0", "2"]]


def test_parts_in_brackets_have_their_own_rows(peopled: Command) -> None:
    filter_ = "(language = en or paused) and joined > 3d ago"
    figures = peopled.run("subscribers", "count", "--where", filter_, "--json").json
    assert [
        (part["level"], part["joint"], part["text"], part["alone"], part["so_far"]) for part in figures["parts"]
    ] == [
        (0, "", "(language = en or paused)", 4, 4),
        (1, "", "language = en", 4, 4),
        (1, "or", "paused", 0, 4),
        (0, "and", "joined > 3d ago", 8, 4),
    ]
    shown = peopled.run("subscribers", "count", "--where", filter_).out
    assert re.search(r"^ {4}language = en +4 +4 *$", shown, re.MULTILINE)
    assert re.search(r"^ {4}or paused +0 +4 *$", shown, re.MULTILINE)


def test_all_newsletters_count_a_person_once(peopled: Command) -> None:
    figures = peopled.run("subscribers", "count", "--json").json
    assert list(figures) == KEYS
    assert (figures["filter"], figures["memberships"], figures["people"], figures["mails"]) == ("", 8, 5, 6)
    assert (figures["suppressed"], figures["parts"]) == (2, [])
    assert peopled.run("subscribers", "count").out.startswith("8 memberships, of 5 people.\n6 would get mail; 2 supp")


def test_those_who_left_are_counted_where_the_filter_asks_for_them(peopled: Command) -> None:
    with house() as runtime:
        sid = runtime.audience.sid("r4@example.org")
        runtime.audience.leave(sid, "digest", runtime.clock(), "a test")
    assert peopled.run("subscribers", "count", "--where", "domain = example.org", "--json").json["memberships"] == 7
    figures = peopled.run("subscribers", "count", "--where", "state in (unsubscribed, confirmed)", "--json").json
    assert (figures["memberships"], figures["matching"], figures["unsubscribed"], figures["mails"]) == (8, 8, 1, 5)


def test_a_mistake_is_shown_with_its_place(peopled: Command) -> None:
    ran = peopled.run("subscribers", "count", "--where", "topic:security and joined > blue", code=2)
    (told,) = re.findall(
        r"^Error: joined.*?\^$", (ROOT / "docs" / "operating.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert ran.err.rstrip() == told
    assert peopled.run("subscribers", "count", "--where", "", code=2).err.startswith("Error: the filter is empty")
    assert "alerts" in peopled.run("subscribers", "count", "--newsletter", "alert", code=2).err


def test_every_condition_of_the_documentation_is_understood() -> None:
    _, _, rest = (ROOT / "docs" / "operating.md").read_text().partition("\n## The language of segments\n")
    rows = [row.split("|")[1:3] for row in rest.partition("\n## ")[0].splitlines() if row.startswith("| `")]
    known = Vocabulary(("en", "de"), ("security",), ("digest",), {"berlin": "tag:berlin"})
    examples = [text for cells in rows[:12] for text in re.findall(r"`([^`]+)`", cells[0])]
    examples += ["joined > 30d ago", "joined = 2w ago", "joined = today", 'tag:"board member"', "opened-survey:spring"]
    examples += ['name = ""', "domain ~ example.org", "language not in (de, en)"]
    assert len(rows) == 17
    told = rest.partition("\n## ")[0]
    for example in examples:
        assert example.removeprefix("language ").removeprefix("joined = ") in told
        assert parse_segment(example, vocabulary=known)
    content = (ROOT / "docs" / "content.md").read_text()
    filters = re.findall(r"^ *(?:segment|berlin|new-in-berlin): (.+)$", content, re.MULTILINE)
    assert len(filters) == 3
    for text in filters:
        assert parse_segment(text.replace("tag:berlin", "segment:berlin"), vocabulary=known)


def test_check_names_the_line_and_nothing_is_sent(peopled: Command) -> None:
    peopled.write("newsletters/digest.yaml", DIGEST + "segment: langauge = de\n")
    found = peopled.run("check", "--json", code=1).json
    assert [(p["file"], p["line"], p["code"]) for p in found] == [("content/newsletters/digest.yaml", 4, "bad-segment")]
    assert "did you mean 'language'?" in found[0]["message"]
    assert "bad-segment" in peopled.run("check", code=1).out
    assert "langauge" in peopled.run("tick", code=1).err


def test_preview_counts_those_it_is_for(peopled: Command, tmp_path: Path) -> None:
    peopled.write("editions/digest/2026-11-26.md", "---\nsegment: language = en\n---\nHello.\n")
    peopled.write("newsletters/digest.yaml", DIGEST + "segment: topics = all\n")
    out = tmp_path / "shown"
    peopled.run("preview", "digest", "--out", str(out), "--now", "2026-11-23T09:00", "--no-pictures")
    facts = json.loads((out / "report.json").read_text())["facts"]
    assert facts["Only for"] == "(topics = all) and (language = en)"
    assert facts["Readers"] == "3 get a mail, 2 nothing, as it is not for them"


def test_preview_of_an_edition_that_went_out_keeps_to_whom_it_went(peopled: Command, tmp_path: Path) -> None:
    peopled.write("newsletters/digest.yaml", DIGEST + "segment: language = en\n")
    peopled.run("tick", "--now", "2026-11-23T10:00")
    peopled.run("tick", "--now", "2026-11-26T10:00")
    assert len(peopled.mails()) == 3
    peopled.write("newsletters/digest.yaml", DIGEST + "segment: language = de\n")
    peopled.run("preview", "digest/2026-11-26", "--out", str(tmp_path / "shown"), "--no-pictures")
    facts = json.loads((tmp_path / "shown" / "report.json").read_text())["facts"]
    assert (facts["Only for"], facts["Readers"].partition(",")[0]) == ("(language = en)", "3 get a mail")
