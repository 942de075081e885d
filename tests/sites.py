"""Small sites on the disk for tests of the content and collect rooms."""

from datetime import UTC, datetime
from pathlib import Path

from chalicelib.content.load import load_site
from chalicelib.content.values import Kind, Site, Source, SourceKind

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SITE = """\
name: Tests
base_url: https://news.example.org
languages: [en, de]
time_zone: Europe/Berlin
sender: {name: Tests, address: news@example.org}
postal_address: Example Street 1, Berlin
topics:
  security: {title: Security, match: [{category: security}]}
  news: {title: News, match: [{any: true}]}
"""
FOLDER = """\
sources:
  posts: {folder: posts, pattern: '{language}/{date}-{slug}.md', url: 'https://posts.example.org/{language}/{slug}/'}
"""
WEEKLY = """\
title: Weekly
schedule: {rule: FREQ=WEEKLY;BYDAY=TH, at: '10:00'}
sections: [{title: News, rest: true}]
"""


def write_site(root: Path, files: dict[str, str | bytes], *, site: str = SITE) -> Path:
    """content/site.yaml and other files below content/."""
    for name, text in {"site.yaml": site, **files}.items():
        path = root / "content" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def make_site(root: Path, files: dict[str, str | bytes] | None = None, *, site: str = SITE) -> Site:
    """A site that is in order, loaded."""
    return load_site(write_site(root, files or {}, site=site)).require()


def feed_source(name: str = "feed", location: str = "https://feeds.example.org/feed.xml") -> Source:
    return Source(name, SourceKind.FEED, location, line=7)


def calendar_source(name: str = "calendar") -> Source:
    return Source(name, SourceKind.CALENDAR, "calendar.ics", entry_kind=Kind.EVENT, line=8)


def post(title: str = "A title", body: str = "Words.", **fields: str) -> str:
    """A Markdown file."""
    lines = [f"title: {title}", *(f"{key}: {value}" for key, value in fields.items())]
    return "---\n" + "\n".join(lines) + f"\n---\n\n{body}\n"
