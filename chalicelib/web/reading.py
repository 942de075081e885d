"""The pages of the archive, composed: the same for those who ask a server and for a folder of files."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from urllib.parse import quote

from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.content.values import ArchivedIssue, Site
from chalicelib.render.excerpt import plain_text
from chalicelib.render.text import ascii_url
from chalicelib.web.archive import (
    issue_languages,
    issue_page,
    issue_path,
    public_content,
    public_issues,
    public_rendering,
    shelf,
)
from chalicelib.web.head import Head, Link, head_tags, with_foot, with_head
from chalicelib.web.pages import Page, Pages
from chalicelib.web.pictures import first_picture, picture_of

ATOM, JSON_FEED, CALENDAR = "application/atom+xml", "application/feed+json", "text/calendar"
Issue = Edition | ArchivedIssue


def front_page(pages: Pages, editions: EditionStore) -> Page:
    """The site's name, its newsletters, the newest issue of each."""
    shelves = [shelf(pages, editions, name, most=1) for name in pages.site.newsletters]
    title = pages.said(pages.site.name)
    return pages.page("front", shelves=shelves, head=_index_head(pages, "/", title, pages.said(pages.site.footer)))


def archive_page(pages: Pages, editions: EditionStore) -> Page:
    """All newsletters with their newest issues."""
    shelves = [shelf(pages, editions, name, most=5) for name in pages.site.newsletters]
    title = f"{pages.say('web.archive')} – {pages.said(pages.site.name)}"
    return pages.page("archive", shelves=shelves, head=_index_head(pages, "/archive", title, title))


def newsletter_page(pages: Pages, editions: EditionStore, newsletter: str, before: str = "") -> Page:
    """One newsletter's issues, those of slots before ``before``. Raises NotFoundError."""
    found = shelf(pages, editions, newsletter, before=before)
    path = f"/archive/{quote(newsletter, safe='')}"
    address = f"{path}?before={quote(before, safe='')}" if before else path
    head = _index_head(pages, address, found.title, found.description or found.title, newsletter)
    feed = f"{pages.prefix}{path}/feed"
    return pages.page("newsletter", shelf=found, feed=feed, head=head)


def edition_page(pages: Pages, editions: EditionStore, newsletter: str, slot: str) -> str:
    """An edition as it was sent, without anything personal, between its neighbours. Raises NotFoundError."""
    site = pages.site
    content = public_content(site, editions, newsletter, slot)
    rendered = public_rendering(site, content, pages.language)
    picture, alt = picture_of(site, content, pages.language)
    around = _Around(pages, editions, newsletter, slot, pages.language)
    head = Head(
        rendered.subject, rendered.preheader, around.address, pages.language, pages.said(site.name), picture, alt,
        content.slot_at, tuple(around.links()),
    )  # fmt: skip
    html = with_head(rendered.html, head_tags(head))
    return with_foot(html, pages.page("_around", around=around).html)


def old_issue_page(pages: Pages, editions: EditionStore, newsletter: str, slot: str, language: str) -> Page:
    """An issue from before the newsletter was here, between its neighbours. Raises NotFoundError."""
    issue = issue_page(pages, newsletter, slot, language)
    around = _Around(pages, editions, newsletter, slot, language)
    links = (Link("canonical", around.address), *around.links())
    head = Head(
        issue.title, plain_text(issue.html), around.address, language, pages.said(pages.site.name),
        *first_picture(pages.site, issue.html), _midnight(pages.site, slot), links,
    )  # fmt: skip
    return pages.page("issue", issue=issue, around=around, head=head_tags(head))


