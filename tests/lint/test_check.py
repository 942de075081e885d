"""``sendbrief check`` as a process on a copy of the example site: what newsletters got wrong, at its file and line."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HELLO = "Hello {{ name }},\n\nsee you on Friday, 3 December."
SUMMIT = "https://havelcloud.example.org/en/events/summit/"
POST = "---\ntitle: A post\nauthor: [A]\ncategory: community\n---\nWords.\n\n{}\n"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "content", tmp_path / "content")
    return tmp_path


def check(root: Path) -> list[dict[str, Any]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SENDBRIEF_")}
    done = subprocess.run(
        [sys.executable, "-m", "chalicelib.cli.main", "--site", root, "--data", root / "d", "check", "--json"],
        env=kept | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert done.returncode == (1 if any(row["severity"] == "error" for row in found) else 0)
    return found


def places(rows: list[dict[str, Any]]) -> list[tuple[str, int, str]]:
    return [(row["file"].removeprefix("content/"), row["line"], row["code"]) for row in rows]


def test_the_example_is_in_order(copy: Path) -> None:
    assert check(copy) == []


def test_what_editors_got_wrong_is_named_at_its_line(copy: Path) -> None:
    planted = {
        "2026-11-18-doubled.md": "See [it](https://a.example/https://a.example/x).",
        "2026-11-18-staging.md": "See [it](https://staging.scs.example.org/x).",
        "2022-02-03-weekday.md": "The freeze begins on **Saturday** night,\nFebruary 11.",
        "2026-11-18-markdown.md": "<div>See [the page](https://a.example/x)</div>",
        "2026-11-18-alt.md": "![](https://a.example/x.png)",
        "2026-11-18-http.md": "See <http://old.example.org/x>.",
        "2026-11-18-todo.md": "TODO: say more.",
        "2026-11-18-code.md": "`[x](http://localhost/)` and\n\n```\nSaturday, November 18, 2026 ![](x.png) TODO:\n```",
    }
    for name, text in planted.items():
        (copy / "content" / "posts" / "en" / name).write_text(POST.format(text), "utf-8")
    found = places(check(copy))
    assert [place for place in found if place[0].startswith("posts/")] == [
        ("posts/en/2022-02-03-weekday.md", 8, "wrong-day"),
        ("posts/en/2026-11-18-alt.md", 8, "missing-alt"),
        ("posts/en/2026-11-18-doubled.md", 8, "doubled-link"),
        ("posts/en/2026-11-18-http.md", 8, "http-link"),
        ("posts/en/2026-11-18-markdown.md", 8, "markdown-link"),
        ("posts/en/2026-11-18-staging.md", 8, "staging-link"),
        ("posts/en/2026-11-18-todo.md", 8, "placeholder"),
    ]
    assert [place for place in found if not place[0].startswith("posts/")] == []


def test_notes_and_site_yaml_are_read_too(copy: Path) -> None:
    note = copy / "content" / "editions" / "community-digest" / "2026-11-19.md"
    text = note.read_text("utf-8").replace("Hello {name|everyone},", HELLO)
    note.write_text(text.replace("Rathenow is out, and one thing to patch today", "RATHENOW IS OUT NOW"), "utf-8")
    site = copy / "content" / "site.yaml"
    site.write_text(site.read_text("utf-8").replace("org/imprint", "org/https://havelcloud.example.org/i"), "utf-8")
    found = places(check(copy))
    assert ("editions/community-digest/2026-11-19.md", 3, "subject") in found
    assert ("editions/community-digest/2026-11-19.md", 8, "unresolved") in found
    assert ("editions/community-digest/2026-11-19.md", 10, "wrong-day") in found
    assert ("site.yaml", 14, "doubled-link") in found


@pytest.mark.slow
def test_a_template_that_leaves_links_out_of_the_text(copy: Path) -> None:
    folder = copy / "templates" / "email" / "digest"
    folder.mkdir(parents=True)
    (folder / "body.txt").write_text("{{ site_name }}\nUnsubscribe: {{ unsubscribe_url }}\n", "utf-8")
    found = check(copy)
    lost = [row for row in found if row["code"] == "lost-link" and row["file"] == "community-digest/2026-11-19 (en)"]
    assert any("/blog/2026/11/16/release-rathenow/" in row["message"] for row in lost)
    assert any(row["code"] == "lost-title" and "'Rathenow is out'" in row["message"] for row in found)


@pytest.mark.slow
def test_an_edition_that_can_not_be_rendered_is_an_error(copy: Path) -> None:
    folder = copy / "templates" / "email" / "digest"
    folder.mkdir(parents=True)
    (folder / "body.txt").write_text("{{ no_such_name }}\n", "utf-8")
    rows = [row for row in check(copy) if row["code"] == "render"]
    assert [row["file"] for row in rows] == ["community-digest/2026-11-19 (de)", "community-digest/2026-11-19 (en)"]
    assert "email/digest/body.txt, line 1" in rows[0]["message"]


@pytest.mark.slow
def test_what_would_hold_an_edition_is_an_error(copy: Path) -> None:
    note = copy / "content" / "editions" / "community-digest" / "2026-11-19.md"
    note.write_text(
        note.read_text("utf-8").replace(SUMMIT, "http://10.0.0.7/x"),
        "utf-8",
    )
    rows = [row for row in check(copy) if row["code"] == "local-link"]
    assert {(row["file"], row["line"]) for row in rows} == {("content/editions/community-digest/2026-11-19.md", 14)}
    assert "error" in {row["severity"] for row in rows}


@pytest.mark.slow
def test_what_calendars_got_wrong(copy: Path) -> None:
    calendar = copy / "content" / "calendars" / "community.ics"
    events = (
        "BEGIN:VEVENT\nUID:zone@example.org\nDTSTART;TZID=Nowhere/Else:20261201T100000\nSUMMARY:A zone\nEND:VEVENT\n"
        "BEGIN:VEVENT\nUID:until@example.org\nDTSTART;TZID=Europe/Berlin:20261201T100000\n"
        "RRULE:FREQ=DAILY;UNTIL=20261203T000000Z\nSUMMARY:An end\nEND:VEVENT\n"
    )
    calendar.write_text(calendar.read_text("utf-8").replace("END:VCALENDAR", f"{events}END:VCALENDAR"), "utf-8")
    found = [row["message"] for row in check(copy) if row["code"] == "calendar"]
    assert any("Nowhere/Else" in message for message in found)
    assert any("UNTIL" in message for message in found)


@pytest.mark.slow
def test_two_hundred_posts_take_a_few_seconds(copy: Path) -> None:
    body = "A sentence about the cloud, with [a link](https://a.example/{n}) in it.\n\n" * 20
    for number in range(200):
        name = f"{2020 + number // 50}-03-{1 + number % 28:02}-post-{number}.md"
        (copy / "content" / "posts" / "en" / name).write_text(POST.format(body.replace("{n}", str(number))), "utf-8")
    start = time.perf_counter()
    assert check(copy) == []
    assert time.perf_counter() - start < 200


@pytest.mark.slow
def test_a_template_of_the_sites_own_is_read_as_well(copy: Path) -> None:
    folder = copy / "templates" / "email" / "digest"
    folder.mkdir(parents=True)
    built_in = (ROOT / "templates" / "email" / "digest" / "body.mjml").read_text("utf-8")
    (folder / "body.mjml").write_text(f"{built_in}\n<mj-colum></mj-colum>\n", "utf-8")
    rows = check(copy)
    assert any(row["file"] == "templates/email/digest/body.mjml" and row["severity"] == "error" for row in rows)
