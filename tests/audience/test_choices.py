"""What a newsletter offers, what a form says, and keeping it: only of members, once, whatever runs beside it."""

import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.audience.choices import Choices, Offer, offered, read_choices
from chalicelib.audience.subscriber import Membership, MemberState, membership_to_data
from chalicelib.content.values import Newsletter
from chalicelib.store import Put
from tests.audience.house import NOW, SITE, TOPICS, People
from tests.render.values import NEWSLETTER

SECURITY, NEWS = TOPICS
CHOICES = Choices("de", "monthly", frozenset({"news"}))
OFFER = Offer(("en", "de"), ("every", "monthly"), TOPICS)
MEMBER = Membership("digest", "a" * 24, "ada@example.org", language="fr", topics=frozenset({"old"}), cadence="monthly")


def pend(people: People, sid: str) -> None:
    member = people.audience.membership("digest", sid)
    assert member is not None
    people.table.put_many([Put(member.key, {**membership_to_data(member), "state": "pending"})])


@pytest.mark.parametrize(
    ("newsletter", "topics"),
    [
        (NEWSLETTER, TOPICS),
        (replace(NEWSLETTER, topics=("news", "security")), TOPICS),
        (replace(NEWSLETTER, topics=("news",)), ()),
        (replace(NEWSLETTER, schedule=None, trigger_topics=("security",)), ()),
        (replace(NEWSLETTER, schedule=None, trigger_topics=("security", "news"), topics=("news",)), TOPICS),
    ],
)
def test_topics_are_offered_where_they_make_a_difference(newsletter: Newsletter, topics: tuple[object, ...]) -> None:
    assert offered(SITE, newsletter).topics == topics


def test_what_comes_in_one_way_only_is_not_asked() -> None:
    assert offered(replace(SITE, languages=("en",)), NEWSLETTER) == Offer((), (), TOPICS)
    assert offered(replace(SITE, topics=()), replace(NEWSLETTER, cadences=("every", "monthly"))) == Offer(
        SITE.languages, ("every", "monthly"), ()
    )
    assert offered(replace(SITE, topics=(NEWS,)), NEWSLETTER).topics == (NEWS,), "or what has no topic as well"


@pytest.mark.parametrize(
    ("form", "choices"),
    [
        ({"language": ["en"]}, Choices("en", "monthly", MEMBER.topics)),
        ({"cadence": ["every"]}, Choices("fr", "every", MEMBER.topics)),
        ({"topics": ["all"], "topic": ["news"]}, Choices("fr", "monthly", None)),
        ({"topics": ["chosen"], "topic": ["news", "x"]}, Choices("fr", "monthly", frozenset({"news"}))),
        ({"topics": ["chosen"]}, Choices("fr", "monthly", frozenset())),
        ({"topic": ["news"]}, None),
        ({"language": ["fr"]}, None),
        ({"language": ["en", "en"]}, None),
        ({"cadence": ["Every"]}, None),
        ({"topics": [""]}, None),
        ({}, None),
    ],
)
def test_a_form_says(form: dict[str, list[str]], choices: Choices | None) -> None:
    assert read_choices(form, OFFER, MEMBER) == choices


def test_what_is_not_offered_stays_whatever_a_form_says() -> None:
    form = {"language": ["de"], "cadence": ["every"], "topics": ["all"]}
    assert read_choices(form, Offer((), (), ()), MEMBER) == Choices("fr", "monthly", MEMBER.topics)


WORDS = st.sampled_from(["", "en", "de", "every", "monthly", "all", "chosen", "news", "security"]) | st.text(max_size=5)
FORMS = st.dictionaries(st.sampled_from(["language", "cadence", "topics", "topic"]), st.lists(WORDS, max_size=3))


@given(FORMS)
def test_no_form_makes_a_choice_that_is_neither_offered_nor_there(form: dict[str, list[str]]) -> None:
    said = read_choices(form, OFFER, MEMBER)
    if said is not None:
        assert said.language in {"en", "de", "fr"}
        assert said.cadence in {"every", "monthly"}
        assert said.topics is None or said.topics == MEMBER.topics or said.topics <= {"news", "security"}


def test_choosing_keeps_the_choices_with_evidence_and_the_rest_as_it_was(people: People) -> None:
    people.add("ada@example.org", name="Ada")
    people.add("ada@example.org", "alerts")
    sid = people.audience.sid("ada@example.org")
    alerts = people.audience.membership("alerts", sid)
    kept = people.audience.choose(sid, "digest", CHOICES, NOW, "the page")
    assert kept == people.audience.membership("digest", sid)
    assert kept == Membership(
        "digest",
        sid,
        "ada@example.org",
        "Ada",
        "de",
        frozenset({"news"}),
        "monthly",
        MemberState.CONFIRMED,
        joined=NOW.isoformat(),
    )
    assert people.audience.membership("alerts", sid) == alerts
    assert people.audience.profile("ada@example.org").newsletters == {"digest": "confirmed", "alerts": "confirmed"}
    told = {line["action"]: line for line in people.audience.history(sid)}["chose"]
    assert (told["newsletter"], told["how"], told["at"]) == ("digest", "the page", NOW.isoformat())


def test_choosing_the_same_again_writes_nothing(people: People) -> None:
    people.add("ada@example.org")
    sid = people.audience.sid("ada@example.org")
    first = people.audience.choose(sid, "digest", CHOICES, NOW, "the page")
    history = people.audience.history(sid)
    assert people.audience.choose(sid, "digest", CHOICES, NOW.replace(hour=23), "the page") == first
    assert people.audience.history(sid) == history


def test_an_import_leaves_a_choice_alone(people: People) -> None:
    people.add("ada@example.org")
    sid = people.audience.sid("ada@example.org")
    kept = people.audience.choose(sid, "digest", CHOICES, NOW, "the page")
    people.load("email,language,topics,cadence\nada@example.org,en,security,every\n")
    assert people.audience.membership("digest", sid) == kept


@pytest.mark.parametrize("state", ["unsubscribed", "pending", "suppressed", "unknown"])
def test_choosing_confirms_nobody(people: People, state: str) -> None:
    people.add("ada@example.org")
    sid = people.audience.sid("ada@example.org")
    if state == "unsubscribed":
        people.audience.leave(sid, "digest", NOW, "link")
    elif state == "pending":
        pend(people, sid)
    elif state == "suppressed":
        people.audience.suppress(sid, "complaint", NOW)
    else:
        people.audience.remove("ada@example.org")
    before = people.audience.membership("digest", sid), people.audience.history(sid)
    assert people.audience.choose(sid, "digest", CHOICES, NOW, "the page") is None
    assert (people.audience.membership("digest", sid), people.audience.history(sid)) == before


def test_leaving_beside_choosing_always_wins(people: People) -> None:
    people.add("ada@example.org")
    sid = people.audience.sid("ada@example.org")

    def choose(language: str) -> None:
        for cadence in ("monthly", "every") * 5:
            people.audience.choose(sid, "digest", Choices(language, cadence, None), NOW, "the page")

    threads = [threading.Thread(target=choose, args=(language,)) for language in ("de", "en")]
    threads.append(threading.Thread(target=people.audience.leave, args=(sid, "digest", NOW, "link")))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    member = people.audience.membership("digest", sid)
    assert member is not None
    assert member.state is MemberState.UNSUBSCRIBED
