"""Where victims send: a small site, its readers, a server with opinions, and one world after another made of them."""

import asyncio
import itertools
import json
import os
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chalicelib.audience.audience import make_member
from chalicelib.audience.subscriber import Basis
from chalicelib.collect.collector import collect
from chalicelib.runtime import Runtime
from chalicelib.settings import load_settings
from tests.kills.kennel import Kennel
from tests.smtp_sink import DROP, SmtpSink, Step

MONDAY, SLOT = datetime(2026, 11, 23, 9, tzinfo=UTC), datetime(2026, 11, 26, 9, tzinfo=UTC)
EDITION = "digest/2026-11-26"
CHUNK, WAVE, IN_THE_AIR = 10, 2, 8
"""One connection: four workers with waves of two, so that a crash leaves eight in doubt at most."""
TICKS = [(0, 0), (1200, 1200), (49 * 3600, 2400), (98 * 3600, 3600), (147 * 3600, 4800)]
"""Seconds after the slot by the sending clock, and ahead by the wall clock, at which those who clear up look."""
BOUNCE = Path(__file__).parents[1] / "deliver" / "hearing" / "samples" / "postfix-unknown-user.eml"
SITE = """\
name: Example Guild
base_url: https://news.example.org
languages: [en, de]
time_zone: Europe/Berlin
sender: {name: Example Guild, address: news@example.org}
postal_address: Example Guild, Example Street 1, 10117 Berlin
pace: {per_second: 1000}
brake: {bounces: 50%}
topics:
  news: {title: News, match: [{any: true}]}
sources:
  posts: {folder: posts, pattern: '{date}-{slug}.md', url: 'https://www.example.org/{slug}/'}
"""
FILES = {
    "site.yaml": SITE,
    "newsletters/digest.yaml": (
        "title: Digest\nschedule: {rule: FREQ=WEEKLY;BYDAY=TH, at: '10:00', starts: 2026-01-01}\n"
        "sections: [{title: News, rest: true}]\n"
    ),
    "posts/2026-11-20-first.md": "---\ntitle: First\n---\nThe first post.\n",
}
SPECIAL = ("gone1", "gone2", "later1", "later2", "later3", "full1")
"""Refused for good; refused once for now; refused for now whenever they are tried."""


def readers(count: int) -> list[str]:
    """Addresses; most are taken at once."""
    return [f"{name}@example.org" for name in (*SPECIAL, *(f"r{n:03}" for n in range(count - len(SPECIAL))))]


class Server:
    """A sink with opinions, that may kill whom it talks to."""

    def __init__(self) -> None:
        self.sink = SmtpSink(answer=self._answer)
        self._victim = -1
        self.begin()

    def begin(self) -> None:
        """Nothing was said yet."""
        self.sink.received.clear()
        self.sink.commands.clear()
        self.tried: Counter[str] = Counter()
        self.steps: list[str] = []
        self.lower()

    def aim(self, pid: int, at: int, when: str = "after", pause: float = 0.0) -> None:
        """Kill a process that comes to step ``at`` of SMTP, before or after that takes effect, or seconds later."""
        self._at, self._when, self._pause = at, when, pause
        with suppress(ProcessLookupError):  # it has ended already
            self._victim = os.pidfd_open(pid)

    def lower(self) -> None:
        """Kill nobody."""
        handle, self._victim = self._victim, -1
        if handle >= 0:
            os.close(handle)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.sink.port}?starttls=never&connections=1"

    def quiet(self) -> int:
        """Wait until what dead processes had written is read: how many mails were accepted until then."""
        deadline = time.monotonic() + 30
        while self.sink.open_connections:
            assert time.monotonic() < deadline, "a dead process's connection stays open"
            time.sleep(0.001)
        return len(self.sink.received)

    def _answer(self, step: Step) -> str | None:
        self.steps.append(step.verb)
        if self._victim >= 0 and len(self.steps) == self._at:
            if self._pause:
                asyncio.get_running_loop().call_later(self._pause, self._kill, self._victim)
                return self._opinion(step)
            self._kill(self._victim)
            if self._when == "before":
                return DROP
        return self._opinion(step)

    def _kill(self, victim: int) -> None:
        """By a handle, since its number may be another's by now."""
        with suppress(OSError):
            if victim == self._victim:
                signal.pidfd_send_signal(victim, signal.SIGKILL)

    def _opinion(self, step: Step) -> str | None:
        if step.verb != "RCPT":
            return None
        address = step.argument
        self.tried[address] += 1
        if address.startswith("gone"):
            return "550 5.1.1 no such user"
        if address.startswith("full") or (address.startswith("later") and self.tried[address] == 1):
            return "452 4.2.2 try again later"
        return None


