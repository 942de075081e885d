"""The files of a site that are published: all below content/ and its own templates/, and nothing from elsewhere."""

import os
from collections.abc import Iterator
from pathlib import Path

from chalicelib.content.bundles import MAX_ARCHIVE_BYTES, MAX_FILES
from chalicelib.content.load import BUILT_IN_TEMPLATES
from chalicelib.errors import NotFoundError, UsageError

PARTS = ("content", "templates")


def site_files(root: Path, state: Path | None = None) -> dict[str, bytes]:
    """The bytes of each file by its path below ``root``.

    Hidden files and folders are left out, so is the folder of ``state``, wherever it lies, and templates that are the
    built-in ones. A link is taken for what it leads to.
    Raises UsageError for one that leads out of the site or in a circle, for what is no file, and for far too much.
    """
    folders = {name: root / name for name in PARTS if (root / name).is_dir()}
    if "content" not in folders:
        raise NotFoundError(f"There is no folder content/ in {root}.", "Name the site with --site.")
    if folders.get("templates", root).resolve() == BUILT_IN_TEMPLATES:
        del folders["templates"]
    inside = _Inside(root, tuple(folder.resolve() for folder in folders.values()), state)
    found: dict[str, bytes] = {}
    total = 0
    for name, folder in folders.items():
        inside.check(folder, name)
        for path, file in inside.files(folder, name, ()):
            found[path] = _read(file, path)
            total += len(found[path])
            if len(found) > MAX_FILES or total > 4 * MAX_ARCHIVE_BYTES:
                raise UsageError(
                    f"The site is far too large: {path} is file {len(found):,}, with {total / 1e6:.0f} MB up to it.",
                    f"At most {MAX_FILES:,} files and {MAX_ARCHIVE_BYTES // 1_000_000} MB are published.",
                )
    if "content/site.yaml" not in found:
        raise NotFoundError(
            f"There is no content/site.yaml to publish in {root}.",
            "Name the site with --site; it may not lie inside of the data folder (--data).",
        )
    return found


class _Inside:
    """What may be read: the folders themselves, wherever within them a link leads."""

    def __init__(self, root: Path, folders: tuple[Path, ...], state: Path | None) -> None:
        self._root, self._folders, self._state = root.resolve(), folders, state.resolve() if state else None

    def check(self, folder: Path, name: str) -> None:
        """A site's own folder may be a link, within the site."""
        if not folder.resolve().is_relative_to(self._root):
            raise _outside(name)

    def files(self, folder: Path, name: str, above: tuple[Path, ...]) -> Iterator[tuple[str, Path]]:
        """Each file below a folder with its path in the site. ``above`` are the real folders that it lies in."""
        real = folder.resolve()
        if real in above:
            raise UsageError(f"{name} can't be published: it is a link that leads in a circle.", "Remove it.")
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise UsageError(f"{name} can't be read: {error.strerror}.", "Look at its rights.") from None
        for entry in entries:
            path, own = Path(entry.path), f"{name}/{entry.name}"
            if entry.name.startswith("."):
                continue
            if entry.is_symlink() and not self._leads_inside(path):
                raise _outside(own)
            if self._state and path.resolve().is_relative_to(self._state):
                continue
            if entry.is_dir():
                yield from self.files(path, own, (*above, real))
            elif entry.is_file():
                yield own, path
            else:
                raise UsageError(f"{own} can't be published: it is neither a file nor a folder.", "Remove it.")

    def _leads_inside(self, path: Path) -> bool:
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError):  # it leads nowhere, or to itself
            return False
        return any(real.is_relative_to(folder) for folder in self._folders)


def _outside(name: str) -> UsageError:
    return UsageError(
        f"{name} can't be published: it is a link that leads out of content/ and templates/, or nowhere.",
        "Put the file itself there.",
    )


def _read(file: Path, path: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}.", "Look at its rights.") from None
