"""Bundles: a site as one archive and a manifest that tells its hash and that of each file. Pure.

The hash is SHA-256 over a line ``<sha256>  <path>`` for each file, sorted by path: what ``sha256sum`` prints, so that
it can be had without this program, and does not hang on the archive's bytes. Those are the same for the same files
nevertheless: nothing in the archive is compressed, dated or in an order of its own.
"""

import hashlib
import json
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, NamedTuple

from chalicelib.errors import BundleError, UsageError

FORMAT = 1
MAX_ARCHIVE_BYTES = 50_000_000
"""What a function can fetch, hold in memory and keep below /tmp."""
MAX_FILES = 10_000
MAX_NAME_BYTES = 500
_MARK = re.compile("[0-9a-f]{64}")
_NEVER = re.compile(r"[\x00-\x1f\x7f\\]")


class Mark(NamedTuple):
    """What some bytes are known by: SHA-256 in hex, and how many they are."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle holds. ``commit`` is '' where nobody named one; ``dirty``: files differed from that commit.

    ``made`` is an ISO moment, UTC. ``newsletters`` are the names of those that the site has.
    """

    files: Mapping[str, Mark]
    archive: Mark
    newsletters: tuple[str, ...]
    made: str
    commit: str = ""
    dirty: bool = False

    @property
    def hash(self) -> str:
        """The name of the bundle."""
        lines = (f"{self.files[path].sha256}  {path}\n" for path in sorted(self.files, key=str.encode))
        return hashlib.sha256("".join(lines).encode()).hexdigest()


class Bundle(NamedTuple):
    """A site as it is uploaded."""

    manifest: Manifest
    archive: bytes


def mark_of(raw: bytes) -> Mark:
    """The mark of some bytes."""
    return Mark(hashlib.sha256(raw).hexdigest(), len(raw))


def make_bundle(
    files: Mapping[str, bytes], newsletters: tuple[str, ...], made: str, commit: str = "", *, dirty: bool = False
) -> Bundle:
    """Files by their path in the site. Raises UsageError for what is too large or can't be named in an archive."""
    for path in files:
        if wrong := wrong_name(path):
            raise UsageError(f"{path!a} can't be published: its name {wrong}.", "Rename it.")
    _check_size({path: len(raw) for path, raw in files.items()})
    archive = _zipped(files)
    if len(archive) > MAX_ARCHIVE_BYTES:
        _too_large({path: len(raw) for path, raw in files.items()})
    marks = {path: mark_of(raw) for path, raw in files.items()}
    return Bundle(Manifest(marks, mark_of(archive), newsletters, made, commit, dirty), archive)


def wrong_name(path: str) -> str:
    """What keeps a path from being one of a bundle, in words; '' where nothing does."""
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        return "is not UTF-8"
    if size > MAX_NAME_BYTES:
        return f"has {size} bytes, more than {MAX_NAME_BYTES}"
    if _NEVER.search(path):
        return "holds a backslash or a control character"
    parts = path.split("/")
    if parts[0] not in {"content", "templates"} or len(parts) < 2 or any(part in {"", ".", ".."} for part in parts):
        return "leads out of content/ and templates/"
    return ""


def _check_size(sizes: Mapping[str, int]) -> None:
    if len(sizes) > MAX_FILES:
        raise UsageError(
            f"The site has {len(sizes):,} files, more than {MAX_FILES:,}.", "Keep what is no part of it elsewhere."
        )
    if sum(sizes.values()) > MAX_ARCHIVE_BYTES:
        _too_large(sizes)


def _too_large(sizes: Mapping[str, int]) -> None:
    largest = sorted(sizes.items(), key=lambda pair: (-pair[1], pair[0]))[:5]
    named = ", ".join(f"{path} ({size / 1e6:.1f} MB)" for path, size in largest)
    size, most = sum(sizes.values()) / 1e6, MAX_ARCHIVE_BYTES // 1_000_000
    raise UsageError(
        f"The site has {size:.1f} MB, more than the {most} MB of a bundle.",
        f"Its largest files are {named}: make pictures smaller, or keep them elsewhere.",
    )