class Ground:
    """What all worlds share: the site, a store with its readers and a draft, the server, the victims' parents."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.addresses = folder, readers(count)
        self.server, self.kennels = Server(), [Kennel()]
        self._numbers = itertools.count()
        for name, text in FILES.items():
            path = folder / "site" / "content" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")

    def prepare(self) -> None:
        """The store as it is on Monday; the server serves by now."""
        data = self.folder / "template"
        runtime = self.runtime(self.environment(data))
        self.fill(runtime)
        runtime.close()

    def fill(self, runtime: Runtime) -> None:
        """Readers come, and the edition is a draft."""
        members = [
            make_member(runtime.secrets, "digest", address, "", "de" if n % 2 else "en")
            for n, address in enumerate(self.addresses)
        ]
        for start in range(0, len(members), 25):
            runtime.audience.subscribe(members[start : start + 25], Basis.CONSENT, "a test", MONDAY)
        collect(runtime.site, runtime.table, runtime.fetch, MONDAY)
        runtime.composer.tick(MONDAY)

    def environment(self, data: Path, **more: str) -> dict[str, str]:
        """The settings of a world, as a user has them."""
        return {
            "SENDBRIEF_SITE": str(self.folder / "site"), "SENDBRIEF_DATA": str(data), "SENDBRIEF_TRANSPORT": "smtp",
            "SENDBRIEF_SMTP_URL": self.server.url, **more,
        }  # fmt: skip

    def runtime(self, environment: dict[str, str]) -> Runtime:
        """The house as the test's own process works in it."""
        return Runtime(load_settings(environment), lambda: SLOT)

    def kennel(self, number: int) -> Kennel:
        """The parent of that number, made when it is first needed."""
        while len(self.kennels) <= number:
            self.kennels.append(Kennel())
        return self.kennels[number]

    @contextmanager
    def world(self, mutant: str = "") -> Iterator["World"]:
        """A fresh world on SQLite."""
        data = self.folder / f"world-{next(self._numbers)}"
        shutil.copytree(self.folder / "template", data)
        self.server.quiet()
        self.server.begin()
        world = World(self, data, self.environment(data), mutant)
        try:
            yield world
        finally:
            world.runtime.close()
            shutil.rmtree(data)


class World:
    """One edition from draft to sent, by victims and by whoever clears up after them.

    ``incidents`` counts processes that died, ``left`` notes for each who left: how many mails had been accepted by
    then, and of which moment (None: while nobody sent). Where it is to ``deliver`` alone, nothing is composed anew.
    """

    def __init__(self, ground: Ground, data: Path, environment: dict[str, str], mutant: str = "") -> None:
        self.ground, self.server, self.data, self.mutant = ground, ground.server, data, mutant
        self.environment, self.folder, self.deliver = environment, data, False
        self.runtime = ground.runtime(environment)
        self.incidents, self.bounced = 0, set[str]()
        self.left: dict[str, tuple[int, int | None]] = {}
        self.told: dict[str, Any] = {}

    # Victims.
    def start(self, which: int = 0, ticks: list[tuple[int, int]] | None = None, **job: Any) -> int:
        """A victim begins to tick and send: its pid."""
        moments = [((SLOT + timedelta(seconds=clock)).isoformat(), wall) for clock, wall in ticks or TICKS[:1]]
        return self.ground.kennel(which).start(
            environment=self.environment, ticks=moments, chunk_size=CHUNK, mutant=self.mutant, deliver=self.deliver,
            log=str(self.folder / "log"), report=str(self._report(which)), **job,
        )  # fmt: skip

    def wait(self, which: int = 0) -> bool:
        """Whether the victim was killed. One that failed is an error of the test."""
        code = self.ground.kennel(which).wait()
        self.server.lower()
        assert code in {0, -signal.SIGKILL}, (self.folder / "log").read_text()
        self.incidents += code != 0
        if code == 0:
            self.told = json.loads(self._report(which).read_text())
            assert self.told["troubles"] == [], self.told["troubles"]
        return code != 0

    def live(self, **job: Any) -> bool:
        """A victim begins, and ends: whether it was killed."""
        self.start(**job)
        return self.wait()

    def clear_up(self, ticks: list[tuple[int, int]] | None = None) -> None:
        """A fresh process does all that is left, later and later."""
        self.server.quiet()
        assert not self.live(ticks=ticks or TICKS)
        self.server.quiet()

    def _report(self, which: int) -> Path:
        return self.folder / f"report-{which}"

    # What people do meanwhile.
    def leave(self, addresses: list[str], moment: int | None = None) -> None:
        """Somebody leaves: from the next wave on they get nothing."""
        for address in addresses:
            sid = self.runtime.audience.sid(address)
            if self.runtime.audience.leave(sid, "digest", SLOT, "a test"):
                self.left[address] = (len(self.server.sink.received), moment)

    def bounce(self, chance: random.Random) -> None:
        """One of the mails that were accepted comes back."""
        received = list(self.server.sink.received)
        if not received:
            return
        mail = chance.choice(received)
        head = mail.content.partition(b"\r\n\r\n")[0].decode()
        message_id = next(line for line in head.split("\r\n") if line.lower().startswith("message-id:"))
        raw = BOUNCE.read_text("utf-8").replace("@@MESSAGE-ID@@", message_id.partition("<")[2].rstrip("> "))
        tally = self.runtime.listener.mail(raw.replace("@@VERP@@", "news@example.org").encode(), SLOT)
        assert tally.recorded.foreign == 0, tally
        self.bounced.add(mail.recipient)


@contextmanager
def a_ground(count: int) -> Iterator[Ground]:
    """A ground with its server and one parent, in memory where that can be: a killed process loses no file's bytes."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None, prefix="kills-") as folder:
        ground = Ground(Path(folder), count)
        with ground.server.sink:
            try:
                ground.prepare()
                with ground.world() as world:
                    world.live(rehearsal=True)
                yield ground
            finally:
                for kennel in ground.kennels:
                    kennel.close()
