"""The time zones a form lets choose from: those of IANA's table of countries, by region, and the site's own first."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from chalicelib.audience.choices import Form, offers_zones
from chalicelib.web.choosing import Option
from chalicelib.web.forms import first
from chalicelib.web.pages import Pages

_LONGEST_SHOWN = 64


@dataclass(frozen=True, slots=True)
class Region:
    """Zones under one heading: a part of the earth."""

    title: str
    zones: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class ZoneChoice:
    """A list to choose one zone from: ``first`` stand above the regions, the site's own zone before all."""

    first: tuple[Option, ...]
    regions: tuple[Region, ...]


def zone_choice(pages: Pages, form: Form) -> ZoneChoice | None:
    """The zones with the form's chosen; None where nothing comes at each reader's own time."""
    if not offers_zones(pages.site):
        return None
    chosen = first(form, "zone")[:_LONGEST_SHOWN]
    own = pages.say("web.choose.zone_of_site", zone=_place(pages.site.time_zone.key))
    options = [Option("", own, not chosen)]
    if chosen and chosen not in _known():
        options.append(Option(chosen, _place(chosen), ticked=True))  # another name of a zone, by an import or a program
    return ZoneChoice(tuple(options), tuple(_regions(pages, chosen)))


def _regions(pages: Pages, chosen: str) -> list[Region]:
    zones: dict[str, list[Option]] = {}
    for name in _known():
        region, _, place = name.partition("/")
        zones.setdefault(region, []).append(Option(name, _place(place), name == chosen))
    named = [Region(pages.say(f"web.choose.regions.{region.lower()}"), tuple(found)) for region, found in zones.items()]
    return sorted(named, key=lambda region: region.title)


def _place(name: str) -> str:
    """``America/Argentina/Buenos_Aires`` as people read it."""
    return name.replace("_", " ").replace("/", " – ")


@cache
def _known() -> Sequence[str]:
    """The names of ``zone.tab``, in order: for each country the zones its people know, without old names."""
    lines = (files("tzdata") / "zoneinfo" / "zone.tab").read_text().splitlines()
    return sorted(line.split("\t")[2] for line in lines if line and not line.startswith("#"))