class _Around:
    """What stands around an issue: its address, its other languages, the issues before and after it."""

    def __init__(self, pages: Pages, editions: EditionStore, newsletter: str, slot: str, language: str) -> None:
        self.pages, self.language = pages, language
        self.title = pages.title_of(newsletter)
        self.shelf_url = f"{pages.prefix}/archive/{quote(newsletter, safe='')}"
        self.newsletter = newsletter
        self._older: Issue | None = None
        self._newer: Issue | None = None
        self._issue: Issue | None = None
        for one in public_issues(pages.site, editions, newsletter):
            if self._issue is not None:
                self._older = one
                break
            if one.slot == slot:
                self._issue = one
            else:
                self._newer = one

    @property
    def address(self) -> str:
        """The issue's own page, absolute."""
        return absolute(self.pages.site, self._path(self._issue)) if self._issue else ""

    @property
    def older(self) -> tuple[str, str] | None:
        """The link and the date of the issue before it."""
        return self._link(self._older)

    @property
    def newer(self) -> tuple[str, str] | None:
        """The link and the date of the issue after it."""
        return self._link(self._newer)

    @property
    def languages(self) -> list[tuple[str, str, str]]:
        """Its other languages: tag, own name, link."""
        pages, issue = self.pages, self._issue
        tags = issue_languages(pages.site, issue) if issue else ()
        return [
            (tag, pages.own_name(tag), pages.prefix + issue_path(issue, tag))
            for tag in tags
            if issue and tag != self.language
        ]

    def links(self) -> Iterator[Link]:
        """All this for the head."""
        site, issue = self.pages.site, self._issue
        tags = issue_languages(site, issue) if issue else ()
        if issue and len(tags) > 1:
            yield from (Link("alternate", absolute(site, issue_path(issue, tag)), tag) for tag in tags)
            yield Link("alternate", absolute(site, issue_path(issue, site.fallback)), "x-default")
        if self._older:
            yield Link("prev", absolute(site, self._path(self._older)))
        if self._newer:
            yield Link("next", absolute(site, self._path(self._newer)))
        yield Link("up", absolute(site, f"/archive/{quote(self.newsletter, safe='')}"))
        yield from feed_links(self.pages, self.newsletter)

    def _link(self, issue: Issue | None) -> tuple[str, str] | None:
        if issue is None:
            return None
        local = moment_of(self.pages.site, issue).astimezone(self.pages.site.time_zone)
        return f"{self.pages.prefix}{self._path(issue)}", self.pages.say.date(local)

    def _path(self, issue: Issue) -> str:
        tags = issue_languages(self.pages.site, issue)
        return issue_path(issue, self.language if self.language in tags else tags[0])


def moment_of(site: Site, issue: Issue) -> datetime:
    """When an issue appeared, in UTC: its slot, or the midnight that began its day."""
    return _midnight(site, issue.slot) if isinstance(issue, ArchivedIssue) else issue.dated.astimezone(UTC)


def absolute(site: Site, path: str) -> str:
    """A path below base_url as a whole URL in ASCII."""
    return ascii_url(f"{site.base_url.rstrip('/')}{path}")


def feed_links(pages: Pages, newsletter: str = "") -> Iterator[Link]:
    """The feeds of a newsletter, or those of the site and its calendar, in the page's language."""
    query = language_query(pages.site, pages.language)
    base = f"/archive/{quote(newsletter, safe='')}" if newsletter else ""
    title = pages.title_of(newsletter) if newsletter else pages.said(pages.site.name)
    for name, media_type in (("feed.atom", ATOM), ("feed.json", JSON_FEED)):
        yield Link("alternate", absolute(pages.site, f"{base}/{name}{query}"), "", media_type, title)
    if not newsletter:
        yield Link("alternate", absolute(pages.site, f"/calendar.ics{query}"), "", CALENDAR, title)


def language_query(site: Site, language: str, name: str = "language") -> str:
    """What asks for a language; the site's first needs no asking."""
    return "" if language == site.fallback else f"?{name}={quote(language, safe='')}"


def _index_head(pages: Pages, path: str, title: str, description: str, newsletter: str = "") -> str:
    site, joint = pages.site, "&" if "?" in path else "?"

    def address(tag: str) -> str:
        return absolute(site, path + language_query(site, tag, "lang").replace("?", joint))

    links = [Link("canonical", address(pages.language))]
    if len(site.languages) > 1:
        links += [Link("alternate", address(tag), tag) for tag in site.languages]
        links.append(Link("alternate", address(site.fallback), "x-default"))
    head = Head(
        title, description or title, address(pages.language), pages.language, pages.said(site.name),
        *first_picture(site, ""), None, (*links, *feed_links(pages, newsletter)),
    )  # fmt: skip
    return head_tags(head)


def _midnight(site: Site, slot: str) -> datetime:
    return datetime.combine(date.fromisoformat(slot[:10]), time(), site.time_zone).astimezone(UTC)
