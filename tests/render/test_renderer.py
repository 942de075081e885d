import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from chalicelib.collect.entry import EntryText
from chalicelib.compose.edition import Content, EditionSection
from chalicelib.content.values import Kind, Theme
from chalicelib.errors import RenderError
from chalicelib.render.personal import TOKEN, fill
from chalicelib.render.renderer import Rendered, render, render_public
from chalicelib.render.templates import templates_for
from chalicelib.render.variants import Variant, variant_for
from tests.render.values import NEWSLETTER, PICTURE, SLOT_AT, content, entry, site

INTRO = {
    "en": '<p>Dear {name|friend}, see <a href="https://example.org/intro">this</a>.</p>',
    "de": "<p>Guten Tag {name|zusammen}.</p>",
}


def rendered(edition: Content, language: str = "en", *, public: bool = False, **changes: object) -> Rendered:
    made = site(**changes)  # type: ignore[arg-type]
    variant = variant_for(edition, made.languages, made.fallback, language, None)
    assert variant
    act = render_public if public else render
    return act(made, NEWSLETTER, edition, variant, templates=templates_for(made.root))


def dated(number: int, kind: Kind, **changes: object):
    return entry(number, kind=kind, starts=SLOT_AT.replace(day=30, hour=22, minute=59), place="Berlin", **changes)


FULL = content(
    sections=(
        EditionSection({"en": "News", "de": "Neuigkeiten"}, tuple(entry(n) for n in range(1, 20))),
        EditionSection({"en": "Dates"}, (dated(30, Kind.EVENT), dated(31, Kind.DEADLINE))),
    ),
    highlight=entry(0, image=PICTURE),
    intro_html=INTRO,
)


class Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.images: list[dict[str, str | None]] = []
        self.headings: list[int] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.attributes.append((tag, values))
        if tag == "a":
            self.links.add(values["href"])
        if tag == "img":
            self.images.append(values)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("template", ["digest", "alert"])
@pytest.mark.parametrize("public", [True, False])
def test_every_link_of_the_html_stands_in_the_text(template, language, public):
    result = rendered(replace(FULL, template=template), language, public=public)
    links = Page(result.html).links
    assert len(links) > 20
    assert {link for link in links if f"] {link}\n" not in result.text} == set()


@pytest.mark.parametrize("template", ["digest", "alert"])
def test_text_lines_are_72_wide_but_for_links(template):
    lines = rendered(replace(FULL, template=template)).text.split("\n")
    assert [line for line in lines if len(line) > 72 and not re.match(r"\[\d+\] ", line) and "\x02" not in line] == []


@pytest.mark.parametrize("template", ["digest", "alert"])
def test_headings_begin_with_one_and_skip_none(template):
    levels = Page(rendered(replace(FULL, template=template)).html).headings
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


def test_twenty_articles_stay_far_below_the_clip():
    assert len(rendered(FULL, public=True).html.encode()) < 60_000


def test_the_page_says_its_language_title_and_schemes():
    page = Page(rendered(FULL, "de").html)
    assert ("html", {"lang": "de", "dir": "ltr"}) in [
        (tag, {name: values[name] for name in ("lang", "dir")}) for tag, values in page.attributes if tag == "html"
    ]
    metas = [values for tag, values in page.attributes if tag == "meta"]
    assert {"name": "color-scheme", "content": "light dark"} in metas
    assert all("alt" in image for image in page.images)
    assert all(v.get("role") == "presentation" for tag, v in page.attributes if tag == "table" and "cellpadding" in v)


def test_both_languages_say_the_same_in_their_own_words():
    english, german = rendered(FULL), rendered(FULL, "de")
    for text in (unescape(english.html), english.text):
        assert "Title 1" in text
        assert "Unsubscribe" in text
        assert "Inside: 20 articles, one event and one deadline." in re.sub(r"\s+", " ", text)
    for text in (unescape(german.html), german.text):
        assert "Überschrift 1" in text
        assert "Abbestellen" in text
        assert "20 Artikel, eine Veranstaltung und eine Frist" in re.sub(r"\s+", " ", text)


@pytest.mark.parametrize(("language", "mark"), [("de", "auf Englisch"), ("en", "in English")])
def test_a_fallback_is_marked_and_has_its_own_language(language, mark):
    only_english = entry(5, texts={"en": EntryText("Only English", "https://example.org/5", "<p>Words here.</p>")})
    result = rendered(content(only_english, entry(6)), language)
    foreign = language == "de"
    assert (mark in result.html) is foreign
    assert (mark in result.text) is foreign
    assert result.html.count('lang="en" dir="ltr">') == (2 if foreign else 0)


