"""Making a wave ready: who still gets the mail, as memberships and suppressions are now, and each one's bytes."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.audience.subscriber import MemberState, membership_key
from chalicelib.audience.suppression import Suppressions
from chalicelib.audience.tokens import MailTokens, PreferencesTokens, Secrets, UnsubscribeTokens, both_names
from chalicelib.clock import Clock
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.content.values import Site
from chalicelib.deliver.chunks import ChunkStore, Recipient
from chalicelib.deliver.hearing.references import bounce_sender, edition_reference
from chalicelib.errors import AddressError, RenderError
from chalicelib.render.bulk import BulkLetter, bulk_letter
from chalicelib.render.letter import Letter, Reader
from chalicelib.store import Data, Table
from chalicelib.transports import Mail

MOST_LETTERS = 64
_COMES = frozenset({State.APPROVED, State.SENDING, State.SENT})
SPARSE = 3
"""Where a wave's places in its chunk reach over so many times its size, its members are looked up one by one."""


@dataclass(frozen=True, slots=True)
class _Made:
    """A letter, and its form as a template where the transport wants that and it has one."""

    letter: Letter
    bulk: BulkLetter | None = None


@dataclass(slots=True)
class Ready:
    """A wave made ready: mails and their readers' ids by position, and who gets none, with why."""

    mails: dict[int, Mail] = field(default_factory=dict)
    sids: dict[int, str] = field(default_factory=dict)
    skips: dict[int, str] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    alone: list[int] = field(default_factory=list)
    """Those of the mails that were to hold the guest's edition too, and do not."""


class Preparer:
    """Prepares waves of one site's editions. With ``bounces`` (an address) each mail has a way back of its own.

    With ``bulk`` a mail brings its share of a template, for a transport that ``wants_bulk``.
    """

    def __init__(
        self, site: Site, table: Table, chunks: ChunkStore, editions: EditionStore, secrets: Secrets, clock: Clock,
        bounces: str = "",
        *, bulk: bool = False,
    ) -> None:  # fmt: skip
        self._site, self._table, self._chunks, self._editions, self._clock = site, table, chunks, editions, clock
        self._suppressions = Suppressions(table)
        self._addressing = _Addressing(site, secrets, bounces)
        self._letters: dict[tuple[str, str], _Made] = {}
        self._bulk = bulk

    def ready(self, edition: Edition, number: int, wave: Mapping[int, Recipient], alone: Collection[int] = ()) -> Ready:
        """Raises StoreError or RenderError where a letter can't be read: that is no recipient's fault.

        ``alone``: who gets nothing of the guest's edition any more, as an earlier try has settled.
        """
        members = self._members(edition.newsletter, wave)
        stopped = self._suppressions.stopped({sid: data["address"] for sid, data in members.items()})
        now = self._clock()
        today = now.astimezone(self._site.time_zone).date().isoformat()
        both = self._both(edition, wave, alone, today)
        keys = {place: one.both if place in both else one.variant for place, one in wave.items()}
        letters = {key: self._letter(edition.id, key) for key in set(keys.values())}
        ready, write = Ready(), self._addressing.of(edition, number, now)
        for position, recipient in wave.items():
            sid, member = recipient.sid, members.get(recipient.sid)
            if member is None or member["state"] != MemberState.CONFIRMED:
                ready.skips[position] = "unsubscribed since planning"
            elif sid in stopped:
                ready.skips[position] = f"suppressed: {stopped[sid].reason}"
            elif member.get("paused", "") > today:
                ready.skips[position] = f"paused until {member['paused']}"
            else:
                try:
                    ready.mails[position] = write(letters[keys[position]], position, sid, member, position in both)
                    ready.sids[position] = sid
                except (AddressError, RenderError) as error:
                    ready.failed[position] = f"can't be written to: {error.message}"
        ready.alone = [place for place in ready.mails if edition.guest and wave[place].both and place not in both]
        return ready

    def _both(
        self, edition: Edition, wave: Mapping[int, Recipient], alone: Collection[int], today: str
    ) -> frozenset[int]:
        """Whose mail holds the guest's edition too: it is not stopped, and they have not left it."""
        sids = {place: one.sid for place, one in wave.items() if one.both and place not in alone}
        newsletter, _, slot = edition.guest.partition("/")
        guest = self._editions.get(newsletter, slot) if slot and sids else None
        if guest is None or guest.state not in _COMES or guest.host != edition.id:
            return frozenset()
        items = self._table.get_many([membership_key(newsletter, sid) for sid in sids.values()])
        wants = {
            key.sk
            for key, item in items.items()
            if item.data["state"] == MemberState.CONFIRMED and item.data.get("paused", "") <= today
        }
        return frozenset(place for place, sid in sids.items() if sid in wants)

    def _members(self, newsletter: str, wave: Mapping[int, Recipient]) -> dict[str, Data]:
        """The memberships as they are now.

        Mostly a wave's ids lie side by side, so that a range of each shard has them. Of a few here and there, as where
        each reader has a time of their own, each is looked up.
        """
        sids = [recipient.sid for recipient in wave.values()]
        if max(wave) - min(wave) >= SPARSE * len(wave):
            items = self._table.get_many([membership_key(newsletter, sid) for sid in sids])
            return {key.sk: item.data for key, item in items.items()}
        found: dict[str, Data] = {}
        by_shard: dict[str, list[str]] = {}
        for sid in sids:
            by_shard.setdefault(sid[0], []).append(sid)
        for shard, wanted in by_shard.items():
            cursor: str | None = None
            while True:
                page = self._table.query(
                    f"LIST#{newsletter}#{shard}", first=min(wanted), last=max(wanted), cursor=cursor
                )
                found.update((item.key.sk, item.data) for item in page.items)
                cursor = page.cursor
                if cursor is None:
                    break
        return found

    def _letter(self, edition: str, variant: str) -> _Made:
        key = (edition, variant)
        if key not in self._letters:
            if len(self._letters) > MOST_LETTERS:
                self._letters.clear()
            letter = self._chunks.letter(edition, variant)
            self._letters[key] = _Made(letter, bulk_letter(letter) if self._bulk else None)
        return self._letters[key]


