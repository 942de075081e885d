"""A wave of mails under way over SMTP: which have had an outcome, and when all have."""

import asyncio
from collections.abc import Sequence

from chalicelib.errors import ConfigurationError, SendbriefError
from chalicelib.transports import Fate, Mail, Outcome, nameless
from chalicelib.transports.smtp_mail import Prepared
from chalicelib.transports.smtp_words import is_unwelcome


class Parcel:
    """One mail of a wave. ``tries`` counts the connections it was the first in turn on when they broke."""

    __slots__ = ("handed", "index", "mail", "ready", "tries", "wave")

    def __init__(self, wave: "Wave", index: int, mail: Mail) -> None:
        self.wave = wave
        self.index = index
        self.mail = mail
        self.tries = 0
        self.handed = False
        """Its end was written: without an answer it is in doubt."""
        self.ready = NOT_READY


NOT_READY = Prepared(b"", b"", b"")


class Wave:
    """Outcomes by position. ``done`` resolves with the last of them."""

    def __init__(self, mails: Sequence[Mail], loop: asyncio.AbstractEventLoop) -> None:
        self.parcels = [Parcel(self, index, mail) for index, mail in enumerate(mails)]
        self.done: asyncio.Future[None] = loop.create_future()
        self.troubles: list[SendbriefError] = []
        self.late: Outcome | None = None
        """What those get that come back, once nothing of this wave is begun any more."""
        self.answered = 0
        """Mails that the server gave or owes its word on."""
        self.unwelcome: list[Outcome] = []
        """Its refusals of what may be ours, see ``smtp_words.is_unwelcome``."""
        self._outcomes: list[Outcome | None] = [None] * len(mails)
        self._left = len(mails)

    def settle(self, parcel: Parcel, outcome: Outcome) -> None:
        """The one outcome of a mail."""
        self._outcomes[parcel.index] = outcome
        self._left -= 1
        if not self._left and not self.done.done():
            self.done.set_result(None)

    def hear(self, parcel: Parcel, outcome: Outcome) -> None:
        """The server's word on a mail, or its silence."""
        self.answered += 1
        if is_unwelcome(outcome):
            self.unwelcome.append(nameless(outcome, parcel.mail))
        self.settle(parcel, outcome)

    def end(self, reason: str) -> Outcome:
        """Nothing more is begun: the outcome of what is not under way."""
        self.late = self.late or Outcome(Fate.DEFERRED, reason[:200])
        return self.late

    def result(self) -> list[Outcome]:
        """All outcomes. Raises the trouble instead where the server was handed no mail at all."""
        trouble = min(self.troubles, key=lambda t: not isinstance(t, ConfigurationError), default=None)
        if trouble and not self.answered:
            raise type(trouble)(trouble.message, trouble.hint) from trouble
        return [outcome for outcome in self._outcomes if outcome is not None]


__all__ = ["Parcel", "Wave"]
