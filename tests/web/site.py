"""A small site on the disk with sent editions and their mails, for the tests of the web room."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from chalicelib.audience.audience import make_member
from chalicelib.audience.subscriber import Basis
from chalicelib.clock import clock_starting_at
from chalicelib.runtime import Runtime
from chalicelib.settings import Settings

BEFORE = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
AFTER = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
SLOT = "2026-11-26"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154"
    "789c626001000000ffff03000006000557bfabd40000000049454e44ae426082"
)

SITE = """\
name: {en: Harbour Software Guild, de: Hafen-Softwaregilde}
base_url: https://letters.example.org
languages: [en, de]
time_zone: Europe/Berlin
sender: {name: {en: Harbour Guild, de: Hafengilde}, address: letters@example.org, reply_to: crew@example.org}
postal_address: Harbour Guild, Pier 1, 20457 Hamburg, Germany
imprint_url: https://example.org/imprint
privacy_url: https://example.org/privacy
footer: {en: Kept afloat by its members., de: Von den Mitgliedern getragen.}
topics:
  tools: {title: {en: Tools, de: Werkzeuge}, match: [{any: true}]}
sources:
  posts: {folder: posts, pattern: '{language}/{date}-{slug}.md', url: 'https://example.org/{slug}/'}
"""
LOG = """\
title: {en: The Harbour Log, de: Das Hafenlogbuch}
description: {en: What the guild builds. Every second Thursday., de: Was die Gilde baut. Jeden zweiten Donnerstag.}
schedule: {rule: FREQ=WEEKLY;INTERVAL=2;BYDAY=TH, at: '10:00', starts: 2026-01-08}
sections: [{title: {en: News, de: Neues}, rest: true}]
"""
ALARM = """\
title: {en: Storm Warnings, de: Sturmwarnungen}
schedule: {rule: FREQ=MONTHLY;BYMONTHDAY=1, at: '08:00', starts: 2026-01-01}
sections: [{title: {en: Warnings, de: Warnungen}, rest: true}]
"""
NOTE = """\
---
subject: {en: A new crane at the pier, de: Ein neuer Kran am Pier}
---
Dear {name|reader}, the crane is up, and it lifts.
"""
POSTS = {
    "posts/en/2026-11-20-crane.md": (
        "---\ntitle: The crane is up\nauthor: Ada Example\n"
        "image: {src: images/crane.png, alt: A crane over the quay}\n---\n"
        "It lifts **forty tonnes** and an occasional spirit. We tested it with the old server racks first.\n"
    ),
    "posts/de/2026-11-20-crane.md": (
        "---\ntitle: Der Kran steht\nauthor: Ada Example\n---\n"
        "Er hebt **vierzig Tonnen** und die Stimmung. Geprüft haben wir ihn mit den alten Serverschränken.\n"
    ),
    "posts/en/2026-11-18-buoys.md": (
        "---\ntitle: Buoys report their battery\nauthor: [Grace Example]\n---\n"
        "Every buoy now says how long it will last. The firmware is 12 KB and signed.\n"
    ),
}


def write_site(root: Path) -> Path:
    """Write the site's files below ``root``."""
    files = {
        "site.yaml": SITE,
        "newsletters/harbour-log.yaml": LOG,
        "newsletters/storm-warnings.yaml": ALARM,
        f"editions/harbour-log/{SLOT}.md": NOTE,
        **POSTS,
    }
    for name, text in files.items():
        path = root / "content" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    picture = root / "content" / "images" / "crane.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(PNG)
    return root


def runtime_at(root: Path, data: Path, moment: datetime = AFTER) -> Runtime:
    """A runtime on one machine whose clock starts at ``moment``."""
    settings = Settings(site=root, data=data, maildir=data / "maildir", secret="s" * 40)
    return Runtime(settings, clock_starting_at(moment))


def subscribe(runtime: Runtime, address: str, language: str = "en", name: str = "") -> str:
    """Make somebody a member of the log; their id."""
    member = make_member(runtime.secrets, "harbour-log", address, name, language)
    assert runtime.audience.subscribe([member], Basis.CONSENT, "a test", runtime.clock()) == ["new"]
    return member.sid


def populated(root: Path, data: Path) -> Runtime:
    """The site with three readers and one edition sent into the Maildir, seen half an hour later."""
    before = runtime_at(write_site(root), data, BEFORE)
    subscribe(before, "ada@example.org", "en", "Ada")
    subscribe(before, "bo@example.com", "de", "Bö")
    subscribe(before, "cy@example.org")
    asyncio.run(before.ticker().tick(BEFORE))
    before.close()
    runtime = runtime_at(root, data)
    report = asyncio.run(runtime.ticker().tick_and_send(AFTER, runtime.worker()))
    assert not report.troubles, report.troubles
    return runtime
