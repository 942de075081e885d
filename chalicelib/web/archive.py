"""The archive: what was sent, and issues from before the newsletter was here, as anybody may read them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import quote

from markupsafe import Markup

from chalicelib.compose.edition import Content, State
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.content.archives import issue_of
from chalicelib.content.markup import markdown_to_html
from chalicelib.content.values import ArchivedIssue, Site
from chalicelib.errors import NotFoundError
from chalicelib.render.text import one_line
from chalicelib.web.pages import Pages

if TYPE_CHECKING:
    from chalicelib.render.rendered import Rendered

PUBLIC = frozenset({State.SENDING, State.SENT})
PER_PAGE = 30


@dataclass(frozen=True, slots=True)
class EditionLink:
    """One line of an index. ``others`` are further languages: tag, name, link. ``number`` 0: it has none.

    ``language`` is that of the subject, where it may not be the page's.
    """

    number: int
    date: str
    subject: str
    url: str
    others: tuple[tuple[str, str, str], ...] = ()
    language: str = ""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A newsletter on an index: its newest editions, and where older ones are ('' at the end)."""

    title: str
    description: str
    url: str
    editions: tuple[EditionLink, ...]
    older: str = ""
    name: str = ""


def shelf(pages: Pages, editions: EditionStore, newsletter: str, *, most: int = PER_PAGE, before: str = "") -> Shelf:
    """A newsletter's public editions, the newest first, of slots before ``before``. Raises NotFoundError."""
    known = pages.site.newsletters.get(newsletter)
    if known is None:
        raise NotFoundError("There is no such newsletter.")
    found = list(islice(public_issues(pages.site, editions, newsletter, before), most + 1))
    url = f"{pages.prefix}/archive/{quote(newsletter, safe='')}"
    return Shelf(
        title=pages.title_of(newsletter),
        description=pages.said(known.description),
        url=url,
        editions=tuple(
            _issue_link(pages, one, url) if isinstance(one, ArchivedIssue) else _link(pages, editions, one, url)
            for one in found[:most]
        ),
        older=f"{url}?before={quote(found[most - 1].slot, safe='')}" if len(found) > most else "",
        name=newsletter,
    )


def public_issues(
    site: Site, editions: EditionStore, newsletter: str, before: str = ""
) -> Iterator[Edition | ArchivedIssue]:
    """What anybody may read of a newsletter, the newest first: editions, and issues from before it was here.

    Where an edition has the slot of such an issue, it alone counts.
    """
    kept = sorted(
        (issue for issue in site.archive if issue.newsletter == newsletter and (not before or issue.slot < before)),
        key=lambda issue: issue.slot,
        reverse=True,
    )
    streams: tuple[Iterable[Edition | ArchivedIssue], ...] = (_public(editions, newsletter, before), kept)
    last = ""
    for one in merge(*streams, key=lambda one: one.slot, reverse=True):
        if one.slot != last:
            yield one
        last = one.slot


def issue_languages(site: Site, issue: Edition | ArchivedIssue) -> tuple[str, ...]:
    """The languages in which an issue has a page."""
    return (issue.language or site.fallback,) if isinstance(issue, ArchivedIssue) else site.languages


def issue_path(issue: Edition | ArchivedIssue, language: str) -> str:
    """Where an issue's page is, below base_url: ``/archive/<newsletter>/<slot>/<language>``."""
    return "/archive/" + "/".join(quote(part, safe="") for part in (issue.newsletter, issue.slot, language))


def _public(editions: EditionStore, newsletter: str, before: str) -> Iterator[Edition]:
    for edition in editions.of(newsletter, newest_first=True):
        if edition.state in PUBLIC and not edition.gathering and (not before or edition.slot < before):
            yield edition


