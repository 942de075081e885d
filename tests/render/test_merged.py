"""One mail for two newsletters: the guest below the host, what stands in both once, one footer that names both."""

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from chalicelib.compose.edition import Content, EditionSection, content_from_json, content_to_json
from chalicelib.compose.together import together
from chalicelib.content.values import Newsletter
from chalicelib.errors import RenderError
from chalicelib.lint.mail import holding, lint_mail
from chalicelib.render.compiling import compile_letter
from chalicelib.render.rendered import Rendered
from chalicelib.render.renderer import MAX_SUBJECT, render
from chalicelib.render.templates import BUILT_IN, templates_for
from chalicelib.render.variants import Variant, variant_for, variant_with_guest
from tests.render.values import NEWSLETTER, content, entry, site

LETTER = Newsletter("letter", {"en": "Security Letter", "de": "Sicherheitsbrief"})
SITE = site(newsletters={"digest": NEWSLETTER, "letter": LETTER})


def guest(*numbers: int, **changes: object) -> Content:
    return content(*map(entry, numbers), **{"newsletter": "letter", "number": 4, **changes})


def variant(host: Content, below: Content, language: str = "en", topics: frozenset[str] | None = None) -> Variant:
    found = [variant_for(part, ("en", "de"), "en", language, topics) for part in (host, below)]
    assert found[0]
    assert found[1]
    return variant_with_guest(together(host, below), found[0], found[1])


def made(host: Content, below: Content, language: str = "en", topics: frozenset[str] | None = None) -> Rendered:
    both, shown = together(host, below), variant(host, below, language, topics)
    return render(SITE, NEWSLETTER, both, shown, templates=templates_for(SITE.root))


HOST = content(entry(1), entry(2))


def test_the_guest_stands_below_the_host_and_above_the_one_footer() -> None:
    result = made(HOST, guest(3, 4))
    for part in (result.text, result.html[result.html.index("<h1") :]):
        places = [part.index(word) for word in ("Title 1", "Title 2", "Security Letter", "Title 3", "Title 4")]
        assert places == sorted(places)
        assert part.index("Title 4") < part.index("sends you this") < part.index("Example e. V.")
        assert part.count("Unsubscribe") == part.count("sends you this") == 1
    assert "Community\nDigest and Security Letter with this address" in result.text
    assert result.subject == "Community Digest, 26 November: Title 1 · Security Letter"
    assert "Inside: 4 articles." in result.html
    assert re.findall(r"<h1[^>]*>([^<]*)", result.html) == ["Community Digest", "Security Letter"]


def test_in_german() -> None:
    result = made(HOST, guest(3), "de")
    assert "Neues aus der Gemeinschaft und Sicherheitsbrief" in " ".join(result.text.split())
    assert result.subject.endswith(" · Sicherheitsbrief")


def test_what_stands_in_both_is_shown_once_by_the_host() -> None:
    result = made(HOST, guest(2, 3))
    below = result.text.index("Security Letter")
    assert result.text.count("Title 2 [") == 1
    assert result.text.index("Title 2 [") < below < result.text.index("Title 3 [")


def test_where_all_of_it_stands_above_the_mail_says_so() -> None:
    result = made(HOST, guest(1, 2))
    assert "All of this issue stands above." in result.text
    assert "All of this issue stands above." in result.html
    assert "stands above" not in made(HOST, guest(1, 3)).text
    assert "stands above" not in made(HOST, guest(1, 2, intro_html={"en": "<p>Hello.</p>"})).text


def test_the_guests_highlight_intro_and_remarks_come_along() -> None:
    below = guest(
        3, highlight=entry(5), intro_html={"en": "<p>Dear {name|reader},</p>"},
        remarks={entry(3).id: {"en": "<p>Read it twice.</p>"}},
    )  # fmt: skip
    host = replace(HOST, remarks={entry(1).id: {"en": "<p>Ours.</p>"}})
    result = made(host, below)
    assert result.text.index("Dear ") < result.text.index("Title 5") < result.text.index("Title 3")
    assert "Read it twice." in result.html
    assert "Ours." in result.html
    assert "Highlight" not in result.text


def test_a_highlight_that_the_host_shows_is_not_shown_again() -> None:
    assert made(HOST, guest(3, highlight=entry(2))).text.count("Title 2 [") == 1
    assert made(replace(HOST, highlight=entry(3)), guest(3, 4)).text.count("Title 3 [") == 1


def test_what_the_host_only_counts_the_guest_shows() -> None:
    host = content(sections=(EditionSection({"en": "News"}, (entry(1),), (entry(2), entry(3))),))
    result = made(host, guest(2))
    assert "Title 2 [" in result.text
    assert "and one more" in result.text


