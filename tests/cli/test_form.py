"""``sendbrief form``: what it prints leads to the page to subscribe, filled in, with nothing that runs."""

import re

import pytest

from chalicelib.cli.form_commands import snippet
from chalicelib.errors import UsageError
from chalicelib.runtime import Runtime
from tests.web.browsing import Forms, ticked
from tests.web.client import Client
from tests.web.conftest import client, fresh  # noqa: F401 (fixtures of the web room)


def test_it_leads_to_the_form_filled_in_for_one_more_press(client: Client, fresh: Runtime) -> None:  # noqa: F811
    html = snippet(fresh.site, ["harbour-log"], "de")
    action = re.search(r'action="https://letters\.example\.org(/[^"]+)" method="post"', html)
    assert action is not None
    (fields,) = Forms(html).sent
    assert fields == {"newsletter": ["harbour-log"], "language": ["de"], "address": [""]}
    page = client.post(action[1], b"newsletter=harbour-log&language=de&address=ada%40example.org")
    assert (page.status, "drücken Sie noch einmal" in page.text) == (200, True)
    assert {"newsletter=harbour-log", "language=de", "address=ada@example.org"} <= set(ticked(page))


def test_several_newsletters_are_ticked_by_the_reader(fresh: Runtime) -> None:  # noqa: F811
    html = snippet(fresh.site, ["harbour-log", "storm-warnings", "harbour-log"], "en")
    assert Forms(html).all[0][:2] == ["newsletter=harbour-log", "newsletter=storm-warnings"]
    assert "newsletter" not in Forms(html).sent[0]
    assert "you ask Harbour Guild" in html
    assert not re.search(r"<script|style=|on\w+=", html)


def test_a_language_the_site_has_not_is_told(fresh: Runtime) -> None:  # noqa: F811
    with pytest.raises(UsageError, match="'fr' is not one of the site's"):
        snippet(fresh.site, ["harbour-log"], "fr")
