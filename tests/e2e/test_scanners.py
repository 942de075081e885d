"""Programs that open every link of every mail and page, as mail scanners do, change nothing; one click does, always."""

import asyncio
import json
import re
import subprocess
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest

from chalicelib.audience.choices import Choices
from chalicelib.audience.signup import Request
from chalicelib.cli.chromium import find_chromium
from chalicelib.deliver.notices import Done, Task, ask
from chalicelib.deliver.posting import post
from chalicelib.render.notices import Kind
from chalicelib.runtime import Runtime
from chalicelib.transports.maildir import read_maildir
from chalicelib.web.server import Running, serve
from tests.web.site import populated

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
BASE = "https://letters.example.org"
LINK = re.compile(r'(?:href|src|action)="([^"]+)"')
IN_TEXT = re.compile(rf"{re.escape(BASE)}/[^\s<>\"')\]]*")
MOST_PAGES = 400
ONE_CLICK = {
    "urlencoded": ("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click"),
    "multipart": (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
    ),
}


class Town:
    """A site served on this machine, with an edition and every kind of notice sent into its Maildir."""

    def __init__(self, runtime: Runtime, server: Running) -> None:
        self.runtime, self.server = runtime, server

    def mails(self) -> list[EmailMessage]:
        found = [path.read_bytes() for _, path in read_maildir(self.runtime.settings.maildir)]
        return [message_from_bytes(raw, policy=policy.default) for raw in found]  # type: ignore[misc]

    def state(self) -> tuple[list[Any], list[str]]:
        """All that lasts: items, with what they hold, and tasks in the queues."""
        items = sorted((item.key, item.version, json.dumps(item.data)) for item in self.runtime.table.everything())
        return items, sorted(self.runtime.blobs.names(""))

    def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> tuple[int, Any, bytes]:
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            connection.request(method, path, body or None, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    runtime = populated(tmp_path / "site", tmp_path / "data")
    now, sid = runtime.clock(), runtime.audience.sid("ada@example.org")
    stranger = runtime.audience.sid("dee@example.org")
    wanted = {"storm-warnings": Choices()}
    for who, address in ((sid, "ada@example.org"), (stranger, "dee@example.org")):
        runtime.signups.ask(who, Request(address, "", "en", wanted, "subscribe/1", "a" * 64, now), now)
    runtime.moves.ask(sid, runtime.audience.sid("ada@example.com"), "ada@example.com", now)
    for who, kind in ((sid, kind) for kind in Kind):
        ask(runtime.notice_queue, Task(kind, who, "en", ("harbour-log",)))
    ask(runtime.notice_queue, Task(Kind.CONFIRM, stranger, "de"))
    assert asyncio.run(post(runtime.notice_queue, runtime.notices)) == [Done.SENT] * (len(Kind) + 1)
    server = serve(runtime, "127.0.0.1", 0, ready=lambda _url: None)
    yield Town(runtime, server)
    server.close()
    runtime.close()


def links_of(mail: EmailMessage) -> set[str]:
    """Every link of a mail to the site: in its HTML, its text and its headers."""
    found = set()
    for kind in ("html", "plain"):
        part = mail.get_body((kind,))
        assert part is not None
        text = unescape(part.get_content())
        found |= set(IN_TEXT.findall(text)) | {link for link in LINK.findall(text) if link.startswith(BASE)}
    for name in ("List-Unsubscribe", "List-Archive"):
        found |= set(IN_TEXT.findall(str(mail[name] or "")))
    return {urldefrag(link)[0].removeprefix(BASE) or "/" for link in found}


def crawl(town: Town, paths: set[str]) -> dict[str, bytes]:
    """HEAD and GET of every path and of every link and form target on the pages behind them, however deep."""
    seen: dict[str, bytes] = {}
    waiting = sorted(paths)
    while waiting:
        path = waiting.pop()
        if path in seen or len(seen) > MOST_PAGES:
            continue
        assert town.ask("HEAD", path, {"User-Agent": "a scanner"})[0] < 500
        status, headers, body = town.ask("GET", path)
        assert status < 500, path
        seen[path] = body
        if "html" in headers.get("Content-Type", ""):
            for link in LINK.findall(unescape(body.decode())):
                url = urlsplit(urljoin(f"{BASE}{path}", urldefrag(link)[0]))
                if f"{url.scheme}://{url.netloc}" == BASE:
                    waiting.append(url.path + (f"?{url.query}" if url.query else ""))
    return seen


def test_opening_every_link_of_every_mail_and_page_changes_nothing(town: Town) -> None:
    mails = town.mails()
    assert len(mails) == 3 + len(Kind) + 1
    paths = set().union(*map(links_of, mails))
    doors = {path.split("/")[1] for path in paths}
    assert {"u", "p", "c", "a", "d", "archive"} <= doors
    before = town.state()
    seen = crawl(town, paths)
    assert {"/subscribe", "/"} <= {path.partition("?")[0] for path in seen}
    assert len(seen) < MOST_PAGES
    assert town.state() == before
    assert town.runtime.notice_queue.receive(10) == [], "and no mail was asked for"


@pytest.mark.skipif(find_chromium() is None, reason="Chromium is not installed (Debian: apt install chromium)")
def test_a_scanner_that_runs_scripts_changes_nothing(town: Town, tmp_path: Path) -> None:
    paths = sorted({path for mail in town.mails() for path in links_of(mail) if re.match("/[updca]/", path)})
    before = town.state()
    for number, path in enumerate([*paths, "/subscribe?newsletter=harbour-log"]):
        command = [
            str(find_chromium()), "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000",
            f"--user-data-dir={tmp_path / str(number % 2)}", "--dump-dom", f"http://127.0.0.1:{town.server.port}{path}",
        ]  # fmt: skip
        shown = subprocess.run(command, capture_output=True, check=False, timeout=120)
        assert b"<form" in shown.stdout or b"<h1" in shown.stdout, path
    assert town.state() == before
    assert town.runtime.notice_queue.receive(10) == []


@pytest.mark.parametrize("how", list(ONE_CLICK))
def test_one_click_works_for_every_mail_of_a_newsletter(town: Town, how: str) -> None:
    """RFC 8058: POST to the one HTTPS URL of List-Unsubscribe, without cookie, login or redirect."""
    media_type, body = ONE_CLICK[how]
    lists = [mail for mail in town.mails() if mail["List-Id"] or mail["List-Unsubscribe"]]
    assert len(lists) == 4, "three of an edition, and a welcome"
    for mail in lists:
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        (url,) = re.findall(r"<([^>]+)>", str(mail["List-Unsubscribe"]))
        assert url.startswith(f"{BASE}/u/")
        status, headers, _ = town.ask("POST", url.removeprefix(BASE), {"Content-Type": media_type}, body)
        assert status == 200
        assert headers["Location"] is None
        assert headers["Set-Cookie"] is None
        address = str(mail["To"].addresses[0].addr_spec)
        member = town.runtime.audience.membership("harbour-log", town.runtime.audience.sid(address))
        assert member is not None
        assert member.state == "unsubscribed"
