"""The Table on DynamoDB, or any endpoint that speaks its protocol: the twin of sqlite.py.

botocore sends a request again where its answer was lost, and the condition then fails on our own first
write: the token ``w`` says that it was ours. An ``add`` can still count twice where others wrote to the
item between such a pair.
"""

import math
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import ConfigurationError, ConflictError, ItemTooLargeError, StoreUnavailableError
from chalicelib.store import Data, Delete, Insert, Item, Key, Page, Put, Replace, Write
from chalicelib.store.aws_errors import ATTEMPTS, back_off, code_of, unavailable
from chalicelib.store.dynamodb_requests import (
    Request,
    addition,
    counters_from,
    item_from,
    key_attributes,
    operation,
    query_request,
    restart,
    unconditional_attributes,
)
from chalicelib.store.limits import (
    check_deltas,
    check_key,
    check_query,
    encode,
    encode_transaction,
    key_of,
    next_item,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_GET_BATCH = 100
_PUT_BATCH = 25
_FAILED_CONDITION = "ConditionalCheckFailed"
_PASSING = frozenset(
    {
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
        "ThrottlingError",
        "ThrottlingException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "InternalServerError",
    }
)


class DynamoTable:
    """The Table port on one DynamoDB table. ``clock`` gives epoch seconds, for expiry only."""

    def __init__(self, client: "DynamoDBClient", table_name: str, clock: Callable[[], float] = time.time) -> None:
        # The typed client wants literal keyword arguments; the requests are built as dictionaries.
        self._client: Any = client
        self._name = table_name
        self._clock = clock

    @property
    def home(self) -> str:
        """See Table."""
        return self._name

    def get(self, key: Key) -> Item | None:
        """See Table."""
        check_key(key)
        answer = self._call(
            self._client.get_item, {"TableName": self._name, "Key": key_attributes(key), "ConsistentRead": True}
        )
        return item_from(answer["Item"], self._clock()) if "Item" in answer else None

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Item]:
        """See Table."""
        for key in keys:
            check_key(key)
        found: dict[Key, Item] = {}
        distinct = iter(dict.fromkeys(keys))
        while batch := [key_attributes(key) for key in islice(distinct, _GET_BATCH)]:
            for attributes in self._batch_get(batch):
                item = item_from(attributes, self._clock())
                if item:
                    found[item.key] = item
        return found

    def query(
        self,
        pk: str,
        *,
        prefix: str = "",
        first: str | None = None,
        last: str | None = None,
        reverse: bool = False,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page:
        """See Table."""
        if not check_query(pk, prefix, first, last, limit, cursor):
            return Page((), None)
        request = query_request(self._name, pk, prefix, first, last, cursor)
        request["ScanIndexForward"] = not reverse
        if limit is not None:
            request["Limit"] = limit
        answer = self._call(self._client.query, request)
        now = self._clock()
        items = (item_from(attributes, now) for attributes in answer["Items"])
        further = answer.get("LastEvaluatedKey")
        return Page(tuple(item for item in items if item), further["sk"]["S"] if further else None)

    def insert(self, key: Key, data: Data, expires: int | None = None) -> Item:
        """See Table."""
        self._write(Insert(key, data, expires), encode(key, data, expires))
        return Item(key, data, 1, expires)

    def replace(self, item: Item, data: Data, expires: int | None = None) -> Item:
        """See Table."""
        self._write(Replace(item, data, expires), encode(item.key, data, expires, item.counters))
        return next_item(item, data, expires)

    def delete(self, item: Item) -> None:
        """See Table. Raises ConflictError too where the answer to our own delete was lost on its way."""
        check_key(item.key)
        self._write(Delete(item), "")

    def put_many(self, puts: Iterable[Put]) -> None:
        """See Table. Of two puts to one key the later one stays."""
        source = iter(puts)
        while batch := {put.key: put for put in islice(source, _PUT_BATCH)}:
            token = secrets.token_hex(8)
            self._batch_put(
                [unconditional_attributes(put, encode(put.key, put.data, put.expires), token) for put in batch.values()]
            )

    def transact(self, writes: Sequence[Write]) -> None:
        """See Table. botocore adds the token that makes a repeated request harmless for ten minutes."""
        texts = encode_transaction(writes)
        if not writes:
            return
        now, token = self._clock(), secrets.token_hex(8)
        steps = []
        for write, text in zip(writes, texts, strict=True):
            kind, request = operation(self._name, write, text, now, token)
            steps.append({kind: request})
        try:
            self._call(self._client.transact_write_items, {"TransactItems": steps})
        except _ConditionError as failed:
            reasons = failed.response.get("CancellationReasons", [])
            at = next((i for i, reason in enumerate(reasons) if reason.get("Code") == _FAILED_CONDITION), 0)
            raise _conflict(key_of(writes[at])) from failed

    def add(self, key: Key, deltas: Mapping[str, int]) -> dict[str, int]:
        """See Table."""
        check_deltas(key, deltas)
        token = secrets.token_hex(8)
        for _ in range(ATTEMPTS):
            now = self._clock()
            try:
                answer = self._call(self._client.update_item, addition(self._name, key, deltas, now, token))
                return counters_from(answer["Attributes"])
            except _ConditionError as failed:
                if failed.is_ours(token):
                    return counters_from(failed.response["Item"])
            try:
                self._call(self._client.put_item, restart(self._name, key, deltas, now, token))
                return dict(deltas)
            except _ConditionError as failed:
                if failed.is_ours(token):
                    return counters_from(failed.response["Item"])
        raise StoreUnavailableError(f"The counters of {key} changed {ATTEMPTS} times meanwhile.", "Try again.")

    def everything(self) -> Iterator[Item]:
        """See Table. Pages of 1 MB."""
        request: Request = {"TableName": self._name, "ConsistentRead": True}
        while True:
            answer = self._call(self._client.scan, request)
            for attributes in answer["Items"]:
                item = item_from(attributes, -math.inf)
                if item:
                    yield item
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _write(self, write: Write, text: str) -> None:
        token = secrets.token_hex(8)
        kind, request = operation(self._name, write, text, self._clock(), token)
        methods = {
            "Put": self._client.put_item,
            "Update": self._client.update_item,
            "Delete": self._client.delete_item,
        }
        try:
            self._call(methods[kind], request | {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"})
        except _ConditionError as failed:
            if not failed.is_ours(token):
                raise _conflict(key_of(write)) from failed

    def _batch_get(self, wanted: list[Request]) -> list[Request]:
        found: list[Request] = []
        for attempt in range(ATTEMPTS):
            request = {"RequestItems": {self._name: {"Keys": wanted, "ConsistentRead": True}}}
            answer = self._call(self._client.batch_get_item, request)
            found += answer["Responses"].get(self._name, [])
            left = answer.get("UnprocessedKeys", {}).get(self._name, {}).get("Keys", [])
            if not left:
                return found
            if len(left) == len(wanted):
                back_off(attempt)
            wanted = left
        raise self._throttled()

    def _batch_put(self, items: list[Request]) -> None:
        requests = [{"PutRequest": {"Item": item}} for item in items]
        for attempt in range(ATTEMPTS):
            answer = self._call(self._client.batch_write_item, {"RequestItems": {self._name: requests}})
            requests = answer.get("UnprocessedItems", {}).get(self._name, [])
            if not requests:
                return
            back_off(attempt)
        raise self._throttled()

    def _throttled(self) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"The table {self._name} takes no more at present.", "Try again later, or raise its capacity."
        )

    def _call(self, method: Callable[..., Any], request: Request) -> Any:
        """One request, again after conflicts and throttling that pass. Raises _ConditionError."""
        for attempt in range(ATTEMPTS):
            try:
                return method(**request)
            except ClientError as error:
                codes = _codes(error)
                if _FAILED_CONDITION in codes:
                    raise _ConditionError(error) from error
                if not codes & _PASSING or attempt == ATTEMPTS - 1:
                    raise self._refused(error) from error
                back_off(attempt)
            except BotoCoreError as error:
                raise unavailable(error, f"The table {self._name}") from error
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _refused(self, error: ClientError) -> Exception:
        if code_of(error) == "ValidationException" and "size" in str(error).lower():
            return ItemTooLargeError(f"DynamoDB refused an item of {self._name}: {error}.", "Split it.")
        if code_of(error) == "UnknownOperationException":
            return ConfigurationError(
                f"The service that holds the table {self._name} has no {error.operation_name}.",
                "Nothing was written. Sendbrief needs DynamoDB's transactions, which ScyllaDB's Alternator lacks: "
                "docs/kubernetes.md says what to use instead.",
            )
        return unavailable(error, f"The table {self._name}")


class _ConditionError(Exception):
    """A condition did not hold; ``response`` tells what is there instead."""

    def __init__(self, error: ClientError) -> None:
        super().__init__(str(error))
        self.response: Any = error.response

    def is_ours(self, token: str) -> bool:
        """Whether what is there is what this very write has put there."""
        return bool(self.response.get("Item", {}).get("w", {}).get("S") == token)


def _codes(error: ClientError) -> set[str]:
    """The error's code without its ending, and those of a transaction's steps."""
    reasons: Any = error.response
    codes = {str(reason.get("Code", "")) for reason in reasons.get("CancellationReasons", [])}
    return codes | {code_of(error).replace("FailedException", "Failed")}


def _conflict(key: Key) -> ConflictError:
    return ConflictError(f"Somebody else wrote {key} first.", "Read it again and decide anew.")


def create_table(client: "DynamoDBClient", name: str) -> None:
    """Make the table for tests and a local AWS; a deployment makes its own from the template."""
    client.create_table(
        TableName=name,
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    client.update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "x"})
