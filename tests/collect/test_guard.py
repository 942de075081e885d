"""No spelling, redirect or rebound name leads a fetch to a private address: a listener sees no connection."""

import ipaddress
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from ssl import SSLContext, create_default_context
from time import monotonic, sleep

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.collect.fetch import Fetched, Validators, fetcher
from chalicelib.collect.found import SourceError
from chalicelib.collect.guard import DENIED, Allowed, addresses, why_denied
from chalicelib.collect.wire import Network, dial
from tests.collect.servers import Server, answer, redirect, serving
from tests.transports.certificates import Authority

PUBLIC, START = "93.184.215.14", "start.example.org"
NAMES = {
    "localhost": ["127.0.0.1"], "sub.localhost": ["127.0.0.1"], "localhost.localdomain": ["127.0.0.1"],
    "ip6-localhost": ["::1"], "127.0.0.1.nip.example.org": ["127.0.0.1"], "both.example.org": ["127.0.0.1", "::1"],
    "mapped.example.org": ["::ffff:127.0.0.1"], "metadata.example.org": ["169.254.169.254"], START: ["127.0.0.1"],
    "example.org": [PUBLIC],
}  # fmt: skip
HOSTS = (
    """
127.0.0.1 127.1 127.0.1 127.127.127.127 2130706433 0x7f000001 0x7f.1 0x7f.0.0.1 0x7f.0x0.0x0.0x1 0X7F.1 017700000001
0177.1 0177.0.0.1 00000177.1 0177.0x0.1 127.0.0.0x1 127.0x0.1 127.00.00.01 0 00 0x0 0.0 0.0.0.0 127.0.0.1. 127.1.
2130706433. localhost LOCALHOST LocalHost localhost. sub.localhost localhost.localdomain ip6-localhost
127.0.0.1.nip.example.org both.example.org mapped.example.org metadata.example.org
%31%32%37.0.0.1 127%2e0%2e0%2e1 %6c%6f%63alhost 127.0.0.1%00.example.org 127.0.0.1%2f.example.org 127.0.0.1%23
[::1] [0:0:0:0:0:0:0:1] [0000:0000:0000:0000:0000:0000:0000:0001] [::0001] [::] [0::0] [::ffff:127.0.0.1]
[::ffff:7f00:1] [::FFFF:127.0.0.1] [0:0:0:0:0:ffff:127.0.0.1] [::127.0.0.1] [::7f00:1] [64:ff9b::127.0.0.1]
[64:ff9b::7f00:1] [64:ff9b:1::7f00:1] [64:ff9b:1:7f00:0:100::] [2002:7f00:1::] [2002:7f00:1::1] [2002:a9fe:a9fe::1]
[2001:0:7f00:1::1] [fe80::1] [fe80::1%25lo] [::1%25lo] [fec0::1] [fc00::1] [fd00:ec2::254] [ff02::1] [100::1]
１２７.０.０.１ 127。0。0。1 127．0．0．1 127｡0｡0｡1 ①②⑦.⓪.⓪.① ①②⑦.0.0.1 ⓛⓞⓒⓐⓛⓗⓞⓢⓣ ｌｏｃａｌｈｏｓｔ localhoſt [：：1]
169.254.169.254 0xA9FEA9FE 2852039166 169.254.43518 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1
100.100.100.200 168.63.129.16 192.0.0.192 192.88.99.1 198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255
""".encode()
    .decode("unicode_escape")
    .encode("latin-1")
    .decode()
    .split()
)
URLS = [
    *("{scheme}://" + host + ":{port}/feed" for host in HOSTS),
    "{scheme}://example.org@127.0.0.1:{port}/", "{scheme}://user:word@127.1:{port}/", "{scheme}://@127.0.0.1:{port}/",
    "{scheme}://example.org:80@127.0.0.1:{port}/", "{scheme}://127.0.0.1:{port}@example.org/",
    "{scheme}://example.org%40127.0.0.1:{port}/", "{scheme}://example.org\\@127.0.0.1:{port}/",
    "{scheme}://127.0.0.1:{port}\\@example.org/", "{scheme}://127.0.0.1:{port}#@example.org/",
    "{scheme}://127.0.0.1:{port}?@example.org/", "{scheme}:\\\\127.0.0.1:{port}\\", "{scheme}:/\\127.0.0.1:{port}/",
    "{scheme}://127.0.0.1\t:{port}/", "{scheme}://\t127.0.0.1:{port}/", "{scheme}:// 127.0.0.1:{port}/",
    "\t{scheme}://127.0.0.1:{port}/", " {scheme}://127.0.0.1:{port}/", "{scheme}://127.0.0.1:{port} /",
    "{scheme}:/127.0.0.1:{port}/", "{scheme}:127.0.0.1:{port}/", "{scheme}:///127.0.0.1:{port}/",
    "//127.0.0.1:{port}/", "\\\\127.0.0.1:{port}/", "/\\127.0.0.1:{port}/", "url:{scheme}://127.0.0.1:{port}/",
    "file:///etc/passwd", "file://127.0.0.1:{port}/etc/passwd", "gopher://127.0.0.1:{port}/_GET",
    "data:text/xml,<rss/>",    "ftp://127.0.0.1:{port}/", "dict://127.0.0.1:{port}/", "ldap://127.0.0.1:{port}/", "jar:http://127.0.0.1:{port}!/",
    "ws://127.0.0.1:{port}/", "javascript:fetch('http://127.0.0.1:{port}')", "unix:///run/docker.sock",
]  # fmt: skip


