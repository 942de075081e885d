"""``sendbrief check``: every problem of a site in one run, for people and for programs."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chalicelib.collect.fetch import Fetched, Validators, fetcher
from chalicelib.compose.checking import Memory, check_site
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition
from chalicelib.content.values import Kind
from tests.render.values import entry
from tests.sites import FOLDER, NOW, SITE, WEEKLY, post, write_site

Files = dict[str, str | bytes]
GOOD: Files = {"newsletters/n.yaml": WEEKLY, "posts/en/2026-11-20-a.md": post()}


def check(root: Path, files: Files, site: str = SITE + FOLDER) -> list[tuple[str, int, str, str]]:
    write_site(root, files, site=site)
    _, problems = check_site(root, fetcher(root, ""), NOW)
    return [(p.file.removeprefix("content/"), p.line, p.code, str(p.severity)) for p in problems.sorted()]


def test_a_site_in_order_has_no_problems(tmp_path: Path) -> None:
    assert check(tmp_path, GOOD) == []


def test_everything_is_named_in_one_run(tmp_path: Path) -> None:
    files: Files = {
        **GOOD,
        "newsletters/m.yaml": WEEKLY + "templat: x\n",
        "editions/n/2026-11-26.md": "---\n\nhighlight: nothing\nexclude: [a, b]\n---\n",
        "editions/n/2026-11-27.md": "---\nsubject: S\n---\n",
        "editions/n/2026-12-03.md": "---\nsubjekt: S\n---\n",
        "posts/en/2026-11-20-b.md": "---\ntitle: [\n---\n",
        "posts/en/2026-11-20-c.md": b"\xef\xbb\xbf\r\n---\r\ntitel: C\r\n---\r\n",
        "posts/en/2026-11-20-d.md": post(image="no.png"),
    }
    assert check(tmp_path, files, SITE + "footr: x\n" + FOLDER) == [
        ("editions/n/2026-11-26.md", 3, "unknown-entry", "warning"),
        ("editions/n/2026-11-26.md", 4, "unknown-entry", "warning"),
        ("editions/n/2026-11-27.md", 0, "no-slot", "warning"),
        ("editions/n/2026-12-03.md", 2, "unknown-key", "error"),
        ("newsletters/m.yaml", 4, "unknown-key", "error"),
        ("posts/en/2026-11-20-b.md", 2, "bad-yaml", "error"),
        ("posts/en/2026-11-20-c.md", 3, "missing-key", "error"),
        ("posts/en/2026-11-20-c.md", 3, "unknown-key", "error"),
        ("posts/en/2026-11-20-d.md", 3, "missing-image", "warning"),
        ("site.yaml", 10, "unknown-key", "error"),
    ]


@pytest.mark.parametrize(
    "name", ["a", "2026-11-20-a", "https://posts.example.org/en/a", "http://www.posts.example.org/en/a/"]
)
@pytest.mark.parametrize("key", ["highlight", "exclude", "order"])
def test_names_that_an_entry_answers_to(tmp_path: Path, key: str, name: str) -> None:
    assert check(tmp_path, {**GOOD, "editions/n/2026-11-26.md": f"---\n{key}: {name}\n---\n"}) == []


@pytest.mark.parametrize("name", ["b", "https://posts.example.org/de/a", "http://[", "''' x", "https://"])
def test_names_nothing_answers_to(tmp_path: Path, name: str) -> None:
    note = f"---\nhighlight: {json.dumps(name)}\n---\n"
    assert check(tmp_path, {**GOOD, "editions/n/2026-11-26.md": note}) == [
        ("editions/n/2026-11-26.md", 2, "unknown-entry", "warning")
    ]


def test_a_name_in_the_note_of_one_language_is_named_there(tmp_path: Path) -> None:
    files: Files = {
        **GOOD,
        "editions/n/2026-11-26.md": "---\nhighlight: b\n---\n",
        "editions/n/2026-11-26.de.md": "---\nsubject: S\nhighlight: c\norder: [d]\n---\n",
    }
    assert check(tmp_path, files) == [
        ("editions/n/2026-11-26.de.md", 4, "unknown-entry", "warning"),
        ("editions/n/2026-11-26.md", 2, "unknown-entry", "warning"),
    ]


def test_a_note_may_name_a_post_that_waits(tmp_path: Path) -> None:
    waiting = post(date=f"{NOW + timedelta(days=3):%Y-%m-%d}")
    files: Files = {**GOOD, "posts/en/2026-11-20-b.md": waiting, "editions/n/2026-11-26.md": "---\nhighlight: b\n---\n"}
    assert check(tmp_path, files) == []


@pytest.mark.parametrize("slot", ["2026-11-27", "2000-01-01", "2100-12-31"])
def test_a_note_for_no_slot_names_the_nearest(tmp_path: Path, slot: str) -> None:
    write_site(tmp_path, {**GOOD, f"editions/n/{slot}.md": "---\n---\nHello"}, site=SITE + FOLDER)
    _, problems = check_site(tmp_path, fetcher(tmp_path, ""), NOW)
    (problem,) = problems.sorted()
    assert problem.code == "no-slot"
    assert f"{slot} is no slot of 'n'" in problem.message
    if slot == "2026-11-27":
        assert problem.message.endswith("rename it to 2026-11-26 or 2026-12-03")


def test_a_note_of_a_triggered_newsletter(tmp_path: Path) -> None:
    files: Files = {
        "newsletters/n.yaml": "title: T\ntrigger: {topics: [news]}\n",
        "editions/n/2026-11-26.md": "---\n---\n",
    }
    assert check(tmp_path, files, SITE) == [("editions/n/2026-11-26.md", 0, "no-slot", "warning")]


def test_sources_on_the_disk_are_read_and_others_left_alone(tmp_path: Path) -> None:
    asked: list[str] = []

    def fetch(location: str, known: Validators) -> Fetched:
        asked.append(location)
        return fetcher(tmp_path, "")(location, known)

    sources = """\
