"""What all commands share: the runtime of this call, its clock, and how results and errors are shown."""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console

from chalicelib.clock import Clock, clock_starting_at
from chalicelib.content.moments import parse_moment
from chalicelib.errors import SendbriefError, UsageError
from chalicelib.json_logs import is_json
from chalicelib.logs import logger
from chalicelib.runtime import Runtime
from chalicelib.settings import Settings, load_settings

_PIPE_WIDTH = 160
"""Columns where the output is no terminal: tables in logs are not squeezed into 80."""


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console


out = _console(stderr=False)
err = _console(stderr=True)


class Options:
    """The options before the command's name."""

    site: Path | None = None
    data: Path | None = None
    stage: str = ""


def settings() -> Settings:
    """The settings of this call: flags first, then those of the stage it works on, then the environment."""
    stage = _of_stage(Options.stage)
    if stage and Options.site is None:
        stage = {**stage, "SENDBRIEF_CONTENT": "published"}
    return load_settings(site=Options.site, data=Options.data, stage=stage)


@cache
def _of_stage(name: str) -> dict[str, str]:
    """What the functions of a deployed stage are set to. Their site is what is published there, unless --site names
    another. Raises DeploymentError where the stage is not there.
    """
    if not name:
        return {}
    from chalicelib.cloud.stages import read_stage

    return read_stage(name).environment


@contextmanager
def house(now: str | None = None) -> Iterator[Runtime]:
    """The runtime of this call, with its clock at ``now`` where given; files and locks are given back."""
    runtime = Runtime(settings())
    try:
        if now is not None:
            runtime.clock = clock_at(now, runtime)
        yield runtime
    finally:
        runtime.close()


def clock_at(now: str, runtime: Runtime) -> Clock:
    """A clock that starts at an ISO moment; without an offset it is in the site's zone. Raises UsageError."""
    site = runtime.loaded.site
    zone = site.time_zone if site else ZoneInfo("UTC")
    try:
        moment = parse_moment(now, zone)[0]
        if not 1970 <= moment.year < 2200:
            raise ValueError(f"'{now}' is not between 1970 and 2199")
        return clock_starting_at(moment)
    except ValueError as error:
        raise UsageError(f"--now: {error}.", "An offset may follow, like 2026-12-03T15:05+01:00.") from None


@contextmanager
def scratch(runtime: Runtime, *, empty: bool = False) -> Iterator[Runtime]:
    """A copy of the house in which anything may happen: no state of the real one is touched.

    ``empty`` ones have the site and no state at all.

    With the store ``aws`` the copy is always empty: only what the sources hold now is seen.
    """
    with tempfile.TemporaryDirectory(prefix="sendbrief-") as folder:
        data = Path(folder)
        source = runtime.settings.data / "sendbrief.db"
        if runtime.settings.store == "sqlite" and source.exists() and not empty:
            copy_database(source, data / "sendbrief.db")
        changed = replace(
            runtime.settings,
            site=runtime.root,
            content="folder",
            data=data,
            maildir=data / "maildir",
            transport="maildir",
            store="sqlite",
            secret="scratch" * 8,
        )
        copy = Runtime(changed, runtime.clock)
        try:
            yield copy
        finally:
            copy.close()


def copy_database(source: Path, target: Path) -> None:
    """A consistent copy of a SQLite file that may be in use. Raises StoreUnavailableError."""
    import sqlite3
    from contextlib import closing

    from chalicelib.errors import StoreUnavailableError

    try:
        with (
            closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
    except sqlite3.Error as error:
        raise StoreUnavailableError(f"{source} can't be read: {error}.", "Restore it from a backup.") from None


def print_json(value: Any) -> None:
    """JSON for programs, on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def show_error(error: SendbriefError) -> None:
    """An error in red, what to do below it; a line of the log where that is JSON."""
    if is_json():
        logger("sendbrief").error("%s", error)
        return
    err.print(f"[bold red]Error:[/] {escape(error.message)}")
    if error.hint:
        err.print(f"  {escape(error.hint)}")


def escape(text: str) -> str:
    """Text that may hold anything, safe for rich."""
    from rich.markup import escape as rich_escape

    return rich_escape(text.encode("utf-8", "replace").decode("utf-8"))


def local(moment: datetime | None, runtime: Runtime) -> str:
    """A moment in the site's zone, for people."""
    if moment is None:
        return ""
    site = runtime.loaded.site
    return f"{moment.astimezone(site.time_zone if site else ZoneInfo('UTC')):%Y-%m-%d %H:%M}"
