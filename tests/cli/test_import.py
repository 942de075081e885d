"""Importing an old newsletter: what is written, what is left alone, what is named, and that a second run is nothing."""

from pathlib import Path

import pytest

from chalicelib.content.load import load_site
from chalicelib.content.values import ArchivedIssue
from tests.cli.house import Command
from tests.corpus import CORPUS, needs_corpus

JEKYLL = """\
---
layout: post
title: Week 3
date: 2023-01-23 23:30:00 -0000
permalink: /w3.html
---
{% highlight sh %}
ls {{ x }}
{% endhighlight %}

See [this](https://a.example.org/x) and {{ page.title }}. {% raw %}{{ shown }}{% endraw %}
"""
DIGEST = """\
---
layout: digest
title: {en: "Issue six", de: Ausgabe sechs}
date: 2022-02-17
tags: [x]
intro: Hello.
highlight:
  title: The summit
  link: https://summit.example.org/
  text: |
    It was *good*.
stories:
  - title: Release [4]
    link: /release/
    substories:
      - {title: Notes, link: https://notes.example.org/, text: All of them}
      - Just words
  - text: {en: In English, de: Auf Deutsch}
  - {image: x.png}
---
And the rest, {% include x %}in Markdown.
"""


def put(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def written(command: Command) -> dict[str, str]:
    folder = command.site / "content" / "archive" / "digest"
    return {path.name: path.read_text("utf-8") for path in sorted(folder.glob("*"))}


def archive(command: Command) -> tuple[ArchivedIssue, ...]:
    loaded = load_site(command.site)
    assert [p for p in loaded.problems if "archive" in p.file] == []
    return loaded.require().archive


def test_posts_of_jekyll_become_issues(command: Command, tmp_path: Path) -> None:
    old = put(tmp_path / "old", {"2023-01-23-week-3.md": JEKYLL, "README.md": "x", "_drafts/2023-01-01-x.md": JEKYLL})
    ran = command.run("import", "jekyll", str(old), "--url", "https://old.example.org/{date:%Y}/{slug}/")
    assert "1 written." in ran.out
    assert written(command) == {
        "2023-01-24-week-3.md": (
            '---\ntitle: "Week 3"\ndate: 2023-01-24\nnumber: 3\nlanguage: en\nurl: "https://old.example.org/w3.html"\n---\n\n'
            "```sh\nls {{ x }}\n```\n\n\n\nSee [this](https://a.example.org/x) and Week 3. &#123;{ shown }}\n"
        )
    }
    (issue,) = archive(command)
    assert (issue.slot, issue.number, issue.title, issue.links) == (
        "2023-01-24-week-3", 3, "Week 3", ("https://a.example.org/x",),
    )  # fmt: skip
    assert command.run("check", "--json").json == []


def test_a_second_run_changes_nothing_and_an_edited_file_is_kept(command: Command, tmp_path: Path) -> None:
    old = put(tmp_path / "old", {"2023-01-23-a.md": JEKYLL, "2023-01-30-b.md": JEKYLL.replace("23 23", "30 23")})
    command.run("import", "jekyll", str(old))
    before = written(command)
    assert "2 unchanged." in command.run("import", "jekyll", str(old)).out
    edited = command.write("archive/digest/2023-01-24-a.md", "---\ntitle: Mine\n---\nx\n")
    (command.site / "content/archive/digest/2023-01-31-b.md").unlink()
    ran = command.run("import", "jekyll", str(old))
    assert "left as it is" in ran.out
    assert "2023-01-24-a.md" in ran.out
    assert "1 written, 1 kept." in ran.out
    assert edited.read_text() == "---\ntitle: Mine\n---\nx\n"
    assert written(command) == {**before, "2023-01-24-a.md": edited.read_text()}


def test_a_dry_run_writes_nothing(command: Command, tmp_path: Path) -> None:
    old = put(tmp_path / "old", {"2023-01-23-a.md": JEKYLL})
    ran = command.run("import", "jekyll", str(old), "--dry-run")
    assert "would write" in ran.out
    assert "1 to write." in ran.out
    assert not (command.site / "content" / "archive").exists()


def test_a_digest_s_stories_become_text(command: Command, tmp_path: Path) -> None:
    files = {
        "6.md": DIGEST,
        "10.md": "---\ndate: 2022-05-01\n---\nx",
    }
    ran = command.run("import", "digest", str(put(tmp_path / "old", files)), "--language", "de")
    assert "2 written." in ran.out
    assert "6.md:19: warning" in ran.out
    assert written(command) == {
        "2022-02-17.md": (
            '---\ntitle: "Ausgabe sechs"\ndate: 2022-02-17\nnumber: 6\nlanguage: de\n---\n\n'
            "And the rest, in Markdown.\n\nHello.\n\n"
            "## [The summit](https://summit.example.org/)\n\nIt was *good*.\n\n## [Release (4)](/release/)\n\n"
            "- [Notes](https://notes.example.org/) – All of them\n- Just words\n\nAuf Deutsch\n"
        ),
        "2022-05-01.md": '---\ntitle: "Digest 10"\ndate: 2022-05-01\nnumber: 10\nlanguage: de\n---\n\nx\n',
    }
    assert [issue.number for issue in archive(command)] == [6, 10]


def test_pelican_s_articles_become_issues(command: Command, tmp_path: Path) -> None:
    text = 'Title: Old "news"\nNumber: 12\nDate: 2023-01-04\nLang: de\nTags: a\n\n[x]({filename}y.md) words\n'
    command.run("import", "pelican", str(put(tmp_path / "old", {"news.md": text, "draft.md": "Title: x\n\nx"})))
    assert list(written(command)) == ["2023-01-04-news.md"]
    (issue,) = archive(command)
    assert (issue.title, issue.number, issue.language, issue.body) == ('Old "news"', 12, "de", "[x]() words")


def test_what_can_t_be_read_is_named_and_stops_no_other(command: Command, tmp_path: Path) -> None:
    old = put(
        tmp_path / "old",
        {
            "2023-01-01-a.md": JEKYLL, "2023-02-01-b.md": "---\ntitle: [\n---\nx", "2023-02-02-c.md": "x",
            "2023-02-03-d.md": "---\ntitle: T\ndraft: true\n---\nx", "e.md": "---\ntitle: T\n---\nx",
            "2023-02-05-f.md": "---\ntitle: T\n---\n{% x %}", "2023-02-31-g.md": "---\ntitle: T\n---\nx",
            "2023-02-07-h.md": "---\ntitle: T\ndate: soon\n---\nx",
            "deep/2023-02-08-i.markdown": "---\ntitle: T\n---\nx",
        },
    )  # fmt: skip
    ran = command.run("import", "jekyll", str(old), code=1)
    said = " ".join(ran.out.split())
    for place, word in (
        ("2023-02-01-b.md:2", "bad-yaml"), ("2023-02-02-c.md:1", "no-front-matter"), ("2023-02-03-d.md:2", "draft"),
        ("e.md:2", "missing-key"), ("2023-02-05-f.md:4", "empty-issue"), ("2023-02-31-g.md:2", "missing-key"),
    ):  # fmt: skip
        assert f"{place}:" in said
        assert word in said
    assert "3 written, 6 left out." in ran.out
    assert list(written(command)) == ["2023-01-24-a.md", "2023-02-07-h.md", "2023-02-08-i.md"]


def test_two_issues_of_one_day_and_name_are_both_kept(command: Command, tmp_path: Path) -> None:
    text = "---\ntitle: T\ndate: 2023-01-01\n---\nx"
    old = put(tmp_path / "old", {"a/7.md": text, "b/7.md": text.replace("T", "U")})
    command.run("import", "digest", str(old))
    assert list(written(command)) == ["2023-01-01-2.md", "2023-01-01.md"]
    assert "2 unchanged." in command.run("import", "digest", str(old)).out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["jekyll", "nowhere"], "no folder"),
        (["jekyll", ".", "--newsletter", "digst"], "Did you mean 'digest'"),
        (["jekyll", ".", "--language", "English"], "no language tag"),
        (["jekyll", ".", "--url", "example.org/{slug}"], "no web address"),
        (["jekyll", ".", "--url", "https://example.org/{title}"], "'{title}' is unknown"),
        (["wordpress", "."], "No such command"),
    ],
)
def test_misuse(command: Command, arguments: list[str], words: str) -> None:
    assert words in " ".join(command.run("import", *arguments, code=2).said.split())


