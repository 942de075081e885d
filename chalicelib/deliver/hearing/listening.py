"""Hearing what came: mails one by one or out of an inbox, events out of a queue. Each has a fate of its own."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.audience.suppression import Suppressions
from chalicelib.compose.editions import EditionStore
from chalicelib.deliver.hearing.arrivals import read_arrival
from chalicelib.deliver.hearing.hearing import Hearing, Recorded
from chalicelib.deliver.hearing.inboxes import Inbox, open_inbox
from chalicelib.deliver.hearing.mails import Read, Verdict, read_mail
from chalicelib.deliver.hearing.references import Resolve, resolver
from chalicelib.deliver.hearing.ses_events import read_ses_event
from chalicelib.deliver.hearing.values import Heard, Signer
from chalicelib.errors import InboxError, SendbriefError, StoreError, StoreUnavailableError
from chalicelib.logs import logger
from chalicelib.store import Blobs, Queue, QueueMessage, Table

LOG = logger(__name__)
BATCH = 10
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 5, 900
VISIBILITY_SECONDS = 120
ROUND_SECONDS = 30.0
"""So long a tick, or one look of `run` and `serve`, listens to one place: the rest waits for the next."""
Stop = Callable[[], bool]


def never() -> bool:
    """Nobody asks to stop."""
    return False


def within(seconds: float, stop: Stop = never) -> Stop:
    """Told to stop, or that many seconds have passed from now."""
    until = time.monotonic() + seconds
    return lambda: stop() or time.monotonic() >= until


def again(queue: Queue, message: QueueMessage, error: SendbriefError) -> None:
    """Give an event back: after 5 seconds, then ever later, 15 minutes at most. The log names nobody."""
    wait = min(FIRST_WAIT_SECONDS * 2 ** min(message.attempts - 1, 10), LONGEST_WAIT_SECONDS)
    LOG.error("An event comes again in %d seconds: %s", wait, error)
    queue.release(message, delay=wait)


@dataclass(slots=True)
class Tally:
    """What a round came to: mails or events by what they were taken for, what was recorded, and what went wrong."""

    read: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)
    recorded: Recorded = field(default_factory=Recorded)
    troubles: list[str] = field(default_factory=list)

    def took(self, verdict: str) -> None:
        """One more of a kind."""
        self.read += 1
        self.verdicts[verdict] = self.verdicts.get(verdict, 0) + 1

    def __add__(self, other: "Tally") -> "Tally":
        kinds = {kind: self.verdicts.get(kind, 0) + other.verdicts.get(kind, 0)
                 for kind in {**self.verdicts, **other.verdicts}}  # fmt: skip
        recorded, troubles = self.recorded + other.recorded, [*self.troubles, *other.troubles]
        return Tally(self.read + other.read, kinds, recorded, troubles)


class Listener:
    """Reads what comes for one site, and has it recorded."""

    def __init__(self, table: Table, blobs: Blobs, suppressions: Suppressions, signer: Signer,
                 newsletters: Callable[[], Iterable[str]]) -> None:  # fmt: skip
        self._hearing, self._editions = Hearing(table, blobs, suppressions), EditionStore(table, blobs)
        self._blobs, self._signer, self._newsletters = blobs, signer, newsletters

    def mail(self, raw: bytes, now: datetime, *, recipient: str = "", resolve: Resolve | None = None) -> Tally:
        """Hear one mail. Safe to repeat. Raises StoreError."""
        tally = Tally()
        self._mail(raw, now, tally, recipient, resolve or self._resolver())
        return tally

    def mailbox(self, url: str, now: datetime, *, stop: Stop = never) -> Tally:
        """Hear all mails that nobody has read of the inbox that a setting names. Trouble is in the tally."""
        try:
            with closing(open_inbox(url)) as inbox:
                return self.inbox(inbox, now, stop=stop)
        except SendbriefError as error:
            return Tally(troubles=[str(error)])

    def inbox(self, inbox: Inbox, now: datetime, *, stop: Stop = never) -> Tally:
        """Hear all mails of an inbox that nobody has read. One that can't be recorded stays unread, for the next round.

        Trouble is in the tally. Raises StoreUnavailableError; what was heard until then is done with.
        """
        tally, resolve = Tally(), self._resolver()
        try:
            for name, raw in inbox.mails():
                if stop():
                    break
                if self._heard(raw, now, tally, resolve):
                    inbox.done(name)
        except InboxError as error:
            tally.troubles.append(str(error))
        return tally

    def _heard(self, raw: bytes, now: datetime, tally: Tally, resolve: Resolve) -> bool:
        """Whether a mail is done with."""
        try:
            self._mail(raw, now, tally, "", resolve)
        except StoreUnavailableError:
            raise
        except SendbriefError as error:
            tally.troubles.append(str(error))
            return False
        except Exception as error:  # noqa: BLE001 (a fault over one mail must not stop those behind it for ever)
            tally.troubles.append(f"Fault over a mail that came back: {type(error).__name__}. It stays unread.")
            return False
        return True

    def queue(self, queue: Queue, clock: Callable[[], datetime], *, stop: Stop = never) -> Tally:
        """Hear all events that wait. What can't be heard comes again later, and at last lies with the dead letters.

        Trouble is in the tally; what was taken and not recorded comes again by itself.
        """
        tally = Tally()
        try:
            while not stop() and (messages := queue.receive(BATCH, visibility=VISIBILITY_SECONDS)):
                failed = self.events(messages, clock(), tally)
                for message in messages:
                    if message.receipt in failed:
                        again(queue, message, failed[message.receipt])
                    else:
                        queue.delete(message)
        except SendbriefError as error:
            tally.troubles.append(str(error))
        return tally

    def events(self, messages: Sequence[QueueMessage], now: datetime, tally: Tally) -> dict[str, SendbriefError]:
        """Hear some events; the errors of those that failed, by receipt. Those of one chunk are one write."""
        failed, heards = dict[str, SendbriefError](), dict[str, Heard]()
        for message in messages:
            try:
                read = self._read(message.body, now)
            except Exception as error:  # noqa: BLE001 (a fault over one event must not stop the others)
                failed[message.receipt] = _told(error)
                continue
            tally.took(read.verdict)
            if read.heard:
                heards[message.receipt] = read.heard
        try:
            tally.recorded += self._hearing.record(heards.values(), now)
        except StoreUnavailableError as error:
            failed |= dict.fromkeys(heards, error)
        except Exception:  # noqa: BLE001 (as above)
            failed |= self._each(heards, now, tally)
        tally.troubles += dict.fromkeys(str(error) for error in failed.values())
        return failed

    def _read(self, body: str, now: datetime) -> Read:
        """What an event says, or the mail that it tells the arrival of. Raises StoreError."""
        arrival = read_arrival(body)
        if arrival is None:
            heard = read_ses_event(body, self._signer, now)
            return Read(Verdict.HEARD, heard) if heard else Read(Verdict.NOTHING)
        raw = self._blobs.get(arrival.name)
        if raw is None:
            raise StoreError(
                f"The mail {arrival.name} came in and is not there.", "It was deleted: mails that come in stay 30 days."
            )
        return read_mail(raw, self._signer, now, recipient=arrival.recipient, resolve=self._resolver())

    def _each(self, heards: dict[str, Heard], now: datetime, tally: Tally) -> dict[str, SendbriefError]:
        """One by one, so that what stops one does not stop the others: recording twice changes nothing."""
        failed: dict[str, SendbriefError] = {}
        for receipt, heard in heards.items():
            try:
                tally.recorded += self._hearing.record([heard], now)
            except Exception as error:  # noqa: BLE001 (as above)
                failed[receipt] = _told(error)
        return failed

    def _mail(self, raw: bytes, now: datetime, tally: Tally, recipient: str, resolve: Resolve) -> None:
        read = read_mail(raw, self._signer, now, recipient=recipient, resolve=resolve)
        if read.heard:
            tally.recorded += self._hearing.record([read.heard], now)
        tally.took(read.verdict)

    def _resolver(self) -> Resolve:
        return resolver(self._editions_ids())

    def _editions_ids(self) -> Iterable[str]:
        """All editions, read when a shortened name first comes up."""
        for name in self._newsletters():
            for edition in self._editions.of(name):
                yield edition.id


def _told(error: Exception) -> SendbriefError:
    """A fault is told by its name alone: its words may name somebody."""
    if isinstance(error, SendbriefError):
        return error
    return StoreError(f"Fault over an event: {type(error).__name__}.", "It goes to the dead letters; report it.")
