"""Mails by BDAT (RFC 3030): nothing of a mail waits for an answer, so many are under way on one connection.

Each begins with RSET: after a refused BDAT the state of the transaction is open until then (section 2).
"""

import re

from chalicelib.transports import Outcome
from chalicelib.transports.smtp_courier import ONE_WRITE, Courier, Step
from chalicelib.transports.smtp_wave import Parcel
from chalicelib.transports.smtp_wire import Reply
from chalicelib.transports.smtp_words import accepted, refusal, verdict

WINDOW = 32
"""Mails under way on one connection: as many may be in doubt when it breaks. It grows to this with each answer,
so that a server that takes mails and never says so gets few.
"""
WINDOW_BYTES = 1024 * 1024
_OK = b"250 "
_UNKNOWN = frozenset({500, 502})
_FIRST_LINE = re.compile(rb"[A-Za-z][A-Za-z0-9-]{0,70}: [^\r\n]{0,900}\r\n")


class ChunkCourier(Courier):
    """The first mail asks with its first line as a chunk whether the server does know BDAT: content sent to one
    that does not would be read as commands. A header's line is none, and an empty chunk is refused by Postfix.
    """

    _proven = False
    _bytes = 0
    _tail = b""
    """The end of a long mail, whose beginning is leaving."""
    _retiring = ""
    """Why it begins no more mails, and ends with the last reply that is owed."""

    def wake(self) -> None:
        """See ``Courier``."""
        if self._lost or self._closing:
            return
        if self._proven:
            self._fill()
        elif not self._begun:
            self._probe()

    def expected(self, data: bytes) -> bytes:
        """See ``Listener``: four times 250 for each mail."""
        if self._step is not Step.RSET or not self._proven:
            return data
        lines = data.split(b"\r\n")
        whole, at = len(lines) - 1, 0
        while at + 4 <= whole and self._begun and self._begun[0].handed and not self._closing:
            reset, sender, recipient, end = lines[at : at + 4]
            if not (reset[:4] == sender[:4] == recipient[:4] == end[:4] == _OK):
                break
            self._bytes -= len(self._begun[0].ready.content)
            self._settle(accepted(end))
            at += 4
        if not at:
            return data
        self._wire.expect(self._settings.data_timeout)
        return b"\r\n".join(lines[at:])

    def replies(self) -> None:
        """See ``Listener``; then there may be room for more."""
        if self._hear_all() and self._begun and not (self._lost or self._closing):
            self._wire.expect(self._settings.data_timeout if self._proven else self._settings.timeout)
        self.wake()

    def resumed(self) -> None:
        """See ``Listener``: the beginning of a long mail has left, or there is room for others."""
        if self._tail:
            self._end()
        self.wake()

    def _probe(self) -> None:
        parcel = self._office.take(self, stuff=False)
        if parcel is None:
            self._rest()
            return
        self._begun.append(parcel)
        self._step = Step.RSET
        self._wire.write(self._envelope(parcel))
        self._wire.expect(self._settings.timeout)

    def _envelope(self, parcel: Parcel) -> bytes:
        sender, recipient, content = parcel.ready
        if self._sized:
            return b"RSET\r\n%b SIZE=%d\r\n%b" % (sender, len(content), recipient)
        return b"RSET\r\n%b\r\n%b" % (sender, recipient)

    def _fill(self) -> None:
        """Write as many mails as there is room for, in one go."""
        if not self._begun and (self._retiring or self._wire.paused):
            self._wire.abort(self._retiring or "the server answered what it can't have read")
        if self._retiring or self._lost:
            return
        room = min(WINDOW, 1 + self.carried, self._office.share())
        pieces: list[bytes] = []
        while len(self._begun) < room and self._bytes < WINDOW_BYTES and not (self._wire.paused or self._tail):
            parcel = self._office.take(self, stuff=False)
            if parcel is None:
                break
            self._begun.append(parcel)
            self._add(parcel, self._envelope(parcel), pieces)
        if pieces:
            self._wire.write(b"".join(pieces))
            self._wire.expect(self._settings.data_timeout)
        if self._tail and not self._wire.paused:
            self._end()
        if not self._begun:
            self._rest()

    def _add(self, parcel: Parcel, envelope: bytes, pieces: list[bytes], begun: int = 0) -> None:
        """``begun``: bytes of the content that have left as a chunk."""
        content = parcel.ready.content[begun:]
        self._bytes += len(parcel.ready.content)
        pieces += (envelope, b"BDAT %d LAST\r\n" % len(content))
        if len(content) > ONE_WRITE:
            pieces.append(content[:-2])
            self._tail = content[-2:]
        else:
            pieces.append(content)
            parcel.handed = True

    def _end(self) -> None:
        """Hand the long mail over: it is the last one begun."""
        tail, self._tail = self._tail, b""
        self._begun[-1].handed = True
        self._wire.write(tail)
        self._wire.expect(self._settings.data_timeout)

    def _go_on(self, reply: Reply) -> None:
        match self._step:
            case Step.RSET:
                self._step = Step.MAIL
            case Step.MAIL:
                self._sender, self._step = reply, Step.RCPT
            case Step.RCPT:
                self._recipient, self._step = reply, Step.END
                if not self._proven:
                    self._ask()
            case Step.PROBE:
                self._probed(reply)
            case _:
                self._ended(reply)

    def _refused(self, reply: Reply) -> Reply | None:
        """Why this mail was not taken, whoever of its commands was the first to be refused."""
        if self._recipient.code < 400 and reply.code < 400:
            return None
        return next(said for said in (self._sender, self._recipient, reply) if said.code >= 400)

    def _refusal(self, reply: Reply) -> Outcome:
        return refusal(reply, of_sender=reply is self._sender)

    def _ask(self) -> None:
        """The first mail's envelope is answered: only for a mail that would be taken is BDAT a question."""
        refused = next((said for said in (self._sender, self._recipient) if said.code >= 400), None)
        if self._wire.unasked:
            self._wire.abort("the server spoke out of turn")
        elif refused:
            self._settle(self._refusal(refused))
            self._step = Step.RSET
        else:
            first = _first_chunk(self._begun[0])
            self._step = Step.PROBE
            self._wire.write(b"BDAT %d\r\n%b" % (len(first), first))

    def _probed(self, reply: Reply) -> None:
        """What follows a refusal is open: the chunk was read as one, or as commands."""
        if reply.code >= 500:
            self._office.refuse_chunking()
            self.session.pooled = True  # no fault of the mail, and another connection will do
            self._wire.abort(reply.reason)
        elif reply.code >= 400:
            self._settle(refusal(reply))
            self._wire.abort(reply.reason)
        elif self._wire.unasked:
            self._wire.abort("the server spoke out of turn")
        else:
            self._proven = True
            self._step = Step.END
            pieces: list[bytes] = []
            self._add(self._begun[0], b"", pieces, len(_first_chunk(self._begun[0])))
            self._wire.write(b"".join(pieces))
            if self._tail and not self._wire.paused:
                self._end()

    def _ended(self, reply: Reply) -> None:
        """The server's word on a mail, or on its envelope: it has swallowed the content all the same."""
        parcel, refused = self._begun[0], self._refused(reply)
        self._step = Step.RSET
        if not parcel.handed:
            self._wire.abort(f"the server broke off before the end of the mail: {reply.reason}")
            return
        self._bytes -= len(parcel.ready.content)
        unknown = refused is reply and reply.code in _UNKNOWN
        if unknown or (refused is not None and self.trouble is not None):
            self._retire(reply, unknown=unknown)
        else:
            self._settle(verdict(reply) if refused is None else self._refusal(refused))

    def _retire(self, reply: Reply, *, unknown: bool) -> None:
        """The first mail was refused for no reason of its own: another way may take it."""
        self._retiring = reply.reason
        if unknown:
            self._office.refuse_chunking()
            self.session.pooled = True
        self._office.give_back(self._begun.popleft(), reply.reason, counts=False)


def _first_chunk(parcel: Parcel) -> bytes:
    """A mail's first line, or nothing where that is no header's."""
    found = _FIRST_LINE.match(parcel.ready.content)
    return found[0] if found else b""
