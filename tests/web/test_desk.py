"""The desk: an inbox of real letters, the status page, and who may see them."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.runtime import Runtime
from chalicelib.transports.maildir import read_maildir
from chalicelib.web import house
from chalicelib.web.desk import Desk
from chalicelib.web.inbox import edition_of, html_on_this_machine
from chalicelib.web.server import Running, serve
from tests.web.answers import Answer
from tests.web.test_serve import ask


@pytest.fixture(scope="module")
def running(filled: Runtime) -> Iterator[Running]:
    server = serve(filled, "127.0.0.1", 0, desk=True, ready=lambda _: None)
    yield server
    server.close()
    house.use(None)


@pytest.fixture(scope="module")
def names(filled: Runtime) -> dict[str, str]:
    """The names of the mails by their recipients."""
    mails = read_maildir(filled.settings.maildir)
    found = {}
    for name, path in mails:
        to = path.read_text("ascii").split("Delivered-To: ")[1].split("\n")[0]
        found[to] = name
    return found


def test_the_inbox_lists_every_mail_with_subject_recipient_edition_and_date(running: Running) -> None:
    page = ask(running, "/inbox")
    assert page.text.count('<td class="subject">') == 3
    for words in ("Ein neuer Kran am Pier", "bo@example.com", "Bö", "harbour-log/2026-11-26", "26\u00a0November"):
        assert words in page.text
    assert page.headers["cache-control"] == "no-store"


def test_one_mail_is_shown_as_letter_phone_text_and_headers(running: Running, names: dict[str, str]) -> None:
    path = f"/inbox/{names['ada@example.org']}"
    letter, phone = ask(running, path), ask(running, f"{path}?view=phone")
    assert f'src="{path}/html"' in letter.text
    assert 'sandbox="allow-popups' in letter.text
    assert "allow-scripts" not in letter.text + phone.text
    assert 'class="phone"' in phone.text
    assert "Dear Ada, the crane is up" in ask(running, f"{path}?view=text").text
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in ask(running, f"{path}?view=headers").text
    assert ask(running, f"{path}?view=nonsense").text == letter.text


def test_the_letter_itself_is_sandboxed_and_its_links_lead_here(running: Running, names: dict[str, str]) -> None:
    page = ask(running, f"/inbox/{names['ada@example.org']}/html")
    policy = page.headers["content-security-policy"]
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert "frame-ancestors 'self'" in policy
    assert 'href="/u/' in page.text
    assert 'src="/media/images/crane.png"' in page.text or "crane.png" not in page.text
    assert "https://letters.example.org" not in page.text.replace("=https", "")
    assert '<base target="_blank">' in page.text
    link = page.text.split('href="/u/')[1].split('"')[0]
    assert ask(running, f"/u/{link}").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/inbox/nothing", "/inbox/..%2f..%2fetc%2fpasswd", "/inbox/%2e%2e", "/inbox/.", "/inbox/nothing/html",
        "/inbox/%00", "/inbox/" + "a" * 250, "/inbox/" + "a" * 3000, "/inbox/a/b", "/inbox/a/html/b", "/status/x",
        "/inbox/secret.db", "/inbox/%ff",
    ],
)  # fmt: skip
def test_no_other_file_is_a_mail(running: Running, path: str) -> None:
    assert ask(running, path).status == 404


def test_the_desk_only_reads(running: Running, filled: Runtime, names: dict[str, str]) -> None:
    def everything() -> list[tuple[Path, float]]:
        return sorted((path, path.stat().st_mtime) for path in filled.settings.maildir.rglob("*"))

    before = everything()
    for path in ("/inbox", f"/inbox/{names['ada@example.org']}", "/status"):
        for method in ("POST", "PUT", "DELETE"):
            answer = ask(running, path, method, body=b"x" * 100)
            assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
        ask(running, path, "HEAD")
    assert everything() == before


def test_the_status_page_says_what_the_month_has_cost(running: Running, filled: Runtime) -> None:
    month = f"{filled.clock():%Y-%m}"
    nothing = f"{month}: 3 mails so far. They cost nothing: no provider is paid for them."
    assert nothing in ask(running, "/status").text
    before = filled.settings
    filled.settings = replace(before, transport="ses")
    filled.__dict__["quota"] = None  # nobody asks SES
    try:
        assert "They and the site cost about $0.01, by published prices." in ask(running, "/status").text
        assert "kosten sie etwa $0.01" in ask(running, "/status?lang=de").text
    finally:
        filled.settings = before
        del filled.__dict__["quota"]


def test_the_status_page_shows_editions_with_books_readers_and_sources(running: Running) -> None:
    page = ask(running, "/status")
    for words in ("The Harbour Log", "2026-11-26", "Sent", "posts", "well"):
        assert words in page.text
    row = page.text.split("<tbody>")[1].split("</tr>")[0]
    figures = [part.split("<")[0] for part in row.split('class="figure">')[1:]]
    assert figures == ["3", "3", "0", "0", "0", "0"]


def test_books_that_do_not_balance_are_said_so(fresh: Runtime) -> None:
    from chalicelib.compose.edition import State
    from chalicelib.compose.editions import Edition, EditionStore
    from tests.web.site import AFTER

    wrong = {"planned": 3, "pending": 0, "sent": 2, "failed": 0, "skipped": 0, "deferred": 0, "in_doubt": 0}
    EditionStore(fresh.table, fresh.blobs).claim_slot(
        Edition("harbour-log", "2026-11-26", AFTER, State.SENT, planned=3, chunks=1, totals=wrong)
    )
    assert "The books do not balance." in call(Desk(fresh), "/status").text


def test_an_empty_house_says_so(fresh: Runtime) -> None:
    assert "No mail has been sent yet" in call(Desk(fresh), "/inbox").text
    assert "No edition has been composed yet" in call(Desk(fresh), "/status").text
    assert "Noch wurde keine Mail verschickt" in call(Desk(fresh), "/inbox", QUERY_STRING="lang=de").text


def call(desk: Desk, path: str, **environ: str) -> Answer:
    seen: list[tuple[str, list[tuple[str, str]]]] = []
    asked = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "HTTP_HOST": "127.0.0.1:80", **environ}
    body = b"".join(desk(asked, lambda status, headers: seen.append((status, headers))))
    status, headers = seen[0]
    return Answer(int(status.split()[0]), {name.lower(): value for name, value in headers}, body)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200), ("localhost", 200), ("LOCALHOST:1", 200), ("[::1]:8000", 200), ("127.4.5.6", 200),
        ("letters.example.org", 403), ("127.0.0.1.example.org", 403), ("", 403), ("192.0.2.7:8000", 403),
        ("localhost@example.org", 403), ("example.org:localhost", 403),
    ],
)  # fmt: skip
def test_a_name_that_was_made_to_point_here_is_refused(fresh: Runtime, host: str, status: int) -> None:
    for path in ("/inbox", "/status"):
        assert call(Desk(fresh), path, HTTP_HOST=host).status == status
        assert call(Desk(fresh, any_host=True), path, HTTP_HOST=host).status == 200


@pytest.mark.parametrize("path", ["/inbox", "/status", "/inbox/x"])
def test_the_desk_must_be_asked_for(fresh: Runtime, path: str) -> None:
    for host, desk in (("0.0.0.0", False), ("0.0.0.0", True), ("127.0.0.1", False), ("127.0.0.1", True)):
        server = serve(fresh, host, 0, desk=desk, ready=lambda _: None)  # one second, an empty inbox
        try:
            assert ask(server, "/").status == 200
            expected = 200 if desk and path != "/inbox/x" else 404
            assert ask(server, path).status == expected
        finally:
            server.close()


HOSTILE = {
    "no headers": b"\n\nhello",
    "empty": b"",
    "bad encoded words": b"Subject: =?utf-8?b?!!!?= =?x?q?a?=\nTo: =?utf-8?q?=ff?= <\nDate: x\n\nx",
    "markup": b"Subject: <script>alert(1)</script>\nTo: <img src=x>\nMessage-ID: <a.b@c>\n\n<b>",
    "odd charset": b"Content-Type: text/html; charset=nonsense\nSubject: x\n\n<b>x</b>",
    "bad base64": b"Content-Type: text/html\nContent-Transfer-Encoding: base64\n\n!!!",
    "multipart without parts": b"Content-Type: multipart/mixed; boundary=x\nSubject: y\n\n",
    "broken date": b"Date: Thu, 99 Foo 99999 99:99:99 +9999\nSubject: \xff\xfe\x00\nTo: a,,,;\n\nx",
    "deep": b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(60)),
    "script": b"Content-Type: text/html\n\n<script>alert(1)</script><base href=//evil.example.org>",
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_hostile_mails_are_shown_without_harm(fresh: Runtime, raw: bytes) -> None:
    new = fresh.settings.maildir / "new"
    new.mkdir(parents=True)
    (new / "1795369258.M1P1Q1.host").write_bytes(raw)
    desk = Desk(fresh)
    assert call(desk, "/inbox").status == 200
    for view in ("html", "phone", "text", "headers"):
        page = call(desk, "/inbox/1795369258.M1P1Q1.host", QUERY_STRING=f"view={view}")
        assert page.status == 200
        assert "<script" not in page.text
        assert "<img" not in page.text
    inner = call(desk, "/inbox/1795369258.M1P1Q1.host/html")
    assert inner.status in (200, 404)
    if inner.status == 200:
        assert "sandbox allow-popups allow-popups-to-escape-sandbox" in inner.headers["content-security-policy"]


def test_a_long_inbox_comes_in_pages(fresh: Runtime, filled: Runtime) -> None:
    original = read_maildir(filled.settings.maildir)[0][1]
    new = fresh.settings.maildir / "new"
    new.mkdir(parents=True)
    for number in range(120):
        shutil.copy(original, new / f"{1795369000 + number}.M1P1Q{number}.host")
    desk = Desk(fresh)
    counts = [
        call(desk, "/inbox", QUERY_STRING=f"page={page}").text.count('<td class="subject">')
        for page in ("1", "2", "3", "4", "999999", "0", "-1", "x", "")
    ]
    assert counts == [50, 50, 20, 0, 0, 50, 50, 50, 50]
    assert "1795369119" in call(desk, "/inbox").text


@pytest.mark.parametrize(
    ("message_id", "edition"),
    [
        ("<log.2026-11-26.0a1b@example.org>", "log/2026-11-26"),
        ("<proof.log.2026-11-26.en.2026@example.org>", "log/2026-11-26"),
        ("<harbour.log.2026-11-26.0a1b@example.org>", "harbour.log/2026-11-26"),
        ("<logbook.2026-11-26.0a1b@example.org>", ""),
        ("<log@example.org>", ""),
        ("", ""),
    ],
)
def test_a_mails_edition_is_read_from_its_message_id(message_id: str, edition: str) -> None:
    assert edition_of(message_id, ["log", "harbour.log"]) == edition


def test_only_the_sites_own_links_are_led_here() -> None:
    html = '<head></head><a href="https://a.example.org/u/x"><a href="https://a.example.org.evil.invalid/u">'
    led = html_on_this_machine(html, "https://a.example.org", "")
    assert led == '<head><base target="_blank"></head><a href="/u/x"><a href="https://a.example.org.evil.invalid/u">'


def test_public_pages_lead_to_the_desk_only_where_it_is(fresh: Runtime) -> None:
    for desk in (True, False):
        server = serve(fresh, "127.0.0.1", 0, desk=desk, ready=lambda _: None)
        try:
            for path in ("/", "/archive"):
                assert ('href="/inbox"' in ask(server, path).text) is desk
        finally:
            server.close()
