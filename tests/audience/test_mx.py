"""Whether a domain takes mail, asked of a nameserver of our own on this machine."""

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dns import flags, message, rcode, rrset

from chalicelib.audience.mx import KEPT_SECONDS, MailServers
from chalicelib.audience.screening import screen
from chalicelib.store import Key
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_database import Database

PATIENCE = 0.3
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ZONE = {
    ("mail.example.", "MX"): ["10 mx1.mail.example.", "20 mx2.mail.example."],
    ("idn.xn--bcher-kva.example.", "MX"): ["10 mx.example."],
    ("null.example.", "MX"): ["0 ."],
    ("null.example.", "A"): ["192.0.2.1"],
    ("v4.example.", "A"): ["192.0.2.1"],
    ("v6.example.", "AAAA"): ["2001:db8::1"],
    ("text.example.", "TXT"): ['"nothing but words"'],
    ("alias.example.", "CNAME"): ["mail.example."],
}
NAMES = {name for name, _ in ZONE}


class Nameserver:
    """Answers from ZONE over UDP; ``broken.example`` with SERVFAIL, ``mute.example`` not at all."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(10)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            data, sender = self._socket.recvfrom(4096)
            if not data:
                return
            reply = self._reply(message.from_wire(data))
            if reply is not None:
                self._socket.sendto(reply.to_wire(), sender)

    def _reply(self, query: message.Message) -> message.Message | None:
        (question,) = query.question
        name, kind = question.name.to_text().lower(), question.rdtype.name
        self.asked.append(f"{name} {kind}")
        if name == "mute.example.":
            return None
        reply = message.make_response(query)
        reply.flags |= flags.RA
        if name == "broken.example.":
            reply.set_rcode(rcode.SERVFAIL)
        elif name not in NAMES:
            reply.set_rcode(rcode.NXDOMAIN)
        if target := ZONE.get((name, "CNAME")):
            reply.answer.append(rrset.from_text(name, 60, "IN", "CNAME", *target))
            name = target[0]
        if found := ZONE.get((name, kind)):
            reply.answer.append(rrset.from_text(name, 60, "IN", kind, *found))
        return reply


class Place:
    """A table and a nameserver, under a clock that tests set."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.database = Database(folder / "mx.db")
        self.table = SqliteTable(self.database, clock=lambda: self.now.timestamp())
        self.nameserver = Nameserver()
        self.servers = MailServers(self.table, ["127.0.0.1"], self.nameserver.port, PATIENCE)

    def ask(self, domain: str) -> bool | None:
        return self.servers.takes_mail(domain, self.now)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.nameserver.close()
    made.database.close()


@pytest.mark.parametrize(
    ("domain", "takes", "kinds"),
    [
        ("mail.example", True, ["MX"]),
        ("idn.xn--bcher-kva.example", True, ["MX"]),
        ("alias.example", True, ["MX"]),
        ("v4.example", True, ["MX", "A"]),
        ("v6.example", True, ["MX", "A", "AAAA"]),
        ("null.example", False, ["MX"]),
        ("text.example", False, ["MX", "A", "AAAA"]),
        ("nowhere.example", False, ["MX"]),
    ],
)
def test_mail_goes_to_mail_servers_or_else_to_the_domain_itself(
    place: Place, domain: str, takes: bool, kinds: list[str]
) -> None:
    assert place.ask(domain) is takes
    assert place.nameserver.asked == [f"{domain}. {kind}" for kind in kinds]


@pytest.mark.parametrize(
    ("domain", "takes"),
    [("mail.example", True), ("nowhere.example", False), ("null.example", False), ("broken.example", None)],
)
def test_an_answer_is_kept_for_as_long_as_it_is_likely_true(place: Place, domain: str, takes: bool | None) -> None:
    assert place.ask(domain) is takes
    place.nameserver.asked.clear()
    place.now += timedelta(seconds=KEPT_SECONDS[takes] - 1)
    assert place.ask(domain) is takes
    assert place.nameserver.asked == []
    place.now += timedelta(seconds=1)
    assert place.table.get(Key(f"MX#{domain}", "-")) is None
    assert place.ask(domain) is takes
    assert f"{domain}. MX" in place.nameserver.asked


def test_answers_are_kept_for_a_day_an_hour_and_a_minute() -> None:
    assert KEPT_SECONDS == {True: 86_400, False: 3600, None: 60}


@pytest.mark.parametrize("domain", ["broken.example", "mute.example"])
def test_where_the_dns_does_not_answer_nothing_is_said(place: Place, domain: str) -> None:
    assert place.ask(domain) is None
    assert screen(f"ada@{domain}", resolver=place.ask) == ()


def test_without_a_nameserver_nothing_is_said(place: Place) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = MailServers(place.table, ["127.0.0.1"], unused.getsockname()[1], PATIENCE)
    assert nobody.takes_mail("mail.example", NOW) is None


@pytest.mark.parametrize("domain", ["a" * 64 + ".example", "a..example", ".".join(["a" * 60] * 5)])
def test_what_is_no_domain_is_asked_for_nowhere(place: Place, domain: str) -> None:
    assert place.ask(domain) is None
    assert place.nameserver.asked == []


def test_an_address_whose_domain_takes_no_mail_is_refused(place: Place) -> None:
    assert [(f.code, f.refuses) for f in screen("ada@null.example", resolver=place.ask)] == [("no-mail", True)]
    assert screen("ada@mail.example", resolver=place.ask) == ()
