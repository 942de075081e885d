"""Subscribing: the form and what it says, double opt-in to the end, and the same for known and unknown addresses."""

import asyncio
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.audience.limits import PER_ADDRESS, PER_NETWORK, PER_SITE, Bucket, Limits
from chalicelib.audience.signup import pending_key
from chalicelib.audience.suppression import Reason
from chalicelib.content.subscribing import Subscribing, WorkUse
from chalicelib.deliver.notices import read_notice
from chalicelib.runtime import Runtime
from chalicelib.store import Key
from chalicelib.transports.maildir import read_maildir
from chalicelib.web.proof_of_work import is_solved
from tests.web.answers import Answer
from tests.web.browsing import Forms, at, body, everything, press, tasks, ticked
from tests.web.client import Client
from tests.web.site import LOG, SITE, subscribe
from tests.web.test_preferences import TOPICS

LOG_AND_TOPIC = {
    "newsletter": ["harbour-log"], "cadence.harbour-log": "monthly", "topics.harbour-log": "chosen",
    "topic.harbour-log": ["security"],
}  # fmt: skip
NEW = {**LOG_AND_TOPIC, "address": "new@example.org", "name": "Nia", "language": "de"}


@pytest.fixture
def house(fresh: Runtime) -> Runtime:
    """A site with three topics and a monthly cadence; its clock stands still."""
    content = fresh.site.root / "content"
    (content / "site.yaml").write_text(SITE.replace("sources:\n", f"{TOPICS}sources:\n"))
    (content / "newsletters" / "harbour-log.yaml").write_text(f"{LOG}cadences: [every, monthly]\n")
    fresh.reload()
    at(fresh)
    return fresh


def opened(client: Client, runtime: Runtime, query: str = "") -> Answer:
    """The form, a minute after it was opened."""
    at(runtime)
    page = client.get(f"/subscribe{query}")
    at(runtime, 60)
    return page


def ask(client: Client, runtime: Runtime, **fields: object) -> Answer:
    return press(client, "/subscribe", opened(client, runtime), {**NEW, **fields})


def test_the_form_shows_every_newsletter_with_what_it_is_and_nothing_ticked(client: Client, house: Runtime) -> None:
    page = client.get("/subscribe")
    for words in (
        "The Harbour Log",
        "Every second Thursday",
        "Storm Warnings",
        "Security",
        "Once a month",
        "Crew &lt;b&gt;",
    ):
        assert words in page.text
    assert ticked(page) == [
        "cadence.harbour-log=every", "topics.harbour-log=all", "topics.storm-warnings=all", "language=en", "address=",
        "name=", "comment=",
    ]  # fmt: skip
    assert page.headers["cache-control"] == "no-store"
    assert 'href="https://example.org/privacy"' in page.text.partition("</form>")[0], "beside the button"


def test_the_words_above_the_button_say_who_sends_and_how_to_leave(client: Client, house: Runtime) -> None:
    above = client.get("/subscribe").text.partition('<button type="submit">')[0]
    assert "you ask Harbour Guild to send you what you ticked" in above
    assert "one press is enough" in above


def test_a_link_may_fill_the_form_in(client: Client, house: Runtime) -> None:
    page = client.get("/subscribe?newsletter=harbour-log&topic.harbour-log=security&newsletter=nothing&address=a%40b.c")
    assert {"newsletter=harbour-log", "topics.harbour-log=chosen", "topic.harbour-log=security"} <= set(ticked(page))
    assert "newsletter=storm-warnings" not in ticked(page)
    assert 'value="a@b.c"' in page.text


def test_a_site_with_one_newsletter_has_it_ticked(client: Client, house: Runtime) -> None:
    only = {"storm-warnings": house.site.newsletters["storm-warnings"]}
    house.__dict__["loaded"] = replace(house.loaded, site=replace(house.site, newsletters=only, languages=("en",)))
    page = client.get("/subscribe")
    assert "newsletter=storm-warnings" in ticked(page)
    assert "language=en" not in Forms(page.text).all[0]


