"""Posts and events as editors write them: one Markdown file in one language becomes one Post."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from chalicelib.content.fields import LANGUAGE_TAG, Fields
from chalicelib.content.filling import filled, known_of
from chalicelib.content.frontmatter import ENDINGS, MarkdownFile, read_markdown
from chalicelib.content.generators import (
    FOREIGN_KEYS,
    Named,
    address,
    address_in,
    authors,
    labels,
    spelled,
    withheld,
)
from chalicelib.content.moments import parse_moment
from chalicelib.content.pictures import check_picture
from chalicelib.content.problems import Problems, did_you_mean, nearest
from chalicelib.content.shortcodes import one_line_without_shortcodes
from chalicelib.content.teaser import parted
from chalicelib.content.values import Kind, Shape, Source

KNOWN_KEYS = (
    "author", "authors", "categories", "category", "date", "deadline", "description", "draft", "ends",
    "excerpt", "facts", "image", "lang", "language", "pinned", "place", "published", "shape", "slug", "starts",
    "summary", "tags", "title", "topics", "url",
)  # fmt: skip

MAX_FACTS = 8


@dataclass(frozen=True, slots=True)
class Post:
    """One file. ``date`` and ``starts`` are aware, UTC; ``image`` is the path or URL as written.

    Where only dates were written, ``ends`` is the midnight after the last day (RFC 5545, 3.6.1), and a deadline
    of ``deadline_all_day`` lasts to the end of the day that begins at ``deadline_at``. From ``expires`` on (Hugo's
    expiryDate) it is no longer offered.
    """

    file: str
    slug: str
    title: str
    body: str
    body_line: int
    language: str | None = None
    date: datetime | None = None
    url: str = ""
    summary: str = ""
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    image: str = ""
    image_alt: str = ""
    starts: datetime | None = None
    ends: datetime | None = None
    all_day: bool = False
    place: str = ""
    pinned: bool = False
    shape: Shape = Shape.USUAL
    facts: tuple[tuple[str, str], ...] = ()
    expires: datetime | None = None
    deadline_title: str = ""
    deadline_at: datetime | None = None
    deadline_all_day: bool = False
    lines: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FolderRules:
    """What a folder's files are read by: the source, the site's languages, topics and zone."""

    source: Source
    languages: tuple[str, ...]
    topics: tuple[str, ...]
    zone: ZoneInfo
    content: Path


def path_pattern(pattern: str) -> re.Pattern[str]:
    """A pattern like ``{language}/{date}-{slug}.md`` as a regular expression. Raises ValueError.

    One that ends with .md takes all endings of Markdown: Docusaurus keeps .md and .mdx side by side.
    """
    parts = re.split(r"\{(\w+)\}", pattern)
    names = parts[1::2]
    if not all(name.isidentifier() and name.isascii() for name in names):
        raise ValueError(f"pattern '{pattern}' has a name that is no word")
    if "slug" not in names or len(set(names)) != len(names):
        raise ValueError(f"pattern '{pattern}' needs {{slug}}, and each name once")
    shapes = {"date": r"\d{4}-\d{2}-\d{2}", "language": r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]+)*"}
    groups = [f"(?P<{name}>{shapes.get(name, '[^/]+')})" for name in names]
    literals = [re.escape(part) for part in parts[0::2]]
    if literals[-1].endswith(r"\.md"):
        literals[-1] = literals[-1].removesuffix(r"\.md") + f"(?:{'|'.join(map(re.escape, ENDINGS))})"
    return re.compile("".join(a + b for a, b in zip(literals, [*groups, ""], strict=True)) + r"\Z")


def read_post(path: Path, values: dict[str, str], rules: FolderRules, problems: Problems) -> Post | None:
    """One file as a Post, or None after reporting why it can't go out.

    ``values`` are what the pattern read from the path; front matter wins over them.
    """
    file = f"content/{path.relative_to(rules.content).as_posix()}"
    found = Problems()
    markdown = read_markdown(path, file, found)
    post = _read_fields(markdown, file, values, rules) if markdown else None
    broken = bool(found.errors)
    if post and markdown:
        broken = not _finish(markdown.fields, rules, found) or broken
    problems.extend(found.sorted())
    return None if broken else post


def _read_fields(markdown: MarkdownFile, file: str, values: dict[str, str], rules: FolderRules) -> Post | None:
    fields = markdown.fields
    if withheld(fields):
        fields.finish((*KNOWN_KEYS, *fields.keys()))
        return None
    image, alt = _image(fields)
    check_picture(image, alt, rules.content, file, fields.line_of("image"), fields.problems)
    post = Post(
        file=file,
        slug=fields.text("slug").strip("/") or values.get("slug", path_stem(file)),
        title=one_line_without_shortcodes(fields.text("title", required=True)),
        body=markdown.body,
        body_line=markdown.body_line,
        language=_language(fields, values, rules),
        date=_date(fields, values, rules.zone),
        url=address(fields, rules.source),
        summary=fields.text("summary") or fields.text("description") or fields.text("excerpt"),
        authors=authors(fields, rules.content / rules.source.location, rules.content),
        categories=labels(fields),
        topics=_topics(fields, rules.topics),
        image=image,
        image_alt=alt,
        place=fields.text("place"),
        pinned=fields.flag("pinned"),
        shape=_shape(fields),
        facts=_facts(fields),
        expires=_first_moment(fields, ("expirydate", "unpublishdate"), rules.zone),
        lines={key: fields.line_of(key) for key in fields.keys()},
    )
    return _with_times(_filled(post, fields, values, rules), fields, rules)


def _filled(post: Post, fields: Fields, values: dict[str, str], rules: FolderRules) -> Post:
    """The post with what its shortcodes ask of itself, and the text above its "more" as summary."""
    day = post.date.astimezone(rules.zone).date() if post.date else None
    own = Named(post.slug, post.language or rules.languages[0], day, values)
    known = known_of(fields, rules.source, own, post.url or address_in(rules.source, own))
    body, lead = parted(filled(post.body, known), fields.text("excerpt_separator"))
    return replace(post, body=body, summary=one_line_without_shortcodes(post.summary) or lead)


def path_stem(file: str) -> str:
    """A file's name without folders and ending."""
    return Path(file).stem


