"""Two years of real posts as mails: each fortnight's digest, short and whole, and each post as an alert."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest

from chalicelib.collect.entry import Entry
from chalicelib.collect.folder import read_folder
from chalicelib.collect.topics import topics_of
from chalicelib.compose.edition import Content, EditionSection
from chalicelib.compose.select import Window, select
from chalicelib.content.load import load_site
from chalicelib.content.values import Layout, Show, Site
from chalicelib.render.personal import TOKEN
from chalicelib.render.renderer import Rendered, render
from chalicelib.render.templates import templates_for
from chalicelib.render.variants import variant_for
from tests.corpus import make_site, needs_corpus

pytestmark = [needs_corpus, pytest.mark.timeout(300)]
ZONE = ZoneInfo("Europe/Berlin")
START, END, FORTNIGHT = datetime(2022, 1, 1, tzinfo=ZONE), datetime(2024, 1, 13, tzinfo=ZONE), timedelta(weeks=2)
Years = tuple[Site, list[Content], list[Entry]]


@pytest.fixture(scope="module")
def years(tmp_path_factory: pytest.TempPathFactory) -> Years:
    """The site, its digests of a fortnight each, and all posts of the two years."""
    site = load_site(make_site(tmp_path_factory.mktemp("years"))).require()
    found = read_folder(site, site.sources[0], END)
    posts = [
        replace(entry, topics=topics_of(entry, found.own_topics.get(entry.id, ()), site.topics))
        for entry in found.entries
        if START <= entry.date < END
    ]
    digests = [digest(site, number, posts) for number in range((END - START) // FORTNIGHT)]
    return site, [content for content in digests if content.entries], posts


def digest(site: Site, number: int, posts: list[Entry]) -> Content:
    """What appeared in the fortnight before a slot, as the composer sorts it into sections."""
    newsletter, slot = site.newsletters["digest"], START + (number + 1) * FORTNIGHT
    due = [entry for entry in posts if slot - FORTNIGHT <= entry.date < slot]
    chosen = select(due, newsletter, None, Window(slot, START, ZONE))
    day = f"{slot:%Y-%m-%d}"
    return Content("digest", day, slot, number + 1, "digest", chosen.sections, highlight=chosen.highlight)


def alert(entry: Entry) -> Content:
    slot = f"{entry.date:%Y-%m-%d}"
    return Content("advisories", slot, entry.date, 1, "alert", (EditionSection({}, (entry,)),))


def whole(content: Content) -> Content:
    """The same with whole texts."""
    layout = Layout(show=Show.FULL, pictures=True)
    return replace(content, sections=tuple(replace(section, layout=layout) for section in content.sections))


def rendered(site: Site, content: Content) -> Iterator[tuple[str, Rendered]]:
    """In each language, with what a failure is named by."""
    templates = templates_for(site.root)
    for language in site.languages:
        variant = variant_for(content, site.languages, site.fallback, language, None)
        assert variant
        newsletter = site.newsletters[content.newsletter]
        slug = content.entries[0].slug
        yield f"{content.edition_id} {slug} {language}", render(site, newsletter, content, variant, templates=templates)


class Page(HTMLParser):
    """Links, pictures and words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag == "img":
            self.pictures.append(dict(attrs))


def faults(mail: Rendered) -> Iterator[str]:
    """What no mail may have."""
    everything = mail.subject + mail.html + mail.text
    page, said = Page(mail.html), re.sub(r"\s+", " ", mail.text)
    if (size := len(mail.html.encode())) > 100_000:
        yield f"{size} bytes"
    yield from (part for part in ("&amp;amp;", "&amp;lt;", "SLOT", "TOLS", "\ufffd", "None</") if part in everything)
    yield from (part for part in ("{%", "{{", "\\n") if part in everything)
    yield from sorted({match[1] for match in TOKEN.finditer(everything)} - {"unsubscribe_url", "preferences_url"})
    if re.search(r"\{(name|first_name|email)[|}]", everything) or {"\x02", "\x03"} & set(TOKEN.sub("", everything)):
        yield "an unresolved field"
    yield from (f"link {link}" for link in page.links if not re.match(r"https?://|mailto:|\x02", link))
    yield from (f"not in the text: {link}" for link in page.links if link.removeprefix("mailto:") not in said)
    yield from (f"picture {found}" for found in page.pictures if found.get("alt") is None)
    yield from (f"picture {found}" for found in page.pictures if not str(found.get("src")).startswith("https://"))
    if len(TOKEN.sub("", mail.text).split()) < 20 or not mail.subject.strip():
        yield "no words"


def test_there_are_two_years_of_them(years: Years) -> None:
    _, digests, posts = years
    assert len(posts) > 60
    assert len(digests) > 30
    assert {entry.id for content in digests for entry in content.entries} == {entry.id for entry in posts}


@pytest.mark.parametrize("how", ["short", "whole"])
def test_each_digest_is_in_order(years: Years, how: str) -> None:
    site, digests, _ = years
    found = {}
    for content in digests:
        for name, mail in rendered(site, whole(content) if how == "whole" else content):
            found[name] = list(faults(mail))
    assert len(found) == 2 * len(digests)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_each_post_as_an_alert_is_in_order(years: Years) -> None:
    site, _, posts = years
    found = {name: list(faults(mail)) for post in posts for name, mail in rendered(site, alert(post))}
    assert len(found) == 2 * len(posts)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_the_words_of_a_post_reach_its_alert(years: Years) -> None:
    site, _, posts = years
    for post in posts:
        (_, english), (_, german) = rendered(site, alert(post))
        for language, mail in (("en", english), ("de", german)):
            title = re.sub(r"\s+", " ", post.text(language, "en")[1].title).strip()
            assert title[:190] in re.sub(r"\s+", " ", unescape(mail.html)), post.slug


GOOD = Rendered("A subject", "<p>Words</p>", "word " * 30, "")
PLANTED = {
    "<p>" + "x" * 100_001: "100004 bytes",
    "a &amp;amp; b": "&amp;amp;",
    "{{ x }}": "{{",
    "{% x %}": "{%",
    "a\\nb": "\\n",
    "{name|friend}": "an unresolved field",
    "\x02secret:\x03": "secret",
    "\x02": "an unresolved field",
    '<a href="/x">x</a>': "link /x",
    '<a href="https://example.org/">x</a>': "not in the text: https://example.org/",
    '<img src="https://example.org/x.png">': "picture {'src': 'https://example.org/x.png'}",
}


@pytest.mark.parametrize(("html", "fault"), PLANTED.items(), ids=range(len(PLANTED)))
def test_these_faults_would_be_found(html: str, fault: str) -> None:
    assert fault in set(faults(replace(GOOD, html=html)))
    assert list(faults(GOOD)) == []
    assert list(faults(replace(GOOD, text="few words"))) == ["no words"]