def test_each_newsletter_leads_to_its_newest_issue(reading: Client) -> None:
    page = reading.get("/subscribe?lang=de")
    assert re.search(r'Neueste Ausgabe: <a href="/archive/harbour-log/2026-11-26/de">Ein neuer Kran', page.text)


def test_from_the_form_to_the_welcome(client: Client, house: Runtime) -> None:
    sid = house.audience.sid("new@example.org")
    page = ask(client, house, newsletter=["harbour-log", "storm-warnings"])
    assert page.status == 200
    assert "Check your mail" in page.text
    assert house.audience.person(sid).profile is None, "nobody is a member before they confirm"
    assert send(house) == ["new@example.org"]
    link = links(house)[-1]
    question = client.get(link)
    assert "The Harbour Log" in question.text
    assert "Storm Warnings" in question.text
    done = press(client, link, question)
    assert "You are in" in done.text
    assert "next on 10\u00a0December 2026" in done.text or "next on 1\u00a0December 2026" in done.text
    members = house.audience.person(sid).confirmed
    log = members["harbour-log"]
    assert (log.cadence, log.topics, log.language, log.name) == ("monthly", frozenset({"security"}), "de", "Nia")
    assert members["storm-warnings"].topics is None
    evidence = house.audience.history(sid)[-1]
    assert evidence["form"] == "subscribe/2"
    kept = house.table.get(Key("CONSENT-TEXT", evidence["text"]))
    assert kept is not None
    assert "you ask Harbour Guild to send you what you ticked" in kept.data["text"]
    assert "https://example.org/privacy" in kept.data["text"]
    assert send(house) == ["new@example.org"], "the welcome"
    assert "You are in" in client.get(link).text, "the link still leads somewhere"
    assert send(house) == []
    preferences = re.search(r'href="(/p/[^"]+)"', done.text)
    assert preferences is not None
    assert client.get(preferences[1]).status == 200


def send(runtime: Runtime) -> list[str]:
    """Send the notices that were asked for; to whom one went."""
    before = {name for name, _ in read_maildir(runtime.settings.maildir)}
    for text in tasks(runtime):
        asyncio.run(runtime.notices().work(read_notice(text)))
    fresh = [path for name, path in read_maildir(runtime.settings.maildir) if name not in before]
    return [re.search(r"Delivered-To: (\S+)", path.read_text("ascii"))[1] for path in fresh]  # type: ignore[index]


def links(runtime: Runtime) -> list[str]:
    """The links to confirm in all mails."""
    mails = [path.read_text("ascii").replace("=\n", "") for _, path in read_maildir(runtime.settings.maildir)]
    return [found for mail in mails for found in re.findall(r"https://letters\.example\.org(/c/[\w.-]+)", mail)]


class RecordingTable:
    """A table that writes down what it is asked, without what differs from one person to the next."""

    def __init__(self, table: Any) -> None:
        self._table, self.calls = table, list[tuple[str, ...]]()

    def __getattr__(self, name: str) -> Any:
        def recorded(*arguments: Any, **named: Any) -> Any:
            keys = re.findall(r"Key\(pk='([A-Z-]+)[^']*', sk='(\w*)", repr(arguments))
            self.calls.append((name, *(f"{pk} {sk if sk.isupper() else ''}" for pk, sk in keys)))
            return getattr(self._table, name)(*arguments, **named)

        return recorded


