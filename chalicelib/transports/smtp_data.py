"""Mails by DATA (RFC 5321): the next one's envelope leaves with the content (RFC 2920), or all in lockstep."""

from chalicelib.transports import Outcome
from chalicelib.transports.smtp_courier import ONE_WRITE, Courier, Office, Step
from chalicelib.transports.smtp_session import Session
from chalicelib.transports.smtp_url import SmtpSettings
from chalicelib.transports.smtp_wave import Parcel
from chalicelib.transports.smtp_wire import Reply
from chalicelib.transports.smtp_words import accepted, refusal, verdict

_GO_AHEAD = 354
_END = b".\r\n"


class DataCourier(Courier):
    """At most two mails are in hand: one under way, and the next one's envelope."""

    def __init__(self, session: Session, office: Office, settings: SmtpSettings, fruitless: int) -> None:
        super().__init__(session, office, settings, fruitless)
        self._pipelining = session.pipelining
        self._reset = False

    def wake(self) -> None:
        """See ``Courier``."""
        if self._lost or self._closing:
            return
        if not self._begun:
            self._next()
        elif self._pipelining and len(self._begun) == 1 and self._step is Step.END:
            following = self._office.take(self, stuff=True)
            if following:
                self._begun.append(following)
                self._wire.write(self._envelope(following))

    def expected(self, data: bytes) -> bytes:
        """See ``Listener``: content taken, sender and recipient right, content asked for."""
        if self._step is not Step.END or len(self._begun) != 2:
            return data
        lines = data.split(b"\r\n")
        if len(lines) != 5 or lines[4] or lines[3][:4] != b"354 ":
            return data
        taken = lines[0]
        if not (taken[:4] == lines[1][:4] == lines[2][:4] == b"250 "):
            return data
        self._settle(accepted(taken))
        self._content()
        return b""

    def resumed(self) -> None:
        """See ``Listener``: long content has left, its end may follow."""
        if self._step is Step.CONTENT:
            self._end(b"")

    def _next(self) -> None:
        """Begin the next mail, or go on with the one whose envelope has left already."""
        self._step = Step.MAIL
        if self._begun:
            self._wire.expect(self._settings.timeout)
        elif self._wire.unasked:
            self._wire.abort("the server spoke out of turn")
        elif parcel := self._office.take(self, stuff=True):
            self._begin(parcel)
        else:
            self._rest()

    def _begin(self, parcel: Parcel) -> None:
        self._begun.append(parcel)
        if self._reset:
            self._step = Step.RSET
        if self._pipelining:
            self._wire.write(b"RSET\r\n" * self._reset + self._envelope(parcel))
            self._reset = False
        else:
            self._say()
        self._wire.expect(self._settings.timeout)

    def _envelope(self, parcel: Parcel) -> bytes:
        sender, recipient, content = parcel.ready
        if self._sized:
            return b"%b SIZE=%d\r\n%bDATA\r\n" % (sender, len(content), recipient)
        return b"%b\r\n%bDATA\r\n" % (sender, recipient)

    def _say(self) -> None:
        """In lockstep, the one command whose reply comes next."""
        if self._step is Step.RSET:
            self._wire.write(b"RSET\r\n")
            self._reset = False
        else:
            commands = self._envelope(self._begun[0]).splitlines(keepends=True)
            self._wire.write(commands[self._step - Step.MAIL])

    def _await(self, step: Step, reply: Reply | None = None) -> None:
        """Go on to a step; in lockstep only after a reply that was no refusal."""
        self._step = step
        if not self._pipelining:
            if reply and reply.code >= 400:
                self._refuse(reply)
                return
            self._say()
        self._wire.expect(self._settings.timeout)

    def _go_on(self, reply: Reply) -> None:
        match self._step:
            case Step.RSET:
                self._await(Step.MAIL)
            case Step.MAIL:
                self._sender = reply
                self._await(Step.RCPT, reply)
            case Step.RCPT:
                self._recipient = reply
                self._reset = reply.code >= 400
                self._await(Step.DATA, reply)
            case Step.DATA:
                self._asked(reply)
            case Step.EMPTY:
                self._refuse(self._sender if self._sender.code >= 400 else self._recipient)
            case Step.END:
                self._finish(verdict(reply))
            case _:
                self._wire.abort(f"the server broke off before the end of the mail: {reply.reason}")

    def _asked(self, data: Reply) -> None:
        """All of the envelope is answered."""
        sender, recipient = self._sender, self._recipient
        if data.code != _GO_AHEAD:
            refused = next((reply for reply in (sender, recipient, data) if reply.code >= 400), None)
            if refused is None:
                self._wire.abort(f"the server answered DATA out of turn: {data.reason}")
            else:
                self._reset = True
                self._refuse(refused)
        elif self._wire.unasked:
            self._wire.abort("the server spoke out of turn")
        elif recipient.code >= 400:
            # It would take content for nobody; an empty one ends this (RFC 2920 section 3.1).
            self._step = Step.EMPTY
            self._wire.write(_END)
            self._wire.expect(self._settings.timeout)
        elif sender.code >= 400:
            self._wire.abort("the server asks for content after it refused the sender")
        else:
            self._content()

    def _content(self) -> None:
        content = self._begun[0].ready.content
        if len(content) <= ONE_WRITE:
            self._end(content)
            return
        self._step = Step.CONTENT
        self._wire.write(content)
        if self._wire.paused:
            self._wire.expect(self._settings.data_timeout)
        else:
            self._end(b"")

    def _end(self, content: bytes) -> None:
        """Hand the mail over, and the next one's envelope behind it."""
        self._begun[0].handed = True
        self._step = Step.END
        following = self._office.take(self, stuff=True) if self._pipelining else None
        if following:
            self._begun.append(following)
            self._wire.write(b"".join((content, _END, self._envelope(following))))
        else:
            self._wire.write(content + _END)
        self._wire.expect(self._settings.data_timeout)

    def _refuse(self, reply: Reply) -> None:
        self._finish(refusal(reply, of_sender=reply is self._sender))

    def _finish(self, outcome: Outcome) -> None:
        self._settle(outcome)
        self._next()
