"""Commands that bring Sendbrief to AWS and away from it: package, deploy, destroy."""

from pathlib import Path
from typing import Annotated

import typer

Architecture = Annotated[str, typer.Option(help="Of the functions' processors: arm64 or x86_64.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    for command in (package, deploy, destroy):
        app.command()(command)


def package(
    folder: Annotated[Path | None, typer.Argument(metavar="[FOLDER]", help="Where to (build/package).")] = None,
    architecture: Architecture = "arm64",
) -> None:
    """Make the artefact for AWS Lambda and its template, of this checkout."""
    from chalicelib.cli.deploying import package as run  # what is needed for AWS makes no other command slower

    run(folder, architecture)


def deploy(
    yes: Yes = False,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the stack; may be repeated.")
    ] = None,
    architecture: Architecture = "arm64",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
) -> None:
    """Bring this checkout to AWS as a stage (--stage prod): show what changes, ask, apply, tell what is left to do."""
    from chalicelib.cli.deploying import deploy as run

    run(set_ or [], architecture, yes=yes, dry_run=dry_run)


def destroy(
    yes: Yes = False,
    with_data: Annotated[
        bool, typer.Option("--with-data", help="Delete subscribers, editions and the secret as well, for good.")
    ] = False,
) -> None:
    """Take a stage away from AWS. The table, the bucket, the secret and the domain's identity stay."""
    from chalicelib.cli.deploying import destroy as run

    run(yes=yes, with_data=with_data)
