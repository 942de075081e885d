"""The public pages: front, archive, editions, pictures; in the reader's language; nothing that was not sent."""

import re
from datetime import UTC, datetime

import pytest

from chalicelib.compose.edition import State
from chalicelib.compose.editions import EditionStore
from chalicelib.runtime import Runtime
from tests.web.client import Client
from tests.web.site import AFTER, BEFORE, PNG, SLOT, subscribe

EDITION = f"/archive/harbour-log/{SLOT}/en"


def test_the_front_page_names_the_site_its_newsletters_and_the_archive(reading: Client) -> None:
    page = reading.get("/")
    assert page.status == 200
    for words in ("Harbour Software Guild", "The Harbour Log", "Every second Thursday", "A new crane at the pier"):
        assert words in page.text
    assert 'href="/archive"' in page.text
    assert "<form" not in page.text


@pytest.mark.parametrize(
    ("path", "accept", "language"),
    [
        ("/", "", "en"),
        ("/", "de", "de"),
        ("/", "de-AT,de;q=0.9,en;q=0.8", "de"),
        ("/", "fr, en;q=0.5, de;q=0.9", "de"),
        ("/", "fr, de;q=0, *", "en"),
        ("/", "xx;q=nan, de;q=inf, ,;;=,", "en"),
        ("/?lang=de", "en", "de"),
        ("/?lang=DE-ch", "en", "de"),
        ("/?lang=fr", "de", "de"),
        ("/?lang=", "de", "de"),
        ("/archive?lang=de", "en", "de"),
    ],
)
def test_pages_speak_the_chosen_language_or_the_browsers(
    reading: Client, path: str, accept: str, language: str
) -> None:
    page = reading.request("GET", path, {"Accept-Language": accept})
    assert f'<html lang="{language}"' in page.text
    assert ("Das Hafenlogbuch" in page.text) == (language == "de")
    assert "Accept-Language" in page.headers["vary"]


def test_the_archive_leads_to_each_newsletter_and_edition(reading: Client) -> None:
    index = reading.get("/archive")
    assert 'href="/archive/harbour-log"' in index.text
    newsletter = reading.get("/archive/harbour-log")
    assert f'href="{EDITION}"' in newsletter.text
    assert f'href="/archive/harbour-log/{SLOT}/de"' in newsletter.text
    assert newsletter.headers["cache-control"] == "public, max-age=300"


def test_an_edition_is_shown_as_it_was_sent_without_anything_personal(reading: Client) -> None:
    english, german = reading.get(EDITION), reading.get(EDITION.replace("/en", "/de"))
    assert "Dear reader" in english.text
    assert "Ada<" not in english.text
    assert "/u/" not in english.text
    assert "Der Kran steht" in german.text
    assert german.headers["content-language"] == "de"
    assert english.headers["cache-control"] == "public, max-age=600"


def test_a_reader_who_has_the_edition_gets_304(reading: Client) -> None:
    tag = reading.get(EDITION).headers["etag"]
    again = reading.request("GET", EDITION, {"If-None-Match": f'W/{tag}, "x"'})
    assert (again.status, again.body) == (304, b"")
    assert reading.request("GET", EDITION, {"If-None-Match": '"x"'}).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/archive/nothing",
        "/archive/nothing/2026-11-26/en",
        "/archive/harbour-log/2026-11-27/en",
        f"/archive/harbour-log/{SLOT}/fr",
        f"/archive/harbour-log/{SLOT}/EN",
        f"/archive/storm-warnings/{SLOT}/en",
        f"/archive/harbour-log%2F..%2Fharbour-log/{SLOT}/en",
    ],
)
def test_what_was_not_sent_is_not_found(reading: Client, path: str) -> None:
    page = reading.get(path)
    assert page.status == 404
    assert "There is no such page" in page.text
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("state", list(State))
def test_only_editions_being_sent_or_sent_are_public(client: Client, fresh: Runtime, state: State) -> None:
    subscribe(fresh, "ada@example.org")
    fresh.clock = lambda: BEFORE
    import asyncio

    asyncio.run(fresh.ticker().tick(BEFORE))
    editions = EditionStore(fresh.table, fresh.blobs)
    edition = editions.find(f"harbour-log/{SLOT}")
    editions.change(edition, state=state)
    shown = state in (State.SENDING, State.SENT)
    assert client.get(EDITION).status == (200 if shown else 404)
    for index in ("/", "/archive", "/archive/harbour-log"):
        assert ("A new crane" in client.get(index).text) == shown


def test_older_editions_are_a_page_away(client: Client, fresh: Runtime) -> None:
    from chalicelib.compose.editions import Edition

    editions = EditionStore(fresh.table, fresh.blobs)
    for day in range(120):
        slot = datetime(2026, 1, 1, tzinfo=UTC).date().toordinal() + day
        name = datetime.fromordinal(slot).strftime("%Y-%m-%d")
        state = State.SENT if day % 2 == 0 else State.CANCELLED
        editions.claim_slot(Edition("harbour-log", name, AFTER, state, number=day))
    seen: list[str] = []
    path = "/archive/harbour-log"
    for _ in range(4):
        page = client.get(path).text
        seen += re.findall(r"/archive/harbour-log/([\d-]+)/en", page)
        following = re.search(r'href="([^"]+)" rel="next"', page)
        if following is None:
            break
        path = following[1]
    assert len(seen) == len(set(seen)) == 60
    assert seen == sorted(seen, reverse=True)


