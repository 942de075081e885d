"""Where a fetch may go: our own deny list of address blocks, what an operator allows beside it, and name resolution.

Python's own flags pass 100.64.0.1, 192.88.99.1, 2002:a9fe:a9fe::1 and fec0::1, and differ between versions.
"""

import re
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from chalicelib.collect.found import SourceError

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
"""Host and port to numeric addresses. Raises OSError or UnicodeError where there are none."""

_BLOCKS = {
    "this machine": "127.0.0.0/8 ::1/128",
    "no address of a machine": "0.0.0.0/8 ::/128",
    "a private network": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7 fec0::/10",
    "a provider's own network": "100.64.0.0/10 168.63.129.16/32",  # RFC 6598; Azure's answers for its machines
    "the local link, where clouds keep credentials": "169.254.0.0/16 fe80::/10",
    "reserved for protocols": "192.0.0.0/24 192.88.99.0/24 240.0.0.0/4 100::/64 2001::/23",
    "for documents and measurements": "192.0.2.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 2001:db8::/32"
    " 3fff::/20",
    "a multicast group": "224.0.0.0/4 ff00::/8",
    "an IPv4 address in disguise": "::ffff:0:0/96 ::/96 64:ff9b::/96 64:ff9b:1::/48 2002::/16",
    "outside of what the internet uses": "::/3 4000::/2 8000::/1 3ffe::/16",  # all but 2000::/3 (RFC 4291, 2.4)
}
DENIED: tuple[tuple[IPv4Network | IPv6Network, str], ...] = tuple(
    (ip_network(block), words) for words, blocks in _BLOCKS.items() for block in blocks.split()
)
"""Every block that is not the public internet's (IANA's special-purpose registries, RFC 6890), and what it is."""
_ISATAP = {0x00005EFE, 0x02005EFE}


@dataclass(frozen=True, slots=True)
class Allowed:
    """What an operator lets fetches reach although it is denied: networks, and hosts whatever they resolve to."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "Allowed":
        """From addresses, CIDR blocks and host names. Raises ValueError for a broken block."""
        networks, hosts = [], set()
        for text in texts:
            if "/" in text or ":" in text or re.fullmatch(r"[0-9.]+", text):
                networks.append(ip_network(text, strict=False))
            else:
                hosts.add(text.lower().rstrip("."))
        return cls(tuple(networks), frozenset(hosts))

    def host(self, name: str) -> bool:
        """Whether a host is trusted by its name."""
        return name.lower().rstrip(".") in self.hosts

    def address(self, address: Address) -> bool:
        """Whether an address is in an allowed network."""
        return any(address in network for network in self.networks)


def why_denied(address: str, allowed: Allowed) -> str:
    """What a numeric address is that must not be reached, or ''. IPv4 inside IPv6 is looked at as well."""
    try:
        outer = ip_address(address.split("%")[0])
    except ValueError:
        return "no address"
    for inner in (outer, *_embedded(outer)):
        words = next((words for network, words in DENIED if inner in network), "")
        if words and not allowed.address(inner):
            return words
    return ""


def _embedded(address: Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that an IPv6 address carries or is translated to."""
    if isinstance(address, IPv4Address):
        return
    number = int(address)
    last = IPv4Address(number & 0xFFFFFFFF)
    if number >> 32 in {0, 0xFFFF, 0x64FF9B << 64} or (number >> 32) & 0xFFFFFFFF in _ISATAP:
        yield last  # compatible, mapped, NAT64 (RFC 6052), ISATAP (RFC 5214)
    elif number >> 80 == 0x64FF9B0001:  # NAT64 with a /48 prefix leaves out bits 64 to 71 (RFC 6052, 2.2)
        yield IPv4Address((number >> 64 & 0xFFFF) << 16 | (number >> 40 & 0xFFFF))
    elif address.sixtofour:
        yield address.sixtofour
    elif address.teredo:
        yield from address.teredo


def addresses(host: str, port: int, allowed: Allowed, resolve: Resolve, seconds: float) -> list[str]:
    """The addresses of a host that may be connected to, resolved once. Raises SourceError where there are none."""
    found = _resolved(host, port, resolve, seconds)
    if allowed.host(host):
        return found
    reasons = {address: why_denied(address, allowed) for address in found}
    good = [address for address, reason in reasons.items() if not reason]
    if not good:
        address, reason = next(iter(reasons.items()))
        raise SourceError(refusal(host, address, reason))
    return good


def refusal(host: str, address: str, reason: str) -> str:
    """Why an address is not fetched, and what to do where it is meant."""
    where = f"{host} leads to {address}" if host != address else address
    return f"is not fetched: {where}, {reason}; if it is meant, an operator allows it in SENDBRIEF_FETCH_ALLOW"


def _resolved(host: str, port: int, resolve: Resolve, seconds: float) -> list[str]:
    """What ``resolve`` answers within the time. It can't be stopped, so it gets a thread of its own and is left."""
    try:
        return [str(ip_address(host))]
    except ValueError:
        pass
    answers: list[list[str] | Exception] = []

    def ask() -> None:
        try:
            answers.append(list(dict.fromkeys(resolve(host, port))))
        except (OSError, ValueError) as error:
            answers.append(error)

    thread = threading.Thread(target=ask, name="resolve", daemon=True)
    thread.start()
    thread.join(seconds)
    if not answers:
        raise SourceError("took too long to answer: its host name was not resolved in time")
    if isinstance(answers[0], Exception) or not answers[0]:
        raise SourceError(f"can't be found: the host name {host[:100]} can't be resolved")
    return answers[0]


def system_resolve(host: str, port: int) -> list[str]:
    """The operating system's answer, in its order of preference."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(place[0]) for *_, place in found]
