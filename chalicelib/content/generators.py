"""What the keys of Jekyll, Hugo, Docusaurus and Pelican mean for a newsletter: by whom, under what, where, whether.

Sources: jekyllrb.com/docs/front-matter, gohugo.io/content-management/front-matter, docusaurus.io (blog plugin),
docs.getpelican.com/en/latest/content.html.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from chalicelib.content.fields import Fields
from chalicelib.content.problems import Problems
from chalicelib.content.values import Source
from chalicelib.content.yamldoc import kind_of, parse_yaml

FOREIGN_KEYS = frozenset({
    "_build", "about", "aliases", "asset", "audio", "avatar", "bibliography", "build", "canonical", "canonical_url",
    "canonicalurl", "cascade", "classes", "comments", "cover", "css", "custom_edit_url", "disable_comments",
    "email", "excerpt_separator", "expirydate", "featured", "featured_image", "feed", "gallery", "header", "headless",
    "hidden", "hide_table_of_contents", "hideprevnext", "hidetitle", "id", "iscjklanguage", "issue", "js", "keywords",
    "last_modified_at", "last_update", "lastmod", "lasttmod", "layout", "linktitle", "locale", "markup", "math", "menu",
    "mermaid", "modified", "no_index", "noindex", "number", "outputs", "pagination_next", "pagination_prev", "params",
    "permalink", "photos", "pin", "prism", "pubdate", "publishdate", "readtime", "redirect_from", "redirect_to",
    "related", "render_with_liquid", "resources", "robots", "save_as", "searchable", "seo", "series", "share",
    "show_reading_time", "showtoc", "sidebar", "sidebar_label", "sidebar_position", "sitemap", "social_image", "status",
    "subtitle", "teaser", "template", "thumbnail", "toc", "toc_max_heading_level", "toc_min_heading_level", "tocopen",
    "translation", "translationkey", "translations", "twitter", "type", "unlisted", "unpublishdate", "updated",
    "usepagebundles", "video", "weight",
})  # fmt: skip
"""Keys that Jekyll, Hugo, Docusaurus, Pelican and their themes read, in small letters: accepted. A few have effect."""

_NAMES, _LABELS = ("name", "title", "key", "id"), ("label", "name", "title")
_PATH = re.compile(r"/[^\s:<>\"\\/][^\s:<>\"\\]*|[^\s:<>\"\\/.]+/[^\s:<>\"\\]*|[^\s:<>\"\\/]+\.html?")


@dataclass(frozen=True, slots=True)
class Named:
    """Where a post stands among its source's: what an address pattern may ask for."""

    slug: str
    language: str
    day: date | None
    others: Mapping[str, str]


def spelled(fields: Fields, *names: str) -> str:
    """The key as the file spells it, whatever its capitals (Hugo reads them alike); '' where there is none."""
    return next((key for key in fields.keys() if key.lower() in names), "")


def withheld(fields: Fields) -> bool:
    """Whether a post is not for readers: a draft, hidden, or reached by its address alone."""
    for key in ("draft", "unlisted", "headless"):
        if (name := spelled(fields, key)) and fields.flag(name):
            return True
    node = fields.node("status")
    if node and isinstance(node.value, str) and node.value.strip().lower() in {"draft", "hidden", "skip"}:
        return True
    return not fields.flag("published", default=True)


def authors(fields: Fields, folder: Path, content: Path) -> tuple[str, ...]:
    """The names of ``author`` and ``authors``: texts, mappings, or keys of the folder's authors.yml (Docusaurus)."""
    known = _known_authors(folder, content, fields.problems)
    found = [*_named(fields, "author", _NAMES), *_named(fields, "authors", _NAMES)]
    return tuple(dict.fromkeys(known.get(name, name) for name in found))


