"""Carries mails over one connection, called back by its wire: what DATA and BDAT have in common.

The commands of one mail are answered before those of the next, so the first mail of ``_begun`` is the
one that replies are about, and ``_step`` says which of its replies comes next.
"""

from collections import deque
from enum import IntEnum
from typing import Protocol, Self

from chalicelib.errors import ConfigurationError
from chalicelib.transports import Fate, Outcome
from chalicelib.transports.smtp_session import NEEDS_SETTING, SHUTTING_DOWN, Session
from chalicelib.transports.smtp_url import SmtpSettings
from chalicelib.transports.smtp_wave import Parcel
from chalicelib.transports.smtp_wire import Reply
from chalicelib.transports.smtp_words import refusal

ONE_WRITE = 256 * 1024
"""Longer content leaves before its end does: a connection lost until then leaves no doubt."""


class Step(IntEnum):
    """Which reply to the commands of a mail comes next."""

    RSET = 0
    MAIL = 1
    RCPT = 2
    DATA = 3
    PROBE = 4
    """A first chunk: whether the server knows BDAT."""
    EMPTY = 5
    """The final dot of content for nobody."""
    CONTENT = 6
    """None: content is leaving, its end has not been written."""
    END = 7
    """To the content: the server's word."""


class Office(Protocol):
    """Where couriers get mails, and say what became of them."""

    def take(self, courier: "Courier", *, stuff: bool) -> Parcel | None:
        """The next mail, ready to be sent, with its dots stuffed or not."""
        ...

    def share(self) -> int:
        """How many mails one courier may have in hand, so that all have something to do."""
        ...

    def settle(self, parcel: Parcel, outcome: Outcome) -> None:
        """The server's word, or its silence."""
        ...

    def give_back(self, parcel: Parcel, reason: str, *, counts: bool) -> None:
        """Certainly not taken."""
        ...

    def idle(self, courier: "Courier") -> None:
        """It has nothing to do until it is woken."""
        ...

    def broke(self, courier: "Courier", reason: str) -> None:
        """Its connection is gone, and it has nothing in hand any more."""
        ...

    def refuse_chunking(self) -> None:
        """The server offers BDAT and doesn't know it: no courier shall use it again."""
        ...


class Courier:
    """The one on a connection. ``fruitless`` counts the connections before it that carried nothing."""

    def __init__(self, session: Session, office: Office, settings: SmtpSettings, fruitless: int) -> None:
        self.session = session
        self.fruitless = fruitless
        self.carried = 0
        """Mails the server gave its word on: silence is no sign that it works."""
        self.trouble: ConfigurationError | None = None
        self.limit = session.limit
        self._begun: deque[Parcel] = deque()
        self._wire, self._office, self._settings = session.wire, office, settings
        self._sized = "SIZE" in session.extensions
        self._step = Step.RSET
        self._sender = self._recipient = _NO_REPLY
        self._closing = ""
        self._lost = False

    @property
    def fruitful(self) -> bool:
        """Whether another connection is worth a try: it was no fault of this one, or it did carry mails."""
        return self.session.pooled or self.carried > 0

    @property
    def waves(self) -> set[object]:
        """Those it has mails of in hand."""
        return {parcel.wave for parcel in self._begun}

    def start(self) -> Self:
        """Begin to listen, and to carry. The connection may be lost already."""
        self._wire.listen(self)
        if self._wire.unasked:
            self._wire.abort("the server spoke out of turn")
        else:
            self.wake()
        return self

    def wake(self) -> None:
        """There are mails: take some, where there is room."""
        raise NotImplementedError

    def expected(self, data: bytes) -> bytes:
        """See ``Listener``."""
        raise NotImplementedError

    def resumed(self) -> None:
        """See ``Listener``."""
        raise NotImplementedError

    def replies(self) -> None:
        """See ``Listener``."""
        self._hear_all()

    def _hear_all(self) -> bool:
        """Whether there was a reply at all."""
        heard = False
        while not self._lost and (reply := self._wire.take()):
            self._hear(reply)
            heard = True
        return heard

    def lost(self, reason: str) -> None:
        """See ``Listener``: each mail in hand gets what is known of it."""
        self._lost = True
        certain = bool(self._closing) and not self._wire.silent
        reason = self._closing if certain else f"{reason} after {self._closing}" if self._closing else reason
        # Neither a connection that died of idleness nor one that has had its share is the mail's fault.
        innocent = self.session.pooled or (self.carried > 0 and certain)
        back = []
        for place, parcel in enumerate(self._begun):
            if parcel.handed and not certain:
                self._office.settle(parcel, Outcome(Fate.IN_DOUBT, reason[:200]))
            else:
                back.append((parcel, place == 0 and not innocent))
        self._begun.clear()
        for parcel, counts in reversed(back):
            self._office.give_back(parcel, reason, counts=counts)
        self._office.broke(self, reason)

    def _hear(self, reply: Reply) -> None:
        if self._closing:
            self._closing = ""
            self._wire.abort("the server went on after it said 421")
        elif not self._begun:
            self._wire.abort(reply.reason)
        elif reply.code == SHUTTING_DOWN:
            self._farewell(reply)
        elif reply.code in NEEDS_SETTING and self._step < Step.CONTENT:
            self._unsettled(reply)
        else:
            self._go_on(reply)

    def _go_on(self, reply: Reply) -> None:
        """What the reply to the present step means, and what is done next."""
        raise NotImplementedError

    def _farewell(self, reply: Reply) -> None:
        """The server takes nothing more on this connection (RFC 5321 section 3.8)."""
        if self._step is Step.END and self._begun[0].handed:
            self._settle(refusal(reply))
        self._closing = reply.reason
        # Of what was handed over the server's close makes it certain that it was not read. One that stays may be at
        # work on it: nothing more is expected of it than was before.
        if not any(parcel.handed for parcel in self._begun):
            self._wire.abort(reply.reason)

    def _unsettled(self, reply: Reply) -> None:
        """AUTH or TLS is wanted: no mail can go, on no connection."""
        self.trouble = ConfigurationError(
            f"The SMTP server {self._settings.where} wants more than it got: {reply.reason}",
            "Set credentials or TLS in SENDBRIEF_SMTP_URL.",
        )
        if any(parcel.handed for parcel in self._begun):
            self._go_on(reply)
        else:
            self._wire.abort(reply.reason)

    def _settle(self, outcome: Outcome) -> None:
        """The first mail has the server's word."""
        self.carried += 1
        self.fruitless = 0
        self.session.pooled = False
        self._office.settle(self._begun.popleft(), outcome)

    def _rest(self) -> None:
        """Nothing in hand, and nothing to take."""
        self._wire.rest()
        self.session.pooled = True
        self._office.idle(self)


_NO_REPLY = Reply(0, "")


__all__ = ["ONE_WRITE", "Courier", "Office", "Step"]
