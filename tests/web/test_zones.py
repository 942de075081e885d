"""Choosing a time zone: by a list of regions, without a script, where something comes at each reader's own time."""

from collections.abc import Mapping

import pytest

from chalicelib.audience.choices import Wishes
from chalicelib.audience.signup import Request
from chalicelib.runtime import Runtime
from tests.web.browsing import Forms, at, press
from tests.web.client import Client
from tests.web.site import LOG, subscribe


@pytest.fixture
def world(fresh: Runtime) -> Runtime:
    """The log comes at ten o'clock wherever its reader is."""
    (fresh.site.root / "content" / "newsletters" / "harbour-log.yaml").write_text(
        LOG.replace("'10:00'", "reader 10:00")
    )
    fresh.reload()
    at(fresh)
    return fresh


def link(runtime: Runtime, sid: str) -> str:
    return f"/p/{runtime.preferences.make(sid, 'harbour-log', runtime.clock())}"


def chosen(page: str, form: int = 0) -> list[str]:
    return Forms(page).sent[form].get("zone", [])


def the_zone(runtime: Runtime, sid: str) -> str:
    member = runtime.audience.membership("harbour-log", sid)
    assert member is not None
    return member.zone


def test_a_zone_is_chosen_shown_and_taken_back(client: Client, world: Runtime) -> None:
    sid = subscribe(world, "ada@example.org")
    page = client.get(link(world, sid))
    assert chosen(page.text) == [""]
    assert '<option value="" selected>Ours: Europe – Berlin</option>' in page.text
    assert '<option value="America/Argentina/Buenos_Aires">Argentina – Buenos Aires</option>' in page.text
    saved = press(client, link(world, sid), page, {"zone": "Asia/Tokyo"})
    assert (saved.status, chosen(saved.text), the_zone(world, sid)) == (200, ["Asia/Tokyo"], "Asia/Tokyo")
    press(client, link(world, sid), saved, {"zone": ""})
    assert the_zone(world, sid) == ""


@pytest.mark.parametrize(("tag", "first"), [("en", "Africa"), ("de", "Afrika")])
def test_regions_stand_in_order_and_each_zone_once(client: Client, world: Runtime, tag: str, first: str) -> None:
    page = client.get(f"{link(world, subscribe(world, 'ada@example.org'))}", Accept_Language=tag)
    options = [value for value in Forms(page.text).all[0] if value.startswith("zone=")]
    assert len(options) == len(set(options)) > 400
    assert page.text.index(f'<optgroup label="{first}">') < page.text.index('<optgroup label="Pa')


def test_another_name_of_a_zone_is_shown_and_kept(client: Client, world: Runtime) -> None:
    sid = subscribe(world, "ada@example.org")
    world.audience.arrange(sid, Wishes(zone="US/Eastern", language="en"), [], world.clock(), "an import")
    page = client.get(link(world, sid))
    assert chosen(page.text) == ["US/Eastern"]
    press(client, link(world, sid), page)
    assert the_zone(world, sid) == "US/Eastern"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "<script>", "../../etc/passwd"])
def test_what_is_no_zone_is_refused(client: Client, world: Runtime, zone: str) -> None:
    sid = subscribe(world, "ada@example.org")
    page = press(client, link(world, sid), client.get(link(world, sid)), {"zone": zone})
    assert (page.status, the_zone(world, sid)) == (400, "")
    assert "<script>" not in page.text


def test_it_is_asked_for_where_it_makes_a_difference_only(client: Client, fresh: Runtime) -> None:
    at(fresh)
    assert 'name="zone"' not in client.get("/subscribe").text
    assert 'name="zone"' not in client.get(link(fresh, subscribe(fresh, "ada@example.org"))).text


def test_the_form_to_subscribe_takes_one_along(client: Client, world: Runtime) -> None:
    page = client.get("/subscribe?newsletter=harbour-log")
    at(world, 60)
    fields: Mapping[str, object] = {"address": "ada@example.org", "zone": "Asia/Tokyo", "newsletter": "harbour-log"}
    assert press(client, "/subscribe", page, fields).status == 200
    pending = world.signups.pending(world.audience.sid("ada@example.org"))
    assert isinstance(pending, Request)
    assert pending.zone == "Asia/Tokyo"
