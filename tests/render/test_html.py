from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.content.values import Theme
from chalicelib.render.excerpt import excerpt, plain_text
from chalicelib.render.html import mail_html
from chalicelib.render.look import Look
from chalicelib.render.personal import TOKEN, fill, mark
from chalicelib.render.plain import LinkList, to_plain

VOID = {"br", "hr", "img", "wbr"}


class Balance(HTMLParser):
    """Fails where elements aren't closed in the order they were opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.values: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.values += [value for _, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def checked(html: str) -> Balance:
    balance = Balance()
    balance.feed(html)
    balance.close()
    assert balance.open == []
    return balance


def test_links_are_styled_with_the_accent_and_keep_their_text():
    html = mail_html('<p>See <a href="https://example.org/a?b=1&amp;c=2">this</a>.</p>', Look(Theme(accent="#112233")))
    assert '<a href="https://example.org/a?b=1&amp;c=2" style="color:#112233">this</a>' in html


@pytest.mark.parametrize(
    "href", ["javascript:alert(1)", "/relative", "data:text/html,x", "ftp://example.org", "", "https://", "http://[::1"]
)
def test_other_links_lose_their_anchor_and_keep_their_text(href):
    assert mail_html(f'<p><a href="{href}">this</a></p>') == '<p style="margin:0 0 12px">this</p>'


def test_idn_hosts_become_a_labels_and_paths_are_encoded():
    html = mail_html('<a href="https://bücher.example/ä b?q=ü#é">x</a>')
    assert 'href="https://xn--bcher-kva.example/%C3%A4%20b?q=%C3%BC#%C3%A9"' in html


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([1, 2, 3], [3, 4, 5]),
        ([2, 4, 4, 2], [3, 4, 4, 3]),
        ([4, 1, 6], [3, 3, 4]),
        ([1, 2, 3, 4, 5, 6], [3, 4, 5, 6, 6, 6]),
    ],
)
def test_headings_begin_at_the_base_and_skip_no_level(levels, expected):
    html = mail_html("".join(f"<h{level}>x</h{level}>" for level in levels), base_level=3)
    assert [int(part[0]) for part in html.split("<h")[1:]] == expected


def test_images_are_capped_in_width_and_keep_what_they_say():
    html = mail_html('<img src="https://example.org/a.png" alt="A &quot;b&quot;\nc" width="2000">')
    assert 'width="552"' in html
    assert 'alt="A &#34;b&#34; c"' in html
    assert "max-width:100%" in html


def test_an_image_that_is_not_https_becomes_its_alt_text():
    assert mail_html('<img src="http://example.org/a.png" alt="A chart">') == "A chart"


def test_a_newline_in_an_attribute_never_reaches_the_mail():
    balance = checked(
        mail_html(
            '<p lang="en">x</p><img src="https://example.org/\na" alt="b\nc"><a href="https://example.org/\nx">y</a>'
        )
    )
    assert not any("\n" in value for value in balance.values)


@pytest.mark.parametrize(
    "html",
    [
        "<p>a < b</p>",
        "<![CDATA[x]]>",
        "<p>one<p>two",
        "{{ secret }} {% raw %}",
        "<ul><li>a<li>b</ul></div></div>",
        "<script>alert(1)</script><p onclick=x>y</p>",
        "<style>p{}</style><iframe src=x></iframe><svg onload=x><a></svg>",
        "\x00\x02name:\x03\x1b[31m",
        "<table><tr><td>a</table>",
        "<a href='https://example.org'><b>x</a></b>",
        "</p></td></tr></table></body>",
        "<!--[if mso]><p>x</p><![endif]-->",
        "مرحبا 👩‍👩‍👧‍👦 \u202eevil",
    ],
)
def test_hostile_content_comes_out_balanced_and_inert(html):
    out = mail_html(html)
    balance = checked(out)
    assert not balance.tags & {"script", "style", "iframe", "svg"}
    assert balance.attributes <= {"href", "style", "src", "alt", "width", "lang", "dir", "colspan", "rowspan"}
    assert not TOKEN.search(out)
    assert "\u202e" not in out


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "<p>",
                "</p>",
                "<ul>",
                "<li>",
                "</ul>",
                "<a href='https://example.org'>",
                "</a>",
                "<td>",
                "<pre>",
                "</pre>",
                "<h2>",
                "</h2>",
                "x & y",
                "<",
                "<img src=x>",
                "</table>",
                "<blockquote>",
            ]
        ),
        max_size=40,
    )
)
def test_whatever_comes_in_what_goes_out_is_balanced(parts):
    checked(mail_html("".join(parts)))


@pytest.mark.parametrize("unit", ["<div>", "<p><b>", "<blockquote>", "<ul><li>"])
@pytest.mark.timeout(60)  # a guard against what is not linear, no measure
def test_twenty_thousand_nested_elements_take_no_time_and_no_depth(unit):
    out = mail_html(unit * 20_000 + "deep")
    assert "deep" in out
    assert out.count("</") <= 24


def test_only_editors_texts_take_personal_fields():
    written = "<p>Dear {name|friend of R&amp;D}, hello {other}</p>"
    assert "{name|friend of R&amp;D}" in mail_html(written)
    personal = mail_html(written, personal=True)
    assert fill(personal, {"name": "Ada"}) == '<p style="margin:0 0 12px">Dear Ada, hello {other}</p>'
    assert "friend of R&D," in fill(personal, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One two. Three four five six.", "One two. Three four five six."),
        ("One two. Three four five six seven eight.", "One two. Three four five six…"),
        ("One two three four. Five six seven eight nine ten.", "One two three four."),
        ("Am 3. Mai kommt Dr. Ada Example nach Berlin und spricht lange", "Am 3. Mai kommt Dr. Ada…"),
        ("He met Ada B. Example at the conference in spring", "He met Ada B. Example at…"),
        ("one two three four five six seven eight", "one two three four five six…"),
        ("Is it so? Yes it is, and more of it follows here.", "Is it so?"),
    ],
)
def test_excerpts_stop_at_a_sentence(text, expected):
    assert excerpt(text, 6) == expected


def test_running_text_leaves_code_tables_and_headings_out():
    html = "<h2>Title</h2><p>Hello<br>world <code>x</code>.</p><pre>code</pre>"
    html += "<table><tr><td>cell</td></tr></table><p>Bye.</p>"
    assert plain_text(html) == "Hello world x. Bye."


@pytest.mark.parametrize("tag", ["script", "style", "svg", "iframe", "noscript", "template"])
def test_what_stands_in_active_elements_is_not_read_out(tag):
    html = f"<p>before</p><{tag}>inside</{tag}><p>after</p>"
    for said in (mail_html(html), to_plain(html, LinkList()), plain_text(html)):
        assert "before" in said
        assert "after" in said
        assert "inside" not in said


def test_fallbacks_are_trimmed():
    assert fill(mark("Hi {name| dear\u2066  reader }{name}."), {}) == "Hi dear reader."


def test_items_of_a_list_do_not_run_into_one_another():
    html = "<p>We did:</p><ul><li>one</li><li><b>two</b></li><li>three.</li><li><p>four</p></li></ul><p>End</p>"
    assert plain_text(html) == "We did: one; two; three. four; End"
