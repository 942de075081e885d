"""Where a request comes from: its connection, or what proxies of one's own say of theirs."""

import ipaddress
from collections.abc import Sequence

from chalice.app import Request

from chalicelib.web import house

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
MAX_HOPS = 20
"""Entries of X-Forwarded-For that are looked at, from the right; what a client wrote stands to the left."""


def client_address(request: Request) -> str:
    """The address of the client of a request, '' where none can be told.

    The connection's: on AWS what API Gateway saw (``requestContext.identity.sourceIp``), on one machine waitress.
    Where that is one of SENDBRIEF_TRUSTED_PROXIES, the right-most entry of X-Forwarded-For that is none.
    """
    identity = (request.context or {}).get("identity") or {}
    forwarded = str(request.headers.get("x-forwarded-for") or "")
    return believed(str(identity.get("sourceIp") or ""), forwarded, house.runtime().settings.trusted_proxies)


def believed(source: str, forwarded: str, proxies: Sequence[str]) -> str:
    """The client as far as ``proxies`` (networks) can be believed: from ``source`` leftwards through ``forwarded``.

    Each proxy adds whom it heard to the right, so one entry after the other is as true as the one that wrote it. An
    entry that is no address ends the chain: the client is then whoever wrote it.
    """
    networks = [ipaddress.ip_network(proxy, strict=False) for proxy in proxies]
    client = _address(source)
    for hop in reversed(forwarded.rsplit(",", MAX_HOPS)[-MAX_HOPS:]):
        if client is None or not any(client in network for network in networks):
            break
        heard = _address(hop)
        if heard is None:
            break
        client = heard
    return str(client) if client else ""


def _address(text: str) -> Address | None:
    """An address, perhaps with a port; IPv4 in IPv6's clothes (::ffff:192.0.2.1) is IPv4."""
    bare = text.strip(' \t"')
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
