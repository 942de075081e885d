"""The archive: what was sent, as anybody may read it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import quote

from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.content.values import Site
from chalicelib.errors import NotFoundError
from chalicelib.render.text import one_line
from chalicelib.web.pages import Pages

PUBLIC = frozenset({State.SENDING, State.SENT})
PER_PAGE = 30


@dataclass(frozen=True, slots=True)
class EditionLink:
    """One line of an index. ``others`` are further languages: tag, name, link."""

    number: int
    date: str
    subject: str
    url: str
    others: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Shelf:
    """A newsletter on an index: its newest editions, and where older ones are ('' at the end)."""

    title: str
    description: str
    url: str
    editions: tuple[EditionLink, ...]
    older: str = ""


def shelf(pages: Pages, editions: EditionStore, newsletter: str, *, most: int = PER_PAGE, before: str = "") -> Shelf:
    """A newsletter's public editions, the newest first, of slots before ``before``. Raises NotFoundError."""
    known = pages.site.newsletters.get(newsletter)
    if known is None:
        raise NotFoundError("There is no such newsletter.")
    found = list(islice(_public(editions, newsletter, before), most + 1))
    url = f"{pages.prefix}/archive/{quote(newsletter, safe='')}"
    return Shelf(
        title=pages.title_of(newsletter),
        description=pages.said(known.description),
        url=url,
        editions=tuple(_link(pages, editions, edition, url) for edition in found[:most]),
        older=f"{url}?before={quote(found[most - 1].slot, safe='')}" if len(found) > most else "",
    )


def _public(editions: EditionStore, newsletter: str, before: str) -> Iterator[Edition]:
    for edition in editions.of(newsletter, newest_first=True):
        if edition.state in PUBLIC and (not before or edition.slot < before):
            yield edition


def _link(pages: Pages, editions: EditionStore, edition: Edition, shelf_url: str) -> EditionLink:
    base = f"{shelf_url}/{quote(edition.slot, safe='')}"
    others = tuple(
        (tag, pages.say.language_name(tag), f"{base}/{tag}") for tag in pages.site.languages if tag != pages.language
    )
    local = edition.slot_at.astimezone(pages.site.time_zone)
    subject = pages.said(edition.subject) or _first_title(pages, editions, edition)
    return EditionLink(edition.number, pages.say.date(local), subject, f"{base}/{pages.language}", others)


def _first_title(pages: Pages, editions: EditionStore, edition: Edition) -> str:
    """What an edition without an editor's subject begins with; '' where it holds no entry."""
    entries = editions.content(edition).entries if edition.content else ()
    return one_line(entries[0].text(pages.language, pages.site.fallback)[1].title) if entries else ""


def edition_html(site: Site, editions: EditionStore, newsletter: str, slot: str, language: str) -> str:
    """One edition as it was sent, without anything personal. Raises NotFoundError for what is not public."""
    edition = editions.get(newsletter, slot) if newsletter in site.newsletters else None
    if edition is None or edition.state not in PUBLIC or language not in site.languages:
        raise NotFoundError("There is no such edition in the archive.")
    from chalicelib.render.renderer import render_public
    from chalicelib.render.templates import templates_for
    from chalicelib.render.variants import variant_for

    content = editions.content(edition)
    variant = variant_for(content, site.languages, site.fallback, language, None)
    if variant is None:
        raise NotFoundError("The edition holds nothing for readers of all topics.")
    known = site.newsletters[newsletter]
    return render_public(site, known, content, variant, templates=templates_for(site.root)).html