def generous(host: str, port: int) -> list[str]:
    """A resolver that takes every number for an address, as C libraries do, and knows the names of this test."""
    name = host.lower().rstrip(".")
    with suppress(socket.gaierror):
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        return [str(place[0]) for *_, place in found]
    if name not in NAMES:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")
    return NAMES[name]


@dataclass
class Net:
    """A listener on this machine, servers that redirect, and who was dialled."""

    listener: Server
    second: Server | None
    starts: dict[str, Server]
    context: SSLContext
    location: bytes = b""
    dialled: list[str] = field(default_factory=list)

    def dial(self, address: str, port: int, seconds: float) -> socket.socket:
        self.dialled.append(address)
        if not ipaddress.ip_address(address).is_loopback:
            raise ConnectionRefusedError(111, "nobody there")
        return dial(address, port, seconds)

    def get(self, url: str, *, allow: Sequence[str] = (), resolve: object = generous) -> Fetched:
        network = Network(resolve=resolve, dial=self.dial, tls=lambda: self.context)  # type: ignore[arg-type]
        return fetcher(Path("nowhere"), "", deadline=5, allow=allow, network=network)(url, Validators())

    @property
    def came(self) -> int:
        return self.listener.settled() + (self.second.settled() if self.second else 0)

    def url(self, template: str, scheme: str) -> str:
        return template.replace("{scheme}", scheme).replace("{port}", str(self.listener.port))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    authority = Authority(tmp_path_factory.mktemp("tls"))
    context = create_default_context(cafile=str(authority.pem))
    with ExitStack() as stack:
        net: Net
        plain = stack.enter_context(serving(lambda path: redirect(net.location)))
        secure = stack.enter_context(serving(lambda path: redirect(net.location), tls=authority.server(START)))
        listener = stack.enter_context(serving(lambda path: answer(), host="0.0.0.0"))
        second = None
        with suppress(OSError):  # a machine without IPv6
            second = stack.enter_context(serving(lambda path: answer(), host="::1"))
        net = Net(listener, second, {"http": plain, "https": secure}, context)
        yield net


@pytest.fixture
def net(servers: Net) -> Net:
    servers.dialled.clear()
    assert servers.came >= 0  # whom an earlier test sent is counted for that one
    servers.listener.connections = 0
    if servers.second:
        servers.second.connections = 0
    return servers


def test_there_are_many_spellings() -> None:
    assert len(HOSTS) > 90
    assert len(URLS) == len(set(URLS)) > 120


