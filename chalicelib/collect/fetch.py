"""Fetching sources: redirects hop by hop, what each answer means, and files beside content/. All go through here.

Lives behind ``Fetch`` so that the collector can be run on anything that answers like it.
"""

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urljoin

from chalicelib import __version__
from chalicelib.collect.found import SourceError
from chalicelib.collect.guard import Allowed
from chalicelib.collect.politeness import FIRST_WAIT, Gates, asked_to_wait
from chalicelib.collect.wire import MAX_BYTES, Answer, Deadline, Network, Target, asked, target_of
from chalicelib.content.markup import one_line

DEADLINE_SECONDS = 20.0
MAX_REDIRECTS = 5
_ACCEPT = "application/atom+xml, application/rss+xml, application/feed+json, text/calendar, */*;q=0.5"
_FOREVER, _FOR_NOW = {301, 308}, {302, 303, 307}


@dataclass(frozen=True, slots=True)
class Validators:
    """What the last answer gave to ask 'changed since?' with (RFC 9110, 13.1)."""

    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer. ``body`` is None where nothing changed since (304).

    ``url`` is where it came from in the end; ``moved_to`` where it says that it will be found from now on, or ''.
    ``took`` is how long the answer was waited for, in milliseconds; who asks notes it.
    """

    body: bytes | None
    url: str
    validators: Validators = Validators()
    moved_to: str = ""
    took: int = 0


class GoneError(SourceError):
    """The server says that the source has ended (410)."""


class BusyError(SourceError):
    """The server asks to be left alone (429, 503) for ``wait``; None where it does not say how long."""

    def __init__(self, words: str, wait: timedelta | None = None) -> None:
        super().__init__(words)
        self.wait = wait


Fetch = Callable[[str, Validators], Fetched]
"""Gets a location; raises SourceError with plain words, GoneError and BusyError among them."""


def fetcher(
    root: Path,
    site_url: str,
    *,
    deadline: float = DEADLINE_SECONDS,
    allow: Iterable[str] = (),
    network: Network | None = None,
) -> Fetch:
    """A Fetch for one run over a site: URLs by HTTP(S), anything else as a path beside content/.

    ``deadline`` is in seconds, for all hops of a redirect together. ``allow`` names networks (CIDR) and hosts that
    may be reached although they are not on the public internet.
    """
    visit = _Visit(site_url, deadline, replace(network or Network(), allowed=Allowed.parse(allow)))

    def fetch(location: str, known: Validators) -> Fetched:
        scheme = location.split(":")[0].strip().lower()
        if scheme in {"http", "https"}:
            return visit.fetch(location.strip(), known)
        if "://" in location or re.fullmatch("data|javascript|file|gopher|jar|dict", scheme):
            raise SourceError(f"'{one_line(scheme, 20)}:' addresses are not fetched; use https:// or a path")
        return _read_file(root, location)

    return fetch


def _read_file(root: Path, location: str) -> Fetched:
    homes = (root, root / "content")
    try:
        path = next((path for home in homes if (path := home / location).exists()), root / location)
        if not any(path.resolve().is_relative_to(home.resolve()) for home in homes):
            raise SourceError(f"the file {location} lies outside of the site; only its own files are read")
        if path.exists() and not path.is_file() and not path.is_dir():
            raise SourceError(f"{location} is no regular file")
        with path.open("rb") as file:
            body = file.read(MAX_BYTES + 1)
    except (OSError, ValueError, RuntimeError) as error:  # a NUL in the path, a loop of links
        raise SourceError(f"the file {location!r} can't be read: {getattr(error, 'strerror', error)}") from None
    if len(body) > MAX_BYTES:
        raise SourceError(f"the file {location} is larger than {MAX_BYTES // 1024 // 1024} MB")
    return Fetched(body, "")


@dataclass(slots=True)
class _Visit:
    """All fetches of one run: they share what servers asked for."""

    site_url: str
    deadline: float
    network: Network
    gates: Gates = field(default_factory=Gates)
    resting: dict[str, timedelta] = field(default_factory=dict)
    """Servers that asked to be left alone, and for how long."""

    def fetch(self, url: str, known: Validators) -> Fetched:
        """Follow a URL to its answer."""
        deadline, moved_to, lasting = Deadline(self.deadline), "", True
        target = target_of(url)
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._ask(target, known, deadline)
            if isinstance(answer, Fetched):
                return Fetched(answer.body, answer.url, answer.validators, moved_to)
            status, following = answer
            if target.scheme == "https" and following.scheme == "http":
                raise SourceError(f"redirects from https to http, to {following.url[:200]}, which is not followed")
            lasting = lasting and status in _FOREVER
            target, moved_to = following, following.url if lasting else moved_to
        raise SourceError("redirects too often")

    def _ask(self, target: Target, known: Validators, deadline: Deadline) -> Fetched | tuple[int, Target]:
        """One hop: an answer, or the status and target of a redirect."""
        with self.gates.through(target.server, deadline.left()):
            if target.server in self.resting:
                words = f"was not asked: {target.host} told another source to wait"
                raise BusyError(words, self.resting[target.server])
            with asked(target, self._headers(known), self.network, deadline) as answer:
                status = answer.status
                validators = Validators(_kept(answer, "ETag"), _kept(answer, "Last-Modified"))
                if status == 200:
                    return Fetched(answer.read(), target.url, validators)
                if status == 304 and known != Validators():
                    return Fetched(None, target.url, known)
                if status in _FOREVER | _FOR_NOW:
                    return status, _following(target, answer)
                raise self._failure(target, answer)

    def _headers(self, known: Validators) -> dict[str, str]:
        site = self.site_url.encode("ascii", "ignore").decode()
        headers = {
            "User-Agent": one_line(f"Sendbrief/{__version__} (+{site})", 300),
            "Accept": _ACCEPT,
            "Accept-Encoding": "gzip, deflate",
            "Connection": "close",
        }
        if known.etag:
            headers["If-None-Match"] = known.etag
        if known.last_modified:
            headers["If-Modified-Since"] = known.last_modified
        return headers

    def _failure(self, target: Target, answer: Answer) -> SourceError:
        """What a status that is neither an answer nor a redirect means."""
        words = f"answered {answer.status} {one_line(answer.reason, 60)}".strip()
        wait = asked_to_wait(answer.headers.get("Retry-After", ""), answer.headers.get("Date", ""))
        if answer.status == 410:
            return GoneError(f"{words}: it has ended, and is asked no more until its address in site.yaml changes")
        if answer.status == 429 or (answer.status == 503 and wait is not None):
            if wait != timedelta():
                self.resting[target.server] = wait or FIRST_WAIT
            return BusyError(words, wait)
        if answer.status == 304:
            return SourceError("answered that nothing has changed, which nobody had asked")
        return SourceError(words)


def _kept(answer: Answer, name: str) -> str:
    """A validator that can be sent again as it came; one with strange letters is not used."""
    value = answer.headers.get(name, "")
    return value if value.isascii() and value.isprintable() and len(value) < 1000 else ""


def _following(target: Target, answer: Answer) -> Target:
    location = answer.headers.get("Location", "")
    if not location:
        raise SourceError(f"answered {answer.status}, a redirect, but not where to")
    with suppress(UnicodeError):  # headers come as Latin-1; some put UTF-8 in them
        location = location.encode("latin-1").decode("utf-8")
    try:
        return target_of(urljoin(target.url, location.strip().replace(" ", "%20")))
    except ValueError:  # urljoin, of a broken IPv6 address
        raise SourceError("the address, or the one it redirects to, is no web address") from None