def test_what_the_guest_counts_leads_to_its_own_page() -> None:
    below = guest(sections=(EditionSection({"en": "News"}, (entry(3),), (entry(1), entry(4))),))
    result = made(HOST, below)
    page = "https://news.example.org/archive/letter/2026-11-26/en"
    assert f'<a href="{page}"' in result.html[result.html.index("Title 3") :]
    number = re.search(r"and one more \[(\d+)\]", result.text)
    assert number
    assert f"[{number[1]}] {page}" in result.text


def test_each_reader_gets_what_is_theirs_of_both() -> None:
    result = made(HOST, guest(3, 4), topics=frozenset({"security"}))
    assert re.findall(r"Title \d(?= \[)", result.text) == ["Title 2", "Title 4"]


def test_variants_with_and_without_a_guest_are_told_apart() -> None:
    alone = variant_for(HOST, ("en",), "en", "en", None)
    assert alone
    assert variant(HOST, guest(1, 2)).entry_ids == alone.entry_ids
    assert variant(HOST, guest(1, 2)).key != alone.key
    assert alone.key == "en-b8eb643412", "the letters of editions on their way stay known"


def test_a_long_subject_keeps_the_guests_name() -> None:
    result = made(replace(HOST, subject={"en": "Word " * 40}), guest(3))
    assert len(result.subject) <= MAX_SUBJECT
    assert result.subject.endswith("… · Security Letter")
    personal = made(replace(HOST, subject={"en": "{name|You}: read this"}), guest(3))
    assert personal.subject.startswith("\x02name:")
    assert personal.subject.endswith(": read this · Security Letter")


@pytest.mark.parametrize("template", ["digest", "event", "letter", "alert"])
@pytest.mark.parametrize("below", ["digest", "event", "letter"])
def test_whatever_templates_they_use_nothing_of_either_is_missing(template: str, below: str) -> None:
    result = made(replace(HOST, template=template), guest(3, 4, template=below))
    for number in (1, 2, 3, 4):
        assert f"Title {number}" in result.text
        assert f"Title {number}" in unescape(result.html)


def test_the_lint_knows_that_the_guests_braces_are_meant() -> None:
    text = replace(entry(3).texts["en"], html="<p>Write {{ name }} there.</p>")
    below = content(replace(entry(3), texts={"en": text}), newsletter="letter")
    both, shown = together(HOST, below), variant(HOST, below)
    rendered = render(SITE, NEWSLETTER, both, shown, templates=templates_for(SITE.root))
    assert holding(rendered, site=SITE, content=both, variant=shown) == []
    found = lint_mail(rendered, site=SITE, content=both, variant=shown)
    assert [problem.message for problem in found if "backticks" not in problem.message] == []


def test_its_letter_is_the_hosts() -> None:
    both, shown = together(HOST, guest(3)), variant(HOST, guest(3))
    rendered = render(SITE, NEWSLETTER, both, shown, templates=templates_for(SITE.root))
    letter = compile_letter(rendered, site=SITE, newsletter=NEWSLETTER, content=both, variant=shown)
    head = "".join(part for part in letter.segments if isinstance(part, str)).partition("\r\n\r\n")[0]
    assert "<digest.news.example.org>" in head
    assert "X-Sendbrief-Edition: digest/2026-11-26" in head
    assert letter.variant == shown.key


def test_a_guest_is_never_stored_with_its_host() -> None:
    assert content_from_json(content_to_json(together(HOST, guest(3)))).guest is None


@pytest.mark.parametrize(("file", "cut"), [
    ("frame.mjml", '{% if guest %}{% include "email/_parts/guest.mjml" %}{% endif %}'),
    ("text.txt", "{{ below(guest) }}"),
])  # fmt: skip
def test_templates_of_a_site_that_show_no_guest_are_told(tmp_path: Path, file: str, cut: str) -> None:
    built_in = (BUILT_IN / "email" / "_parts" / file).read_text()
    assert cut in built_in
    own = tmp_path / "templates" / "email" / "_parts" / file
    own.parent.mkdir(parents=True)
    own.write_text(built_in.replace(cut, ""))
    with pytest.raises(RenderError, match="digest/2026-11-26 holds Security Letter too"):
        render(SITE, NEWSLETTER, together(HOST, guest(3)), variant(HOST, guest(3)), templates=templates_for(tmp_path))
    assert render(SITE, NEWSLETTER, HOST, Variant("en", (entry(1).id,)), templates=templates_for(tmp_path)).html
