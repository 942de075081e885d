"""The composition root: builds what the doors and the command need, lazily; the only importer of adapters."""

import secrets as random_secrets
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.audience.audience import Audience
from chalicelib.audience.happenings import announcer
from chalicelib.audience.moving import Moves
from chalicelib.audience.people import Announce
from chalicelib.audience.signup import SignUps
from chalicelib.audience.suppression import Suppressions
from chalicelib.audience.tokens import (
    ChangeTokens,
    ConfirmTokens,
    DataTokens,
    PreferencesTokens,
    Secrets,
    UnsubscribeTokens,
)
from chalicelib.clock import Clock, system_clock
from chalicelib.content.load import LoadedSite, load_site
from chalicelib.content.values import Site
from chalicelib.errors import ConfigurationError
from chalicelib.secret_file import kept_secret
from chalicelib.settings import Settings, load_settings
from chalicelib.store import Blobs, Queue, Table
from chalicelib.transports import Transport

if TYPE_CHECKING:
    from chalicelib.audience.erasing import Whom
    from chalicelib.collect.collector import Progress as CollectProgress
    from chalicelib.collect.fetch import Fetch
    from chalicelib.compose.composer import Composer
    from chalicelib.deliver.dispatcher import Dispatcher
    from chalicelib.deliver.notices import Notices
    from chalicelib.deliver.retention import Retention
    from chalicelib.deliver.ticking import Ticker
    from chalicelib.deliver.webhooks import Webhooks
    from chalicelib.deliver.worker import Progress, Sender, Worker
    from chalicelib.store.owners import Owners
    from chalicelib.store.sqlite_database import Database

MAX_ATTEMPTS = 20
"""How often a chunk may be taken up before it is a dead letter; each crash moves it on by a wave."""


