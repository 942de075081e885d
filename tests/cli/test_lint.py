# ruff: noqa: E501
"""``sendbrief lint`` on files of each kind."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.house import Command, Ran

MAIL = "<mjml>\n<mj-body>\n<mj-section><mj-column>\n<mj-text {}>x</mj-text>\n</mj-column></mj-section>\n</mj-body>\n</mjml>\n"


@pytest.fixture
def lint(command: Command) -> Callable[..., Ran]:
    return lambda *arguments: command.run("lint", *map(str, arguments), code=None)


def test_mistakes_are_named_with_file_and_line_and_exit_with_1(tmp_path, lint):
    file = tmp_path / "mail.mjml"
    file.write_text(MAIL.format("colour='red'"))
    done = lint(file)
    assert done.code == 1
    assert f"{file}:4: error <mj-text>: has no attribute colour" in done.out.replace("\n", "")


def test_what_is_right_exits_with_0(tmp_path, lint):
    file = tmp_path / "mail.mjml"
    file.write_text(MAIL.format(""))
    done = lint(file)
    assert (done.code, done.out.strip()) == (0, "No problems found.")


def test_warnings_exit_with_0_and_json_is_for_programs(tmp_path, lint):
    file = tmp_path / "mail.mjml"
    file.write_text(MAIL.format("color='#abc'"))
    done = lint(file, "--json")
    assert done.code == 0
    assert [(row["file"], row["line"], row["code"]) for row in json.loads(done.out)] == [(str(file), 4, "mjml-differs")]


def test_templates_are_read_without_being_run(tmp_path, lint):
    file = tmp_path / "part.mjml"
    file.write_text("{% macro m(x) %}\n<mj-tezt>{{ x }}</mj-tezt>\n{% endmacro %}")
    assert [row["line"] for row in json.loads(lint(file, "--json").out)] == [2]


def test_html_and_mails_are_taken_too(tmp_path, lint):
    (tmp_path / "mail.html").write_text("<html><body><a href='http://localhost/'>x</a></body></html>")
    (tmp_path / "mail.eml").write_bytes(b"Subject: x\r\n\r\nx\r\n")
    found = json.loads(lint(tmp_path / "mail.html", tmp_path / "mail.eml", "--json").out)
    assert {Path(row["file"]).suffix for row in found} == {".html", ".eml"}


def test_bytes_that_are_no_text_are_named(tmp_path, lint):
    (tmp_path / "mail.mjml").write_bytes(b"<mjml>\xff</mjml>")
    assert [row["code"] for row in json.loads(lint(tmp_path / "mail.mjml", "--json").out)] == ["not-utf8"]


def test_what_is_no_mail_is_refused(tmp_path, lint):
    (tmp_path / "mail.pdf").write_text("x")
    refused = lint(tmp_path / "mail.pdf")
    assert refused.code > 0, refused
    assert refused.err.startswith("Error: "), refused
    refused = lint(tmp_path / "none.mjml")
    assert refused.code > 0, refused
    assert refused.err.startswith("Error: "), refused
    refused = lint(tmp_path)
    assert refused.code > 0, refused
    assert refused.err.startswith("Error: "), refused


@pytest.mark.parametrize("name", ["folder.mjml"])
def test_a_folder_is_no_file(tmp_path, name, lint):
    (tmp_path / name).mkdir()
    refused = lint(tmp_path / name)
    assert refused.code > 0, refused
    assert refused.err.startswith("Error: "), refused
