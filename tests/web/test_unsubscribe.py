"""Leaving: GET and HEAD change nothing, POST works for the button and for RFC 8058, wrong links are told kindly."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.audience.audience import make_member
from chalicelib.audience.subscriber import Basis, MemberState
from chalicelib.audience.tokens import both_names
from chalicelib.runtime import Runtime
from tests.web.browsing import at, press
from tests.web.client import Client
from tests.web.site import subscribe

ONE_CLICK = b"List-Unsubscribe=One-Click"
BOUNDARY = b"=_4f1c"
MULTIPART = b'--=_4f1c\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--=_4f1c--\r\n'


def state(runtime: Runtime, sid: str) -> MemberState:
    member = runtime.audience.membership("harbour-log", sid)
    assert member is not None
    return member.state


@pytest.fixture
def sid(fresh: Runtime) -> str:
    return subscribe(fresh, "ada@example.org")


@pytest.fixture
def link(fresh: Runtime, sid: str) -> str:
    return f"/u/{fresh.tokens.make(sid, 'harbour-log')}"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading_the_page_changes_nothing(client: Client, fresh: Runtime, sid: str, link: str, method: str) -> None:
    before = fresh.audience.history(sid)
    for query in ("", "?List-Unsubscribe=One-Click", "?confirm=1"):
        assert client.request(method, link + query).status == 200
    assert state(fresh, sid) is MemberState.CONFIRMED
    assert fresh.audience.history(sid) == before


def test_the_page_asks_with_one_button_for_each_and_sends_nothing_by_itself(client: Client, link: str) -> None:
    page = client.get(link)
    assert page.text.count("<form") == 1
    assert re.findall(r"<button[^>]*>([^<]*)</button>", page.text) == [
        "Unsubscribe", "Leave all newsletters of Harbour Software Guild",
    ]  # fmt: skip
    assert "http-equiv" not in page.text
    assert "The Harbour Log" in page.text
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("body", "content_type", "how"),
    [
        (ONE_CLICK, "application/x-www-form-urlencoded", "one-click"),
        (ONE_CLICK + b"\r\n", "application/x-www-form-urlencoded; charset=utf-8", "one-click"),
        (MULTIPART, "multipart/form-data; boundary==_4f1c", "one-click"),
        (MULTIPART, 'multipart/form-data; boundary="=_4f1c"', "one-click"),
        (
            MULTIPART.replace(b"\r\n\r\nOne", b"\r\nContent-Type: text/plain\r\n\r\nOne"),
            "multipart/form-data; boundary==_4f1c",
            "one-click",
        ),
        (b"act=all&" + b"x" * 100_000, "application/x-www-form-urlencoded", "page"),
        (b"a=1&" * 2000, "application/x-www-form-urlencoded", "page"),
        (b"", "application/x-www-form-urlencoded", "page"),
        (b"", "", "page"),
        (b"{}", "application/json", "page"),
        (b"\xff\x00", "application/octet-stream", "page"),
    ],
)
def test_posting_leaves(
    client: Client, fresh: Runtime, sid: str, link: str, body: bytes, content_type: str, how: str
) -> None:
    page = post(client, link, body, content_type)
    assert page.status == 200
    assert "You are unsubscribed" in page.text
    assert state(fresh, sid) is MemberState.UNSUBSCRIBED
    evidence = fresh.audience.history(sid)[-1]
    assert evidence["action"] == "unsubscribed"
    assert how in evidence["how"]


def post(client: Client, link: str, body: bytes, content_type: str):  # type: ignore[no-untyped-def]
    """Chalice's own client decodes bodies it does not know as binary: give those that are no text as such."""
    try:
        body.decode()
    except UnicodeDecodeError:
        content_type = "*/*"
    return client.post(link, body, content_type)


def test_leaving_again_says_the_same_and_writes_nothing(client: Client, fresh: Runtime, sid: str, link: str) -> None:
    at(fresh)
    first = client.post(link, ONE_CLICK)
    history = fresh.audience.history(sid)
    again = client.post(link, ONE_CLICK)
    assert (again.status, again.body) == (first.status, first.body)
    assert fresh.audience.history(sid) == history


def test_one_newsletter_is_left_and_no_other(client: Client, fresh: Runtime, sid: str) -> None:
    other = f"/u/{fresh.tokens.make(sid, 'storm-warnings')}"
    assert client.post(other, ONE_CLICK).status == 200
    assert state(fresh, sid) is MemberState.CONFIRMED


def test_a_person_who_is_gone_gets_the_same_words_as_one_who_is_there(
    client: Client, fresh: Runtime, link: str
) -> None:
    gone = f"/u/{fresh.tokens.make('f' * 24, 'harbour-log')}"
    assert client.get(gone).body == client.get(link).body
    for raw in (ONE_CLICK, b"act=one&why=other", b"act=all"):
        texts = {re.sub(r"/p/[\w.-]+", "/p/", client.post(path, raw).text) for path in (gone, link)}
        assert len(texts) == 1


def test_all_newsletters_are_left_with_one_press(client: Client, fresh: Runtime, sid: str, link: str) -> None:
    storm = make_member(fresh.secrets, "storm-warnings", "ada@example.org", "", "en")
    fresh.audience.subscribe([storm], Basis.CONSENT, "a test", fresh.clock())
    page = press(client, link, client.get(link), button=1)
    assert "no more newsletters of Harbour Software Guild" in page.text
    assert fresh.audience.person(sid).confirmed == {}


