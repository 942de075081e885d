import pytest

from chalicelib.render.personal import token
from chalicelib.render.plain import LinkList, to_plain, wrap


def plain(html: str, width: int = 40) -> str:
    return to_plain(html, LinkList(), width)


def test_links_are_numbered_once_per_mail():
    links = LinkList()
    first = to_plain('<p><a href="https://example.org/a">One</a>, <a href="https://example.org/b">two</a></p>', links)
    second = to_plain('<p><a href="https://example.org/a">again</a></p>', links)
    assert (first, second) == ("One [1], two [2]", "again [1]")
    assert links.urls == ["https://example.org/a", "https://example.org/b"]


def test_an_unclosed_link_is_numbered_too():
    links = LinkList()
    assert to_plain('<p><a href="https://example.org/a">One', links) == "One [1]"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>", "- a\n- b\n  - c"),
        ("<ol start='3'><li>a</li><li>b</li></ol>", "3. a\n4. b"),
        ("<ul><li><p>a</p><p>b</p></li><li>c</li></ul><p>d</p>", "- a\n\n  b\n- c\n\nd"),
        ("<blockquote><p>one</p><p>two</p></blockquote>", "> one\n\n> two"),
        ("<pre>a\n  b &lt; c\n</pre>", "    a\n      b < c"),
        ("<h2>Title</h2><p>x</p>", "Title\n-----\n\nx"),
        ("<p>a<br>b</p><hr><p>c</p>", "a\nb\n\n--------------------\n\nc"),
        ("<img src='https://example.org/x' alt='A chart'>", "A chart"),
        ("<table><tr><th>a</th><th>bb</th></tr><tr><td>ccc</td><td>d</td></tr></table>", "a    bb\n---  --\nccc  d"),
        ("<p>a < b</p>", "a < b"),
        ("", ""),
    ],
)
def test_structure_is_kept(html, expected):
    assert plain(html) == expected


def test_a_table_too_wide_becomes_labelled_rows():
    html = "<table><tr><th>Name</th><th>What</th></tr><tr><td>ada</td><td>" + "word " * 12 + "</td></tr></table>"
    text = plain(html, 40)
    assert text.startswith("Name: ada\nWhat: word")
    assert max(map(len, text.split("\n"))) <= 40


def test_lines_keep_their_width_in_quotes_and_lists():
    text = plain("<blockquote><ul><li>" + "word " * 40 + "</li></ul></blockquote>", 40)
    lines = text.split("\n")
    assert max(map(len, lines)) <= 40
    assert all(line.startswith(">") for line in lines)


def test_wrapping_breaks_no_personal_token():
    name = token("name", "dear reader of ours")
    wrapped = wrap(f"Hello {name} " + "word " * 20, 30)
    assert name in wrapped


def test_personal_fields_survive_the_end_of_a_line():
    text = to_plain("<p>Good morning to you, {name|dear reader}, and on</p>", LinkList(), 20, personal=True)
    assert token("name", "dear reader") in text


@pytest.mark.parametrize(
    "unit", ["<div>", "<blockquote>", "<ul><li>", "<table><tr><td>", "<a href='https://example.org'>"]
)
@pytest.mark.timeout(60)  # a guard against what is not linear, no measure
def test_hostile_nesting_takes_no_time(unit):
    assert "deep" in plain(unit * 10_000 + "deep")
