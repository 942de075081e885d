"""Connections kept between waves, each for the event loop it was opened in."""

import asyncio
import contextlib
import ssl
from collections import deque

from chalicelib.errors import ConfigurationError
from chalicelib.transports.smtp_session import Session, open_session
from chalicelib.transports.smtp_url import SmtpSettings, StartTls
from chalicelib.transports.smtp_wire import WireError

FAREWELL = 1.0
"""Seconds a server gets to answer QUIT."""


class SessionPool:
    """Idle sessions, the last used first. Not safe for two loops at once."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._idle: deque[Session] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._context: ssl.SSLContext | None = None

    def enter(self) -> None:
        """Begin a wave in the running loop; another loop's sessions are forgotten."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._forget()
            self._loop = loop
            self._keeper = loop.create_task(self._keep(), name="smtp connections")

    async def take(self) -> Session:
        """An idle session not known to be closed, or a new one. Errors: see ``open_session``."""
        while self._idle:
            session = self._idle.pop()
            if session.wire.usable:
                session.pooled = True
                return session
            session.wire.abort("closed by the server")
        return await open_session(self._settings, self._tls_context())

    def give_back(self, session: Session) -> None:
        """Keep it for the next wave."""
        self._idle.append(session)

    async def aclose(self) -> None:
        """QUIT on every idle connection."""
        if self._loop is not asyncio.get_running_loop():
            self._forget()
            return
        sessions, self._idle = list(self._idle), deque()
        await asyncio.gather(*map(_quit, sessions))
        if self._keeper:
            self._keeper.cancel()
        self._forget()

    def _forget(self) -> None:
        self._drop()
        self._loop = self._keeper = None

    def _drop(self) -> None:
        while self._idle:
            session = self._idle.pop()
            # A closed loop can't close its connections any more: its keeper has.
            with contextlib.suppress(RuntimeError):
                session.wire.abort("the event loop ended")

    async def _keep(self) -> None:
        """Lives as long as the loop. ``asyncio.run`` cancels it at the end, while sockets can still close."""
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._drop()

    def _tls_context(self) -> ssl.SSLContext | None:
        """Verifying, made once and only where TLS may be used: reading the authorities takes 20 ms."""
        settings = self._settings
        if self._context is None and (settings.implicit_tls or settings.starttls is not StartTls.NEVER):
            try:
                self._context = ssl.create_default_context(cafile=settings.ca)
            except (OSError, ssl.SSLError) as error:
                raise ConfigurationError(
                    f"The authorities in {settings.ca} can't be read: {error}",
                    "?ca= in SENDBRIEF_SMTP_URL takes a PEM file of certificates.",
                ) from error
            self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        return self._context


async def _quit(session: Session) -> None:
    with contextlib.suppress(WireError):
        await session.command("QUIT", FAREWELL)
    await session.wire.close(FAREWELL)


__all__ = ["SessionPool"]
