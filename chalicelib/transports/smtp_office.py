"""The mails that wait for a connection, and the connections: who gets what next, and what is given up when.

All waves' mails stand in one line. Wherever a mail waits, a connection is at work or being opened;
when the last one is given up, so is everything that waits.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence

from chalicelib.errors import ConfigurationError, SendbriefError, TransportUnavailableError
from chalicelib.transports import Fate, Mail, Outcome
from chalicelib.transports.smtp_chunks import ChunkCourier
from chalicelib.transports.smtp_courier import Courier
from chalicelib.transports.smtp_data import DataCourier
from chalicelib.transports.smtp_mail import Prepared, prepare
from chalicelib.transports.smtp_session import Session, open_session, quit_session
from chalicelib.transports.smtp_url import SmtpSettings
from chalicelib.transports.smtp_wave import Parcel, Wave
from chalicelib.transports.smtp_words import is_unwelcome

MAX_TRIES = 2
"""Connections a mail may break, and connections in a row that may break before they carried anything."""
RESPITE = 10.0
"""Seconds without a new attempt at a connection that could not be had, while there are others."""
_TIME_OVER = "the time for this wave was over"
UNWELCOME_ENOUGH = 5
"""Refusals in a row, whatever the wave, for what may be ours; a few may be of their readers all the same."""


class PostOffice:
    """Of one event loop. Couriers take mails here, see ``smtp_courier.Office``."""

    def __init__(self, settings: SmtpSettings, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._settings = settings
        self._chunking = settings.takes_chunks
        self._waves: set[Wave] = set()
        self._waiting: deque[Parcel] = deque()
        self._unsettled = 0
        self._unwelcome = 0
        self._couriers: set[Courier] = set()
        self._idle: dict[Courier, None] = {}
        self._opening: dict[asyncio.Task[Session], int] = {}
        self._respites: list[float] = []
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether somebody waits for a wave."""
        return bool(self._waves)

    async def carry(self, mails: Sequence[Mail]) -> list[Outcome]:
        """See ``Transport.send_wave``."""
        wave = Wave(mails, self.loop)
        self._waves.add(wave)
        self._waiting += wave.parcels
        self._unsettled += len(mails)
        over = self.loop.call_later(self._settings.wave_timeout, self._withdraw, wave, _TIME_OVER)
        try:
            self._serve()
            await wave.done
        except asyncio.CancelledError:
            self._cancel(wave)
            raise
        finally:
            over.cancel()
            self._waves.discard(wave)
        self._look(wave)
        return wave.result()

    def _look(self, wave: Wave) -> None:
        """Raises where the server refused all of a wave for what may be ours: it would fail each reader for good."""
        found = wave.unwelcome
        of_us = self._unwelcome >= UNWELCOME_ENOUGH or all(one.fate is Fate.DEFERRED for one in found)
        if found and len(found) == wave.answered and of_us:
            raise ConfigurationError(
                f"The SMTP server {self._settings.where} refuses all mail: {found[0].reason}",
                "Nothing was handed over. Check the sender's address, the credentials and whose mail the server takes.",
            )

    async def hang_up(self) -> None:
        """QUIT on every idle connection, and open no more where nobody waits."""
        idle, self._idle = list(self._idle), {}
        self._couriers.difference_update(idle)
        opening = [] if self._waves else list(self._opening)
        for task in opening:
            task.cancel()
        await asyncio.gather(*(quit_session(courier.session) for courier in idle), *opening, return_exceptions=True)

    def close(self) -> None:
        """Break off everything."""
        self._closed = True
        # A closed loop can't close its connections any more: its keeper has.
        with contextlib.suppress(RuntimeError):
            for task in tuple(self._opening):
                task.cancel()
            for courier in tuple(self._couriers):
                courier.session.wire.abort("the event loop ended")

    def take(self, courier: Courier, *, stuff: bool) -> Parcel | None:
        """See ``Office``; mails that can't be sent are refused on the way.

        After a fruitless connection it is the last in line: mails that a server dies of do not stop others.
        """
        while self._waiting:
            parcel = self._waiting.pop() if courier.fruitless else self._waiting.popleft()
            ready = prepare(parcel.mail, courier.limit, stuff=stuff)
            if isinstance(ready, Prepared):
                parcel.ready = ready
                return parcel
            self._settle(parcel, ready)
        return None

    def share(self) -> int:
        """See ``Office``."""
        return -(-self._unsettled // max(1, len(self._couriers) + len(self._opening)))

    def settle(self, parcel: Parcel, outcome: Outcome) -> None:
        """See ``Office``."""
        self._unsettled -= 1
        parcel.wave.hear(parcel, outcome)
        if outcome.fate is Fate.SENT:
            self._unwelcome = 0
        elif is_unwelcome(outcome):
            self._unwelcome += 1

    def give_back(self, parcel: Parcel, reason: str, *, counts: bool) -> None:
        """See ``Office``. Another connection may try, once."""
        parcel.handed = False
        parcel.tries += counts
        if parcel.wave.late:
            self._settle(parcel, parcel.wave.late)
        elif parcel.tries < MAX_TRIES:
            self._waiting.appendleft(parcel)
        else:
            self._settle(parcel, Outcome(Fate.DEFERRED, reason[:200]))

    def idle(self, courier: Courier) -> None:
        """See ``Office``."""
        self._idle[courier] = None

    def broke(self, courier: Courier, reason: str) -> None:
        """See ``Office``."""
        self._couriers.discard(courier)
        self._idle.pop(courier, None)
        fruitless = 0 if courier.fruitful else courier.fruitless + 1
        if self._closed:
            return
        if courier.trouble:
            self._give_up(courier.trouble)
        elif fruitless >= MAX_TRIES:
            broke_off = f"The SMTP server {self._settings.where} broke off: {reason}"
            self._give_up(TransportUnavailableError(broke_off, "What it did not take is tried again later."))
        elif self._waiting:
            self._open(fruitless)
        self._serve()

    def refuse_chunking(self) -> None:
        """See ``Office``."""
        self._chunking = False

    def _settle(self, parcel: Parcel, outcome: Outcome) -> None:
        self._unsettled -= 1
        parcel.wave.settle(parcel, outcome)

    def _serve(self) -> None:
        """Have what waits taken: by the idle, by those with room, over new connections."""
        while self._waiting and self._idle:
            courier, _ = self._idle.popitem()
            courier.wake()
        for courier in tuple(self._couriers) if self._waiting else ():
            courier.wake()
        if self._waiting:
            self._open_more()

    def _open_more(self) -> None:
        lines = len(self._couriers) + len(self._opening)
        if self._respites:
            now = self.loop.time()
            self._respites = [until for until in self._respites if until > now] if lines else []
        free = self._settings.connections - lines - len(self._respites)
        for _ in range(min(free, len(self._waiting))):
            self._open(0)

    def _open(self, fruitless: int) -> None:
        task = self.loop.create_task(open_session(self._settings), name="smtp connection")
        self._opening[task] = fruitless
        task.add_done_callback(self._opened)

    def _opened(self, task: asyncio.Task[Session]) -> None:
        fruitless = self._opening.pop(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            session = task.result()
            kind: Callable[..., Courier] = ChunkCourier if self._chunking and session.chunking else DataCourier
            courier = kind(session, self, self._settings, fruitless)
            self._couriers.add(courier)
            courier.start()
        elif isinstance(error, SendbriefError):
            self._give_up(error)
        else:
            failed = f"The SMTP server {self._settings.where} can't be talked to: {error!r}"
            self._give_up(TransportUnavailableError(failed, "Nothing was handed over; it is tried again later."))

    def _give_up(self, trouble: SendbriefError) -> None:
        """One connection less for a while; with the last one, all that waits is over."""
        for wave in self._waves:
            wave.troubles.append(trouble)
        if self._couriers or self._opening:
            self._respites.append(self.loop.time() + RESPITE)
            return
        self._respites.clear()
        for wave in tuple(self._waves):
            self._withdraw(wave, trouble.message)

    def _withdraw(self, wave: Wave, reason: str) -> None:
        """Begin no more mails of it."""
        late = wave.end(reason)
        waiting, self._waiting = self._waiting, deque()
        for parcel in waiting:
            if parcel.wave is wave:
                self._settle(parcel, late)
            else:
                self._waiting.append(parcel)

    def _cancel(self, wave: Wave) -> None:
        """Nobody waits for it any more: break off the connections that are at work for it alone."""
        self._withdraw(wave, "cancelled")
        for courier in tuple(self._couriers):
            if courier.waves == {wave}:
                courier.session.pooled = True  # no fault of its connection
                courier.session.wire.abort("cancelled")


__all__ = ["MAX_TRIES", "PostOffice"]
