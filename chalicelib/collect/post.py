"""Posting to an address that an editor named, by the guarded client that fetches sources. No redirect is followed."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from chalicelib import __version__
from chalicelib.collect.guard import Allowed
from chalicelib.collect.politeness import asked_to_wait
from chalicelib.collect.wire import Deadline, Network, asked, target_of
from chalicelib.content.markup import one_line

DEADLINE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Posted:
    """How a server answered; ``wait`` is what its Retry-After asks for. The body of its answer is never read."""

    status: int
    wait: timedelta | None = None


Post = Callable[[str, Mapping[str, str], bytes], Posted]
"""Hands bytes over to an address. Raises SourceError in plain words where there was no answer."""


def poster(
    site_url: str, *, allow: Iterable[str] = (), deadline: float = DEADLINE_SECONDS, network: Network | None = None
) -> Post:
    """A Post. ``deadline`` is in seconds, from resolving the name to the head of the answer.

    ``allow`` names networks (CIDR) and hosts that may be reached although they are not on the public internet.
    """
    guarded = replace(network or Network(), allowed=Allowed.parse(allow))
    agent = one_line(f"Sendbrief/{__version__} (+{site_url.encode('ascii', 'ignore').decode()})", 300)

    def post(url: str, headers: Mapping[str, str], body: bytes) -> Posted:
        bears = {"User-Agent": agent, "Accept-Encoding": "identity", "Connection": "close", **headers}
        with asked(target_of(url), bears, guarded, Deadline(deadline), body) as answer:
            retry_after = answer.headers.get("Retry-After", "")
            wait = asked_to_wait(retry_after, answer.headers.get("Date", "")) if retry_after else None
            return Posted(answer.status, wait)

    return post
