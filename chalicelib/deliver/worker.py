"""The worker: takes a chunk wave by wave, with the intent on record before each hand-over."""

import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from chalicelib.audience.subscriber import Membership, MemberState, membership_from_data
from chalicelib.audience.suppression import stopped_members
from chalicelib.audience.tokens import PreferencesTokens, UnsubscribeTokens
from chalicelib.clock import Clock
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.content.values import Site
from chalicelib.deliver.chunks import ChunkStore, HeldLedger, Recipient
from chalicelib.deliver.ledger import Ledger
from chalicelib.deliver.pausing import paused
from chalicelib.errors import (
    AddressError,
    ConfigurationError,
    ConflictError,
    RenderError,
    SendbriefError,
    TransportUnavailableError,
)
from chalicelib.render.letter import Letter, Reader
from chalicelib.store import Key, Table
from chalicelib.transports import Fate, Mail, Outcome, Transport

WAVE_SIZE = 50
"""Mails handed over at once: the most that one crash can leave in doubt."""
LEASE_SECONDS = 300


class Ended(StrEnum):
    """How work on a chunk ended."""

    DONE = "done"
    LOST = "lost"
    """Somebody else works on it, or took it over."""
    STOPPED = "stopped"
    """The edition is not being sent any more (held, cancelled), or the site is paused."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who works: ``owner`` names this process, ``alive`` tells whether a process may still be at work."""

    owner: str
    alive: Callable[[str], bool]

    def may_live(self, claim: str) -> bool:
        """Whether the process that made a claim may still be at work."""
        process = claim.partition("#")[0]
        return process == self.owner or self.alive(process)


@dataclass(slots=True)
class _Ready:
    """A wave made ready: mails by position, and who gets none, with why."""

    mails: dict[int, Mail] = field(default_factory=dict)
    skips: dict[int, str] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)


Progress = Callable[[str, int], None]
"""Called with an edition's id and how many more of its recipients are settled."""