@pytest.mark.parametrize("scheme", ["http", "https", "HTTP", "hTTpS"])
@pytest.mark.parametrize("template", URLS, ids=ascii)
def test_directly(net: Net, template: str, scheme: str) -> None:
    with pytest.raises(SourceError) as caught:
        net.get(net.url(template, scheme))
    assert (net.dialled, net.came) == ([], 0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("template", URLS, ids=ascii)
def test_by_a_redirect(net: Net, template: str, scheme: str) -> None:
    net.location = net.url(template, scheme).encode()
    start = net.starts[scheme]
    before = start.connections
    with suppress(SourceError):  # what is relative to the server itself leads back there, until it is too often
        net.get(f"{scheme}://{START}:{start.port}/", allow=[START])
        pytest.fail("this leads nowhere")
    assert set(net.dialled) == {"127.0.0.1"}
    assert len(net.dialled) == start.connections - before
    assert net.came == 0


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", HOSTS, ids=ascii)
def test_by_a_name_that_is_rebound(net: Net, host: str, scheme: str) -> None:
    """The first answer is public, all others are not: only the first is asked for, and only it is dialled."""
    answers: list[list[str]] = [[PUBLIC]]
    with suppress(OSError):
        answers += [generous(host.strip("[]"), 80)] * 5
    asked: list[str] = []

    def rebinding(name: str, port: int) -> list[str]:
        asked.append(name)
        return answers[min(len(asked), len(answers)) - 1]

    with pytest.raises(SourceError, match="the connection was refused"):
        net.get(f"{scheme}://rebound.example.org:{net.listener.port}/", resolve=rebinding)
    assert (asked, net.dialled, net.came) == (["rebound.example.org"], [PUBLIC], 0)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_name_rebound_between_hops_is_checked_at_each(net: Net, scheme: str) -> None:
    start, asked = net.starts[scheme], list[str]()
    net.location = f"{scheme}://{START}:{net.listener.port}/".encode()

    def rebinding(name: str, port: int) -> list[str]:
        asked.append(name)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1", "::1"]

    with pytest.raises(SourceError, match=r"10\.0\.0\.1, a private network"):
        net.get(f"{scheme}://{START}:{start.port}/", allow=["127.0.0.1"], resolve=rebinding)
    assert (asked, net.dialled, net.came) == ([START, START], ["127.0.0.1"], 0)


def test_the_pinned_address_is_the_one_that_is_connected_to(net: Net) -> None:
    """The name would lead elsewhere by now; the request still bears it."""
    answers = [["127.0.0.2"], ["127.0.0.3"]]
    fetched = net.get(
        f"http://pinned.example.org:{net.listener.port}/a?b=c#d", allow=["127.0.0.2"], resolve=lambda *_: answers.pop(0)
    )
    assert (fetched.body, net.dialled, answers) == (b"<rss/>", ["127.0.0.2"], [["127.0.0.3"]])
    request = net.listener.requests[-1]
    assert request.startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert f"\r\nHost: pinned.example.org:{net.listener.port}\r\n".encode() in request


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_who_answers_is_looked_at_before_a_byte_is_sent(net: Net, scheme: str) -> None:
    """A machine whose network leads a public address to itself."""
    network = Network(resolve=lambda *_: [PUBLIC], dial=lambda _, port, seconds: dial("127.0.0.1", port, seconds))
    before = len(net.listener.requests)
    with pytest.raises(SourceError, match=r"leads to 127\.0\.0\.1, this machine"):
        fetcher(Path("nowhere"), "", network=network)(f"{scheme}://a.example.org:{net.listener.port}/", Validators())
    until = monotonic() + 10
    while len(net.listener.requests) == before and monotonic() < until:
        sleep(0.01)
    assert net.listener.requests[before:] == [b""]


def test_only_addresses_that_may_be_reached_are_tried(net: Net) -> None:
    with pytest.raises(SourceError):
        net.get(f"http://mixed.example.org:{net.listener.port}/", resolve=lambda *_: ["127.0.0.1", PUBLIC, "::1"])
    assert (net.dialled, net.came) == ([PUBLIC], 0)


def test_the_guard_and_not_the_spelling_keeps_out(net: Net) -> None:
    """Most of these do lead to the listener where everything is allowed."""
    everything, reached = ["0.0.0.0/0", "::/0"], 0
    for host in HOSTS:
        if host.startswith(("127", "0", "2130", "%", "l", "L", "both")) and host.isascii():
            with suppress(SourceError):
                reached += net.get(f"http://{host}:{net.listener.port}/", allow=everything).body == b"<rss/>"
    assert reached >= 30
    assert net.came == reached


@pytest.mark.parametrize("allow", ["127.0.0.1", "127.0.0.0/8", START, START.upper() + "."])
def test_what_an_operator_allows_is_reached(net: Net, allow: str) -> None:
    assert net.get(f"http://{START}:{net.listener.port}/", allow=[allow]).body == b"<rss/>"
    with pytest.raises(SourceError, match=r"10\.0\.0\.1, a private network"):
        net.get("http://10.0.0.1/", allow=[allow])


def test_tls_is_for_the_name_and_not_for_the_address(net: Net) -> None:
    net.location = b"/again"
    port = net.starts["https"].port
    with pytest.raises(SourceError, match="redirects too often"):
        net.get(f"https://{START}.:{port}/", allow=[START])
    for host in ("other.example.org", "127.0.0.1"):
        with pytest.raises(SourceError, match=r"the TLS certificate can't be verified: (Hostname|IP address) mismatch"):
            net.get(f"https://{host}:{port}/", allow=["127.0.0.1"], resolve=lambda *_: ["127.0.0.1"])


def test_tls_is_verified(net: Net) -> None:
    network = Network(resolve=generous)
    with pytest.raises(SourceError, match="the TLS certificate can't be verified: unable to get local issuer"):
        fetcher(Path("nowhere"), "", allow=[START], network=network)(
            f"https://{START}:{net.starts['https'].port}/", Validators()
        )
    with pytest.raises(SourceError, match="no TLS connection can be made"):
        net.get(f"https://{START}:{net.starts['http'].port}/", allow=[START])


def test_https_is_not_left_for_http(net: Net) -> None:
    net.location = f"http://{START}:{net.listener.port}/".encode()
    with pytest.raises(SourceError, match=r"from https to http, to http://start\.example\.org:"):
        net.get(f"https://{START}:{net.starts['https'].port}/", allow=[START])
    assert net.came == 0


BLOCKS = """
0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24
192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 ::/128 ::1/128 ::ffff:0:0/96 ::/96
64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8
4000::/3 5f00::/16 3fff::/20 168.63.129.16/32
""".split()  # noqa: SIM905


@pytest.mark.parametrize("block", BLOCKS)
def test_denied_blocks_from_first_to_last_address(block: str) -> None:
    network = ipaddress.ip_network(block)
    for address in (network[0], network[-1], network[network.num_addresses // 2]):
        assert why_denied(str(address), Allowed())
        assert not why_denied(str(address), Allowed.parse(["0.0.0.0/0", "::/0"]))


@pytest.mark.parametrize(
    "address",
    [
        "1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
        "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0", "192.88.98.255",
        "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255", "203.0.114.0",
        "223.255.255.255", "168.63.129.15", "2000::", "2001:200::", "2001:4860:4860::8888", "2003::1",
        "2606:4700::1111", "2a00:1450:4001::1", "3ffd::1",
    ],
)  # fmt: skip
def test_neighbours_of_denied_blocks_are_public(address: str) -> None:
    assert why_denied(address, Allowed()) == ""


@given(st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address) | st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address))
def test_what_python_calls_private_is_denied_too(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if not address.is_global:
        assert why_denied(str(address), Allowed())


@given(st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address))
def test_an_ipv4_address_inside_ipv6_is_judged_as_itself(inner: ipaddress.IPv4Address) -> None:
    """Also where the operator of a network with NAT64 or 6to4 allows the prefix."""
    number = int(inner)
    forms = [
        ("::ffff:0:0/96", 0xFFFF << 32 | number),
        ("::/96", number),
        ("64:ff9b::/96", 0x64FF9B << 96 | number),
        ("64:ff9b:1::/48", 0x64FF9B0001 << 80 | (number >> 16) << 64 | (number & 0xFFFF) << 40),
        ("2002::/16", 0x2002 << 112 | number << 80),
        ("2001::/23", 0x20010000 << 96 | number << 64 | (0xFFFFFFFF ^ 0x5DB8D822)),
        ("2a00::/16", 0x2A00 << 112 | 0x5EFE << 32 | number),
    ]
    denied = bool(why_denied(str(inner), Allowed()))
    for block, form in forms:
        assert bool(why_denied(str(ipaddress.IPv6Address(form)), Allowed.parse([block]))) == denied, block


def test_every_denied_block_says_what_it_is() -> None:
    assert all(words for _, words in DENIED)
    assert len(DENIED) >= 35


@pytest.mark.parametrize("text", ["", "x", "1.2.3", "127.0.0.1.5", "::g", "1.2.3.4/8"])
def test_what_is_no_address_is_denied(text: str) -> None:
    assert why_denied(text, Allowed()) == "no address"


@pytest.mark.parametrize("failure", [socket.gaierror(-2, "x"), UnicodeError("label too long"), OSError(11, "y")])
def test_a_name_that_can_not_be_resolved(failure: Exception) -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise failure

    with pytest.raises(SourceError, match=r"the host name a\.example\.org can't be resolved"):
        addresses("a.example.org", 80, Allowed(), resolve, 5)


def test_a_resolver_that_hangs_is_left() -> None:
    until = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        until.wait(30)
        return [PUBLIC]

    with pytest.raises(SourceError, match="took too long to answer: its host name"):
        addresses("a.example.org", 80, Allowed(), resolve, 0.05)
    until.set()


@pytest.mark.parametrize("text", ["10.0.0.0/99", "1.2.3.4.5", "::g", "a/b"])
def test_a_broken_block_is_no_permission(text: str) -> None:
    with pytest.raises(ValueError, match="does not appear"):
        Allowed.parse([text])
