"""Choosing: GET and HEAD change nothing, POST keeps what the form says, and nobody comes back by it unasked."""

import asyncio
import json
import re
from dataclasses import replace

import pytest

from chalicelib.audience.limits import PER_ADDRESS, PER_NETWORK
from chalicelib.audience.subscriber import Membership, MemberState, membership_to_data
from chalicelib.audience.suppression import Reason
from chalicelib.deliver.notices import Done, read_notice
from chalicelib.runtime import Runtime
from chalicelib.store import Put
from tests.web.answers import Answer
from tests.web.browsing import Forms, at, body, everything, press, tasks, ticked
from tests.web.client import Client
from tests.web.site import LOG, SITE, subscribe
from tests.web.test_unsubscribe import MANGLED

TOPICS = (
    "  security: {title: {en: Security, de: Sicherheit}, match: [{title: leak}]}\n"
    "  crew: {title: 'Crew <b>', match: [{title: crew}]}\n"
)
CHOICE = {
    "language": "de", "cadence.harbour-log": "monthly", "topics.harbour-log": "chosen",
    "topic.harbour-log": ["security", "crew"],
}  # fmt: skip
SAVE, MOVE, DATA = 0, 1, 2
"""The forms of the page."""


@pytest.fixture
def chosen_from(fresh: Runtime) -> Runtime:
    """A site with three topics, whose log also comes once a month; its clock stands still."""
    content = fresh.site.root / "content"
    (content / "site.yaml").write_text(SITE.replace("sources:\n", f"{TOPICS}sources:\n"))
    (content / "newsletters" / "harbour-log.yaml").write_text(f"{LOG}cadences: [every, monthly]\n")
    fresh.reload()
    at(fresh)
    return fresh


@pytest.fixture
def sid(chosen_from: Runtime) -> str:
    return subscribe(chosen_from, "ada@example.org", name="Ada Example")


@pytest.fixture
def link(chosen_from: Runtime, sid: str) -> str:
    return f"/p/{chosen_from.preferences.make(sid, 'harbour-log', chosen_from.clock())}"


def member(runtime: Runtime, sid: str, newsletter: str = "harbour-log") -> Membership:
    found = runtime.audience.membership(newsletter, sid)
    assert found is not None
    return found


def save(client: Client, link: str, **fields: object) -> Answer:
    """Open the page and save it with some fields changed."""
    return press(client, link, client.get(link), {**CHOICE, **fields})


def test_the_page_shows_all_newsletters_with_the_present_choices_ticked(client: Client, link: str) -> None:
    page = client.get(link)
    assert page.status == 200
    assert "<h1>What you get</h1>" in page.text
    assert ticked(page) == [
        "newsletter=harbour-log", "cadence.harbour-log=every", "topics.harbour-log=all", "topics.storm-warnings=all",
        "language=en", "pause=", "name=",
    ]  # fmt: skip
    assert "newsletter=storm-warnings" in Forms(page.text).all[SAVE]
    assert page.headers["cache-control"] == "no-store"
    assert "Crew &lt;b&gt;" in page.text
    assert 'role="status"' not in page.text
    assert '<span lang="de">Deutsch</span>' in page.text
    assert "Sicherheit" in client.get(f"{link}?lang=de").text


def test_a_forwarded_mail_tells_neither_the_address_nor_the_name(client: Client, link: str) -> None:
    pages = [client.get(link), save(client, link), save(client, link, pause="never")]
    for page in pages:
        assert "a…@example.org" in page.text
        assert "ada@" not in page.text.lower()
        assert "Ada Example" not in page.text


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading_changes_nothing(client: Client, chosen_from: Runtime, link: str, method: str) -> None:
    before = everything(chosen_from)
    assert client.request(method, f"{link}?language=de&newsletter=storm-warnings&act=data").status == 200
    assert (everything(chosen_from), tasks(chosen_from)) == (before, [])