class _Addressing:
    """What stands on one reader's mail alone: address, links, Message-ID, and the way back."""

    def __init__(self, site: Site, secrets: Secrets, bounces: str) -> None:
        self._base, self._sender, self._bounces = site.base_url, site.sender.address, bounces
        self._domain = self._sender.rpartition("@")[2]
        self._unsubscribe = UnsubscribeTokens(secrets).make
        self._preferences = PreferencesTokens(secrets).make
        self._sign = MailTokens(secrets).sign

    def of(self, edition: Edition, number: int, now: datetime) -> Callable[[_Made, int, str, Data, bool], Mail]:
        """What makes the mail of one position of a chunk from a letter and a membership, also of one with a guest."""
        newsletter, chunk = edition.newsletter, str(number)
        stem = edition_reference(edition.id, number, 0)[:-1]
        two = both_names(newsletter, edition.guest.partition("/")[0])

        def write(made: _Made, position: int, sid: str, member: Data, both: bool) -> Mail:
            reference = f"{stem}{position}"
            signature, address = self._sign(reference), member["address"]
            reader = Reader(
                address=address,
                name=member.get("name", ""),
                unsubscribe_url=f"{self._base}/u/{self._unsubscribe(sid, two if both else newsletter)}",
                message_id=f"{reference}.{signature}@{self._domain}",
                date=now,
                preferences_url=f"{self._base}/p/{self._preferences(sid, newsletter, now)}",
            )
            tags = {"edition": edition.id, "chunk": chunk, "position": str(position)}
            sender = bounce_sender(self._bounces, reference, signature) if self._bounces else self._sender
            content = made.letter.personalise(reader)
            return Mail(sender, address, content, tags, clean=True, bulk=made.bulk.part(reader) if made.bulk else None)

        return write