def _issue_link(pages: Pages, issue: ArchivedIssue, shelf_url: str) -> EditionLink:
    language = issue.language or pages.site.fallback
    url = f"{shelf_url}/{quote(issue.slot, safe='')}/{quote(language, safe='')}"
    foreign = language if language != pages.language else ""
    return EditionLink(issue.number, _day(pages, issue), one_line(issue.title), url, (), foreign)


def _day(pages: Pages, issue: ArchivedIssue) -> str:
    return pages.say.date(datetime.combine(date.fromisoformat(issue.slot[:10]), time(), pages.site.time_zone))


def _link(pages: Pages, editions: EditionStore, edition: Edition, shelf_url: str) -> EditionLink:
    base = f"{shelf_url}/{quote(edition.slot, safe='')}"
    others = tuple(
        (tag, pages.say.language_name(tag), f"{base}/{tag}") for tag in pages.site.languages if tag != pages.language
    )
    local = edition.dated.astimezone(pages.site.time_zone)
    subject = pages.said(edition.subject) or _first_title(pages, editions, edition)
    return EditionLink(edition.number, pages.say.date(local), subject, f"{base}/{pages.language}", others)


def _first_title(pages: Pages, editions: EditionStore, edition: Edition) -> str:
    """What an edition without an editor's subject begins with; '' where it holds no entry."""
    entries = editions.content(edition).entries if edition.content else ()
    return one_line(entries[0].text(pages.language, pages.site.fallback)[1].title) if entries else ""


def public_content(site: Site, editions: EditionStore, newsletter: str, slot: str) -> Content:
    """What a public edition says. Raises NotFoundError for what is not public."""
    edition = editions.get(newsletter, slot) if newsletter in site.newsletters else None
    if edition is None or edition.state not in PUBLIC:
        raise NotFoundError("There is no such edition in the archive.")
    return editions.content(edition)


def public_rendering(site: Site, content: Content, language: str) -> "Rendered":
    """An edition as it was sent, without anything personal. Raises NotFoundError where it is not in that language."""
    from chalicelib.render.renderer import render_public
    from chalicelib.render.templates import templates_for
    from chalicelib.render.variants import variant_for

    variant = variant_for(content, site.languages, site.fallback, language, None)
    if variant is None or language not in site.languages:
        raise NotFoundError("The edition holds nothing for readers of all topics, or not in this language.")
    known = site.newsletters[content.newsletter]
    return render_public(site, known, content, variant, templates=templates_for(site.root))


@dataclass(frozen=True, slots=True)
class IssuePage:
    """An issue from before the newsletter was here. ``html`` is sanitised; ``original`` is where it stood, or ''."""

    title: str
    newsletter: str
    shelf_url: str
    number: int
    date: str
    language: str
    html: Markup
    original: str


def issue_page(pages: Pages, newsletter: str, slot: str, language: str) -> IssuePage:
    """One issue in the language it is in. Raises NotFoundError."""
    issue = issue_of(pages.site, newsletter, slot) if newsletter in pages.site.newsletters else None
    if issue is None or language != (issue.language or pages.site.fallback):
        raise NotFoundError("There is no such edition in the archive.")
    html = markdown_to_html(issue.body, issue.url or f"{pages.site.base_url}/media/")
    return IssuePage(
        title=one_line(issue.title),
        newsletter=pages.title_of(newsletter),
        shelf_url=f"{pages.prefix}/archive/{quote(newsletter, safe='')}",
        number=issue.number,
        date=_day(pages, issue),
        language=language,
        html=Markup(_one_level_down(html)),  # noqa: S704 (sanitised above)
        original=issue.url,
    )


def _one_level_down(html: str) -> str:
    """Headings below the page's own: the first rank of the text's comes to be h2."""
    ranks = [int(rank) for rank in re.findall(r"<h([1-6])>", html)]
    shift = 2 - min(ranks, default=2)
    return re.sub(r"(</?h)([1-6])>", lambda m: f"{m[1]}{min(6, max(2, int(m[2]) + shift))}>", html) if shift else html
