"""What a newsletter offers, what a form says, and keeping it: whole, once, whatever runs beside it."""

import threading
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.audience.choices import (
    Choices,
    FormError,
    Offer,
    Wishes,
    choices_from_data,
    choices_to_data,
    describe,
    offered,
    read_wishes,
)
from chalicelib.audience.people import Person
from chalicelib.audience.subscriber import Membership, MemberState
from chalicelib.content.values import Newsletter
from tests.audience.house import NOW, SITE, TOPICS, People
from tests.render.values import NEWSLETTER

SECURITY, NEWS = TOPICS
SITE = replace(
    SITE,
    newsletters={
        "digest": replace(NEWSLETTER, cadences=("every", "monthly")),
        "alerts": replace(NEWSLETTER, name="alerts"),
    },
)
TODAY = NOW.date()
SHOWN = ("digest", "alerts")
MEMBER = Membership("digest", "a" * 24, "ada@example.org", "Ada", "de", frozenset({"news"}), "monthly")
MEMBERS = {"digest": MEMBER}
WISHES = Wishes({"digest": Choices("monthly", frozenset({"news"}))}, "de", "Ada")


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
    ("form", "wishes"),
    [
        ({}, Wishes({}, "de", "Ada")),
        ({"newsletter": ["digest"]}, WISHES),
        ({"newsletter": ["alerts", "gone", "alerts"]}, Wishes({"alerts": Choices()}, "de", "Ada")),
        (
            {"newsletter": ["digest"], "language": ["en"], "name": [" B\u202e  o "], "cadence.digest": ["every"]},
            Wishes({"digest": Choices("every", frozenset({"news"}))}, "en", "B o"),
        ),
        ({"name": [""]}, Wishes({}, "de", "")),
        ({"newsletter": ["digest"], "topics.digest": ["all"], "topic.digest": ["news"]},
         replace(WISHES, newsletters={"digest": Choices("monthly", None)})),
        ({"newsletter": ["digest"], "topics.digest": ["chosen"], "topic.digest": ["security", "given up"]},
         replace(WISHES, newsletters={"digest": Choices("monthly", frozenset({"security"}))})),
        ({"newsletter": ["digest"], "cadence.alerts": ["what"]}, WISHES),
        ({"pause": [str(TODAY + timedelta(days=1))]}, Wishes({}, "de", "Ada", str(TODAY + timedelta(days=1)))),
        ({"pause": [""]}, Wishes({}, "de", "Ada")),
        ({"had": ["digest"]}, Wishes({}, "de", "Ada", had=frozenset({"digest"}))),
    ],
)  # fmt: skip
def test_a_form_says_what_somebody_wants_and_what_it_leaves_out_stays(
    form: dict[str, list[str]], wishes: Wishes
) -> None:
    assert read_wishes(form, SITE, MEMBERS, TODAY) == wishes


@pytest.mark.parametrize(
    ("form", "code", "newsletter"),
    [
        ({"language": ["fr"]}, "foreign", ""),
        ({"language": ["de", "en"]}, "foreign", ""),
        ({"newsletter": ["digest"], "cadence.digest": ["daily"]}, "foreign", ""),
        ({"newsletter": ["digest"], "topics.digest": ["none"]}, "foreign", ""),
        ({"newsletter": ["digest"], "topics.digest": ["chosen"]}, "no_topics", "digest"),
        ({"newsletter": ["digest"], "topics.digest": ["chosen"], "topic.digest": ["given up"]}, "no_topics", "digest"),
        ({"pause": [str(TODAY)]}, "pause", ""),
        ({"pause": [str(TODAY + timedelta(days=367))]}, "pause", ""),
        ({"pause": ["soon"]}, "pause", ""),
    ],
)
def test_what_was_never_offered_is_told_apart(form: dict[str, list[str]], code: str, newsletter: str) -> None:
    with pytest.raises(FormError) as caught:
        read_wishes(form, SITE, MEMBERS, TODAY)
    assert (caught.value.code, caught.value.newsletter) == (code, newsletter)


FIELDS = [
    *("newsletter", "language", "name", "pause", "had"),
    *(f"{part}.{name}" for part in ("cadence", "topics", "topic") for name in ("digest", "alerts")),
]
VALUES = st.sampled_from(["digest", "alerts", "de", "all", "chosen", "news", "every", "2026-12-01"]) | st.text(
    max_size=9
)


@given(st.dictionaries(st.sampled_from(FIELDS), st.lists(VALUES, max_size=3)))
def test_no_form_makes_a_choice_that_is_neither_offered_nor_there(form: dict[str, list[str]]) -> None:
    try:
        wishes = read_wishes(form, SITE, MEMBERS, TODAY)
    except FormError:
        return
    assert wishes.language in {"en", "de"}
    assert set(wishes.newsletters) <= set(SHOWN)
    for choices in wishes.newsletters.values():
        assert choices.cadence in {"every", "monthly"}
        assert choices.topics is None or choices.topics <= {"news", "security"}
        assert choices_from_data(choices_to_data(choices)) == choices
    assert not wishes.paused_until or date.fromisoformat(wishes.paused_until) > TODAY


def arrange(people: People, sid: str, wishes: Wishes, hour: int = 10) -> Person | None:
    return people.audience.arrange(sid, wishes, SHOWN, NOW.replace(hour=hour), "the page")


@pytest.fixture
def sid(people: People) -> str:
    people.add("ada@example.org", name="Ada", marks=frozenset({"tag:speaker"}))
    return people.audience.sid("ada@example.org")


