"""``sendbrief preview``: what a pull request links to."""

import json
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from chalicelib.cli.chromium import find_chromium
from tests.cli.house import Command

MONDAY = "2026-11-23T09:00"
PEOPLE = """email,name,language,topics
a@example.org,Ada,en,
b@example.org,Bo,de,security
c@example.org,Cy,de,security
d@example.org,Di,en,news
"""


@pytest.fixture
def read(command: Command, tmp_path: Path) -> Command:
    """The site with readers of several topics, and a post of each."""
    command.write("posts/2026-11-22-hole.md", "---\ntitle: A hole\ncategory: security\n---\nClose it today.\n")
    (tmp_path / "people.csv").write_text(PEOPLE)
    command.run("subscribers", "import", str(tmp_path / "people.csv"), "--newsletter", "digest", "--basis", "consent")
    return command


def test_each_variant_that_somebody_reads_is_shown_with_its_readers(read: Command, tmp_path: Path) -> None:
    out = tmp_path / "shown"
    read.run("preview", "digest", "--out", str(out), "--now", MONDAY, "--no-pictures")
    report = json.loads((out / "report.json").read_text())
    mails = {mail["name"]: mail for mail in report["mails"]}
    assert set(mails) == {"en", "de", "de-security"}  # each entry is also news, so "news" is the whole
    assert {name: mail["readers"] for name, mail in mails.items()} == {"en": 5, "de": 0, "de-security": 2}
    assert report["facts"]["Readers"].startswith("7 get a mail")
    assert report["facts"]["Cost"] == "none for a mail sent by maildir"
    assert sorted(report["files"]) == sorted(
        {f"{n}.{e}" for n in mails for e in ("html", "txt", "eml")} | {"index.html"}
    )
    assert "A hole" in (out / "de-security.txt").read_text()
    assert "First" not in (out / "de-security.txt").read_text()
    message = message_from_bytes((out / "de-security.eml").read_bytes(), policy=policy.default)
    assert message["To"] == "reader@example.org"
    index = (out / "index.html").read_text()
    for name in mails:
        assert f'href="{name}.eml"' in index
        assert f'src="{name}.html"' in index


def test_what_an_earlier_preview_left_goes_and_nothing_else(read: Command, tmp_path: Path) -> None:
    out = tmp_path / "shown"
    read.run("preview", "digest", "--out", str(out), "--now", MONDAY, "--no-pictures")
    (out / "mine.txt").write_text("mine")
    (read.site / "content" / "posts" / "2026-11-22-hole.md").unlink()
    read.run("preview", "digest", "--out", str(out), "--now", MONDAY, "--no-pictures")
    assert (out / "mine.txt").exists()
    assert not (out / "de-security.html").exists()


def test_what_the_check_says_stands_in_it(read: Command, tmp_path: Path) -> None:
    read.write("posts/2026-11-22-slip.md", "---\ntitle: A slip\n---\nOn Monday, 27 November 2026, see you.\n")
    ran = read.run("preview", "digest", "--out", str(tmp_path / "s"), "--now", MONDAY, "--no-pictures")
    assert "warnings: 1" in ran.err
    problems = json.loads((tmp_path / "s" / "report.json").read_text())["problems"]
    assert [(p["file"], p["line"], p["code"]) for p in problems] == [
        ("content/posts/2026-11-22-slip.md", 4, "wrong-day")
    ]
    assert "content/posts/2026-11-22-slip.md:4" in (tmp_path / "s" / "index.html").read_text()


@pytest.mark.parametrize("notice", ["welcome", "confirm"])
def test_the_mails_that_are_no_edition_are_shown_too(command: Command, tmp_path: Path, notice: str) -> None:
    command.run("preview", notice, "--out", str(tmp_path / "s"), "--no-pictures")
    assert {path.suffix for path in (tmp_path / "s").iterdir()} == {".html", ".txt", ".eml", ".json"}
    report = json.loads((tmp_path / "s" / "report.json").read_text())
    assert [mail["language"] for mail in report["mails"]] == ["en", "de"]
    assert report["problems"] == []


def test_a_welcome_names_the_newest_edition(command: Command, tmp_path: Path) -> None:
    command.run("tick", "--now", "2026-11-25T10:00")
    command.run("send", "digest/2026-11-26", "--now", "2026-11-25T11:00")
    command.run("preview", "welcome", "--out", str(tmp_path / "s"), "--no-pictures")
    assert "/archive/digest/2026-11-26/en" in (tmp_path / "s" / "en.txt").read_text()


@pytest.mark.skipif(find_chromium() is None, reason="Chromium is not installed (Debian: apt install chromium)")
def test_pictures_are_taken_at_two_widths_light_and_dark(command: Command, tmp_path: Path) -> None:
    command.run("preview", "confirm", "--out", str(tmp_path / "s"))
    shots = {path.name: path.read_bytes() for path in (tmp_path / "s").glob("en-*.png")}
    assert set(shots) == {"en-phone.png", "en-phone-dark.png", "en-desktop.png", "en-desktop-dark.png"}
    widths = {name: int.from_bytes(raw[16:20], "big") for name, raw in shots.items()}  # of the PNG's IHDR
    assert widths == {"en-phone.png": 375, "en-phone-dark.png": 375, "en-desktop.png": 700, "en-desktop-dark.png": 700}
    assert len(set(shots.values())) == 4
