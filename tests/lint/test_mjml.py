# ruff: noqa: E501 - documents are read best on one line
"""The lint of MJML: each way to be wrong is named at its line, and what is right is left alone."""

from time import monotonic

import pytest

from chalicelib.lint.mjml import lint_mjml
from chalicelib.lint.schema import schema, wrong_value


def document(body: str = "", head: str = "") -> str:
    return f"<mjml>\n<mj-head>\n{head}\n</mj-head>\n<mj-body>\n{body}\n</mj-body>\n</mjml>\n"


def column(inside: str) -> str:
    return f"<mj-section><mj-column>\n{inside}\n</mj-column></mj-section>"


def text(inside: str) -> str:
    return column(f"<mj-text>\n{inside}\n</mj-text>")


RIGHT = {
    "text": document(text("<p>A &amp; B &nbsp; &#8212; a > b</p><br><img src='a.png' alt=''>")),
    "entities": document(text("&copy; &hellip; A & B")),
    "comments": document(text("a<!-- c -->b<!--[if mso]><b>mso</b><![endif]--><!--[if !mso]><!-->x<!--<![endif]-->")),
    "outlook's table": document(
        text("<!--[if mso]><table><tr><td><![endif]-->x<!--[if mso]></td></tr></table><![endif]-->")
    ),
    "pre": document(text("<pre>a\n  b</pre>")),
    "svg": document(text('<svg viewBox="0 0 1 1"><path d="M0 0"/></svg>')),
    "values": document(
        '<mj-section padding="20px 24px 0px" background-color="#ffffff" direction="ltr">'
        '<mj-column width="33.3%" border="1px solid #000000" vertical-align="middle">'
        '<mj-text font-size="16.5px" line-height="1.6" letter-spacing="-0.5px" color="rgba(0, 0, 0, 0.5)" '
        'padding="0 0 32px" align="justify" css-class="a b">x</mj-text></mj-column></mj-section>'
    ),
    "button": document(column('<mj-button href="https://example.org/?a=1&b=2" color="white">Go <b>on</b></mj-button>')),
    "image": document(column('<mj-image src="a.png" alt="A rack &quot;of&quot; servers" width="300px" padding="0" />')),
    "alt by a class": document(
        column('<mj-image mj-class="i" src="a.png" />'),
        '<mj-attributes>\n<mj-class name="i" alt="" />\n</mj-attributes>',
    ),
    "classes": document(
        column('<mj-text mj-class="a b">x</mj-text>'),
        '<mj-attributes>\n<mj-all font-family="Arial" />\n<mj-text color="#112233" />\n'
        '<mj-class name="a" color="#223344" />\n<mj-class name="b" font-size="12px" />\n</mj-attributes>',
    ),
    "head": document(
        text("x"),
        '<mj-title>T</mj-title>\n<mj-preview>P</mj-preview>\n<mj-breakpoint width="480px" />\n<mj-raw><meta name="a" '
        'content="b"></mj-raw>\n<mj-style>.a > b { color: red }</mj-style>\n<mj-font name="A" href="https://a.example" />',
    ),
    "the rest": document(
        column(
            "<mj-table><tr><td>x</td></tr></mj-table><mj-divider /><mj-spacer height='20px' />"
            '<mj-social mode="horizontal"><mj-social-element name="github" href="https://a">x</mj-social-element>'
            "</mj-social><mj-navbar><mj-navbar-link href='/'>x</mj-navbar-link></mj-navbar><mj-accordion>"
            "<mj-accordion-element><mj-accordion-title>x</mj-accordion-title><mj-accordion-text>y</mj-accordion-text>"
            "</mj-accordion-element></mj-accordion>"
        )
        + "<mj-raw><p>x</p></mj-raw><mj-wrapper><mj-section><mj-group><mj-column></mj-column></mj-group></mj-section>"
        '</mj-wrapper><mj-hero mode="fixed-height" height="300px"><mj-text>x</mj-text></mj-hero>'
    ),
    "windows' line ends": document(text("x"), "<mj-title>T</mj-title>").replace("\n", "\r\n"),
}


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT.keys())
def test_what_is_right_is_left_alone(source):
    assert lint_mjml(source, "x.mjml") == []


