"""The command that writes the archive as files: archive."""

from pathlib import Path
from typing import Annotated

import typer

from chalicelib.cli.context import err, escape, house, out
from chalicelib.cli.site_commands import Now
from chalicelib.errors import UsageError

Out = Annotated[Path, typer.Option("--out", help="The folder: an empty one, or that of an earlier run.")]
BaseUrl = Annotated[
    str,
    typer.Option("--base-url", help="Where the folder will be served (else base_url of site.yaml)."),
]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("archive")(archive)


def archive(out_: Out, base_url: BaseUrl = "", now: Now = None) -> None:
    """Write the archive, its feeds and the calendar as files, for a host that serves a folder."""
    from chalicelib.collect.entries import EntryStore
    from chalicelib.compose.editions import EditionStore
    from chalicelib.render.text import ascii_url
    from chalicelib.web.export import export
    from chalicelib.web.folder import write_folder

    if base_url and (not ascii_url(base_url).startswith(("https://", "http://")) or set("?#\"'<> ") & set(base_url)):
        raise UsageError(f"--base-url: {base_url!r} is no address.", "Write it like https://example.org/newsletter.")
    with house(now) as runtime:
        editions = EditionStore(runtime.table, runtime.blobs)
        made = export(runtime.site, editions, EntryStore(runtime.table), runtime.clock(), base_url)
    written = write_folder(out_, made.files)
    for path in made.missing:
        err.print(f"{escape(path)} is named by a page, and there is no such picture below content/.")
    out.print(
        f"{escape(str(out_))}: {written.files} files, {written.changed} of them written, {written.removed} removed."
    )
