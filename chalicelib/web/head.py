"""What stands in the head of a public page for those who pass it on: Open Graph, other languages, feeds, neighbours."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from chalicelib.render.text import cut, one_line

MAX_DESCRIPTION = 300


@dataclass(frozen=True, slots=True)
class Link:
    """A ``<link>``: its relation, an absolute URL, and where it has them its language, media type and title."""

    rel: str
    url: str
    language: str = ""
    media_type: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """A page as others show it. URLs are absolute, texts plain; ``published`` makes it an article of that moment."""

    title: str
    description: str
    url: str
    language: str
    site_name: str
    image: str = ""
    image_alt: str = ""
    published: datetime | None = None
    links: tuple[Link, ...] = ()


def head_tags(head: Head) -> Markup:
    """The tags, each on a line. Values are escaped."""
    return Markup("").join([*map(_link, head.links), *(_meta(name, value) for name, value in _values(head) if value)])


def _values(head: Head) -> Iterator[tuple[str, str]]:
    description = cut(one_line(head.description), MAX_DESCRIPTION)
    yield "description", description
    yield "og:type", "article" if head.published else "website"
    yield "og:site_name", head.site_name
    yield "og:title", head.title
    yield "og:description", description
    yield "og:url", head.url
    yield "og:locale", head.language.replace("-", "_")
    for link in head.links:
        if link.rel == "alternate" and link.language not in {"", "x-default", head.language} and not link.media_type:
            yield "og:locale:alternate", link.language.replace("-", "_")
    yield "article:published_time", head.published.isoformat() if head.published else ""
    yield "og:image", head.image
    yield "og:image:alt", head.image_alt if head.image else ""
    yield "twitter:card", "summary_large_image" if head.image else "summary"
    yield "twitter:title", head.title
    yield "twitter:description", description
    yield "twitter:image", head.image
    yield "twitter:image:alt", head.image_alt if head.image else ""


def _meta(name: str, value: str) -> Markup:
    key = "property" if name.startswith(("og:", "article:")) else "name"
    return Markup('<meta {}="{}" content="{}">\n').format(Markup(key), name, value)  # noqa: S704 (one of two words)


def _link(link: Link) -> Markup:
    given = (("hreflang", link.language), ("type", link.media_type), ("title", link.title))
    more = Markup("").join(Markup(' {}="{}"').format(Markup(key), value) for key, value in given if value)  # noqa: S704
    return Markup('<link rel="{}"{} href="{}">\n').format(link.rel, more, link.url)


def with_head(html: str, tags: str) -> str:
    """A finished page with further tags at the end of its head."""
    before, end, after = html.partition("</head>")
    return f"{before}{tags}{end}{after}" if end else html


def with_foot(html: str, part: str) -> str:
    """A finished page with a further part at the end of its body."""
    before, end, after = html.rpartition("</body>")
    return f"{before}{part}{end}{after}" if end else html
