"""The command that hears of mails: one from standard input, or all that wait in the mailbox and the queue."""

import sys
from typing import Annotated

import typer

from chalicelib.cli.context import err, escape, house, out, show_error
from chalicelib.cli.hearing import can_hear, hear_all
from chalicelib.deliver.hearing.inboxes import READ_BYTES
from chalicelib.deliver.hearing.listening import Tally
from chalicelib.errors import SendbriefError, UsageError

TEMPORARY = 75
"""EX_TEMPFAIL (sysexits.h): the mail server keeps the mail and tries again. Any other failure would make it bounce."""


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(hear)


def hear(
    once: Annotated[bool, typer.Option("--once", help="Read the mailbox and the queue of events now.")] = False,
    recipient: Annotated[str, typer.Option(help="Whom the mail on standard input was delivered to.")] = "",
) -> None:
    """Hear what became of mails: bounces, complaints, events of the provider."""
    if once:
        _hear_all()
    elif sys.stdin.isatty():
        raise UsageError("There is no mail on standard input.", "Pipe one in, or read the mailbox with --once.")
    else:
        _hear_one(recipient)


def _hear_all() -> None:
    with house() as runtime:
        if not can_hear(runtime):
            raise UsageError(
                "Neither SENDBRIEF_BOUNCES nor SENDBRIEF_EVENT_QUEUE_URL is set.",
                "Name a mailbox or a queue; 'Hearing back' in docs/operating.md tells how.",
            )
        tally = hear_all(runtime)
    _show(tally)
    for words in tally.troubles:
        err.print(f"[bold red]Error:[/] {escape(words)}")
    if tally.troubles:
        raise typer.Exit(1)


def _hear_one(recipient: str) -> None:
    """Whatever goes wrong here, the mail must not be lost: its server is told to try again."""
    try:
        raw = sys.stdin.buffer.read(READ_BYTES)
        while sys.stdin.buffer.read(READ_BYTES):
            pass  # the rest is not looked at, but its writer must not be left with a broken pipe
        with house() as runtime:
            _show(runtime.listener.mail(raw, runtime.clock(), recipient=recipient))
    except SendbriefError as error:
        show_error(error)
        raise typer.Exit(TEMPORARY) from None
    except Exception as error:  # noqa: BLE001 (as above)
        err.print(f"[bold red]Fault:[/] {type(error).__name__}. The mail is not recorded yet.")
        raise typer.Exit(TEMPORARY) from None


def _show(tally: Tally) -> None:
    kinds = ", ".join(f"{count} {words}" for words, count in sorted(tally.verdicts.items()))
    out.print(f"{tally.read} read{': ' if kinds else ''}{kinds}.")
    done = tally.recorded
    if any((done.changed, done.same, done.foreign, done.suppressed)):
        out.print(
            f"{done.changed} changed a record, {done.same} were known, {done.foreign} are of no edition here; "
            f"{done.suppressed} people are not written to any more."
        )
