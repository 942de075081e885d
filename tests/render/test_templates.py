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


@pytest.mark.parametrize("body", ["<p>unclosed", "a < b", "<b x=1>x</b>"])
def test_broken_mjml_names_the_template(tmp_path, body):
    with pytest.raises(RenderError, match=r"email/x/body\.mjml is no well-formed MJML"):
        html(tmp_path, body)
