"""`merge: true` before it goes out: previewed, checked and simulated as the one mail that readers of both get."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.house import DIGEST, MONDAY, Command, small_site

TOOLS = DIGEST.replace("title: Digest", "title: {en: Tools, de: Werkzeuge}").replace("rest: true", "topics: [security]")
MERGE = "merge: true\n"


@pytest.fixture
def two(bare: Command) -> Command:
    command = small_site(bare, readers=0)
    command.write("newsletters/digest.yaml", DIGEST + MERGE)
    command.write("newsletters/tools.yaml", TOOLS + MERGE)
    command.write("posts/2026-11-20-leak.md", "---\ntitle: A leak\ncategory: security\n---\nPatch it now, please.\n")
    return command


def add(command: Command, *numbers: int, newsletter: str, language: str = "en") -> None:
    for number in numbers:
        command.run("subscribers", "add", f"r{number}@example.org", "--newsletter", newsletter, "--basis", "consent",
                    "--language", language)  # fmt: skip


def previewed(command: Command, what: str, out: Path) -> Any:
    command.run("preview", what, "--out", str(out), "--now", MONDAY, "--no-pictures")
    return json.loads((out / "report.json").read_text())


def test_a_preview_shows_the_mail_of_both_in_each_language_with_its_readers(two: Command, tmp_path: Path) -> None:
    add(two, 1, 2, 3, newsletter="digest")
    add(two, 2, 3, 4, newsletter="tools")
    add(two, 5, newsletter="digest", language="de")
    add(two, 5, newsletter="tools")
    report = previewed(two, "digest", tmp_path / "s")
    mails = {mail["name"]: mail for mail in report["mails"]}
    assert {name: mail["beside"] for name, mail in mails.items()} == {
        "en": "", "de": "", "en+tools": "in one mail with tools/2026-11-26",
        "de+tools": "in one mail with tools/2026-11-26",
    }  # fmt: skip
    assert {name: mail["readers"] for name, mail in mails.items()} == {"en": 3, "de": 1, "en+tools": 2, "de+tools": 1}
    assert mails["en+tools"]["subject"].endswith(" · Tools")
    assert mails["de+tools"]["subject"].endswith(" · Werkzeuge")
    assert report["facts"]["In one mail"] == "with tools/2026-11-26 below it, for 3 who read both newsletters"
    text = (tmp_path / "s" / "en+tools.txt").read_text()
    assert text.index("Digest\n===") < text.index("A leak") < text.index("\nTools\n===")
    assert "All of this issue stands above." in text
    index = (tmp_path / "s" / "index.html").read_text()
    assert 'src="de+tools.html"' in index
    assert "in one mail with tools/2026-11-26" in index
    assert report["problems"] == []


def test_a_preview_of_the_guest_shows_it_below_its_host(two: Command, tmp_path: Path) -> None:
    report = previewed(two, "tools", tmp_path / "s")
    assert [mail["name"] for mail in report["mails"] if mail["beside"]] == ["en+digest", "de+digest"]
    assert report["facts"]["In one mail"] == "with digest/2026-11-26 above it, but nobody reads both newsletters yet"
    text = (tmp_path / "s" / "en+digest.txt").read_text()
    assert text.index("Digest\n===") < text.index("\nTools\n===")


@pytest.mark.slow
def test_of_editions_that_are_made_the_preview_shows_the_pair_too(two: Command, tmp_path: Path) -> None:
    add(two, 1, newsletter="digest")
    add(two, 1, newsletter="tools")
    for moment in (MONDAY, "2026-11-25T10:00"):
        two.run("tick", "--now", moment)
    for what, name in (("digest/2026-11-26", "en+tools"), ("tools/2026-11-26", "en+digest")):
        assert name in [mail["name"] for mail in previewed(two, what, tmp_path / "s")["mails"]]
    two.run("cancel", "tools/2026-11-26", "--now", "2026-11-25T10:01")
    assert "In one mail" not in previewed(two, "digest/2026-11-26", tmp_path / "s")["facts"]


def test_a_pair_that_went_out_is_shown_as_it_was(two: Command, tmp_path: Path) -> None:
    add(two, 1, newsletter="digest")
    add(two, 1, newsletter="tools")
    two.run("tick", "--now", MONDAY)
    two.run("tick", "--now", "2026-11-26T10:00")
    for what, words in (
        ("digest/2026-11-26", "tools/2026-11-26 below"),
        ("tools/2026-11-26", "digest/2026-11-26 abov"),
    ):
        assert words in previewed(two, what, tmp_path / "s")["facts"]["In one mail"]


@pytest.mark.parametrize(
    "tools", [TOOLS, TOOLS.replace("10:00", "11:00") + MERGE, TOOLS.replace("=TH", "=TH;UNTIL=20261112") + MERGE]
)
def test_where_they_do_not_meet_there_is_no_such_mail(two: Command, tmp_path: Path, tools: str) -> None:
    two.write("newsletters/tools.yaml", tools)
    report = previewed(two, "digest", tmp_path / "s")
    assert [mail["beside"] for mail in report["mails"] if mail["beside"]] == []
    assert "In one mail" not in report["facts"]


def test_an_empty_edition_is_no_company(two: Command, tmp_path: Path) -> None:
    (two.site / "content" / "posts" / "2026-11-20-leak.md").unlink()
    assert "In one mail" not in previewed(two, "digest", tmp_path / "s")["facts"]


@pytest.mark.slow
def test_a_look_of_ones_own_that_does_not_show_the_guest_is_named(two: Command, tmp_path: Path) -> None:
    folder = two.site / "templates" / "email" / "digest"
    folder.mkdir(parents=True)
    (folder / "body.txt").write_text("{{ subject }} {% for s in sections %}{% for i in s.items %}{{ i.title }} "
                                     "{{ i.url }} {% endfor %}{% endfor %} {{ unsubscribe_url }}")  # fmt: skip
    problems = two.run("check", "--json", code=1).json
    errors = [(p["file"], p["code"]) for p in problems if p["severity"] == "error"]
    assert errors == [("digest/2026-11-26 (de)", "render"), ("digest/2026-11-26 (en)", "render")]
    assert any("holds Tools too" in p["message"] for p in problems)
    report = previewed(two, "digest", tmp_path / "s")
    assert "holds Tools too" in str(report["problems"])
    assert not any(mail["beside"] for mail in report["mails"])


def test_check_says_nothing_of_a_pair_in_order(two: Command) -> None:
    assert two.run("check", "--json").json == []


def simulated(command: Command, newsletter: str, *more: str) -> Any:
    return command.run("simulate", newsletter, "--from", "2026-11-16", "--to", "2026-12-06", *more)


def test_simulate_says_which_editions_are_one_mail(two: Command) -> None:
    two.write("posts/2026-11-30-more.md", "---\ntitle: More\n---\nOf no topic.\n")
    rows = simulated(two, "digest", "--json").json["editions"]
    assert [(row["slot"], row["host"], row["guest"]) for row in rows] == [
        ("2026-11-19", "", ""), ("2026-11-26", "", "tools/2026-11-26"), ("2026-12-03", "", ""),
    ]  # fmt: skip
    rows = simulated(two, "tools", "--json").json["editions"]
    assert [(row["slot"], row["host"], row["guest"]) for row in rows if row["state"] == "sent"] == [
        ("2026-11-26", "digest/2026-11-26", "")
    ]
    said = simulated(two, "digest").out
    assert "  in one mail with tools/2026-11-26 below it, for readers of both" in said
    assert "2 editions with 3 entries, 1 in one mail with another newsletter's, 1 skipped." in said
    assert "in one mail with digest/2026-11-26 above it" in simulated(two, "tools").out


def test_without_merge_simulate_names_no_pair(two: Command) -> None:
    two.write("newsletters/tools.yaml", TOOLS)
    rows = simulated(two, "digest", "--json").json["editions"]
    assert {(row["host"], row["guest"]) for row in rows} == {("", "")}
    assert "one mail" not in simulated(two, "digest").out


def test_what_is_wrong_with_one_of_them_is_told_once(two: Command, tmp_path: Path) -> None:
    two.write("posts/2026-11-22-slip.md", "---\ntitle: A slip\n---\nOn Monday, 27 November 2026, see you.\n")
    problems = previewed(two, "digest", tmp_path / "s")["problems"]
    assert [(p["line"], p["code"]) for p in problems] == [(4, "wrong-day")]
    assert [(p["line"], p["code"]) for p in two.run("check", "--json", code=None).json] == [(4, "wrong-day")]
