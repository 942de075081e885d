"""Pausing a whole site: nothing is composed, proved or sent until a person lets it go on.

Mails that people ask for themselves (to confirm, to change an address) go out all the same. What says whether a site
stands still lies in one partition and is read at once: why it is paused, in which table it is at home, and when it was
last restored. A table that was put back to a point in time has another name than the one in it: whoever looks sees a
paused site, before anything was written there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.compose.edition import State
from chalicelib.compose.editions import EditionStore
from chalicelib.content.values import Site
from chalicelib.errors import UsageError
from chalicelib.store import Key, Put, Table, every

SITE = "SITE"
KEY, HOME, RESTORED = Key(SITE, "PAUSED"), Key(SITE, "HOME"), Key(SITE, "RESTORED")


@dataclass(frozen=True, slots=True)
class Pause:
    """Why nothing goes out, and since when (an ISO moment, '' where nobody noted it).

    ``restoring`` is the hash of a backup not yet all there.
    """

    why: str
    at: str
    restoring: str = ""

    def __str__(self) -> str:
        """For a person: what, why and what to do."""
        if self.restoring:
            return "The site is paused: a restore was cut off. Run 'sendbrief restore' with the same file again."
        since = f" (since {self.at[:16]}Z)" if self.at else ""
        return f"The site is paused: {self.why}{since}. 'sendbrief site resume' lets it go on."


@dataclass(frozen=True, slots=True)
class Restored:
    """That the store is an older one of itself: since when (``at``), and of when it is (``made``, '' where not known).

    ``heard`` is when a person last had all evidence heard and looked at what differs; '' for not yet.
    """

    at: str
    made: str = ""
    heard: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """All that says whether a site stands still. ``home`` is the table it says it is in, ``here`` the one it is in."""

    pause: Pause | None
    restored: Restored | None
    home: str
    here: str

    @property
    def moved(self) -> bool:
        """Whether it woke up in another table than it fell asleep in."""
        return bool(self.home and self.here) and self.home != self.here

    @property
    def older(self) -> bool:
        """Whether it is an older one of itself, or was put back from one: there was something it does not know."""
        return self.moved or self.restored is not None or bool(self.pause and self.pause.restoring)


def standing(table: Table) -> Standing:
    """How a site stands, in one read."""
    found: dict[str, Mapping[str, Any]] = {item.key.sk: item.data for item in every(table, SITE)}
    pause, restored = found.get(KEY.sk), found.get(RESTORED.sk)
    return Standing(
        Pause(pause["why"], pause["at"], pause.get("restoring", "")) if pause else None,
        Restored(restored["at"], restored["made"], restored["heard"]) if restored else None,
        found.get(HOME.sk, {}).get("table", ""),
        table.home,
    )


def paused(table: Table) -> Pause | None:
    """The pause that is on, if any: one that was asked for, or that of a table which is not where it was."""
    how = standing(table)
    if how.moved and not (how.pause and how.pause.restoring):
        return Pause(moved_words(how), "")
    return how.pause


def moved_words(how: Standing) -> str:
    """Why a table that is not where it was stands still."""
    return f"its table is {how.here}, and what is in it comes from {how.home}: it was restored"


def pause(table: Table, why: str, now: datetime, *, restoring: str = "") -> Pause:
    """Stop everything after the waves in flight. Safe to repeat."""
    made = Pause(why, now.isoformat(), restoring)
    table.put_many([Put(KEY, {"why": made.why, "at": made.at, "restoring": restoring})])
    return made


def note_restored(table: Table, restored: Restored) -> None:
    """Keep that, and when, the store became an older one of itself; what it says of its home is true from now on."""
    data = {"at": restored.at, "made": restored.made, "heard": restored.heard}
    table.put_many([Put(RESTORED, data), *([Put(HOME, {"table": table.home})] if table.home else [])])


def resume(table: Table, site: Site, editions: EditionStore) -> bool:
    """Go on; False where nothing was paused. Raises UsageError while a restore is unfinished.

    Chunks of editions in mid-send may have left the queue meanwhile: the next tick puts them there at once.
    """
    item = table.get(KEY)
    if item is None:
        return False
    if item.data.get("restoring"):
        raise UsageError("A restore was cut off: a part of the store is missing.", "Run 'sendbrief restore' again.")
    for newsletter in site.newsletters:
        for edition in list(editions.of(newsletter)):
            if edition.state is State.SENDING:
                editions.decide(edition.id, lambda current: editions.change(current, queued=0.0))
    table.delete(item)
    return True
