"""Every transport with a place that shows what arrived."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from aiosmtpd.smtp import SMTP, Envelope, Session
from moto import mock_aws
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

from chalicelib.transports import Transport
from chalicelib.transports.maildir import MaildirTransport, read_maildir
from chalicelib.transports.ses import SesTransport, make_client
from chalicelib.transports.smtp import SmtpSettings, SmtpTransport
from tests.fake_ses import FakeSes
from tests.smtp_sink import SmtpSink
from tests.transports.mails import SENDER
from tests.transports.ses_house import ses_environment

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client


class Arrived(NamedTuple):
    recipient: str
    content: bytes


class Home(Protocol):
    transport: Transport

    def arrived(self) -> list[Arrived]: ...


class MaildirHome:
    def __init__(self, directory: Path) -> None:
        self.transport: Transport = MaildirTransport(directory)
        self._directory = directory

    def arrived(self) -> list[Arrived]:
        found = []
        for _, path in read_maildir(self._directory):
            _, delivered, content = path.read_bytes().split(b"\n", 2)
            recipient = delivered.removeprefix(b"Delivered-To: ").decode()
            found.append(Arrived(recipient, content.replace(b"\n", b"\r\n")))
        return found


class Keeper:
    """aiosmtpd's handler; its server offers no PIPELINING, so that every command waits for its reply."""

    def __init__(self) -> None:
        self.kept: list[Arrived] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.kept += [Arrived(recipient, envelope.content) for recipient in envelope.rcpt_tos]
        return "250 OK id=1aBcDe-000001-XY"


@contextmanager
def aiosmtpd_server(handler: Any, **options: Any) -> Iterator[int]:
    """The port of an aiosmtpd server in a thread (its own Controller can't take port 0)."""
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    ports: Queue[int] = Queue()

    async def serve() -> None:
        server = await loop.create_server(lambda: SMTP(handler, loop=loop, **options), "127.0.0.1", 0)
        ports.put(server.sockets[0].getsockname()[1])
        await stop.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0.01)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    try:
        yield ports.get(timeout=10)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


class LockstepHome:
    def __init__(self, port: int, keeper: Keeper) -> None:
        settings = SmtpSettings.parse(f"smtp://127.0.0.1:{port}?connections=4&timeout=5&data_timeout=5")
        self.transport: Transport = SmtpTransport(settings)
        self._keeper = keeper

    def arrived(self) -> list[Arrived]:
        return self._keeper.kept


class PipelinedHome:
    def __init__(self, sink: SmtpSink) -> None:
        settings = SmtpSettings.parse(f"smtp://127.0.0.1:{sink.port}?connections=4&timeout=5&data_timeout=5")
        self.transport: Transport = SmtpTransport(settings)
        self._sink = sink

    def arrived(self) -> list[Arrived]:
        return [Arrived(received.recipient, received.content) for received in self._sink.received]


@cache
def _ses_client() -> "SESV2Client":
    """One for all tests: making it takes 0.3 s, and moto forgets everything between them anyway."""
    return make_client("us-east-1")


class SesHome:
    def __init__(self) -> None:
        _ses_client().create_email_identity(EmailIdentity=SENDER)
        self.transport: Transport = SesTransport(_ses_client(), concurrency=4)

    def arrived(self) -> list[Arrived]:
        sent: list[Any] = get_backend("ses")[DEFAULT_ACCOUNT_ID]["us-east-1"].sent_messages
        return [
            Arrived(m.destinations[0], m.raw_data if isinstance(m.raw_data, bytes) else m.raw_data.encode())
            for m in sent
        ]


@cache
def _fake_ses() -> tuple[FakeSes, "SESV2Client"]:
    """One server and one client for all tests, for the same reason."""
    fake = FakeSes().__enter__()
    with ses_environment(fake.url):
        return fake, make_client()


class SesBulkHome:
    """Mails without a template of theirs go out as they are there too."""

    def __init__(self) -> None:
        self._fake, client = _fake_ses()
        self._fake.reset()
        self.transport: Transport = SesTransport(client, concurrency=4, bulk=True)

    def arrived(self) -> list[Arrived]:
        return [Arrived(taken.recipient, taken.raw) for taken in self._fake.taken]


@contextmanager
def home(kind: str, directory: Path) -> Iterator[Home]:
    """A fresh home of that kind, its connections given back at the end."""
    match kind:
        case "maildir":
            yield MaildirHome(directory / "Maildir")
        case "smtp-lockstep":
            keeper = Keeper()
            with aiosmtpd_server(keeper) as port:
                yield LockstepHome(port, keeper)
        case "smtp-pipelined":
            with SmtpSink() as sink:
                yield PipelinedHome(sink)
        case "ses":
            with mock_aws():
                yield SesHome()
        case "ses-bulk":
            yield SesBulkHome()


KINDS = ("maildir", "smtp-lockstep", "smtp-pipelined", "ses", "ses-bulk")
