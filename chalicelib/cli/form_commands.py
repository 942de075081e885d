"""The command that prints a form to subscribe, for pages that are not Sendbrief's."""

import sys
from typing import Annotated
from urllib.parse import quote

import typer

from chalicelib.cli.context import house
from chalicelib.cli.draft_commands import find_newsletter
from chalicelib.content.problems import did_you_mean
from chalicelib.content.values import Site
from chalicelib.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(form)


def form(
    newsletter: Annotated[
        list[str] | None, typer.Option("--newsletter", help="Only this one; may be repeated. Without it: all.")
    ] = None,
    language: Annotated[str, typer.Option(help="A language of the site (else its first).")] = "",
) -> None:
    """Print a form to subscribe as HTML, for a page of your own. It has no script and leads to base_url/subscribe."""
    with house() as runtime:
        names = [find_newsletter(runtime, name).name for name in newsletter or runtime.site.newsletters]
        sys.stdout.write(snippet(runtime.site, names, language or runtime.site.fallback))


def snippet(site: Site, newsletters: list[str], language: str) -> str:
    """The HTML of a form for some newsletters. Raises UsageError for a language that the site has not."""
    from chalicelib.web.pages import Pages

    if language not in site.languages:
        known = did_you_mean(language, site.languages)
        raise UsageError(f"Language '{language}' is not one of the site's; {known}.")
    pages = Pages(site, language)
    page = pages.page(
        "snippet",
        action=f"{site.base_url}/subscribe?lang={quote(language, safe='')}",
        newsletters=[
            (name, pages.title_of(name), pages.said(site.newsletters[name].description))
            for name in dict.fromkeys(newsletters)
        ],
        consent=pages.say("web.subscribe.consent", sender=pages.said(site.sender.name)),
    )
    return page.html.strip() + "\n"
