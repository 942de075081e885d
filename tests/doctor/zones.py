"""A nameserver on this machine that answers from zones as a resolver would, over UDP and TCP."""

import socket
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from dns import flags, message, name, rcode, rdatatype, rrset

from chalicelib.doctor.nameservers import Nameservers

Zone = Mapping[str, Sequence[str]]
"""``'example.org TXT'`` to records as a zone file has them."""
BIG = 512
"""Octets of an answer over UDP without EDNS (RFC 1035, 4.2.1)."""
PATIENCE = 0.4


def txt(*texts: str) -> list[str]:
    """TXT records, cut into strings of 255 octets as a zone file must."""
    return [" ".join(f'"{text[at : at + 255]}"' for at in range(0, len(text) or 1, 255)) for text in texts]


def _bound() -> tuple[socket.socket, socket.socket]:
    """A port that is free for both."""
    for _ in range(50):
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        stream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        datagrams.bind(("127.0.0.1", 0))
        try:
            stream.bind(datagrams.getsockname())
        except OSError:
            datagrams.close()
            stream.close()
        else:
            return datagrams, stream
    raise OSError("no port is free")


class Nameserver:
    """``mute`` names get no answer, ``broken`` ones SERVFAIL. Aliases are followed; a loop of them is SERVFAIL."""

    def __init__(self, zone: Zone, mute: Sequence[str] = (), broken: Sequence[str] = ()) -> None:
        self.zone = {key.lower(): list(records) for key, records in zone.items()}
        self.mute, self.broken = set(mute), set(broken)
        self.asked: list[str] = []
        self.by_tcp = 0
        self._datagrams, self._stream = _bound()
        self.port = int(self._datagrams.getsockname()[1])
        self._stream.listen(16)
        self._threads = [threading.Thread(target=serve, daemon=True) for serve in (self._by_udp, self._by_tcp)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._stream.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._datagrams.close()
        self._stream.close()

    def _by_udp(self) -> None:
        while True:
            data, sender = self._datagrams.recvfrom(4096)
            if not data:
                return
            query = message.from_wire(data)
            reply = self._reply(query)
            if reply is not None:
                wire = reply.to_wire(max_size=65535)
                if len(wire) > BIG:
                    short = message.make_response(query)
                    short.flags |= flags.TC
                    wire = short.to_wire()
                self._datagrams.sendto(wire, sender)

    def _by_tcp(self) -> None:
        while True:
            try:
                connected, _ = self._stream.accept()
            except OSError:
                return
            with connected, suppress(OSError, struct.error):
                self.by_tcp += 1
                (length,) = struct.unpack("!H", connected.recv(2))
                reply = self._reply(message.from_wire(connected.recv(length)))
                if reply is not None:
                    connected.sendall(reply.to_wire(max_size=65535, prepend_length=True))

    def _reply(self, query: message.Message) -> message.Message | None:
        (question,) = query.question
        asked, kind = question.name.to_text(omit_final_dot=True).lower(), rdatatype.to_text(question.rdtype)
        self.asked.append(f"{asked} {kind}")
        if asked in self.mute:
            return None
        reply = message.make_response(query)
        reply.flags |= flags.RA
        if asked in self.broken:
            reply.set_rcode(rcode.SERVFAIL)
            return reply
        self._answer(reply, asked, kind)
        return reply

    def _answer(self, reply: message.Message, asked: str, kind: str) -> None:
        seen = set[str]()
        while kind != "CNAME" and (alias := self.zone.get(f"{asked} cname")):
            if asked in seen:
                reply.set_rcode(rcode.SERVFAIL)
                return
            seen.add(asked)
            reply.answer.append(rrset.from_text(name.from_text(asked), 60, "IN", "CNAME", *alias))
            asked = alias[0].rstrip(".").lower()
        if found := self.zone.get(f"{asked} {kind.lower()}"):
            reply.answer.append(rrset.from_text(name.from_text(asked), 60, "IN", kind, *found))
        elif not any(key.split(" ")[0] == asked or key.split(" ")[0].endswith(f".{asked}") for key in self.zone):
            reply.set_rcode(rcode.NXDOMAIN)


@contextmanager
def serving(
    zone: Zone, mute: Sequence[str] = (), broken: Sequence[str] = ()
) -> Iterator[tuple[Nameserver, Nameservers]]:
    """A nameserver, and the doctor's way to ask it."""
    server = Nameserver(zone, mute, broken)
    try:
        yield server, Nameservers(["127.0.0.1"], server.port, PATIENCE)
    finally:
        server.close()
