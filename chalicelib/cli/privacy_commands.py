"""Commands about everybody's privacy: the record of processing, and the sweep of what is kept no longer."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from chalicelib.cli.context import house, out, print_json
from chalicelib.cli.draft_commands import Json
from chalicelib.content.problems import did_you_mean
from chalicelib.content.values import Site
from chalicelib.deliver.record import record_of
from chalicelib.errors import RenderError, UsageError
from chalicelib.render.templates import BUILT_IN
from chalicelib.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(privacy)
    app.command()(retain)


def privacy(
    language: Annotated[str, typer.Option("--language", help="en or de, or what the site has a template for.")] = "en",
) -> None:
    """Write the record of processing (Art. 30 GDPR) of this site, as Markdown: what is stored, why, for how long."""
    with house() as runtime:
        sys.stdout.write(written(runtime.site, runtime.settings, language))


def retain(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be forgotten.")] = False,
    json: Json = False,
) -> None:
    """Forget what is kept no longer: what each day's ticks do, at once and to its end."""
    with house() as runtime:
        retention, now = runtime.retention(), runtime.clock()
        found = retention.would(now) if dry_run else retention.all(now)
        if json:
            print_json(asdict(found))
            return
        days, will = runtime.site.privacy, "would be" if dry_run else "were"
        expired = "" if dry_run else f"; {found.expired} expired items were swept"
        out.print(
            f"{found.left} people who left everything over {days.keep_left_days} days ago {will} erased; who the "
            f"recipients of {found.editions} editions were, over {days.keep_recipients_days} days ago, "
            f"{will.replace('were', 'was')} forgotten{expired}."
        )


def written(site: Site, settings: Settings, language: str) -> str:
    """The record in one language. Raises UsageError for one without a template, RenderError for a broken one."""
    from jinja2 import FileSystemLoader, StrictUndefined, TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    folders = [site.root / "templates" / "privacy", BUILT_IN / "privacy"]
    known = sorted({path.stem for folder in folders for path in folder.glob("*.md")})
    if language not in known:
        raise UsageError(f"There is no record in '{language}'; {did_you_mean(language, known)}.", _own(site.root))
    environment = ImmutableSandboxedEnvironment(  # Markdown, not HTML: nothing is escaped
        loader=FileSystemLoader(folders), undefined=StrictUndefined, autoescape=False,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    try:
        return environment.get_template(f"{language}.md").render(record_of(site, settings, language))
    except TemplateError as error:
        where = f"templates/privacy/{language}.md:{getattr(error, 'lineno', None) or 0}"
        raise RenderError(f"{where}: {error}", "Mend the site's template, or take it away.") from None


def _own(root: Path) -> str:
    return f"Write one: {root / 'templates' / 'privacy'}/<language>.md, beginning with a copy of the English one."
