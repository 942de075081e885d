"""Mails to an SMTP server or relay: pooled, pipelined, and honest about what it does not know.

This is the hot path of a machine of one's own, so it speaks SMTP itself: libraries wait for each
reply of each mail (four round trips), here a mail's content leaves together with the next one's
envelope (RFC 2920), which is one round trip a mail. It is also what makes the outcomes exact: a mail
whose final dot may have left and got no answer is in doubt; before that it is certainly not taken.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from chalicelib.errors import ConfigurationError, SendbriefError, TransportUnavailableError
from chalicelib.transports import Fate, Mail, Outcome
from chalicelib.transports.smtp_mail import Prepared, prepare, queue_id
from chalicelib.transports.smtp_pool import SessionPool
from chalicelib.transports.smtp_session import NEEDS_SETTING, ClosingError, Session
from chalicelib.transports.smtp_url import SmtpSettings
from chalicelib.transports.smtp_wire import Reply, WireError

MAX_TRIES = 2
"""Connections a mail may be begun on, within a wave, before it is deferred."""
ONE_WRITE = 64 * 1024
"""Longer content goes out alone and is awaited: a connection lost before the dot leaves no doubt."""

_GO_AHEAD = 354


class SmtpTransport:
    """Up to ``settings.connections`` connections, kept between waves of one event loop."""

    name = "smtp"

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._pool = SessionPool(settings)

    async def send_wave(self, mails: Sequence[Mail]) -> list[Outcome]:
        """See ``Transport``. Ends within ``wave_timeout`` and the timeouts of the mails then under way."""
        if not mails:
            return []
        self._pool.enter()
        wave = _Wave(mails, asyncio.get_running_loop().time() + self._settings.wave_timeout)
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(self._settings.connections, len(mails))):
                workers.create_task(self._work(wave))
        return wave.finish()

    async def aclose(self) -> None:
        """See ``Transport``."""
        await self._pool.aclose()

    async def _work(self, wave: "_Wave") -> None:
        """Carry mails over one connection after another, until none is left or connecting is no use."""
        fruitless, reason = 0, ""
        while fruitless < MAX_TRIES and wave.waiting:
            try:
                session = await self._pool.take()
                fruitful, reason = await self._carry(session, wave)
            except (ConfigurationError, TransportUnavailableError) as error:
                wave.troubles.append(error)
                return
            fruitless = 0 if fruitful else fruitless + 1
        if reason and fruitless >= MAX_TRIES:
            wave.troubles.append(_broke_off(self._settings, reason))

    async def _carry(self, session: Session, wave: "_Wave") -> tuple[bool, str]:
        """Whether another connection is worth a try, and why this one broke off ('' where it did not)."""
        reason = ""
        courier = _Courier(session, wave, self._settings)
        try:
            await courier.run()
        except WireError as error:
            reason = str(error)
            courier.break_off(error)
        except ConfigurationError as error:
            courier.break_off(error)
            raise
        except BaseException:
            session.wire.abort("cancelled")
            raise
        else:
            self._pool.give_back(session)
        return session.pooled or courier.carried > 0, reason


class _Wave:
    """The mails of a wave, who has had which outcome, and which are still to be taken."""

    def __init__(self, mails: Sequence[Mail], ends: float) -> None:
        self.mails = mails
        self.troubles: list[SendbriefError] = []
        self._ends = ends
        self._clock = asyncio.get_running_loop().time
        self._outcomes: list[Outcome | None] = [None] * len(mails)
        self._tries = [0] * len(mails)
        self._queue = deque(range(len(mails)))
        self._answered = False

    @property
    def waiting(self) -> bool:
        """Whether there are mails to take, and time."""
        return bool(self._queue) and self._clock() < self._ends

    def take(self, limit: int | None) -> tuple[int, Prepared] | None:
        """The next mail to send; those that can't be are refused on the way."""
        while self.waiting:
            index = self._queue.popleft()
            ready = prepare(self.mails[index], limit)
            if isinstance(ready, Prepared):
                self._tries[index] += 1
                return index, ready
            self._outcomes[index] = ready
        return None

    def settle(self, index: int, outcome: Outcome) -> None:
        """What the server said, or did not."""
        self._outcomes[index] = outcome
        self._answered = True

    def give_back(self, index: int, reason: str, *, counts: bool) -> None:
        """Certainly not taken: another connection may try, once."""
        if not counts:
            self._tries[index] -= 1
        if self._tries[index] < MAX_TRIES:
            self._queue.appendleft(index)
        else:
            self._outcomes[index] = Outcome(Fate.DEFERRED, reason[:200])

    def finish(self) -> list[Outcome]:
        """All outcomes. Raises the trouble instead where the server has answered for no mail at all."""
        trouble = min(self.troubles, key=lambda t: not isinstance(t, ConfigurationError), default=None)
        if trouble and not self._answered:
            raise trouble
        reason = trouble.message if trouble else "the time for this wave was over"
        late = Outcome(Fate.DEFERRED, reason[:200])
        return [outcome or late for outcome in self._outcomes]


