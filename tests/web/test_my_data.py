"""One's own data: all of it on the page and in the file, nothing changed by reading, gone with two presses."""

import json
import re

import pytest

from chalicelib.audience.choices import Choices, Wishes
from chalicelib.audience.signup import Request
from chalicelib.audience.suppression import Reason
from chalicelib.deliver.sends import whole_dossier
from chalicelib.runtime import Runtime
from tests.web.answers import Answer
from tests.web.browsing import at, body, everything, press
from tests.web.client import Client
from tests.web.site import subscribe


@pytest.fixture
def sid(fresh: Runtime) -> str:
    at(fresh)
    sid = subscribe(fresh, "ada@example.org", name="Ada <Example>")
    fresh.audience.leave(sid, "harbour-log", at(fresh, 60), "a test", "too-many: I read\nelsewhere")
    return sid


@pytest.fixture
def link(fresh: Runtime, sid: str) -> str:
    return f"/d/{fresh.data_links.make(sid, '', fresh.clock())}"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", ("All that we know of you", "The Harbour Log", "unsubscribed", "26\u00a0November 2026, 10:31\u00a0CET")),
        (
            "?lang=de",
            (
                "Alles, was wir von Ihnen wissen",
                "Das Hafenlogbuch",
                "abbestellt",
                "26.\u00a0November 2026, 10:31\u00a0",
            ),
        ),
    ],
)
def test_the_page_shows_what_is_stored_in_words(client: Client, link: str, query: str, words: tuple[str, ...]) -> None:
    page = client.get(link + query)
    assert page.status == 200
    for word in (*words, "ada@example.org", "Ada &lt;Example&gt;", "too-many: I read"):
        assert word in page.text
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["", "/erase"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading_changes_nothing(client: Client, fresh: Runtime, link: str, path: str, method: str) -> None:
    before = everything(fresh)
    assert client.request(method, link + path).status == 200
    assert everything(fresh) == before


def test_the_file_is_the_whole_dossier(client: Client, fresh: Runtime, sid: str, link: str) -> None:
    before = everything(fresh)
    file = press(client, link, client.get(link))
    assert file.headers["content-type"].startswith("application/json")
    assert re.fullmatch(r'attachment; filename="sendbrief-[\d-]+\.json"', file.headers["content-disposition"])
    assert file.headers["cache-control"] == "no-store"
    whole = whole_dossier(fresh.table, fresh.blobs, fresh.secrets, sid, fresh.clock())
    assert json.loads(file.body) == json.loads(json.dumps(whole, default=str))
    assert everything(fresh) == before


@pytest.mark.parametrize("path", ["", "/erase"])
def test_a_press_without_a_good_mark_is_asked_for_once_more(
    client: Client, fresh: Runtime, link: str, path: str
) -> None:
    before = everything(fresh)
    other = "/erase" if not path else ""
    marks = [b"", b"form=x", body({"form": mark(client.get(link + other))})]
    for raw in marks:
        page = client.post(link + path, raw)
        assert (page.status, "Please press once more" in page.text) == (400, True)
    assert everything(fresh) == before
    assert press(client, link + path, page).status == 200


def mark(page: Answer) -> str:
    found = re.search(r'name="form" value="([^"]+)"', page.text)
    assert found is not None
    return found[1]


def test_erasing_takes_two_presses_and_leaves_nothing(client: Client, fresh: Runtime, sid: str, link: str) -> None:
    onward = re.search(r'href="(/d/[^"]+/erase)"', client.get(link).text)
    assert onward is not None
    question = client.get(onward[1])
    assert "One thing stays" in question.text
    page = press(client, onward[1], question)
    assert (page.status, "Everything is erased" in page.text) == (200, True)
    assert fresh.audience.person(sid).profile is None
    assert not [item for item in fresh.table.everything() if "ada@" in str(item).lower() or "Example>" in str(item)]
    kept = everything(fresh)
    assert press(client, onward[1], question).body == page.body, "safe to repeat"
    assert everything(fresh) == kept


def test_no_moment_and_no_day_is_left_as_machines_write_it(client: Client, fresh: Runtime) -> None:
    at(fresh)
    sid = fresh.audience.sid("new@example.org")
    asked = Request("new@example.org", "", "en", {"harbour-log": Choices()}, "subscribe/1", "0" * 64, fresh.clock())
    fresh.signups.ask(sid, asked, fresh.clock())
    link = f"/d/{fresh.data_links.make(sid, '', fresh.clock())}"
    assert "Not yet confirmed" in client.get(link).text, "who has only asked is shown that"
    fresh.signups.confirm(sid, fresh.clock())
    wishes = Wishes({"harbour-log": Choices()}, "en", "Nia", "2026-12-24")
    fresh.audience.arrange(sid, wishes, ["harbour-log"], fresh.clock(), "a test")
    fresh.moves.ask(sid, "f" * 24, "other@example.org", fresh.clock())
    fresh.suppressions.add(sid, Reason.BOUNCE, fresh.clock())
    page = client.get(link).text
    for words in (
        "24\u00a0December 2026",
        "mails came back",
        "other@example.org",
        "A change of address",
        "Confirmed: The Har",
    ):
        assert words in page
    facts = page.partition("<main")[2].replace("paused until 2026-12-24", "")  # that is the record, word for word
    assert not re.search(r"20\d\d-\d\d-\d\dT|\d\d\d\d-\d\d-\d\d", facts)


def test_of_a_stranger_nothing_is_stored(client: Client, fresh: Runtime) -> None:
    at(fresh)
    link = f"/d/{fresh.data_links.make('f' * 24, '', fresh.clock())}"
    page = client.get(link)
    assert (page.status, "Nothing is stored of you" in page.text) == (410, True)
    assert client.post(link, b"").body == page.body
