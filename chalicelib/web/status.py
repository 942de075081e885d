"""What the desk's status page shows: editions with their books, subscribers, the health of sources."""

from collections import Counter
from dataclasses import dataclass
from itertools import islice
from math import ceil

from chalicelib.collect.health import Health, HealthStore
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition
from chalicelib.deliver.books import Books
from chalicelib.deliver.course import load_course
from chalicelib.deliver.dispatcher import Dispatcher
from chalicelib.deliver.progress import progress_of
from chalicelib.deliver.spending import spent
from chalicelib.errors import StoreError
from chalicelib.runtime import Runtime
from chalicelib.web.pages import Pages, figure

EDITIONS_SHOWN = 20
MOST_COUNTED = 100_000
"""Memberships counted of each newsletter: the page answers within seconds however large a list is."""
SHAPES = {"draft": "○", "approved": "◔", "sending": "◑", "sent": "●", "held": "◫", "cancelled": "✕"}


@dataclass(frozen=True, slots=True)
class EditionRow:
    """One edition; ``books`` is None where they don't balance, which ``why`` says then."""

    newsletter: str
    slot: str
    when: str
    state: str
    shape: str
    subject: str
    why: str
    books: Books | None
    progress: str = ""


@dataclass(frozen=True, slots=True)
class SpentRow:
    """One month. ``dollars``, about; '' where nobody is paid for it."""

    month: str
    mails: int
    editions: int
    dollars: str


@dataclass(frozen=True, slots=True)
class ReaderRow:
    """How many people a newsletter has in each state; ``more`` where only the first were counted."""

    newsletter: str
    counts: Counter[str]
    more: bool


@dataclass(frozen=True, slots=True)
class SourceRow:
    """How one source is doing."""

    name: str
    checked: str
    health: Health


def edition_rows(runtime: Runtime, pages: Pages) -> list[EditionRow]:
    """The newest editions of all newsletters, the newest first."""
    dispatcher = runtime.dispatcher
    found = [
        edition
        for newsletter in pages.site.newsletters
        for edition in islice(dispatcher.editions.of(newsletter, newest_first=True), EDITIONS_SHOWN)
    ]
    found.sort(key=lambda edition: (edition.slot_at, edition.id), reverse=True)
    return [_row(runtime, pages, dispatcher, edition) for edition in found[:EDITIONS_SHOWN]]


def _row(runtime: Runtime, pages: Pages, dispatcher: Dispatcher, edition: Edition) -> EditionRow:
    books, why = None, edition.why
    try:
        books = dispatcher.books(edition)
    except StoreError:
        why = pages.say("web.desk.books_wrong")
    local = edition.slot_at.astimezone(pages.site.time_zone)
    return EditionRow(
        newsletter=pages.title_of(edition.newsletter),
        slot=edition.slot,
        when=pages.say.moment(local, pages.site.time_zone),
        state=str(edition.state),
        shape=SHAPES[str(edition.state)],
        subject=pages.said(edition.subject),
        why=why,
        books=books,
        progress=_progress(runtime, pages, edition, books) if books else "",
    )


def _progress(runtime: Runtime, pages: Pages, edition: Edition, books: Books) -> str:
    """How far it is while it is being sent, how fast it goes, and why it does not."""
    if edition.state is not State.SENDING:
        return ""
    found = progress_of(edition, books, load_course(runtime.table, edition.id), runtime.clock())
    if found is None:
        return ""
    parts = [pages.say("web.desk.progress", done=figure(found.settled), all=figure(found.planned)), found.waits]
    if found.per_second and found.seconds_left is not None:
        parts.append(pages.say("web.desk.speed", n=figure(round(found.per_second * 60))))
        parts.append(pages.say.count("web.desk.minutes_left", ceil(found.seconds_left / 60)))
    return ", ".join(part for part in parts if part)


def reader_rows(runtime: Runtime, pages: Pages) -> list[ReaderRow]:
    """Members of each newsletter by state."""
    rows = []
    for newsletter in pages.site.newsletters:
        states = [str(member.state) for member in islice(runtime.audience.members(newsletter), MOST_COUNTED + 1)]
        counts = Counter(states[:MOST_COUNTED])
        rows.append(ReaderRow(pages.title_of(newsletter), counts, more=len(states) > MOST_COUNTED))
    return rows


def spent_row(runtime: Runtime, pages: Pages) -> SpentRow:
    """What this month's mails have cost so far."""
    site, dispatcher = pages.site, runtime.dispatcher
    month = f"{runtime.clock().astimezone(site.time_zone):%Y-%m}"
    editions = [edition for name in site.newsletters for edition in dispatcher.editions.of(name)]
    cloud = runtime.settings.store == "aws"
    found = spent(month, editions, dispatcher.count, runtime.cost, site.time_zone, cloud=cloud)
    pays = runtime.settings.transport == "ses"
    return SpentRow(month, found.mails, len(found.editions), f"${found.dollars:,}" if pays or cloud else "")


def source_rows(runtime: Runtime, pages: Pages) -> list[SourceRow]:
    """All sources of the site."""
    names = [source.name for source in pages.site.sources]
    healths = HealthStore(runtime.table).load(names)
    return [_source(pages, name, healths[name][0]) for name in names]


def _source(pages: Pages, name: str, health: Health) -> SourceRow:
    checked = pages.say.moment(health.checked, pages.site.time_zone) if health.checked else ""
    return SourceRow(name, checked, health)
