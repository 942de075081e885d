"""A folder of Markdown becomes entries: files of one post in several languages become one entry."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

from chalicelib.collect.entry import Entry, EntryText, Image
from chalicelib.collect.found import Found, SourceError
from chalicelib.collect.identity import entry_id, identities
from chalicelib.content.markup import markdown_to_html, one_line
from chalicelib.content.pictures import check_pictures_of_text, is_there
from chalicelib.content.posts import FolderRules, Post, path_pattern, read_post
from chalicelib.content.problems import Problems
from chalicelib.content.values import Kind, Site, Source

Group = dict[str, tuple[Post, dict[str, str]]]
"""The files of one post by language, each with what the pattern read from its path."""


def read_folder(site: Site, source: Source, now: datetime) -> Found:
    """All entries of a folder that are visible at ``now`` (future-dated posts wait); broken files are problems."""
    content = site.root / "content"
    folder = content / source.location
    if not folder.is_dir():
        raise SourceError(f"there is no folder content/{source.location}")
    problems = Problems()
    entries: list[Entry] = []
    topics: dict[str, tuple[str, ...]] = {}
    names: dict[str, Post] = {}
    for (day, slug), group in _groups(site, source, folder, problems).items():
        lead = _translations(site, group)[0][0]
        made = list(_entries(site, source, group, _slug(day, slug), now, problems))
        other = next((names[name] for entry in made for name in entry.identities if name in names), None)
        if other:
            message = f"has the same address as {other.file}; give one of them another slug or url"
            problems.error(lead.file, lead.lines.get("url", lead.lines.get("slug", 0)), "duplicate-url", message)
        elif not _waits(source, lead, now):
            names.update((name, lead) for entry in made for name in entry.identities)
            entries += made
            own = tuple(dict.fromkeys(t for post, _ in group.values() for t in post.topics))
            topics.update((entry.id, own) for entry in made)
    return Found(tuple(entries), complete=True, problems=tuple(problems.sorted()), own_topics=topics)


def _waits(source: Source, lead: Post, now: datetime) -> bool:
    """Whether a post is dated in the future. The date in an event's file name is when it takes place."""
    dated = source.entry_kind is not Kind.EVENT or "date" in lead.lines
    return dated and lead.date is not None and lead.date > now


def _slug(day: str, slug: str) -> str:
    """What editors call a post: with its date, where the pattern reads one."""
    return slug if slug.startswith(day) else f"{day}-{slug}"


def _groups(site: Site, source: Source, folder: Path, problems: Problems) -> dict[tuple[str, str], Group]:
    rules = FolderRules(
        source, site.languages, tuple(t.name for t in site.topics), site.time_zone, site.root / "content"
    )
    groups: dict[tuple[str, str], Group] = {}
    for path, values in _files(source, folder, rules.content, problems):
        post = read_post(path, values, rules, problems)
        if post is None:
            continue
        language = post.language or site.fallback
        group = groups.setdefault((values.get("date", ""), post.slug), {})
        if language in group:
            first = group[language][0].file
            message = f"same slug and language as {first}; rename one of them"
            problems.error(post.file, post.lines.get("slug", 0), "duplicate-slug", message)
        else:
            group[language] = (post, values)
    return groups


def _files(source: Source, folder: Path, content: Path, problems: Problems) -> Iterator[tuple[Path, dict[str, str]]]:
    pattern = path_pattern(source.pattern)
    for path in sorted(folder.rglob("*.md")):
        name = path.relative_to(folder).as_posix()
        match = pattern.match(name)
        if not name.isprintable():  # also what is no UTF-8 on the disk
            file = f"content/{source.location}/{name!a}"
            problems.error(file, 0, "bad-name", "the file name holds characters that can't be shown; rename it")
        elif match:
            yield path, match.groupdict()
        elif path.name.lower() not in {"readme.md", "index.md", "_index.md"}:
            file = f"content/{path.relative_to(content).as_posix()}"
            message = f"does not match the pattern '{source.pattern}' of source '{source.name}', so it is not read"
            problems.warning(file, 0, "not-in-pattern", message)