@pytest.mark.parametrize(("tag", "marked"), [("en", True), ("de", False), ("*", False)])
def test_an_intro_in_the_fallback_language_says_so(tag, marked):
    html = rendered(content(entry(1), intro_html={tag: "<p>Hello.</p>"}), "de").html
    assert ('<div lang="en" dir="ltr"><p' in html) is marked


def test_a_right_to_left_entry_carries_its_direction():
    arabic = entry(5, texts={"ar": EntryText("مرحبا", "https://example.org/5", "<p>نص</p>")})
    assert 'lang="ar" dir="rtl"' in rendered(content(arabic)).html


@pytest.mark.parametrize(
    ("day", "hour", "said"),
    [(26, 20, "due today"), (27, 1, "one day left"), (30, 22, "4 days left"), (25, 9, "was due"), (26, 8, "was due")],
)
def test_deadlines_count_days_from_the_slot(day, hour, said):
    due = entry(7, kind=Kind.DEADLINE, starts=SLOT_AT.replace(day=day, hour=hour))
    result = rendered(content(due))
    assert said in result.html
    assert said in result.text


@pytest.mark.parametrize(("day", "said"), [(24, "was due"), (25, "due today"), (26, "one day left")])
def test_deadlines_without_a_time_last_their_whole_day(day, said):
    """Local midnights in Berlin, told in UTC: 24 November 23:00 is the 25th there."""
    due = entry(7, kind=Kind.DEADLINE, starts=SLOT_AT.replace(day=day, hour=23), all_day=True)
    assert said in rendered(content(due)).text


def test_events_show_day_time_zone_and_place():
    result = rendered(content(dated(30, Kind.EVENT)))
    for text in (result.html, result.text):
        assert "Monday, 30 November, 23:59 CET" in text.replace("\u00a0", " ")
        assert "Berlin" in text


def test_long_editions_end_in_a_list():
    html = rendered(FULL).html
    assert html.count(">Read on</a>") == 13
    assert html.count("<li style") == 7
    assert html.count(">In brief</h3>") == 1


def test_the_list_marks_fallbacks_too():
    foreign = [entry(n, texts={"en": EntryText(f"T{n}", f"https://example.org/{n}")}) for n in range(14)]
    result = rendered(content(*foreign), "de")
    assert result.html.count("auf Englisch") == 14
    assert result.text.count("auf Englisch") == 14


def test_an_alert_shows_the_whole_advisory():
    advisory = entry(
        1,
        texts={
            "en": EntryText(
                "High", "https://example.org/1", "<h1>Do</h1>" + "<p>Word word.</p>" * 80 + "<pre>cmd --now</pre>"
            )
        },
    )
    result = rendered(content(advisory, template="alert"))
    assert result.html.count(">Word word.<") == 80
    assert result.text.count("Word word.") == 80
    assert "    cmd --now" in result.text
    assert result.subject == "High"


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "Community Digest, 26 November: Title 0"),
        ("de", "Neues aus der Gemeinschaft, 26. November: Überschrift 0"),
    ],
)
def test_subjects_name_the_first_entry(language, expected):
    assert rendered(FULL, language).subject == expected


def test_an_editors_subject_wins_and_may_be_personal():
    result = rendered(replace(FULL, subject={"en": "News for\r\nBcc: x {name|you}"}))
    assert fill(result.subject, {}) == "News for Bcc: x you"
    assert TOKEN.search(result.subject)
    assert rendered(replace(FULL, subject={"*": "Hi {name|you}"}), public=True).subject == "Hi you"


def test_long_subjects_are_cut_at_a_word():
    subject = rendered(replace(FULL, subject={"en": "word " * 60})).subject
    assert len(subject) <= 120
    assert subject.endswith("word…")


def test_only_a_letter_is_personal_never_the_archive():
    personal, public = rendered(FULL), rendered(FULL, public=True)
    assert {match[1] for match in TOKEN.finditer(personal.html)} == {"name", "unsubscribe_url", "preferences_url"}
    assert {match[1] for match in TOKEN.finditer(personal.text)} == {"name", "unsubscribe_url", "preferences_url"}
    assert not re.search("[\x00-\x08\x0b-\x1f]", public.html + public.text)
    assert "Dear friend," in public.html
    assert "Unsubscribe" not in public.html + public.text
    assert '<link rel="canonical" href="https://news.example.org/archive/digest/2026-11-26/en"' in public.html


