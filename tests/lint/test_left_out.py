"""What would be left out of a mail without a word is named where it was written."""

from pathlib import Path

import pytest

from chalicelib.content.load import load_site
from chalicelib.lint.sources import lint_sources
from tests.sites import FOLDER, SITE, WEEKLY, write_site

HEAD = "---\ntitle: A post of some length\n---\n"


def told(root: Path, body: str) -> list[tuple[str, int, str]]:
    files: dict[str, str | bytes] = {"posts/en/2026-11-20-a.md": HEAD + body, "newsletters/weekly.yaml": WEEKLY}
    site = load_site(write_site(root, files, site=SITE + FOLDER)).require()
    return [(p.file.rpartition("/")[2], p.line, p.code) for p in lint_sources(site)]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("Press [here](javascript:alert(1)) now.", "bad-link"),
        ("Press [here]( data:text/html,x) now.", "bad-link"),
        ("Press <a href = 'JavaScript:alert(1)'>here</a>.", "bad-link"),
        ("A link [](https://example.org/x) of nothing.", "empty-link"),
        ("A link <a class='x' href='https://example.org/x'> </a> of nothing.", "empty-link"),
        ("See {% include nowhere.html a=1 %} for it.", "shortcode"),
        ("It has {{ site.data.members.count }} members.", "shortcode"),
    ],
)
def test_it_is_named_with_its_line(tmp_path: Path, line: str, code: str) -> None:
    assert told(tmp_path, f"One.\n\n{line}\n") == [("2026-11-20-a.md", 6, code)]


@pytest.mark.parametrize(
    "text",
    [
        "Write `[x](javascript:alert(1))` and `{{ value }}` in backticks.",
        "```\n{% include x %} [](https://example.org) <a></a>\n```",
        "{% raw %}{{ value }}{% endraw %} is shown, {{ page.title }} is filled in.",
        "A [link](https://example.org/javascript:x) that is one.",
    ],
)
def test_what_readers_see_is_not(tmp_path: Path, text: str) -> None:
    assert told(tmp_path, f"One.\n\n{text}\n") == []


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "piece", ["](", "](  ", "href=", "href= ' ", "[ ", "[](", "<a ", "<a>", "{{", "{{ x ", "{%", "{% x "]
)
def test_repetition_ends(tmp_path: Path, piece: str) -> None:
    told(tmp_path, piece * (40_000 // len(piece)))