class Worker:
    """Sends chunks of one site's editions through one transport."""

    def __init__(
        self, site: Site, table: Table, chunks: ChunkStore, editions: EditionStore, transport: Transport,
        tokens: UnsubscribeTokens, preferences: PreferencesTokens, sender: Sender, clock: Clock, *,
        wall: Callable[[], float] = time.time, wave_size: int = WAVE_SIZE,
        progress: Progress = lambda _edition, _count: None,
    ) -> None:  # fmt: skip
        self._site, self._table, self._chunks, self._editions = site, table, chunks, editions
        self._transport, self._tokens, self._preferences, self._sender = transport, tokens, preferences, sender
        self._clock, self._wall, self._wave_size, self._progress = clock, wall, wave_size, progress
        self._letters: dict[tuple[str, str], Letter] = {}

    async def work(self, edition_id: str, number: int) -> Ended:
        """Send what is left of a chunk. Safe to call at any time, any number of times, from anywhere.

        Raises TransportUnavailableError or ConfigurationError with the wave undone where nothing of it was
        handed over.
        """
        edition = self._editions.find(edition_id)
        if edition.state is not State.SENDING or paused(self._table):
            return Ended.STOPPED
        held = self._chunks.ledger(edition_id, number)
        if held.ledger.held_by_other(self._wall(), alive=self._sender.may_live(held.ledger.owner)):
            return Ended.LOST
        if not held.ledger.due(self._seconds()):
            return Ended.DONE
        try:
            return await self._waves(edition, number, self._claim(held))
        except ConflictError:
            return Ended.LOST

    async def _waves(self, edition: Edition, number: int, held: HeldLedger) -> Ended:
        recipients = self._chunks.recipients(edition.id, number)
        while True:
            held, wave = self._begin_wave(edition, number, recipients, held)
            if not wave:
                self._rewrite(held, Ledger.release)
                return Ended.DONE
            held = await self._hand_over(edition, held, wave)
            if self._editions.find(edition.id).state is not State.SENDING or paused(self._table):
                self._rewrite(held, Ledger.release)
                return Ended.STOPPED

    def _claim(self, held: HeldLedger) -> HeldLedger:
        """Each claim has a name of its own: the same process working twice on a chunk loses to itself."""
        lease = self._wall() + LEASE_SECONDS
        owner = f"{self._sender.owner}#{secrets.token_hex(4)}"
        return self._chunks.write_ledger(held, held.ledger.claim(owner, lease, self._seconds()))

    def _begin_wave(
        self, edition: Edition, number: int, recipients: Sequence[Recipient], held: HeldLedger
    ) -> tuple[HeldLedger, dict[int, Mail]]:
        """Put the intent of the next wave on record; {} at the end. Who left meanwhile is skipped."""
        while wave := held.ledger.next_wave(self._wave_size):
            try:
                ready = self._prepare(edition, number, {p: recipients[p] for p in wave})
            except SendbriefError:
                self._rewrite(held, Ledger.release)
                raise
            lease = self._wall() + LEASE_SECONDS
            held = self._chunks.write_ledger(held, held.ledger.begin(ready.mails, ready.skips, lease, ready.failed))
            self._progress(edition.id, len(ready.skips) + len(ready.failed))
            if ready.mails:
                return held, ready.mails
        return held, {}

    async def _hand_over(self, edition: Edition, held: HeldLedger, mails: dict[int, Mail]) -> HeldLedger:
        try:
            outcomes = await self._transport.send_wave(list(mails.values()))
        except (TransportUnavailableError, ConfigurationError):  # the port's word that nothing was handed over
            self._rewrite(held, lambda ledger: ledger.undo().release())
            raise
        if len(outcomes) != len(mails):
            lost = f"the transport answered {len(outcomes)} of {len(mails)} mails"
            outcomes = [Outcome(Fate.IN_DOUBT, lost)] * len(mails)
        settled = {p: _nameless(outcome, mails[p]) for p, outcome in zip(mails, outcomes, strict=True)}
        held = self._rewrite(held, lambda ledger: ledger.settle(settled, self._seconds()))
        self._progress(edition.id, sum(outcome.fate is not Fate.DEFERRED for outcome in outcomes))
        return held

    def _rewrite(self, held: HeldLedger, change: Callable[[Ledger], Ledger]) -> HeldLedger:
        """Write a change; where only a person changed the ledger meanwhile (cancel), apply it to theirs."""
        edition, number = _place(held)
        owner = held.ledger.owner
        while True:
            try:
                return self._chunks.write_ledger(held, change(held.ledger))
            except ConflictError:
                held = self._chunks.ledger(edition, number)
                if held.ledger.owner != owner:
                    raise

    def _prepare(self, edition: Edition, number: int, wave: Mapping[int, Recipient]) -> "_Ready":
        """Raises StoreError or RenderError where a letter can't be read: that is no recipient's fault."""
        members = self._members(edition.newsletter, [recipient.sid for recipient in wave.values()])
        stopped = stopped_members(self._table, members.values())
        today = self._clock().astimezone(self._site.time_zone).date().isoformat()
        letters = {variant: self._letter(edition.id, variant) for variant in {r.variant for r in wave.values()}}
        ready = _Ready()
        for position, recipient in wave.items():
            member = members.get(recipient.sid)
            if member is None or member.state is not MemberState.CONFIRMED:
                ready.skips[position] = "unsubscribed since planning"
            elif recipient.sid in stopped:
                ready.skips[position] = f"suppressed: {stopped[recipient.sid].reason}"
            elif member.paused_until > today:
                ready.skips[position] = f"paused until {member.paused_until}"
            else:
                try:
                    letter = letters[recipient.variant]
                    ready.mails[position] = self._mail(edition, number, position, letter, member)
                except (AddressError, RenderError) as error:
                    ready.failed[position] = f"can't be written to: {error.message}"
        return ready

    def _members(self, newsletter: str, sids: Sequence[str]) -> dict[str, Membership]:
        """The memberships as they are now: the wave's ids lie side by side, so a range of each shard has them."""
        found: dict[str, Membership] = {}
        by_shard: dict[str, list[str]] = {}
        for sid in sids:
            by_shard.setdefault(sid[0], []).append(sid)
        for shard, wanted in by_shard.items():
            cursor: str | None = None
            while True:
                page = self._table.query(
                    f"LIST#{newsletter}#{shard}", first=min(wanted), last=max(wanted), cursor=cursor
                )
                for item in page.items:
                    found[item.key.sk] = membership_from_data(newsletter, item.key.sk, item.data)
                cursor = page.cursor
                if cursor is None:
                    break
        return found

    def _mail(self, edition: Edition, number: int, position: int, letter: Letter, member: Membership) -> Mail:
        base, whose, now = self._site.base_url, (member.sid, edition.newsletter), self._clock()
        reader = Reader(
            address=member.address,
            name=member.name,
            unsubscribe_url=f"{base}/u/{self._tokens.make(*whose)}",
            preferences_url=f"{base}/p/{self._preferences.make(*whose, now)}",
            message_id=message_id(edition.id, member.sid, self._site),
            date=now,
        )
        content = letter.personalise(reader)
        tags = {"edition": edition.id, "chunk": str(number), "position": str(position)}
        return Mail(self._site.sender.address, member.address, content, tags)

    def _letter(self, edition: str, variant: str) -> Letter:
        key = (edition, variant)
        if key not in self._letters:
            if len(self._letters) > 64:
                self._letters.clear()
            self._letters[key] = self._chunks.letter(edition, variant)
        return self._letters[key]

    def _seconds(self) -> float:
        return self._clock().timestamp()


def message_id(edition: str, sid: str, site: Site) -> str:
    """The same for the same mail, whoever sends it: a log of the provider can be searched for it."""
    return f"{edition.replace('/', '.')}.{sid}@{site.sender.address.rpartition('@')[2]}"


def _nameless(outcome: Outcome, mail: Mail) -> Outcome:
    """A provider's words often repeat the address: without it, erasing a person leaves no trace of them here."""
    reason = re.sub(re.escape(mail.recipient), "the recipient", outcome.reason, flags=re.IGNORECASE)
    return replace(outcome, reason=reason)


def _place(held: HeldLedger) -> tuple[str, int]:
    key: Key = held.item.key
    return key.pk.removeprefix("EDITION#"), int(key.sk.removeprefix("LEDGER#"))
