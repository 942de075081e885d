"""The composition root: builds what the doors and the command need, lazily, on the process's adapters."""

import math
import secrets as random_secrets
import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.clock import system_clock
from chalicelib.errors import ConfigurationError
from chalicelib.signed import Signed
from chalicelib.transports import Transport

if TYPE_CHECKING:
    from chalicelib.audience.audience import Audience
    from chalicelib.audience.erasing import Whom
    from chalicelib.audience.moving import Moves
    from chalicelib.audience.people import Announce
    from chalicelib.audience.signup import SignUps
    from chalicelib.audience.suppression import Suppressions
    from chalicelib.collect.collector import Progress as CollectProgress
    from chalicelib.collect.fetch import Fetch
    from chalicelib.compose.composer import Composer
    from chalicelib.compose.editions import EditionStore
    from chalicelib.content.values import Newsletter, Site
    from chalicelib.deliver.braking import Braking
    from chalicelib.deliver.chunks import ChunkStore
    from chalicelib.deliver.costs import Cost
    from chalicelib.deliver.dispatcher import Dispatcher
    from chalicelib.deliver.guarding import Guard
    from chalicelib.deliver.hearing.listening import Listener
    from chalicelib.deliver.notices import Notices
    from chalicelib.deliver.pacing import Pacing
    from chalicelib.deliver.retention import Retention
    from chalicelib.deliver.ticking import Ticker
    from chalicelib.deliver.turns import Turns
    from chalicelib.deliver.watching import Tallies, Watching
    from chalicelib.deliver.webhooks import Webhooks
    from chalicelib.deliver.worker import Progress, Sender, Worker


