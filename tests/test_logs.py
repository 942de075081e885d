"""No log bears an address, and no page sets a cookie or loads anything from elsewhere."""

import asyncio
import logging
import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import app as doors
from chalicelib.errors import StoreError
from chalicelib.logs import HIDDEN, logger, without_addresses
from chalicelib.web import house
from chalicelib.web.pages import policy_of

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [ROOT / "app.py", *sorted((ROOT / "chalicelib").rglob("*.py"))]
ADDRESS = "Ada.Lovelace+news@mail.example.org"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"550 <{ADDRESS}>: unknown", f"550 <{HIDDEN}>: unknown"),
        (f"to={ADDRESS}, from=x@y.z", f"to={HIDDEN}, from={HIDDEN}"),
        (f'{{"address": "{ADDRESS}"}}', f'{{"address": "{HIDDEN}"}}'),
        ("GET /x?email=ada%40example.org&b=1", f"GET /x?email={HIDDEN}&b=1"),
        ("ada=40example.org ada\\u0040example.org ada&#64;example.org", f"{HIDDEN} {HIDDEN} {HIDDEN}"),
        ("ädä@bücher.example", HIDDEN),
        ("https://example.org/u/abc.def-ghi", "https://example.org/u/abc.def-ghi"),
        ("Chunk 3 of digest/2026-11-26: nothing @ all", "Chunk 3 of digest/2026-11-26: nothing @ all"),
    ],
)
def test_addresses_are_hidden_and_nothing_else(text: str, shown: str) -> None:
    assert without_addresses(text) == shown


@pytest.mark.parametrize("piece", ["a", "@", "a@", "%40", "=4", "&#64;", ".", "\\u0040"])
def test_hostile_text_costs_little(piece: str) -> None:
    started = time.monotonic()
    without_addresses(piece * 100_000)
    assert time.monotonic() - started < 30


def test_a_record_bears_none_in_words_values_or_traceback(caplog: pytest.LogCaptureFixture) -> None:
    log = logger("sendbrief.test")
    assert logger("sendbrief.test").filters == log.filters, "one filter, however often it is asked for"
    try:
        raise ValueError(f"no mailbox {ADDRESS}")
    except ValueError:
        log.exception("While writing to %s, %d times", ADDRESS, 3)
    (record,) = caplog.records
    said = logging.Formatter().format(record)
    assert "Lovelace" not in said
    assert f"While writing to {HIDDEN}, 3 times" in said
    assert f"ValueError: no mailbox {HIDDEN}" in said


def test_a_chunk_that_fails_is_logged_without_whom_it_was_for(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(*_: object) -> None:
        raise StoreError(f"The server says: {ADDRESS} is unknown.")

    released: list[Any] = []
    fake = SimpleNamespace(
        worker=lambda **_: SimpleNamespace(work=work),
        queue=SimpleNamespace(release=lambda message, delay: released.append(delay)),
    )
    monkeypatch.setattr(house, "runtime", lambda: fake)
    body = '{"edition": "digest/2026-11-26", "chunk": 1, "whom": "ada@example.org"}'
    assert not asyncio.run(doors._work({"body": body, "receiptHandle": "x"}, lambda: 600.0))
    assert released
    assert HIDDEN in caplog.text
    assert "Lovelace" not in caplog.text
    assert "ada@" not in caplog.text


def test_every_logger_is_made_where_addresses_are_hidden() -> None:
    making = [path.relative_to(ROOT).as_posix() for path in SOURCES if "getLogger" in path.read_text("utf-8")]
    assert making == ["chalicelib/logs.py"]
    printing = [path.name for path in SOURCES if re.search(r"^\s*print\(", path.read_text("utf-8"), re.MULTILINE)]
    assert printing == []


def test_nothing_sets_or_reads_a_cookie() -> None:
    pages = [*(ROOT / "templates" / "web").iterdir()]
    for path in [*SOURCES, *(page for page in pages if page.is_file())]:
        assert not re.search(r"set-cookie|\.cookie\b|http\.cookies|SimpleCookie|localStorage|sessionStorage",
                             path.read_text("utf-8"), re.IGNORECASE), path  # fmt: skip


def test_no_page_loads_anything_from_elsewhere() -> None:
    loading = re.compile(
        r"<(?:script|img|iframe|source|video|audio|embed|object|input)\b[^>]*\b(?:src|data|srcset)\s*=\s*[\"']?\s*(?:https?:)?//"
        r"|<link\b(?=[^>]*\brel\s*=\s*[\"']?(?:stylesheet|preload|prefetch|preconnect|dns-prefetch|icon))[^>]*(?:https?:)?//"
        r"|url\(\s*[\"']?(?:https?:)?//|@import|\bfetch\(|XMLHttpRequest|sendBeacon|WebSocket",
        re.IGNORECASE,
    )
    assert loading.search('<img alt="" src="https://tracker.example/x.png">')
    assert loading.search("a { background: url(//x.example/y) }")
    for path in sorted((ROOT / "templates" / "web").iterdir()):
        if path.is_file():
            assert not loading.search(path.read_text("utf-8")), path
    policy = policy_of("<style>p{}</style>")
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert "*" not in policy
    assert "img-src 'self' https: data:" in policy_of('<img alt="" src="https://example.org/logo.png">')
