"""The verb of this room: at a tick, make the drafts that are due and let those go that may."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.collect.entries import EntryStore
from chalicelib.collect.entry import Entry
from chalicelib.collect.health import HealthStore
from chalicelib.collect.identity import slugify
from chalicelib.compose.drafting import Draft, compose
from chalicelib.compose.edition import Content, EditionSection, State
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.compose.gaps import Gap, gaps
from chalicelib.compose.gathering import MONTHLY, gather, gathering_after, to_gather
from chalicelib.compose.history import number_of, window_of
from chalicelib.compose.schedule import Slot, latest_slot, next_slot
from chalicelib.compose.select import eligible
from chalicelib.compose.told import as_news
from chalicelib.content.segment_reading import filters_for
from chalicelib.content.values import Approval, Newsletter, Site
from chalicelib.errors import ConflictError
from chalicelib.store import Blobs, Key, Table


class Composer:
    """Composes the editions of one site from what was collected."""

    def __init__(self, site: Site, table: Table, blobs: Blobs) -> None:
        self.site = site
        self.editions = EditionStore(table, blobs)
        self._table, self._entries = table, EntryStore(table)
        self._known: list[Entry] | None = None

    def tick(self, now: datetime) -> list[Edition]:
        """Bring every newsletter up to ``now``; the editions that were made or changed."""
        changed: list[Edition] = []
        self._known = None
        for newsletter in self.site.newsletters.values():
            started = self.started(newsletter.name, now)
            step = self._scheduled if newsletter.schedule else self._triggered
            changed += step(newsletter, started, now)
        return changed

    def _read(self, now: datetime) -> list[Entry]:
        """All entries, read once for all newsletters of a tick."""
        if self._known is None:
            self._known = list(self._entries.since(now))
        return self._known

    def started(self, newsletter: str, now: datetime) -> datetime:
        """Since when the newsletter runs here: its first tick."""
        key = Key(f"NEWSLETTER#{newsletter}", "STATE")
        item = self._table.get(key)
        if item is None:
            try:
                self._table.insert(key, {"started": now.isoformat()})
            except ConflictError:
                return self.started(newsletter, now)
            return now
        return datetime.fromisoformat(item.data["started"])

    def gather(self, newsletter: Newsletter, now: datetime, wanted: Callable[[], bool]) -> Edition | None:
        """The edition for readers of the monthly cadence, once the month's last one went out; None where none is due.

        What it holds was approved with its editions, so it goes out at once. Where nobody ``wanted`` one, that
        is noted, so that nobody is looked for again.
        """
        slot = gathering_after(newsletter, self.site, now)
        before = list(self.editions.of(newsletter.name)) if slot else []
        month = [e for e in to_gather(before, slot) if not self._for_some(newsletter, e)] if slot else []
        if slot is None or not month:
            return None
        unwanted = Key(f"NEWSLETTER#{newsletter.name}", f"UNWANTED#{slot.name}-{MONTHLY}")
        with suppress(ConflictError):  # another tick was first
            if self._table.get(unwanted):
                return None
            if not wanted():
                self._table.insert(unwanted, {"seen": now.isoformat()})
                return None
            number = 1 + sum(edition.gathering for edition in before)
            return self._claim_gathering(newsletter, slot, month, number, now)
        return None

    def _for_some(self, newsletter: Newsletter, edition: Edition) -> bool:
        """Whether an edition's own note says who alone gets it: then it is not gathered for others."""
        note = self.site.notes.get((newsletter.name, edition.slot))
        return any((*edition.filters, *filters_for(newsletter, note))[1::2])

    def _claim_gathering(
        self, newsletter: Newsletter, slot: Slot, month: list[Edition], number: int, now: datetime
    ) -> Edition | None:
        window = window_of(self.site, newsletter, slot, now, ())
        held = [self.editions.content(edition) for edition in month]
        moment = Slot(now, f"{slot.name}-{MONTHLY}", slot.read)
        content = gather(self.site, newsletter, moment, held, self._entries.since(now), window, number)
        if not content.entries:
            return None
        stored = self.editions.save_content(content)
        return self.editions.claim_slot(replace(_edition(content, moment, now), state=State.APPROVED, content=stored))

    def draft(self, newsletter: Newsletter, slot: Slot, now: datetime) -> Draft:
        """The edition of a slot as it would be composed from what is stored now."""
        self._known = None
        return self._draft(newsletter, slot, self.began(newsletter.name) or now, now)

    def began(self, newsletter: str) -> datetime | None:
        """Since when the newsletter runs here, or None where it never had a tick."""
        item = self._table.get(Key(f"NEWSLETTER#{newsletter}", "STATE"))
        return datetime.fromisoformat(item.data["started"]) if item else None

    def gaps(self, now: datetime) -> list[Gap]:
        """News that should have been offered by now, and never was."""
        names = list(self.site.newsletters)
        editions = {name: list(self.editions.of(name)) for name in names}
        started = {name: began for name in names if (began := self.began(name))}
        return gaps(self.site, self._entries.since(now), editions, started, now)

    def _scheduled(self, newsletter: Newsletter, started: datetime, now: datetime) -> list[Edition]:
        changed = []
        for slot in _open_slots(newsletter, self.site, started, now):
            before = edition = self.editions.get(newsletter.name, slot.name)
            if edition is None:
                self._supersede(newsletter, slot, now)
            if edition is None or edition.state is State.DRAFT:
                edition = self._compose(newsletter, slot, edition, started, now)
            if edition and edition.state is State.DRAFT and slot.at <= now:
                edition = self._let_go(newsletter, edition, now)
            if edition is not None and edition != before:
                changed.append(edition)
        return changed

    def _compose(
        self, newsletter: Newsletter, slot: Slot, old: Edition | None, started: datetime, now: datetime
    ) -> Edition | None:
        draft = self._draft(newsletter, slot, started, now)
        if draft.empty and newsletter.skip_if_empty and slot.at > now and old is None:
            return None  # nothing yet: look again until the slot
        edition = replace(_edition(draft.content, slot, now), lacks=draft.lacks)
        try:
            if draft.empty and newsletter.skip_if_empty and slot.at <= now:
                return self._skip(old, edition, now)
            content = self.editions.save_content(draft.content)
            if old is None:
                return self.editions.claim_slot(replace(edition, content=content))
            if old.content == content and old.lacks == edition.lacks:
                return old
            changes = {name: getattr(edition, name) for name in ("entries", "implied", "subject", "lacks")}
            return self.editions.change(old, content=content, **changes)
        except ConflictError:  # another tick was first: it does the rest
            return None

    def _skip(self, old: Edition | None, edition: Edition, now: datetime) -> Edition:
        why = "nothing new since the last edition"
        if old is not None:
            return self.editions.move(old, State.CANCELLED, now, why=why, entries=(), implied=(), planned=0)
        edition = replace(edition, state=State.CANCELLED, why=why, entries=(), implied=(), planned=0)
        return self.editions.claim_slot(edition)

    def _supersede(self, newsletter: Newsletter, slot: Slot, now: datetime) -> None:
        """A draft nobody approved gives its entries to the next edition."""
        for edition in self.editions.of(newsletter.name):
            if edition.state is State.DRAFT and edition.slot < slot.name:
                why = f"not approved before {slot.name} was drafted"
                with suppress(ConflictError):  # an editor approved it this moment: then it stands
                    self.editions.move(edition, State.CANCELLED, now, why=why)

    def _let_go(self, newsletter: Newsletter, edition: Edition, now: datetime) -> Edition:
        if newsletter.approval is Approval.EDITORS:
            return edition  # it waits as a draft however long, and gives its entries to the next if nobody approves
        late = now - edition.slot_at
        try:
            if late > newsletter.hold_if_late:
                return self.editions.move(edition, State.HELD, now, why=late_words(late))
            return self.editions.move(edition, State.APPROVED, now)
        except ConflictError:
            return self.editions.find(edition.id)

    def _draft(self, newsletter: Newsletter, slot: Slot, started: datetime, now: datetime) -> Draft:
        before = [e for e in self.editions.of(newsletter.name) if e.slot != slot.name]
        window = window_of(self.site, newsletter, slot, started, before)
        note = self.site.notes.get((newsletter.name, slot.name))
        number = number_of(self.site, newsletter.name, before, slot.name)
        made = compose(self.site, newsletter, slot, self._read(now), note, window, number)
        return replace(made, lacks=self._lacks())

    def _lacks(self) -> tuple[str, ...]:
        """Which sources can't be read now: what they have is missing."""
        healths = HealthStore(self._table).load([source.name for source in self.site.sources])
        return tuple(f"source '{name}' {health.error}" for name, (health, _) in healths.items() if health.error)

    def _triggered(self, newsletter: Newsletter, started: datetime, now: datetime) -> list[Edition]:
        before = list(self.editions.of(newsletter.name))
        slot = Slot(now, f"{now.astimezone(self.site.time_zone):%Y-%m-%d}")
        window = window_of(self.site, newsletter, slot, started, before, again=False)
        wanted, first = set(newsletter.trigger_topics), number_of(self.site, newsletter.name, ())
        entries = [e for e in as_news(self._read(now), window.offered, now) if wanted & set(e.topics)]
        made: list[Edition] = []
        for entry in sorted(eligible(entries, newsletter, self.site, window), key=lambda e: (e.date, e.id)):
            edition = self._announce(newsletter, entry, first + len(before) + len(made), now)
            if edition:
                made.append(edition)
        waiting = [e for e in before if e.state is State.DRAFT and newsletter.approval is Approval.NONE]
        return [self._let_go(newsletter, edition, now) for edition in waiting + made]

    def _announce(self, newsletter: Newsletter, entry: Entry, number: int, now: datetime) -> Edition | None:
        """One entry's own edition; None where another tick made it."""
        day = f"{entry.date.astimezone(self.site.time_zone):%Y-%m-%d}"
        slug = slugify(entry.slug).removeprefix(f"{day}-") or entry.id
        what = entry.offer.replace("~", "-").lower()
        for name in (f"{day}-{slug}", f"{day}-{slug}-{entry.id[:6]}", f"{day}-{slug}-{what}"):
            section = EditionSection({}, (entry,))
            content = Content(newsletter.name, name, now, number, newsletter.template, (section,))
            try:
                edition = replace(_edition(content, Slot(now, name), now), content=self.editions.save_content(content))
                return self.editions.claim_slot(edition)
            except ConflictError:
                other = self.editions.get(newsletter.name, name)
                if other and other.entries == (entry.offer,):
                    return None
        return None


def late_words(late: timedelta) -> str:
    """Why an overdue edition is held."""
    hours = late.total_seconds() / 3600
    return f"its slot was {hours:.0f} hours ago; approve it to send it now, or cancel it"


def _open_slots(newsletter: Newsletter, site: Site, started: datetime, now: datetime) -> Iterable[Slot]:
    """The latest slot, where it is not older than the newsletter here, and the next one, where its draft is due."""
    if newsletter.schedule is None:
        return
    latest = latest_slot(newsletter.schedule, site.time_zone, now)
    if latest and latest.at >= started - newsletter.hold_if_late:
        yield latest
    coming = next_slot(newsletter.schedule, site.time_zone, now)
    if coming and coming.at - newsletter.draft_before <= now:
        yield coming


def _edition(content: Content, slot: Slot, now: datetime) -> Edition:
    return Edition(
        newsletter=content.newsletter,
        slot=content.slot,
        slot_at=slot.at,
        read=slot.read,
        state=State.DRAFT,
        number=content.number,
        entries=content.offers,
        implied=content.implied,
        subject=content.subject,
        gathering=content.gathering,
        changed=now,
    )
