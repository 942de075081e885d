"""The `sendbrief` command: its entry, the options before the command, and what exit codes mean.

0: fine. 1: problems found, or something failed. 2: misuse. Never a traceback, unless --debug asks for it.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from chalicelib import __version__
from chalicelib.cli import (
    archive_commands,
    audit_commands,
    backup_commands,
    cost_commands,
    deploy_commands,
    doctor_commands,
    doubt_commands,
    draft_commands,
    edition_commands,
    form_commands,
    hearing_commands,
    import_commands,
    key_commands,
    lint_commands,
    preview_commands,
    privacy_commands,
    publish_commands,
    queue_commands,
    reconcile_commands,
    run_commands,
    segment_commands,
    simulate_commands,
    site_commands,
    subscriber_commands,
    suppression_commands,
    topic_commands,
    webhook_commands,
    who_commands,
)
from chalicelib.cli.context import Options, err, escape, show_error
from chalicelib.errors import SendbriefError, UsageError
from chalicelib.settings import honour_region

app = typer.Typer(
    name="sendbrief",
    help="Newsletters for open-source communities, from what you already write.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_GLOBAL = {"--site": "a folder", "--data": "a folder", "--stage": "a name"}
_FLAGS = ("--debug",)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"sendbrief {__version__}\n")
        raise typer.Exit


@app.callback()
def options(
    site: Annotated[
        Path | None, typer.Option(help="The folder that holds content/ (else SENDBRIEF_SITE, else here).")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Where state is kept (else SENDBRIEF_DATA, else SITE/.sendbrief).")
    ] = None,
    stage: Annotated[
        str, typer.Option(help="Work on what is deployed to AWS as this stage (dev or prod): its store, its queues.")
    ] = "",
    debug: Annotated[bool, typer.Option(help="Show the trace of a fault.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options that stand before or after any command."""
    Options.site, Options.data, Options.stage = site, data, stage


for module in (
    site_commands,
    draft_commands,
    preview_commands,
    simulate_commands,
    cost_commands,
    topic_commands,
    edition_commands,
    run_commands,
):
    module.register(app)
for module in (doubt_commands, queue_commands, who_commands, audit_commands, reconcile_commands):
    module.register(app)
archive_commands.register(app)
deploy_commands.register(app)
backup_commands.register(app)
lint_commands.register(app)
doctor_commands.register(app)
publish_commands.register(app)
form_commands.register(app)
hearing_commands.register(app)
privacy_commands.register(app)
segment_commands.register(subscriber_commands.app)
app.add_typer(subscriber_commands.app, name="subscribers")
app.add_typer(suppression_commands.app, name="suppressions")
app.add_typer(import_commands.app, name="import")
app.add_typer(key_commands.app, name="keys")
app.add_typer(webhook_commands.app, name="webhooks")


def hoist(arguments: list[str]) -> list[str]:
    """--site, --data, --stage and --debug may stand anywhere: they are moved before the command. Raises UsageError."""
    first: list[str] = []
    rest: list[str] = []
    left = iter(arguments)
    for argument in left:
        if argument in _GLOBAL:
            value = next(left, "")
            if not value:
                raise UsageError(f"{argument} needs {_GLOBAL[argument]}.", f"Write it like: {argument} VALUE.")
            first += [argument, value]
        elif argument.startswith(tuple(f"{name}=" for name in _GLOBAL)) or argument in _FLAGS:
            first.append(argument)
        elif argument == "--":
            rest += [argument, *left]
        else:
            rest.append(argument)
    if "--json" in rest and rest.index("--json") == 0:
        rest = [*rest[1:], "--json"]
    return first + rest


def main() -> None:
    """Run the command and exit."""
    arguments = sys.argv[1:]
    honour_region()
    try:
        code = app(hoist(arguments), standalone_mode=False) or 0
    except SendbriefError as error:
        show_error(error)
        code = 2 if isinstance(error, UsageError) else 1
    except typer.Abort:
        code = 130
    except KeyboardInterrupt:
        err.print("Stopped.")
        code = 130
    except Exception as error:  # noqa: BLE001 (the last resort: never a traceback to a user)
        code = _unexpected(error, debug="--debug" in arguments)
    sys.exit(code)


def _unexpected(error: Exception, *, debug: bool) -> int:
    import click

    if isinstance(error, click.ClickException) or hasattr(error, "format_message"):
        error.show() if hasattr(error, "show") else err.print(escape(str(error)))
        return 2
    if isinstance(error, BrokenPipeError):
        return 0
    if debug:
        raise error
    err.print(f"[bold red]Fault:[/] {type(error).__name__}: {escape(str(error))[:500]}")
    err.print(
        "  This is a fault of Sendbrief, not yours. State is intact; run again with --debug to see where it arose."
    )
    return 1


if __name__ == "__main__":
    main()
