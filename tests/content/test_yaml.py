"""YAML and front matter: whatever the file holds, a mapping with true lines comes out, or a report."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.content.fields import Fields
from chalicelib.content.frontmatter import MAX_FILE_BYTES, MarkdownFile, read_markdown
from chalicelib.content.problems import Problems
from chalicelib.content.yamldoc import parse_yaml


def found(text: str, offset: int = 0) -> tuple[bool, list[tuple[int, str]]]:
    problems = Problems()
    node = parse_yaml(text, "f.yaml", problems, offset=offset)
    return node is not None, [(p.line, p.code) for p in problems.sorted()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: [1\nc: 2\n", [(2, "bad-yaml")]),
        ("a: 1\nb: 'x\nc: 2\n", [(2, "bad-yaml")]),
        ("a: b: c\n", [(1, "bad-yaml")]),
        ("a: 1\n\tb: 2\n", [(2, "bad-yaml")]),
        ("a: 1\n b: 2\n", [(2, "bad-yaml")]),
        ("- a\n- b\n", [(1, "bad-yaml")]),
        ("\n\njust words\n", [(3, "bad-yaml")]),
        ("a: &x 1\nb: *x\n", [(2, "yaml-alias")]),
        ("a: &x [*x]\n", [(1, "yaml-alias")]),
        ("a: " + "[" * 50_000, [(1, "yaml-too-deep")]),
        ("a: " + "{a: " * 50_000, [(1, "yaml-too-deep")]),
        ("\n".join(" " * n + "a:" for n in range(500)), [(21, "yaml-too-deep")]),
        ("a: " + "x" * 300_000, [(1, "yaml-too-large")]),
        ("a: 1\n---\nb: 2\n", [(3, "bad-yaml")]),
        ("a: 1\n...\nb: 2\n", [(3, "bad-yaml")]),
        ("a: 1\n}\n", [(2, "bad-yaml")]),
        ("a: \x01\n", [(1, "bad-yaml")]),
        ("? [a, b]\n: c\n", [(1, "bad-key")]),
        ("a: 1\nb: 2\na: 3\n", [(3, "duplicate-key")]),
        ("x:\n  a: 1\n  a: 2\ny:\n  b: 1\n  b: 2\n", [(3, "duplicate-key"), (6, "duplicate-key")]),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_broken_yaml_is_named_with_its_line(text: str, expected: list[tuple[int, str]]) -> None:
    usable, problems = found(text)
    assert problems == expected
    assert usable is expected[0][1].endswith("-key")
    assert [line for line, _ in found(text, 10)[1]] == [line + 10 for line, _ in expected]


@pytest.mark.parametrize("text", ["", "\n# only a comment\n", "--- \n", "{}"])
def test_an_empty_document_is_an_empty_mapping(text: str) -> None:
    assert found(text) == (True, [])


def test_scalars_stay_what_was_written() -> None:
    problems = Problems()
    node = parse_yaml(
        "a: no\nb: 10:30\nc: 010\nd: 2026-01-01\ne: ~\nf: '~'\ng: !!python/object:os.system x\n", "f", problems
    )
    assert node
    assert isinstance(node.value, dict)
    assert [child.value for child in node.value.values()] == ["no", "10:30", "010", "2026-01-01", None, "~", "x"]
    assert [child.key_line for child in node.value.values()] == [1, 2, 3, 4, 5, 6, 7]


YAML = st.one_of(
    st.text(),
    st.text(alphabet="ab:-[]{}\n \t'\"|>&*!%@#?,0~."),
    st.lists(
        st.sampled_from(
            ["a: ", "b:\n  ", "- ", "[", "]", "{", "}", "&x ", "*x", "|\n", "'", '"', "\n", "...\n", "---\n"]
        )
    ).map("".join),
)


@settings(max_examples=300, deadline=None)
@given(YAML)
def test_any_text_gives_a_mapping_or_a_problem_within_the_file(text: str) -> None:
    usable, problems = found(text)
    assert usable or problems
    assert all(
        1
        <= line
        <= text.count("\n") + text.count("\r") + text.count("\u2028") + text.count("\u2029") + text.count("\x85") + 2
        for line, _ in problems
    )


def read(path: Path, raw: bytes | str) -> tuple[MarkdownFile | None, list[tuple[int, str]]]:
    path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    problems = Problems()
    return read_markdown(path, "f.md", problems), [(p.line, p.code) for p in problems.sorted()]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("text", "title_line", "body_line"),
    [
        ("---\ntitle: T\n---\nBody", 2, 4),
        ("---\ntitle: T\n---\n\n\nBody", 2, 6),
        ("---\n\n\ntitle: T\n---\nBody", 4, 6),
        ("---\n# a comment\n\ntitle: T\nother: |\n  a\n  b\n---\nBody", 4, 9),
        ("\n\n---\ntitle: T\n---\nBody", 4, 6),
        (" \n---\ntitle: T\n---\nBody", 3, 5),
        ("----\ntitle: T\n-----\n\nBody", 2, 5),
        ("---  \ntitle: T\n---\t\n\nBody", 2, 5),
    ],
)
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_lines_are_those_of_the_file(
    tmp_path: Path, text: str, title_line: int, body_line: int, end: str, bom: bytes
) -> None:
    markdown, problems = read(tmp_path / "f.md", bom + text.replace("\n", end).encode())
    assert problems == []
    assert markdown
    assert (markdown.fields.line_of("title"), markdown.body_line, markdown.body) == (title_line, body_line, "Body")


def test_a_rule_in_the_text_ends_nothing(tmp_path: Path) -> None:
    markdown, _ = read(tmp_path / "f.md", "---\ntitle: T\n---\none\n\n---\n\ntwo\n")
    assert markdown
    assert markdown.body == "one\n\n---\n\ntwo"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", [(1, "no-front-matter")]),
        (b"Just words.", [(1, "no-front-matter")]),
        (b"\n\nJust words.", [(3, "no-front-matter")]),
        (b"Author: A\nDate: 2026-01-01\n\nTitle: Words", [(1, "no-front-matter")]),
        (b"+++\ntitle = 'T'\n", [(1, "unclosed-front-matter")]),
        (b"---\ntitle: T\n", [(1, "unclosed-front-matter")]),
        (b"\n\n---\ntitle: T\n\nWords", [(3, "unclosed-front-matter")]),
        (b"---\ntitle: T\n...\nWords", [(1, "unclosed-front-matter")]),
        (b"---\ntitle: T\n...\nWords: a\n\n---\nmore", [(4, "bad-yaml")]),
        (b"---\n- a\n- b\n---\n", [(2, "bad-yaml")]),
        (b"\xef\xbb\xbf\r\n---\r\ntitle: T\r\nb: [\r\n---\r\n", [(4, "bad-yaml")]),
        (b"---\n\n\n\ntitle: T\ntitle: U\n---\n", [(6, "duplicate-key")]),
        (b"---\ntitle: T\n---\nGr\xfc\xdfe", [(4, "not-utf8")]),
        ("---\ntitle: T\n---\n".encode("utf-16"), [(1, "not-utf8")]),
        (b"---\ntitle: T\n---\na\nb\x00", [(5, "nul-character")]),
        (b"x" * (MAX_FILE_BYTES + 1), [(0, "file-too-large")]),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_broken_files_are_named_with_their_line(tmp_path: Path, raw: bytes, expected: list[tuple[int, str]]) -> None:
    markdown, problems = read(tmp_path / "f.md", raw)
    assert problems == expected
    assert (markdown is None) is (expected[0][1] != "duplicate-key")


@pytest.mark.parametrize("kind", ["folder", "broken link", "absent"])
def test_what_is_no_file_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "f.md"
    if kind == "folder":
        path.mkdir()
    elif kind == "broken link":
        path.symlink_to("nowhere.md")
    problems = Problems()
    assert read_markdown(path, "f.md", problems) is None
    assert [p.code for p in problems.sorted()] == ["unreadable"]


@settings(max_examples=200, deadline=None)
@given(raw=st.one_of(st.binary(max_size=200), YAML.map(lambda text: f"---\n{text}\n---\nx".encode("utf-8", "replace"))))
def test_any_bytes_are_read_or_named(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    markdown, problems = read(tmp_path_factory.getbasetemp() / "any.md", raw)
    assert markdown or problems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("titel: x", ["unknown key 'titel'; did you mean 'title'?"]),
        ("zzz: x", ["unknown key 'zzz'; known are: tags, title"]),
        ("title: [a]", ["title: expected a text, found a list"]),
        ("tags: {a: b}", ["tags: expected a list of texts, found a mapping"]),
        ("tags: [[a]]", ["tags: expected texts, found a list"]),
        ("title: x\ntags: [a, b]", []),
        ("tags: a", []),
    ],
)
def test_fields_say_what_was_expected(text: str, expected: list[str]) -> None:
    problems = Problems()
    node = parse_yaml(text, "f", problems)
    assert node
    fields = Fields(node, "f", problems)
    fields.text("title")
    fields.texts("tags")
    fields.finish()
    assert [p.message for p in problems.sorted()] == expected