def test_arranging_adds_drops_and_changes_with_evidence_of_each(people: People, sid: str) -> None:
    first = arrange(people, sid, replace(WISHES, name="Ada L", newsletters={**WISHES.newsletters, "alerts": Choices()}))
    assert first is not None
    digest = people.audience.membership("digest", sid)
    assert digest == first.members["digest"]
    assert digest == Membership(
        "digest", sid, "ada@example.org", "Ada L", "de", frozenset({"news"}), "monthly", MemberState.CONFIRMED,
        joined=NOW.isoformat(), marks=frozenset({"tag:speaker"}),
    )  # fmt: skip
    alerts = people.audience.membership("alerts", sid)
    assert alerts is not None
    assert (alerts.state, alerts.joined, alerts.language) == ("confirmed", NOW.replace(hour=10).isoformat(), "de")
    told = [(e["action"], e["newsletter"], e["basis"], e.get("what", "")) for e in people.audience.history(sid)[1:]]
    assert told == [
        ("subscribed", "alerts", "consent", "de, every, all topics"),
        ("chose", "digest", "", "de, monthly, topics news"),
    ]
    assert arrange(people, sid, replace(WISHES, newsletters={"alerts": Choices()}), 11) is not None
    assert people.audience.profile("ada@example.org").newsletters == {"digest": "unsubscribed", "alerts": "confirmed"}
    assert {e["action"] for e in people.audience.history(sid)[-2:]} == {"chose", "unsubscribed"}, "the name changed too"
    assert people.audience.profile("ada@example.org").name == "Ada"


def test_arranging_the_same_again_writes_nothing(people: People, sid: str) -> None:
    arrange(people, sid, WISHES)
    history = people.audience.history(sid)
    arrange(people, sid, WISHES, 23)
    assert people.audience.history(sid) == history


def test_a_pause_is_kept_in_every_newsletter_and_ends_with_leaving(people: People, sid: str) -> None:
    people.add("ada@example.org", "alerts")
    both = {"digest": Choices(), "alerts": Choices()}
    arrange(people, sid, Wishes(both, "en", "Ada", "2026-12-24"))
    for name in SHOWN:
        member = people.audience.membership(name, sid)
        assert member is not None
        assert member.paused_until == "2026-12-24"
        assert "paused until 2026-12-24" in describe(member)
    arrange(people, sid, Wishes({}, "en", "Ada", "2026-12-24"))
    assert [people.audience.membership(name, sid).paused_until for name in SHOWN] == ["", ""]  # type: ignore[union-attr]


def test_a_newsletter_that_the_form_did_not_show_is_kept(people: People, sid: str) -> None:
    people.add("ada@example.org", "inner circle")
    arrange(people, sid, Wishes({}, "de", "Ada"))
    states = people.audience.profile("ada@example.org").newsletters
    assert states == {"digest": "unsubscribed", "inner circle": "confirmed"}
    assert people.audience.membership("inner circle", sid).language == "de"  # type: ignore[union-attr]


def test_an_import_leaves_a_choice_alone(people: People, sid: str) -> None:
    arrange(people, sid, WISHES)
    kept = people.audience.membership("digest", sid)
    people.load("email,language,topics,cadence\nada@example.org,en,security,every\n")
    assert people.audience.membership("digest", sid) == kept


@pytest.mark.parametrize("state", ["suppressed", "unknown"])
def test_a_link_to_choose_confirms_nobody(people: People, sid: str, state: str) -> None:
    if state == "suppressed":
        people.audience.suppress(sid, "complaint", NOW)
    else:
        people.audience.erase(sid, NOW)
    before = people.audience.membership("digest", sid), people.audience.history(sid)
    assert arrange(people, sid, WISHES) is None
    assert (people.audience.membership("digest", sid), people.audience.history(sid)) == before


def test_who_left_comes_back_by_a_form_shown_since_and_not_by_an_older_one(people: People, sid: str) -> None:
    people.audience.leave(sid, "digest", NOW, "link")
    arrange(people, sid, replace(WISHES, had=frozenset({"digest"})))
    assert people.audience.membership("digest", sid).state == "unsubscribed"  # type: ignore[union-attr]
    assert people.audience.history(sid)[-1]["action"] == "unsubscribed"
    arrange(people, sid, WISHES)
    member = people.audience.membership("digest", sid)
    assert member is not None
    assert (member.state, member.joined) == ("confirmed", NOW.replace(hour=10).isoformat())
    assert people.audience.history(sid)[-1]["basis"] == "consent"


def test_leaving_beside_choosing_always_wins(people: People, sid: str) -> None:
    def choose(language: str) -> None:
        for cadence in ("monthly", "every") * 5:
            wishes = Wishes({"digest": Choices(cadence)}, language, "Ada", had=frozenset({"digest"}))
            arrange(people, sid, wishes)

    threads = [threading.Thread(target=choose, args=(language,)) for language in ("de", "en")]
    threads.append(threading.Thread(target=people.audience.leave, args=(sid, "digest", NOW, "link")))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    member = people.audience.membership("digest", sid)
    assert member is not None
    assert member.state is MemberState.UNSUBSCRIBED


def test_leaving_everything_tells_what_it_was_and_is_safe_to_repeat(people: People, sid: str) -> None:
    people.add("ada@example.org", "alerts")
    assert sorted(people.audience.leave_all(sid, NOW, "the page", "too many")) == ["alerts", "digest"]
    assert people.audience.leave_all(sid, NOW, "the page") == []
    assert {line["what"] for line in people.audience.history(sid) if line["action"] == "unsubscribed"} == {"too many"}
