"""Bundles on this machine: each in a folder named by its hash, whole or not at all, and used again by its hash."""

import errno
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from chalicelib.content.bundles import Manifest, Mark, opened
from chalicelib.errors import ConfigurationError

NEWEST = 3
"""So many folders stay however old they are."""
UNUSED_SECONDS = 86_400
"""So long others stay that were not taken up: a run that began with one may still read its templates."""
_BLOCK = 1 << 20


def unpacked(manifest: Manifest, archive: Callable[[], bytes], below: Path) -> Path:
    """The folder with the site of a bundle, made where it is not there or not what the manifest says.

    ``archive`` is asked for only then. Two processes at once make one folder. Raises BundleError, and
    ConfigurationError where nothing can be written there.
    """
    folder = below / manifest.hash
    if not is_whole(folder, manifest):
        raw = archive()
        try:
            _unpack(manifest, raw, below)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise _unwritable(below, error) from None
            sweep(below, newest=1, unused=0)  # the one in use stays
            try:
                _unpack(manifest, raw, below)
            except OSError as again:
                raise _unwritable(below, again) from None
    os.utime(folder)
    return folder


def is_whole(folder: Path, manifest: Manifest) -> bool:
    """Whether a folder holds the files of a manifest, byte for byte, and no other."""
    try:
        there = {
            path.relative_to(folder).as_posix(): path
            for path in folder.rglob("*")
            if path.is_symlink() or not path.is_dir()
        }
        return (
            folder.is_dir()
            and there.keys() == manifest.files.keys()
            and all(not path.is_symlink() and _mark(path) == manifest.files[name] for name, path in there.items())
        )
    except OSError:
        return False


def _mark(path: Path) -> Mark:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return Mark(digest.hexdigest(), size)


def _unpack(manifest: Manifest, archive: bytes, below: Path) -> None:
    """Aside first, then put in place by a rename."""
    folder, aside = below / manifest.hash, below / f".{manifest.hash[:12]}-{secrets.token_hex(6)}"
    try:
        aside.mkdir(parents=True)
        for name, raw in opened(manifest, archive):
            path = aside / name  # 'opened' gives no name that leads elsewhere
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(raw)
        _put_in_place(aside, folder, manifest)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _put_in_place(aside: Path, folder: Path, manifest: Manifest) -> None:
    try:
        aside.rename(folder)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST} or is_whole(folder, manifest):
            if error.errno in {errno.ENOTEMPTY, errno.EEXIST}:
                return  # another process was first
            raise
        spoilt = folder.with_name(f".{folder.name[:12]}-{secrets.token_hex(6)}-spoilt")
        folder.rename(spoilt)
        shutil.rmtree(spoilt, ignore_errors=True)
        aside.rename(folder)


def sweep(below: Path, *, newest: int = NEWEST, unused: float = UNUSED_SECONDS) -> None:
    """Remove folders that were not taken up for so many seconds, but for the newest; what can't be removed stays."""
    try:
        there = sorted(below.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        old = time.time() - unused
        hidden = [path for path in there if path.name.startswith(".")]  # half unpacked, by a process that is gone
        for path in [*hidden, *[path for path in there if path not in hidden][newest:]]:
            if path.stat().st_mtime <= old:
                shutil.rmtree(path, ignore_errors=True)
    except OSError:
        return


def _unwritable(below: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"What is published can't be unpacked below {below}: {error.strerror}.",
        "Make room there, or set SENDBRIEF_DATA to a folder that can be written to.",
    )
