"""A folder of pages served on this machine, and a visitor who follows every link in them."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from html import unescape
from http.client import HTTPConnection
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlsplit


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def crawl(port: int, start: str) -> dict[str, str]:
    """Every page that links lead to, by path; each must answer 200, and no link may leave by its path."""
    seen: dict[str, str] = {}
    waiting = [start]
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, path
        html = answer.headers["Content-Type"].startswith("text/html")
        seen[path] = body.decode() if html else ""
        for link in re.findall(r'<(?:a|img)\b[^<>]*?\s(?:href|src)="([^"]*)"', seen[path]):
            url = urljoin(f"http://here{path}", urldefrag(unescape(link))[0])
            if urlsplit(url).netloc == "here":
                assert urlsplit(url).path.startswith(start), (path, link)
                assert not urlsplit(url).query, (path, link)
                waiting.append(urlsplit(url).path)
    connection.close()
    return seen
