"""300 feeds on this machine, each on a port of its own: some slow, some malformed, all with ETags.

`python -m bench.feed_server` prints the ports as a JSON list and serves until it is ended, ten minutes at most.
"""

import asyncio
import hashlib
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

COUNT, ENTRIES = 300, 10
SLOW, SLOWEST = 0.5, 2.0
BROKEN = range(7, COUNT, 25)
"""Twelve feeds that are not well-formed."""
LONGEST_SECONDS = 600
_BEGAN = datetime(2026, 9, 1, tzinfo=UTC)
_PARAGRAPH = (
    "<p>A sentence of a <em>real</em> length that somebody might well have written, with "
    '<a href="https://docs.example.org/page?a=1&amp;b=2">a link</a> and <code>code</code>, over and over again.</p>\n'
)
_TEXT = _PARAGRAPH * 3
"""About 600 characters, ten to a feed: the medians of the real feeds we have."""


def delay(number: int) -> float:
    """Seconds until a feed answers: 1 % are slowest, 10 % slow."""
    if number % 100 == 50:
        return SLOWEST
    return SLOW if number % 10 == 3 else 0.0


def link(number: int, entry: int) -> str:
    """The address, and id, of an entry."""
    return f"https://blog{number}.example.org/2026/{entry}-a-post/"


def feed(number: int) -> bytes:
    """RSS or, each third, Atom."""
    text = _atom(number) if number % 3 == 0 else _rss(number)
    return _broken(text, list(BROKEN).index(number)) if number in BROKEN else text.encode()


def _rss(number: int) -> str:
    items = "".join(
        f"<item><title>Post {n} of {number} &amp; more</title>"
        f"<link>{link(number, n)}</link><guid>{link(number, n)}</guid>"
        f"<pubDate>{format_datetime(_BEGAN + timedelta(days=n, minutes=number))}</pubDate><category>News</category>"
        f"<description><![CDATA[{_TEXT}]]></description></item>\n"
        for n in range(ENTRIES)
    )
    head = f"<title>Blog {number}</title><link>https://blog{number}.example.org/</link><description>Words</description>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel>{head}\n{items}</channel></rss>'


def _atom(number: int) -> str:
    items = "".join(
        f"<entry><title>Post {n} of {number} &amp; more</title>"
        f"<link href='{link(number, n)}'/><id>{link(number, n)}</id>"
        f"<updated>{(_BEGAN + timedelta(days=n, minutes=number)).isoformat()}</updated>"
        f"<author><name>Ada</name></author><category term='News'/>"
        f"<content type='html'><![CDATA[{_TEXT}]]></content></entry>\n"
        for n in range(ENTRIES)
    )
    head = f"<title>Blog {number}</title><id>urn:blog:{number}</id><updated>{_BEGAN.isoformat()}</updated>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">{head}\n{items}</feed>'


def _broken(text: str, how: int) -> bytes:
    """One of twelve ways in which feeds are broken out there; the last is a web page and no feed at all."""
    raw = text.encode()
    return [
        raw[: len(raw) * 2 // 3],
        text.replace("&amp; more", "& more").encode(),
        text.replace("&amp; more", "&nbsp; more").encode(),
        text.replace("&amp; more", "grün").encode("latin-1"),
        b"\n\n  " + raw,
        text.replace("&amp; more", "\x0b more").encode(),
        raw.replace(b"</channel></rss>", b"").replace(b"</feed>", b""),
        raw.replace(b"]]>", b"]]>&bogus;"),
        raw + b"<!-- trailing -- comment -->garbage",
        raw.replace(b'encoding="UTF-8"', b'encoding="utf-16"'),
        raw.replace(b"</title>", b"</titel>", 3),
        b"<!DOCTYPE html><html><head><title>Log in</title></head><body><form></form></body></html>",
    ][how]


class _Feed:
    """One feed on its port."""

    def __init__(self, number: int) -> None:
        self._body, self._delay = feed(number), delay(number)
        self._etag = f'"{hashlib.sha256(self._body).hexdigest()[:16]}"'.encode()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(self._delay)
                head = b"ETag: " + self._etag + b"\r\nContent-Type: application/xml\r\n"
                if self._etag in request:
                    writer.write(b"HTTP/1.1 304 Not Modified\r\n" + head + b"\r\n")
                else:
                    length = b"Content-Length: %d\r\n\r\n" % len(self._body)
                    writer.write(b"HTTP/1.1 200 OK\r\n" + head + length + self._body)
                await writer.drain()
                if b"onnection: close" in request:
                    break
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()


async def main() -> None:
    """Serve."""
    servers = [await asyncio.start_server(_Feed(n).answer, "127.0.0.1", 0, backlog=64) for n in range(COUNT)]
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)
    await asyncio.sleep(LONGEST_SECONDS)


if __name__ == "__main__":
    asyncio.run(main())