@pytest.fixture
def known(house: Runtime) -> dict[str, str]:
    """Addresses of all sorts, by sort."""
    addresses = {
        name: f"{name}@example.org" for name in ("unknown", "member", "left", "bounced", "complained", "removed")
    }
    for name in ("member", "left", "bounced", "complained", "removed"):
        sid = subscribe(house, addresses[name], name=name)
        if name == "left":
            house.audience.leave(sid, "harbour-log", house.clock(), "a test")
    house.suppressions.add(house.audience.sid(addresses["bounced"]), Reason.BOUNCE, house.clock())
    house.suppressions.add(house.audience.sid(addresses["complained"]), Reason.COMPLAINT, house.clock())
    house.audience.erase(house.audience.sid(addresses["removed"]), house.clock())
    return addresses


def test_known_and_unknown_get_the_same_bytes_after_the_same_calls(
    client: Client, house: Runtime, known: dict[str, str]
) -> None:
    answers, calls, asked = set[bytes](), set[str](), set[str]()
    real = house.table
    ask(client, house, address="first@example.org")  # keeps the words of the form, once for all
    tasks(house)
    for address in known.values():
        page = opened(client, house)
        recording = RecordingTable(real)
        house.__dict__.update(table=recording)
        house.__dict__.pop("signups", None)
        answers.add(press(client, "/subscribe", page, {**NEW, "address": address}).body)
        house.__dict__.update(table=real)
        house.__dict__.pop("signups", None)
        calls.add(json.dumps(recording.calls))
        (task,) = tasks(house)
        asked.add(task.replace(house.audience.sid(address), "sid"))
    assert len(answers) == len(calls) == len(asked) == 1
    (same,) = calls
    assert "SUBSCRIBER PENDING" in same
    assert "PROFILE" not in same, "nobody is looked up"


def test_asking_again_before_confirming_gets_the_same_answer(client: Client, house: Runtime) -> None:
    assert ask(client, house).body == ask(client, house).body


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Please type your mail address"),
        ("ada", "The @ is missing"),
        ("a b@example.org", "There is a blank"),
        ("jörg@example.org", "a letter such as ä"),
        ('"><script>alert(1)</script>@example.org', "without a name or angle brackets"),
        ("ada@example", "The end of the address is missing"),
    ],
)
def test_a_wrong_address_is_told_beside_its_field_and_all_else_stays(
    client: Client, house: Runtime, typed: str, words: str
) -> None:
    before = everything(house)
    page = ask(client, house, address=typed)
    assert page.status == 400
    assert re.search(rf'<p class="problem" id="address-problem">[^<]*{words}', page.text)
    assert 'aria-describedby="address-problem"' in page.text
    assert 'role="alert"' in page.text
    assert {"newsletter=harbour-log", "topic.harbour-log=security", "name=Nia", "language=de"} <= set(ticked(page))
    assert f"address={typed}" in Forms(page.text).all[0]
    assert "<script>alert" not in page.text
    assert everything(house) == before


def test_no_newsletter_and_no_topic_are_told(client: Client, house: Runtime) -> None:
    before = everything(house)
    nothing = ask(client, house, newsletter=None)
    assert (nothing.status, "No newsletter is ticked" in nothing.text) == (400, True)
    no_topic = ask(client, house, **{"topic.harbour-log": None})
    assert no_topic.status == 400
    assert "No topic is ticked here" in no_topic.text.partition("Storm Warnings")[0]
    assert everything(house) == before


@pytest.mark.parametrize(
    "fields",
    [{"language": "fr"}, {"cadence.harbour-log": "daily"}, {"topics.harbour-log": "some"}, {"language": ["de", "en"]}],
)
def test_what_was_never_offered_is_refused(client: Client, house: Runtime, fields: dict[str, object]) -> None:
    before = everything(house)
    page = ask(client, house, **fields)
    assert (page.status, "were not understood" in page.text) == (400, True)
    assert everything(house) == before


def test_a_pause_is_nothing_to_subscribe_with(client: Client, house: Runtime) -> None:
    assert "Check your mail" in ask(client, house, pause="never").text


