"""Commands about the whole store: backup, restore; and pausing a site: site pause, site resume."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from chalicelib.cli.context import err, escape, house, out
from chalicelib.cli.reconcile_commands import Yes, check_heard
from chalicelib.deliver import pausing
from chalicelib.deliver.backup import Backup, fingerprint, read_backup, write_backup
from chalicelib.deliver.backup import Progress as Told
from chalicelib.deliver.holding import hold_back
from chalicelib.deliver.restoring import restore as put_back
from chalicelib.errors import BackupError
from chalicelib.runtime import Runtime

File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]
BY_HAND = "paused by hand"
site_app = typer.Typer(help="Let a whole site stand still, or go on.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(backup)
    app.command()(restore)
    app.add_typer(site_app, name="site")


def backup(
    file: File,
    with_secret: Annotated[bool, typer.Option("--with-secret", help="Put the key of links and ids in, too.")] = False,
) -> None:
    """Write the whole store to one new file: subscribers, consent, entries, editions. Sending may go on meanwhile."""
    with house() as runtime, _counting("backup") as told:
        secrets = runtime.secrets
        made = write_backup(
            file, runtime.table, runtime.blobs, fingerprint(secrets.sid_key), datetime.now(UTC),
            secret=",".join(secrets.keys) if with_secret else "", progress=told,
        )  # fmt: skip
    out.print(f"{escape(str(file))}: {made.items} items, {made.blobs} blobs.")
    if with_secret:
        out.print("The secret is inside: whoever has this file can make links in everybody's name.")
    else:
        out.print("The secret is not inside. Keep it too: without it nobody is recognised and all links are dead.")


def restore(
    file: File,
    other_key: Annotated[
        bool, typer.Option("--other-key", help="Even though its links and ids are of another key.")
    ] = False,
) -> None:
    """Put a backup back into an empty store. The site is paused then: 'reconcile', then 'site resume'."""
    with house() as runtime, _counting("restore") as told:
        made = read_backup(file)
        _check_key(runtime, made, other_key=other_key)
        put_back(file, runtime.table, runtime.blobs, datetime.now(UTC), backup=made, progress=told)
    out.print(f"{made.items} items and {made.blobs} blobs of {made.made[:16]}Z are back.")
    out.print("The site is paused. 'sendbrief reconcile' hears what went out since the backup, and tells what differs.")


def _check_key(runtime: Runtime, made: Backup, *, other_key: bool) -> None:
    """The key that ids were made with is in use, or is put in place where there is none. Raises BackupError."""
    kept = runtime.settings.data / "secret.key"
    if made.secret and not runtime.settings.secret and runtime.settings.store == "sqlite" and not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(made.secret + "\n")
    had_one = bool(runtime.settings.secret) or kept.exists()
    if not other_key and (not had_one or fingerprint(runtime.secrets.sid_key) != made.key):
        what = "is another one" if had_one else "is missing"
        raise BackupError(
            f"The secret that this backup's ids were made with {what}: nobody would be recognised.",
            f"Put the old secret.key into {runtime.settings.data}, or set SENDBRIEF_SECRET to it; "
            "--other-key restores all the same.",
        )


@site_app.command("pause")
def pause(
    why: Annotated[str, typer.Option(help="Why, for the record.")] = BY_HAND,
    restored: Annotated[
        bool, typer.Option("--restored", help="The store is an older one of itself: hold what may have gone out.")
    ] = False,
) -> None:
    """Stop composing and sending, after the wave in flight, until 'site resume'."""
    with house() as runtime:
        if restored:
            words = why if why != BY_HAND else "it was restored"
            hold_back(runtime.table, runtime.site.newsletters, runtime.clock(), words)
        elif pausing.paused(runtime.table) is None:
            pausing.pause(runtime.table, why, datetime.now(UTC))
        out.print(escape(str(pausing.paused(runtime.table))))


@site_app.command("resume")
def resume(yes: Yes = False) -> None:
    """Let a paused or restored site compose and send again; a restored one after 'reconcile'."""
    with house() as runtime:
        check_heard(runtime, yes=yes)
        went_on = pausing.resume(runtime.table, runtime.site, runtime.dispatcher.editions)
        out.print("The site goes on with the next tick." if went_on else "The site was not paused.")


@contextmanager
def _counting(what: str) -> Iterator[Told]:
    columns = (SpinnerColumn(), TextColumn(f"{what}: {{task.completed:,}} items"))
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done: bar.update(task, completed=done)
