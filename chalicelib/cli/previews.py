"""Writing a preview: mails as files and pictures, what the lint says of them, and a page that shows it side by side."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from chalicelib.cli.chromium import Chromium, Pictures
from chalicelib.cli.preview_sheets import Sheet
from chalicelib.content.values import Problem
from chalicelib.errors import NotFoundError, UsageError
from chalicelib.lint.clients import client_report
from chalicelib.render.personal import fill
from chalicelib.render.templates import BUILT_IN
from chalicelib.web.media import read_picture

PREVIEW_ADDRESS = "reader@example.org"
REPORT = "report.json"
PHONE, DESKTOP = 375, 700
"""CSS pixels."""
VIEWS = (
    ("phone", PHONE, False),
    ("phone-dark", PHONE, True),
    ("desktop", DESKTOP, False),
    ("desktop-dark", DESKTOP, True),
)


@dataclass(frozen=True, slots=True)
class Preview:
    """Everything a preview tells. ``facts`` are label and text: when, for how many, at what price."""

    title: str
    sheets: Sequence[Sheet]
    problems: Sequence[Problem]
    facts: Sequence[tuple[str, str]] = ()


Progress = Callable[[str], None]


def write_preview(
    preview: Preview, folder: Path, browser: Chromium | None, pictures: Pictures, progress: Progress
) -> list[Path]:
    """The paths written: of each mail ``.html``, ``.txt``, ``.eml`` and its pictures, a report and ``index.html``.

    Files that an earlier preview left in the folder, and that are no more, are removed; others are not touched.
    Raises UsageError where the folder can't be written to.
    """
    files: dict[str, bytes] = {}
    for sheet in preview.sheets:
        files |= {f"{sheet.name}.html": sheet.html.encode(), f"{sheet.name}.txt": sheet.text.encode()}
        files[f"{sheet.name}.eml"] = sheet.message
        if browser:
            files |= _pictures(sheet, browser, pictures)
        progress(sheet.name)
    files["index.html"] = _index(preview, files).encode()
    files[REPORT] = json.dumps(_report(preview, sorted(files)), indent=1, ensure_ascii=False).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in _left_over(folder) - set(files):
            (folder / name).unlink(missing_ok=True)
        for name, raw in files.items():
            (folder / name).write_bytes(raw)
    except OSError as error:
        raise UsageError(
            f"{folder} can't be written to: {error.strerror}.", "Name another folder with --out."
        ) from None
    return [folder / name for name in files]


def _left_over(folder: Path) -> set[str]:
    """The files that an earlier preview wrote here, by its own report."""
    try:
        names = json.loads((folder / REPORT).read_text("utf-8"))["files"]
        return {name for name in names if isinstance(name, str) and "/" not in name and "\\" not in name}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _pictures(sheet: Sheet, browser: Chromium, pictures: Pictures) -> dict[str, bytes]:
    files = {}
    for view, width, dark in VIEWS:
        browser.show(sheet.html, width=width, dark=dark, pictures=pictures)
        files[f"{sheet.name}-{view}.png"] = browser.picture(width)
    return files


def pictures_of(root: Path, base_url: str) -> Pictures:
    """The site's own pictures, by the address that mails load them from; all others are left out."""
    prefix = f"{base_url.rstrip('/')}/media/"

    def read(url: str) -> bytes | None:
        if not url.startswith(prefix):
            return None
        try:
            return read_picture(root, url.removeprefix(prefix).split("/")).content
        except NotFoundError:
            return None

    return read


def body_of(message: bytes, subtype: str) -> str:
    """One part of a message as text, as a mail client reads it."""
    from email import message_from_bytes, policy

    part = message_from_bytes(message, policy=policy.default).get_body((subtype,))
    return str(part.get_content()) if part else ""


def _report(preview: Preview, files: list[str]) -> dict[str, Any]:
    """The same for programs: a pull request's check reads this."""
    return {
        "title": preview.title,
        "facts": dict(preview.facts),
        "mails": [
            {
                "name": sheet.name,
                "language": sheet.language,
                "topics": sheet.topics,
                "beside": sheet.beside,
                "subject": fill(sheet.rendered.subject, {}),
                "html_bytes": len(sheet.html.encode()),
                "message_bytes": len(sheet.message),
                "readers": sheet.readers,
            }
            for sheet in preview.sheets
        ],
        "problems": [
            {"file": p.file, "line": p.line, "code": p.code, "severity": str(p.severity), "message": p.message}
            for p in preview.problems
        ],
        "files": files,
    }


def _index(preview: Preview, files: dict[str, bytes]) -> str:
    template = _environment().get_template("preview/index.html")
    notes = client_report(preview.sheets[0].html) if preview.sheets else []
    return template.render(
        preview=preview, subject=lambda sheet: fill(sheet.rendered.subject, {}), files=files, views=VIEWS, notes=notes,
        preheader=lambda sheet: fill(sheet.rendered.preheader, {}), phone=PHONE, desktop=DESKTOP,
    )  # fmt: skip


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(BUILT_IN),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