def test_a_form_on_another_site_leads_to_the_filled_form_and_one_more_press(client: Client, house: Runtime) -> None:
    page = client.post("/subscribe", body({"newsletter": "harbour-log", "address": "new@example.org"}))
    assert page.status == 200
    assert "Please check and press once more" in page.text
    assert tasks(house) == []
    at(house, 60)
    assert "Check your mail" in press(client, "/subscribe", page).text
    assert len(tasks(house)) == 1


@pytest.mark.parametrize("nonce", ["", "x", "forged.AAAA", "x" * 5000])
def test_a_forged_mark_is_asked_once_more(client: Client, house: Runtime, nonce: str) -> None:
    page = press(client, "/subscribe", opened(client, house), {**NEW, "form": nonce})
    assert (page.status, "press once more" in page.text) == (400, True)
    assert tasks(house) == []


@pytest.mark.parametrize(("seconds", "taken"), [(0.5, False), (1.9, False), (2.1, True), (7190, True), (7300, False)])
def test_a_form_that_comes_too_soon_or_too_late_is_shown_once_more(
    client: Client, house: Runtime, seconds: float, taken: bool
) -> None:
    page = client.get("/subscribe")
    at(house, seconds)
    again = press(client, "/subscribe", page, NEW)
    assert ("Check your mail" in again.text) == taken
    if not taken:
        assert again.status == 400
        at(house, seconds + 10)
        assert "Check your mail" in press(client, "/subscribe", again).text, "the fresh one works"


def test_a_mark_of_another_form_is_none_for_this_one(client: Client, house: Runtime) -> None:
    link = f"/p/{house.preferences.make(subscribe(house, 'ada@example.org'), 'harbour-log', house.clock())}"
    foreign = Forms(client.get(link).text).sent[0]["form"]
    at(house, 60)
    assert client.post("/subscribe", body({**NEW, "form": foreign})).status == 400


def test_who_fills_in_what_nobody_sees_reads_the_same_and_leaves_nothing(client: Client, house: Runtime) -> None:
    honest = ask(client, house)
    tasks(house)
    before = everything(house)
    trapped = ask(client, house, address="other@example.org", comment="Great site")
    assert (trapped.status, trapped.body) == (200, honest.body)
    assert (everything(house), tasks(house)) == (before, [])


def test_an_address_that_was_asked_for_often_is_left_in_peace_and_nobody_told(client: Client, house: Runtime) -> None:
    bodies = [ask(client, house).body for _ in range(PER_ADDRESS.capacity)]
    assert len(tasks(house)) == PER_ADDRESS.capacity
    before = everything(house)
    bodies.append(ask(client, house).body)
    assert len(set(bodies)) == 1
    assert (everything(house), tasks(house)) == (before, [])


def test_a_network_that_asks_too_often_is_told_when_to_come_again(client: Client, house: Runtime) -> None:
    for number in range(PER_NETWORK.capacity):
        assert ask(client, house, address=f"a{number}@example.org").status == 200
    page = ask(client, house, address="more@example.org")
    assert page.status == 429
    assert "Many requests" in page.text
    assert 0 < int(page.headers["retry-after"]) <= PER_NETWORK.per_seconds
    assert house.table.get(pending_key(house.audience.sid("more@example.org"))) is None


def test_a_likely_slip_is_told_once_and_taken_if_it_was_meant(client: Client, house: Runtime) -> None:
    page = ask(client, house, address="ada@gmial.com")
    assert page.status == 400
    assert "Did you mean ada@gmail.com?" in page.text
    assert tasks(house) == []
    other = press(client, "/subscribe", page, {"address": "ada@gmal.com"})
    assert "Did you mean" in other.text, "another address is looked at anew"
    assert "Check your mail" in press(client, "/subscribe", page).text
    pending = house.signups.pending(house.audience.sid("ada@gmial.com"))
    assert pending is not None
    assert "misspelt" in pending.flags, "editors see it"


