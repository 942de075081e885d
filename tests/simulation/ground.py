"""What worlds begin with: a site, its readers, an edition up to some point; made once by the real code, then copied."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from chalicelib.audience.audience import Audience, make_member
from chalicelib.audience.subscriber import Basis
from chalicelib.audience.tokens import Secrets
from chalicelib.collect.entries import EntryStore
from chalicelib.compose.composer import Composer
from chalicelib.content.values import Newsletter, Schedule, Section, Topic
from chalicelib.deliver.dispatcher import Dispatcher
from tests.render.values import entry
from tests.render.values import site as make_site
from tests.simulation.memory import MemoryBlobs, MemoryQueue, MemoryTable

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SLOT = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
SECRETS = Secrets(("k" * 40,))
DIGEST = Newsletter(
    "digest",
    {"*": "Digest"},
    schedule=Schedule("FREQ=WEEKLY;BYDAY=TH", time(10), datetime(2026, 11, 1)),  # noqa: DTZ001
    sections=(Section({}, rest=True),),
)
TOPICS = (Topic("security", {"*": "Security"}, ()), Topic("news", {"*": "News"}, ()))
SITE = make_site(Path("nowhere"), newsletters={"digest": DIGEST}, topics=TOPICS, editors=())
READERS = 9
CHUNK_SIZES = (2, 4, 9)
"""Nine readers in chunks of two and of four leave a last chunk that is not full."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a world begins; ``sids`` are the readers' ids by address."""

    table: MemoryTable
    blobs: MemoryBlobs
    sids: dict[str, str]


@cache
def ground(stage: str, chunk_size: int) -> Ground:
    """``empty``: entries, no edition yet; ``drafted``; ``approved``, its slot come; ``planned`` and in no queue."""
    made = _people()
    Composer(SITE, made.table, made.blobs).tick(MONDAY)
    if stage == "empty":
        return made
    Composer(SITE, made.table, made.blobs).tick(SLOT - timedelta(hours=1))
    if stage == "drafted":
        return made
    Composer(SITE, made.table, made.blobs).tick(SLOT)
    if stage == "planned":
        _dispatcher(made, chunk_size).tick(SLOT)
    return made


@cache
def letters() -> dict[str, bytes]:
    """The compiled letters of the edition, as a planner keeps them."""
    planned = ground("planned", CHUNK_SIZES[0])
    return {name: planned.blobs.blobs[name] for name in planned.blobs.names("editions/") if "/letter-" in name}


def _people() -> Ground:
    table = MemoryTable()
    audience = Audience(table, SECRETS)
    members = []
    for number in range(READERS):
        member = make_member(SECRETS, "digest", f"reader{number}@example.org", f"Reader {number}", "en")
        members.append(replace(member, language=("en", "de")[number % 2], topics=_TOPICS_OF.get(number)))
    audience.subscribe(members, Basis.CONSENT, "a simulation", MONDAY)
    found = [entry(n, identities=(f"slug:blog:{n}",), first_seen=MONDAY + timedelta(hours=n)) for n in (1, 2)]
    EntryStore(table).keep(found)
    return Ground(table, MemoryBlobs(), {member.address: member.sid for member in members})


_TOPICS_OF: dict[int, Any] = {1: frozenset({"security"}), 2: frozenset()}


def _dispatcher(made: Ground, chunk_size: int) -> Dispatcher:
    queue = MemoryQueue({}, SLOT.timestamp, lambda _: False, "ground")
    return Dispatcher(SITE, made.table, made.blobs, queue, wall=SLOT.timestamp, chunk_size=chunk_size)