def test_a_monthly_gathering_is_no_issue_of_its_own_on_the_shelf(client: Client, fresh: Runtime) -> None:
    from chalicelib.compose.editions import Edition

    editions, monthly = EditionStore(fresh.table, fresh.blobs), f"{SLOT}-monthly"
    editions.claim_slot(Edition("harbour-log", SLOT, AFTER, State.SENT, number=7))
    editions.claim_slot(Edition("harbour-log", monthly, AFTER, State.SENT, number=1, gathering=True))
    page = client.get("/archive/harbour-log").text
    assert EDITION in page
    assert monthly not in page


def test_pictures_come_as_bytes_whatever_the_reader_accepts(reading: Client) -> None:
    for accept in ({}, {"Accept": "*/*"}, {"Accept": "image/avif,image/webp,*/*;q=0.8"}, {"Accept": "text/html"}):
        picture = reading.request("GET", "/media/images/crane.png", accept)
        assert (picture.status, picture.body) == (200, PNG), accept
        assert picture.headers["content-type"] == "image/png"
        assert picture.headers["cache-control"] == "public, max-age=86400"


@pytest.mark.parametrize(
    "path",
    [
        "/media/site.yaml",
        "/media/posts/en/2026-11-20-crane.md",
        "/media/images/other.png",
        "/media/images/..%2f..%2fsecret.png",
        "/media/..%2fsecret.png",
        "/media/%2e%2e/secret.png",
        "/media/images/%2e%2e%5csecret.png",
        "/media/images/crane.png%00",
        "/media/images%2fcrane.png",
        "/media/.hidden.png",
        "/media/images",
        "/media/linked.png",
        "/media/folder.png",
        "/media/large.png",
        "/media/" + "a" * 300 + ".png",
        "/media/" + "a/" * 5 + "b.png",
        "/media/" + "a/" * 50 + "b.png",
        "/media/%ff%fe.png",
    ],
)
def test_nothing_but_pictures_below_content_is_given_out(client: Client, fresh: Runtime, path: str) -> None:
    root = fresh.settings.site
    (root / "secret.png").write_bytes(PNG)
    (root / "content" / ".hidden.png").write_bytes(PNG)
    (root / "content" / "linked.png").symlink_to(root / "secret.png")
    (root / "content" / "folder.png").mkdir()
    (root / "content" / "large.png").write_bytes(bytes(5_000_000))
    raw = client._http.request("GET", path)
    assert raw.status_code in (403, 404)
    assert PNG not in raw.body


def test_a_sites_own_templates_and_words_win(client: Client, fresh: Runtime) -> None:
    own = fresh.settings.site / "templates" / "web"
    (own / "messages").mkdir(parents=True)
    (own / "error.html").write_text("<!doctype html><style>b{}</style><b>{{ title }}</b>", "utf-8")
    (own / "messages" / "en.yaml").write_text("web: {errors: {not_found: {title: Lost at sea}}}", "utf-8")
    page = client.get("/archive/nothing")
    assert "<b>Lost at sea</b>" in page.text
    assert "sha256-" in page.headers["content-security-policy"]


def test_a_broken_template_of_the_site_is_our_fault_and_tells_readers_nothing(client: Client, fresh: Runtime) -> None:
    own = fresh.settings.site / "templates" / "web"
    own.mkdir(parents=True)
    (own / "front.html").write_text("{{ ''.__class__.__mro__ }}", "utf-8")
    raw = client._http.request("GET", "/")
    assert raw.status_code == 500
    assert b"The fault is ours" in raw.body
    assert b"__mro__" not in raw.body


def test_a_store_that_is_away_is_a_503_that_says_when_to_come_back(client: Client, fresh: Runtime) -> None:
    fresh.database.close()
    raw = client._http.request("GET", "/archive")
    assert raw.status_code == 503
    assert raw.headers["Retry-After"] == "30"
    assert b"try again" in raw.body


def test_an_edition_without_a_subject_is_known_by_its_first_entry(client: Client, fresh: Runtime) -> None:
    import asyncio

    (fresh.settings.site / "content" / "editions" / "harbour-log" / f"{SLOT}.md").unlink()
    subscribe(fresh, "ada@example.org")
    asyncio.run(fresh.ticker().tick(BEFORE))
    editions = EditionStore(fresh.table, fresh.blobs)
    editions.change(editions.find(f"harbour-log/{SLOT}"), state=State.SENT)
    assert "The crane is up</a>" in client.get("/archive").text
    assert "Der Kran steht</a>" in client.get("/archive?lang=de").text
