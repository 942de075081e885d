"""The lint is silent on the mails that are no edition, with nothing left out; editions: tests/e2e/test_gallery."""

from pathlib import Path

import pytest

from chalicelib.content.load import load_site
from chalicelib.lint.mail_files import lint_mail_file
from chalicelib.render.notices import Kind, Latest, Notice, render_notice
from chalicelib.render.personal import fill
from chalicelib.render.templates import templates_for
from tests.e2e.house import ROOT

SITE = ROOT / "docs" / "gallery" / "site"


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("kind", list(Kind))
def test_mails_that_are_no_edition(kind: Kind, language: str) -> None:
    site = load_site(SITE).require()
    newsletters = list(site.newsletters.values())
    latest = (
        (newsletters[0].name, Latest("The newest issue of all", "https://news.havelcloud.example.org/archive/x")),
    )
    rendered = render_notice(site, Notice(kind, newsletters, language, latest), templates=templates_for(SITE))
    home = "https://news.havelcloud.example.org/"
    values = {"name": "Ada", "unsubscribe_url": home + "u", "preferences_url": home + "p", "confirm_url": home + "c"}
    html = fill(rendered.html, values)
    assert [p.message for p in lint_mail_file(str(Path("mail.html")), html.encode())] == []
