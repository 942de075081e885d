"""Writing an export into a folder: whole files, only what differs, and nothing removed that is not its own."""

import json
import os
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from chalicelib.errors import UsageError

MANIFEST = ".sendbrief-archive.json"
"""Lists the files of the last export: what it does not name is somebody else's."""
NOT_OURS = frozenset({".git", ".gitignore", ".gitattributes", ".domains", "CNAME", "README.md", "LICENSE"})
"""What may lie in a folder before the first export: a checkout's own files, and the domain of a Pages host."""


@dataclass(frozen=True, slots=True)
class Written:
    """How many files were written, because they are new or differ, and how many removed; ``files`` are there now."""

    files: int
    changed: int
    removed: int


def write_folder(folder: Path, files: Mapping[str, bytes]) -> Written:
    """Bring a folder to hold these files. Raises UsageError where it is not empty and no export, or can't be written.

    New files are laid beside it first and then put in place one by one, so that a reader sees an old page or a new
    one, never half of one. Whoever is killed in between leaves a folder that the next run completes.
    """
    try:
        before = _own(folder)
        changed = [name for name, content in files.items() if _differs(folder, name, content)]
        gone = [name for name in sorted(before - set(files)) if _inside(folder, name).is_file()]
        if changed or gone or before != set(files):
            folder.mkdir(parents=True, exist_ok=True)
            _list(folder, before | set(files))  # first, so that nothing is left that nobody knows of
            _put(folder, {name: files[name] for name in changed})
            for name in gone:
                _remove(folder, name)
            _list(folder, files)
        return Written(len(files), len(changed), len(gone))
    except OSError as error:
        said = f"{folder} can't be written to: {error.strerror}."
        raise UsageError(said, "Name another folder with --out.") from None


def _own(folder: Path) -> set[str]:
    """The files of the export that lies there; none where the folder is empty or not there."""
    if not folder.exists():
        return set()
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file.", "Name a folder with --out.")
    try:
        listed = json.loads((folder / MANIFEST).read_bytes())["files"]
        return {name for name in listed if isinstance(name, str) and _is_plain(name)}
    except FileNotFoundError:
        other = sorted(path.name for path in folder.iterdir() if path.name not in NOT_OURS)
        if other:
            raise UsageError(
                f"{folder} holds something that is no export of the archive: {other[0]}.",
                "Name an empty folder with --out, or one that 'sendbrief archive' made.",
            ) from None
        return set()
    except (ValueError, KeyError, TypeError):
        raise UsageError(
            f"{folder / MANIFEST} is not what an export wrote.", "Empty the folder, or name another one with --out."
        ) from None


def _is_plain(name: str) -> bool:
    """Whether a name stays below the folder, and is not the manifest itself or part of a repository."""
    parts = PurePosixPath(name).parts
    odd = name.startswith("/") or "\\" in name or "\0" in name or not parts or name == MANIFEST
    return not odd and ".." not in parts and ".git" not in parts


def _inside(folder: Path, name: str) -> Path:
    """The file's path. Raises UsageError where a link would lead it out of the folder."""
    path = folder.joinpath(*PurePosixPath(name).parts)
    if not _is_plain(name) or not path.parent.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{path} would lie outside of {folder}.", "Take the link out of the folder.")
    return path


def _differs(folder: Path, name: str, content: bytes) -> bool:
    path = _inside(folder, name)
    try:
        return path.is_symlink() or path.read_bytes() != content
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return True


def _put(folder: Path, files: Mapping[str, bytes]) -> None:
    """All files whole on the same disk, then each in its place by a rename."""
    with tempfile.TemporaryDirectory(prefix=".sendbrief-", dir=folder) as beside:
        ready = []
        for number, (name, content) in enumerate(files.items()):
            fresh = Path(beside) / str(number)
            fresh.write_bytes(content)
            ready.append((fresh, name))
        for fresh, name in ready:
            path = _inside(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh.replace(path)


def _list(folder: Path, files: Collection[str]) -> None:
    raw = json.dumps({"files": sorted(files)}, indent=0).encode() + b"\n"
    fresh = folder / f"{MANIFEST}.{os.getpid()}"
    fresh.write_bytes(raw)
    fresh.replace(folder / MANIFEST)


def _remove(folder: Path, name: str) -> None:
    path = _inside(folder, name)
    path.unlink(missing_ok=True)
    for parent in path.parents:
        if parent == folder or any(parent.iterdir()):
            return
        parent.rmdir()
