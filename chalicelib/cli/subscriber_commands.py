"""Commands about subscribers: add; import, export, show and erase are in modules of their own."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import typer

from chalicelib.audience.audience import make_member
from chalicelib.audience.subscriber import Basis
from chalicelib.cli import intake_commands, person_commands
from chalicelib.cli.context import escape, house, out
from chalicelib.cli.draft_commands import find_newsletter
from chalicelib.compose.reader_time import known_zone
from chalicelib.content.problems import did_you_mean
from chalicelib.errors import UsageError

app = typer.Typer(help="Who gets the newsletters.", no_args_is_help=True)
Newsletter = Annotated[str, typer.Option("--newsletter", help="The newsletter's name.")]
BasisOption = Annotated[Basis, typer.Option("--basis", help="The legal ground, for the record.")]
intake_commands.register(app)
person_commands.register(app)


@app.command()
def add(
    email: str,
    newsletter: Newsletter,
    basis: BasisOption,
    name: Annotated[str, typer.Option(help="How they want to be called.")] = "",
    language: Annotated[str, typer.Option(help="A language of the site.")] = "",
    cadence: Annotated[str, typer.Option(help="One of the newsletter's cadences.")] = "every",
    zone: Annotated[str, typer.Option(help="Where they are at home, like America/New_York.")] = "",
) -> None:
    """Add one person as confirmed, with the ground for it on record."""
    with house() as runtime:
        chosen = find_newsletter(runtime, newsletter)
        if language and language not in runtime.site.languages:
            known = did_you_mean(language, runtime.site.languages)
            raise UsageError(f"Language '{language}' is not one of the site's; {known}.")
        if cadence not in {"every", *chosen.cadences}:
            raise UsageError(f"{newsletter} has no cadence '{cadence}': {did_you_mean(cadence, chosen.cadences)}.")
        if zone and not known_zone(zone):
            raise UsageError(f"There is no time zone '{zone}'.", "Name it like America/New_York or Europe/Berlin.")
        member = make_member(runtime.secrets, chosen.name, email, name, language)
        member = replace(member, cadence=cadence, zone=zone)
        result = runtime.audience.subscribe([member], basis, "sendbrief subscribers add", datetime.now(UTC))[0]
        words = {"new": "is subscribed", "changed": "is changed", "same": "was subscribed already"}
        if result not in words:
            left = {"unsubscribed": "has unsubscribed", "moved": "has another address by now"}
            raise UsageError(
                f"{email} {left.get(result, 'is suppressed')} and is not taken back.",
                "They can subscribe again by themselves.",
            )
        out.print(f"{escape(member.address)} {words[result]} ({newsletter}).")
