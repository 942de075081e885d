"""How far each webhook has come, and what went wrong: one item for each address, changed only by conditional writes."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib.audience.happenings import moment_place
from chalicelib.errors import ConflictError
from chalicelib.store import Item, Key, Table

FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=4)
GIVEN_UP_AFTER = timedelta(hours=24)
LEASE = timedelta(seconds=120)
"""Longer than a round of telling takes: whoever dies in it is followed by another after that."""


@dataclass(frozen=True, slots=True)
class HookState:
    """``place`` is that of the last happening done with, told or given up. Moments are ISO, UTC, '' for none.

    ``failures`` counts those in a row, ``since`` is the first of them. ``given_up`` counts happenings that were not
    taken within a day, and ``given_up_from`` is the place before the first of these. ``busy`` is until when somebody
    is at it.
    """

    place: str
    told: int = 0
    last: str = ""
    failures: int = 0
    since: str = ""
    error: str = ""
    next_try: str = ""
    given_up: int = 0
    given_up_from: str = ""
    busy: str = ""

    def took(self, place: str, now: datetime) -> "HookState":
        """One more was taken."""
        return replace(
            self, place=place, told=self.told + 1, last=now.isoformat(), failures=0, since="", error="", next_try=""
        )

    def failed(self, error: str, now: datetime, wait: timedelta | None = None) -> "HookState":
        """One was not taken: again after a minute, then 2, 4 … up to 4 hours, or later where the server asks for it."""
        pause = max(min(FIRST_WAIT * 2 ** min(self.failures, 10), LONGEST_WAIT), wait or timedelta())
        since, next_try = self.since or now.isoformat(), (now + pause).isoformat()
        return replace(self, failures=self.failures + 1, since=since, error=error, next_try=next_try)

    def gave_up(self, place: str) -> "HookState":
        """The next one, at ``place``, is told no more by itself."""
        return replace(self, place=place, given_up=self.given_up + 1, given_up_from=self.given_up_from or self.place)

    def again(self) -> "HookState":
        """Tried at once; what was given up is told as well, and what was told since then once more."""
        start = self.given_up_from or self.place
        return replace(self, place=start, failures=0, since="", next_try="", given_up=0, given_up_from="", busy="")


class HookStates:
    """The states of all webhooks."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, url: str) -> HookState | None:
        """The state of an address, None where nobody looked at it yet."""
        item = self._table.get(_key(url))
        return _read(item.data) if item else None

    def claim(self, url: str, now: datetime) -> tuple[HookState, Item] | None:
        """The state and its item, for whoever may tell now; None where it rests, is new, or another one is at it.

        A new one begins with what happens from now on.
        """
        item = self._table.get(_key(url))
        try:
            if item is None:
                self._table.insert(_key(url), {"url": url, **asdict(HookState(moment_place(now)))})
                return None
            state, moment = _read(item.data), now.isoformat()
            if max(state.next_try, state.busy) > moment:
                return None
            return self.keep(item, replace(state, busy=(now + LEASE).isoformat()))
        except ConflictError:
            return None

    def keep(self, item: Item, state: HookState) -> tuple[HookState, Item]:
        """Write the state under the version that was read. Raises ConflictError where another one was faster."""
        return state, self._table.replace(item, {**item.data, **asdict(state)})

    def retry(self, url: str) -> HookState | None:
        """Begin again where it was given up; None where nobody looked at it yet. Raises ConflictError."""
        item = self._table.get(_key(url))
        return self.keep(item, _read(item.data).again())[0] if item else None


def _key(url: str) -> Key:
    return Key(f"WEBHOOK#{hashlib.sha256(url.encode()).hexdigest()[:32]}", "STATE")


def _read(data: Mapping[str, Any]) -> HookState:
    return HookState(**{field.name: data[field.name] for field in fields(HookState) if field.name in data})
