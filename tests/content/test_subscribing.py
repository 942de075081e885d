"""``subscribing`` in site.yaml: nothing of it is needed, and what it can't be is told with its line."""

from pathlib import Path

import pytest

from chalicelib.content.problems import Problems
from chalicelib.content.site import read_site
from chalicelib.content.subscribing import Subscribing, WorkUse

SITE = """\
name: A site
base_url: https://letters.example.org
languages: [en]
time_zone: Europe/Berlin
sender: {name: A site, address: letters@example.org}
postal_address: Pier 1
"""


def read(folder: Path, more: str) -> tuple[Subscribing, list[tuple[int, str]]]:
    (folder / "content").mkdir()
    (folder / "content" / "site.yaml").write_text(SITE + more, "utf-8")
    problems = Problems()
    site, _ = read_site(folder, problems)
    assert site
    return site.subscribing, [(problem.line, problem.code) for problem in problems.sorted()]


def test_nothing_is_asked_where_nothing_is_said(tmp_path: Path) -> None:
    assert read(tmp_path, "") == (Subscribing(WorkUse.OFF, check_mx=False, refuse_disposable=False), [])


@pytest.mark.parametrize("use", list(WorkUse))
def test_every_key_is_read(tmp_path: Path, use: WorkUse) -> None:
    said = f"subscribing: {{proof_of_work: {use}, check_mx: true, refuse_disposable: yes}}\n"
    assert read(tmp_path, said) == (Subscribing(use, check_mx=True, refuse_disposable=True), [])


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("proof_of_work: sometimes", "unknown-value"),
        ("check_mx: perhaps", "wrong-type"),
        ("refuse_disposable: [x]", "wrong-type"),
        ("captcha: true", "unknown-key"),
    ],
)
def test_what_it_can_not_be_is_told_with_its_line(tmp_path: Path, said: str, code: str) -> None:
    found, problems = read(tmp_path, f"subscribing:\n  {said}\n")
    assert found == Subscribing()
    assert problems == [(8, code)]


def test_it_is_a_mapping(tmp_path: Path) -> None:
    assert read(tmp_path, "subscribing: off\n") == (Subscribing(), [(7, "wrong-type")])
