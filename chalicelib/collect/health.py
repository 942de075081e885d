"""How each source is doing: when it was read, what it answered, and when it is tried again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib.clock import from_iso, iso
from chalicelib.collect.fetch import Validators
from chalicelib.collect.politeness import wait_after
from chalicelib.content.values import SourceKind
from chalicelib.errors import ConflictError
from chalicelib.store import MAX_TRANSACTION, Insert, Item, Key, Replace, Table

LONG_FAILING = timedelta(hours=48)
"""After so long a failing source is an alarm."""
DOUBT_AFTER = 3
"""Failures in a row after which a remembered new address is forgotten, and site.yaml's asked again."""


@dataclass(frozen=True, slots=True)
class Health:
    """The state of one source. Moments are aware, UTC; ``error`` is empty while it is well.

    ``location`` is the address in site.yaml, ``moved_to`` the one it permanently redirects to. A ``retired`` source
    said that it has ended: it is not asked any more. ``settings`` is a digest of all else in site.yaml that decides
    what is made of an answer. ``took`` is how long it last needed to answer, in milliseconds.
    """

    source: str
    started: datetime | None = None
    checked: datetime | None = None
    error: str = ""
    failures: int = 0
    next_try: datetime | None = None
    entries: int = 0
    digest: str = ""
    validators: Validators = field(default_factory=Validators)
    location: str = ""
    moved_to: str = ""
    retired: bool = False
    settings: str = ""
    took: int = 0
    since: datetime | None = None
    """Since when it has failed each time it was asked; None while it is well."""

    @property
    def state(self) -> str:
        """In a word or two: never read, well, failing or retired."""
        if self.retired:
            return "retired"
        if self.error:
            return "failing"
        return "well" if self.checked else "never read"

    @property
    def asks(self) -> str:
        """The address to ask now."""
        return self.moved_to or self.location

    @property
    def failing_since(self) -> datetime | None:
        """As ``since``; of a failure written down before that was, the last try, which is not too early."""
        return self.since or (self.checked if self.error else None)

    def failing_long(self, now: datetime) -> bool:
        """Whether a person should look after it: what a server's bad day explains is over by then."""
        since = self.failing_since
        return since is not None and now - since >= LONG_FAILING

    def due(self, now: datetime) -> bool:
        """Whether it may be asked now."""
        return not self.retired and (self.next_try is None or self.next_try <= now)

    def aimed(self, location: str, kind: SourceKind, settings: str) -> "Health":
        """As it counts for what site.yaml says now: a new address begins anew, other changes ask for everything.

        A feed at a new address has a backlog again; what a calendar or folder lists is compared as before.
        """
        if self.location and self.location != location:
            started = None if kind is SourceKind.FEED else self.started
            return Health(self.source, started, entries=self.entries, location=location, settings=settings)
        if self.settings != settings:
            return replace(self, location=location, settings=settings, validators=Validators())
        return replace(self, location=location)

    def failed(self, why: str, now: datetime, *, wait: timedelta | None = None, gone: bool = False) -> "Health":
        """After a failure: waits longer each time, and never less than the server asked for."""
        pause = max(wait_after(self.source, self.failures), wait or timedelta())
        failures = self.failures + 1
        return replace(
            self, checked=now, error=why, failures=failures, retired=gone, next_try=None if gone else now + pause,
            since=self.failing_since or now, moved_to="" if failures >= DOUBT_AFTER else self.moved_to,
        )  # fmt: skip

    def well(self, now: datetime, entries: int, digest: str, validators: Validators, moved_to: str = "") -> "Health":
        """After an answer."""
        return replace(
            self, started=self.started or now, checked=now, error="", failures=0, next_try=None, retired=False,
            since=None, entries=entries, digest=digest, validators=validators, moved_to=moved_to or self.moved_to,
        )  # fmt: skip


class HealthStore:
    """The health of all sources of a site."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def load(self, sources: Iterable[str]) -> dict[str, tuple[Health, Item | None]]:
        """Each source's health and the item it was read from."""
        names = list(sources)
        items = self._table.get_many([_key(name) for name in names])
        return {name: (_read(name, items.get(_key(name))), items.get(_key(name))) for name in names}

    def save_all(self, healths: Sequence[tuple[Health, Item | None]]) -> None:
        """Write many, each with the item it was read from, in few transactions."""
        for start in range(0, len(healths), MAX_TRANSACTION):
            some = healths[start : start + MAX_TRANSACTION]
            try:
                self._table.transact([
                    Insert(_key(health.source), _write(health)) if item is None else Replace(item, _write(health))
                    for health, item in some
                ])  # fmt: skip
            except ConflictError:
                for health, item in some:
                    self.save(health, item)

    def save(self, health: Health, item: Item | None) -> None:
        """Write unless another tick was first: its reading is as good."""
        try:
            if item is None:
                self._table.insert(_key(health.source), _write(health))
            else:
                self._table.replace(item, _write(health))
        except ConflictError:
            return


def _key(source: str) -> Key:
    return Key(f"SOURCE#{source}", "STATE")


def _read(name: str, item: Item | None) -> Health:
    if item is None:
        return Health(name)
    data: Mapping[str, Any] = item.data
    return Health(
        source=name,
        started=from_iso(data["started"]),
        checked=from_iso(data["checked"]),
        error=data["error"],
        failures=data["failures"],
        next_try=from_iso(data["next_try"]),
        entries=data["entries"],
        digest=data["digest"],
        validators=Validators(data["etag"], data["last_modified"]),
        location=data.get("location", ""),
        moved_to=data.get("moved_to", ""),
        retired=data.get("retired", False),
        settings=data.get("settings", ""),
        took=data.get("took", 0),
        since=from_iso(data.get("since")),
    )


def _write(health: Health) -> dict[str, Any]:
    return {
        "started": iso(health.started),
        "checked": iso(health.checked),
        "error": health.error,
        "failures": health.failures,
        "next_try": iso(health.next_try),
        "entries": health.entries,
        "digest": health.digest,
        "etag": health.validators.etag,
        "last_modified": health.validators.last_modified,
        "location": health.location,
        "moved_to": health.moved_to,
        "retired": health.retired,
        "settings": health.settings,
        "took": health.took,
        **({"since": iso(health.since)} if health.since else {}),
    }
