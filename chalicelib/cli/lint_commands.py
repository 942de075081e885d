"""The command about single files: lint, for MJML, for mails as HTML and for whole mails."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from chalicelib.cli.context import out, print_json
from chalicelib.cli.showing import problem_row, show_problems
from chalicelib.content.values import Problem, Severity
from chalicelib.errors import NotFoundError, UsageError
from chalicelib.lint.mail_files import lint_mail_file
from chalicelib.lint.mjml import lint_mjml
from chalicelib.lint.site_templates import lint_template_text

Json = Annotated[bool, typer.Option("--json", help="JSON on standard output, for programs.")]
_JINJA = re.compile(r"\{[{%#]")
MAX_BYTES = 50_000_000


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("lint")(lint)


def lint(
    files: Annotated[list[Path], typer.Argument(help="Files: .mjml, .html or .eml.")],
    json: Json = False,
) -> None:
    """Name what is wrong with MJML, an HTML mail or a whole mail. Exits 1 where there are errors."""
    found = sorted(problem for path in files for problem in _lint(path))
    if json:
        print_json([problem_row(problem) for problem in found])
    else:
        show_problems(found)
        if not found:
            out.print("No problems found.")
    if any(problem.severity is Severity.ERROR for problem in found):
        raise typer.Exit(1)


def _lint(path: Path) -> list[Problem]:
    """The problems of one file, by its suffix. Raises UsageError."""
    by_suffix: dict[str, Callable[[str, bytes], list[Problem]]] = {
        ".mjml": _mjml,
        ".html": lint_mail_file,
        ".htm": lint_mail_file,
        ".eml": lint_mail_file,
    }
    linter = by_suffix.get(path.suffix.lower())
    if linter is None:
        raise UsageError(f"{path} is of no kind that can be checked.", f"These can: {', '.join(by_suffix)}.")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{path} is larger than {MAX_BYTES // 1_000_000} MB.", "No mail is.")
        raw = path.read_bytes()
    except OSError as error:
        raise NotFoundError(f"{path} can't be read: {error.strerror}.", "Name a file that is there.") from None
    return linter(str(path), raw)


def _mjml(path: str, raw: bytes) -> list[Problem]:
    """MJML as it is, or a template of MJML, which is read without being run."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return [Problem(path, 0, "not-utf8", Severity.ERROR, "is not UTF-8; save it as such")]
    return lint_template_text(text, path) if _JINJA.search(text) else lint_mjml(text, path)
