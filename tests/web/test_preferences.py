"""Choosing: GET and HEAD change nothing, POST keeps what the form says, and nobody comes back by it."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest

from chalicelib.audience.subscriber import Membership, MemberState, membership_to_data
from chalicelib.runtime import Runtime
from chalicelib.store import Put
from tests.web.client import Client
from tests.web.site import LOG, SITE, subscribe
from tests.web.test_unsubscribe import MANGLED

TOPICS = (
    "  security: {title: {en: Security, de: Sicherheit}, match: [{title: leak}]}\n"
    "  crew: {title: 'Crew <b>', match: [{title: crew}]}\n"
)
CHOICE = {"language": "de", "cadence": "monthly", "topics": "chosen", "topic": ["security", "crew"]}


@pytest.fixture
def chosen_from(fresh: Runtime) -> Runtime:
    """A site with three topics, whose log also comes once a month."""
    content = fresh.site.root / "content"
    (content / "site.yaml").write_text(SITE.replace("sources:\n", f"{TOPICS}sources:\n"))
    (content / "newsletters" / "harbour-log.yaml").write_text(f"{LOG}cadences: [every, monthly]\n")
    fresh.reload()
    return fresh


@pytest.fixture
def sid(chosen_from: Runtime) -> str:
    return subscribe(chosen_from, "ada@example.org", name="Ada")


@pytest.fixture
def link(chosen_from: Runtime, sid: str) -> str:
    return f"/p/{chosen_from.preferences.make(sid, 'harbour-log', chosen_from.clock())}"


def member(runtime: Runtime, sid: str) -> Membership:
    found = runtime.audience.membership("harbour-log", sid)
    assert found is not None
    return found


def form(**fields: object) -> bytes:
    return urlencode(fields, doseq=True).encode()


class Ticked(HTMLParser):
    """Which values of a page's form are ticked, and all that there are."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.all, self.ticked = list[str](), list[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "input":
            told = dict(attrs)
            self.all.append(f"{told['name']}={told['value']}")
            self.ticked += self.all[-1:] if "checked" in told else []


def test_the_page_shows_all_choices_with_the_present_ones_ticked(client: Client, link: str) -> None:
    page = client.get(link)
    shown = Ticked(page.text)
    assert page.status == 200
    assert "The Harbour Log: what you get" in page.text
    assert shown.all == [
        "language=en", "language=de", "cadence=every", "cadence=monthly",
        "topics=all", "topics=chosen", "topic=tools", "topic=security", "topic=crew",
    ]  # fmt: skip
    assert shown.ticked == ["language=en", "cadence=every", "topics=all"]
    assert page.text.count("<form") == page.text.count("<button") == 1
    assert page.headers["cache-control"] == "no-store"
    assert "Crew &lt;b&gt;" in page.text
    assert "ada@" not in page.text.lower(), "a forwarded mail must not tell more than itself"
    assert 'role="status"' not in page.text
    assert '<span lang="de">Deutsch</span>' in page.text
    assert "Sicherheit" in client.get(f"{link}?lang=de").text


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading_changes_nothing(client: Client, chosen_from: Runtime, sid: str, link: str, method: str) -> None:
    before = chosen_from.audience.history(sid), member(chosen_from, sid)
    assert client.request(method, f"{link}?language=de&cadence=monthly&topics=all").status == 200
    assert (chosen_from.audience.history(sid), member(chosen_from, sid)) == before


def test_posting_keeps_the_choices_shows_them_and_says_so(
    client: Client, chosen_from: Runtime, sid: str, link: str
) -> None:
    page = client.post(link, form(**CHOICE))
    assert page.status == 200
    assert 'role="status"><strong>Saved.' in page.text
    ticked = ["language=de", "cadence=monthly", "topics=chosen", "topic=security", "topic=crew"]
    assert Ticked(page.text).ticked == ticked
    assert Ticked(client.get(link).text).ticked == ticked
    now = member(chosen_from, sid)
    assert (now.language, now.cadence, now.topics) == ("de", "monthly", frozenset({"security", "crew"}))
    assert (now.state, now.address, now.name) == (MemberState.CONFIRMED, "ada@example.org", "Ada")
    evidence = chosen_from.audience.history(sid)[-1]
    assert (evidence["action"], evidence["how"]) == ("chose", "the preferences page")


def test_posting_again_says_the_same_and_writes_nothing(
    client: Client, chosen_from: Runtime, sid: str, link: str
) -> None:
    first, history = client.post(link, form(**CHOICE)), chosen_from.audience.history(sid)
    assert client.post(link, form(**CHOICE)).body == first.body
    assert chosen_from.audience.history(sid) == history


def test_everything_again_takes_the_topics_back_whatever_is_ticked(
    client: Client, chosen_from: Runtime, sid: str, link: str
) -> None:
    client.post(link, form(**CHOICE))
    page = client.post(link, form(**{**CHOICE, "topics": "all"}))
    assert member(chosen_from, sid).topics is None
    assert Ticked(page.text).ticked == ["language=de", "cadence=monthly", "topics=all"]


