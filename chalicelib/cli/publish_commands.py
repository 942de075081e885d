"""The command ``publish``: the site of this folder becomes what runs elsewhere, or goes back to what it was."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table as RichTable

from chalicelib.cli.audit_commands import decided, user
from chalicelib.cli.commits import commit_of, given_commit
from chalicelib.cli.context import err, escape, house, local, out, print_json
from chalicelib.cli.showing import show_problems
from chalicelib.cli.site_commands import Json, problems_of
from chalicelib.clock import from_iso, system_clock
from chalicelib.compose.editions import EditionStore
from chalicelib.compose.unfinished import unfinished
from chalicelib.content import published
from chalicelib.content.bundles import Bundle, make_bundle
from chalicelib.content.packing import site_files
from chalicelib.content.published import Publication, target_of
from chalicelib.content.unpacking import unpacked
from chalicelib.errors import UsageError
from chalicelib.runtime import Runtime


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("publish")(publish)


def publish(
    commit: Annotated[str, typer.Option(help="The commit that this is (else git is asked).")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and pack, and change nothing.")] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="Go back to what was published before.")] = False,
    to: Annotated[str, typer.Option(help="With --rollback: how the hash or commit to go back to begins.")] = "",
    listed: Annotated[bool, typer.Option("--list", help="Show what was published.")] = False,
    force: Annotated[str, typer.Option(metavar="WHY", help="Although an open edition loses its newsletter.")] = "",
    json: Json = False,
) -> None:
    """Check the site of this folder and make it the one that SENDBRIEF_CONTENT=published uses; or --rollback.

    Exits 1 where the site has errors, and nothing is published then.
    """
    if to and not rollback:
        raise UsageError("--to goes with --rollback.", "Write: sendbrief publish --rollback --to HASH.")
    with _house_of_folder() as runtime:
        if listed:
            _show_list(runtime, json=json)
        elif rollback:
            _roll_back(runtime, to, force, dry_run=dry_run, json=json)
        else:
            _publish(runtime, commit, force, dry_run=dry_run, json=json)


@contextmanager
def _house_of_folder() -> Iterator[Runtime]:
    """What is published is read from the folder, whatever the others of this installation use."""
    with house() as runtime:
        runtime.settings = replace(runtime.settings, content="folder")
        yield runtime


def _publish(runtime: Runtime, commit: str, force: str, *, dry_run: bool, json: bool) -> None:
    bundle = _checked(runtime, commit)
    _refuse_orphans(runtime, bundle.manifest.newsletters, force)
    manifest, size = (
        bundle.manifest,
        f"{len(bundle.manifest.files):,} files, {bundle.manifest.archive.size / 1e6:.1f} MB",
    )
    if dry_run:
        made = Publication(0, manifest.hash, "", "", manifest.newsletters, manifest.commit, manifest.dirty)
        _tell(made, f"Would publish {_named(made)}: {size}.", current=False, json=json)
        return
    before = runtime.shelf.current()
    made = published.publish(runtime.shelf, bundle, user(), system_clock().astimezone(UTC), force)
    if before and before.number == made.number:
        _tell(made, f"{_named(made)} is what is published already, since {_when(made, runtime)}.", json=json)
        return
    decided(runtime, "publish", made.hash[:12], force)
    _tell(made, f"Published {_named(made)}: {size}.", json=json)


def _checked(runtime: Runtime, commit: str) -> Bundle:
    """The bundle of the folder. It is the bundle, unpacked, that is checked. Raises Exit where there are errors."""
    root = runtime.settings.site
    files = site_files(root, runtime.settings.data)
    known, dirty = (given_commit(commit), False) if commit else commit_of(root)
    made = system_clock().astimezone(UTC).isoformat(timespec="seconds")
    with tempfile.TemporaryDirectory(prefix="sendbrief-") as folder:
        bundle = make_bundle(files, (), made, known, dirty=dirty)
        there = unpacked(bundle.manifest, lambda: bundle.archive, Path(folder))
        copy = Runtime(replace(runtime.settings, site=there), runtime.clock)
        try:
            loaded, problems = problems_of(copy)
        finally:
            copy.close()
    if problems.errors:
        show_problems(problems.errors)
        err.print("Nothing was published: mend these errors first.")
        raise typer.Exit(1)
    newsletters = tuple(sorted(loaded.require().newsletters))
    return bundle._replace(manifest=replace(bundle.manifest, newsletters=newsletters))


def _refuse_orphans(runtime: Runtime, newsletters: Iterable[str], force: str) -> None:
    """Raises UsageError where an edition would stand still for ever, since its newsletter is gone."""
    known = {name for one in runtime.shelf.history() for name in one.newsletters} - set(newsletters)
    left = list(unfinished(EditionStore(runtime.table, runtime.blobs), known))
    if left and not force:
        named = ", ".join(f"{edition.id} ({edition.state})" for edition in left[:5])
        raise UsageError(
            f"The site lacks the newsletter of {len(left)} open editions: {named}.",
            'Send or cancel them first, put the newsletter back, or give a reason: --force "WHY".',
        )


def _roll_back(runtime: Runtime, to: str, force: str, *, dry_run: bool, json: bool) -> None:
    shelf = runtime.shelf
    target = target_of(to, shelf.current(), shelf.history())
    _refuse_orphans(runtime, target.newsletters, force)
    if dry_run:
        shelf.verify(target.hash)
        _tell(target, f"Would go back to {_named(target)} of {_when(target, runtime)}.", current=False, json=json)
        return
    made = published.roll_back(shelf, target, user(), system_clock().astimezone(UTC), force)
    decided(runtime, "publish --rollback", made.hash[:12], force)
    _tell(made, f"Went back to {_named(target)} of {_when(target, runtime)}.", json=json)


def _tell(made: Publication, words: str, *, current: bool = True, json: bool) -> None:
    if json:
        print_json(_row(made, current=current))
    else:
        out.print(escape(words))


def _row(one: Publication, *, current: bool) -> dict[str, Any]:
    return {**one.as_dict(), "current": current}


def _named(one: Publication) -> str:
    """``3f9a20c41b7e (commit 1d2c3b4, changed)``."""
    short = one.commit[:7] if len(one.commit) >= 40 else one.commit
    changed = ", with changes that are not committed" if one.dirty else ""
    return f"{one.hash[:12]} (commit {short}{changed})" if one.commit else one.hash[:12]


def _when(one: Publication, runtime: Runtime) -> str:
    return local(from_iso(one.at), runtime)


def _show_list(runtime: Runtime, *, json: bool) -> None:
    current, history = runtime.shelf.current(), runtime.shelf.history()
    if json:
        print_json([_row(one, current=one == current) for one in history])
        return
    if not history:
        out.print("Nothing is published yet.")
        return
    table = RichTable("", "when", "bundle", "by", "why", box=None, header_style="bold", pad_edge=False)
    for one in history:
        again = f"back to {one.brings_back}" if one.brings_back else ""
        why = ", ".join(word for word in (again, one.why) if word)
        mark = f"{one.number} *" if one == current else str(one.number)
        table.add_row(mark, _when(one, runtime), escape(_named(one)), escape(one.by), escape(why))
    out.print(table)
