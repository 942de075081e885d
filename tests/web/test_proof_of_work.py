"""The sum before a form: solved once, checked in one try; and the script that solves it, under its policy."""

import base64
import hashlib
import http.server
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.audience.tokens import Secrets
from chalicelib.cli.chromium import Chromium, find_chromium
from chalicelib.content.load import load_site
from chalicelib.render.templates import BUILT_IN
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_database import Database
from chalicelib.web.nonces import Nonces
from chalicelib.web.pages import Page, Pages, policy_of
from chalicelib.web.proof_of_work import (
    ANSWER_FIELD,
    CHALLENGE_FIELD,
    DIFFICULTY,
    LIFETIME,
    MAX_DIFFICULTY,
    Challenge,
    ProofOfWork,
    WorkState,
    is_solved,
)
from tests.web.site import write_site

OLD, NEW = Secrets(("o" * 40,)), Secrets(("o" * 40, "n" * 40))
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
EASY = 6
SCRIPT = (BUILT_IN / "web" / "proof_of_work.js").read_text("utf-8")
CHROMIUM = find_chromium()
FORM = """\
{% extends "web/base.html" %}
{% block main %}
<form method="post" action="/subscribe">
<input name="address" value="">
{% include "web/_proof_of_work.html" %}
<button name="pressed" value="yes">Go</button>
</form>
{{ evil }}
{% endblock %}
"""


class Place:
    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.database = Database(folder / "work.db")
        self.table = SqliteTable(self.database, clock=lambda: self.now.timestamp())
        self.work = ProofOfWork(self.table, OLD, EASY)

    def rows(self) -> int:
        return int(self.database.run("SELECT count(*) FROM items")[0][0])


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.database.close()


def solve(challenge: Challenge, *, wrong: bool = False) -> str:
    numbers = (str(n) for n in range(10**7))
    return next(n for n in numbers if is_solved(challenge.salt, challenge.difficulty, n) is not wrong)


def test_work_counts_once(place: Place) -> None:
    challenge = place.work.make(NOW)
    answer = solve(challenge)
    assert place.work.verify(challenge.token, answer, NOW) is WorkState.DONE
    assert place.work.verify(challenge.token, answer, NOW) is WorkState.SPENT


def test_a_challenge_is_good_for_two_hours_and_what_is_kept_of_it_for_no_longer(place: Place) -> None:
    early, late = place.work.make(NOW), place.work.make(NOW)
    assert place.work.verify(early.token, solve(early), NOW + LIFETIME - timedelta(seconds=1)) is WorkState.DONE
    assert place.work.verify(late.token, solve(late), NOW + LIFETIME) is WorkState.EXPIRED
    (expires,) = place.database.run("SELECT expires FROM items")[0]
    assert NOW + LIFETIME <= datetime.fromtimestamp(expires, UTC) <= NOW + LIFETIME + timedelta(minutes=5)


def test_what_was_not_done_leaves_nothing(place: Place) -> None:
    challenge = place.work.make(NOW)
    wrong = solve(challenge, wrong=True)
    for token, answer, state in (
        ("", "", WorkState.MISSING),
        (challenge.token, "", WorkState.MISSING),
        ("", "1", WorkState.MISSING),
        (challenge.token, wrong, WorkState.WRONG),
        (challenge.token + "x", solve(challenge), WorkState.WRONG),
        ("x" * 100_000, "1", WorkState.WRONG),
        ("\ud800", "1", WorkState.WRONG),
        (challenge.token, "٣", WorkState.WRONG),
        (challenge.token, f"{solve(challenge)}\n", WorkState.WRONG),
        (challenge.token, "1" * 100_000, WorkState.WRONG),
        (challenge.token, f" {solve(challenge)}", WorkState.WRONG),
        (Nonces(OLD).make("subscribe", "", NOW), "1", WorkState.WRONG),
    ):
        assert place.work.verify(token, answer, NOW) is state, (token[:20], answer[:20])
    assert place.rows() == 0
    assert place.work.verify(challenge.token, solve(challenge), NOW) is WorkState.DONE


