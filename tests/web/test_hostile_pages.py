"""Strangers at the pages for readers: nothing changes by being read, nothing breaks, nothing comes back unescaped."""

import random
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from chalicelib.audience.choices import Choices
from chalicelib.audience.signup import Request
from chalicelib.runtime import Runtime
from tests.web.answers import Answer
from tests.web.browsing import at, body, everything, tasks
from tests.web.client import Client
from tests.web.site import AFTER, subscribe

MARKER = "<i>zq7"
METHODS = ("GET", "HEAD", "POST", "POST", "POST", "PUT", "DELETE", "PATCH")
TYPES = (
    "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-16", "multipart/form-data",
    "multipart/form-data; boundary=x", "application/json", "text/plain", "", "x" * 300, "image/png;base64",
)  # fmt: skip
FIELDS = (
    "form", "comment", "address", "name", "newsletter", "language", "act", "pause", "why", "words", "anyway", "had",
    "topics.harbour-log", "topic.harbour-log", "cadence.harbour-log", "challenge", "answer", "forget_name", "",
)  # fmt: skip
VALUES = (
    "", "x", "harbour-log", "all", "chosen", "address", "data", "save", "de", "2026-12-24", "9" * 400, "\x00\r\n",
    "\u202e\ud800", "ada@example.org", "a@" * 200, MARKER, f"{MARKER}@example.org", "../../etc/passwd",
    "{{ 7*7 }}", "%", "&;=",
)  # fmt: skip


@pytest.fixture
def links(fresh: Runtime) -> dict[str, str]:
    """A good link for each door, of one person who has something pending everywhere."""
    at(fresh)
    sid = subscribe(fresh, "ada@example.org", name="Ada")
    asked = Request("ada@example.org", "Ada", "en", {"storm-warnings": Choices()}, "subscribe/1", "0" * 64, AFTER)
    fresh.signups.ask(sid, asked, AFTER)
    new = fresh.audience.sid("new@example.org")
    fresh.moves.ask(sid, new, "new@example.org", AFTER)
    return {
        "subscribe": "/subscribe",
        "p": f"/p/{fresh.preferences.make(sid, 'harbour-log', AFTER)}",
        "c": f"/c/{fresh.confirmations.make(sid, '', AFTER)}",
        "a": f"/a/{fresh.changes.make(sid, new, AFTER)}",
        "u": f"/u/{fresh.tokens.make(sid, 'harbour-log')}",
        "d": f"/d/{fresh.data_links.make(sid, '', AFTER)}",
        "erase": f"/d/{fresh.data_links.make(sid, '', AFTER)}/erase",
    }


def test_reading_anything_changes_nothing(client: Client, fresh: Runtime, links: dict[str, str]) -> None:
    before = everything(fresh)
    queries = ("", "?lang=de", "?act=all", "?form=x&act=data", f"?newsletter={quote(MARKER)}&address={quote(MARKER)}")
    for link in (*links.values(), "/", "/archive", "/archive/harbour-log"):
        for query in queries:
            for method in ("GET", "HEAD"):
                answer = client.request(method, link + query)
                assert answer.status == 200, link
                assert MARKER not in answer.text
    assert (everything(fresh), tasks(fresh)) == (before, [])


def test_every_page_is_there_in_english_and_german(client: Client, links: dict[str, str]) -> None:
    for link in links.values():
        pages = [client.get(f"{link}?lang={language}").text for language in ("en", "de")]
        assert ['<html lang="en"' in page for page in pages] == [True, False]
        assert ["Ihre" in page or "Sie " in page for page in pages] == [False, True], link
        assert not any("!" in page.partition("<main")[2] for page in pages), "no exclamation marks"


def requests(count: int, link: str, seed: int) -> Iterator[tuple[str, str, dict[str, str], bytes]]:
    """Method, path, headers and body of so many requests around a link."""
    chance = random.Random(seed)
    for _ in range(count):
        token = mangled(link, chance)
        query = f"?{''.join(field(chance) for _ in range(chance.randrange(3)))}" if chance.random() < 0.4 else ""
        headers = {
            "Content-Type": chance.choice(TYPES),
            "Accept-Language": chance.choice(("de", "xx;q=9", MARKER, "*" * 900)),
        }
        raw = "".join(field(chance) for _ in range(chance.randrange(12))).encode()
        raw = raw * chance.choice((1, 1, 1, 50)) if chance.random() < 0.9 else chance.randbytes(200)
        yield chance.choice(METHODS), token + query, headers, raw


def field(chance: random.Random) -> str:
    value = chance.choice(VALUES).encode("utf-8", "surrogatepass")
    return f"{quote(chance.choice(FIELDS))}={quote(value)}&"


def mangled(link: str, chance: random.Random) -> str:
    """The link itself in half of all cases, else with another token."""
    kind = chance.randrange(8)
    if kind < 4 or link == "/subscribe":
        return link
    _, door, token, *rest = link.split("/")
    place = chance.randrange(len(token))
    other = (
        token[:place] or "x",
        token[:place] + chance.choice("abcXYZ019-_.") + token[place + 1 :],
        quote(MARKER),
        quote(chance.choice(("\x00", "\u202e", "ü" * 80, "a" * 3000))),
    )[kind - 4]
    return "/".join(("", door, other, *rest))


def check(client: Client, link: str, count: int, seed: int) -> None:
    for method, path, headers, raw in requests(count, link, seed):
        try:
            raw.decode()
        except UnicodeDecodeError:
            headers = {**headers, "Content-Type": "*/*"}  # chalice's own client takes no other for what is no text
        answer = client.request(method, path, headers, raw)
        assert answer.status in {200, 400, 403, 404, 405, 410, 413, 429}, (method, path, raw[:200])
        assert calm(answer), (method, path, raw[:200])


def calm(answer: Answer) -> bool:
    if answer.headers["content-type"].startswith("application/json"):
        return True  # one's own data as a file
    return MARKER not in answer.text


DOORS = ("subscribe", "p", "c", "a", "u", "d", "erase")


@pytest.mark.parametrize("door", DOORS)
def test_two_hundred_hostile_requests_at_each_door(client: Client, links: dict[str, str], door: str) -> None:
    check(client, links[door], 200, seed=7)


@pytest.mark.slow
@pytest.mark.parametrize("door", DOORS)
def test_five_thousand_hostile_requests_at_each_door(client: Client, links: dict[str, str], door: str) -> None:
    check(client, links[door], 5000, seed=11)


def test_errors_are_pages_of_the_same_look(client: Client, links: dict[str, str]) -> None:
    big = body({"address": "x" * 20_000})
    told = {
        400: client.post("/subscribe", b"{}", "application/json"), 404: client.get("/u/x"),
        405: client.request("PUT", "/subscribe"), 413: client.post("/subscribe", big),
    }  # fmt: skip
    for status, page in told.items():
        assert page.status == status
        assert '<hr class="rule">' in page.text
        assert "<h1>" in page.text
