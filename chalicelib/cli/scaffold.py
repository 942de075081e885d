"""`sendbrief new`: a site from nothing, and new posts, events, edition notes and newsletters in it."""

import re
from datetime import datetime, timedelta
from pathlib import Path

from chalicelib.audience.address import clean_name
from chalicelib.collect.identity import slugify
from chalicelib.compose.schedule import is_slot, next_slot
from chalicelib.content.load import load_site
from chalicelib.content.problems import did_you_mean
from chalicelib.content.values import Schedule, Site, SourceKind
from chalicelib.errors import UsageError

KINDS = ("site", "post", "event", "edition", "newsletter")
_SITE = """\
# Who sends. Fill in every line marked with <-, then run: sendbrief check
name: Example Community                     # <-
base_url: https://news.example.org          # <- where the public pages and the archive live
languages: [en]                             # the first is the fallback; add more like [en, de]
time_zone: Europe/Berlin                    # <-
sender:
  name: Example Community                   # <-
  address: news@example.org                 # <-
editors: []                                 # <- get the proofs before an edition goes out
postal_address: Example Association, Example Street 1, 12345 Example Town   # <- stands in every mail
topics:                                     # readers choose from these; an entry has each whose rule matches
  releases:  {title: Releases, match: [{category: release}, {title: '(?i)\\brelease\\b'}]}
  events:    {title: Events, match: [{kind: event}]}
  community: {title: Community, match: [{any: true}]}
sources:
  posts:                                    # Markdown in content/posts
    folder: posts
    pattern: '{date}-{slug}.md'
    url: 'https://www.example.org/blog/{date:%Y/%m/%d}/{slug}/'   # <- where a post stands on your site
  events:                                   # Markdown in content/events
    folder: events
    pattern: '{date}-{slug}.md'
    url: 'https://www.example.org/events/{date:%Y/%m/%d}/{slug}/'   # <- where an event stands on your site
    kind: event
# blog:                                     # a feed: RSS, Atom or JSON Feed
#   feed: https://www.example.org/feed.xml
"""
_NEWSLETTER = """\
title: {title}
schedule: {{rule: FREQ=WEEKLY;BYDAY=TH, at: '10:00'}}    # RFC 5545; every Thursday at ten
draft_before: 48h                           # composed then; a proof goes to the editors
approval: none                              # none: goes out unless held. editors: waits for an approval
if_empty: skip
sections:
  - {{title: Coming up, kind: event, within: 28d}}
  - {{title: News, rest: true}}
"""
_POST = """\
---
title: "{title}"
author: [Your name]
category: news
---
Write here, in Markdown.
"""
_EVENT = """\
---
title: "{title}"
starts: {day} 18:00
ends: {day} 20:00
place: https://meet.example.org/room
---
What will happen, and for whom.
"""
_NOTE = """\
---
subject: ''                                 # empty: made from the first entry's title
highlight: ''                               # an entry's slug, id or URL
exclude: []
order: []
---
A few words before the entries.
"""


def make(what: str, name: str, root: Path) -> list[Path]:
    """Write the files of a new thing; the paths written. Raises UsageError; overwrites nothing."""
    if what not in KINDS:
        raise UsageError(f"'{what}' can't be made; {did_you_mean(what, KINDS)}.")
    if what == "site":
        return _write(root, {
            "content/site.yaml": _SITE,
            "content/newsletters/digest.yaml": _NEWSLETTER.format(title=_yaml(name) or "Community Digest"),
            f"content/posts/{_today()}-hello.md": _POST.format(title="Hello, readers"),
            f"content/events/{_day(14)}-meeting.md": _EVENT.format(title="Our next meeting", day=_day(14)),
        })  # fmt: skip
    site = load_site(root).require()
    if not name:
        raise UsageError(f"A new {what} needs a name.", f"Write it like: sendbrief new {what} 'Its title'.")
    makers = {"post": _post, "event": _event, "edition": _edition, "newsletter": _newsletter}
    return _write(root, makers[what](site, name))


def _post(site: Site, title: str) -> dict[str, str]:
    return {_place(site, title, event=False): _POST.format(title=_quoted(title))}


def _event(site: Site, title: str) -> dict[str, str]:
    return {_place(site, title, event=True): _EVENT.format(title=_quoted(title), day=_day(14))}


def _place(site: Site, title: str, *, event: bool) -> str:
    """Where a new file belongs by the pattern of the site's first folder of that kind."""
    for source in site.sources:
        if source.kind is SourceKind.FOLDER and (source.entry_kind == "event") == event:
            slug = slugify(title)
            if not slug:
                raise UsageError(f"No file name can be made of '{title}'.", "Write the file by hand.")
            values = {"{date}": _day(14) if event else _today(), "{slug}": slug, "{language}": site.fallback}
            path = source.pattern
            for placeholder, value in values.items():
                path = path.replace(placeholder, value)
            if "{" in path:
                raise UsageError(
                    f"The pattern '{source.pattern}' asks for more than a title.", "Write the file by hand."
                )
            return f"content/{source.location}/{path}"
    kind = "event" if event else "post"
    raise UsageError(f"The site has no folder for a new {kind}.", "Add one under sources in content/site.yaml.")


def _edition(site: Site, name: str) -> dict[str, str]:
    newsletter, _, slot = name.partition("/")
    known = site.newsletters.get(newsletter)
    if known is None or known.schedule is None:
        scheduled = [n for n, value in site.newsletters.items() if value.schedule]
        raise UsageError(f"'{newsletter}' is no scheduled newsletter; {did_you_mean(newsletter, scheduled)}.")
    coming = next_slot(known.schedule, site.time_zone, datetime.now().astimezone())
    if not slot and coming is None:
        raise UsageError(f"{newsletter} has no slot to come.", "Its rule has ended; change it.")
    next_name = coming.name if coming else ""
    if slot and not (re.fullmatch(r"\d{4}-\d{2}-\d{2}", slot) and _is_slot(known.schedule, site, slot)):
        raise UsageError(f"{newsletter} has no slot '{slot}'.", f"Its next slot is {next_name}." if next_name else "")
    return {f"content/editions/{newsletter}/{slot or next_name}.md": _NOTE}


def _is_slot(schedule: Schedule, site: Site, name: str) -> bool:
    try:
        return is_slot(schedule, site.time_zone, name)
    except ValueError:  # no such day
        return False


def _newsletter(site: Site, title: str) -> dict[str, str]:
    if not slugify(title):
        raise UsageError(f"No file name can be made of '{title}'.", "Write the file by hand.")
    return {f"content/newsletters/{slugify(title)}.yaml": _NEWSLETTER.format(title=_yaml(title))}


def _write(root: Path, files: dict[str, str]) -> list[Path]:
    there = [name for name in files if (root / name).exists()]
    if there:
        raise UsageError(f"{there[0]} is there already.", "Nothing was written; choose another name or folder.")
    try:
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"{root} can't be written to: {error.strerror}.") from None
    return [root / name for name in files]


def _today() -> str:
    return f"{datetime.now().astimezone():%Y-%m-%d}"


def _day(days: int) -> str:
    return f"{datetime.now().astimezone() + timedelta(days=days):%Y-%m-%d}"


def _quoted(title: str) -> str:
    """Text for between double quotes in YAML: one line, nothing that YAML can't hold."""
    return clean_name(title).replace("\\", "\\\\").replace('"', '\\"')


def _yaml(title: str) -> str:
    return f'"{_quoted(title)}"' if title else ""
