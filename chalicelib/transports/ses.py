"""Mails to Amazon SES (API v2), each as the raw message it is.

SES has no idempotency token, and boto3 would by itself repeat a request that a dropped connection or
a 500 left unanswered: a mail twice. So the client makes one attempt, and such a mail is in doubt.
"""

import asyncio
import re
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import boto3.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import ConfigurationError, TransportUnavailableError
from chalicelib.transports import Fate, Mail, Outcome
from chalicelib.transports.envelope import envelope_problem
from chalicelib.transports.ses_errors import Meaning, meaning_of

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sesv2.type_defs import SendEmailRequestTypeDef

MAX_TAG = 256
"""Characters of a tag's name or value (SES)."""
UNREACHABLE_ENOUGH = 3
"""Failures to connect, with no mail handed over, after which a wave stops trying."""

_NOT_IN_TAGS = re.compile(r"[^A-Za-z0-9_-]")
_FATES = {Meaning.FAILED: Fate.FAILED, Meaning.IN_DOUBT: Fate.IN_DOUBT}
_TAKEN = (Fate.SENT, Fate.IN_DOUBT)


def make_client(
    region: str | None = None, *, concurrency: int = 10, connect_timeout: float = 5, read_timeout: float = 30
) -> "SESV2Client":
    """A client that makes one attempt per request. ``region`` None: what the environment says."""
    config = Config(
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        max_pool_connections=concurrency,
    )
    try:
        # A session of its own: boto3's shared one is not safe for threads and remembers old credentials.
        return boto3.session.Session().client("sesv2", region_name=region, config=config)
    except BotoCoreError as error:
        raise ConfigurationError(
            f"No client for SES can be made: {error}", "Set AWS_REGION and credentials."
        ) from error


def tag_value(text: str) -> str:
    """``text`` as SES takes it for a tag's name or value: other characters become ``_``."""
    return _NOT_IN_TAGS.sub("_", text)[:MAX_TAG]


class SesTransport:
    """Sends by ``concurrency`` threads. ``client`` must make one attempt only, as ``make_client``'s does."""

    name = "ses"

    def __init__(self, client: "SESV2Client", *, configuration_set: str | None = None, concurrency: int = 10) -> None:
        retries = getattr(client.meta.config, "retries", None) or {}
        if retries.get("total_max_attempts") != 1:
            raise ConfigurationError(
                "The SES client repeats requests by itself: a reader could get a mail twice.",
                "Make it with make_client(), or with retries={'total_max_attempts': 1}.",
            )
        self._client = client
        self._configuration_set = configuration_set
        self._concurrency = concurrency
        self._threads: ThreadPoolExecutor | None = None

    async def send_wave(self, mails: Sequence[Mail]) -> list[Outcome]:
        """See ``Transport``."""
        if not mails:
            return []
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._concurrency, thread_name_prefix="ses")
        loop = asyncio.get_running_loop()
        wave = _Wave()
        sending = (loop.run_in_executor(self._threads, self._send, mail, wave) for mail in mails)
        return wave.finish(list(await asyncio.gather(*sending)))

    async def aclose(self) -> None:
        """See ``Transport``. The client is its maker's to close."""
        if self._threads is not None:
            self._threads.shutdown(wait=False)
            self._threads = None

    def _send(self, mail: Mail, wave: "_Wave") -> Outcome:
        problem = envelope_problem(mail)
        if problem:
            return Outcome(Fate.FAILED, problem)
        if wave.stopped:
            return Outcome(Fate.DEFERRED, wave.stopped)
        try:
            answer = self._client.send_email(**self._request(mail))
        except (BotoCoreError, ClientError) as error:
            return wave.refused(error, meaning_of(error, mail.sender))
        wave.took_one()
        return Outcome(Fate.SENT, "", answer["MessageId"])

    def _request(self, mail: Mail) -> "SendEmailRequestTypeDef":
        tags = {tag_value(name): tag_value(value) for name, value in mail.tags.items()}
        request: SendEmailRequestTypeDef = {
            "Destination": {"ToAddresses": [mail.recipient]},
            "Content": {"Raw": {"Data": mail.content}},
            "EmailTags": [{"Name": name, "Value": value} for name, value in tags.items() if name and value],
        }
        if mail.sender:
            request["FromEmailAddress"] = mail.sender
        if self._configuration_set:
            request["ConfigurationSetName"] = self._configuration_set
        return request


class _Wave:
    """What the threads of one wave know together."""

    def __init__(self) -> None:
        self.stopped = ""
        """Why no further mail is begun; '' while they are."""
        self._lock = threading.Lock()
        self._trouble: ConfigurationError | TransportUnavailableError | None = None
        self._unreachable = 0
        self._answered = False

    def took_one(self) -> None:
        """SES answers: a failure to connect is no reason to stop any more."""
        self._answered = True

    def refused(self, error: BotoCoreError | ClientError, meaning: Meaning) -> Outcome:
        """The outcome of one mail, and what follows for the rest."""
        reason = _one_line(error)
        with self._lock:
            self._answered = self._answered or isinstance(error, ClientError)
            if meaning is Meaning.CONFIGURATION:
                self.stopped = reason
                self._trouble = ConfigurationError(
                    f"SES refuses to send: {reason}",
                    "Check the account, the verified sender, the configuration set and the permissions.",
                )
            elif meaning is Meaning.UNREACHABLE:
                self._unreachable += 1
                self._trouble = self._trouble or TransportUnavailableError(
                    f"SES can't be reached: {reason}", "Nothing was handed over; it is tried again later."
                )
                if self._unreachable >= UNREACHABLE_ENOUGH and not self._answered:
                    self.stopped = reason
        return Outcome(_FATES.get(meaning, Fate.DEFERRED), reason)

    def finish(self, outcomes: list[Outcome]) -> list[Outcome]:
        """Raises the trouble where it is certain that SES took nothing of the wave."""
        if self._trouble is None or any(outcome.fate in _TAKEN for outcome in outcomes):
            return outcomes
        if self._answered and not isinstance(self._trouble, ConfigurationError):
            return outcomes
        raise self._trouble


def _one_line(error: Exception) -> str:
    return "".join(c if c.isprintable() else " " for c in str(error))[:200].strip()


__all__ = ["SesTransport", "make_client", "tag_value"]
