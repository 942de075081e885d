"""The adapters of one process, built lazily: the only importer of store/ and transports/ adapters."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.audience.tokens import Secrets
from chalicelib.clock import Clock, system_clock
from chalicelib.errors import ConfigurationError
from chalicelib.secret_file import kept_secret
from chalicelib.settings import Settings, load_settings
from chalicelib.store import Blobs, Queue, Table
from chalicelib.transports import Transport
from chalicelib.transports.quota import QuotaSource

if TYPE_CHECKING:
    from chalicelib.store.owners import Owners
    from chalicelib.store.sqlite_database import Database
    from chalicelib.transports.smtp_facts import SmtpFacts

MAX_ATTEMPTS = 20
"""How often a chunk may be taken up before it is a dead letter; each crash moves it on by a wave."""
WORKERS = 4
MAILS_A_CONNECTION = 10
"""Mails in the air for each SMTP connection, all workers together: what a crash can leave in doubt."""


class Crew(NamedTuple):
    """Workers of one process, and the size of each one's waves."""

    workers: int
    wave: int


class Adapters:
    """Where one process's house keeps things, and how it sends. Everything is built when it is first asked for."""

    def __init__(self, settings: Settings | None = None, clock: Clock = system_clock) -> None:
        self.settings = settings or load_settings()
        self.clock = clock

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
            from chalicelib.aws_clients import client
            from chalicelib.store.dynamodb import DynamoTable

            return DynamoTable(client("dynamodb"), self.settings.table)
        from chalicelib.store.sqlite import SqliteTable

        return SqliteTable(self.database)

    @cached_property
    def blobs(self) -> Blobs:
        """The blobs."""
        if self.settings.store == "aws":
            from chalicelib.aws_clients import client
            from chalicelib.store.s3 import S3Blobs

            return S3Blobs(client("s3"), _required(self.settings.bucket, "SENDBRIEF_BUCKET"))
        from chalicelib.store.sqlite_blobs import SqliteBlobs

        return SqliteBlobs(self.database)

    @cached_property
    def queue(self) -> Queue:
        """The queue of chunks."""
        dead = self.settings.dead_letter_url
        return self._queue("chunks", self.settings.queue_url, "SENDBRIEF_QUEUE_URL", dead=dead)

    @cached_property
    def notice_queue(self) -> Queue:
        """The queue of notices: of its own, so that a mail to confirm never waits behind an edition."""
        return self._queue("notices", self.settings.notice_queue_url, "SENDBRIEF_NOTICE_QUEUE_URL")

    @cached_property
    def event_queue(self) -> Queue:
        """The queue of events of SES. One machine may listen to it too: where its URL is set, it is on AWS."""
        url = self.settings.event_queue_url
        return self._queue("events", url, "SENDBRIEF_EVENT_QUEUE_URL", on_aws=bool(url))

    @property
    def queues(self) -> dict[str, Queue]:
        """The queues whose dead letters can be seen from here, by name."""
        found = {"chunks": self.queue}
        if not self._asks_sqs or self.settings.notice_queue_url:
            found["notices"] = self.notice_queue
        if self.settings.event_queue_url:
            found["events"] = self.event_queue
        return found

    @property
    def _asks_sqs(self) -> bool:
        return self.settings.store == "aws" and self.settings.queues == "sqs"

    def _queue(self, name: str, url: str, variable: str, *, on_aws: bool = False, dead: str = "") -> Queue:
        if on_aws or self._asks_sqs:
            from chalicelib.aws_clients import client
            from chalicelib.store.sqs import SqsQueue

            return SqsQueue(client("sqs"), _required(url, variable), dead or None)
        if self.settings.store == "aws":
            from chalicelib.store.table_queue import TableQueue

            return TableQueue(self.table, name, max_attempts=MAX_ATTEMPTS)
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

            return SmtpTransport(SmtpSettings.parse(self.smtp_url))
        if self.settings.transport == "ses":
            from chalicelib.transports.ses import SesTransport, make_client

            configuration_set = self.settings.configuration_set or None
            return SesTransport(make_client(), configuration_set=configuration_set, bulk=self.settings.ses_bulk)
        from chalicelib.transports.maildir import MaildirTransport

        return MaildirTransport(self.settings.maildir)

    def smtp_facts(self) -> "SmtpFacts":
        """What the SMTP server shows; no mail is begun. Raises ConfigurationError where its URL makes no sense."""
        import asyncio

        from chalicelib.transports.smtp_look import look
        from chalicelib.transports.smtp_url import SmtpSettings

        return asyncio.run(look(SmtpSettings.parse(self.smtp_url)))

    @cached_property
    def quota(self) -> QuotaSource | None:
        """What tells how much the provider takes; None where nobody can be asked."""
        if self.settings.transport != "ses":
            return None
        from chalicelib.transports.ses import make_client
        from chalicelib.transports.ses_quota import SesQuota

        return SesQuota(make_client())

    @cached_property
    def crew(self) -> Crew:
        """How many chunks a process works on at once, and how many mails of each are in the air.

        To keep SMTP connections busy, several waves are on their way: one is put on record while the others leave.
        """
        if self.settings.transport != "smtp":
            return Crew(1, 50)
        from chalicelib.transports.smtp_url import SmtpSettings

        connections = SmtpSettings.parse(self.smtp_url).connections
        return Crew(WORKERS, max(1, connections * MAILS_A_CONNECTION // WORKERS))

    @cached_property
    def secrets(self) -> Secrets:
        """The keys of links and ids."""
        text = self.settings.secret
        if not text and self.settings.store == "aws":
            raise ConfigurationError("SENDBRIEF_SECRET is not set.", "Set it to a long random text and keep it safe.")
        kept = self.deciphered(text, "SENDBRIEF_SECRET") or kept_secret(self.settings.data / "secret.key")
        keys = kept.split(",")
        return Secrets(tuple(key.strip() for key in keys if key.strip()))

    @cached_property
    def smtp_url(self) -> str:
        """Where mails go by SMTP, with user and password. Raises ConfigurationError where it is not set."""
        return self.deciphered(_required(self.settings.smtp_url, "SENDBRIEF_SMTP_URL"), "SENDBRIEF_SMTP_URL")

    @cached_property
    def bounces(self) -> str:
        """The inbox of returned mails, with user and password; '' for none."""
        return self.deciphered(self.settings.bounces, "SENDBRIEF_BOUNCES")

    def deciphered(self, value: str, variable: str) -> str:
        """A setting that may be a secret: itself, or what AWS Systems Manager keeps where it is ``ssm:/name``."""
        if not value.startswith("ssm:"):
            return value
        from chalicelib.aws_clients import client
        from chalicelib.store.parameters import read_parameter

        return read_parameter(client("ssm"), value, variable)

    def delete_mails(self, wanted: Callable[[str], bool]) -> int:
        """Delete the mails of the Maildir whose recipient is ``wanted``; how many."""
        from chalicelib.transports.maildir import delete_mails

        return delete_mails(self.settings.maildir, wanted)

    def clean_store(self) -> int:
        """Take what expired or was deleted out of the embedded store's files; DynamoDB does so by itself."""
        if self.settings.store != "sqlite":
            return 0
        from chalicelib.store.sqlite import clean

        return clean(self.database)

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