sources:
  web: {feed: 'https://feeds.example.org/feed.xml'}
  absent: {feed: absent.xml}
  page: {calendar: page.html}
  good: {calendar: good.ics}
"""
    event = "BEGIN:VEVENT\r\nUID:1\r\nSUMMARY:M\r\nEND:VEVENT\r\n"
    ics = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{event}END:VCALENDAR\r\n"
    write_site(tmp_path, {**GOOD, "page.html": "<html></html>", "good.ics": ics}, site=SITE + sources)
    _, problems = check_site(tmp_path, fetch, NOW)
    assert [(p.line, p.code, str(p.severity)) for p in problems.sorted()] == [
        (12, "source", "error"),
        (13, "source", "error"),
        (14, "calendar", "warning"),
    ]
    assert sorted(asked) == ["absent.xml", "good.ics", "page.html"]


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SENDBRIEF_")}
    command = [sys.executable, "-m", "chalicelib.cli.main", "--site", str(root), "check", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("broken", [pytest.param(False, marks=pytest.mark.slow), True])
def test_the_command(tmp_path: Path, broken: bool) -> None:
    bad: Files = {"posts/en/2026-11-20-b.md": "---\ntitle: '[red]x'\nautor: x\n---\n"} if broken else {}
    write_site(tmp_path, {**GOOD, **bad, "posts/en/2026-11-21-c.md": post(image="no.png")}, site=SITE + FOLDER)
    if broken:
        (tmp_path / "content/posts/en" / b"2026-11-22-\xff.md".decode("utf-8", "surrogateescape")).write_text(post())
    machine, human = run(tmp_path, "--json"), run(tmp_path)
    assert (machine.returncode, human.returncode) == (int(broken), int(broken))
    assert (machine.stderr, human.stderr) == ("", "")
    found = json.loads(machine.stdout)
    assert all(list(row) == ["file", "line", "code", "severity", "message"] for row in found)
    rows = {(row["file"], row["line"], row["code"], row["severity"]) for row in found}
    assert ("content/posts/en/2026-11-21-c.md", 3, "missing-image", "warning") in rows
    assert (("content/posts/en/2026-11-20-b.md", 3, "unknown-key", "error") in rows) is broken
    assert len(rows) == (3 if broken else 1)
    assert "content/posts/en/2026-11-21-c.md:3: warning" in human.stdout


def test_the_command_where_there_is_no_site(tmp_path: Path) -> None:
    done = run(tmp_path, "--json")
    assert done.returncode == 1
    assert [row["code"] for row in json.loads(done.stdout)] == ["no-site"]


LINES = "---\nsubject: S\n---\n\n<!-- entries -->\n- `{}` x\n"


@pytest.mark.parametrize(("slot", "found"), [("2026-11-19", 0), ("2026-11-26", 1)])
def test_lines_of_an_edition_that_is_over_are_history(tmp_path: Path, slot: str, found: int) -> None:
    problems = check(tmp_path, {**GOOD, f"editions/n/{slot}.md": LINES.format("0" * 12)})
    assert [(line, code, severity) for _, line, code, severity in problems] == [(6, "unknown-entry", "error")] * found


def test_a_line_is_judged_until_its_day_is_over(tmp_path: Path) -> None:
    write_site(tmp_path, {**GOOD, "editions/n/2026-11-26.md": LINES.format("0" * 12)}, site=SITE + FOLDER)
    late = datetime(2026, 11, 26, 22, 59, tzinfo=UTC)  # a minute before midnight in Berlin
    for moment, count in ((late, 1), (late + timedelta(minutes=1), 0)):
        assert len(check_site(tmp_path, fetcher(tmp_path, ""), moment)[1].sorted()) == count


def test_a_line_of_a_feed_is_only_doubted_without_a_store(tmp_path: Path) -> None:
    site = SITE + FOLDER + "  blog: {feed: 'https://blog.example.org/feed'}\n"
    write_site(tmp_path, {**GOOD, "editions/n/2026-11-26.md": LINES.format("0" * 12)}, site=site)
    for memory, severity in ((None, "warning"), (Memory([], {}), "error")):
        (problem,) = check_site(tmp_path, fetcher(tmp_path, ""), NOW, memory)[1].sorted()
        assert (problem.code, problem.severity, problem.line) == ("unknown-entry", severity, 6)


def test_what_an_earlier_edition_held_is_named_but_not_what_may_be_reminded_of(tmp_path: Path) -> None:
    event = entry(7, kind=Kind.DEADLINE, starts=NOW + timedelta(days=6))
    old = Edition("n", "2026-11-19", NOW - timedelta(days=3), State.SENT, number=4, entries=(f"{1:012x}", event.id))
    text = LINES.format(f"{1:012x}") + f"- `{event.id}` y\n"
    write_site(tmp_path, {**GOOD, "editions/n/2026-11-26.md": text}, site=SITE + FOLDER)
    memory = Memory([entry(1), event], {"n": [old]})
    (problem,) = check_site(tmp_path, fetcher(tmp_path, ""), NOW, memory)[1].sorted()
    assert (problem.code, problem.line) == ("already-published", 6)
    assert "#4 (2026-11-19)" in problem.message
