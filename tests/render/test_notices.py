"""The mails that are no edition: confirm and welcome."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from chalicelib.content.load import template_names
from chalicelib.errors import RenderError
from chalicelib.render.compiling import compile_notice
from chalicelib.render.letter import Letter, Reader
from chalicelib.render.notices import Kind, Latest, Notice, render_notice
from chalicelib.render.rendered import Rendered
from chalicelib.render.templates import templates_for
from tests.render.values import NEWSLETTER, site

OTHER = replace(NEWSLETTER, name="alerts", title={"*": "Alerts & more"}, description={"en": "At once."})
LATEST = (("alerts", Latest("No. 7 <b>", "https://news.example.org/archive/alerts/7/en")),)
READER = Reader(
    "ada@example.org",
    "Ada Lovelace",
    "https://news.example.org/u/abc",
    "m1@example.org",
    datetime(2026, 11, 26, 9, tzinfo=UTC),
    preferences_url="https://news.example.org/p/abc",
    confirm_url="https://news.example.org/c/" + "x" * 120,
)


def made(
    kind: Kind, language: str = "en", *, reader: Reader = READER, root: Path = Path("nowhere")
) -> tuple[Rendered, bytes]:
    notice = Notice(kind, [NEWSLETTER, OTHER], language, LATEST, days=3)
    rendered = render_notice(site(root), notice, templates=templates_for(root))
    letter = Letter.from_bytes(compile_notice(rendered, site=site(root), notice=notice).to_bytes())
    return rendered, letter.personalise(reader)


def parts(raw: bytes) -> tuple[str, str]:
    message = message_from_bytes(raw, policy=policy.default)
    html, text = message.get_body(("html",)), message.get_body(("plain",))
    assert html is not None
    assert text is not None
    return html.get_content(), text.get_content()


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_mail_to_confirm_has_one_link_to_press_and_nothing_to_advertise(language: str) -> None:
    _, raw = made(Kind.CONFIRM, language)
    html, text = parts(raw)
    assert READER.confirm_url in text
    links = re.findall(r'href="([^"]+)"', html)
    assert links.count(READER.confirm_url) == 1
    assert set(links) - {READER.confirm_url} == {
        "https://news.example.org",
        "https://example.org/imprint",
        "https://example.org/privacy",
    }
    assert "Alerts &amp; more" in html
    assert "Alerts & more" in text
    message = message_from_bytes(raw, policy=policy.default)
    assert message["List-Unsubscribe"] is None
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == language


def test_it_says_how_long_its_button_works() -> None:
    html, text = parts(made(Kind.CONFIRM)[1])
    assert "works for 3 days" in text
    assert "works for 3 days" in html


def test_the_welcome_greets_says_what_comes_and_how_to_leave() -> None:
    _, raw = made(Kind.WELCOME)
    html, text = parts(raw)
    message = message_from_bytes(raw, policy=policy.default)
    for said in (html, text):
        assert "Hello Ada Lovelace," in said
        assert "At once." in said
        assert READER.unsubscribe_url in said
        assert READER.preferences_url in said
    assert '<a href="https://news.example.org/archive/alerts/7/en"' in html
    assert "No. 7 &lt;b&gt;" in html
    assert message["List-Unsubscribe"] == f"<{READER.unsubscribe_url}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_who_has_no_name_is_greeted_all_the_same() -> None:
    html, text = parts(made(Kind.WELCOME, "de", reader=replace(READER, name=""))[1])
    assert "Guten Tag und willkommen," in text
    assert "Guten Tag und willkommen," in html


def test_a_welcome_that_nobody_could_leave_is_not_made() -> None:
    with pytest.raises(RenderError, match="URL"):
        made(Kind.WELCOME, reader=replace(READER, unsubscribe_url=""))


def test_a_site_words_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "templates" / "email" / "confirm"
    folder.mkdir(parents=True)
    (folder / "subject.txt").write_text("Is it you, {{ title }}?\n")
    rendered, _ = made(Kind.CONFIRM, root=tmp_path)
    assert rendered.subject == "Is it you, Open Example Cloud?"


def test_no_newsletter_takes_the_template_of_a_notice() -> None:
    assert template_names(Path("nowhere")) == ("alert", "digest", "event", "letter")
