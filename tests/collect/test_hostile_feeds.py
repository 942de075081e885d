"""Feeds made to hurt: each ends as entries or as a problem of its source, and opens nothing."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import islice
from pathlib import Path

import pytest

from chalicelib.collect.feed_entries import Question, question_to_json
from chalicelib.collect.feed_process import FeedProcess
from chalicelib.collect.feeds import read_feed
from chalicelib.collect.found import Found, SourceError
from chalicelib.content.values import Kind, Site
from tests.collect.hostile import ATOM, GOOD, KB, LARGE, families, feeds, item, mutation, rss
from tests.sites import NOW, feed_source, make_site

URL = "https://feeds.example.org/feed.xml"
QUESTION = question_to_json(Question("feed", Kind.POST, "", ("en",), "https://n.example.org", "UTC", URL, NOW))
MOST_MEMORY = 256 * KB * KB


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return make_site(tmp_path_factory.mktemp("site"))


def outcome(site: Site, body: bytes) -> Found | str:
    """What was found, or in which words nothing was."""
    try:
        return read_feed(site, feed_source(), body, URL, NOW)
    except SourceError as error:
        words = str(error)
        assert words.isprintable(), words
        assert len(words) <= 300
        assert "Error(" not in words
        assert "Traceback" not in words
        return words


def test_there_are_many() -> None:
    digests = [sha256(body).digest() for _, body in feeds()]
    assert len(set(digests)) >= 500
    assert digests == [sha256(body).digest() for _, body in feeds()]


@pytest.mark.timeout(300)  # a guard: each ends by itself, or is killed after ten seconds
@pytest.mark.parametrize("part", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_small_ones_end(site: Site, part: int) -> None:
    for name, body in islice(feeds(), part, None, 2):
        if len(body) <= 8 * KB:
            assert outcome(site, body), name
    assert outcome(site, GOOD[0])


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("part", range(8))
def test_larger_ones_end_or_are_ended(site: Site, part: int) -> None:
    larger = [body for _, body in islice(feeds(), part, None, 8) if len(body) > 8 * KB]
    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(lambda body: outcome(site, body), larger))
    assert isinstance(outcome(site, GOOD[0]), Found)


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("part", range(8))
def test_as_large_as_any_that_is_fetched(site: Site, part: int) -> None:
    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(lambda make: outcome(site, make(LARGE)[:LARGE]), list(families().values())[part::8]))
    assert isinstance(outcome(site, GOOD[0]), Found)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(20))
def test_mutations(part: int) -> None:
    """Two processes that read 2,500 each: none of them may die of it."""
    dead: list[str] = []

    def read(first: int) -> None:
        process = FeedProcess()
        for number in range(first, first + 2500):
            try:
                process.ask(QUESTION, mutation(number))
            except SourceError as error:
                if "than a feed may" in str(error):
                    dead.append(f"{number}: {error}")
        process.close()

    threads = [threading.Thread(target=read, args=(part * 5000 + half * 2500,)) for half in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dead == []


def test_a_few_mutations(site: Site) -> None:
    found = [outcome(site, mutation(number)) for number in range(400)]
    assert {type(one) for one in found} == {Found, str}


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """An address of this machine, and who has called there."""
    calls: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        done = threading.Event()

        def listen() -> None:
            while not done.is_set():
                try:
                    connection, address = server.accept()
                except TimeoutError:
                    continue
                connection.close()
                calls.append(str(address))

        thread = threading.Thread(target=listen)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/x", calls
        done.set()
        thread.join()


def test_reading_opens_neither_connections_nor_files(
    site: Site, listener: tuple[str, list[str]], tmp_path: Path
) -> None:
    url, calls = listener
    secret = tmp_path / "secret.xml"
    secret.write_bytes(rss(item("SECRET")))
    for target in (url, secret.as_uri(), str(secret)):
        links = f"<link>{target}</link><guid>{target}</guid><description>&lt;img src='{target}'&gt;</description>"
        bodies = [
            target.encode(),
            rss(item("A&x;"), f"<!DOCTYPE r [<!ENTITY x SYSTEM '{target}'>]>"),
            rss(item("A%x;"), f"<!DOCTYPE r [<!ENTITY % x SYSTEM '{target}'> %x;]>"),
            rss(item("A"), f"<!DOCTYPE r SYSTEM '{target}'>"),
            rss(item("A"), f"<!DOCTYPE r PUBLIC '-//x' '{target}'>"),
            rss(item("A"), f"<?xml-stylesheet href='{target}'?>"),
            rss(f"<item xml:base='{target}'><title>A</title>{links}</item>"),
            rss(f"<item>{links}<x:include xmlns:x='http://www.w3.org/2001/XInclude' href='{target}'/></item>"),
            ATOM.format(f"<entry><title>A</title><content src='{target}' type='text/html'/></entry>").encode(),
            json.dumps({"items": [{"title": "A", "url": target, "image": target}], "next_url": target}).encode(),
        ]
        for body in bodies:
            found = outcome(site, body)
            texts = [t.html for e in found.entries for t in e.texts.values()] if isinstance(found, Found) else []
            assert not any("SECRET" in text for text in texts)
    assert calls == []


def test_a_feed_that_takes_too_long_or_too_much_is_ended_and_the_next_is_read() -> None:
    slow = rss("<item " + " ".join(f"a{n}='x'" for n in range(100_000)) + "/>")
    process = FeedProcess(seconds=1)
    with pytest.raises(SourceError, match="takes more time or memory"):
        process.ask(QUESTION, slow)
    assert len(process.ask(QUESTION, GOOD[0])["entries"]) == 3
    process.close()
    small = FeedProcess(seconds=20, memory=60 * KB * KB)
    with pytest.raises(SourceError, match="memory"):
        small.ask(QUESTION, rss(item("x" * 9 * KB * KB)))
    assert len(small.ask(QUESTION, GOOD[0])["entries"]) == 3
    small.close()
    small.close()


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="only Linux tells the limits of a process")
def test_the_process_can_not_take_more_memory_than_a_feed_may() -> None:
    process = FeedProcess()
    process.ask(QUESTION, GOOD[0])
    assert process._process
    limits = Path(f"/proc/{process._process.pid}/limits").read_text()
    process.close()
    soft, hard = limits.partition("Max address space")[2].split()[:2]
    assert soft == hard
    assert 100 * KB * KB < int(hard) < MOST_MEMORY


def test_processes_end_with_the_one_that_asked() -> None:
    code = (
        "from tests.collect.test_hostile_feeds import *; import chalicelib.collect.feed_process as f;"
        "f.READER.ask(QUESTION, GOOD[0]); print(*(p._process.pid for p in f.READER._all if p._process))"
    )
    asked = subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True)
    (pid,) = map(int, asked.stdout.split())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert asked.stderr == ""
