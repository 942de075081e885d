from pathlib import Path

import pytest

from chalicelib.errors import RenderError
from chalicelib.render.templates import BUILT_IN, Html, templates_for

MAIL = (
    "<mjml><mj-head></mj-head><mj-body><mj-section><mj-column><mj-text>{}</mj-text>"
    "</mj-column></mj-section></mj-body></mjml>"
)


def write(root: Path, name: str, text: str) -> None:
    file = root / "templates" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def html(root: Path, body: str, **context: object) -> str:
    write(root, "email/x/body.mjml", MAIL.format(body))
    return templates_for(root).html("email/x/body.mjml", context)


HOSTILE = [
    "a < b",
    "</mj-text></mj-section>",
    "<![CDATA[",
    "<!-- ",
    "]]>",
    "<!DOCTYPE x>",
    "{{ 7 * 7 }} {% raw %}",
    "SLOT61TOLS",
    "quote \" and ' and \n newline",
    "👩‍👩‍👧‍👦 مرحبا",
    "<div>" * 20_000,
    "&amp; &nbsp; &unknown;",
]


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_no_value_can_break_the_mjml_around_it(tmp_path, value):
    from html import unescape

    page = html(tmp_path, '<p title="{{ value }}">{{ value }}</p><i>end</i>', value=value)
    assert page.count("<i>end</i></div></td>") == 1
    start = page.index('<p title="') + len('<p title="')
    title, _, rest = page[start:].partition('">')
    assert unescape(title) == value
    assert unescape(rest.partition("</p>")[0]) == value


def test_content_html_stands_as_it_is(tmp_path):
    assert "<p>un<b>closed</p><i>" in html(tmp_path, "{{ value }}<i>x</i>", value=Html("<p>un<b>closed</p>"))


def test_macros_and_numbers_reach_mjml(tmp_path):
    page = html(
        tmp_path,
        "{% macro m(x) %}<b>{{ x }}</b>{% endmacro %}{{ m('<') }}<p style='top:{{ 3 }}px'></p>{{ none }}",
        none=None,
    )
    assert "<b>&lt;</b><p style='top:3px'>" in page or '<b>&lt;</b><p style="top:3px">' in page


def test_text_templates_escape_nothing(tmp_path):
    write(tmp_path, "email/x/body.txt", "{{ value }}")
    assert templates_for(tmp_path).text("email/x/body.txt", {"value": "a < b"}) == "a < b"


def test_a_site_overrides_one_part_and_keeps_the_rest(tmp_path):
    write(
        tmp_path,
        "email/_parts/masthead.mjml",
        "<mj-section><mj-column><mj-text>Ours</mj-text></mj-column></mj-section>",
    )
    loaded = templates_for(tmp_path)
    assert loaded.markup.get_template("email/_parts/masthead.mjml").filename == str(
        tmp_path / "templates/email/_parts/masthead.mjml"
    )
    assert loaded.markup.get_template("email/_parts/footer.mjml").filename == str(BUILT_IN / "email/_parts/footer.mjml")


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        ("\n\n{{ nothing }}", 3, "nothing"),
        ("\n{% if %}", 2, "Expected an expression"),
        ("\n{{ 1 / 0 }}", 2, "division"),
        ("\n{{ value.missing }}", 2, "missing"),
        ("\n{{ value.__class__.__mro__ }}", 2, "unsafe"),
        ("{% endfor %}", 1, "endfor"),
    ],
)
def test_a_fault_names_template_and_line(tmp_path, body, line, said):
    with pytest.raises(RenderError, match=rf"email/x/body\.mjml, line {line}: .*{said}"):
        html(tmp_path, body, value="x")


def test_a_fault_in_an_included_part_names_the_part(tmp_path):
    write(tmp_path, "email/_parts/mine.mjml", "\n\n\n{{ nothing }}")
    with pytest.raises(RenderError, match=r"email/_parts/mine\.mjml, line 4"):
        html(tmp_path, '{% include "email/_parts/mine.mjml" %}')


def test_a_missing_template_is_named(tmp_path):
    with pytest.raises(RenderError, match=r"email/none/body\.mjml was not found"):
        templates_for(tmp_path).html("email/none/body.mjml", {})


def test_templates_outside_the_folders_are_out_of_reach(tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    with pytest.raises(RenderError, match="not found"):
        templates_for(tmp_path).text("email/../../secret.txt", {})


BROKEN = [
    ("\n<p>unclosed", 2, "<p> is not closed before </mj-text>"),
    ("a\n\n< b", 3, "a '<' that begins no tag"),
    ("\n\n<b\n x=1>x</b>", 4, "x of <b> has a value without quotes"),
    ("</mj-text><mj-divider>{{ 1 }}</mj-divider><mj-text>", 1, "text can't stand in <mj-divider>"),
    ("{# <b> #}{% raw %}{{ '<b>' }}{% endraw %}\n</b></i>", 2, "</i> closes nothing"),
    ("{% set x = '<b>' %}\n{{ x|safe }}\n<i></b>", 3, "<i> is not closed before </b>"),
    ("{%- if 1 -%}\n\n{% for a in [1, 2] %}\n<i>\n{% endfor %}</i>{% endif %}", 4, "<i> is not closed"),
    ("\n" + "<i>" * 200 + "</i>" * 200, 2, "<i> is nested more than 100 deep"),
]


@pytest.mark.parametrize(("body", "line", "said"), BROKEN)
def test_broken_mjml_names_template_and_line(tmp_path, body, line, said):
    with pytest.raises(RenderError, match=rf"email/x/body\.mjml, line {line}: {said}"):
        html(tmp_path, body)


def test_broken_mjml_in_a_part_names_the_part(tmp_path):
    write(tmp_path, "email/_parts/mine.mjml", "{% macro m(x) %}\n<p>{{ x }}</b></p>\n{% endmacro %}")
    with pytest.raises(RenderError, match=r"email/_parts/mine\.mjml, line 2: </b> closes nothing"):
        html(tmp_path, '{% import "email/_parts/mine.mjml" as mine %}\n<i>\n{{ mine.m("<p>") }}</i></u>')


def test_depth_that_would_end_the_process_is_refused(tmp_path):
    write(
        tmp_path,
        "email/x/body.mjml",
        MAIL.format("{% for x in ('<div>', '</div>') %}{{ (x * 20000)|safe }}{% endfor %}"),
    )
    with pytest.raises(RenderError, match=r"email/x/body\.mjml, line 1: <div> is nested"):
        templates_for(tmp_path).html("email/x/body.mjml", {})


def test_what_is_sent_holds_no_marks(tmp_path):
    page = html(tmp_path, "<b>{{ value }}</b>\n<i>x</i>", value="y")
    made = templates_for(tmp_path).expanded("email/x/body.mjml", {"value": "y"})
    assert not set(page) & {"\x02", "\x03"}
    assert not set(made.text) & {"\x02", "\x03"}
    assert made.origin(made.text.index("<i>")).line == 2
    assert made.origin(made.text.index("x</i>")).line == 2
    assert made.text == templates_for(tmp_path).markup.get_template("email/x/body.mjml").render(value="y")
