"""Pausing a whole site: nothing is composed, proved or sent until a person lets it go on.

Mails that people ask for themselves (to confirm, to change an address) go out all the same.
"""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.compose.edition import State
from chalicelib.compose.editions import EditionStore
from chalicelib.content.values import Site
from chalicelib.errors import UsageError
from chalicelib.store import Key, Put, Table

KEY = Key("SITE", "PAUSED")


@dataclass(frozen=True, slots=True)
class Pause:
    """Why nothing goes out, and since when (an ISO moment). ``restoring`` is the hash of a backup not yet all there."""

    why: str
    at: str
    restoring: str = ""

    def __str__(self) -> str:
        """For a person: what, why and what to do."""
        if self.restoring:
            return "The site is paused: a restore was cut off. Run 'sendbrief restore' with the same file again."
        return f"The site is paused: {self.why} (since {self.at[:16]}Z). 'sendbrief site resume' lets it go on."


def paused(table: Table) -> Pause | None:
    """The pause that is on, if any."""
    item = table.get(KEY)
    return Pause(item.data["why"], item.data["at"], item.data.get("restoring", "")) if item else None


def pause(table: Table, why: str, now: datetime, *, restoring: str = "") -> Pause:
    """Stop everything after the waves in flight. Safe to repeat."""
    made = Pause(why, now.isoformat(), restoring)
    table.put_many([Put(KEY, {"why": made.why, "at": made.at, "restoring": restoring})])
    return made


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