def test_an_answer_is_a_number_even_where_something_else_would_do(place: Place) -> None:
    challenge = place.work.make(NOW)
    words = (f"1{n:x}x" for n in range(10**6))
    digests = ((word, hashlib.sha256(f"{challenge.salt}:{word}".encode()).digest()) for word in words)
    word = next(word for word, digest in digests if digest[0] >> (8 - EASY) == 0)
    assert place.work.verify(challenge.token, word, NOW) is WorkState.WRONG


def test_nobody_makes_a_challenge_easier(place: Place) -> None:
    hard = ProofOfWork(place.table, OLD, 20).make(NOW)
    easy = place.work.make(NOW)
    payload, _, _ = easy.token.partition(".")
    forged = payload + "." + hard.token.partition(".")[2]
    assert place.work.verify(forged, solve(easy), NOW) is WorkState.WRONG
    numbers = (str(n) for n in range(10**6))
    half_done = next(n for n in numbers if is_solved(hard.salt, EASY, n) and not is_solved(hard.salt, 20, n))
    assert place.work.verify(hard.token, half_done, NOW) is WorkState.WRONG


def test_a_challenge_outlives_a_new_key_and_a_foreign_one_counts_nowhere(place: Place) -> None:
    challenge = place.work.make(NOW)
    rotated = ProofOfWork(place.table, NEW, EASY)
    foreign = rotated.make(NOW)
    assert place.work.verify(foreign.token, solve(foreign), NOW) is WorkState.WRONG
    assert rotated.verify(challenge.token, solve(challenge), NOW) is WorkState.DONE


def test_each_challenge_is_another_one(place: Place) -> None:
    assert len({place.work.make(NOW).salt for _ in range(50)}) == 50


@given(st.text(max_size=20), st.integers(0, 10**14), st.integers(1, 30))
@settings(max_examples=25)
def test_solved_means_that_many_zero_bits(salt: str, answer: int, bits: int) -> None:
    salt = hashlib.sha256(salt.encode("utf-8", "replace")).hexdigest()[:32]
    digest = hashlib.sha256(f"{salt}:{answer}".encode()).digest()
    zeros = 256 - int.from_bytes(digest, "big").bit_length()
    assert is_solved(salt, bits, str(answer)) is (zeros >= bits)


def test_it_takes_some_hundred_thousand_tries() -> None:
    assert 16 <= DIFFICULTY <= 20 < MAX_DIFFICULTY <= 32


def page(folder: Path, work: Challenge | None, language: str = "en", evil: str = "") -> Page:
    """A page with the partial, from a site's own template."""
    root = write_site(folder)
    template = root / "templates" / "web" / "form.html"
    template.parent.mkdir(parents=True, exist_ok=True)
    template.write_text(FORM.replace("{{ evil }}", evil), "utf-8")
    return Pages(load_site(root).require(), language).page("form", work=work, help_address="crew@example.org")


def test_the_script_is_allowed_by_its_hash_and_nothing_else_is(place: Place, tmp_path: Path) -> None:
    shown = page(tmp_path, place.work.make(NOW))
    (script,) = re.findall(r"<script>(.*?)</script>", shown.html, re.DOTALL)
    assert script == SCRIPT.removesuffix("\n")
    (sources,) = re.findall(r"script-src ([^;]*);", shown.policy)
    assert sources == f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
    assert "unsafe" not in shown.policy


def test_a_page_without_a_script_allows_none(tmp_path: Path) -> None:
    assert "script-src" not in page(tmp_path, None).policy


@pytest.mark.parametrize(
    "evil", ["<script>alert(1)</script>", f"<script>{SCRIPT} </script>", f"<SCRIPT>{SCRIPT}</SCRIPT>", "<script src=x>"]
)
def test_a_script_that_is_not_ours_is_not_allowed_even_if_it_stands_in_the_page(evil: str) -> None:
    assert "script-src" not in policy_of(f"<style>p {{}}</style>{evil}")


