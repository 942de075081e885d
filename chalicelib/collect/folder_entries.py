"""The files of one post in several languages become one entry, and one more for its deadline. Pure but for pictures."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from urllib.parse import urlsplit

from chalicelib.collect.entry import Entry, EntryText, Image
from chalicelib.collect.identity import entry_id, identities
from chalicelib.collect.languages import misfiled, same_text
from chalicelib.collect.repair import repaired
from chalicelib.content.generators import Named, address_in
from chalicelib.content.markup import markdown_to_html, one_line
from chalicelib.content.pictures import at_home, check_pictures_of_text, is_there
from chalicelib.content.posts import Post
from chalicelib.content.problems import Problems
from chalicelib.content.values import Kind, Shape, Site, Source

Group = dict[str, tuple[Post, dict[str, str]]]
"""The files of one post by the language they are filed under, each with what the pattern read from its path."""
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""When entries made here were first seen: whoever reads them knows better."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a group became: its leading post, the entries, and the topics that all its files name."""

    lead: Post
    entries: tuple[Entry, ...]
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Version:
    """A post in the language it is really in, and where that stands on the web ('' where nowhere)."""

    language: str
    post: Post
    url: str


def make_entries(site: Site, source: Source, group: Group, slug: str, problems: Problems) -> Made:
    """The entries of a group, as first seen NEVER; pictures that are missing are reported."""
    versions = _versions(site, source, group)
    topics = tuple(dict.fromkeys(topic for post, _ in group.values() for topic in post.topics))
    return Made(versions[0].post, tuple(_entries(site, source, group, versions, slug, problems)), topics)


def _entries(
    site: Site, source: Source, group: Group, versions: list[_Version], slug: str, problems: Problems
) -> Iterator[Entry]:
    lead = versions[0].post
    event = source.entry_kind is Kind.EVENT
    # Many events share a page or a meeting room: an address names a post, not an event.
    urls = [v.url for v in versions] + [_url(site, source, post, values) for post, values in group.values()]
    names = identities(source.name, urls=() if event else tuple(urls), slug=slug)
    images = [image for version in versions if (image := _image(site, version.post))]
    for version in versions:
        if not version.url:
            post = version.post
            check_pictures_of_text(post.body, post.body_line, site.root / "content", post.file, problems)
    yield Entry(
        id=entry_id(names[0]),
        slug=slug,
        kind=source.entry_kind,
        source=source.name,
        texts={version.language: _text(site, version) for version in versions},
        first_seen=NEVER,
        published=None if event else lead.date,
        authors=tuple(one_line(author, 100) for author in lead.authors[:50]),
        categories=_categories(version.post for version in versions),
        image=images[0] if images else None,
        starts=lead.starts,
        ends=lead.ends,
        all_day=lead.all_day,
        place=one_line(lead.place),
        pinned=any(version.post.pinned for version in versions),
        shape=next((version.post.shape for version in versions if version.post.shape), Shape.USUAL),
        identities=names,
    )
    if due := [version for version in versions if version.post.deadline_at]:
        yield _deadline(source, due, slug)


def _categories(posts: Iterable[Post]) -> tuple[str, ...]:
    """The categories of all languages, each once, not more than a reader would ever see."""
    found = dict.fromkeys(one_line(category, 100) for post in posts for category in post.categories)
    return tuple(islice((category for category in found if category), 50))


def _text(site: Site, version: _Version) -> EntryText:
    post, url = version.post, version.url
    page = url or f"{site.base_url}/media/"
    html = at_home(markdown_to_html(post.body, page), post.body, site.root / "content", site.base_url, page)
    title, summary, alt = (repaired(text) for text in (post.title, post.summary, post.image_alt))
    facts = tuple((one_line(repaired(label), 60), one_line(repaired(text))) for label, text in post.facts)
    return EntryText(one_line(title), url, html, one_line(summary, 2000), one_line(alt), facts)


def _versions(site: Site, source: Source, group: Group) -> list[_Version]:
    """A post in the languages it is really in, in the site's order of languages.

    A copy of another language's text is no translation, nor is a text that is filed under a language it is not in,
    unless its front matter says that language.
    """
    found: dict[str, _Version] = {}
    judged = [(alike, _real_language(site, source, group, alike)) for alike in _alike(site, group)]
    for alike, tag in sorted(judged, key=lambda pair: pair[1] not in pair[0]):  # rightly filed ones first
        post, values = group[tag if tag in alike else alike[0]]
        found.setdefault(tag, _Version(tag, post, _url(site, source, post, values)))
    return [found[tag] for tag in site.languages if tag in found]


def _alike(site: Site, group: Group) -> list[list[str]]:
    """The languages a post is filed under; those that hold the same text stand together."""
    sets: list[list[str]] = []
    for tag in (tag for tag in site.languages if tag in group):
        body = group[tag][0].body
        same = next((tags for tags in sets if same_text(body, group[tags[0]][0].body)), None)
        if same is None:
            sets.append([tag])
        else:
            same.append(tag)
    return sets


def _real_language(site: Site, source: Source, group: Group, alike: list[str]) -> str:
    """What a person said in the front matter or of the whole source counts, but a path only where the text agrees."""
    post, values = group[alike[0]]
    said = {"language", "lang"} & set(post.lines) or (source.language and "language" not in values)
    if said and len(alike) == 1:
        return alike[0]
    return misfiled(post.body, alike[0], site.languages) or alike[0]


def _deadline(source: Source, versions: list[_Version], slug: str) -> Entry:
    """The deadline as the first language says it that has one, worded in all that have."""
    lead = versions[0].post
    names = identities(source.name, slug=f"{slug}#deadline")
    texts = {
        v.language: EntryText(one_line(repaired(v.post.deadline_title)), v.url, "", one_line(repaired(v.post.title)))
        for v in versions
    }
    return Entry(
        id=entry_id(names[0]),
        slug=f"{slug}-deadline",
        kind=Kind.DEADLINE,
        source=source.name,
        texts=texts,
        first_seen=NEVER,
        categories=_categories([lead]),
        starts=lead.deadline_at,
        all_day=lead.deadline_all_day,
        identities=names,
    )


def _url(site: Site, source: Source, post: Post, values: dict[str, str]) -> str:
    if post.url:
        return post.url
    if not source.url:
        return post.place if post.place.startswith("https://") else ""
    day = post.date.astimezone(site.time_zone) if post.date else None
    return address_in(source, Named(post.slug, post.language or site.fallback, day, values))


def _image(site: Site, post: Post) -> Image | None:
    """The picture as readers load it; None where it can't be shown, which ``check_picture`` has named."""
    if urlsplit(post.image).scheme == "https":
        return Image(post.image, post.image_alt)
    if not post.image or not is_there(site.root / "content", post.image):
        return None
    return Image(f"{site.base_url}/media/{post.image.lstrip('/')}", post.image_alt)