def test_throw_away_addresses_are_refused_where_the_site_says_so(client: Client, house: Runtime) -> None:
    configured(house, Subscribing(refuse_disposable=True))
    page = ask(client, house, address="ada@mailinator.com")
    assert (page.status, "Please type one that you keep" in page.text) == (400, True)
    assert tasks(house) == []


def configured(runtime: Runtime, subscribing: Subscribing) -> None:
    runtime.__dict__["loaded"] = replace(runtime.loaded, site=replace(runtime.site, subscribing=subscribing))


def test_where_the_site_wants_work_there_is_no_mail_without(client: Client, house: Runtime) -> None:
    configured(house, Subscribing(WorkUse.ALWAYS))
    raw = client._http.request("GET", "/subscribe")
    assert b"<script>" in raw.body
    assert "script-src 'sha256-" in raw.headers["Content-Security-Policy"]
    page = Answer(raw.status_code, {}, raw.body)
    at(house, 60)
    fields = {**Forms(page.text).sent[0], **NEW}
    lazy = client._http.request("POST", "/subscribe", headers=URLENCODED, body=body(fields))
    assert (lazy.status_code, tasks(house)) == (400, [])
    salt = re.search(r'data-work-salt="([^"]+)"', page.text)
    assert salt is not None
    answer = next(str(n) for n in range(10**7) if is_solved(salt[1], 18, str(n)))
    done = client._http.request("POST", "/subscribe", headers=URLENCODED, body=body({**fields, "answer": answer}))
    assert b"Check your mail" in done.body
    again = client._http.request("POST", "/subscribe", headers=URLENCODED, body=body({**fields, "answer": answer}))
    assert (again.status_code, len(tasks(house))) == (400, 1), "one sum is good for one request"


URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("use", [WorkUse.OFF, WorkUse.WHEN_BUSY])
def test_a_site_that_is_flooded_asks_for_patience_or_for_work(client: Client, house: Runtime, use: WorkUse) -> None:
    configured(house, Subscribing(use))
    whole = Bucket("site", "", replace(PER_SITE, capacity=1))
    assert Limits(house.table, house.secrets.sid_key).take_all([whole], at(house, 60)).ok
    page = opened(client, house)
    raw = client._http.request("POST", "/subscribe", headers=URLENCODED, body=body({**Forms(page.text).sent[0], **NEW}))
    assert raw.status_code == 429
    assert (b"data-work-salt" in raw.body) == (use is WorkUse.WHEN_BUSY)
    assert tasks(house) == []


@pytest.mark.parametrize(
    ("raw", "content_type", "status"),
    [
        (b"address=a&" + b"x" * 17_000, "application/x-www-form-urlencoded", 413),
        (b"a=1&" * 501, "application/x-www-form-urlencoded", 400),
        (b'{"address": "new@example.org"}', "application/json", 400),
        (
            b'--x\r\nContent-Disposition: form-data; name="address"\r\n\r\na\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
            400,
        ),
        (b"\xff\x00=%ff", "*/*", 200),
        (b"", "", 200),
    ],
)
def test_bodies_that_are_no_form_are_told_so(
    client: Client, house: Runtime, raw: bytes, content_type: str, status: int
) -> None:
    before = everything(house)
    assert client.post("/subscribe", raw, content_type).status == status
    assert everything(house) == before


def test_the_form_and_its_answers_speak_german(client: Client, house: Runtime) -> None:
    page = opened(client, house, "?lang=de")
    assert "Newsletter" in page.text
    assert "Mit dem Knopf bitten Sie Hafengilde" in page.text
    assert "language=de" in ticked(page)
    sent = press(client, "/subscribe?lang=de", page, NEW)
    assert "Sehen Sie in Ihre Mails" in sent.text
    (task,) = tasks(house)
    assert json.loads(task)["language"] == "de"
    assert "Bitte sehen Sie die Adresse" in press(client, "/subscribe?lang=de", page, {**NEW, "address": "x"}).text
