"""Items and writes as DynamoDB's requests have them, and back. Nothing here does I/O.

Attributes: ``pk``, ``sk``; ``d`` data as JSON text; ``v`` version; ``x`` expiry in epoch seconds (the
table's TTL attribute); ``n_<name>`` counters; ``w`` the token of the last write.
"""

import json
import secrets
from collections.abc import Mapping
from typing import Any

from chalicelib.store import Delete, Insert, Item, Key, Put, Replace, Write
from chalicelib.store.limits import is_live

Request = dict[str, Any]
_ABSENT = "attribute_not_exists(pk) OR x <= :now"


def key_attributes(key: Key) -> Request:
    """The primary key of an item."""
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def number(value: float) -> Request:
    """A number attribute, without its fraction: expiry is in whole seconds, and so ``x > now`` stays true."""
    return {"N": str(int(value))}


def item_from(attributes: Mapping[str, Any], now: float) -> Item | None:
    """The item of its attributes, or None where it has expired."""
    expires = int(attributes["x"]["N"]) if "x" in attributes else None
    if not is_live(expires, now):
        return None
    return Item(
        Key(attributes["pk"]["S"], attributes["sk"]["S"]),
        json.loads(attributes["d"]["S"]) if "d" in attributes else {},
        int(attributes["v"]["N"]),
        expires,
        counters_from(attributes),
    )


def counters_from(attributes: Mapping[str, Any]) -> dict[str, int]:
    """The counters among the attributes."""
    return {name.removeprefix("n_"): int(value["N"]) for name, value in attributes.items() if name.startswith("n_")}


def put_attributes(key: Key, text: str, version: int, expires: int | None, token: str) -> Request:
    """A whole item. ``text`` is its data as JSON."""
    attributes = key_attributes(key) | {"d": {"S": text}, "v": number(version), "w": {"S": token}}
    return attributes if expires is None else attributes | {"x": number(expires)}


def unconditional_attributes(put: Put, text: str, token: str) -> Request:
    """A put does not know what it replaces: a version at random fits no reader's idea of the old item."""
    return put_attributes(put.key, text, secrets.randbits(52) + 1, put.expires, token)


def operation(table: str, write: Write, text: str, now: float, token: str) -> tuple[str, Request]:
    """Put, Update or Delete, and its parameters: alike for a single write and inside a transaction."""
    match write:
        case Insert(key, _, expires):
            request: Request = {"Item": put_attributes(key, text, 1, expires, token)}
            request |= {"ConditionExpression": _ABSENT, "ExpressionAttributeValues": {":now": number(now)}}
            kind = "Put"
        case Put():
            request, kind = {"Item": unconditional_attributes(write, text, token)}, "Put"
        case Replace():
            request, kind = _update(write, text, now, token), "Update"
        case Delete(item):
            condition, values = _matches(item, now)
            request = {"Key": key_attributes(item.key), "ConditionExpression": condition}
            request |= {"ExpressionAttributeValues": values}
            kind = "Delete"
    return kind, {"TableName": table, **request}


def _update(write: Replace, text: str, now: float, token: str) -> Request:
    """An update, not a put: counters the caller did not read stay."""
    condition, values = _matches(write.item, now)
    values |= {":d": {"S": text}, ":next": number(write.item.version + 1), ":w": {"S": token}}
    if write.expires is None:
        change = "SET d = :d, v = :next, w = :w REMOVE x"
    else:
        change = "SET d = :d, v = :next, w = :w, x = :x"
        values[":x"] = number(write.expires)
    return {
        "Key": key_attributes(write.item.key),
        "UpdateExpression": change,
        "ConditionExpression": condition,
        "ExpressionAttributeValues": values,
    }


def _matches(item: Item, now: float) -> tuple[str, Request]:
    """The expiry is part of the match: a lease that ended and was taken anew starts again from version 1."""
    if item.expires is None:
        return "v = :v AND attribute_not_exists(x)", {":v": number(item.version)}
    values = {":v": number(item.version), ":was": number(item.expires), ":now": number(now)}
    return "v = :v AND x = :was AND x > :now", values


def addition(table: str, key: Key, deltas: Mapping[str, int], now: float, token: str) -> Request:
    """Adds to counters of an item that is live or absent, unless ``token`` says it has been done."""
    names = {f"#c{at}": f"n_{name}" for at, name in enumerate(deltas)}
    values = {f":c{at}": number(delta) for at, delta in enumerate(deltas.values())}
    added = ", ".join(["v :one", *(f"#c{at} :c{at}" for at in range(len(deltas)))])
    request: Request = {
        "TableName": table,
        "Key": key_attributes(key),
        "UpdateExpression": f"SET w = :w ADD {added}",
        "ConditionExpression": ("(attribute_not_exists(x) OR x > :now) AND (attribute_not_exists(w) OR w <> :w)"),
        "ExpressionAttributeValues": {":one": number(1), ":now": number(now), ":w": {"S": token}} | values,
        "ReturnValues": "ALL_NEW",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    return request | {"ExpressionAttributeNames": names} if names else request


def restart(table: str, key: Key, deltas: Mapping[str, int], now: float, token: str) -> Request:
    """Puts counters in place of an expired item, as if it had never been."""
    counters = {f"n_{name}": number(delta) for name, delta in deltas.items()}
    return {
        "TableName": table,
        "Item": put_attributes(key, "{}", 1, None, token) | counters,
        "ConditionExpression": _ABSENT,
        "ExpressionAttributeValues": {":now": number(now)},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def query_request(table: str, pk: str, prefix: str, first: str | None, last: str | None, cursor: str | None) -> Request:
    """One page of a partition, strongly consistent."""
    condition, values = "pk = :pk", {":pk": {"S": pk}}
    if prefix:
        condition += " AND begins_with(sk, :prefix)"
        values[":prefix"] = {"S": prefix}
    elif first is not None and last is not None:
        condition += " AND sk BETWEEN :first AND :last"
    elif first is not None:
        condition += " AND sk >= :first"
    elif last is not None:
        condition += " AND sk <= :last"
    values |= {name: {"S": value} for name, value in ((":first", first), (":last", last)) if value is not None}
    request: Request = {
        "TableName": table,
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values,
        "ConsistentRead": True,
    }
    return request | {"ExclusiveStartKey": key_attributes(Key(pk, cursor))} if cursor is not None else request