class _Courier:
    """Carries mails over one session. At most two are in hand: one under way, and the next one's envelope."""

    def __init__(self, session: Session, wave: _Wave, settings: SmtpSettings) -> None:
        self._session = session
        self._wire = session.wire
        self._wave = wave
        self._settings = settings
        self._begun: deque[tuple[int, Prepared]] = deque()
        self.carried = 0
        """Mails the server gave its word on: silence is no sign that it works."""
        self._dotted = False
        self._reset = b""

    async def run(self) -> None:
        """Until the wave has no more; raises WireError where the connection is of no use any longer."""
        self._begin()
        while self._begun:
            index, mail = self._begun[0]
            refusal = await self._envelope(mail)
            if refusal:
                self._settle(index, refusal)
                self._begin()
            else:
                await self._content(index, mail)

    def break_off(self, error: WireError | ConfigurationError) -> None:
        """The connection is lost: each mail in hand gets what is known of it."""
        reason = str(error)
        self._wire.abort(reason)
        if self._dotted and self._begun:
            index, _ = self._begun.popleft()
            self._wave.settle(index, Outcome(Fate.IN_DOUBT, reason[:200]))
        # Neither a connection that died of idleness nor one that has had its share is the mail's fault.
        innocent = self._session.pooled or (self.carried > 0 and isinstance(error, ClosingError))
        for index, _ in reversed(self._begun):
            self._wave.give_back(index, reason, counts=not innocent)

    def _begin(self, content: bytes = b"") -> None:
        """Take the next mail and write its envelope as far as the server lets us, after ``content``."""
        taken = self._wave.take(self._session.limit)
        if taken is None:
            if content:
                self._wire.write(content)
            return
        self._begun.append(taken)
        if self._session.pipelining:
            mail = taken[1]
            self._wire.write(b"".join((content, self._reset, self._mail_line(mail), mail.recipient, b"DATA\r\n")))
        elif content:
            self._wire.write(content)

    def _mail_line(self, mail: Prepared) -> bytes:
        if "SIZE" in self._session.extensions:
            return b"%b SIZE=%d\r\n" % (mail.sender, len(mail.content))
        return mail.sender + b"\r\n"

    async def _envelope(self, mail: Prepared) -> Outcome | None:
        """None where the server waits for the content."""
        lockstep = not self._session.pipelining
        if self._reset:
            await self._step(self._reset if lockstep else b"")
            self._reset = b""
        sender = await self._step(self._mail_line(mail) if lockstep else b"")
        if lockstep and sender.code >= 400:
            return _refusal(sender)
        recipient = await self._step(mail.recipient if lockstep else b"")
        if lockstep and recipient.code >= 400:
            self._reset = b"RSET\r\n"
            return _refusal(recipient)
        data = await self._step(b"DATA\r\n" if lockstep else b"")
        if max(sender.code, recipient.code) < 400 and data.code == _GO_AHEAD:
            return None
        return await self._refused(sender, recipient, data)

    async def _step(self, line: bytes) -> Reply:
        if line:
            self._wire.write(line)
        reply = await self._session.reply(self._settings.timeout)
        if reply.code in NEEDS_SETTING:
            raise ConfigurationError(
                f"The SMTP server {self._settings.where} wants more than it got: {reply.reason}",
                "Set credentials or TLS in SENDBRIEF_SMTP_URL.",
            )
        return reply

    async def _refused(self, sender: Reply, recipient: Reply, data: Reply) -> Outcome:
        """Leave the session ready for another mail."""
        self._reset = b"RSET\r\n"
        if data.code == _GO_AHEAD:
            if recipient.code < 400:
                raise WireError("the server asks for content after it refused the sender")
            # It would take content for nobody; an empty one ends this (RFC 2920 section 3.1).
            await self._step(b".\r\n")
        refused = next((reply for reply in (sender, recipient, data) if reply.code >= 400), None)
        if refused is None:
            raise WireError(f"the server answered DATA out of turn: {data.reason}")
        return _refusal(refused)

    async def _content(self, index: int, mail: Prepared) -> None:
        """Hand the mail over, and the next one's envelope behind it."""
        end = b".\r\n"
        if len(mail.content) > ONE_WRITE:
            self._wire.write(mail.content)
            await self._wire.flushed(self._settings.data_timeout)
        else:
            end = mail.content + end
        if not self._wire.usable:
            raise WireError("the server broke off before the end of the mail")
        self._dotted = True
        self._begin(end)
        reply = await self._session.wire.reply(self._settings.data_timeout)
        self._settle(index, _verdict(reply))

    def _settle(self, index: int, outcome: Outcome) -> None:
        self._dotted = False
        self._begun.popleft()
        self.carried += 1
        self._session.pooled = False
        self._wave.settle(index, outcome)


def _broke_off(settings: SmtpSettings, reason: str) -> TransportUnavailableError:
    return TransportUnavailableError(
        f"The SMTP server {settings.where} broke off: {reason}", "What it did not take is tried again later."
    )


def _refusal(reply: Reply) -> Outcome:
    return Outcome(Fate.FAILED if reply.code >= 500 else Fate.DEFERRED, reply.reason)


def _verdict(reply: Reply) -> Outcome:
    """What the answer to the final dot says."""
    if reply.code >= 400:
        return _refusal(reply)
    if reply.code >= 300:
        return Outcome(Fate.IN_DOUBT, reply.reason)
    return Outcome(Fate.SENT, "", queue_id(reply.text))


__all__ = ["SmtpSettings", "SmtpTransport"]
