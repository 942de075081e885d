"""A small site and its editions, made in code, for the tests of the render room."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from chalicelib.collect.entry import Entry, EntryText, Image
from chalicelib.compose.edition import Content, EditionSection
from chalicelib.content.values import Kind, Newsletter, Sender, Site, Theme

SLOT_AT = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
NEWSLETTER = Newsletter("digest", {"en": "Community Digest", "de": "Neues aus der Gemeinschaft"})


def site(root: Path = Path("nowhere"), **changes: object) -> Site:
    values: dict[str, object] = {
        "root": root,
        "name": {"*": "Open Example Cloud"},
        "base_url": "https://news.example.org",
        "languages": ("en", "de"),
        "time_zone": ZoneInfo("Europe/Berlin"),
        "sender": Sender(
            {"en": "Open Example Cloud", "de": "Offene Beispiel-Wölke"}, "news@example.org", "team@example.org"
        ),
        "postal_address": {"*": "Open Example e. V.\nBeispielstraße 1\n10115 Berlin, Germany"},
        "imprint_url": "https://example.org/imprint",
        "privacy_url": "https://example.org/privacy",
        "footer": {
            "en": "Funded by the members of the association.",
            "de": "Getragen von den Mitgliedern des Vereins.",
        },
        "newsletters": {"digest": NEWSLETTER},
        "theme": Theme(),
    }
    return Site(**(values | changes))  # type: ignore[arg-type]


def entry(number: int, *, kind: Kind = Kind.POST, **changes: object) -> Entry:
    url = f"https://example.org/{number}"
    values: dict[str, object] = {
        "id": f"{number:012x}",
        "slug": f"entry-{number}",
        "kind": kind,
        "source": "blog",
        "texts": {
            "en": EntryText(
                f"Title {number}", url, f"<p>First sentence of {number}. Second <a href='{url}/x'>one</a>.</p>"
            ),
            "de": EntryText(f"Überschrift {number}", url + "/de", f"<p>Erster Satz von {number}. Zweiter Satz.</p>"),
        },
        "first_seen": SLOT_AT - timedelta(days=number + 1),
        "authors": ("Ada Example",),
        "topics": ("news",) if number % 2 else ("security", "news"),
    }
    return Entry(**(values | changes))  # type: ignore[arg-type]


def content(*entries: Entry, **changes: object) -> Content:
    values: dict[str, object] = {
        "newsletter": "digest",
        "slot": "2026-11-26",
        "slot_at": SLOT_AT,
        "number": 12,
        "template": "digest",
        "sections": (EditionSection({"en": "News", "de": "Neuigkeiten"}, entries),) if entries else (),
    }
    return Content(**(values | changes))  # type: ignore[arg-type]


PICTURE = Image("https://example.org/picture.png", "A rack of servers")