def test_news_from_elsewhere_can_not_be_personal():
    evil = entry(
        1,
        texts={"en": EntryText("{name|x} \x02name:\x03", "https://example.org/1", "<p>{name|y} {unsubscribe_url}</p>")},
    )
    result = rendered(content(evil))
    assert {match[1] for match in TOKEN.finditer(result.html)} == {"unsubscribe_url", "preferences_url"}


HOSTILE = [
    "<![CDATA[ x ]]> a < b </mj-text>",
    "{{ config }} {% for x in y %}",
    "\x00\x1b[31m\x07 bell",
    "SLOT61TOLS",
    "👩‍👩‍👧‍👦 \u202egnp.exe \ud800",
    "<script>alert(1)</script>",
    "\" onmouseover='x'",
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("template", ["digest", "alert"])
def test_hostile_content_changes_nothing_around_it(template, hostile):
    texts = {"en": EntryText(hostile, "https://example.org/" + hostile, f"<p>{hostile}", hostile)}
    evil = entry(1, texts=texts, authors=(hostile,), kind=Kind.EVENT, starts=SLOT_AT, place=hostile)
    edition = content(
        template=template,
        sections=(EditionSection({"en": hostile}, (evil,)),),
        highlight=replace(evil, id="f" * 12),
        subject={"en": hostile},
        intro_html={"en": hostile},
    )
    result = rendered(edition)
    result.html.encode()
    result.text.encode()
    assert not re.search(
        "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202e]", TOKEN.sub("", result.html + result.text + result.subject)
    )
    tags = {tag for tag, _ in Page(result.html).attributes}
    assert "script" not in tags
    assert not any(name.startswith("on") for _, values in Page(result.html).attributes for name in values)
    assert result.html.rstrip().endswith("</body></html>")
    assert "{{ config }}" in unescape(result.html) or "{{" not in hostile


def test_twenty_thousand_nested_elements_do_no_harm():
    deep = entry(1, texts={"en": EntryText("t", "https://example.org/1", "<div>" * 20_000 + "<p>deep</p>")})
    assert "deep" in rendered(content(deep, template="alert")).html


def test_a_variant_of_other_content_is_refused():
    made = site()
    with pytest.raises(RenderError, match="has no entry"):
        render(made, NEWSLETTER, FULL, Variant("en", ("0" * 11 + "zz",)), templates=templates_for(made.root))


def test_a_variant_shows_its_entries_only():
    made = site()
    result = render(made, NEWSLETTER, FULL, Variant("en", (entry(3).id,)), templates=templates_for(made.root))
    assert "Title 3" in result.text
    assert "Title 4" not in result.html + result.text
    assert "Title 0" not in result.html + result.text


@pytest.mark.parametrize(
    "theme", [Theme(accent="red;} * {x:y"), Theme(title_font='x" onload="y'), Theme(text_font="</style>")]
)
def test_a_theme_that_could_break_out_is_refused(theme):
    with pytest.raises(RenderError, match="theme"):
        rendered(FULL, theme=theme)


def test_the_theme_colours_links_rules_and_the_dark_scheme():
    html = rendered(FULL, theme=Theme(accent="#123456", accent_dark="#abcdef", logo="/logo.png", logo_alt="Ours")).html
    assert 'style="color:#123456"' in html
    assert "#abcdef !important" in html
    assert '<img class="lo" src="https://news.example.org/logo.png" alt="Ours"' in html


@pytest.mark.parametrize("template", ["digest", "alert", "event", "letter"])
def test_no_mail_loads_fonts_from_elsewhere_whatever_the_theme_names(template):
    edition = replace(FULL, template=template)
    for theme in (Theme(), Theme(text_font="Roboto, 'Open Sans', Lato, sans-serif")):
        html = rendered(edition, theme=theme).html
        assert "Roboto" in html
        assert not re.search(r"@import|@font-face|<link[^>]+stylesheet|googleapis", html)


def test_a_site_overrides_one_template(tmp_path):
    folder = tmp_path / "templates/email/digest"
    folder.mkdir(parents=True)
    (folder / "subject.txt").write_text("Ours: {{ titles[0] }}\n\n")
    result = rendered(FULL, root=tmp_path)
    assert result.subject == "Ours: Title 0"
    assert "Read on" in result.html


def test_a_template_fault_holds_the_edition(tmp_path):
    folder = tmp_path / "templates/email/digest"
    folder.mkdir(parents=True)
    (folder / "body.txt").write_text("x\n{{ nothing }}")
    with pytest.raises(RenderError, match=r"email/digest/body\.txt, line 2"):
        rendered(FULL, root=tmp_path)


def test_the_preheader_is_the_intro_or_the_titles():
    assert rendered(FULL).preheader == "Dear friend, see this."
    untold = replace(FULL, intro_html={})
    assert rendered(untold).preheader.startswith("Title 1 · Title 2")  # the subject names the first
    assert rendered(replace(untold, subject={"en": "News"})).preheader.startswith("Title 0 · Title 1")
    alone = entry(1, texts={"en": EntryText("High", "", "<p>Patch it now.</p>", facts=(("Severity", "9.8"),))})
    assert rendered(content(alone, template="alert")).preheader == "9.8 · Patch it now."


def test_editors_words_stand_with_the_entry_in_html_and_text() -> None:
    remarks = {f"{1:012x}": {"en": "<p>Mind <a href='https://example.org/mind'>this</a>.</p>"}}
    made = rendered(content(entry(1), entry(2), remarks=remarks))
    assert made.html.count("Mind <a") == 1
    assert made.html.index("Title 1") < made.html.index("Mind <a") < made.html.index("First sentence of 1")
    assert re.search(r"Title 1 .*Mind this \[\d+\]\..*First sentence of 1", made.text, re.DOTALL)
    assert "https://example.org/mind" in made.text


def test_what_lies_beyond_a_limit_is_counted_in_mails_and_listed_on_the_page() -> None:
    section = EditionSection({"en": "News"}, (entry(1),), more=(entry(2), entry(3)))
    mail, page = (rendered(content(sections=(section,)), public=public) for public in (False, True))
    for text in (mail.html, mail.text):
        assert "and 2 more" in text
        assert "Title 2" not in text
    for text in (page.html, page.text):
        assert "and 2 more" not in text
        assert "Title 3" in text
    assert "/archive/digest/2026-11-26/en" in {
        link.split("https://news.example.org")[-1] for link in Page(mail.html).links
    }


def test_a_section_of_which_a_reader_gets_only_what_is_beyond_the_limit_still_says_so() -> None:
    section = EditionSection({"en": "News"}, (entry(1),), more=(entry(2),))  # of these only 2 is about security
    edition, made = content(sections=(section,)), site()
    variant = variant_for(edition, made.languages, made.fallback, "en", frozenset({"security"}))
    assert variant
    text = render(made, NEWSLETTER, edition, variant, templates=templates_for(made.root)).text
    assert "and one more" in text
    assert "Title" not in text


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Reminder · 4 days left"), ("de", "Zur Erinnerung · noch 4 Tage")]
)
def test_a_reminder_says_that_it_is_one(language: str, words: str) -> None:
    due = dated(31, Kind.DEADLINE)
    section = EditionSection({"en": "Calls"}, (due, dated(32, Kind.DEADLINE)))
    made = rendered(content(sections=(section,), reminders=(due.id,)), language)
    assert made.html.count(words) == made.text.count(words) == 1


