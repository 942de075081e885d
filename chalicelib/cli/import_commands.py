"""Commands that bring an old newsletter's issues into the archive: import jekyll, import pelican, import digest."""

import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from chalicelib.cli.context import escape, house, out
from chalicelib.cli.draft_commands import find_newsletter
from chalicelib.cli.showing import show_problems
from chalicelib.content.archives import FOLDER, names_in_use
from chalicelib.content.fields import LANGUAGE_TAG
from chalicelib.content.imports import ImportRules, OldIssue, old_files, read_old
from chalicelib.content.problems import Problems
from chalicelib.content.values import Newsletter, localize
from chalicelib.errors import NotFoundError, SendbriefError, UsageError
from chalicelib.runtime import Runtime

app = typer.Typer(help="Take an old newsletter's issues into the archive.", no_args_is_help=True)
Where = Annotated[Path, typer.Argument(metavar="PATH", help="The folder of its issues, one Markdown file each.")]
Name = Annotated[str, typer.Option("--newsletter", help="Whose issues they are; needed where the site has several.")]
Language = Annotated[str, typer.Option("--language", help="Theirs, where a file does not say; else the site's first.")]
Url = Annotated[str, typer.Option("--url", help="Where they stand: 'https://…/{date:%Y/%m/%d}/{slug}/', {number} too.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be written.")]


@app.command()
def jekyll(path: Where, newsletter: Name = "", language: Language = "", url: Url = "", dry_run: DryRun = False) -> None:
    """Issues as posts of Jekyll, Hugo or Docusaurus: front matter, dates in file names. Exits 1 where one is broken."""
    _import(path, newsletter, language, url, lists=False, dry_run=dry_run)


@app.command()
def pelican(
    path: Where, newsletter: Name = "", language: Language = "", url: Url = "", dry_run: DryRun = False
) -> None:
    """Issues as articles of Pelican: 'Key: value' lines above the text. Exits 1 where one is broken."""
    _import(path, newsletter, language, url, lists=False, dry_run=dry_run)


@app.command()
def digest(path: Where, newsletter: Name = "", language: Language = "", url: Url = "", dry_run: DryRun = False) -> None:
    """Issues named by number or date, with stories as text or lists in front matter. Exits 1 where one is broken."""
    _import(path, newsletter, language, url, lists=True, dry_run=dry_run)


def _import(path: Path, name: str, language: str, url: str, *, lists: bool, dry_run: bool) -> None:
    if not path.is_dir():
        raise NotFoundError(f"There is no folder {path}.", "Name the folder that holds the old issues.")
    if url:
        _check_url(url)
    problems = Problems()
    with house() as runtime:
        newsletter = _newsletter(runtime, name)
        rules = _rules(runtime, newsletter, language, url, lists=lists)
        folder = runtime.folder / "content" / FOLDER / newsletter.name
    counts: Counter[str] = Counter()
    for issue, source in _issues(path, rules, problems, counts):
        what = _put(folder / f"{issue.name}.md", issue.text, dry_run=dry_run)
        counts[what] += 1
        if what != "unchanged":
            out.print(f"{_SAID[what]} {escape(str(folder / issue.name))}.md [dim]({escape(source)})[/]")
    show_problems(problems.sorted())
    _summary(counts, path)
    if problems.errors:
        raise typer.Exit(1)


_SAID = {
    "written": "wrote",
    "to write": "would write",
    "kept": "[yellow]left as it is[/] (edited since, or written by somebody; delete it to import it anew):",
}


def _check_url(url: str) -> None:
    if not url.startswith(("https://", "http://")):
        raise UsageError(f"--url: '{url}' is no web address.", "Begin with https://.")
    unknown = sorted(
        {name.split(":")[0] for name in re.findall(r"\{([^{}]*)\}", url)} - {"date", "slug", "number", "language"}
    )
    if unknown:
        raise UsageError(
            f"--url: '{{{unknown[0]}}}' is unknown.", "Known are {date:%Y/%m/%d}, {slug}, {number}, {language}."
        )


def _newsletter(runtime: Runtime, name: str) -> Newsletter:
    known = runtime.site.newsletters
    if name:
        return find_newsletter(runtime, name)
    if len(known) != 1:
        raise UsageError("Say whose issues they are.", f"Add --newsletter with one of: {', '.join(known) or 'none'}.")
    return next(iter(known.values()))


def _rules(runtime: Runtime, newsletter: Newsletter, language: str, url: str, *, lists: bool) -> ImportRules:
    site = runtime.site
    if language and not LANGUAGE_TAG.match(language):
        raise UsageError(f"--language: '{language}' is no language tag.", "Write it like en or pt-BR.")
    title = localize(newsletter.title, language or site.fallback, site.fallback)
    return ImportRules(title, site.time_zone, language or site.fallback, url, lists)


def _issues(path: Path, rules: ImportRules, problems: Problems, counts: Counter[str]) -> Iterator[tuple[OldIssue, str]]:
    """Each issue that can be read, under a name of its own, and the file it comes from."""
    names: set[str] = set()
    for file in old_files(path):
        issue = read_old(file, str(file), rules, problems)
        if issue is None:
            counts["left out"] += 1
            continue
        name = names_in_use(names, issue.name)
        names.add(name)
        yield OldIssue(name, issue.text), str(file)


def _put(target: Path, text: str, *, dry_run: bool) -> str:
    """Write a file that is not there, whole or not at all; say what became of it. Raises SendbriefError."""
    content = text.encode("utf-8", "replace")
    try:
        if os.path.lexists(target):
            return "unchanged" if target.is_file() and target.read_bytes() == content else "kept"
        if dry_run:
            return "to write"
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".import-", delete=False) as half:
            half.write(content)
        made = Path(half.name)
        made.chmod(0o644)
        made.replace(target)
    except OSError as error:
        message = f"{target} can't be written: {error.strerror}."
        raise SendbriefError(message, "Mend it and run the import again; what was written stays.") from None
    return "written"


def _summary(counts: Counter[str], path: Path) -> None:
    if not counts:
        out.print(f"There are no Markdown files in {escape(str(path))}.")
        return
    words = ("written", "to write", "unchanged", "kept", "left out")
    out.print(", ".join(f"{counts[word]} {word}" for word in words if counts[word]) + ".")
