"""Front matter as Jekyll, Hugo, Docusaurus and Pelican have it: one Post from each, problems with their line."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.content.posts import FolderRules, Post, read_post
from chalicelib.content.problems import Problems
from chalicelib.content.values import Source, SourceKind

SOURCE = Source("posts", SourceKind.FOLDER, "posts", url="https://www.example.org/blog/{slug}/")


def read(root: Path, text: str, source: Source = SOURCE) -> tuple[Post | None, list[tuple[int, str]]]:
    folder = root / "content" / "posts"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.md").write_bytes(text.encode("utf-8", "replace"))
    rules = FolderRules(source, ("en", "de"), ("news",), ZoneInfo("Europe/Berlin"), root / "content")
    problems = Problems()
    post = read_post(folder / "a.md", {"slug": "a"}, rules, problems)
    return post, [(p.line, p.code) for p in problems.sorted()]


def good(root: Path, text: str) -> Post:
    post, problems = read(root, text)
    assert problems == []
    assert post
    return post


FORMS = {
    "jekyll": (
        "---\nlayout: post\ntitle: 'A: title'\ndate: 2026-03-01 10:00:00 +0100\nauthor: Ada Example\n"
        "tags: one two\nexcerpt_separator: <!--more-->\nlast_modified_at: 2026-04-01\n---\n\nWords.\n"
    ),
    "hugo yaml": (
        "---\ntitle: 'A: title'\ndate: 2026-03-01T10:00:00+01:00\n"
        "author: {name: Ada Example, email: a@example.org}\ntags: [one two, one, two]\nlastmod: 2026-04-01\n"
        "menu: {main: {weight: 3}}\nTranslationKey: x\n---\nWords.\n"
    ),
    "hugo toml": (
        '+++\ntitle = "A: title"\ndate = 2026-03-01T10:00:00+01:00\nauthors = ["Ada Example"]\n'
        'tags = ["one two", "one", "two"]\ndraft = false\nweight = 1.50\n'
        "[params]\nx = [1, {y = 2020-01-01}]\n+++\n\nWords.\n"
    ),
    "docusaurus": (
        "---\ntitle: 'A: title'\ndate: 2026-03-01 09:00Z\nauthors:\n  - name: Ada Example\n    title: Engineer\n"
        "    url: https://ada.example.org\n    image_url: https://ada.example.org/a.png\n"
        "tags: [{label: one two, permalink: /one}, one, {label: two}]\nhide_table_of_contents: false\n---\nWords.\n"
    ),
    "pelican": (
        "Title: A: title\nDate: 2026-03-01 10:00\nModified: 2026-04-01\nAuthors: Ada Example\nTags: one two, one,\n"
        "    two\nSlug: a\nStatus: published\nTemplate: x\nTranslation: true\n\n\nWords.\n"
    ),
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_one_post_in_each_form(tmp_path: Path, text: str) -> None:
    post = good(tmp_path, text)
    assert (post.title, post.body, post.slug, post.authors) == ("A: title", "Words.", "a", ("Ada Example",))
    assert post.date == datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert post.categories == ("one two", "one", "two")
    assert text.split("\n")[post.body_line - 1] == "Words."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+++\ntitle = 'T'\nx = \n+++\n", [(3, "bad-toml")]),
        ("\n\n+++\ntitle = 'T'\n\n\ntitle = 'U'\n+++\n", [(7, "bad-toml")]),
        ("+++\ntitle = 'T\n+++\n", [(2, "bad-toml")]),
        ('+++\ntitle = """T\n+++\n', [(2, "bad-toml")]),
        ("+++\ntitle = [1]\n+++\n", [(2, "wrong-type")]),
        ("+++\ntags = ['x']\n\ndate = 'soon'\ntitle = 'T'\n+++\n", [(4, "bad-date")]),
        ("+++\ntitle = 'T'\n[authors]\nx = 1\n+++\n", [(3, "missing-key")]),
        ("+++\nx = " + "[" * 40 + "]" * 40 + "\n+++\n", [(2, "yaml-too-deep")]),
        ("+++\nx = " + "[" * 5000 + "]" * 5000 + "\n+++\n", [(2, "yaml-too-deep")]),
        ("+++\nx = " + "9" * 5000 + "\n+++\n", [(2, "bad-toml")]),
        ("+++\nx = '" + "9" * 300_000 + "'\n+++\n", [(2, "yaml-too-large")]),
        ("\nTitle: T\nDate: soon\n\nx", [(3, "bad-date")]),
        ("Title: T\nTitle: U\n\nx", [(2, "duplicate-key")]),
        ("Title:\nDate: 2026-01-01\n\nx", [(1, "missing-key")]),
        ("Title: T\nLang: fr\n\nx", [(2, "unknown-language")]),
        ("Title: T\nSumary: x\n\nx", [(2, "unknown-key")]),
        ("Date: 2026-01-01\nNote: x\n\nTitle: x", [(1, "no-front-matter")]),
        ("---\ntitle: T\nauthors: [{email: x}]\n---\n", [(3, "missing-key")]),
        ("---\ntitle: T\nauthors:\n- name: A\n- [x]\n---\n", [(5, "wrong-type")]),
        ("---\ntitle: T\nurl: ftp://example.org/x\n---\n", [(3, "bad-value")]),
        ("---\ntitle: T\nurl: www.example.org/x/\n---\n", [(3, "bad-value")]),
        ("---\ntitle: T\nexpiryDate: soon\n---\n", [(3, "bad-date")]),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_problems_have_their_line(tmp_path: Path, text: str, expected: list[tuple[int, str]]) -> None:
    post, problems = read(tmp_path, text)
    assert (post, problems) == (None, expected)