def _entries(site: Site, source: Source, group: Group, slug: str, now: datetime, problems: Problems) -> Iterator[Entry]:
    posts = _translations(site, group)
    lead = posts[0][0]
    urls = {post.language or site.fallback: _url(site, source, post, values) for post, values in posts}
    texts = {tag: _text(site, post, url) for (tag, url), (post, _) in zip(urls.items(), posts, strict=True)}
    event = source.entry_kind is Kind.EVENT
    # Many events share a page or a meeting room: an address names a post, not an event.
    names = identities(source.name, urls=() if event else tuple(urls.values()), slug=slug)
    images = [image for post, _ in posts if (image := _image(site, post))]
    for post, _ in posts:
        if not urls[post.language or site.fallback]:
            check_pictures_of_text(post.body, post.body_line, site.root / "content", post.file, problems)
    yield Entry(
        id=entry_id(names[0]),
        slug=slug,
        kind=source.entry_kind,
        source=source.name,
        texts=texts,
        first_seen=now,
        published=None if event else lead.date,
        authors=tuple(one_line(author, 100) for author in lead.authors[:50]),
        categories=_categories(post for post, _ in posts),
        image=images[0] if images else None,
        starts=lead.starts,
        ends=lead.ends,
        all_day=lead.all_day,
        place=one_line(lead.place),
        pinned=any(post.pinned for post, _ in posts),
        identities=names,
    )
    if lead.deadline_at:
        yield _deadline(source, posts, urls, slug, now)


def _categories(posts: Iterable[Post]) -> tuple[str, ...]:
    """The categories of all languages, each once, not more than a reader would ever see."""
    found = dict.fromkeys(one_line(category, 100) for post in posts for category in post.categories)
    return tuple(islice((category for category in found if category), 50))


def _text(site: Site, post: Post, url: str) -> EntryText:
    html = markdown_to_html(post.body, url or f"{site.base_url}/media/")
    return EntryText(one_line(post.title), url, html, one_line(post.summary, 2000), one_line(post.image_alt))


def _translations(site: Site, group: Group) -> list[tuple[Post, dict[str, str]]]:
    """The posts in the site's order of languages, without those that only repeat the fallback's text."""
    ordered = [group[language] for language in site.languages if language in group]
    first = ordered[0][0]
    return [ordered[0], *(pair for pair in ordered[1:] if pair[0].body.strip() != first.body.strip())]


def _deadline(
    source: Source, posts: list[tuple[Post, dict[str, str]]], urls: dict[str, str], slug: str, now: datetime
) -> Entry:
    lead = posts[0][0]
    names = identities(source.name, slug=f"{slug}#deadline")
    texts = {
        (post.language or language): EntryText(
            one_line(post.deadline_title), urls[post.language or language], "", one_line(post.title)
        )
        for language, (post, _) in zip(urls, posts, strict=True)
        if post.deadline_title
    }
    return Entry(
        id=entry_id(names[0]),
        slug=f"{slug}-deadline",
        kind=Kind.DEADLINE,
        source=source.name,
        texts=texts,
        first_seen=now,
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
    local = post.date.astimezone(site.time_zone) if post.date else None

    def fill(match: re.Match[str]) -> str:
        name, _, form = match[1].partition(":")
        if name == "date" and local:
            return local.strftime(form or "%Y-%m-%d")
        written = {"language": post.language or site.fallback, "slug": post.slug}
        return written.get(name) or values.get(name, "")

    return re.sub(r"\{([^{}]+)\}", fill, source.url)


def _image(site: Site, post: Post) -> Image | None:
    """The picture as readers load it; None where it can't be shown, which ``check_picture`` has named."""
    if urlsplit(post.image).scheme == "https":
        return Image(post.image, post.image_alt)
    if not post.image or not is_there(site.root / "content", post.image):
        return None
    return Image(f"{site.base_url}/media/{post.image.lstrip('/')}", post.image_alt)
