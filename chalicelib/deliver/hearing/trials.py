"""Trial mails of `sendbrief doctor`: that their events came is noted for a day, and nothing else comes of them.

They go to the addresses of SES's mailbox simulator, which stand for nobody: no ledger, no person, no suppression.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from chalicelib.deliver.hearing.values import Heard
from chalicelib.deliver.ledger import News
from chalicelib.store import Key, Put, Table, every

TRIAL = "Trial"
"""Stands where an edition has its newsletter's name, which never has a capital."""
KEPT = timedelta(days=1)


def trial_tags(trial: str, number: int) -> dict[str, str]:
    """The tags of a trial's mail."""
    return {"edition": f"{TRIAL}/{trial}", "chunk": "0", "position": str(number)}


def is_trial(edition: str) -> bool:
    """Whether news is of a trial's mail."""
    return edition.startswith(f"{TRIAL}/")


def note_trial(table: Table, heards: Iterable[Heard], now: datetime) -> None:
    """Write down that events came. Safe to repeat. Raises StoreError."""
    expires = int((now + KEPT).timestamp())
    keys = {Key(_partition(heard.edition), f"{heard.position:06d}#{heard.kind.name}") for heard in heards}
    table.put_many(Put(key, {"at": now.isoformat()}, expires) for key in sorted(keys))


def heard_of(table: Table, trial: str) -> set[tuple[int, News]]:
    """Which news came of which mail of a trial."""
    found = set()
    for item in every(table, _partition(f"{TRIAL}/{trial}")):
        number, _, kind = item.key.sk.partition("#")
        found.add((int(number), News[kind]))
    return found


def _partition(edition: str) -> str:
    return f"TRIAL#{edition.partition('/')[2]}"
