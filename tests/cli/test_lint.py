# ruff: noqa: E501
"""``sendbrief lint`` on files of each kind."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chalicelib.cli.main import app
from chalicelib.errors import NotFoundError, UsageError

MAIL = "<mjml>\n<mj-body>\n<mj-section><mj-column>\n<mj-text {}>x</mj-text>\n</mj-column></mj-section>\n</mj-body>\n</mjml>\n"


def lint(*arguments: str | Path):
    return CliRunner().invoke(app, ["lint", *map(str, arguments)])


def test_mistakes_are_named_with_file_and_line_and_exit_with_1(tmp_path):
    file = tmp_path / "mail.mjml"
    file.write_text(MAIL.format("colour='red'"))
    done = lint(file)
    assert done.exit_code == 1
    assert f"{file}:4: error <mj-text>: has no attribute colour" in done.stdout.replace("\n", "")


def test_what_is_right_exits_with_0(tmp_path):
    file = tmp_path / "mail.mjml"
    file.write_text(MAIL.format(""))
    done = lint(file)
    assert (done.exit_code, done.stdout.strip()) == (0, "No problems found.")


def test_warnings_exit_with_0_and_json_is_for_programs(tmp_path):
    file = tmp_path / "mail.mjml"
    file.write_text(MAIL.format("color='#abc'"))
    done = lint(file, "--json")
    assert done.exit_code == 0
    assert [(row["file"], row["line"], row["code"]) for row in json.loads(done.stdout)] == [
        (str(file), 4, "mjml-differs")
    ]


def test_templates_are_read_without_being_run(tmp_path):
    file = tmp_path / "part.mjml"
    file.write_text("{% macro m(x) %}\n<mj-tezt>{{ x }}</mj-tezt>\n{% endmacro %}")
    assert [row["line"] for row in json.loads(lint(file, "--json").stdout)] == [2]


def test_html_and_mails_are_taken_too(tmp_path):
    (tmp_path / "mail.html").write_text("<html><body><a href='http://localhost/'>x</a></body></html>")
    (tmp_path / "mail.eml").write_bytes(b"Subject: x\r\n\r\nx\r\n")
    found = json.loads(lint(tmp_path / "mail.html", tmp_path / "mail.eml", "--json").stdout)
    assert {Path(row["file"]).suffix for row in found} == {".html", ".eml"}


def test_bytes_that_are_no_text_are_named(tmp_path):
    (tmp_path / "mail.mjml").write_bytes(b"<mjml>\xff</mjml>")
    assert [row["code"] for row in json.loads(lint(tmp_path / "mail.mjml", "--json").stdout)] == ["not-utf8"]


def test_what_is_no_mail_is_refused(tmp_path):
    (tmp_path / "mail.pdf").write_text("x")
    assert isinstance(lint(tmp_path / "mail.pdf").exception, UsageError)
    assert isinstance(lint(tmp_path / "none.mjml").exception, NotFoundError)
    assert isinstance(lint(tmp_path).exception, UsageError)


@pytest.mark.parametrize("name", ["folder.mjml"])
def test_a_folder_is_no_file(tmp_path, name):
    (tmp_path / name).mkdir()
    assert isinstance(lint(tmp_path / name).exception, NotFoundError)