def _language(fields: Fields, values: dict[str, str], rules: FolderRules) -> str | None:
    key = "language" if "language" in fields else "lang"
    written = fields.text("language") or fields.text("lang")
    language = written or values.get("language") or rules.source.language
    if language and (language not in rules.languages or not LANGUAGE_TAG.match(language)):
        message = f"language '{language}' is not one of the site's; {did_you_mean(language, rules.languages)}"
        fields.problems.error(fields.file, fields.line_of(key), "unknown-language", message)
    return language


def _date(fields: Fields, values: dict[str, str], zone: ZoneInfo) -> datetime | None:
    """When it is there for readers: Hugo's publishDate, the date, or the date of the file's name."""
    if published := _first_moment(fields, ("publishdate", "pubdate"), zone):
        return published
    moment = _moment(fields, "date", zone)
    if moment is None and "date" in values:
        try:
            return parse_moment(values["date"], zone)[0]
        except ValueError as error:
            fields.problems.error(fields.file, 0, "bad-date", f"file name: {error}")
    return moment[0] if moment else None


def _first_moment(fields: Fields, names: tuple[str, ...], zone: ZoneInfo) -> datetime | None:
    moment = _moment(fields, key, zone) if (key := spelled(fields, *names)) else None
    return moment[0] if moment else None


def _moment(fields: Fields, key: str, zone: ZoneInfo) -> tuple[datetime, bool] | None:
    text = fields.text(key)
    if not text:
        return None
    try:
        return parse_moment(text, zone)
    except ValueError as error:
        fields.wrong(key, str(error), "bad-date")
        return None


def _image(fields: Fields) -> tuple[str, str]:
    node = fields.node("image")
    if node is None or not isinstance(node.value, dict):
        images = fields.texts("image")
        return (images[0] if images else ""), ""
    image = fields.sub("image")
    if image is None:
        return "", ""
    src, alt = image.text("src", required=True), image.text("alt")
    image.finish(("src", "alt"))
    return src, alt


def _shape(fields: Fields) -> Shape:
    return (
        Shape(fields.choice("shape", [str(shape) for shape in Shape if shape], ""))
        if "shape" in fields
        else Shape.USUAL
    )


def _facts(fields: Fields) -> tuple[tuple[str, str], ...]:
    """What readers want at a glance, in the order written: label and text, such as Severity, Where, Apply by."""
    facts = fields.sub("facts")
    if facts is None:
        return ()
    return tuple((label, text) for label in list(facts.keys())[:MAX_FACTS] if (text := facts.text(label)))


def _topics(fields: Fields, known: Iterable[str]) -> tuple[str, ...]:
    topics, names = fields.texts("topics", split=True), tuple(known)
    for topic in topics:
        if topic not in names:
            fields.wrong("topics", f"topic '{topic}' is unknown; {did_you_mean(topic, names)}", "unknown-topic")
    return topics


def _with_times(post: Post, fields: Fields, rules: FolderRules) -> Post:
    starts, ends = _moment(fields, "starts", rules.zone), _moment(fields, "ends", rules.zone)
    if rules.source.entry_kind is Kind.EVENT and starts is None and "starts" not in fields:
        fields.problems.error(fields.file, fields.line, "missing-key", "an event needs 'starts: …'; add it")
    if starts and ends and ends[0] < starts[0]:
        fields.wrong("ends", "ends before it starts", "bad-date")
    deadline = fields.sub("deadline")
    title, due = "", None
    if deadline:
        title, due = deadline.text("title", required=True), _moment(deadline, "at", rules.zone)
        if due is None and "at" not in deadline:
            deadline.wrong("at", "a deadline needs 'at: …'", "missing-key")
        deadline.finish(("title", "at"))
    return replace(
        post,
        starts=starts[0] if starts else None,
        ends=_end(*ends, rules.zone) if ends else None,
        all_day=bool(starts and starts[1]),
        deadline_title=title,
        deadline_at=due[0] if due else None,
        deadline_all_day=bool(due and due[1]),
    )


def _end(moment: datetime, whole_day: bool, zone: ZoneInfo) -> datetime:
    """The last day that an editor names belongs to the event: it ends with the next local midnight."""
    return (moment.astimezone(zone) + timedelta(days=1)).astimezone(UTC) if whole_day else moment


def _finish(fields: Fields, rules: FolderRules, found: Problems) -> bool:
    """Report unknown keys; False where one looks misspelt, so that the post is not what its editor meant."""
    usable = not found.errors
    accepted = FOREIGN_KEYS | set(rules.source.ignore_keys) | set(KNOWN_KEYS)
    for key in fields.keys():
        if key in accepted or key.lower() in accepted - set(KNOWN_KEYS):
            continue
        near = nearest(key, KNOWN_KEYS)
        advice = (
            f"did you mean '{near}'? Left out until mended"
            if near
            else "remove it, or list it in the source's ignore_keys"
        )
        found.error(fields.file, fields.line_of(key), "unknown-key", f"unknown key '{key}'; {advice}")
        usable = usable and near is None
    return usable
