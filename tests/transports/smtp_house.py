"""What tests of SMTP stand on: a sink and a transport in one event loop, whose clock leaps over every silence."""

import asyncio
import selectors
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from chalicelib.transports import Mail, Outcome
from chalicelib.transports.smtp import SmtpSettings, SmtpTransport
from tests.smtp_sink import EXTENSIONS, Answer, SmtpSink, Step

LOCKSTEP = tuple(word for word in EXTENSIONS if word != "PIPELINING")
QUIET = 0.02
"""Seconds in which nothing came between the two ends of one process: nothing is under way any more."""

HANGS = 7200.0
"""Seconds of the loop's time that no play takes."""

T = TypeVar("T")


class _Impatient(selectors.DefaultSelector):
    loop: "LeapingLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= QUIET:
            return super().select(timeout)
        found = super().select(QUIET)
        if not found:
            self.loop.leapt += timeout - QUIET
        return found


class LeapingLoop(asyncio.SelectorEventLoop):
    """Where nothing happens until the next timer, it is that time at once."""

    leapt = 0.0

    def __init__(self) -> None:
        selector = _Impatient()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return super().time() + self.leapt


def settings(port: int, connections: int = 1, options: str = "", patience: float = 20) -> SmtpSettings:
    options = options if "chunking" in options else f"{options}&chunking=always"
    url = f"smtp://127.0.0.1:{port}?connections={connections}&timeout={patience}&data_timeout={patience}{options}"
    return SmtpSettings.parse(url)


def played(sink: SmtpSink, play: Callable[[SmtpTransport], Awaitable[T]], connections: int = 1, options: str = "") -> T:
    """What a play comes to. The sink serves for as long as it lasts."""

    async def scene() -> T:
        started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(sink.serve(started.set_result))
        transport = SmtpTransport(settings(await started, connections, options))
        try:
            async with asyncio.timeout(HANGS):
                return await play(transport)
        finally:
            await transport.aclose()
            await sink.stop()
            await serving

    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        return runner.run(scene())


def send(sink: SmtpSink, *waves: Sequence[Mail], connections: int = 1, options: str = "") -> list[list[Outcome]]:
    """The outcomes of waves, one after the other over one transport."""

    async def play(transport: SmtpTransport) -> list[list[Outcome]]:
        return [await transport.send_wave(wave) for wave in waves]

    return played(sink, play, connections, options)


def on(verb: str, reply: str, *, nth: int | None = None, about: str = "") -> Answer:
    """Answer ``reply`` to the nth (from 1; None: every) time a step is taken with ``about`` in it."""
    times = 0

    def answer(step: Step) -> str | None:
        nonlocal times
        if step.verb != verb or about not in step.argument:
            return None
        times += 1
        return reply if nth in (None, times) else None

    return answer


def verbs(sink: SmtpSink) -> Counter[str]:
    return Counter(command.split()[0] for command in sink.commands)