def _zipped(files: Mapping[str, bytes]) -> bytes:
    from zipfile import ZIP_STORED, ZipFile, ZipInfo

    made = BytesIO()
    with ZipFile(made, "w", ZIP_STORED) as archive:
        for path in sorted(files, key=str.encode):
            entry = ZipInfo(path)  # dated 1980, the first moment that the format knows
            entry.create_system, entry.external_attr = 3, (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, files[path])
    return made.getvalue()


def manifest_json(manifest: Manifest) -> bytes:
    """The manifest as it is uploaded. ``digest`` is of all else that it says."""
    said = {
        "sendbrief-bundle": FORMAT,
        "hash": manifest.hash,
        "made": manifest.made,
        "commit": manifest.commit,
        "dirty": manifest.dirty,
        "newsletters": list(manifest.newsletters),
        "archive": manifest.archive._asdict(),
        "files": {path: mark._asdict() for path, mark in sorted(manifest.files.items())},
    }
    return _json({**said, "digest": hashlib.sha256(_json(said)).hexdigest()})


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def read_manifest(raw: bytes, wanted: str) -> Manifest:
    """The manifest of the bundle whose hash is ``wanted``. Raises BundleError for all that is not wholly it."""
    try:
        said = json.loads(raw)
        version = said["sendbrief-bundle"]
        manifest = Manifest(
            files={path: _mark(mark) for path, mark in said["files"].items()}, archive=_mark(said["archive"]),
            newsletters=tuple(map(str, said["newsletters"])), made=str(said["made"]), commit=str(said["commit"]),
            dirty=said["dirty"] is True,
        )  # fmt: skip
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise not_whole(wanted, "its manifest can't be read") from None
    if version != FORMAT:
        raise BundleError(
            f"The bundle {wanted[:12]} was made by another version of Sendbrief.",
            "Deploy that version, or publish anew.",
        )
    if manifest_json(manifest) != raw or manifest.hash != wanted:
        raise not_whole(wanted, "its manifest was changed")
    if any(map(wrong_name, manifest.files)) or manifest.archive.size > 2 * MAX_ARCHIVE_BYTES:
        raise not_whole(wanted, "its manifest names what no bundle holds")
    return manifest


def _mark(said: Any) -> Mark:
    sha256, size = said["sha256"], said["size"]
    if not isinstance(size, int) or not isinstance(sha256, str) or not _MARK.fullmatch(sha256):
        raise ValueError("no mark")
    return Mark(sha256, size)


def not_whole(wanted: str, why: str) -> BundleError:
    """The error of a bundle that can't be trusted."""
    hint = "Publish again, or go back to the one before with 'sendbrief publish --rollback'."
    return BundleError(f"The bundle {wanted[:12]} is not what was published: {why}.", hint)


def opened(manifest: Manifest, archive: bytes) -> Iterator[tuple[str, bytes]]:
    """Each file of an archive, one at a time, once it is known to be the one of the manifest. Raises BundleError."""
    from zipfile import BadZipFile, ZipFile

    if mark_of(archive) != manifest.archive:
        raise not_whole(manifest.hash, "its archive is not whole, or was changed")
    left = dict(manifest.files)
    try:
        with ZipFile(BytesIO(archive)) as file:
            for entry in file.infolist():
                mark = left.pop(entry.filename, None)
                if mark is None or entry.file_size != mark.size:
                    raise not_whole(manifest.hash, f"its archive holds {entry.filename[:200]!a}, which is not in it")
                with file.open(entry) as stored:
                    raw = stored.read(mark.size + 1)
                if mark_of(raw) != mark:
                    raise not_whole(manifest.hash, f"{entry.filename} was changed")
                yield entry.filename, raw
    except (BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise not_whole(manifest.hash, f"its archive can't be read ({type(error).__name__})") from None
    if left:
        raise not_whole(manifest.hash, f"{min(left)} is missing")
