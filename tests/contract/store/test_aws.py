"""What only AWS does: halves of batches, lost answers, conflicts that pass, refusals in its own words."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.errors import ConflictError, StoreUnavailableError
from chalicelib.store import Insert, Key, Put, Queue
from chalicelib.store.dynamodb import DynamoTable
from chalicelib.store.s3 import S3Blobs
from chalicelib.store.sqs import SqsQueue
from tests.contract.store.homes import START, AwsHome

K = Key("a", "b")


class Detour:
    """A client whose method ``name`` goes by ``way`` first; everything else goes straight to the real one."""

    def __init__(self, real: Any, name: str, way: Callable[[Callable[..., Any], dict[str, Any]], Any]) -> None:
        self._real, self._name, self._way = real, name, way
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._real, name)
        if name != self._name:
            return method

        def detour(**request: Any) -> Any:
            self.calls += 1
            return self._way(method, request)

        return detour


def detoured(
    home: AwsHome, name: str, way: Callable[[Callable[..., Any], dict[str, Any]], Any]
) -> tuple[DynamoTable, Detour]:
    assert home.table  # makes it
    client: Any = Detour(home.clients("dynamodb"), name, way)
    return DynamoTable(client, home.name, home.clock), client


def refusal(code: str, **more: Any) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "told to"}, **more}
    return ClientError(response, "Operation")


def halving(table_name: str, kind: str) -> Callable[[Callable[..., Any], dict[str, Any]], Any]:
    """Does the first half of what is asked, and gives the rest back as unprocessed."""

    def way(method: Callable[..., Any], request: dict[str, Any]) -> Any:
        asked = request["RequestItems"][table_name]
        entries = asked["Keys"] if kind == "UnprocessedKeys" else asked
        half = (len(entries) + 1) // 2

        def part(some: list[Any]) -> dict[str, Any]:
            return {table_name: asked | {"Keys": some} if kind == "UnprocessedKeys" else some}

        answer = method(RequestItems=part(entries[:half]))
        return answer | ({kind: part(entries[half:])} if entries[half:] else {})

    return way


def test_unprocessed_items_are_put_again(cloud: AwsHome) -> None:
    table, client = detoured(cloud, "batch_write_item", halving(cloud.name, "UnprocessedItems"))
    table.put_many(Put(Key("p", f"{n:02}"), {"n": n}) for n in range(30))
    assert [item.data["n"] for item in cloud.table.query("p").items] == list(range(30))
    assert client.calls > 2


def test_unprocessed_keys_are_read_again(cloud: AwsHome) -> None:
    cloud.table.put_many(Put(Key("p", f"{n:03}"), {"n": n}) for n in range(120))
    table, client = detoured(cloud, "batch_get_item", halving(cloud.name, "UnprocessedKeys"))
    found = table.get_many([Key("p", f"{n:03}") for n in range(120)])
    assert sorted(item.data["n"] for item in found.values()) == list(range(120))
    assert client.calls > 2


@pytest.mark.parametrize("kind", ["UnprocessedItems", "UnprocessedKeys"])
def test_a_table_that_takes_nothing_is_said_to_be_throttled(
    cloud: AwsHome, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.store.dynamodb.back_off", lambda attempt: None)
    name = "batch_write_item" if kind == "UnprocessedItems" else "batch_get_item"
    table, client = detoured(cloud, name, lambda _, request: {"Responses": {}, kind: request["RequestItems"]})
    with pytest.raises(StoreUnavailableError, match="takes no more"):
        table.put_many([Put(K, {})]) if kind == "UnprocessedItems" else table.get_many([K])
    assert client.calls == 8


def twice(method: Callable[..., Any], request: dict[str, Any]) -> Any:
    """As botocore does where the answer to its first request was lost on the way."""
    method(**request)
    return method(**request)


def test_a_write_sent_twice_by_the_wire_is_no_conflict(cloud: AwsHome) -> None:
    table, _ = detoured(cloud, "put_item", twice)
    item = table.insert(K, {"n": 1})
    table, _ = detoured(cloud, "update_item", twice)
    item = table.replace(item, {"n": 2}, int(START) + 60)
    assert cloud.table.get(K) == item
    with pytest.raises(ConflictError):
        cloud.table.insert(K, {"n": 3})


def test_an_add_sent_twice_by_the_wire_counts_once(cloud: AwsHome) -> None:
    table, _ = detoured(cloud, "update_item", twice)
    assert table.add(K, {"n": 2}) == {"n": 2}
    assert table.add(K, {"n": 3}) == {"n": 5}
    item = cloud.table.get(K)
    assert item
    cloud.table.replace(item, {}, int(START) + 1)
    cloud.clock.now += 1
    table, _ = detoured(cloud, "put_item", twice)
    assert table.add(K, {"n": 7}) == {"n": 7}
    item = cloud.table.get(K)
    assert item
    assert item.counters == {"n": 7}


@pytest.mark.parametrize(
    "error",
    [
        refusal(
            "TransactionCanceledException", CancellationReasons=[{"Code": "None"}, {"Code": "TransactionConflict"}]
        ),
        refusal("TransactionCanceledException", CancellationReasons=[{"Code": "ThrottlingError"}]),
        refusal("TransactionInProgressException"),
        refusal("ThrottlingException"),
    ],
)
def test_what_passes_is_tried_again(cloud: AwsHome, error: ClientError, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.store.dynamodb.back_off", lambda attempt: None)
    left = [error, error]

    def way(method: Callable[..., Any], request: dict[str, Any]) -> Any:
        if left:
            raise left.pop()
        return method(**request)

    table, client = detoured(cloud, "transact_write_items", way)
    table.transact([Insert(K, {"n": 1})])
    assert client.calls == 3
    assert cloud.table.get(K)
    left[:] = [error] * 100
    with pytest.raises(StoreUnavailableError):
        table.transact([Insert(Key("c", "d"), {})])
    assert cloud.table.get(Key("c", "d")) is None


def test_a_failed_condition_beside_a_conflict_is_final(cloud: AwsHome) -> None:
    reasons = [{"Code": "TransactionConflict"}, {"Code": "ConditionalCheckFailed"}]

    def way(*_: Any) -> Any:
        raise refusal("TransactionCanceledException", CancellationReasons=reasons)

    table, client = detoured(cloud, "transact_write_items", way)
    with pytest.raises(ConflictError, match="second"):
        table.transact([Insert(K, {}), Insert(Key("the", "second"), {})])
    assert client.calls == 1


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (refusal("AccessDeniedException"), "rights"),
        (refusal("ExpiredTokenException"), "Sign in"),
        (refusal("ResourceNotFoundException"), "Deploy first"),
        (refusal("SomethingNew"), "try again"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), "AWS_ENDPOINT_URL"),
    ],
)
def test_refusals_say_what_to_do(cloud: AwsHome, error: Exception, hint: str) -> None:
    def way(*_: Any) -> Any:
        raise error

    table, client = detoured(cloud, "get_item", way)
    with pytest.raises(StoreUnavailableError, match=cloud.name) as caught:
        table.get(K)
    assert hint in caught.value.hint
    assert client.calls == 1


def test_what_is_not_there_is_named(cloud: AwsHome) -> None:
    attempts: list[tuple[str, Callable[[], object]]] = [
        ("no-table", lambda: DynamoTable(cloud.clients("dynamodb"), "no-table").get(K)),
        ("no-bucket", lambda: S3Blobs(cloud.clients("s3"), "no-bucket").get("a")),
        ("no-queue", lambda: SqsQueue(cloud.clients("sqs"), "http://127.0.0.1:1/1/no-queue").receive()),
    ]
    for name, attempt in attempts:
        with pytest.raises(StoreUnavailableError, match=name) as caught:
            attempt()
        assert "Deploy first" in caught.value.hint


def test_a_bucket_prefix_keeps_sites_apart(cloud: AwsHome) -> None:
    cloud.blobs.put("a", b"1")
    other = S3Blobs(cloud.clients("s3"), cloud.name, "other/")
    other.put("a", b"2")
    assert (cloud.blobs.names(""), cloud.blobs.get("a"), other.get("a")) == (["a"], b"1", b"2")


def test_a_queue_without_dead_letters(cloud: AwsHome) -> None:
    sqs = cloud.clients("sqs")
    plain: Queue = SqsQueue(sqs, sqs.create_queue(QueueName=f"{cloud.name}-plain")["QueueUrl"])
    assert plain.dead() == []
    assert plain.redrive() == 0


def test_a_look_at_dead_letters_waits_for_nothing_where_there_are_none(cloud: AwsHome) -> None:
    received = []

    def way(method: Callable[..., Any], request: dict[str, Any]) -> Any:
        received.append(request["QueueUrl"])
        return method(**request)

    sqs = cloud.clients("sqs")
    client: Any = Detour(sqs, "receive_message", way)
    dead = sqs.create_queue(QueueName=f"{cloud.name}-buried")["QueueUrl"]
    queue = SqsQueue(client, cloud.queue_url, dead)
    assert (queue.dead(), received) == ([], [])
    sqs.send_message(QueueUrl=dead, MessageBody="lost")
    assert (queue.dead(), received) == (["lost"], [dead])
    assert queue.dead() == ["lost"], "looking takes nothing away"


@pytest.mark.parametrize("fault_of_sender", [False, True])
def test_messages_refused_one_by_one_are_sent_again(cloud: AwsHome, fault_of_sender: bool) -> None:
    seen = []

    def way(method: Callable[..., Any], request: dict[str, Any]) -> Any:
        seen.append(len(request["Entries"]))
        answer = method(**request | {"Entries": request["Entries"][:2]})
        failed = [{"Id": entry["Id"], "SenderFault": fault_of_sender, "Code": "X"} for entry in request["Entries"][2:]]
        return answer | {"Failed": failed}

    client: Any = Detour(cloud.clients("sqs"), "send_message_batch", way)
    queue = SqsQueue(client, cloud.queue_url)
    if fault_of_sender:
        with pytest.raises(StoreUnavailableError, match="refused 3"):
            queue.send(list("abcde"))
        assert seen == [5]
    else:
        queue.send(list("abcde"))
        assert seen == [5, 3, 1]
        assert sorted(message.body for message in queue.receive(10)) == list("abcde")


def test_a_batch_of_messages_keeps_within_its_size(cloud: AwsHome) -> None:
    """The emulators take more than one batch of SQS may hold."""
    sizes: list[int] = []

    def way(method: Callable[..., Any], request: dict[str, Any]) -> Any:
        sizes.append(sum(len(entry["MessageBody"].encode()) for entry in request["Entries"]))
        return method(**request)

    client: Any = Detour(cloud.clients("sqs"), "send_message_batch", way)
    SqsQueue(client, cloud.queue_url).send(["ä" * 50_000] * 5)
    assert sizes == [200_000, 200_000, 100_000]