def test_saving_keeps_the_choices_shows_them_and_says_so(
    client: Client, chosen_from: Runtime, sid: str, link: str
) -> None:
    page = save(client, link, newsletter=["harbour-log", "storm-warnings"], pause="2026-12-24")
    assert page.status == 200
    assert 'role="status"><strong>Saved.' in page.text
    assert ticked(client.get(link)) == ticked(page)
    assert {"newsletter=storm-warnings", "cadence.harbour-log=monthly", "language=de", "pause=2026-12-24"} <= set(
        ticked(page)
    )
    log, storm = member(chosen_from, sid), member(chosen_from, sid, "storm-warnings")
    assert (log.language, log.cadence, log.topics) == ("de", "monthly", frozenset({"security", "crew"}))
    assert (log.paused_until, storm.paused_until, storm.topics, storm.language) == (
        "2026-12-24",
        "2026-12-24",
        None,
        "de",
    )
    assert (log.state, log.address, log.name, storm.name) == (
        MemberState.CONFIRMED,
        "ada@example.org",
        *["Ada Example"] * 2,
    )
    evidence = {(line["action"], line["newsletter"]) for line in chosen_from.audience.history(sid)}
    assert {("chose", "harbour-log"), ("subscribed", "storm-warnings")} <= evidence
    assert chosen_from.audience.history(sid)[-1]["how"] == "the preferences page"


def test_saving_again_says_the_same_and_writes_nothing(client: Client, chosen_from: Runtime, link: str) -> None:
    first, kept = save(client, link), everything(chosen_from)
    assert save(client, link).body == first.body
    assert everything(chosen_from) == kept


def test_unticking_leaves_and_ticking_brings_back(client: Client, chosen_from: Runtime, sid: str, link: str) -> None:
    gone = save(client, link, newsletter=None)
    assert "You get nothing from us any more" in gone.text
    assert member(chosen_from, sid).state is MemberState.UNSUBSCRIBED
    assert "/u/" not in gone.text, "there is nothing left to leave"
    back = save(client, link, newsletter=["harbour-log"])
    assert "Saved." in back.text
    assert member(chosen_from, sid).state is MemberState.CONFIRMED


def test_who_leaves_while_the_page_is_open_is_not_brought_back(
    client: Client, chosen_from: Runtime, sid: str, link: str
) -> None:
    page = client.get(link)
    chosen_from.audience.leave(sid, "harbour-log", chosen_from.clock(), "a test")
    press(client, link, page, CHOICE)
    assert member(chosen_from, sid).state is MemberState.UNSUBSCRIBED


def test_the_name_changes_only_where_one_is_typed_or_given_up(
    client: Client, chosen_from: Runtime, sid: str, link: str
) -> None:
    save(client, link, name="  ")
    assert member(chosen_from, sid).name == "Ada Example"
    save(client, link, name="Ada\u202e Other")
    assert member(chosen_from, sid).name == "Ada Other"
    save(client, link, forget_name="yes")
    assert member(chosen_from, sid).name == ""
    assert "forget_name" not in client.get(link).text


def test_a_pause_ends_with_an_empty_field_or_by_itself(
    client: Client, chosen_from: Runtime, sid: str, link: str
) -> None:
    save(client, link, pause="2026-12-24")
    save(client, link, pause="")
    assert member(chosen_from, sid).paused_until == ""
    save(client, link, pause="2026-11-28")
    at(chosen_from, 3 * 86_400)
    assert "pause=" in ticked(client.get(link))
    assert "Saved." in save(client, link).text


@pytest.mark.parametrize("pause", ["2026-11-26", "2020-01-01", "2027-12-31", "soon", "2026-13-01", "<b>", "1" * 500])
def test_a_pause_that_can_t_be_is_told_beside_its_field(
    client: Client, chosen_from: Runtime, sid: str, link: str, pause: str
) -> None:
    page = save(client, link, pause=pause, **{"cadence.harbour-log": "monthly"})
    assert page.status == 400
    assert 'id="pause-problem">Choose a day' in page.text
    assert "cadence.harbour-log=monthly" in ticked(page)
    assert member(chosen_from, sid).cadence == "every"


def test_no_topic_at_all_is_not_kept_but_asked_again(client: Client, chosen_from: Runtime, link: str) -> None:
    before = everything(chosen_from)
    page = save(client, link, **{"topic.harbour-log": ["unknown"]})
    assert page.status == 400
    assert 'role="alert"><strong>Not saved yet.' in page.text
    assert "No topic is ticked here" in page.text.partition("Storm Warnings")[0]
    assert {"topics.harbour-log=chosen", "cadence.harbour-log=monthly", "language=de"} <= set(ticked(page))
    assert everything(chosen_from) == before


