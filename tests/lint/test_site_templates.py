"""A site's own templates are checked by running them, with the line of the file that is to be mended."""

from pathlib import Path

import pytest

from chalicelib.content.values import Severity
from chalicelib.lint.site_templates import lint_site_templates, lint_template_text, lint_templates
from tests.render.test_templates import MAIL, write
from tests.render.values import site


def own(root: Path, body: str, name: str = "email/mine/body.mjml") -> None:
    write(root, name, MAIL.format(body) if name.endswith("body.mjml") else body)
    write(root, "email/mine/body.txt", "{{ title }}")
    write(root, "email/mine/subject.txt", "{{ title }}")


def told(root: Path, *names: str) -> list[tuple[str, int, str]]:
    return [
        (problem.file, problem.line, problem.code)
        for problem in lint_templates(site(root, languages=("en",)), names)
        if problem.file.startswith("templates/")
    ]


def test_a_site_without_templates_has_nothing_to_mend(tmp_path):
    assert lint_site_templates(site(tmp_path)) == []


def test_the_built_in_templates_are_right(tmp_path):
    (tmp_path / "templates").mkdir()
    found = lint_site_templates(site(tmp_path))
    assert [problem for problem in found if problem.severity is Severity.ERROR] == []


def test_right_templates_are_left_alone(tmp_path):
    own(tmp_path, "{% for item in items %}\n<p>{{ item.title }}</p>\n{% endfor %}")
    assert told(tmp_path, "mine") == []


@pytest.mark.parametrize(
    ("body", "line", "code"),
    [
        ("\n{{ nothing }}", 2, "template"),
        ("\n{% if %}", 2, "template"),
        ("\n{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", 2, "template"),
        ("{% for item in items %}\n<p>{{ item.title }}\n{% endfor %}", 2, "mjml-syntax"),
        ("{# <b> #}\n\n<p title='a\nb'>{{ title }}</p>", 3, "mjml-mangled"),
        ("{% if public %}\n<img src='a.png'>{% endif %}", 2, "mjml-alt"),
        ("{% if never is defined %}\n<mj-tezt />{% endif %}", 2, "mjml-unknown"),
        ("</mj-text><mj-text\n colour='red'>{{ title }}", 2, "mjml-unknown"),
        ("</mj-text><mj-image alt='' src='a.png'\nwidth='{{ title }}' /><mj-text>", 2, "mjml-value"),
    ],
)
def test_a_mistake_is_named_where_it_was_written(tmp_path, body, line, code):
    own(tmp_path, body)
    assert ("templates/email/mine/body.mjml", line, code) in told(tmp_path, "mine")


def test_a_part_that_is_overridden_is_tried_with_the_built_in_rest(tmp_path):
    write(
        tmp_path,
        "email/_parts/footer.mjml",
        "<mj-section>\n<mj-column>\n<mj-text>x<p></mj-text>\n</mj-column></mj-section>",
    )
    assert ("templates/email/_parts/footer.mjml", 3, "mjml-syntax") in told(tmp_path, "alert")


def test_a_part_that_nothing_uses_is_read_all_the_same(tmp_path):
    write(
        tmp_path,
        "email/_parts/unused.mjml",
        "{# x #}\n{% macro m(a) %}\n<mj-text colour='{{ a }}'>{{ a }}</mj-text>\n{% endmacro %}",
    )
    assert told(tmp_path) == [("templates/email/_parts/unused.mjml", 3, "mjml-unknown")]


def test_text_templates_are_tried_too(tmp_path):
    own(tmp_path, "{{ title }}")
    write(tmp_path, "email/mine/body.txt", "\n\n{{ nothing }}")
    assert told(tmp_path, "mine") == [("templates/email/mine/body.txt", 3, "template")]


def test_what_a_template_prints_is_not_taken_for_a_mistake():
    source = (
        "<mj-text padding='{{ a }}px' color='{{ b }}' {% if c %}align='left'{% else %}align='right'{% endif %}>"
        "<h{{ level }}{{ more }}>{{ x }}</h{{ level }}><img src='{{ y }}' {{ attributes }}></mj-text>"
    )
    assert lint_template_text(source, "x.mjml") == []


def test_a_template_is_read_without_being_run():
    assert [problem.line for problem in lint_template_text("\n{% if %}", "x.mjml")] == [2]
    assert [p.code for p in lint_template_text("{{ " + "(" * 5000 + " }}", "x.mjml")] == ["template"]
