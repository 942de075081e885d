"""Confirming a subscription and a new address: only the button counts, and it may be pressed twice."""

import re

import pytest

from chalicelib.audience.choices import Choices
from chalicelib.audience.signup import Request
from chalicelib.audience.suppression import Reason
from chalicelib.runtime import Runtime
from tests.web.browsing import Forms, at, body, everything, press, tasks
from tests.web.client import Client
from tests.web.site import AFTER, subscribe

CHOICES = {"harbour-log": Choices(), "gone": Choices()}


@pytest.fixture
def sid(fresh: Runtime) -> str:
    """Somebody who has asked for the log, and for a newsletter that is given up by now."""
    at(fresh)
    sid = fresh.audience.sid("new@example.org")
    fresh.signups.ask(sid, Request("new@example.org", "Nia", "de", CHOICES, "subscribe/1", "0" * 64, AFTER), AFTER)
    return sid


@pytest.fixture
def link(fresh: Runtime, sid: str) -> str:
    return f"/c/{fresh.confirmations.make(sid, '', fresh.clock())}"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading_confirms_nothing(client: Client, fresh: Runtime, link: str, method: str) -> None:
    before = everything(fresh)
    for query in ("", "?act=confirm", "?lang=de"):
        assert client.request(method, link + query).status == 200
    assert (everything(fresh), tasks(fresh)) == (before, [])


def test_the_page_names_what_is_asked_for_beside_one_button(client: Client, link: str) -> None:
    page = client.get(link)
    assert "<strong>The Harbour Log</strong>" in page.text
    assert "gone" not in page.text
    assert page.text.count("<button") == 1
    assert "new@" not in page.text
    assert "Noch ein Schritt" in client.get(f"{link}?lang=de").text


def test_the_button_makes_a_member_and_asks_for_a_welcome(client: Client, fresh: Runtime, sid: str, link: str) -> None:
    page = press(client, link, client.get(link))
    assert (page.status, "You are in" in page.text) == (200, True)
    assert list(fresh.audience.person(sid).confirmed) == ["gone", "harbour-log"]
    (task,) = tasks(fresh)
    assert '"notice": "welcome"' in task
    assert '"language": "de"' in task


def test_pressing_twice_says_the_same_and_sends_one_welcome(client: Client, fresh: Runtime, link: str) -> None:
    question = client.get(link)
    first = press(client, link, question)
    kept, asked = everything(fresh), tasks(fresh)
    again = press(client, link, question)
    assert re.sub(r"/p/[\w.-]+", "", again.text) == re.sub(r"/p/[\w.-]+", "", first.text)
    assert (everything(fresh), len(asked), tasks(fresh)) == (kept, 1, [])


@pytest.mark.parametrize("mark", [None, "", "x.y"])
def test_a_press_without_a_good_mark_is_asked_for_once_more(
    client: Client, fresh: Runtime, link: str, mark: str | None
) -> None:
    before, question = everything(fresh), client.get(link)
    again = press(client, link, question, {"form": mark})
    assert (again.status, "Please press once more" in again.text) == (400, True)
    assert everything(fresh) == before
    assert "You are in" in press(client, link, again).text


def test_a_mark_belongs_to_its_link(client: Client, fresh: Runtime, link: str) -> None:
    other = fresh.audience.sid("other@example.org")
    fresh.signups.ask(other, Request("other@example.org", "", "en", CHOICES, "subscribe/1", "0" * 64, AFTER), AFTER)
    mark = Forms(client.get(link).text).sent[0]["form"]
    answer = client.post(f"/c/{fresh.confirmations.make(other, '', AFTER)}", body({"form": mark}))
    assert (answer.status, fresh.audience.person(other).confirmed) == (400, {})


def test_nothing_to_confirm_reads_the_same_for_a_stranger_and_for_who_is_kept_out(
    client: Client, fresh: Runtime, sid: str, link: str
) -> None:
    question = client.get(link)
    fresh.suppressions.add(sid, Reason.COMPLAINT, fresh.clock())
    kept_out = press(client, link, question)
    stranger = f"/c/{fresh.confirmations.make('f' * 24, '', fresh.clock())}"
    pages = [kept_out, client.get(stranger), client.post(stranger, body(Forms(question.text).sent[0]))]
    assert {page.status for page in pages} == {410}
    assert len({page.body for page in pages}) == 1
    assert "crew@example.org" in kept_out.text
    assert 'href="/subscribe"' in kept_out.text


def test_a_bounced_address_comes_back_by_confirming(client: Client, fresh: Runtime, sid: str, link: str) -> None:
    fresh.suppressions.add(sid, Reason.BOUNCE, fresh.clock())
    assert "You are in" in press(client, link, client.get(link)).text
    assert fresh.suppressions.of(sid) is None


class TestMoving:
    """The page behind the mail to a new address."""

    @pytest.fixture
    def old(self, fresh: Runtime) -> str:
        at(fresh)
        return subscribe(fresh, "ada@example.org", name="Ada")

    @pytest.fixture
    def new(self, fresh: Runtime, old: str) -> str:
        new = fresh.audience.sid("new@example.org")
        fresh.moves.ask(old, new, "new@example.org", fresh.clock())
        return new

    @pytest.fixture
    def link(self, fresh: Runtime, old: str, new: str) -> str:
        return f"/a/{fresh.changes.make(old, new, fresh.clock())}"

    def test_reading_moves_nobody(self, client: Client, fresh: Runtime, link: str) -> None:
        before = everything(fresh)
        for method in ("GET", "HEAD"):
            assert client.request(method, link).status == 200
        assert everything(fresh) == before

    def test_the_button_moves(self, client: Client, fresh: Runtime, old: str, new: str, link: str) -> None:
        question = client.get(link)
        page = press(client, link, question)
        assert (page.status, "Your address is changed" in page.text) == (200, True)
        assert list(fresh.audience.person(new).confirmed) == ["harbour-log"]
        assert fresh.audience.person(old).sid == new
        kept = everything(fresh)
        assert press(client, link, question).body == client.get(link).body == page.body
        assert everything(fresh) == kept
        back = re.search(r'href="(/p/[^"]+)"', page.text)
        assert back is not None
        assert "n…@example.org" in client.get(back[1]).text

    def test_a_press_without_a_good_mark_is_asked_for_once_more(
        self, client: Client, fresh: Runtime, old: str, link: str
    ) -> None:
        again = client.post(link, b"form=x")
        assert (again.status, "Please press once more" in again.text) == (400, True)
        assert fresh.audience.person(old).sid == old
        assert "Your address is changed" in press(client, link, again).text

    @pytest.mark.parametrize("why", ["another was asked for", "stranger", "gone"])
    def test_nothing_to_confirm_reads_the_same(
        self, client: Client, fresh: Runtime, old: str, link: str, why: str
    ) -> None:
        mark = Forms(client.get(link).text).sent[0]
        if why == "another was asked for":
            fresh.moves.ask(old, "e" * 24, "other@example.org", fresh.clock())
        elif why == "gone":
            fresh.audience.erase(old, fresh.clock())
        else:
            link = f"/a/{fresh.changes.make('e' * 24, 'f' * 24, fresh.clock())}"
            mark = {"form": ["x"]}
        before = everything(fresh)
        for page in (client.get(link), client.post(link, body(mark))):
            assert (page.status, "There is nothing to confirm here" in page.text) == (410, True)
        assert everything(fresh) == before
