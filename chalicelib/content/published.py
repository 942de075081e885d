"""What is published: bundles in the blobs, one item that names the current one, and the last of its predecessors.

A bundle is there once its manifest is, which is written last. The item is changed under the version that was read,
together with the entry of the history, so that of two publishers at once one loses and has changed nothing.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib.content.bundles import Bundle, Manifest, manifest_json, not_whole, opened, read_manifest
from chalicelib.errors import BundleError, ConflictError, NotFoundError, UsageError
from chalicelib.store import Blobs, Delete, Insert, Item, Key, Put, Replace, Table, every

CURRENT = Key("BUNDLE", "CURRENT")
KEPT = 30
"""So many publications are kept, with their bundles."""
_CLAIMED = timedelta(days=1)
"""So long a bundle that somebody began to upload is not swept away by others."""
_SHORTEST = 4


@dataclass(frozen=True, slots=True)
class Publication:
    """That a bundle became the current one. ``number`` counts them, from 1; ``at`` is an ISO moment, UTC.

    ``back`` is the one that a rollback from here goes to, 0 for none; ``brings_back`` is which one this repeats.
    ``newsletters`` are those of the site; ``why`` is the reason given where something stood against it.
    """

    number: int
    hash: str
    at: str
    by: str
    newsletters: tuple[str, ...]
    commit: str = ""
    dirty: bool = False
    why: str = ""
    back: int = 0
    brings_back: int = 0
    item: Item | None = field(default=None, compare=False, repr=False)

    def as_dict(self) -> dict[str, Any]:
        """As it is stored."""
        made = {name: getattr(self, name) for name in self.__slots__ if name != "item"}
        return {**made, "newsletters": list(self.newsletters)}


def _read(item: Item) -> Publication:
    return Publication(**{**item.data, "newsletters": tuple(item.data["newsletters"])}, item=item)


class Shelf:
    """The bundles of a store."""

    def __init__(self, table: Table, blobs: Blobs) -> None:
        self._table, self._blobs = table, blobs

    def current(self) -> Publication | None:
        """What is published now; None where nothing is."""
        item = self._table.get(CURRENT)
        return _read(item) if item else None

    def history(self) -> list[Publication]:
        """The last publications, the newest first."""
        return [_read(item) for item in every(self._table, "BUNDLES", reverse=True)]

    def manifest(self, wanted: str) -> Manifest:
        """The manifest of a bundle. Raises BundleError."""
        raw = self._blobs.get(_name(wanted, "manifest.json"))
        if raw is None:
            raise not_whole(wanted, "it is not there, or was never uploaded to its end")
        return read_manifest(raw, wanted)

    def archive(self, wanted: str) -> bytes:
        """The archive of a bundle, as it lies there. Raises BundleError where it is gone."""
        raw = self._blobs.get(_name(wanted, "site.zip"))
        if raw is None:
            raise not_whole(wanted, "its archive is gone")
        return raw

    def verify(self, wanted: str) -> Manifest:
        """Read a bundle back, every byte of it. Raises BundleError."""
        manifest = self.manifest(wanted)
        for _ in opened(manifest, self.archive(wanted)):
            pass
        return manifest

    def upload(self, bundle: Bundle, now: datetime) -> None:
        """Put a bundle there and read it back. One that is there is read and never written. Raises BundleError."""
        wanted = bundle.manifest.hash
        self._table.put_many([Put(_claim(wanted), {"at": now.isoformat()}, int((now + _CLAIMED).timestamp()))])
        if self._blobs.get(_name(wanted, "manifest.json")) is None:
            self._blobs.put(_name(wanted, "site.zip"), bundle.archive)
            self._blobs.put(_name(wanted, "manifest.json"), manifest_json(bundle.manifest))
        try:
            self.verify(wanted)
        except BundleError as error:
            hint = f"Find out who changed it, delete bundles/{wanted}/ from the store, then publish again."
            raise BundleError(error.message, hint) from None

    def flip(self, before: Publication | None, new: Publication) -> Publication:
        """Make a bundle the current one if ``before`` still is. Raises ConflictError, and nothing has changed."""
        data = new.as_dict()
        pointer = Replace(before.item, data) if before and before.item else Insert(CURRENT, data)
        try:
            self._table.transact([pointer, Insert(_entry(new.number), data)])
        except ConflictError:
            raise ConflictError(
                "Somebody else published in the meantime, so this was not.",
                "Look at 'sendbrief publish --list', then try again.",
            ) from None
        return new

    def sweep(self) -> None:
        """Forget all but the last publications, and delete the bundles that none of them needs."""
        history = self.history()
        needed = {one.back for one in history[:1]}
        kept = [one for place, one in enumerate(history) if place < KEPT or one.number in needed]
        for one in history:
            if one not in kept and one.item:
                with suppress(ConflictError):  # another publisher was first
                    self._table.transact([Delete(one.item)])
        self._delete_all_but({one.hash for one in kept})

    def _delete_all_but(self, kept: set[str]) -> None:
        """The manifest goes first: what has none is no bundle."""
        there: dict[str, list[str]] = {}
        for name in self._blobs.names("bundles/"):
            there.setdefault(name.split("/")[1], []).append(name)
        for wanted, names in there.items():
            if wanted not in kept and self._table.get(_claim(wanted)) is None:
                for name in sorted(names):
                    self._blobs.delete(name)


def _name(wanted: str, file: str) -> str:
    return f"bundles/{wanted}/{file}"


def _entry(number: int) -> Key:
    return Key("BUNDLES", f"{number:08d}")


def _claim(wanted: str) -> Key:
    return Key("BUNDLE", f"UPLOAD#{wanted}")


def publish(shelf: Shelf, bundle: Bundle, by: str, now: datetime, why: str = "") -> Publication:
    """Upload a bundle, read it back, make it the current one, and read it as the functions will.

    Nothing changes where it is the current one already. Cut off anywhere, what was current stays so and usable, or the
    new one is. Raises BundleError, and ConflictError where somebody else was first.
    """
    before, manifest = shelf.current(), bundle.manifest
    shelf.upload(bundle, now)
    if before and before.hash == manifest.hash:
        return before
    number, back = (before.number + 1, before.number) if before else (1, 0)
    made = Publication(
        number, manifest.hash, now.isoformat(timespec="seconds"), by, manifest.newsletters, manifest.commit,
        manifest.dirty, why, back,
    )  # fmt: skip
    return _flipped(shelf, before, made)


def roll_back(shelf: Shelf, target: Publication, by: str, now: datetime, why: str = "") -> Publication:
    """Make what a former publication named the current bundle again, read before and after. Raises as ``publish``."""
    before = shelf.current()
    shelf.verify(target.hash)
    number = before.number + 1 if before else 1
    at = now.isoformat(timespec="seconds")
    return _flipped(shelf, before, replace(target, number=number, at=at, by=by, why=why, brings_back=target.number))


def _flipped(shelf: Shelf, before: Publication | None, new: Publication) -> Publication:
    made = shelf.flip(before, new)
    shelf.verify(made.hash)
    shelf.sweep()
    return made


def target_of(wanted: str, current: Publication | None, history: Iterable[Publication]) -> Publication:
    """Which publication a rollback goes to: the one before, or the newest of a hash or commit that begins so.

    Raises NotFoundError, and UsageError where more than one bundle is meant.
    """
    if current is None:
        raise NotFoundError("Nothing is published yet.", "Run 'sendbrief publish' first.")
    others = [one for one in history if one.hash != current.hash]
    if not wanted:
        found = [one for one in others if one.number == current.back]
    elif len(wanted) < _SHORTEST:
        raise UsageError(f"'{wanted}' is too short to name a bundle.", f"Give at least {_SHORTEST} digits of its hash.")
    else:
        meant = wanted.lower()
        found = [one for one in others if one.hash.startswith(meant) or one.commit.lower().startswith(meant)]
    if not found:
        before = f"no bundle or commit '{wanted}'" if wanted else "nothing before what is published now"
        raise NotFoundError(f"There is {before} to go back to.", "'sendbrief publish --list' shows what is kept.")
    if len({one.hash for one in found}) > 1:
        raise UsageError(f"'{wanted}' names more than one bundle.", "Give more digits, as 'publish --list' shows them.")
    return found[0]
