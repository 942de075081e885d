"""A folder of Markdown becomes entries: what lies there, what of it may be seen now, and no work done twice."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

from chalicelib.collect.entry import Entry
from chalicelib.collect.folder_entries import Group, Made, make_entries
from chalicelib.collect.found import Found, SourceError
from chalicelib.content.frontmatter import ENDINGS
from chalicelib.content.posts import FolderRules, Post, path_pattern, read_post
from chalicelib.content.problems import Problems
from chalicelib.content.values import Kind, Problem, Site, Source

MOST_REMEMBERED = 16
State = tuple[tuple[str, int, int], ...]
"""Path, time of the last change and size of every file."""


@dataclass(frozen=True, slots=True)
class _Read:
    """All that lies in a folder, whenever it may be seen, and what is wrong with it."""

    made: tuple[Made, ...]
    problems: tuple[Problem, ...]
    posts: tuple[tuple[Post, ...], ...] = ()
    """The files that each of ``made`` was made of."""


@dataclass(frozen=True, slots=True)
class Written:
    """What editors wrote of one thing: its files, and the entries they became."""

    posts: tuple[Post, ...]
    entries: tuple[Entry, ...]


def read_folder(site: Site, source: Source, now: datetime) -> Found:
    """All entries of a folder that are visible at ``now``; broken files are problems.

    Posts of the future wait, and those whose time has run out are gone.
    """
    folder = site.root / "content" / source.location
    if not folder.is_dir():
        raise SourceError(f"there is no folder content/{source.location}")
    read, problems = _remembered(site, source, folder), Problems()
    problems.extend(read.problems)
    entries: list[Entry] = []
    topics: dict[str, tuple[str, ...]] = {}
    names: dict[str, Post] = {}
    for made in read.made:
        lead = made.lead
        other = next((names[name] for entry in made.entries for name in entry.identities if name in names), None)
        if other:
            message = f"has the same address as {other.file}; give one of them another slug or url"
            problems.error(lead.file, lead.lines.get("url", lead.lines.get("slug", 0)), "duplicate-url", message)
        elif not _waits(source, lead, now) and not (lead.expires and lead.expires <= now):
            names.update((name, lead) for entry in made.entries for name in entry.identities)
            entries += (replace(entry, first_seen=now) for entry in made.entries)
            topics.update((entry.id, made.topics) for entry in made.entries)
    return Found(tuple(entries), complete=True, problems=tuple(problems.sorted()), own_topics=topics)


def written(site: Site, source: Source) -> list[Written]:
    """All that lies in a folder, whenever it may be seen; nothing where there is no such folder."""
    folder = site.root / "content" / source.location
    if not folder.is_dir():
        return []
    read = _remembered(site, source, folder)
    return [Written(posts, made.entries) for posts, made in zip(read.posts, read.made, strict=True)]


def _waits(source: Source, lead: Post, now: datetime) -> bool:
    """Whether a post is dated in the future. The date in an event's file name is when it takes place."""
    dated = source.entry_kind is not Kind.EVENT or "date" in lead.lines
    return dated and lead.date is not None and lead.date > now


_kept: OrderedDict[tuple[Any, ...], tuple[State, _Read]] = OrderedDict()
_lock = Lock()


def _remembered(site: Site, source: Source, folder: Path) -> _Read:
    """What was read of the folder before, if no file of the site's content has changed since.

    A tick every minute, or the hundred of a simulation, would else read and render the same files again and again.
    """
    topics = tuple(topic.name for topic in site.topics)
    key = (str(folder), source, site.base_url, site.languages, site.time_zone.key, topics)
    state = _state(site.root / "content", folder)
    with _lock:
        kept = _kept.get(key)
    if kept is None or kept[0] != state:
        kept = (state, _read(site, source, folder))
    with _lock:
        _kept[key] = kept
        _kept.move_to_end(key)
        while len(_kept) > MOST_REMEMBERED:
            _kept.popitem(last=False)
    return kept[1]


def _state(*folders: Path) -> State:
    """Pictures count too, since a missing one is a problem of the post that shows it."""
    return tuple(_state_of(path) for folder in folders for path in sorted(folder.rglob("*")))


def _state_of(path: Path) -> tuple[str, int, int]:
    try:
        found = path.stat()
    except OSError:  # gone this moment, or a link that leads nowhere
        return str(path), 0, 0
    return str(path), found.st_mtime_ns, found.st_size


def _read(site: Site, source: Source, folder: Path) -> _Read:
    problems = Problems()
    groups = _groups(site, source, folder, problems)
    made = tuple(make_entries(site, source, group, _slug(*name), problems) for name, group in groups.items())
    posts = tuple(tuple(post for post, _ in group.values()) for group in groups.values())
    return _Read(made, tuple(problems.sorted()), posts)


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
    for path in sorted(path for path in folder.rglob("*.*") if path.suffix.lower() in ENDINGS):
        name = path.relative_to(folder).as_posix()
        match = pattern.match(name)
        if not name.isprintable():  # also what is no UTF-8 on the disk
            file = f"content/{source.location}/{name!a}"
            problems.error(file, 0, "bad-name", "the file name holds characters that can't be shown; rename it")
        elif match:
            yield path, match.groupdict()
        elif path.stem.lower() not in {"readme", "index", "_index"}:
            file = f"content/{path.relative_to(content).as_posix()}"
            message = f"does not match the pattern '{source.pattern}' of source '{source.name}', so it is not read"
            problems.warning(file, 0, "not-in-pattern", message)
