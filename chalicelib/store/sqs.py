"""The Queue on SQS: the twin of sqlite_queue.py. ``max_attempts`` is the queue's own redrive policy."""

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.errors import StoreUnavailableError
from chalicelib.store import QueueMessage
from chalicelib.store.aws_errors import ATTEMPTS, back_off, code_of, reaching
from chalicelib.store.limits import MAX_BODY_BYTES, MAX_DELAY, check_body, check_receive, check_seconds

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BATCH = 10
_STALE = frozenset({"ReceiptHandleIsInvalid", "MessageNotInflight"})


class SqsQueue:
    """The Queue port on one SQS queue. Without ``dead_letter_url`` its redrive policy names the dead letters."""

    def __init__(self, client: "SQSClient", url: str, dead_letter_url: str | None = None) -> None:
        self._client = client
        self._url = url
        self._dead_letter_url = dead_letter_url

    def send(self, bodies: Sequence[str], *, delay: int = 0) -> None:
        """See Queue. Raises StoreUnavailableError where some, perhaps not all, were not taken."""
        check_seconds(delay, MAX_DELAY, "delay")
        sizes = [check_body(body) for body in bodies]
        for batch in _batches(bodies, sizes):
            entries = [{"Id": str(at), "MessageBody": body, "DelaySeconds": delay} for at, body in enumerate(batch)]
            self._send_batch(entries)

    def receive(self, most: int = 1, *, visibility: int = 300, wait: int = 0) -> list[QueueMessage]:
        """See Queue."""
        check_receive(most, visibility, wait)
        return self._receive(self._url, most, visibility, wait)

    def delete(self, message: QueueMessage) -> None:
        """See Queue."""
        with self._reaching(), _quiet_where_stale():
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt)

    def release(self, message: QueueMessage, *, delay: int = 0) -> None:
        """See Queue."""
        check_seconds(delay, MAX_DELAY, "delay")
        with self._reaching(), _quiet_where_stale():
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=message.receipt, VisibilityTimeout=delay
            )

    def dead(self) -> list[str]:
        """See Queue. A sample of at most ten; none where the queue has no dead-letter queue.

        Whether there are any is asked for first: a look into an empty queue that is sure of it waits for a second,
        which a function pays for at each tick. SQS's count may lag behind by a minute.
        """
        url = self._dead_letters()
        return [message.body for message in self._receive(url, _BATCH, 0, 1)] if url and self._counted(url) else []

    def peek(self) -> list[str]:
        """See Queue: SQS shows nothing that is not taken."""
        return self.dead()

    def redrive(self) -> int:
        """See Queue. A crash on the way leaves a message in both queues, never in none."""
        url = self._dead_letters()
        moved = 0
        while url and (messages := self._receive(url, _BATCH, 30, 1)):
            self.send([message.body for message in messages])
            with self._reaching():
                for message in messages:
                    self._client.delete_message(QueueUrl=url, ReceiptHandle=message.receipt)
            moved += len(messages)
        return moved

    def _receive(self, url: str, most: int, visibility: int, wait: int) -> list[QueueMessage]:
        with self._reaching():
            answer = self._client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=most,
                VisibilityTimeout=visibility,
                WaitTimeSeconds=wait,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        return [
            QueueMessage(
                message["Body"], message["ReceiptHandle"], int(message["Attributes"]["ApproximateReceiveCount"])
            )
            for message in answer.get("Messages", [])
        ]

    def _send_batch(self, entries: list[Any]) -> None:
        for attempt in range(ATTEMPTS):
            with self._reaching():
                answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            failed = {failure["Id"]: failure for failure in answer.get("Failed", [])}
            if not failed:
                return
            if any(failure["SenderFault"] for failure in failed.values()):
                break
            entries = [entry for entry in entries if entry["Id"] in failed]
            back_off(attempt)
        reason = next(iter(failed.values()))
        raise StoreUnavailableError(
            f"The queue {self._url} refused {len(failed)} messages: {reason['Code']} {reason.get('Message', '')}.",
            "Look at the queue's settings, then send again: those it took may come twice.",
        )

    def _counted(self, url: str) -> int:
        with self._reaching():
            answer = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def _dead_letters(self) -> str | None:
        if self._dead_letter_url is None:
            with self._reaching():
                answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["RedrivePolicy"])
                policy = json.loads(answer.get("Attributes", {}).get("RedrivePolicy", "{}"))
                if "deadLetterTargetArn" not in policy:
                    return None
                name = policy["deadLetterTargetArn"].rsplit(":", 1)[-1]
                self._dead_letter_url = self._client.get_queue_url(QueueName=name)["QueueUrl"]
        return self._dead_letter_url

    def _reaching(self) -> AbstractContextManager[None]:
        return reaching(f"The queue {self._url}")


@contextmanager
def _quiet_where_stale() -> Iterator[None]:
    """Another receipt took the message over, or it is gone: then there is nothing left to do here."""
    try:
        yield
    except ClientError as error:
        code = code_of(error).removeprefix("AWS.SimpleQueueService.")
        # InvalidParameterValue stands for many things; only the receipt handle's makes it a stale one.
        if code not in _STALE and not (code.startswith("InvalidParameterValue") and "eceipt" in str(error)):
            raise


def _batches(bodies: Sequence[str], sizes: Sequence[int]) -> Iterator[list[str]]:
    """Runs of at most ten messages and 256 KB in all."""
    batch: list[str] = []
    total = 0
    for body, size in zip(bodies, sizes, strict=True):
        if batch and (len(batch) == _BATCH or total + size > MAX_BODY_BYTES):
            yield batch
            batch, total = [], 0
        batch.append(body)
        total += size
    if batch:
        yield batch
