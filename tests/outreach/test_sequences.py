"""Sequences: read as written, and every fault named with its line."""

from datetime import time, timedelta
from pathlib import Path

import pytest

from chalicelib.content.load import load_site
from chalicelib.content.problems import Problems
from chalicelib.outreach.sequences import STOPS, Sequence, read_sequences

SITE = """\
name: S
base_url: https://news.example.org
languages: [en, de]
time_zone: Europe/Berlin
sender: {name: S, address: news@example.org}
postal_address: Street 1
"""
SEQUENCE = """\
title: Welcome
audience: {newsletter: digest, on: confirmed}
legal_basis: consent
stop_on: [reply]
send_window: {days: [mon, tue], from: '09:00', to: '17:00'}
steps:
  - {mail: 1-hello.md, after: 0d}
  - {mail: 1-hello.md, after: 5d}
"""


def read(root: Path, text: str) -> tuple[dict[str, Sequence], list[tuple[int, str]]]:
    folder = root / "content" / "outreach" / "welcome"
    folder.mkdir(parents=True)
    (root / "content" / "newsletters").mkdir()
    (root / "content" / "site.yaml").write_text(SITE)
    (root / "content" / "newsletters" / "digest.yaml").write_text("title: D\nschedule: {rule: FREQ=WEEKLY;BYDAY=TH}\n")
    (folder / "1-hello.md").write_text("---\nsubject: {en: 'Hello, {name|friend}'}\n---\nGood to have you.\n")
    (folder / "sequence.yaml").write_text(text)
    problems = Problems()
    sequences = read_sequences(load_site(root).require(), problems)
    return sequences, [(p.line, p.code) for p in problems.sorted()]


def test_a_sequence_is_read_as_written(tmp_path: Path) -> None:
    sequences, problems = read(tmp_path, SEQUENCE)
    assert problems == []
    welcome = sequences["welcome"]
    assert (welcome.newsletter, welcome.legal_basis, welcome.stop_on) == ("digest", "consent", ("reply",))
    assert welcome.window is not None
    assert (welcome.window.days, welcome.window.opens, welcome.window.closes) == (("mon", "tue"), time(9), time(17))
    assert [step.after for step in welcome.steps] == [timedelta(0), timedelta(days=5)]
    assert welcome.steps[0].subject == {"en": "Hello, {name|friend}"}
    assert welcome.steps[0].body == "Good to have you."


def test_what_is_left_out_has_its_usual_value(tmp_path: Path) -> None:
    lines = [line for line in SEQUENCE.splitlines() if not line.startswith(("stop_on", "send_window"))]
    welcome = read(tmp_path, "\n".join(lines))[0]["welcome"]
    assert welcome.stop_on == STOPS
    assert welcome.window is None


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("legal_basis: consent\n", "", (1, "missing-key")),
        ("legal_basis: consent", "legal_basis: because", (3, "unknown-value")),
        ("newsletter: digest", "newsletter: digst", (2, "bad-value")),
        ("newsletter: digest", "newsletter: digest, contacts: press", (2, "bad-value")),
        ("on: confirmed", "on: tuesdays", (2, "unknown-value")),
        ("[reply]", "[replies]", (4, "unknown-value")),
        ("[mon, tue]", "[monday]", (5, "unknown-value")),
        ("'17:00'", "'08:00'", (5, "bad-value")),
        ("'17:00'", "evening", (5, "bad-value")),
        ("mail: 1-hello.md, after: 5d", "mail: 2-more.md, after: 5d", (8, "missing-mail")),
        ("after: 5d", "after: soon", (8, "bad-value")),
        ("after: 5d", "after: 5d, befour: 2d", (8, "unknown-key")),
        ("title: Welcome", "titel: Welcome", (1, "unknown-key")),
        ("- {mail: 1-hello.md, after: 0d}\n  - {mail: 1-hello.md, after: 5d}", "[]", (6, "missing-key")),
    ],
)
def test_every_fault_is_named_with_its_line_and_leaves_the_sequence_out(
    tmp_path: Path, old: str, new: str, expected: tuple[int, str]
) -> None:
    assert old in SEQUENCE
    sequences, problems = read(tmp_path, SEQUENCE.replace(old, new))
    assert expected in problems
    assert sequences == {}
