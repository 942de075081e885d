"""What a site says of privacy is read with file and line; what it leaves out is as usual."""

from pathlib import Path

import pytest

from chalicelib.content.privacy import Privacy
from chalicelib.content.problems import Problems
from chalicelib.content.site import read_site

SITE = """\
name: A guild
base_url: https://news.example.org
languages: [en, de]
time_zone: Europe/Berlin
sender: {name: A guild, address: news@example.org}
postal_address: A guild, Street 1
"""


def read(root: Path, text: str) -> tuple[Privacy, list[str]]:
    (root / "content").mkdir(exist_ok=True)
    (root / "content" / "site.yaml").write_text(SITE + text, "utf-8")
    problems = Problems()
    site, _ = read_site(root, problems)
    assert site is not None
    return site.privacy, [f"{p.file}:{p.line} {p.code} {p.message}" for p in problems.sorted()]


def test_a_site_without_it_keeps_what_is_usual(tmp_path: Path) -> None:
    assert read(tmp_path, "") == (Privacy(), [])
    assert (Privacy().keep_left_days, Privacy().keep_recipients_days) == (730, 365)


def test_all_of_it_is_read(tmp_path: Path) -> None:
    privacy, problems = read(
        tmp_path,
        "privacy:\n  controller: {en: Guild, de: Gilde}\n  contact: data@example.org\n  officer: Dana Officer\n"
        "  authority: An office\n  hosting: {en: A host}\n  keep_left_days: 90\n  keep_recipients_days: 1\n",
    )
    assert problems == []
    assert privacy == Privacy(
        {"en": "Guild", "de": "Gilde"}, "data@example.org", {"*": "Dana Officer"}, {"*": "An office"},
        {"en": "A host"}, 90, 1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("contact: nobody", "bad-value privacy.contact: 'nobody' is no mail address"),
        ("keep_left_days: 29", "bad-value privacy.keep_left_days: '29' is no number of days from 30 to 3650"),
        ("keep_left_days: forever", "'forever' is no number of days"),
        ("keep_recipients_days: 0", "'0' is no number of days from 1"),
        ("keep_recipients_days: 99999", "'99999' is no number of days"),
        ("controller: {fr: Guilde}", "unknown-language"),
        ("keep_days: 3", "unknown-key unknown key 'privacy.keep_days'"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, line: str, words: str) -> None:
    privacy, problems = read(tmp_path, f"privacy:\n  {line}\n")
    assert len(problems) == 1
    assert problems[0].startswith("content/site.yaml:8 ")
    assert words in problems[0]
    assert (privacy.keep_left_days, privacy.keep_recipients_days, privacy.contact) == (730, 365, "")
