"""The harbour's site with events, old issues and a sent edition, for all that shows the archive to others."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from chalicelib.runtime import Runtime
from tests.web.site import AFTER, BEFORE, SITE, runtime_at, subscribe, write_site

EVENTS = (
    "  events: {folder: events, pattern: '{language}/{slug}.md', kind: event, url: 'https://example.org/{slug}/'}\n"
)
FIRST = datetime(2026, 11, 12, 9, 30, tzinfo=UTC)
FILES = {
    "newsletters/harbour-log.yaml": (
        "title: {en: The Harbour Log, de: Das Hafenlogbuch}\n"
        "description: {en: What the guild builds., de: Was die Gilde baut.}\n"
        "schedule: {rule: FREQ=WEEKLY;INTERVAL=2;BYDAY=TH, at: '10:00', starts: 2026-01-08}\n"
        "calendar: publish\nhighlight: latest\n"
        "sections:\n  - {title: {en: Dates, de: Termine}, kind: event}\n"
        "  - {title: {en: Calls, de: Fristen}, kind: deadline}\n"
        "  - {title: {en: 'News & <more>', de: Neues}, rest: true}\n"
    ),
    "events/en/launch.md": "---\ntitle: 'Launch; the boat, at last'\ndate: 2026-11-01\nstarts: 2026-12-03 19:00\n"
    "ends: 2026-12-03 21:00\nplace: Pier 1\n---\nBring a rope.\n",
    "events/de/launch.md": "---\ntitle: Stapellauf\ndate: 2026-11-01\nstarts: 2026-12-03 19:00\n"
    "ends: 2026-12-03 21:00\nplace: Pier 1\n---\nBringt ein Tau mit.\n",
    "events/en/open-day.md": "---\ntitle: Open day\ndate: 2026-11-20\nstarts: 2026-12-05\n"
    "ends: 2026-12-06\n---\nAll welcome.\n",
    "events/en/long-ago.md": "---\ntitle: Long ago\ndate: 2026-01-01\nstarts: 2026-08-05 10:00\n---\nWas.\n",
    "posts/en/2026-11-10-ropes.md": "---\ntitle: Ropes & knots\n---\nA <b>whole</b> text on ropes.\n",
    "archive/harbour-log/2019-05-02-old.md": "---\ntitle: 'Old <b>news</b>'\nnumber: 41\nlanguage: en\n"
    "url: https://old.example.org/41/\n---\n# First\n\nWords of then.\n",
    "archive/harbour-log/2019-05-09.md": "---\ntitle: Alte Neuigkeiten\nlanguage: de\n---\nWorte von damals.\n",
}


def write_harbour(root: Path) -> Path:
    """The site's files."""
    write_site(root)
    (root / "content" / "site.yaml").write_text(SITE + EVENTS)
    for name, text in FILES.items():
        path = root / "content" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def harbour(root: Path, data: Path) -> Runtime:
    """The site with two readers and two editions sent, half an hour after the second."""
    write_harbour(root)
    for moment in (datetime(2026, 11, 10, 10, tzinfo=UTC), FIRST, BEFORE):
        runtime = runtime_at(root, data, moment)
        if moment < FIRST:
            subscribe(runtime, "ada@example.org", "en", "Ada")
            subscribe(runtime, "bo@example.com", "de", "Bö")
        report = asyncio.run(runtime.ticker().tick_and_send(moment, runtime.worker()))
        assert not report.troubles, report.troubles
        runtime.close()
    runtime = runtime_at(root, data)
    report = asyncio.run(runtime.ticker().tick_and_send(AFTER, runtime.worker()))
    assert not report.troubles, report.troubles
    return runtime
