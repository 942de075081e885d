"""Where a reader is at home: asked for, confirmed, chosen, imported, and never a zone that there is not."""

from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest

from chalicelib.audience.choices import Choices, FormError, Wishes, describe, offers_zones, read_wishes
from chalicelib.audience.signup import Request, SignUps
from chalicelib.audience.subscriber import Membership
from chalicelib.compose.reader_time import known_zone
from chalicelib.content.values import Schedule
from tests.audience.house import NOW, SITE, People
from tests.render.values import NEWSLETTER

ADA = "ada@example.org"
TODAY, LATER = NOW.date(), NOW + timedelta(hours=1)
TOKYO = Membership("digest", "a" * 24, ADA, zone="Asia/Tokyo")
HOSTILE = ("Europe/Berlim", "../../etc/passwd", "/etc/passwd", "Europe", "zone.tab", "Asia/Tokyo\x00", "Ünder/World",
           "posix\nrules", ".", " ", "A" * 100_000, "../" * 100_000)  # fmt: skip


def the_zone(people: People, newsletter: str = "digest") -> str:
    member = people.audience.membership(newsletter, people.audience.sid(ADA))
    assert member is not None
    return member.zone


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_zone_is_none(name: str) -> None:
    assert known_zone(name) is None


def test_a_form_sets_a_zone_takes_it_back_and_leaves_it_where_it_asks_for_none() -> None:
    members = {"digest": TOKYO}
    assert read_wishes({"zone": ["America/New_York"]}, SITE, members, TODAY).zone == "America/New_York"
    assert read_wishes({"zone": [""]}, SITE, members, TODAY).zone == ""
    assert read_wishes({}, SITE, members, TODAY).zone == "Asia/Tokyo"
    with pytest.raises(FormError, match="foreign"):
        read_wishes({"zone": ["Mars/Olympus"]}, SITE, members, TODAY)


def test_only_a_site_with_readers_own_times_asks_for_a_zone() -> None:
    schedule = Schedule("FREQ=WEEKLY", time(9), datetime(2026, 1, 1), reader=True)  # noqa: DTZ001 (a local date)
    theirs = {**SITE.newsletters, "letters": replace(NEWSLETTER, name="letters", schedule=schedule)}
    assert not offers_zones(SITE)
    assert offers_zones(replace(SITE, newsletters=theirs))


def test_a_zone_asked_for_with_a_form_is_confirmed_and_kept_by_later_requests(people: People) -> None:
    sid, signups = people.audience.sid(ADA), SignUps(people.table)
    request = Request(ADA, "", "en", {"digest": Choices()}, "subscribe/2", "0" * 64, NOW, zone="Asia/Tokyo")
    signups.ask(sid, request, NOW)
    signups.ask(sid, replace(request, newsletters={}, zone=""), NOW)
    pending = signups.pending(sid)
    assert (pending and pending.zone) == "Asia/Tokyo"
    signups.confirm(sid, NOW)
    assert the_zone(people) == "Asia/Tokyo"
    signups.ask(sid, replace(request, newsletters={"alerts": Choices()}, zone=""), NOW)
    signups.confirm(sid, NOW)
    assert the_zone(people, "alerts") == "Asia/Tokyo", "a person is at home in one place"


def test_arranging_anew_sets_it_everywhere_with_evidence(people: People) -> None:
    people.add(ADA)
    people.add(ADA, "alerts")
    sid, chosen = people.audience.sid(ADA), {"digest": Choices(), "alerts": Choices()}
    people.audience.arrange(sid, Wishes(chosen, "en", zone="Asia/Tokyo"), ["digest", "alerts"], LATER, "a test")
    assert (the_zone(people), the_zone(people, "alerts")) == ("Asia/Tokyo", "Asia/Tokyo")
    assert people.audience.history(sid)[-1]["what"] == "en, every, all topics, zone Asia/Tokyo"
    assert describe(TOKYO) == "every, all topics, zone Asia/Tokyo"
    people.audience.arrange(sid, Wishes(chosen, "en"), ["digest", "alerts"], NOW, "a test")
    assert the_zone(people) == ""


@pytest.mark.parametrize("column", ["zone", "TIMEZONE", "Time zone", "Zeitzone"])
def test_a_file_brings_zones_along(people: People, column: str) -> None:
    report = people.load(f"email,{column}\n{ADA},Asia/Tokyo\n")
    assert (report.new, report.problems, the_zone(people)) == (1, [], "Asia/Tokyo")


def test_a_wrong_zone_is_told_with_its_row_and_the_reader_comes_in_without(people: People) -> None:
    report = people.load(f"email,zone\n{ADA},Tokyo time\n")
    (problem,) = report.problems
    assert (report.new, problem.row, the_zone(people)) == (1, 2, "")
    assert problem.message == "zone 'Tokyo time' is no name like America/New_York; counts as the site's, Europe/Berlin"


def test_a_file_fills_in_a_zone_and_overrules_none(people: People) -> None:
    people.add(ADA)
    people.load(f"email,zone\n{ADA},Asia/Tokyo\n")
    people.load(f"email,zone\n{ADA},Europe/Paris\n", name="later.csv")
    assert the_zone(people) == "Asia/Tokyo"
    two = people.load("email,zone\nbo@example.org,\nbo@example.org,Europe/Paris\n", name="two.csv")
    member = people.audience.membership("digest", people.audience.sid("bo@example.org"))
    assert (two.repeated, member and member.zone) == (1, "Europe/Paris")


def test_what_listmonk_has_of_zones_is_taken(people: People) -> None:
    people.load(f'email,name,attributes\n{ADA},Ada,"{{""timezone"": ""Asia/Tokyo""}}"\n')
    assert the_zone(people) == "Asia/Tokyo"
