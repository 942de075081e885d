"""The comment below a pull request: all that is asked of it, and nothing that a stranger's text could make of it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from chalicelib.cli.chromium import find_chromium
from chalicelib.cli.preview_comment import MARK, MOST_BYTES, Part, comment_of, plain
from chalicelib.content.values import Problem, Severity
from tests.cli.house import MONDAY, Command, small_site

OTHER = (
    "title: Other\nschedule: {rule: FREQ=WEEKLY;BYDAY=FR, at: '10:00'}\nsections: [{title: News, topics: [security]}]\n"
)


@pytest.fixture
def site(command: Command) -> Command:
    return small_site(command)


def shown(markdown: str) -> str:
    return MarkdownIt("gfm-like").render(markdown)


def comment(site: Command, tmp_path: Path, *more: str, what: str = "all", code: int = 0) -> str:
    file = tmp_path / "told" / "comment.md"
    words = ["preview", what, "--out", str(tmp_path / "out"), "--comment", str(file), "--now", MONDAY, *more]
    site.run(*words, code=code)
    return file.read_text("utf-8")


def test_it_tells_subject_size_readers_cost_and_what_check_says(site: Command, tmp_path: Path) -> None:
    site.write("posts/2026-11-19-second.md", "---\ntitle: Second\ntopics: [scurity]\n---\nText.\n")
    text = comment(site, tmp_path, "--no-pictures")
    assert text.startswith(f"{MARK}\n\n### ")
    html = shown(text)
    for words in ("digest/2026-11-26", "of 102 KB", "3 get a mail", "none for a mail sent by maildir", "<td>3</td>"):
        assert words in html
    assert "content/posts/2026-11-19-second.md:3 <strong>error</strong>" in html
    assert "found <strong>1 errors</strong>" in html
    assert (tmp_path / "out" / "digest" / "index.html").exists()


def test_all_means_every_newsletter_and_one_that_has_nothing_to_say_says_so(site: Command, tmp_path: Path) -> None:
    site.write("newsletters/other.yaml", OTHER)
    text = comment(site, tmp_path, "--no-pictures")
    assert "#### digest/2026-11-26" in text
    assert "#### other\n\nThe next edition of other would be empty." in text
    assert not (tmp_path / "out" / "other").exists()
    one = comment(site, tmp_path, "--no-pictures", what="digest")
    assert "other" not in one
    assert (tmp_path / "out" / "index.html").exists()


def test_a_newsletter_may_be_called_all(site: Command, tmp_path: Path) -> None:
    site.write("newsletters/all.yaml", OTHER.replace("topics: [security]", "rest: true"))
    text = comment(site, tmp_path, "--no-pictures")
    assert "#### all/2026-11-27" in text
    assert "digest" not in text


def test_of_a_broken_site_it_tells_what_is_wrong(site: Command, tmp_path: Path) -> None:
    site.write("newsletters/digest.yaml", "title: Digest\nschedul: {}\n")
    text = comment(site, tmp_path, "--no-pictures", code=1)
    assert "content/newsletters/digest.yaml:2 **error**" in text


@pytest.mark.skipif(find_chromium() is None, reason="there is no Chromium")
def test_pictures_are_shown_where_they_can_be_found_and_else_named(site: Command, tmp_path: Path) -> None:
    text = comment(site, tmp_path)
    assert "- Pictures: `digest/en-phone.png`, `digest/en-phone-dark.png`" in text
    html = shown(comment(site, tmp_path, "--pictures-at", "https://ci.example.org/job/7/raw/out/"))
    assert 'src="https://ci.example.org/job/7/raw/out/digest/en-phone.png"' in html
    assert (tmp_path / "out" / "digest" / "en-phone.png").exists()


def test_what_can_not_be_written_is_told(site: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    words = ["preview", "digest", "--out", str(tmp_path / "out"), "--no-pictures", "--now", MONDAY]
    assert "--comment" in site.run(*words, "--comment", str(tmp_path / "file" / "x.md"), code=2).err


HOSTILE = [
    "<script>alert(1)</script>", "![x](https://evil.example/x.png)", "[x](https://evil.example)", "@everybody",
    "a | b", "**bold** `code`", "<!-- sendbrief-preview -->", "https://evil.example", "www.evil.example", "\\[x](y)",
    "# heading", "line\n# two", "&lt;b&gt;", "</details>",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_what_editors_wrote_is_never_taken_for_anything_but_text(text: str) -> None:
    for html in (shown(f"- x: {plain(text)}"), shown(f"| a | b |\n|---|---|\n| {plain(text)} | end |")):
        assert not [
            tag for tag in ("<script", "<img", "<a ", "<strong", "<code", "<h1", "<!--", "</details") if tag in html
        ]
        assert html.count("<td>") in {0, 2}
    assert "@e" not in plain(text)


@given(text=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60))
def test_any_text_stays_text(text: str) -> None:
    html = shown(f"- x: {plain(text)}")
    assert html.count("<") == 4, html  # a list and its one item


def test_it_is_never_longer_than_a_comment_may_be() -> None:
    parts = [Part(f"n{number}", nothing="x" * 5_000) for number in range(40)]
    problems = [Problem("content/x.md", number, "code", Severity.WARNING, "y" * 900) for number in range(500)]
    problems.append(Problem("content/z.md", 1, "code", Severity.ERROR, "the one error"))
    text = comment_of(parts, problems)
    assert MOST_BYTES - 10_000 < len(text.encode()) < 65_536
    assert "more editions are in the files" in text
    assert "the one error" in text
    assert "and 471 more" in text
