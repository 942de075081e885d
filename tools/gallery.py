"""Draws docs/gallery.md: every template and component in Chromium, from the site in docs/gallery/site.

Run it with ``make gallery`` after a template has changed, look at what it made, and commit that.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from chalicelib.cli.chromium import Chromium, find_chromium
from chalicelib.cli.previews import pictures_of

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SITE = DOCS / "gallery" / "site"
BASE_URL = "https://news.havelcloud.example.org"
NOW = "2026-11-25T20:00"
LANGUAGES = {"en": "English", "de": "German"}
WIDTHS = {375: "phone", 700: "desktop"}
SHOWN = {
    "components": ("Every component (`digest`)", "What a digest may hold, each component once."),
    "alert": ("An advisory (`alert`)", "Sent at once and in full: facts first, then what its author wrote."),
    "event": ("An event (`event`)", "One event before all else, with a calendar file."),
    "letter": ("A letter (`letter`)", "As one person writes to another."),
    "welcome": ("Welcome (`welcome`)", "The first mail to somebody who has just come in."),
    "confirm": ("Confirm (`confirm`)", "The one mail to an address that nobody has confirmed yet."),
}
HEAD = """# Gallery

Every built-in template with every component, as Chromium shows it: on a phone (375 px) and a desktop (700 px), light
and dark, in English and German. What is shown is written in [gallery/site](gallery/site/content), as editors write it;
the dark pictures are what a reader sees whose program is dark. `make gallery` draws them anew.

| what | how an editor gets it |
|---|---|
| masthead, footer, imprint, funding notice | site.yaml and theme.yaml |
| intro, button | a note in `content/editions/`; a paragraph that is only a link in bold becomes a button |
| highlight | the note's `highlight`, or the newsletter's rule |
| article, with picture | any post; the section's `pictures: true` |
| compact list | the section's `show: titles`, and all articles beyond the twelfth |
| event, deadline, "add to calendar" | events and calendars; `deadline:` of a post |
| call for contributions, people and thanks, poll, job, quote | `shape:` of a post or a section |
| facts | `facts:` of a post |
| alert, task list, table, code, quote, divider, picture, footnote | Markdown |
"""


def name_of(what: str, language: str, width: int, *, dark: bool) -> str:
    """The file of a picture."""
    return f"{what}-{language}-{WIDTHS[width]}{'-dark' if dark else ''}.webp"


def mails(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Template, language and HTML of each mail of the gallery, made by the command itself."""
    for what in SHOWN:
        out = folder / what
        command = [sys.executable, "-m", "chalicelib.cli.main", "--site", str(SITE), "--data", str(folder / "data")]
        command += ["preview", what, "--now", NOW, "--out", str(out), "--no-pictures"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603
        if done.returncode:
            raise SystemExit(done.stderr)
        problems = json.loads((out / "report.json").read_text("utf-8"))["problems"]
        if problems:
            raise SystemExit(f"{what}: {problems}")
        for language in LANGUAGES:
            yield what, language, (out / f"{language}.html").read_text("utf-8")


def page() -> str:
    """docs/gallery.md."""
    parts = [HEAD]
    for what, (title, sentence) in SHOWN.items():
        parts.append(f"\n## {title}\n\n{sentence}\n")
        for language, called in LANGUAGES.items():
            cells = [
                f'<img src="gallery/{name_of(what, language, width, dark=dark)}" width="{160 if width < 500 else 240}"'
                f' alt="{what} in {called} on a {view}, {"dark" if dark else "light"}">'
                for width, view in WIDTHS.items()
                for dark in (False, True)
            ]
            parts.append(f"\n{called}:\n\n" + "\n".join(cells) + "\n")
    return "".join(parts)


def main() -> None:
    """Draw all pictures and write the page."""
    binary = find_chromium()
    if binary is None:
        raise SystemExit("Chromium is not installed (Debian: apt install chromium): the gallery can't be drawn.")
    folder = DOCS / "gallery"
    for old in folder.glob("*.webp"):
        old.unlink()
    pictures = pictures_of(SITE, BASE_URL)
    with tempfile.TemporaryDirectory() as temporary, Chromium(binary) as browser:
        for what, language, html in mails(Path(temporary)):
            for width in WIDTHS:
                for dark in (False, True):
                    browser.show(html, width=width, dark=dark, pictures=pictures)
                    path = folder / name_of(what, language, width, dark=dark)
                    path.write_bytes(browser.picture(width, kind="webp"))
                    print(path.relative_to(ROOT))  # noqa: T201
    (DOCS / "gallery.md").write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
