"""Issues as the items of a feed: subjects told apart, whole texts short enough to be read in a feed reader."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from heapq import merge
from html import escape
from itertools import islice
from urllib.parse import quote

from chalicelib.collect.entry import Change, Entry, EntryText
from chalicelib.compose.edition import Content
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.content.markup import markdown_to_html
from chalicelib.content.values import ArchivedIssue, Kind, localize
from chalicelib.errors import RenderError
from chalicelib.render.excerpt import excerpt, plain_text
from chalicelib.render.personal import fill, mark
from chalicelib.render.text import ascii_url, one_line
from chalicelib.web.archive import issue_languages, issue_path, public_issues
from chalicelib.web.feeds import Feed, Item
from chalicelib.web.pages import Pages
from chalicelib.web.pictures import first_picture, picture_of
from chalicelib.web.reading import Issue, absolute, language_query, moment_of

MAX_ITEMS = 30
FEEDS_SINCE = "2026-01-01"
"""The day in the tag URIs of feeds: it has to be one, and to stay (RFC 4151, 2.1)."""
WORDS = 60


def feed_of(pages: Pages, editions: EditionStore, name: str, newsletter: str = "") -> Feed:
    """The feed ``name`` (``feed.atom``) of a newsletter, or of the whole site, in the pages' language."""
    site = pages.site
    names = [newsletter] if newsletter else list(site.newsletters)
    base = f"/archive/{quote(newsletter, safe='')}" if newsletter else ""
    home = f"{base or '/'}{language_query(site, pages.language, 'lang')}"
    known = site.newsletters[newsletter].description if newsletter else site.footer
    return Feed(
        id=_tag(pages, newsletter or "all", FEEDS_SINCE),
        title=pages.title_of(newsletter) if newsletter else pages.said(site.name),
        description=pages.said(known),
        url=absolute(site, f"{base}/{name}{language_query(site, pages.language)}"),
        home=absolute(site, home),
        language=pages.language,
        author=pages.said(site.name),
        items=_distinct(pages, list(islice(_items(pages, editions, names), MAX_ITEMS))),
        others=tuple(
            (tag, absolute(site, f"{base}/{name}{language_query(site, tag)}"))
            for tag in site.languages
            if tag != pages.language
        ),
    )


def _items(pages: Pages, editions: EditionStore, newsletters: Sequence[str]) -> Iterator[Item]:
    site = pages.site
    streams = [public_issues(site, editions, name) for name in newsletters]
    for issue in merge(*streams, key=lambda issue: moment_of(site, issue), reverse=True):
        if pages.language in issue_languages(site, issue):
            yield _old(pages, issue) if isinstance(issue, ArchivedIssue) else _item(pages, editions, issue)


def _item(pages: Pages, editions: EditionStore, edition: Edition) -> Item:
    content = editions.content(edition)
    html = "".join(_texts(pages, content))
    return Item(
        **_names(pages, edition),
        title=_subject(pages, content),
        published=edition.slot_at,
        updated=max(edition.changed or edition.slot_at, edition.slot_at),
        language=pages.language,
        html=html,
        summary=excerpt(plain_text(html), WORDS),
        image=picture_of(pages.site, content, pages.language)[0],
    )


def _old(pages: Pages, issue: ArchivedIssue) -> Item:
    html = markdown_to_html(issue.body, issue.url or f"{pages.site.base_url}/media/")
    moment = moment_of(pages.site, issue)
    return Item(
        **_names(pages, issue),
        title=one_line(issue.title),
        published=moment,
        updated=moment,
        language=pages.language,
        html=html,
        summary=excerpt(plain_text(html), WORDS),
        image=first_picture(pages.site, html)[0],
    )


def _names(pages: Pages, issue: Issue) -> dict[str, str]:
    path = issue_path(issue, pages.language)
    specific = path.removeprefix("/archive/")
    return {"id": _tag(pages, specific, issue.slot[:10]), "url": absolute(pages.site, path)}


def _tag(pages: Pages, specific: str, day: str) -> str:
    """A tag URI of the sender's domain: another base_url makes nothing new."""
    return f"tag:{pages.site.sender.address.rpartition('@')[2].lower()},{day}:{specific}"


def _distinct(pages: Pages, items: list[Item]) -> tuple[Item, ...]:
    """Items of one title have their date beside it."""
    often = Counter(item.title for item in items)
    zone = pages.site.time_zone
    return tuple(
        replace(item, title=f"{item.title} ({pages.say.date(item.published.astimezone(zone))})")
        if often[item.title] > 1
        else item
        for item in items
    )


def _subject(pages: Pages, content: Content) -> str:
    """The subject as it was sent; where its template can't be used any more, the first title."""
    from chalicelib.render.renderer import render_subject
    from chalicelib.render.templates import templates_for
    from chalicelib.render.variants import variant_for

    site = pages.site
    variant = variant_for(content, site.languages, site.fallback, pages.language, None)
    known = site.newsletters[content.newsletter]
    try:
        return render_subject(site, known, content, variant, templates=templates_for(site.root)) if variant else ""
    except RenderError:
        return _words(pages, content.entries[0])[1].title if content.entries else pages.title_of(content.newsletter)


def _texts(pages: Pages, content: Content) -> Iterator[str]:
    """An edition in plain HTML: what its editors said, then each entry; one that stands alone has its whole text."""
    site = pages.site
    yield fill(mark(localize(content.intro_html, pages.language, site.fallback)), {})
    alone = len(content.entries) == 1
    if content.highlight:
        yield from _entry(pages, content, content.highlight, "h2", alone=alone)
    for section in content.sections:
        if title := one_line(localize(section.title, pages.language, site.fallback)):
            yield f"<h2>{escape(title)}</h2>"
        for entry in (*section.entries, *section.more):
            yield from _entry(pages, content, entry, "h2" if alone else "h3", alone=alone)


def _entry(pages: Pages, content: Content, entry: Entry, level: str, *, alone: bool) -> Iterator[str]:
    tag, text = _words(pages, entry)
    title, url = escape(one_line(text.title) or entry.slug), ascii_url(text.url)
    lang = f' lang="{escape(tag)}"' if tag != pages.language else ""
    named = f'<a href="{escape(url)}">{title}</a>' if url else title
    yield f"<{level}{lang}>{named}</{level}>"
    if when := _when(pages, entry):
        yield f"<p>{escape(when)}</p>"
    if alone:
        yield text.html
    elif said := one_line(text.summary) or excerpt(plain_text(text.html), WORDS):
        yield f"<p{lang}>{escape(said)}</p>"
    yield localize(content.remarks.get(entry.id, {}), pages.language, pages.site.fallback)


def _when(pages: Pages, entry: Entry) -> str:
    """When and where, and what became of it."""
    if not entry.starts:
        return ""
    ends = None if entry.kind is Kind.DEADLINE else entry.ends
    when = pages.say.span(entry.starts, ends, pages.site.time_zone, all_day=entry.all_day)
    if entry.kind is Kind.DEADLINE:
        return pages.say("mail.until", when=when)
    became = pages.say(f"mail.{entry.change}") if entry.change in {Change.CANCELLED, Change.AGAIN} else ""
    return " · ".join(filter(None, (became, when, one_line(entry.place))))


def _words(pages: Pages, entry: Entry) -> tuple[str, EntryText]:
    return entry.text(pages.language, pages.site.fallback)