@pytest.mark.parametrize(
    "line",
    ["draft: true", "published: false", "unlisted: true", "headless: true", "status: draft", "status: Hidden",
     "Draft: true"],
)  # fmt: skip
def test_what_is_not_for_readers_is_not_read(tmp_path: Path, line: str) -> None:
    assert read(tmp_path, f"---\ntitle: T\n{line}\n---\nx") == (None, [])


@pytest.mark.parametrize("line", ["draft: false", "unlisted: false", "status: published", "status: {a: b}"])
def test_what_says_that_it_is_there_is_read(tmp_path: Path, line: str) -> None:
    good(tmp_path, f"---\ntitle: T\n{line}\n---\nx")


def test_hugo_says_from_when_until_when(tmp_path: Path) -> None:
    dates = "date=2026-01-01\npublishDate=2026-02-01\nexpirydate=2026-03-01T00:00:00Z"
    post = good(tmp_path, f"+++\ntitle='T'\n{dates}\n+++\n")
    assert post.date == datetime(2026, 1, 31, 23, tzinfo=UTC)
    assert post.expires == datetime(2026, 3, 1, tzinfo=UTC)
    assert good(tmp_path, "+++\ntitle='T'\n+++\n").expires is None


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("author: Ada", ("Ada",)),
        ("author: Ada, Bo", ("Ada, Bo",)),
        ("author: [Ada, Bo]", ("Ada", "Bo")),
        ("author: {name: Ada}\nauthors: [ada, bo, ada, guest]", ("Ada", "Ada Example", "bo", "guest")),
        ("authors: ada", ("Ada Example",)),
        ("authors: {key: ada, title: x}", ("x",)),
        ("authors: [{key: ada}, null, nameless]", ("Ada Example", "nameless")),
        ("authors:", ()),
    ],
)
def test_authors(tmp_path: Path, written: str, names: tuple[str, ...]) -> None:
    folder = tmp_path / "content" / "posts"
    folder.mkdir(parents=True)
    known = "ada:\n  name: Ada Example\n  url: https://ada.example.org\nnameless: {url: x}\n"
    (folder / "authors.yml").write_text(known)
    assert good(tmp_path, f"---\ntitle: T\n{written}\n---\nx").authors == names


def test_pelican_parts_lists_at_semicolons_where_there_are_any(tmp_path: Path) -> None:
    post = good(tmp_path, "Title: T\nAuthors: Example, Ada; Example, Bo\nTags: a b, c\n\nx")
    assert (post.authors, post.categories) == (("Example, Ada", "Example, Bo"), ("a b", "c"))


def test_a_broken_or_changed_list_of_authors(tmp_path: Path) -> None:
    text = "---\ntitle: T\nauthors: ada\n---\nx"
    file = tmp_path / "content" / "posts" / "authors.yml"
    assert good(tmp_path, text).authors == ("ada",)
    file.write_text("ada: {name: Ada}\n")
    assert good(tmp_path, text).authors == ("Ada",)
    file.write_text("ada: {name: Ada\n")
    post, problems = read(tmp_path, text)
    assert post is None or post.authors == ("ada",)
    assert problems == [(1, "bad-yaml")]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("tags: security", ("security",)),
        ("tags: 'cloud, open source'", ("cloud", "open source")),
        ("category: open source", ("open source",)),
        ("categories: open source\ntags: [open, x]", ("open source", "open", "source", "x")),
        ("tags: []\ncategories:", ()),
    ],
)
def test_labels(tmp_path: Path, written: str, expected: tuple[str, ...]) -> None:
    assert good(tmp_path, f"---\ntitle: T\n{written}\n---\nx").categories == expected


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("url: https://elsewhere.example.com/x", "https://elsewhere.example.com/x"),
        ("url: /2026/x/", "https://www.example.org/2026/x/"),
        ("url: posts/x.html", "https://www.example.org/posts/x.html"),
        ("permalink: /2026/x.html", "https://www.example.org/2026/x.html"),
        ("permalink: /:year/:title/", ""),
        ("permalink: pretty", ""),
        ("permalink: //evil.example.com/", ""),
        ("permalink: [x]", ""),
    ],
)
def test_addresses(tmp_path: Path, written: str, url: str) -> None:
    assert good(tmp_path, f"---\ntitle: T\n{written}\n---\nx").url == url
    if "elsewhere" not in written:
        post, problems = read(tmp_path, f"---\ntitle: T\n{written}\n---\nx", replace(SOURCE, url=""))
        assert (post.url if post else None, problems) == ("", [])


def test_a_slug_may_be_a_path(tmp_path: Path) -> None:
    assert good(tmp_path, "---\ntitle: T\nslug: /2026/hello/\n---\nx").slug == "2026/hello"


@settings(max_examples=200, deadline=None)
@given(
    fence=st.sampled_from(["+++\n{}\n+++\nx", "Title: x\n{}\n\nx", "---\ntitle: x\nauthors: {}\n---\nx"]),
    text=st.text(st.sampled_from("ab=[]{}\"'.:,;-+#\n \t0129"), max_size=60),
)
def test_any_header_is_read_or_named(tmp_path_factory: pytest.TempPathFactory, fence: str, text: str) -> None:
    whole = fence.replace("{}", text)
    _, problems = read(tmp_path_factory.getbasetemp() / "any", whole)
    assert all(0 <= line <= whole.count("\n") + 1 for line, _ in problems)
