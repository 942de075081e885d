"""Mails to an SMTP server or relay: over few connections shared by all waves, and honest about what is not known.

This is the hot path of a machine of one's own, so it speaks SMTP itself: libraries wait for each
reply of each mail (four round trips); here a mail's content leaves together with the next one's
envelope (RFC 2920), or, where the server takes BDAT, dozens of mails are under way at once. It is also
what makes the outcomes exact: a mail whose end may have left and got no answer is in doubt; before
that it is certainly not taken.
"""

import asyncio
from collections.abc import Sequence

from chalicelib.transports import Mail, Outcome
from chalicelib.transports.smtp_office import MAX_TRIES, PostOffice
from chalicelib.transports.smtp_url import SmtpSettings


class SmtpTransport:
    """Up to ``settings.connections`` connections, kept between the waves of one event loop, shared by those at once."""

    name = "smtp"

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._office: PostOffice | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def send_wave(self, mails: Sequence[Mail]) -> list[Outcome]:
        """See ``Transport``. Ends within ``wave_timeout`` and the timeouts of the mails then under way."""
        return await self._enter().carry(mails) if mails else []

    async def aclose(self) -> None:
        """See ``Transport``. Connections that another wave is being sent over stay."""
        office = self._office
        if office is None:
            return
        if office.loop is asyncio.get_running_loop():
            await office.hang_up()
            if office.busy:
                return
        self._leave()

    def _enter(self) -> PostOffice:
        """That of the running loop; another loop's connections are forgotten."""
        loop = asyncio.get_running_loop()
        if self._office is None or self._office.loop is not loop:
            self._leave()
            self._office = PostOffice(self._settings, loop)
            self._keeper = loop.create_task(_keep(self._office), name="smtp connections")
        return self._office

    def _leave(self) -> None:
        office, self._office = self._office, None
        keeper, self._keeper = self._keeper, None
        if office:
            office.close()
        if office and keeper and not office.loop.is_closed():
            keeper.cancel()


async def _keep(office: PostOffice) -> None:
    """Lives as long as the loop. ``asyncio.run`` cancels it at the end, while sockets can still close."""
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        office.close()


__all__ = ["MAX_TRIES", "SmtpSettings", "SmtpTransport"]
