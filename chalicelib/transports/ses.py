"""Mails to Amazon SES (API v2): each as the raw message it is, or many of one template in one call.

SES has no idempotency token, and boto3 would by itself repeat a request that a dropped connection or
a 500 left unanswered: a mail twice. So the client makes one attempt, and such a mail is in doubt.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws_clients import client
from chalicelib.errors import ConfigurationError
from chalicelib.transports import Fate, Mail, Outcome
from chalicelib.transports.envelope import envelope_problem
from chalicelib.transports.ses_bulk import bulk_request, calls, entries
from chalicelib.transports.ses_errors import (
    OF_THE_FORM,
    SES_ERRORS,
    Meaning,
    meaning_of,
    meaning_of_status,
)
from chalicelib.transports.ses_tags import tag_value, tags_of
from chalicelib.transports.ses_wave import Standing, Wave

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sesv2.type_defs import SendEmailRequestTypeDef


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
        return client("sesv2", region=region, config=config)  # type: ignore[no-any-return]
    except BotoCoreError as error:
        raise ConfigurationError(
            f"No client for SES can be made: {error}", "Set AWS_REGION and credentials."
        ) from error


class SesTransport:
    """Sends by ``concurrency`` threads. ``client`` must make one attempt only, as ``make_client``'s does.

    With ``bulk``, mails that bring their share of a template go out up to 50 in a call; SES sets Date and
    Message-ID of all mails itself.
    """

    name = "ses"

    def __init__(
        self,
        client: "SESV2Client",
        *,
        configuration_set: str | None = None,
        concurrency: int = 10,
        bulk: bool = False,
    ) -> None:
        retries = getattr(client.meta.config, "retries", None) or {}
        if retries.get("total_max_attempts") != 1:
            raise ConfigurationError(
                "The SES client repeats requests by itself: a reader could get a mail twice.",
                "Make it with make_client(), or with retries={'total_max_attempts': 1}.",
            )
        self.bulk = bulk
        self._client = client
        self._configuration_set = configuration_set
        self._concurrency = concurrency
        self._threads: ThreadPoolExecutor | None = None
        self._standing = Standing()

    @property
    def stopped(self) -> str:
        """SES's words where it stopped the account; '' again once it took a mail that was tried after them."""
        return self._standing.stopped

    @property
    def quota_used(self) -> bool:
        """Whether SES last said that the day's quota is used up."""
        return self._standing.quota_used

    async def send_wave(self, mails: Sequence[Mail]) -> list[Outcome]:
        """See ``Transport``. Raises ProviderStoppedError where SES stopped the account and took nothing."""
        if not mails:
            return []
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._concurrency, thread_name_prefix="ses")
        loop, wave = asyncio.get_running_loop(), Wave(self._standing)
        parts = calls(mails) if self.bulk else [[position] for position in range(len(mails))]
        sending = [loop.run_in_executor(self._threads, self._send, [mails[p] for p in part], wave) for part in parts]
        outcomes: dict[int, Outcome] = {}
        for part, answered in zip(parts, await asyncio.gather(*sending), strict=True):
            outcomes.update(zip(part, answered, strict=True))
        return wave.finish([outcomes[position] for position in range(len(mails))])

    async def aclose(self) -> None:
        """See ``Transport``. The client is its maker's to close."""
        if self._threads is not None:
            self._threads.shutdown(wait=False)
            self._threads = None

    def _send(self, mails: list[Mail], wave: Wave) -> list[Outcome]:
        """One call: alone as a raw message, several as a bulk."""
        return [self._send_raw(mails[0], wave)] if len(mails) == 1 else self._send_bulk(mails, wave)

    def _send_raw(self, mail: Mail, wave: Wave) -> Outcome:
        problem = envelope_problem(mail)
        if problem:
            return Outcome(Fate.FAILED, problem)
        if wave.stopped:
            return Outcome(Fate.DEFERRED, wave.stopped)
        mark, request = wave.begin(), self._raw_request(mail)
        try:
            provider_id = self._client.send_email(**request).get("MessageId")
        except SES_ERRORS as error:
            return _refused(wave, error, meaning_of(error, mail.sender))
        if not provider_id:
            return wave.refused("SES answered without an id", Meaning.IN_DOUBT, answered=True)
        return wave.took(mark, str(provider_id))

    def _send_bulk(self, mails: list[Mail], wave: Wave) -> list[Outcome]:
        if wave.stopped:
            return [Outcome(Fate.DEFERRED, wave.stopped)] * len(mails)
        mark, request = wave.begin(), bulk_request(mails, self._configuration_set)
        try:
            found = entries(self._client.send_bulk_email(**request), len(mails))
        except SES_ERRORS as error:
            meaning = meaning_of(error, mails[0].sender)
            if meaning is Meaning.FAILED:  # the call was refused: for the template, or for one of the addresses
                return [self._send_raw(mail, wave) for mail in mails]
            return [_refused(wave, error, meaning)] * len(mails)
        if found is None:
            lost = wave.refused("SES answered for another number of mails", Meaning.IN_DOUBT, answered=True)
            return [lost] * len(mails)
        return [self._entry(mail, entry, wave, mark) for mail, entry in zip(mails, found, strict=True)]

    def _entry(self, mail: Mail, entry: tuple[str, ...], wave: Wave, mark: int) -> Outcome:
        status, said, provider_id = entry
        meaning = meaning_of_status(status, said, mail.sender)
        if meaning is None:
            return wave.took(mark, provider_id)
        if status in OF_THE_FORM:
            return self._send_raw(mail, wave)
        return wave.refused(f"{status}: {said}" if said else status or "SES said nothing", meaning, answered=True)

    def _raw_request(self, mail: Mail) -> "SendEmailRequestTypeDef":
        request: SendEmailRequestTypeDef = {
            "Destination": {"ToAddresses": [mail.recipient]},
            "Content": {"Raw": {"Data": mail.content}},
            "EmailTags": tags_of(mail),
        }
        if mail.sender:
            request["FromEmailAddress"] = mail.sender
        if self._configuration_set:
            request["ConfigurationSetName"] = self._configuration_set
        return request


def _refused(wave: Wave, error: Exception, meaning: Meaning) -> Outcome:
    known = isinstance(error, BotoCoreError | ClientError)
    said = str(error) if known else f"SES's answer can't be read: {error}"
    return wave.refused(said, meaning, answered=isinstance(error, ClientError))


__all__ = ["SesTransport", "make_client", "tag_value"]