def test_a_site_with_one_newsletter_has_one_button(client: Client, fresh: Runtime, link: str) -> None:
    only = {"harbour-log": fresh.site.newsletters["harbour-log"]}
    fresh.__dict__["loaded"] = replace(fresh.loaded, site=replace(fresh.site, newsletters=only))
    assert client.get(link).text.count("<button") == 1


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"why": "too-many"}, "too-many"),
        ({"why": "other", "words": " I\u202e read\r\n it\x00 elsewhere "}, "other: I read it elsewhere"),
        ({"words": "x" * 600}, "x" * 499 + "…"),
        ({"why": "<b>", "words": ""}, ""),
        ({}, ""),
    ],
)
def test_a_reason_is_kept_clean_and_short(
    client: Client, fresh: Runtime, sid: str, link: str, fields: dict[str, str], what: str
) -> None:
    press(client, link, client.get(link), fields)
    assert fresh.audience.history(sid)[-1].get("what", "") == what


def test_the_way_back_is_the_form_and_no_link_to_somebody_s_choices(client: Client, link: str) -> None:
    """A link to leave never expires: whoever has an old mail must not get more by it."""
    for page in (client.post(link), client.post(link, b"act=all")):
        assert 'href="/subscribe' in page.text
        assert "/p/" not in page.text


def test_a_link_from_before_a_change_of_address_still_leaves(
    client: Client, fresh: Runtime, sid: str, link: str
) -> None:
    new = fresh.audience.sid("new@example.org")
    fresh.moves.ask(sid, new, "new@example.org", fresh.clock())
    fresh.moves.confirm(sid, new, fresh.clock())
    assert client.post(link, ONE_CLICK).status == 200
    assert state(fresh, new) is MemberState.UNSUBSCRIBED


MANGLED: dict[str, Callable[[str], str]] = {
    "truncated": lambda token: token[:-5],
    "half": lambda token: token[: len(token) // 2],
    "without signature": lambda token: token.split(".")[0],
    "with a line break": lambda token: token[:40] + "%0A" + token[40:],
    "one letter changed": lambda token: ("x" if token[0] != "x" else "y") + token[1:],
    "unsigned end": lambda token: token + "A",
    "bracket": lambda token: token + ")",
    "dot": lambda token: ".",
    "not ASCII": lambda token: "ü" + token,
    "NUL": lambda token: token + "%00",
    "long": lambda token: token * 40,
    "markup": lambda token: "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
}


@pytest.mark.parametrize("mangle", MANGLED.values(), ids=MANGLED)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_wrong_link_says_what_to_do_and_echoes_nothing(
    client: Client, fresh: Runtime, sid: str, link: str, mangle: Callable[[str], str], method: str
) -> None:
    token = mangle(link.removeprefix("/u/"))
    page = client.request(method, f"/u/{token}", {}, ONE_CLICK if method == "POST" else b"")
    assert page.status == 404
    assert state(fresh, sid) is MemberState.CONFIRMED
    if method != "HEAD":
        assert "This link is not complete" in page.text
        assert token == "." or token[:20] not in page.text
        assert "alert(1)" not in page.text


def test_a_token_of_another_site_is_refused(client: Client, sid: str) -> None:
    from chalicelib.audience.tokens import Secrets, UnsubscribeTokens

    token = UnsubscribeTokens(Secrets(("o" * 40,))).make(sid, "harbour-log")
    assert client.post(f"/u/{token}", ONE_CLICK).status == 404


def test_other_methods_are_refused_with_what_is_allowed(client: Client, link: str) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        page = client.request(method, link, {})
        assert page.status == 405
        assert set(page.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


@pytest.fixture
def both(fresh: Runtime, sid: str) -> str:
    """The link of a mail that holds two newsletters, to somebody who is in both."""
    storm = make_member(fresh.secrets, "storm-warnings", "ada@example.org", "", "en")
    fresh.audience.subscribe([storm], Basis.CONSENT, "a test", fresh.clock())
    return f"/u/{fresh.tokens.make(sid, both_names('harbour-log', 'storm-warnings'))}"


def test_one_click_in_a_mail_of_two_newsletters_leaves_both(
    client: Client, fresh: Runtime, sid: str, both: str
) -> None:
    page = client.post(both, ONE_CLICK)
    assert page.status == 200
    assert "no more mail of The Harbour Log and Storm Warnings." in page.text
    assert fresh.audience.person(sid).confirmed == {}


@pytest.mark.parametrize(("button", "left"), [(0, set()), (1, {"storm-warnings"}), (2, {"harbour-log"})])
def test_the_link_of_a_mail_of_two_newsletters_asks_which(
    client: Client, fresh: Runtime, sid: str, both: str, button: int, left: set[str]
) -> None:
    page = client.get(both)
    assert set(fresh.audience.person(sid).confirmed) == {"harbour-log", "storm-warnings"}
    assert re.findall(r"<button[^>]*>([^<]*)</button>", page.text) == [
        "Leave both", "Leave The Harbour Log only", "Leave Storm Warnings only",
    ]  # fmt: skip
    press(client, both, page, button=button)
    assert set(fresh.audience.person(sid).confirmed) == left


def test_a_third_newsletter_is_not_left_with_a_mail_of_two(client: Client, fresh: Runtime, sid: str, both: str) -> None:
    client.post(both, b"act=only:harbour-log-of-1990")
    assert fresh.audience.person(sid).confirmed == {}, "what can't be read is the first button"


def test_a_link_of_one_newsletter_leaves_no_other(client: Client, fresh: Runtime, sid: str, both: str) -> None:
    client.post(f"/u/{fresh.tokens.make(sid, 'storm-warnings')}", b"act=only:harbour-log")
    assert set(fresh.audience.person(sid).confirmed) == {"harbour-log"}