HEAD, BODY = 3, 7
WRONG = [
    # source, line, code, what the message says
    ("", 1, "mjml-syntax", "no MJML"),
    ("<html><body>x</body></html>", 1, "mjml-syntax", "begins with <html>"),
    ("<mjml><mj-head></mj-head></mjml>", 1, "mjml-syntax", "no <mj-body>"),
    ("\ufeff" + document(text("x")), 1, "mjml-syntax", "byte order mark"),
    ('<?xml version="1.0"?>\n' + document(text("x")), 1, "mjml-syntax", "XML declaration"),
    ("<!DOCTYPE mjml>\n" + document(text("x")), 1, "mjml-syntax", "DOCTYPE"),
    (document(text("x")) + "more", 13, "mjml-syntax", "outside <mjml>"),
    (document(text("x")) + "<mjml></mjml>", 13, "mjml-syntax", "outside <mjml>"),
    (document("<mj-section><mj-column>").partition("</mj-body>")[0], BODY - 1, "mjml-syntax", "<mj-section> is not closed"),
    (document(text("<![CDATA[x]]>")), BODY + 1, "mjml-syntax", "CDATA"),
    (document(text("a < b")), BODY + 1, "mjml-syntax", "&lt;"),
    (document(text("<p>a")), BODY + 1, "mjml-syntax", "<p> is not closed"),
    (document(text("<b>a<i>b</b></i>")), BODY + 1, "mjml-syntax", "<i> is not closed before </b>"),
    (document(text("a</b>")), BODY + 1, "mjml-syntax", "</b> closes nothing"),
    (document(text("<a href=x>b</a>")), BODY + 1, "mjml-syntax", "without quotes"),
    (document(text('<a href="x>b</a>')), BODY + 1, "mjml-syntax", "<a"),
    (document(text('<a @click="x">b</a>')), BODY + 1, "mjml-syntax", "no name of an attribute"),
    (document(text('<a x="1"y="2">b</a>')), BODY + 1, "mjml-syntax", "not well-formed"),
    (document(text("<!-- a -- b -->")), BODY + 1, "mjml-syntax", "holds '--'"),
    (document(text("<!-- a")), BODY + 1, "mjml-syntax", "comment is not closed"),
    (document(text("<!--[if mso]<p>")), BODY + 1, "mjml-syntax", "conditional comment"),
    (document(text("<!--[if mso]>x<![endif]")), BODY + 1, "mjml-syntax", "declaration"),
    (document(text("<!--[if mso]><p>x<![endif]-->")), BODY + 1, "mjml-syntax", "<p> is not closed"),
    (document(column("<!--[if mso]>x<![endif]-->")), BODY, "mjml-syntax", "<mj-raw> and <mj-text> only"),
    (document(text("a\x00b")), BODY + 1, "mjml-syntax", "control character"),
    (document(text("<i>" * 101 + "</i>" * 101)), BODY + 1, "mjml-syntax", "100 deep"),
    (document(text("x"), "foo"), HEAD, "mjml-syntax", "text can't stand in <mj-head>"),
    (document(text("x"), "<p>x</p>"), HEAD, "mjml-syntax", "<p> can't stand in <mj-head>"),
    (document(text("x"), "<mj-title>a</mj-title> <mj-preview>b</mj-preview>"), HEAD, "mjml-syntax", "blanks between"),
    (document(text("x"), "<mj-style><!-- x --></mj-style>"), HEAD, "mjml-syntax", "a comment can't stand"),
    (document(text("x"), "<mj-html-attributes></mj-html-attributes>"), HEAD, "mjml-syntax", "mj-html-attributes"),
    (
        document(text("x"), '<mj-attributes>\n<mj-class name="a"><mj-text /></mj-class>\n</mj-attributes>'),
        HEAD + 1, "mjml-syntax", "<mj-text> can't stand in <mj-class>",
    ),
    (document(text("x"), "<mj-attributes>\n<mj-class />\n</mj-attributes>"), HEAD + 1, "mjml-syntax", "no name"),
    (document('<mj-include path="../../etc/passwd" type="html" />'), BODY - 1, "mjml-syntax", "{% include %}"),
    (document(text("x"), '<mj-include path="a.css" type="css" />'), HEAD, "mjml-syntax", "{% include %}"),
    (document(column('<mj-text color="red" color="blue">x</mj-text>')), BODY, "mjml-syntax", "color twice"),
    (document(column("<mj-tezt>x</mj-tezt>")), BODY, "mjml-unknown", "did you mean <mj-text>?"),
    (document(column("<MJ-TEXT>x</MJ-TEXT>")), BODY, "mjml-unknown", "small letters"),
    (document(column('<mj-text colour="red">x</mj-text>')), BODY, "mjml-unknown", "did you mean 'color'?"),
    (document('<mj-section mj-if="x"></mj-section>'), BODY - 1, "mjml-unknown", "mj-if"),
    (document(column('<mj-text font-size="big">x</mj-text>')), BODY, "mjml-value", "a number in px, not 'big'"),
    (document(column('<mj-text padding="1 2 3">x</mj-text>')), BODY, "mjml-value", "1 to 4 numbers in px or %"),
    (document(column('<mj-text color="blau">x</mj-text>')), BODY, "mjml-value", "a colour"),
    (document(column('<mj-text align="middle">x</mj-text>')), BODY, "mjml-value", "left, right, center, justify"),
    (document(column('<mj-text color="">x</mj-text>')), BODY, "mjml-value", "a colour"),
    (document(column("<mj-text color>x</mj-text>")), BODY, "mjml-value", "no value"),
    (document(column('<mj-image src="a.png" alt="" width="SLOT3330TOLS" />')), BODY, "mjml-value", "|safe"),
    (document(column("hello")), BODY, "mjml-nesting", "put it into <mj-text>"),
    (document("hello"), BODY - 1, "mjml-nesting", "put it into <mj-text>"),
    (document(column("<div>x</div>")), BODY, "mjml-nesting", "HTML stands in <mj-text>"),
    (document("<mj-section><mj-section></mj-section></mj-section>"), BODY - 1, "mjml-nesting", "only in <mj-body> or <mj-wrapper>"),
    (document("<mj-text>x</mj-text>"), BODY - 1, "mjml-nesting", "only in <mj-column> or <mj-hero>"),
    (document(text("<mj-button>x</mj-button>")), BODY + 1, "mjml-nesting", "not read inside <mj-text>"),
    (document(column('<mj-image src="a.png" />')), BODY, "mjml-alt", "no alt"),
    (document(text("<img src='a.png'>")), BODY + 1, "mjml-alt", "no alt"),
    (document(text('<p style="\n  color: red">x</p>')), BODY + 1, "mjml-mangled", "a line end"),
    (document(text("<p title='say \"hi\"'>x</p>")), BODY + 1, "mjml-mangled", 'holds "'),
    (document(text('<p title="a\u00a0b">x</p>')), BODY + 1, "mjml-mangled", "U+00A0"),
    (document(text('<p title="a\\b">x</p>')), BODY + 1, "mjml-mangled", "backslash"),
    (document(column('<mj-button href="https://a.example/\nb">x</mj-button>')), BODY, "mjml-mangled", "a line end"),
    (document(text("<p/>x")), BODY + 1, "mjml-differs", "open tag"),
    (document('<mj-wrapper gap="20px"></mj-wrapper>'), BODY - 1, "mjml-differs", "gap changes nothing"),
    (document(text("x"), '<mj-style inline="inline">.z{}</mj-style>'), HEAD, "mjml-differs", "inline changes nothing"),
    (document('<mj-section full-width="false"></mj-section>'), BODY - 1, "mjml-differs", "leave it out"),
    (document('<mj-section background-color="#abc"></mj-section>'), BODY - 1, "mjml-differs", "six digits"),
    (document('<mj-section padding="0 24px"></mj-section>'), BODY - 1, "mjml-differs", "write 0px"),
    (document('<mj-section padding="5% 10%"></mj-section>'), BODY - 1, "mjml-differs", "use px"),
    (
        document("<mj-section mj-class='w'></mj-section>", "<mj-attributes>\n<mj-class name='w' padding='0 24px' />\n</mj-attributes>"),
        HEAD + 1, "mjml-differs", "write 0px",
    ),
    (
        document("<mj-section></mj-section>", "<mj-attributes>\n<mj-all padding='0 24px' />\n</mj-attributes>"),
        HEAD + 1, "mjml-differs", "write 0px",
    ),
    (document(text("x"), "<mj-attributes>\n<mj-body width='500px' />\n</mj-attributes>"), HEAD + 1, "mjml-differs", "on <mj-body> itself"),
    (
        document(
            column('<mj-text mj-class="a b">x</mj-text>'),
            "<mj-attributes>\n<mj-class name='a' color='red' />\n<mj-class name='b' color='blue' />\n</mj-attributes>",
        ), BODY + 3, "mjml-differs", "both set color",
    ),
    (document(column('<mj-text mj-class="none">x</mj-text>')), BODY, "mjml-class", "'none'"),
    (
        document(column('<mj-social><mj-social-element name="mastodon" href="https://a">x</mj-social-element></mj-social>')),
        BODY, "mjml-differs", "no icon for 'mastodon'",
    ),
    (
        document(column('<mj-carousel><mj-carousel-image src="a" alt="" /></mj-carousel>\n<mj-carousel><mj-carousel-image src="b" alt="" /></mj-carousel>')),
        BODY + 1, "mjml-differs", "a second one",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("source", "line", "code", "said"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_named_at_its_line(source, line, code, said):
    found = lint_mjml(source, "x.mjml")
    assert [problem for problem in found if (problem.line, problem.code) == (line, code) and said in problem.message], (
        found
    )
    assert {problem.file for problem in found} == {"x.mjml"}


@pytest.mark.parametrize(("source", "line", "code", "said"), WRONG[8:], ids=range(len(WRONG) - 8))
def test_one_mistake_is_told_once(source, line, code, said):
    """Twice where a tag that is not closed breaks what is around it."""
    assert len(lint_mjml(source, "x.mjml")) <= (6 if code == "mjml-syntax" else 1)


MANY = 20_000
LENGTHS = [2000, pytest.param(MANY, marks=pytest.mark.slow)]
HOSTILE = [
    "<", ">", "</", "<a", "<a ", "<a b=", '<a b="', "<a b='", "<!--", "<!--[if", "<!--[if x]>", "<![endif]-->",
    "<![CDATA[", "<!", "<?", "</a>", "<b>", "<a><b></a>", "<b/>", "<mj-text>", "</mj-text>", "<mj-text a='b' ",
    "a=b ", "a ", "&", "]]>", "--", "-->", '"', "'", "\x00", "<mj-class name='a'/>", "<mj-text mj-class='a b' />",
    "<mj-carousel>", "<mj-image padding='0 1px 0 1px 0 1px' />", "<p a='\n'>x</p>", " ", "\n", "<mj-x/>",
]  # fmt: skip


@pytest.mark.parametrize("many", LENGTHS)
@pytest.mark.parametrize("piece", HOSTILE)
def test_repetition_takes_no_longer_than_its_length(piece, many):
    begun = monotonic()
    lint_mjml(piece * many, "x.mjml")
    lint_mjml(document(text(piece * many)), "x.mjml")
    assert monotonic() - begun < 60


def test_attributes_without_end_take_no_longer_than_their_length():
    begun = monotonic()
    for attributes in ("a='b' ", "mj-class='a' "):
        lint_mjml(document(column(f"<mj-text {attributes * MANY}>x</mj-text>")), "x.mjml")
    for value in ("1px ", "r", "a "):
        long = value * MANY
        lint_mjml(document(column(f"<mj-text padding='{long}' color='{long}' mj-class='{long}'>x</mj-text>")), "x.mjml")
    assert monotonic() - begun < 60


def test_a_mail_is_checked_in_no_time():
    article = '<mj-text padding="0 0 32px"><h3 style="margin:0"><a href="https://example.org/a">Title</a></h3>\n<p>Some words, and more.</p></mj-text>\n'
    source = document(column(article * (60_000 // len(article))))
    lint_mjml(source, "x.mjml")
    begun = monotonic()
    assert lint_mjml(source, "x.mjml") == []
    assert monotonic() - begun < 20  # some 0.03 s alone


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("unit(px,%){1,4}", ["0", "1px", "1px 2%", "1px 2px 3px 4px", "1.5px", ".5px"], ["", "1", "1px  2px", "1px 2px 3px 4px 5px", "-1px", "1em"]),
        ("unitWithNegative(px,em)", ["-1px", "0.1em", "0"], ["1", "--1px", "1%"]),
        ("unit(px,auto)", ["auto", "1px"], ["Auto", "1%"]),
        ("unit(px,%,)", ["1.5", "1px", "150%"], ["x", "1em", "1 2"]),
        ("color", ["#abcdef", "#ABC", "red", "transparent", "rgb(1,2,3)", "rgba(1, 2, 3, 0.5)"], ["#abcd", "rouge", " red", "rgb(1,2)"]),
        ("enum(left,right)", ["left"], ["LEFT", "", "left "]),
        ("boolean", ["true", "false"], ["yes", ""]),
        ("integer", ["3"], ["3.5", "-1", ""]),
        ("string", ["", "anything"], []),
    ],
)  # fmt: skip
def test_values_are_those_that_mjml_takes(kind, right, wrong):
    assert [value for value in right if wrong_value(kind, value)] == []
    assert [value for value in wrong if not wrong_value(kind, value)] == []


def test_every_type_of_the_schema_is_known():
    kinds = {kind for component in schema().components.values() for kind in component.attributes.values()}
    assert len(kinds) > 20
    for component in schema().components.values():
        for name, default in component.defaults.items():
            kind = component.attributes.get(name, "string")
            assert not wrong_value(kind, str(default)) or kind in ("unit(px,%)", "string", "color"), (name, default)