def test_of_several_newsletters_one_must_be_named(command: Command, tmp_path: Path) -> None:
    command.write("newsletters/second.yaml", "title: Second\ntrigger: {topics: [news]}\n")
    old = put(tmp_path / "old", {"2023-01-23-a.md": JEKYLL})
    assert "digest, second" in command.run("import", "jekyll", str(old), code=2).err
    command.run("import", "jekyll", str(old), "--newsletter", "second")
    assert [issue.newsletter for issue in archive(command)] == ["second"]


def test_a_folder_without_issues(command: Command, tmp_path: Path) -> None:
    assert "no Markdown files" in command.run("import", "digest", str(put(tmp_path / "old", {"x.txt": "x"}))).out


def test_what_can_t_be_written_is_said_and_nothing_is_half_there(command: Command, tmp_path: Path) -> None:
    old = put(tmp_path / "old", {"2023-01-23-a.md": JEKYLL})
    command.write("archive/digest", "a file where a folder belongs")
    assert "can't be written" in command.run("import", "jekyll", str(old), code=1).err


@needs_corpus
@pytest.mark.parametrize(
    ("kind", "name", "count", "numbers"), [("jekyll", "lwkd", 20, {0}), ("pelican", "twir", 15, None)]
)
def test_real_archives(command: Command, kind: str, name: str, count: int, numbers: set[int] | None) -> None:
    assert f"{count} written." in command.run("import", kind, str(CORPUS / name)).out
    issues = archive(command)
    assert len(issues) == count
    assert {issue.number for issue in issues} == (numbers or set(range(476, 491)))
    assert all(issue.title and issue.links and "{%" not in issue.body for issue in issues)
    assert f"{count} unchanged." in command.run("import", kind, str(CORPUS / name)).out
    assert command.run("check", "--json").json == []