class Runtime(Signed):
    """One process's house. Everything is built when it is first asked for."""

    @cached_property
    def audience(self) -> "Audience":
        """The subscribers."""
        from chalicelib.audience.audience import Audience

        return Audience(self.table, self.secrets, self.announce, self._forget_elsewhere)

    def _forget_elsewhere(self, whom: "Whom") -> dict[str, int]:
        """What lies with the editions and, on one machine, in the Maildir."""
        from chalicelib.audience.address import subscriber_id
        from chalicelib.deliver.sends import Sends

        reasons = Sends(self.table, self.blobs).forget_reasons(whom.ids, whom.newsletters)
        key = self.secrets.sid_key
        mails = self.delete_mails(lambda address: subscriber_id(address, key) in whom.ids)
        return {"reasons": reasons, "mails": mails}

    @cached_property
    def signups(self) -> "SignUps":
        """Requests that wait for their confirmation."""
        from chalicelib.audience.signup import SignUps

        return SignUps(self.table, self.announce)

    @cached_property
    def moves(self) -> "Moves":
        """Changes of address."""
        from chalicelib.audience.moving import Moves

        return Moves(self.table, self.announce)

    @cached_property
    def suppressions(self) -> "Suppressions":
        """Who is never written to."""
        from chalicelib.audience.suppression import Suppressions

        return Suppressions(self.table, self.announce)

    @property
    def announce(self) -> "Announce":
        """What other programs are told of what happens to subscribers."""
        from chalicelib.audience.happenings import announcer

        return announcer(self.clock)

    def notices(self, transport: Transport | None = None) -> "Notices":
        """What sends mails to single people, of the site as it is now."""
        from chalicelib.deliver.notices import Notices

        self.follow_or_keep()
        return Notices(
            self.site, self.table, self.blobs, transport or self.transport, self.secrets, self.clock, self._bounces
        )  # fmt: skip

    @property
    def _bounces(self) -> str:
        """Where mails come back to; SES has its own way to tell."""
        return "" if self.settings.transport == "ses" else self.settings.bounce_address

    @property
    def listener(self) -> "Listener":
        """What hears of mails that came back, of complaints and of the provider's events."""
        from chalicelib.audience.tokens import MailTokens
        from chalicelib.deliver.hearing.listening import Listener

        self.follow_or_keep()
        signer = MailTokens(self.secrets)
        return Listener(self.table, self.blobs, self.suppressions, signer, lambda: self.site.newsletters)

    def retention(self) -> "Retention":
        """What forgets what is kept no longer."""
        from chalicelib.deliver.retention import Retention

        return Retention(self.site, self.table, self.blobs, self.audience, self.clean_store)

    def dossier(self, sid: str) -> dict[str, Any]:
        """All that is stored of a person, with the editions they got. See ``audience.dossier``."""
        from chalicelib.deliver.sends import whole_dossier

        return whole_dossier(self.table, self.blobs, self.secrets, sid, self.clock())

    @property
    def fetch(self) -> "Fetch":
        """What fetches the sources of the site as it is now, for one run."""
        from chalicelib.collect.fetch import fetcher

        return fetcher(self.site.root, self.site.base_url, allow=self.settings.fetch_allow)

    @property
    def composer(self) -> "Composer":
        """The composer of the site as it is now."""
        from chalicelib.compose.composer import Composer

        return Composer(self.site, self.table, self.blobs)

    @property
    def editions(self) -> "EditionStore":
        """The editions."""
        from chalicelib.compose.editions import EditionStore

        return EditionStore(self.table, self.blobs)

    @property
    def chunk_store(self) -> "ChunkStore":
        """The chunks of recipients."""
        from chalicelib.deliver.chunks import ChunkStore

        return ChunkStore(self.table, self.blobs)

    @property
    def dispatcher(self) -> "Dispatcher":
        """The dispatcher of the site as it is now."""
        from chalicelib.deliver.dispatcher import Dispatcher
        from chalicelib.deliver.telling import closing

        return Dispatcher(
            self.site, self.table, self.blobs, self.queue, on_sent=closing(self.clock), most_queued=self._most_queued
        )

    def _most_queued(self) -> int | None:
        """On one machine a message costs nothing, and whoever sends waits for its queue to be empty."""
        from chalicelib.deliver.dispatcher import most_queued
        from chalicelib.transports.quota import FIRST_RATE

        if self.settings.store != "aws":
            return None
        pace = self.pacing.status(self.clock().timestamp()).per_second
        return most_queued(FIRST_RATE if pace is None and self.settings.transport == "ses" else pace)

    @property
    def webhooks(self) -> "Webhooks":
        """What tells other programs, of the site as it is now."""
        from chalicelib.deliver.webhooks import webhooks_of

        return webhooks_of(self.site, self.table, self.blobs, self.secrets, self.clock, self.settings.fetch_allow)

    def cost(self, recipients: int, attachment_bytes: int = 0, plan: str = "") -> "Cost":
        """What so many mails cost here, each with so many bytes of files; by the account's plan where none is given."""
        from chalicelib.deliver.costs import cost_of

        cloud, plan = self.settings.store == "aws", plan or self.settings.ses_plan
        return cost_of(self.settings.transport, recipients, attachment_bytes, plan, cloud=cloud)

    def forecast(self, newsletter: str) -> str:
        """What editors are told of the next edition's readers and cost."""
        from chalicelib.deliver.forecast import forecast

        return forecast(self.audience.members(newsletter), self.cost)

    def ticker(self, on_source: "CollectProgress | None" = None) -> "Ticker":
        """What a tick works with: of a published site, what is published this moment."""
        from chalicelib.deliver.ticking import Ticker

        self.follow()
        site = self.site
        return Ticker(
            site, self.table, self.queue, self.fetch, self.composer, self.dispatcher, lambda: self.transport, on_source,
            self.audience.has_monthly, lambda: self.webhooks.deliver() if site.webhooks else [],
            lambda now: self.retention().run(min(now, system_clock())),  # --now never erases anybody early
            self.guard, self.forecast,
        )  # fmt: skip

    def worker(
        self,
        progress: "Progress" = lambda _edition, _count: None,
        *,
        patience: float | None = None,
        time_left: Callable[[], float] = lambda: math.inf,
    ) -> "Worker":
        """A worker of the site as it is now. ``patience``: how long it may wait for its turn, in seconds."""
        from chalicelib.deliver.recording import DirectRecorder, GroupingRecorder
        from chalicelib.deliver.turns import PATIENCE_SECONDS
        from chalicelib.deliver.worker import Worker

        self.follow_or_keep()
        embedded = self.settings.store == "sqlite"
        return Worker(
            self.site, self.table, self.chunk_store, self.editions, self.transport, self.secrets, self._sender,
            self.clock, progress=progress, wave_size=self.crew.wave, time_left=time_left,
            turns=self.turns(PATIENCE_SECONDS if patience is None else patience),
            recorder=GroupingRecorder(self.table) if embedded else DirectRecorder(self.table), watch=self.watching,
            bounces=self._bounces,
        )  # fmt: skip

    @property
    def guard(self) -> "Guard":
        """The brake and the alarms of the site as it is now."""
        from chalicelib.deliver.alarms import Alarms
        from chalicelib.deliver.guarding import Guard, word_of

        word = word_of(self.pacing, time.time)
        alarms = Alarms(self.site, self.table, self.editions, self.chunk_store, lambda: self.queues, word)
        return Guard(self.braking, alarms)

    @property
    def braking(self) -> "Braking":
        """The brake alone, which each worker has a foot on."""
        from chalicelib.deliver.braking import Braking
        from chalicelib.deliver.guarding import word_of

        return Braking(self.site, self.table, self.editions, self.chunk_store, word_of(self.pacing, time.time))

    @property
    def watching(self) -> "Watching":
        """What looks at the outcomes of each wave."""
        from chalicelib.deliver.watching import Watching

        limits, by = self.site.sending.brake, self.settings.transport
        return Watching(self.braking, self.suppressions, limits, self.clock, by, self._tallies)

    @cached_property
    def _tallies(self) -> "Tallies":
        from chalicelib.deliver.watching import Tallies

        return Tallies()

    def turns(self, patience: float) -> "Turns":
        """Whose turn it is to send: the site's pace and quiet hours."""
        from chalicelib.deliver.quiet import quiet_until
        from chalicelib.deliver.turns import Turns

        site = self.site
        return Turns(
            self.pacing, lambda edition, now: quiet_until(site, _newsletter(site, edition.newsletter), now), patience
        )

    @property
    def pacing(self) -> "Pacing":
        """The pace that all workers of a transport share."""
        from chalicelib.deliver.pacing import Pacing

        return Pacing(self.table, self.settings.transport, self.site.sending.pace, self.quota, wave=self.crew.wave)

    @property
    def _sender(self) -> "Sender":
        from chalicelib.deliver.worker import Sender

        if self.settings.store == "aws":  # other machines: only the lease tells
            return Sender(random_secrets.token_hex(8), lambda _: True)
        return Sender(self.owners.token, self.owners.alive)


def _newsletter(site: "Site", name: str) -> "Newsletter":
    """Whose edition is being sent. Raises ConfigurationError where the site has lost it meanwhile."""
    if name not in site.newsletters:
        raise ConfigurationError(
            f"The site has no newsletter '{name}' any more, and an edition of it is being sent.",
            f"Put content/newsletters/{name}.yaml back until it is sent, or cancel the edition.",
        )
    return site.newsletters[name]
