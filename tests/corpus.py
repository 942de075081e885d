"""Where the corpus of real material lies, beside the checkout; tests over it skip where it is absent."""

from pathlib import Path

import pytest

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
POSTS = CORPUS / "scs" / "posts"
needs_corpus = pytest.mark.skipif(not POSTS.is_dir(), reason="the corpus of real posts is not beside the checkout")

SITE = """\
name: Real Posts
base_url: https://news.example.org
languages: [en, de]
time_zone: Europe/Berlin
sender:
  name: Real Posts
  address: news@example.org
postal_address: Example Association, Example Street 1, 10117 Berlin, Germany
topics:
  security:  {title: Security, match: [{category: security}, {title: '(?i)\\b(advisory|CVE-\\d{4}-\\d+)\\b'}]}
  releases:  {title: Releases, match: [{category: release}, {title: '(?i)\\brelease\\b'}]}
  gaia-x:    {title: Gaia-X, match: [{text: '(?i)\\bgaia-?x\\b'}]}
  community: {title: Community, match: [{any: true}]}
sources:
  posts:
    folder: posts
    pattern: '{language}/{section}/{date}-{slug}.md'
    url: 'https://posts.example.org/{date:%Y/%m/%d}/{slug}/'
"""
DIGEST = """\
title: Digest
schedule: {rule: FREQ=WEEKLY;INTERVAL=2;BYDAY=TH, at: '10:00', starts: 2022-01-06}
sections:
  - {title: Security, topics: [security]}
  - {title: News, rest: true}
"""
ADVISORIES = """\
title: Advisories
trigger: {topics: [security]}
template: alert
"""


def make_site(root: Path) -> Path:
    """A site whose posts are the real ones, with a digest every second Thursday and triggered advisories."""
    content = root / "content"
    (content / "newsletters").mkdir(parents=True)
    (content / "site.yaml").write_text(SITE)
    (content / "newsletters" / "digest.yaml").write_text(DIGEST)
    (content / "newsletters" / "advisories.yaml").write_text(ADVISORIES)
    (content / "posts").symlink_to(POSTS)
    return root


def make_readers(path: Path, count: int) -> Path:
    """A CSV of readers, half en and half de."""
    rows = [f"reader{n}@example.org,Reader {n},{'de' if n % 2 else 'en'}" for n in range(count)]
    path.write_text("email,name,language\n" + "\n".join(rows) + "\n")
    return path