@pytest.mark.parametrize(
    "fields",
    [
        {"language": "fr"}, {"language": ["de", "en"]}, {"language": ""}, {"cadence.harbour-log": "daily"},
        {"topics.harbour-log": "none"},
    ],
)  # fmt: skip
def test_what_was_never_offered_is_refused(
    client: Client, chosen_from: Runtime, link: str, fields: dict[str, object]
) -> None:
    before = everything(chosen_from)
    page = save(client, link, **fields)
    assert (page.status, "Your choices were not understood" in page.text) == (400, True)
    assert everything(chosen_from) == before


@pytest.mark.parametrize(
    ("raw", "content_type", "status"),
    [
        (b"", "application/x-www-form-urlencoded", 400),
        (b"{}", "application/json", 400),
        (b"\xff\x00=%ff", "*/*", 400),
        (b"language=de&" + b"&".join([b"topic=x"] * 600), "application/x-www-form-urlencoded", 400),
        (b"language=de&topic=" + b"x" * 20_000, "application/x-www-form-urlencoded", 413),
        (b"language=de" + b"&;=%" * 100_000, "application/x-www-form-urlencoded", 413),
        (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x", 400),
    ],
)
def test_what_is_no_form_of_ours_changes_nothing(
    client: Client, chosen_from: Runtime, link: str, raw: bytes, content_type: str, status: int
) -> None:
    before = everything(chosen_from)
    assert client.post(link, raw, content_type).status == status
    assert everything(chosen_from) == before


@pytest.mark.parametrize("form", [SAVE, MOVE, DATA])
@pytest.mark.parametrize("stale", ["missing", "forged", "old", "of another link"])
def test_a_form_without_a_good_mark_is_shown_once_more_and_then_works(
    client: Client, chosen_from: Runtime, sid: str, link: str, form: int, stale: str
) -> None:
    before, page = everything(chosen_from), client.get(link)
    other = f"/p/{chosen_from.preferences.make(sid, 'storm-warnings', chosen_from.clock())}"
    marks = {"missing": None, "forged": "x.y", "old": Forms(page.text).sent[0]["form"],
             "of another link": Forms(client.get(other).text).sent[0]["form"]}  # fmt: skip
    at(chosen_from, 7300 if stale == "old" else 0)
    typed = {**CHOICE, "address": "new@example.org"} if form != DATA else {}
    again = press(client, link, page, {**typed, "form": marks[stale]}, form=form)
    assert (again.status, "Please press once more" in again.text) == (400, True)
    assert (everything(chosen_from), tasks(chosen_from)) == (before, [])
    assert form != SAVE or "cadence.harbour-log=monthly" in ticked(again), "filled as it was"
    assert form != MOVE or "address=new@example.org" in ticked(again, MOVE)
    assert press(client, link, again, form=form).status == 200
    assert everything(chosen_from) != before


def test_another_address_gets_a_mail_and_the_present_one_a_note(
    client: Client, chosen_from: Runtime, sid: str, link: str
) -> None:
    page = press(client, link, client.get(link), {"address": " New@example.org"}, form=MOVE)
    assert (page.status, "Check your mail" in page.text) == (200, True)
    new = chosen_from.audience.sid("new@example.org")
    assert chosen_from.moves.asked(sid) == (new, "New@example.org")
    asked = [read_notice(text) for text in tasks(chosen_from)]
    assert [(str(task.kind), task.sid, task.language) for task in asked] == [
        ("change", sid, "en"),
        ("moving", sid, "en"),
    ]
    assert [asyncio.run(chosen_from.notices().work(task)) for task in asked] == [Done.SENT, Done.SENT]


def test_it_says_the_same_whether_the_address_is_known_or_ones_own(
    client: Client, chosen_from: Runtime, sid: str, link: str
) -> None:
    subscribe(chosen_from, "bo@example.com")
    chosen_from.audience.suppress(chosen_from.audience.sid("cy@example.org"), "complaint", chosen_from.clock())
    page = client.get(link)
    typed = ("new@example.org", "bo@example.com", "cy@example.org")
    said = {press(client, link, page, {"address": address}, form=MOVE).body for address in typed}
    assert chosen_from.moves.asked(sid) == (chosen_from.audience.sid("cy@example.org"), "cy@example.org")
    tasks(chosen_from)
    at(chosen_from, 86_500)
    page = client.get(link)
    said.add(press(client, link, page, {"address": "ADA@example.org"}, form=MOVE).body)
    assert len(said) == 1
    assert tasks(chosen_from) == [], "there is nothing to change"


def test_a_wrong_new_address_is_told_beside_its_field(client: Client, chosen_from: Runtime, link: str) -> None:
    before = everything(chosen_from)
    page = press(client, link, client.get(link), {"address": "new@"}, form=MOVE)
    assert page.status == 400
    assert 'id="address-problem">Something is missing after the @' in page.text
    assert "address=new@" in ticked(page, MOVE)
    assert everything(chosen_from) == before


def test_who_changes_to_many_addresses_is_not_heard_and_not_told(
    client: Client, chosen_from: Runtime, sid: str, link: str
) -> None:
    page = client.get(link)
    said = {
        press(client, link, page, {"address": f"a{number}@example.org"}, form=MOVE).body
        for number in range(PER_ADDRESS.capacity + 2)
    }
    assert len(said) == 1
    last = f"a{PER_ADDRESS.capacity - 1}@example.org"
    assert chosen_from.moves.asked(sid) == (chosen_from.audience.sid(last), last)


def test_ones_data_is_a_mail_away(client: Client, chosen_from: Runtime, sid: str, link: str) -> None:
    page = press(client, link, client.get(link), form=DATA)
    assert (page.status, "Check your mail" in page.text) == (200, True)
    (task,) = tasks(chosen_from)
    assert json.loads(task) == {"notice": "data", "sid": sid, "language": "en", "newsletters": []}


def test_a_network_that_asks_for_data_all_the_time_is_told_to_wait(
    client: Client, chosen_from: Runtime, link: str
) -> None:
    page = client.get(link)
    for _ in range(PER_NETWORK.capacity):
        press(client, link, page, form=DATA)
    for form, fields in ((DATA, {}), (MOVE, {"address": "x@example.org"})):
        answer = press(client, link, page, fields, form=form)
        assert (answer.status, int(answer.headers["retry-after"]) > 0) == (429, True)


def test_a_link_from_before_a_change_of_address_still_leads_to_the_person(
    client: Client, chosen_from: Runtime, sid: str, link: str
) -> None:
    new = chosen_from.audience.sid("new@example.org")
    chosen_from.moves.ask(sid, new, "new@example.org", chosen_from.clock())
    chosen_from.moves.confirm(sid, new, chosen_from.clock())
    assert "n…@example.org" in client.get(link).text
    save(client, link)
    assert member(chosen_from, new).cadence == "monthly"


def test_the_link_to_unsubscribe_leaves(client: Client, chosen_from: Runtime, sid: str, link: str) -> None:
    found = re.search(r'<a href="(/u/[^"]+)">Unsubscribe</a>', client.get(link).text)
    assert found is not None
    assert client.post(found[1]).status == 200
    assert member(chosen_from, sid).state is MemberState.UNSUBSCRIBED


@pytest.mark.parametrize("ends", ["removed", "never there"])
def test_whoever_is_unknown_reads_the_same_and_nothing_is_made_of_it(
    client: Client, chosen_from: Runtime, sid: str, link: str, ends: str
) -> None:
    known = client.get(link)
    if ends == "removed":
        chosen_from.audience.erase(sid, chosen_from.clock())
    else:
        link = f"/p/{chosen_from.preferences.make('f' * 24, 'harbour-log', chosen_from.clock())}"
    before = everything(chosen_from)
    for page in (client.get(link), press(client, link, known, CHOICE)):
        assert page.status == 404
        assert "<h1>You do not get The Harbour Log</h1>" in page.text
        assert 'href="/subscribe"' in page.text
        assert "<form" not in page.text
    assert everything(chosen_from) == before


def test_who_never_confirmed_is_not_made_a_member_by_a_look(
    client: Client, chosen_from: Runtime, sid: str, link: str
) -> None:
    now = member(chosen_from, sid)
    chosen_from.table.put_many([Put(now.key, {**membership_to_data(now), "state": "pending"})])
    assert "newsletter=harbour-log" not in ticked(client.get(link))


@pytest.mark.parametrize(
    ("reason", "words", "way_back"),
    [(Reason.BOUNCE, "did not reach you", True), (Reason.COMPLAINT, "crew@example.org", False),
     (Reason.MANUAL, "until a person lifts it", False)],
)  # fmt: skip
def test_who_is_suppressed_reads_why_and_what_to_do(
    client: Client, chosen_from: Runtime, sid: str, link: str, reason: Reason, words: str, way_back: bool
) -> None:
    open_before = client.get(link)
    chosen_from.suppressions.add(sid, reason, chosen_from.clock())
    before = everything(chosen_from)
    for page in (client.get(link), press(client, link, open_before, CHOICE)):
        assert page.status == 403
        assert words in page.text
        assert ('href="/subscribe"' in page.text) == way_back
    assert everything(chosen_from) == before


def test_a_wrong_link_is_told_alike_at_every_door(client: Client, chosen_from: Runtime, link: str) -> None:
    before = everything(chosen_from)
    for name, mangle in MANGLED.items():
        token = mangle(link.removeprefix("/p/"))
        for method in ("GET", "HEAD", "POST"):
            raw = body(CHOICE) if method == "POST" else b""
            answers = [client.request(method, f"/{door}/{token}", {}, raw) for door in "pucad"]
            assert {answer.status for answer in answers} == {404}, name
            assert len({answer.body for answer in answers}) == 1, name
            assert method == "HEAD" or "This link is not complete" in answers[0].text
    assert everything(chosen_from) == before


def test_a_link_of_one_purpose_opens_no_other_door(client: Client, chosen_from: Runtime, sid: str) -> None:
    now = chosen_from.clock()
    links = {
        "p": chosen_from.preferences.make(sid, "harbour-log", now), "u": chosen_from.tokens.make(sid, "harbour-log"),
        "c": chosen_from.confirmations.make(sid, "", now), "a": chosen_from.changes.make(sid, "f" * 24, now),
        "d": chosen_from.data_links.make(sid, "", now),
    }  # fmt: skip
    before = everything(chosen_from)
    for purpose, token in links.items():
        for door in set(links) - {purpose}:
            assert client.get(f"/{door}/{token}").status == 404
            assert client.post(f"/{door}/{token}", body(CHOICE)).status == 404
    assert everything(chosen_from) == before


@pytest.mark.parametrize(("door", "days"), [("p", 367), ("c", 8), ("a", 3), ("d", 2)])
def test_an_old_link_says_what_to_do(client: Client, chosen_from: Runtime, sid: str, door: str, days: int) -> None:
    make = {
        "p": chosen_from.preferences,
        "c": chosen_from.confirmations,
        "a": chosen_from.changes,
        "d": chosen_from.data_links,
    }
    link = f"/{door}/{make[door].make(sid, 'x', chosen_from.clock())}"
    at(chosen_from, days * 86_400)
    for page in (client.get(link), client.post(link)):
        assert (page.status, "This link is too old" in page.text) == (410, True)


def test_a_newsletter_with_nothing_to_choose_has_only_its_tick(client: Client, fresh: Runtime) -> None:
    plain = replace(fresh.site, languages=("en",), topics=())
    fresh.__dict__["loaded"] = replace(fresh.loaded, site=plain)
    sid = subscribe(fresh, "ada@example.org")
    page = client.get(f"/p/{fresh.preferences.make(sid, 'harbour-log', fresh.clock())}")
    assert ticked(page) == ["newsletter=harbour-log", "pause=", "name="]
    assert not [name for name in Forms(page.text).sent[SAVE] if name.startswith(("topic", "cadence", "language"))]


def test_a_language_the_site_has_not_shows_as_the_one_that_comes(client: Client, fresh: Runtime) -> None:
    sid = subscribe(fresh, "ada@example.org", language="de-AT")
    assert "language=de" in ticked(client.get(f"/p/{fresh.preferences.make(sid, 'harbour-log', fresh.clock())}"))


def test_other_methods_are_refused_with_what_is_allowed(client: Client, link: str) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        page = client.request(method, link, {})
        assert page.status == 405
        assert set(page.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


def test_search_engines_are_kept_out(client: Client, fresh: Runtime) -> None:
    robots = client.get("/robots.txt").text
    assert all(f"Disallow: /{door}/\n" in robots for door in "pucad")
    assert "/subscribe" not in robots
