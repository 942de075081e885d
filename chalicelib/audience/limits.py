"""How often something may be asked for: buckets in the store, by address, by network and for the whole site."""

import hashlib
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from chalicelib.errors import ConflictError
from chalicelib.store import Insert, Item, Key, Replace, Table, Write

DAY = 86_400
TRIES = 20
"""Lost races before a request is told to come back in a second. Each one lost is a request that was let in."""
UNKNOWN_NETWORK = "unknown"
"""The bucket of all whose address can't be read."""
_IPV4_BITS, _IPV6_BITS = 24, 56


@dataclass(frozen=True, slots=True)
class Rule:
    """At most ``capacity`` at once; each comes back after its share of ``per_seconds``. Nothing is kept for over a day.

    Over any span of ``per_seconds`` no more than twice ``capacity`` are let in: what was saved up, and what came back.
    """

    capacity: int
    per_seconds: int

    def __post_init__(self) -> None:
        if self.capacity < 1 or not 1 <= self.per_seconds <= DAY:
            raise ValueError(f"{self.capacity} in {self.per_seconds} seconds is no rule")

    @property
    def share(self) -> int:
        """Milliseconds after which one comes back."""
        return ceil(self.per_seconds * 1000 / self.capacity)


PER_ADDRESS = Rule(3, DAY)
"""A person mistypes, loses the mail and asks again; nobody asks a fourth time, but who wants to fill an inbox does."""
PER_NETWORK = Rule(20, 3600)
"""A workshop at a school, where everybody subscribes within the hour from one address."""
PER_SITE = Rule(600, 3600)
"""Beyond what a talk with a link on the last slide brings; list bombers came with one request in 25 seconds and up."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of a kind (``name``), for one ``key`` of that kind: an id of a person, a network, a site."""

    name: str
    key: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether there was room. If not, which bucket (its name) had none, and when to ask again."""

    ok: bool
    retry_after_seconds: int = 0
    name: str = ""


def subscribe_buckets(sid: str, ip: str, *, whole_site: bool = True) -> tuple[Bucket, ...]:
    """What a request to subscribe must find room in. ``whole_site`` False: it has proven work instead."""
    own = Bucket("address", sid, PER_ADDRESS), Bucket("network", network_prefix(ip), PER_NETWORK)
    return (*own, Bucket("site", "", PER_SITE)) if whole_site else own


class Limits:
    """Buckets in the store. ``key`` (such as ``Secrets.sid_key``) keys their names, so that no network can be read.

    A bucket is one moment: when it will be full again (GCRA, the "virtual scheduling" of ITU-T I.371). Then it
    expires, since a full one and none are the same. Who is refused only reads: a flood leaves nothing behind.
    """

    def __init__(self, table: Table, key: bytes = b"") -> None:
        self._table, self._key = table, hashlib.sha256(key).digest()

    def take(self, name: str, key: str, rule: Rule, now: datetime) -> Taken:
        """Take one from one bucket."""
        return self.take_all([Bucket(name, key, rule)], now)

    def take_all(self, buckets: Sequence[Bucket], now: datetime) -> Taken:
        """Take one from each of at most 100 buckets, or from none where any of them is empty."""
        moment = int(now.timestamp() * 1000)
        for _ in range(TRIES):
            found = self._table.get_many([self._place(bucket) for bucket in buckets])
            taken, writes = self._decide(buckets, found, moment)
            if not taken.ok:
                return taken
            try:
                self._table.transact(writes)
            except ConflictError:
                continue
            return taken
        return Taken(False, 1, buckets[-1].name)

    def look(self, bucket: Bucket) -> Item | None:
        """What is stored of a bucket; None where it is full."""
        return self._table.get(self._place(bucket))

    def _decide(
        self, buckets: Sequence[Bucket], found: Mapping[Key, Item], moment: int
    ) -> tuple[Taken, Sequence[Write]]:
        writes: list[Write] = []
        waits = [(0, "")]
        for bucket in buckets:
            place = self._place(bucket)
            item = found.get(place)
            full, wait = _next(item, bucket.rule, moment)
            waits.append((wait, bucket.name))
            data, expires = {"full": full}, ceil(full / 1000)
            writes.append(Replace(item, data, expires) if item else Insert(place, data, expires))
        wait, name = max(waits)
        return (Taken(False, ceil(wait / 1000), name), ()) if wait > 0 else (Taken(True), writes)

    def _place(self, bucket: Bucket) -> Key:
        text = bucket.key.encode("utf-8", "backslashreplace")
        digest = hashlib.blake2b(text, key=self._key, digest_size=16).hexdigest()
        return Key(f"LIMIT#{bucket.name}#{digest}", "-")


def network_prefix(ip: str) -> str:
    """The network of a client: IPv4 by its first 24 bits, IPv6 by 56, what one household or office is given.

    IPv4 inside IPv6 (::ffff:192.0.2.1) is IPv4. All that is no address shares one bucket.
    """
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return UNKNOWN_NETWORK
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if isinstance(address, ipaddress.IPv4Address):
        return str(ipaddress.IPv4Network((int(address), _IPV4_BITS), strict=False))
    return str(ipaddress.IPv6Network((int(address), _IPV6_BITS), strict=False))


def _next(item: Item | None, rule: Rule, moment: int) -> tuple[int, int]:
    """When the bucket is full again once one is taken; and for how long there is none to take. Milliseconds."""
    most = rule.share * rule.capacity
    full = max(int(item.data["full"]) if item else 0, moment)
    if full > moment + 2 * most:  # written under a clock that was wrong, for those of two machines never differ so much
        full = moment
    return full + rule.share, full + rule.share - moment - most
