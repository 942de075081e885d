"""How each source is doing: when it was read, what it answered, and when it is tried again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib.clock import from_iso, iso
from chalicelib.collect.fetch import Validators
from chalicelib.errors import ConflictError
from chalicelib.store import Item, Key, Table

FIRST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Health:
    """The state of one source. Moments are aware, UTC; ``error`` is empty while it is well."""

    source: str
    started: datetime | None = None
    checked: datetime | None = None
    error: str = ""
    failures: int = 0
    next_try: datetime | None = None
    entries: int = 0
    digest: str = ""
    validators: Validators = field(default_factory=Validators)

    def due(self, now: datetime) -> bool:
        """Whether it may be asked now."""
        return self.next_try is None or self.next_try <= now

    def failed(self, why: str, now: datetime) -> "Health":
        """After a failure: waits twice as long each time, six hours at most."""
        wait = min(FIRST_WAIT * 2 ** min(self.failures, 10), LONGEST_WAIT)
        return replace(self, checked=now, error=why, failures=self.failures + 1, next_try=now + wait)

    def well(self, now: datetime, entries: int, digest: str, validators: Validators) -> "Health":
        """After an answer."""
        return replace(
            self, started=self.started or now, checked=now, error="", failures=0, next_try=None,
            entries=entries, digest=digest, validators=validators,
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
    }
