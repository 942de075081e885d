"""Making a wave ready: who still gets the mail, as memberships and suppressions are now, and each one's bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.audience.subscriber import Membership, MemberState, membership_from_data
from chalicelib.audience.suppression import stopped_members
from chalicelib.audience.tokens import PreferencesTokens, Secrets, UnsubscribeTokens
from chalicelib.clock import Clock
from chalicelib.compose.editions import Edition
from chalicelib.content.values import Site
from chalicelib.deliver.chunks import ChunkStore, Recipient
from chalicelib.errors import AddressError, RenderError
from chalicelib.render.letter import Letter, Reader
from chalicelib.store import Table
from chalicelib.transports import Mail

MOST_LETTERS = 64


@dataclass(slots=True)
class Ready:
    """A wave made ready: mails and their readers' ids by position, and who gets none, with why."""

    mails: dict[int, Mail] = field(default_factory=dict)
    sids: dict[int, str] = field(default_factory=dict)
    skips: dict[int, str] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)


class Preparer:
    """Prepares waves of one site's editions."""

    def __init__(self, site: Site, table: Table, chunks: ChunkStore, secrets: Secrets, clock: Clock) -> None:
        self._site, self._table, self._chunks, self._clock = site, table, chunks, clock
        self._tokens, self._preferences = UnsubscribeTokens(secrets), PreferencesTokens(secrets)
        self._letters: dict[tuple[str, str], Letter] = {}

    def ready(self, edition: Edition, number: int, wave: Mapping[int, Recipient]) -> Ready:
        """Raises StoreError or RenderError where a letter can't be read: that is no recipient's fault."""
        members = self._members(edition.newsletter, [recipient.sid for recipient in wave.values()])
        stopped = stopped_members(self._table, members.values())
        today = self._clock().astimezone(self._site.time_zone).date().isoformat()
        letters = {variant: self._letter(edition.id, variant) for variant in {r.variant for r in wave.values()}}
        ready = Ready()
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
                    ready.sids[position] = recipient.sid
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
            if len(self._letters) > MOST_LETTERS:
                self._letters.clear()
            self._letters[key] = self._chunks.letter(edition, variant)
        return self._letters[key]


def message_id(edition: str, sid: str, site: Site) -> str:
    """The same for the same mail, whoever sends it: a log of the provider can be searched for it."""
    return f"{edition.replace('/', '.')}.{sid}@{site.sender.address.rpartition('@')[2]}"
