"""The lint behind ``check --links`` and ``proof``, called as a shell would."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.cli.house import MONDAY, Command


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/there" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing on the screen of a test."""


@pytest.fixture
def server() -> Iterator[str]:
    made = HTTPServer(("127.0.0.1", 0), _Pages)
    thread = threading.Thread(target=made.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    thread.join()
    made.server_close()


def test_links_that_are_dead_are_named_where_they_stand(command: Command, server: str) -> None:
    command.setenv("SENDBRIEF_FETCH_ALLOW", "127.0.0.0/8")
    command.write("site.yaml", _LOCAL)
    command.write("posts/2026-11-20-first.md", f"---\ntitle: First\n---\n[a]({server}/there)\n\n[b]({server}/gone)\n")
    rows = command.run("check", "--json", "--links", code=None).json
    dead = [row for row in rows if row["code"] == "dead-link"]
    assert [(row["file"], row["line"]) for row in dead] == [("content/posts/2026-11-20-first.md", 6)]
    assert "answered 404" in dead[0]["message"]
    rows = command.run("check", "--json", code=None).json
    assert [row for row in rows if row["code"] == "dead-link"] == []


def test_a_proof_names_what_is_wrong(command: Command) -> None:
    text = "---\ntitle: First\n---\nSee [it](https://staging.example.org/x) on Friday, 26 November 2026.\n"
    command.write("posts/2026-11-20-first.md", text)
    command.setenv("SENDBRIEF_TRANSPORT", "maildir")
    command.run("tick", "--now", MONDAY)
    said = command.run("proof", "digest", "--to", "editor@example.org").out
    assert "editor@example.org: sent" in said
    assert "content/posts/2026-11-20-first.md:4: warning" in said
    assert "[wrong-day]" in said


_LOCAL = """\
name: Example Guild
base_url: https://news.example.org
languages: [en]
time_zone: Europe/Berlin
sender: {name: Example Guild, address: news@example.org}
postal_address: Example Guild, Example Street 1, 10117 Berlin
sources:
  posts: {folder: posts, pattern: '{date}-{slug}.md'}
"""
