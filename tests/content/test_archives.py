"""Issues of an archive: read cheaply, problems named, links found as a reader would follow them."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.content.archives import is_issue_name, links_in, names_in_use
from chalicelib.content.load import load_site
from chalicelib.content.values import ArchivedIssue
from tests.sites import WEEKLY, write_site

GOOD = "---\ntitle: One\nnumber: '#7'\ndate: 2023-01-26\nlanguage: de\nurl: https://old.example.org/7\n---\n\n[a](https://a.example.org/x).\n"


def read(root: Path, files: dict[str, str | bytes]) -> tuple[tuple[ArchivedIssue, ...], list[tuple[str, int, str]]]:
    archive = {f"archive/{name}": text for name, text in files.items()}
    loaded = load_site(write_site(root, {"newsletters/weekly.yaml": WEEKLY, **archive}))
    assert loaded.site, "an archive stops nothing"
    problems = [(p.file.removeprefix("content/archive/"), p.line, p.code) for p in loaded.problems]
    return loaded.site.archive, problems


def test_an_issue_is_read_whole(tmp_path: Path) -> None:
    issues, problems = read(
        tmp_path, {"weekly/2023-01-26-x.md": GOOD, "weekly/2022-12-01.md": "---\ntitle: Zero\n---\nx"}
    )
    assert problems == []
    assert [issue.slot for issue in issues] == ["2022-12-01", "2023-01-26-x"]
    assert issues[1] == ArchivedIssue(
        newsletter="weekly", slot="2023-01-26-x", number=7, title="One", body="[a](https://a.example.org/x).",
        language="de", url="https://old.example.org/7", links=("https://a.example.org/x",),
        file="content/archive/weekly/2023-01-26-x.md",
    )  # fmt: skip
    assert (issues[0].number, issues[0].url, issues[0].language) == (0, "", "")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("weekly/2023-01-26.md", "x", (1, "no-front-matter")),
        ("weekly/2023-01-26.md", "---\nnumber: 1\n---\n", (2, "missing-key")),
        ("weekly/2023-01-26.md", "---\ntitle: T\nnumber: x1\n---\n", (3, "bad-value")),
        ("weekly/2023-01-26.md", "---\ntitle: T\nurl: /x\n---\n", (3, "bad-value")),
        ("weekly/2023-01-26.md", "---\ntitle: T\nlanguage: English\n---\n", (3, "unknown-language")),
        ("weekly/2023-01-26.md", "---\ntitle: T\ntags: [x]\n---\n", (3, "unknown-key")),
        ("weekly/2023-02-30.md", GOOD, (0, "bad-name")),
        ("weekly/2023-01-26 x.md", GOOD, (0, "bad-name")),
        ("weekly/issue-7.md", GOOD, (0, "bad-name")),
        ("weekly/2023/2023-01-26.md", GOOD, (0, "bad-name")),
        ("none/2023-01-26.md", GOOD, (0, "unknown-newsletter")),
    ],
)
def test_what_is_wrong_is_named_and_stops_no_other(
    tmp_path: Path, name: str, text: str, expected: tuple[int, str]
) -> None:
    issues, problems = read(tmp_path, {name: text, "weekly/2020-01-01.md": GOOD})
    assert [issue.slot for issue in issues] == ["2020-01-01"]
    assert [(line, code) for _, line, code in problems] == [expected]
    assert problems[0][0].startswith(name.split("/")[0])


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    assert read(tmp_path, {"weekly/2023-01-26.md": GOOD})[0][0].title == "One"
    assert read(tmp_path, {"weekly/2023-01-26.md": GOOD.replace("One", "Other")})[0][0].title == "Other"
    (tmp_path / "content/archive/weekly/2023-01-26.md").unlink()
    assert load_site(tmp_path).require().archive == ()


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("[a](https://a.example.org/x_(y)) [b](<https://b.example.org/>)",
         ("https://a.example.org/x_(y)", "https://b.example.org/")),
        ("(see https://a.example.org/x), *https://b.example.org/y*!", ("https://a.example.org/x", "https://b.example.org/y")),
        ('<a href="https://a.example.org/?a=1&amp;b=2">x</a> [t](https://a.example.org/z "title")',
         ("https://a.example.org/?a=1&b=2", "https://a.example.org/z")),
        ("[x]: https://a.example.org/x\n[y](/relative) mailto:a@example.org HTTPS://B.example.org/",
         ("https://a.example.org/x", "HTTPS://B.example.org/")),
        ("https://a.example.org/x https://a.example.org/x", ("https://a.example.org/x",)),
        ("https://a.example.org/" + "x" * 3000, ()),
        ("https://", ()),
    ],
)  # fmt: skip
def test_links(text: str, links: tuple[str, ...]) -> None:
    assert links_in(text) == links


@settings(max_examples=200, deadline=None)
@given(
    st.text(st.sampled_from("htps:/.()<>[]\"'& \nab&amp;"), max_size=60).map(
        lambda text: text.replace("h", "https://a")
    )
)
def test_links_are_parts_of_the_text(text: str) -> None:
    for link in links_in(text):
        assert link.lower().startswith("http")
        assert link in text or "&amp;" in text
        assert link.count("(") >= link.count(")")


@pytest.mark.timeout(60)  # a guard against what is not linear, no measure
def test_hostile_text_is_searched_in_seconds() -> None:
    assert len(links_in("https://a(" * 200_000)) <= 1
    assert len(links_in("https://a.example.org/ " * 80_000)) == 1
    assert len(links_in(" ".join(f"https://a.example.org/{n}" for n in range(80_000)))) == 2_000


def test_names() -> None:
    assert is_issue_name("2023-01-26-a-1")
    assert not is_issue_name("2023-01-26-")
    assert [names_in_use(taken, "a") for taken in ((), ("a",), ("a", "a-2"))] == ["a", "a-2", "a-3"]