class Runtime:
    """One process's house. Everything is built when it is first asked for."""

    def __init__(self, settings: Settings | None = None, clock: Clock = system_clock) -> None:
        self.settings = settings or load_settings()
        self.clock = clock

    @cached_property
    def loaded(self) -> LoadedSite:
        """The site with its problems, as it lies on the disk now."""
        return load_site(self.settings.site)

    @property
    def site(self) -> Site:
        """The site. Raises ConfigurationError where it is broken."""
        return self.loaded.require()

    def reload(self) -> None:
        """Read the site again when it is next asked for."""
        self.__dict__.pop("loaded", None)

    @cached_property
    def database(self) -> "Database":
        """The embedded store's file."""
        from chalicelib.store.sqlite_database import Database

        return Database(self.settings.data / "sendbrief.db")

    @cached_property
    def owners(self) -> "Owners":
        """Which processes of this machine are at work."""
        from chalicelib.store.owners import Owners

        return Owners(self.settings.data / "owners")

    @cached_property
    def table(self) -> Table:
        """The table."""
        if self.settings.store == "aws":
            import boto3

            from chalicelib.store.dynamodb import DynamoTable

            return DynamoTable(boto3.client("dynamodb"), self.settings.table)
        from chalicelib.store.sqlite import SqliteTable

        return SqliteTable(self.database)

    @cached_property
    def blobs(self) -> Blobs:
        """The blobs."""
        if self.settings.store == "aws":
            import boto3

            from chalicelib.store.s3 import S3Blobs

            return S3Blobs(boto3.client("s3"), _required(self.settings.bucket, "SENDBRIEF_BUCKET"))
        from chalicelib.store.sqlite_blobs import SqliteBlobs

        return SqliteBlobs(self.database)

    @cached_property
    def queue(self) -> Queue:
        """The queue of chunks."""
        return self._queue("chunks", self.settings.queue_url, "SENDBRIEF_QUEUE_URL")

    @cached_property
    def notice_queue(self) -> Queue:
        """The queue of notices: of its own, so that a mail to confirm never waits behind an edition."""
        return self._queue("notices", self.settings.notice_queue_url, "SENDBRIEF_NOTICE_QUEUE_URL")

    def _queue(self, name: str, url: str, variable: str) -> Queue:
        if self.settings.store == "aws":
            import boto3

            from chalicelib.store.sqs import SqsQueue

            return SqsQueue(boto3.client("sqs"), _required(url, variable), self.settings.dead_letter_url or None)
        from chalicelib.store.sqlite_queue import SqliteQueue

        return SqliteQueue(self.database, name, max_attempts=MAX_ATTEMPTS, owners=self.owners)

    @cached_property
    def transport(self) -> Transport:
        """The transport. Raises ConfigurationError where its settings can't work."""
        return self.new_transport()

    def new_transport(self) -> Transport:
        """A transport for an event loop of its own. Raises ConfigurationError where its settings can't work."""
        if self.settings.transport == "smtp":
            from chalicelib.transports.smtp import SmtpTransport
            from chalicelib.transports.smtp_url import SmtpSettings

            return SmtpTransport(SmtpSettings.parse(_required(self.settings.smtp_url, "SENDBRIEF_SMTP_URL")))
        if self.settings.transport == "ses":
            from chalicelib.transports.ses import SesTransport, make_client

            return SesTransport(make_client(), configuration_set=self.settings.configuration_set or None)
        from chalicelib.transports.maildir import MaildirTransport

        return MaildirTransport(self.settings.maildir)

    @cached_property
    def secrets(self) -> Secrets:
        """The keys of links and ids."""
        text = self.settings.secret
        if not text and self.settings.store == "aws":
            raise ConfigurationError("SENDBRIEF_SECRET is not set.", "Set it to a long random text and keep it safe.")
        keys = (text or kept_secret(self.settings.data / "secret.key")).split(",")
        return Secrets(tuple(key.strip() for key in keys if key.strip()))

    @cached_property
    def tokens(self) -> UnsubscribeTokens:
        """The signer of unsubscribe links."""
        return UnsubscribeTokens(self.secrets)

    @cached_property
    def preferences(self) -> PreferencesTokens:
        """The signer of links to what a reader may choose."""
        return PreferencesTokens(self.secrets)

    @cached_property
    def confirmations(self) -> ConfirmTokens:
        """The signer of links that confirm a subscription."""
        return ConfirmTokens(self.secrets)

    @cached_property
    def changes(self) -> ChangeTokens:
        """The signer of links that confirm a new address."""
        return ChangeTokens(self.secrets)

    @cached_property
    def data_links(self) -> DataTokens:
        """The signer of links to all that is known of somebody."""
        return DataTokens(self.secrets)

    @cached_property
    def audience(self) -> Audience:
        """The subscribers."""
        return Audience(self.table, self.secrets, self.announce, self._forget_elsewhere)

    def _forget_elsewhere(self, whom: "Whom") -> dict[str, int]:
        """What lies with the editions and, on one machine, in the Maildir."""
        from chalicelib.audience.address import subscriber_id
        from chalicelib.deliver.sends import Sends
        from chalicelib.transports.maildir import delete_mails

        reasons = Sends(self.table, self.blobs).forget_reasons(whom.ids, whom.newsletters)
        key = self.secrets.sid_key
        mails = delete_mails(self.settings.maildir, lambda address: subscriber_id(address, key) in whom.ids)
        return {"reasons": reasons, "mails": mails}

    @cached_property
    def signups(self) -> SignUps:
        """Requests that wait for their confirmation."""
        return SignUps(self.table, self.announce)

    @cached_property
    def moves(self) -> Moves:
        """Changes of address."""
        return Moves(self.table, self.announce)

    @cached_property
    def suppressions(self) -> Suppressions:
        """Who is never written to."""
        return Suppressions(self.table, self.announce)

    @property
    def announce(self) -> Announce:
        """What other programs are told of what happens to subscribers."""
        return announcer(self.clock)

    def notices(self, transport: Transport | None = None) -> "Notices":
        """What sends mails to single people, of the site as it is now."""
        from chalicelib.deliver.notices import Notices

        return Notices(self.site, self.table, self.blobs, transport or self.transport, self.secrets, self.clock)

    def clean_store(self) -> int:
        """Take what expired or was deleted out of the embedded store's files; DynamoDB does so by itself."""
        if self.settings.store != "sqlite":
            return 0
        from chalicelib.store.sqlite import clean

        return clean(self.database)

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
    def dispatcher(self) -> "Dispatcher":
        """The dispatcher of the site as it is now."""
        from chalicelib.deliver.dispatcher import Dispatcher
        from chalicelib.deliver.telling import closing

        return Dispatcher(self.site, self.table, self.blobs, self.queue, on_sent=closing(self.clock))

    @property
    def webhooks(self) -> "Webhooks":
        """What tells other programs, of the site as it is now."""
        from chalicelib.deliver.webhooks import webhooks_of

        return webhooks_of(self.site, self.table, self.blobs, self.secrets, self.clock, self.settings.fetch_allow)

    def ticker(self, on_source: "CollectProgress | None" = None) -> "Ticker":
        """What a tick works with."""
        from chalicelib.deliver.ticking import Ticker

        site = self.site
        return Ticker(
            site, self.table, self.queue, self.fetch, self.composer, self.dispatcher, lambda: self.transport, on_source,
            self.audience.has_monthly, lambda: self.webhooks.deliver() if site.webhooks else [],
            lambda now: self.retention().run(min(now, system_clock())),  # --now never erases anybody early
        )  # fmt: skip

    def worker(self, progress: "Progress" = lambda _edition, _count: None) -> "Worker":
        """A worker of the site as it is now."""
        from chalicelib.deliver.worker import Worker

        dispatcher = self.dispatcher
        return Worker(
            self.site, self.table, dispatcher.chunks, dispatcher.editions, self.transport, self.tokens,
            self.preferences, self._sender, self.clock, progress=progress,
        )  # fmt: skip

    @property
    def _sender(self) -> "Sender":
        from chalicelib.deliver.worker import Sender

        if self.settings.store == "aws":  # other machines: only the lease tells
            return Sender(random_secrets.token_hex(8), lambda _: True)
        return Sender(self.owners.token, self.owners.alive)

    def close(self) -> None:
        """Give back files and locks."""
        if "database" in self.__dict__:
            self.database.close()
        if "owners" in self.__dict__:
            self.owners.close()


def _required(value: str, name: str) -> str:
    if not value:
        raise ConfigurationError(f"{name} is not set.", "The table of settings is in docs/operating.md.")
    return value