@pytest.mark.parametrize(("language", "words"), [("en", "The month, no. 3"), ("de", "Der Monat, Nr. 3")])
def test_a_gathering_is_numbered_as_one(language: str, words: str) -> None:
    made = rendered(content(entry(1), gathering=True, number=3), language)
    assert words in made.html
    assert words in made.text


def test_what_is_made_once_for_all_variants_is_made_anew_for_the_archive_and_for_tighter_settings(tmp_path):
    parts = tmp_path / "templates/email/_parts"
    parts.mkdir(parents=True)
    words = "{{ 'page' if public else 'mail' }} of {{ item.title }}"
    macro = "{% macro article(item) %}<mj-text>" + words + "</mj-text>{% endmacro %}"
    (parts / "article.mjml").write_text(macro)
    ours, templates = site(tmp_path), templates_for(tmp_path)
    edition = content(entry(1), entry(2))
    whole = variant_for(edition, ("en",), "en", "en", None)
    some = variant_for(edition, ("en",), "en", "en", frozenset({"security"}))
    for make, word in ((render, "mail"), (render_public, "page"), (render, "mail")):
        html = make(ours, NEWSLETTER, edition, whole, templates=templates).html
        assert f"{word} of Title 1" in html
        assert f"{word} of Title 2" in html
    assert "Title 1" not in render(ours, NEWSLETTER, edition, some, templates=templates).html
    other = replace(edition, sections=(EditionSection({}, (replace(entry(1), texts={"en": EntryText("New", "")}),)),))
    assert "mail of New" in render(ours, NEWSLETTER, other, whole_of(other), templates=templates).html


def whole_of(edition):
    return variant_for(edition, ("en",), "en", "en", None)
