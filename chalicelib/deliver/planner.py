"""Planning an edition: freeze its recipients into chunks, compile every variant, then let it be sent.

Each step is one write under the edition's version, so a planner that dies is followed by another that goes
on where it stopped, and two planners at once end as one.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from chalicelib.audience.segments import admission
from chalicelib.audience.subscriber import SHARDS, Membership, MemberState, membership_from_data
from chalicelib.compose.edition import Content, State
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.compose.gathering import MONTHLY
from chalicelib.content.segment_reading import filters_for
from chalicelib.content.values import Newsletter, Problem, Site
from chalicelib.deliver.chunks import CHUNK_SIZE, ChunkStore, Recipient
from chalicelib.errors import AddressError, RenderError, SegmentError
from chalicelib.render.calendar_part import calendar_of
from chalicelib.render.compiling import compile_letter
from chalicelib.render.renderer import render
from chalicelib.render.templates import templates_for
from chalicelib.render.variants import Variant, variant_for
from chalicelib.store import Blobs, Table

NOT_FOR_THEM = "nothing of this edition is in their topics"
OTHER_CADENCE = "gets the monthly gathering instead"


class Planner:
    """Plans the editions of one site."""

    def __init__(self, site: Site, table: Table, blobs: Blobs, *, chunk_size: int = CHUNK_SIZE) -> None:
        self._site, self._table, self._chunk_size = site, table, chunk_size
        self._editions, self._chunks = EditionStore(table, blobs), ChunkStore(table, blobs)

    def plan(self, edition: Edition, now: datetime) -> Edition:
        """Freeze the recipients and compile the letters of an edition in ``sending``.

        Afterwards ``planned`` is their number; an edition that can't be rendered, or whose mails the lint finds
        errors in, is held, with why, before its first mail. Findings it was held for before hold it no more: a
        person has let it go. Raises ConflictError where another planner was faster: read again.
        """
        newsletter = self._site.newsletters[edition.newsletter]
        content = self._editions.content(edition)
        if not edition.chunks:
            note = self._site.notes.get((edition.newsletter, edition.slot))
            edition = replace(edition, filters=filters_for(newsletter, note))  # kept with the first chunk
        try:
            admits = admission(edition.filters, self._site, edition.slot_at)
        except SegmentError as error:
            return self._hold(edition, now, f"Who gets it can't be read: {error.reason}. Mend it, then approve it.")
        edition, total = self._freeze(edition, content, admits)
        try:
            found = self._compile(newsletter, content, edition)
        except (RenderError, AddressError) as error:
            return self._hold(edition, now, str(error))
        if found:
            return self._hold(edition, now, _words(found), seen=(*edition.seen, *sorted({_mark(p) for p in found})))
        return self._editions.change(edition, planned=total)

    def _hold(self, edition: Edition, now: datetime, why: str, **changes: Any) -> Edition:
        self._chunks.drop_letters(edition.id)  # nobody has one: once it is mended, all are compiled alike
        return self._editions.move(edition, State.HELD, now, why=why[:500], was_sending=False, **changes)

    def _freeze(self, edition: Edition, content: Content, admits: Callable[[Membership], bool]) -> tuple[Edition, int]:
        total = sum(len(held.ledger.marks) for _, held in self._chunks.ledgers(edition.id)) if edition.chunks else 0
        batch: list[Membership] = []
        members = self._members_after(edition)
        for member in (m for m in members if (self._is_monthly(m) or not content.gathering) and admits(m)):
            batch.append(member)
            if len(batch) == self._chunk_size:
                edition, total = self._freeze_chunk(edition, content, batch), total + len(batch)
                batch = []
        if batch:
            edition, total = self._freeze_chunk(edition, content, batch), total + len(batch)
        return edition, total

    def _freeze_chunk(self, edition: Edition, content: Content, members: list[Membership]) -> Edition:
        recipients, skips, variants = [], {}, dict[str, Variant]()
        for position, member in enumerate(members):
            variant = variant_for(
                content,
                self._site.languages,
                self._site.fallback,
                member.language or self._site.fallback,
                member.topics,
            )
            if variant is None:
                skips[position] = NOT_FOR_THEM
            elif self._is_monthly(member) and not content.gathering:
                skips[position] = OTHER_CADENCE
            else:
                variants[variant.key] = variant
            recipients.append(Recipient(member.sid, variant.key if variant else ""))
        self._chunks.keep_variants(edition.id, list(variants.values()))
        writes = self._chunks.writes(edition.id, edition.chunks, recipients, skips)
        return self._editions.change(edition, writes, cursor=members[-1].sid, chunks=edition.chunks + 1)

    def _is_monthly(self, member: Membership) -> bool:
        """Whether a member gets gatherings: chose them, where the newsletter has any."""
        return member.cadence == MONTHLY and MONTHLY in self._site.newsletters[member.newsletter].cadences

    def _members_after(self, edition: Edition) -> Iterator[Membership]:
        """Confirmed members beyond the cursor; ids order the shards too, since a shard is an id's first digit."""
        for shard in SHARDS:
            if edition.cursor and shard < edition.cursor[0]:
                continue
            first, cursor = (edition.cursor if edition.cursor[:1] == shard else None), None
            while True:
                page = self._table.query(f"LIST#{edition.newsletter}#{shard}", first=first, cursor=cursor)
                for item in page.items:
                    member = membership_from_data(edition.newsletter, item.key.sk, item.data)
                    if member.state is MemberState.CONFIRMED and member.sid > edition.cursor:
                        yield member
                cursor = page.cursor
                if cursor is None:
                    break

    def _compile(self, newsletter: Newsletter, content: Content, edition: Edition) -> list[Problem]:
        """Keep a letter for each variant; what the lint finds in them that nobody has seen yet."""
        from chalicelib.lint.mail import holding  # here, for a tick that plans nothing needs none of it

        templates = templates_for(self._site.root)
        found: list[Problem] = []
        for variant in self._chunks.variants(edition.id):
            if self._chunks.has_letter(content.edition_id, variant.key):
                continue  # a letter is kept only where nothing was found
            rendered = render(self._site, newsletter, content, variant, templates=templates)
            problems = holding(rendered, site=self._site, content=content, variant=variant)
            found += [problem for problem in problems if _mark(problem) not in edition.seen]
            letter = compile_letter(
                rendered, site=self._site, newsletter=newsletter, content=content, variant=variant,
                calendar=calendar_of(self._site, newsletter, content, variant),
            )  # fmt: skip
            if not found:
                self._chunks.keep_letter(content.edition_id, variant.key, letter)
        return found


def _mark(problem: Problem) -> str:
    """By what a finding is known again: what it says, in whichever variant."""
    return sha256(f"{problem.code}\n{problem.message}".encode("utf-8", "replace")).hexdigest()[:12]


def _words(found: list[Problem]) -> str:
    said = list(dict.fromkeys(problem.message for problem in found))
    more = f" (and {len(said) - 1} more; 'sendbrief preview' shows the mails)" if len(said) > 1 else ""
    return f"{found[0].file}: {said[0]}{more}. Mend it, then approve it; or approve it as it is."