def labels(fields: Fields) -> tuple[str, ...]:
    """Categories and tags. A text is one, its parts at commas, or else also each of its words (Jekyll's way)."""
    found: list[str] = []
    for key in ("category", "categories", "tags"):
        written = list(_named(fields, key, _LABELS))
        node = fields.node(key)
        if key != "category" and node and isinstance(node.value, str):
            parts = node.value.split(",")
            written = [part.strip() for part in parts] if len(parts) > 1 else [node.value.strip(), *node.value.split()]
        found += [label for label in written if label]
    return tuple(dict.fromkeys(found))


def _named(fields: Fields, key: str, keys: tuple[str, ...]) -> Iterator[str]:
    node = fields.node(key)
    for item in (node.value if isinstance(node.value, list) else [node]) if node else ():
        if isinstance(item.value, str):
            yield item.value.strip()
        elif isinstance(item.value, dict):
            written = (item.value.get(name) for name in keys)
            name = next((found.value for found in written if found and isinstance(found.value, str)), "")
            if not name:
                message = f"{key}: a mapping needs '{keys[0]}: …'; add it"
                fields.problems.error(fields.file, item.line, "missing-key", message)
            yield str(name).strip()
        elif item.value is not None:
            message = f"{key}: expected names, found {kind_of(item)}"
            fields.problems.error(fields.file, item.line, "wrong-type", message)


def _known_authors(folder: Path, content: Path, problems: Problems) -> Mapping[str, str]:
    for name in ("authors.yml", "authors.yaml"):
        try:
            stat = (folder / name).stat()
        except OSError:
            continue
        found, trouble = _authors_file(folder / name, content, stat.st_mtime_ns, stat.st_size)
        problems.extend(trouble.sorted())
        return found
    return {}


@lru_cache(maxsize=64)
def _authors_file(path: Path, content: Path, changed: int, size: int) -> tuple[Mapping[str, str], Problems]:
    """Names by key. ``changed`` and ``size`` are the file's: another of either is another reading."""
    from chalicelib.content.frontmatter import read_text

    problems = Problems()
    file = f"content/{path.relative_to(content).as_posix()}"
    text = read_text(path, file, problems)
    node = parse_yaml(text, file, problems) if text is not None else None
    entries = node.value if node and isinstance(node.value, dict) else {}
    names = {key: child.value.get("name") for key, child in entries.items() if isinstance(child.value, dict)}
    return {key: name.value for key, name in names.items() if name and isinstance(name.value, str)}, problems


def address(fields: Fields, source: Source) -> str:
    """Where a post says that it stands: ``url`` on the web, or a path (Hugo, Pelican) or Jekyll's ``permalink`` on
    the source's host; '' where it says nothing, or only how its generator is to make the path.
    """
    url, link = fields.text("url"), fields.node("permalink")
    if re.match(r"https?://[^\s<>\"]+\Z", url):
        return url
    permalink = link.value.strip() if link and isinstance(link.value, str) else ""
    path = url or (permalink if permalink.startswith("/") and "*" not in permalink else "")
    if not path or path == "/":
        return ""
    if _PATH.fullmatch(path):
        base = origin(source)
        return f"{base}/{path.lstrip('/')}" if base else ""
    if url:
        fields.wrong("url", f"'{url}' is no web address; begin with https://")
    return ""


def origin(source: Source) -> str:
    """Scheme and host of a folder's posts; '' where the source does not say."""
    parts = urlsplit(source.url.split("{")[0]) if source.url else None
    return f"{parts.scheme}://{parts.netloc}" if parts and parts.netloc else ""


def address_in(source: Source, post: Named) -> str:
    """Where the source's ``url`` pattern has a post; '' where it has none."""

    def fill(match: re.Match[str]) -> str:
        name, _, form = match[1].partition(":")
        if name == "date" and post.day:
            return post.day.strftime(form or "%Y-%m-%d")
        return {"language": post.language, "slug": post.slug}.get(name) or post.others.get(name, "")

    return re.sub(r"\{([^{}]+)\}", fill, source.url)
