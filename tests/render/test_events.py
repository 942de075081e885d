"""Events that were moved or cancelled, as readers see it: in HTML and text, in each language."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest

from chalicelib.collect.entry import Change, Entry
from chalicelib.compose.edition import Content
from chalicelib.content.values import Kind
from chalicelib.render.renderer import Rendered, render
from chalicelib.render.templates import templates_for
from chalicelib.render.variants import variant_for
from tests.render.values import NEWSLETTER, content, entry, site

BERLIN = ZoneInfo("Europe/Berlin")
PLANNED = datetime(2026, 12, 3, 15, 5, tzinfo=BERLIN)


def event(number: int = 1, **changes: object) -> Entry:
    values: dict[str, object] = {"starts": PLANNED, "ends": PLANNED + timedelta(minutes=50), "place": "Room 5"}
    return entry(number, kind=Kind.EVENT, **(values | changes))


LATER = PLANNED + timedelta(days=1)
MOVED = event(starts=LATER, ends=LATER + timedelta(minutes=50), change=Change.MOVED, moved_from=PLANNED)
CANCELLED = event(change=Change.CANCELLED)
AGAIN = event(change=Change.AGAIN)
SERIES = event(change=Change.CANCELLED, series="s", identities=("guid:blog:s",))


def rendered(edition: Content, language: str) -> Rendered:
    variant = variant_for(edition, ("en", "de"), "en", language, None)
    assert variant
    made = site()
    return render(made, NEWSLETTER, edition, variant, templates=templates_for(made.root))


def said(edition: Content, language: str) -> tuple[str, str]:
    """HTML without tags but for struck words, and text; both as one line."""
    letter = rendered(edition, language)
    html = unescape(re.sub(r"<(?!/?s>)[^>]*>", " ", letter.html.partition("<body")[2]))
    return " ".join(html.split()), " ".join(letter.text.split())


@pytest.mark.parametrize(
    ("shown", "language", "words"),
    [
        (MOVED, "en", "moved from Thursday, 3 December, 15:05 to Friday, 4 December, 15:05–15:55 CET"),
        (MOVED, "de", "verlegt von Donnerstag, 3. Dezember, 15:05 Uhr auf Freitag, 4. Dezember, 15:05–15:55 Uhr CET"),
        (CANCELLED, "en", "cancelled · Thursday, 3 December, 15:05–15:55 CET"),
        (CANCELLED, "de", "fällt aus · Donnerstag, 3. Dezember, 15:05–15:55 Uhr CET"),
        (SERIES, "en", "cancelled · from Thursday, 3 December, 15:05 on"),
        (SERIES, "de", "fällt aus · ab Donnerstag, 3. Dezember, 15:05 Uhr"),
        (AGAIN, "en", "takes place after all · Thursday, 3 December, 15:05–15:55 CET"),
        (AGAIN, "de", "findet doch statt · Donnerstag, 3. Dezember, 15:05–15:55 Uhr CET"),
        (replace(MOVED, change=Change.AGAIN), "en",
         "takes place after all · moved from Thursday, 3 December, 15:05 to Friday, 4 December, 15:05–15:55 CET"),
        (replace(SERIES, change=Change.AGAIN), "de", "findet doch statt · ab Donnerstag, 3. Dezember, 15:05 Uhr"),
        (event(all_day=True, ends=None, moved_from=PLANNED - timedelta(days=2), change=Change.MOVED), "en",
         "moved from Tuesday, 1 December to Thursday, 3 December"),
    ],
)  # fmt: skip
def test_what_became_of_an_event_is_said(shown: Entry, language: str, words: str) -> None:
    html, text = said(content(shown), language)
    assert words in html
    assert words in text
    title = shown.texts[language].title
    assert (f"<s>{title}</s>" in html) is (shown.change is Change.CANCELLED)
    highlighted = said(content(highlight=shown), language)
    assert all(words in part for part in highlighted)


@pytest.mark.parametrize("days", [-1, -7])
def test_where_an_event_was_before_interests_nobody_once_that_is_over(days: int) -> None:
    old = content().slot_at + timedelta(days=days)
    html, text = said(content(event(change=Change.MOVED, moved_from=old)), "en")
    assert "moved" not in html + text
    assert "Thursday, 3 December, 15:05–15:55 CET" in text


def test_an_event_as_planned_is_neither() -> None:
    html, text = said(content(event(), event(2, series="s")), "en")
    assert not re.search(r"moved|cancelled|<s>", html + text)


@pytest.mark.parametrize("template", ["digest", "alert"])
@pytest.mark.parametrize(
    ("edition", "language", "first"),
    [
        (content(CANCELLED, event(2)), "en", "Title 2"),
        (content(CANCELLED, entry(3), MOVED), "de", "Überschrift 3"),
        (content(event(2), highlight=CANCELLED), "en", "Title 2"),
        (content(CANCELLED, replace(AGAIN, id="2")), "en", "Title 1"),
        (content(CANCELLED), "en", "Cancelled: Title 1"),
        (content(CANCELLED, event(2, change=Change.CANCELLED)), "de", "Fällt aus: Überschrift 1"),
        (content(entry(3), CANCELLED), "en", "Title 3"),
    ],
)  # fmt: skip
def test_a_subject_names_what_takes_place_before_what_does_not(
    edition: Content, language: str, first: str, template: str
) -> None:
    letter = rendered(replace(edition, template=template), language)
    assert letter.subject == first if template == "alert" else letter.subject.endswith(f": {first}")


def test_a_preheader_says_what_is_cancelled() -> None:
    assert rendered(content(CANCELLED, event(2)), "en").preheader == "Cancelled: Title 1"  # the subject has the other


def test_what_is_on_again_says_so_among_titles_too() -> None:
    html, text = said(content(*(entry(n) for n in range(20, 34)), AGAIN), "en")
    assert "Title 1 (takes place after all)" in html
    assert "· takes place after all" in text


@pytest.mark.parametrize("template", ["digest", "event"])
def test_links_of_two_dates_of_one_call_are_told_apart_by_ear(template: str) -> None:
    days = {n: PLANNED + timedelta(weeks=n) for n in (1, 2, 3)}
    weekly = [event(n, starts=day, ends=day + timedelta(hours=1), texts=event(1).texts) for n, day in days.items()]
    letter = rendered(replace(content(*weekly), template=template), "en")
    html = unescape(letter.html).replace("\xa0", " ")
    labels = re.findall(r'aria-label="(Add to calendar[^"]*)"', html)
    assert len(labels) == len(set(labels)) == 3
    assert "Add to calendar: Title 1, Thursday, 10 December, 15:05–16:05 CET" in labels
    details = re.findall(r'aria-label="(Details: [^"]*)"', html)
    assert len(details) == len(set(details))
