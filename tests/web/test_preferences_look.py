"""The preferences page in Chromium: no sideways scrolling, nothing for axe-core, topics shown when they count."""

import pytest

from chalicelib.cli.chromium import Chromium
from chalicelib.runtime import Runtime
from tests.e2e.test_gallery import CHROMIUM, axe, needs_chromium, needs_npm
from tests.web.client import Client
from tests.web.site import subscribe
from tests.web.test_preferences import form

pytestmark = pytest.mark.slow
SHOWN = "document.querySelector('.topics').getClientRects().length"


@needs_chromium
@needs_npm
def test_the_page_fits_reads_well_and_unfolds_without_a_script(client: Client, fresh: Runtime) -> None:
    link = f"/p/{fresh.preferences.make(subscribe(fresh, 'ada@example.org'), 'harbour-log', fresh.clock())}"
    pages = {
        "shown": client.get(link).text,
        "asked again": client.post(link, form(topics="chosen")).text,
        "saved": client.post(link, form(language="de", topics="chosen", topic="tools")).text,
    }
    with Chromium(str(CHROMIUM)) as browser:
        for name, html in pages.items():
            for width, dark in ((320, True), (375, False), (1000, True)):
                browser.show(html, width=width, dark=dark)
                assert browser.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
                assert axe(browser) == [], (name, width)
                assert browser.evaluate(SHOWN) == (0 if name == "shown" else 1), (name, width)
        browser.show(pages["shown"], width=375)
        browser.evaluate("document.querySelector('[value=chosen]').click()")
        assert browser.evaluate(SHOWN) == 1