def test_no_topic_at_all_is_not_kept_but_asked_again(client: Client, chosen_from: Runtime, sid: str, link: str) -> None:
    before = member(chosen_from, sid)
    page = client.post(link, form(**{**CHOICE, "topic": ["unknown"]}))
    assert page.status == 400
    assert 'role="alert"><strong>Not saved yet.' in page.text
    assert Ticked(page.text).ticked == ["language=de", "cadence=monthly", "topics=chosen"], "nothing to tick anew"
    assert member(chosen_from, sid) == before


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{}", 400),
        (b"\xff\x00=%ff", 400),
        (form(language="fr"), 400),
        (form(language=["de", "en"]), 400),
        (form(language=""), 400),
        (form(cadence="daily", language="de"), 400),
        (form(topics="none", language="de"), 400),
        (b"language=de&" + b"&".join([b"topic=x"] * 600), 400),
        (b"language=de&topic=" + b"x" * 20_000, 413),
        (b"language=de" + b"&;=%" * 100_000, 413),
    ],
)
def test_what_is_no_form_of_ours_changes_nothing(
    client: Client, chosen_from: Runtime, sid: str, link: str, body: bytes, status: int
) -> None:
    before = member(chosen_from, sid)
    content_type = "*/*" if b"\xff" in body else "application/x-www-form-urlencoded"
    page = client.post(link, body, content_type)
    assert page.status == status
    assert member(chosen_from, sid) == before
    assert status != 400 or "Your choices were not understood" in page.text


def test_the_link_to_unsubscribe_leaves_this_newsletter(
    client: Client, chosen_from: Runtime, sid: str, link: str
) -> None:
    found = re.search(r'<a href="(/u/[^"]+)">Unsubscribe from The Harbour Log</a>', client.get(link).text)
    assert found is not None
    assert client.post(found[1]).status == 200
    assert member(chosen_from, sid).state is MemberState.UNSUBSCRIBED


@pytest.mark.parametrize("ends", ["unsubscribed", "pending", "removed", "never there", "newsletter gone"])
def test_whoever_is_no_member_reads_the_same_and_is_not_brought_back(
    client: Client, chosen_from: Runtime, sid: str, link: str, ends: str
) -> None:
    if ends == "unsubscribed":
        chosen_from.audience.leave(sid, "harbour-log", chosen_from.clock(), "a test")
    elif ends == "pending":
        now = member(chosen_from, sid)
        chosen_from.table.put_many([Put(now.key, {**membership_to_data(now), "state": "pending"})])
    elif ends == "removed":
        chosen_from.audience.erase(sid, chosen_from.clock())
    elif ends == "never there":
        link = f"/p/{chosen_from.preferences.make('f' * 24, 'harbour-log', chosen_from.clock())}"
    else:
        (chosen_from.site.root / "content" / "newsletters" / "harbour-log.yaml").unlink()
        (chosen_from.site.root / "content" / "editions" / "harbour-log" / "2026-11-26.md").unlink()
        chosen_from.reload()
    before = chosen_from.audience.membership("harbour-log", sid), chosen_from.audience.history(sid)
    title = "harbour-log" if ends == "newsletter gone" else "The Harbour Log"
    for page in (client.get(link), client.post(link, form(**CHOICE))):
        assert page.status == 200
        assert f"<h1>You do not get {title}</h1>" in page.text
        assert "<form" not in page.text
    assert (chosen_from.audience.membership("harbour-log", sid), chosen_from.audience.history(sid)) == before


def test_a_suppressed_member_keeps_what_was_there(client: Client, chosen_from: Runtime, sid: str, link: str) -> None:
    chosen_from.audience.suppress(sid, "complaint", chosen_from.clock())
    before = member(chosen_from, sid)
    assert "You do not get" in client.post(link, form(**CHOICE)).text
    assert member(chosen_from, sid) == before


@pytest.mark.parametrize("name", MANGLED)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_wrong_link_is_told_as_the_one_to_unsubscribe_is(
    client: Client, chosen_from: Runtime, sid: str, link: str, name: str, method: str
) -> None:
    before = member(chosen_from, sid)
    token = MANGLED[name](link.removeprefix("/p/"))
    body = form(**CHOICE) if method == "POST" else b""
    page, other = (client.request(method, f"/{door}/{token}", {}, body) for door in "pu")
    assert (page.status, page.body) == (404, other.body)
    assert method == "HEAD" or "This link is not complete" in page.text
    assert member(chosen_from, sid) == before


def test_a_link_of_one_purpose_opens_no_other_door(client: Client, chosen_from: Runtime, sid: str, link: str) -> None:
    leaving = chosen_from.tokens.make(sid, "harbour-log")
    assert client.post(f"/p/{leaving}", form(**CHOICE)).status == 404
    assert client.post(link.replace("/p/", "/u/")).status == 404
    assert member(chosen_from, sid).state is MemberState.CONFIRMED
    assert member(chosen_from, sid).language == "en"


def test_a_newsletter_with_nothing_to_choose_says_so(client: Client, fresh: Runtime) -> None:
    plain = replace(fresh.site, languages=("en",), topics=())
    fresh.__dict__["loaded"] = replace(fresh.loaded, site=plain)
    sid = subscribe(fresh, "ada@example.org")
    page = client.get(f"/p/{fresh.preferences.make(sid, 'harbour-log', fresh.clock())}")
    assert "there is nothing to choose" in page.text
    assert "<form" not in page.text
    assert "/u/" in page.text


def test_a_language_the_site_has_not_shows_as_the_one_that_comes(client: Client, fresh: Runtime) -> None:
    sid = subscribe(fresh, "ada@example.org", language="de-AT")
    assert "language=de" in Ticked(client.get(f"/p/{fresh.preferences.make(sid, 'harbour-log', fresh.clock())}").text).ticked


def test_other_methods_are_refused_with_what_is_allowed(client: Client, link: str) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        page = client.request(method, link, {})
        assert page.status == 405
        assert set(page.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


def test_search_engines_are_kept_out(client: Client, fresh: Runtime) -> None:
    assert "Disallow: /p/\n" in client.get("/robots.txt").text
