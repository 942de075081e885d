"""Planning an edition: freeze its recipients into chunks, compile every variant, then let it be sent.

Each step is one write under the edition's version, so a planner that dies is followed by another that goes
on where it stopped, and two planners at once end as one.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from chalicelib.audience.segments import admission
from chalicelib.audience.subscriber import SHARDS, Membership, MemberState, membership_from_data
from chalicelib.compose.edition import Content, State
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.compose.together import together
from chalicelib.content.segment_reading import filters_for
from chalicelib.content.values import Newsletter, Problem, Site
from chalicelib.deliver.chunks import CHUNK_SIZE, ChunkStore
from chalicelib.deliver.freezing import Guest, Plan, freeze
from chalicelib.deliver.guests import Guests
from chalicelib.deliver.own_time import waiting
from chalicelib.errors import AddressError, RenderError, SegmentError
from chalicelib.logs import about, correlation, logger
from chalicelib.metrics import count
from chalicelib.render.calendar_part import calendar_of
from chalicelib.render.compiling import compile_letter
from chalicelib.render.renderer import render
from chalicelib.render.templates import templates_for
from chalicelib.store import Blobs, Table

LOG = logger(__name__)
MEMBERS_AT_ONCE = 1000
"""Memberships in memory while planning: a whole page of the store, 1 MB, is four times as many and 8 MB of objects."""


class Planner:
    """Plans the editions of one site."""

    def __init__(self, site: Site, table: Table, blobs: Blobs, *, chunk_size: int = CHUNK_SIZE) -> None:
        self._site, self._table, self._chunk_size = site, table, chunk_size
        self._editions, self._chunks = EditionStore(table, blobs), ChunkStore(table, blobs)
        self._guests = Guests(site, table, self._chunks, self._editions)

    def plan(self, edition: Edition, now: datetime) -> Edition:
        """Freeze the recipients and compile the letters of an edition in ``sending``.

        Afterwards ``planned`` is their number; an edition that can't be rendered, or whose mails the lint finds
        errors in, is held, with why, before its first mail. Findings it was held for before hold it no more: a
        person has let it go. Raises ConflictError where another planner was faster: read again.
        """
        newsletter = self._site.newsletters[edition.newsletter]
        content = self._editions.content(edition)
        if not edition.chunks and not edition.host:  # a guest's were kept when it met its host
            note = self._site.notes.get((edition.newsletter, edition.slot))
            edition = replace(edition, filters=filters_for(newsletter, note))  # kept with the first chunk
        try:
            admits = admission(edition.filters, self._site, edition.slot_at)
        except SegmentError as error:
            return self._hold(edition, now, f"Who gets it can't be read: {error.reason}. Mend it, then approve it.")
        guest = self._guest(edition)
        if edition.guest and guest is None:
            edition = self._editions.change(edition, self._guests.parting(edition), guest="")
        plan = Plan(
            self._site, content, admits, waiting(edition, self._site, now), guest,
            edition.host, self._guests.among_hosts(edition),
        )  # fmt: skip
        edition, total = self._freeze(edition, plan)
        try:
            found = self._compile(newsletter, content, edition, guest.both if guest else None)
        except (RenderError, AddressError) as error:
            return self._hold(edition, now, str(error))
        if found:
            return self._hold(edition, now, _words(found), seen=(*edition.seen, *sorted({_mark(p) for p in found})))
        planned = self._editions.change(edition, planned=total, tick=correlation())
        count("EditionsPlanned")
        with about(edition=edition.id):
            LOG.info("Planned for %d recipients in %d chunks", total, planned.chunks)
        return planned

    def _guest(self, edition: Edition) -> Guest | None:
        """The edition that shares its mails, as planning sees it; None where there is none, or it was stopped."""
        guest = self._guests.of(edition)
        if guest is None or guest.state is not State.APPROVED or guest.newsletter not in self._site.newsletters:
            return None
        content = self._editions.content(guest)
        try:
            admits = admission(guest.filters, self._site, guest.slot_at)
        except SegmentError:
            return None  # it is held for that in its own turn
        both = together(self._editions.content(edition), content)
        return Guest(Plan(self._site, content, admits, lambda _zone: None), both)

    def _hold(self, edition: Edition, now: datetime, why: str, **changes: Any) -> Edition:
        """A guest does not wait for what is mended: it goes by itself."""
        self._chunks.drop_letters(edition.id)  # nobody has one: once it is mended, all are compiled alike
        also, held = self._guests.parting(edition), {"was_sending": False, "guest": "", **changes}
        return self._editions.move(edition, State.HELD, now, why=why[:500], also=also, **held)

    def _freeze(self, edition: Edition, plan: Plan) -> tuple[Edition, int]:
        total = sum(len(held.ledger.marks) for _, held in self._chunks.ledgers(edition.id)) if edition.chunks else 0
        batch: list[Membership] = []
        for member in filter(plan.takes, self._members_after(edition)):
            batch.append(member)
            if len(batch) == self._chunk_size:
                edition, total = self._freeze_chunk(edition, plan, batch), total + len(batch)
                batch = []
        if batch:
            edition, total = self._freeze_chunk(edition, plan, batch), total + len(batch)
        return edition, total

    def _freeze_chunk(self, edition: Edition, plan: Plan, members: list[Membership]) -> Edition:
        newsletter, sids = edition.guest.partition("/")[0], [member.sid for member in members]
        frozen = freeze(plan, members, self._guests.members(newsletter, sids) if plan.guest else None)
        self._chunks.keep_variants(edition.id, list(frozen.variants.values()))
        writes = self._chunks.writes(edition.id, edition.chunks, frozen.recipients, frozen.skips, frozen.waits)
        return self._editions.change(edition, writes, cursor=members[-1].sid, chunks=edition.chunks + 1)

    def _members_after(self, edition: Edition) -> Iterator[Membership]:
        """Confirmed members beyond the cursor; ids order the shards too, since a shard is an id's first digit."""
        for shard in SHARDS:
            if edition.cursor and shard < edition.cursor[0]:
                continue
            first, cursor = (edition.cursor if edition.cursor[:1] == shard else None), None
            while True:
                page = self._table.query(
                    f"LIST#{edition.newsletter}#{shard}", first=first, cursor=cursor, limit=MEMBERS_AT_ONCE
                )
                for item in page.items:
                    member = membership_from_data(edition.newsletter, item.key.sk, item.data)
                    if member.state is MemberState.CONFIRMED and member.sid > edition.cursor:
                        yield member
                cursor = page.cursor
                if cursor is None:
                    break

    def _compile(self, newsletter: Newsletter, alone: Content, edition: Edition, both: Content | None) -> list[Problem]:
        """Keep a letter for each variant; what the lint finds in them that nobody has seen yet.

        Those with a guest are made of ``both``; once the guest has gone by itself nobody needs them.
        """
        from chalicelib.lint.mail import holding  # here, for a tick that plans nothing needs none of it

        templates = templates_for(self._site.root)
        found: list[Problem] = []
        for variant in self._chunks.variants(edition.id):
            content = both if variant.guest else alone
            if content is None or self._chunks.has_letter(edition.id, variant.key):
                continue  # a letter is kept only where nothing was found
            rendered = render(self._site, newsletter, content, variant, templates=templates)
            problems = holding(rendered, site=self._site, content=content, variant=variant)
            found += [problem for problem in problems if _mark(problem) not in edition.seen]
            letter = compile_letter(
                rendered, site=self._site, newsletter=newsletter, content=content, variant=variant,
                calendar=calendar_of(self._site, newsletter, content, variant),
            )  # fmt: skip
            if not found:
                self._chunks.keep_letter(edition.id, variant.key, letter)
        return found


def _mark(problem: Problem) -> str:
    """By what a finding is known again: what it says, in whichever variant."""
    return sha256(f"{problem.code}\n{problem.message}".encode("utf-8", "replace")).hexdigest()[:12]


def _words(found: list[Problem]) -> str:
    said = list(dict.fromkeys(problem.message for problem in found))
    more = f" (and {len(said) - 1} more; 'sendbrief preview' shows the mails)" if len(said) > 1 else ""
    return f"{found[0].file}: {said[0]}{more}. Mend it, then approve it; or approve it as it is."