def test_a_policy_is_made_in_no_time_whatever_the_page_holds() -> None:
    assert policy_of("<script>" * 100_000) == policy_of("")


@pytest.mark.parametrize(("language", "words"), [("en", "needs JavaScript"), ("de", "braucht JavaScript")])
def test_who_has_no_javascript_reads_what_to_do(place: Place, tmp_path: Path, language: str, words: str) -> None:
    html = page(tmp_path, place.work.make(NOW), language).html
    (inside,) = re.findall(r"<noscript>(.*?)</noscript>", html, re.DOTALL)
    assert words in inside
    assert "crew@example.org" in inside


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_the_scripts_sum_is_sha_256(tmp_path: Path) -> None:
    start, end = SCRIPT.index("const primes"), SCRIPT.index("let n = 0")
    texts = [f"{hashlib.md5(str(n).encode()).hexdigest()}:{n * 7919}" for n in range(3000)] + ["", "x" * 55]
    (tmp_path / "sum.js").write_text(f"{SCRIPT[start:end]}console.log(JSON.stringify({json.dumps(texts)}.map(first)))")
    done = subprocess.run(["node", tmp_path / "sum.js"], capture_output=True, text=True, check=True, timeout=60)
    wanted = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") for text in texts]
    assert json.loads(done.stdout) == wanted


class Visitor(Chromium):
    """A browser that goes to a server of this test."""

    def visit(self, url: str) -> None:
        self._call("Fetch.disable")
        self._call("Page.navigate", {"url": url})


class Server:
    """One page under its policy; the forms that come back."""

    def __init__(self, shown: Page) -> None:
        self.forms: list[dict[str, list[str]]] = []
        self.came = threading.Event()
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler(shown))
        self.url = f"http://127.0.0.1:{self._http.server_port}/"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _handler(self, shown: Page) -> type[http.server.BaseHTTPRequestHandler]:
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer(shown.html)

            def do_POST(self) -> None:
                server.forms.append(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                server.came.set()
                self.answer("<p>Thanks.</p>")

            def answer(self, html: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Security-Policy", shown.policy)
                self.end_headers()
                self.wfile.write(html.encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


def until(true: Callable[[], bool]) -> None:
    """Wait for what a browser does; a hang guard, no measure."""
    waiting = threading.Event()
    for _ in range(600):
        if true():
            return
        waiting.wait(0.1)
    raise AssertionError("the browser did not get there")


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize("soon", [True, False], ids=["sent before it is done", "sent after it is done"])
def test_a_browser_does_the_sum_and_sends_the_form_once(place: Place, tmp_path: Path, soon: bool) -> None:
    work = ProofOfWork(place.table, OLD)
    shown = page(tmp_path, work.make(NOW), evil="<script>window.evil = 1</script>")
    server = Server(shown)
    try:
        with Visitor(str(CHROMIUM)) as browser:
            browser.visit(server.url)
            until(lambda: browser.evaluate("document.readyState + !!document.forms.length") == "completetrue")
            assert browser.evaluate("typeof window.evil") == "undefined", "the policy lets no other script run"
            assert browser.evaluate("document.forms[0].answer.value") == "", "nothing is done before somebody types"
            browser.evaluate("document.forms[0].address.value = 'ada@example.org'; document.forms[0].address.focus()")
            if not soon:
                until(lambda: browser.evaluate("document.forms[0].answer.value !== ''"))
                assert server.forms == [], "no page sends itself"
            browser.evaluate("document.forms[0].querySelector('button').click()")
            assert server.came.wait(60)
            until(lambda: "Thanks" in str(browser.evaluate("document.body ? document.body.textContent : ''")))
    finally:
        server.close()
    (form,) = server.forms
    assert (form["address"], form["pressed"]) == (["ada@example.org"], ["yes"])
    assert work.verify(form[CHALLENGE_FIELD][0], form[ANSWER_FIELD][0], NOW) is WorkState.DONE
