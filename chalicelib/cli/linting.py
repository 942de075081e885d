"""What ``check`` finds in mails before they are made: each newsletter's next edition, from what lies in the site."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from chalicelib.cli.context import scratch
from chalicelib.collect.collector import collect
from chalicelib.collect.entries import EntryStore
from chalicelib.collect.fetch import fetcher
from chalicelib.compose.companions import pairs
from chalicelib.compose.composer import Composer
from chalicelib.compose.edition import Content, EditionSection
from chalicelib.compose.schedule import Slot, latest_slot, next_slot
from chalicelib.compose.together import together
from chalicelib.content.values import Localized, Newsletter, Problem, Severity, Site
from chalicelib.errors import SendbriefError
from chalicelib.lint.editions import Linted, has_templates, lint_edition
from chalicelib.lint.live import SECONDS_EACH, dead_links
from chalicelib.lint.places import Places
from chalicelib.lint.site_templates import lint_site_templates
from chalicelib.lint.sources import files_of, links_of, lint_sources
from chalicelib.runtime import Runtime


def lint_site(runtime: Runtime, *, links: bool = False) -> list[Problem]:
    """The files and the next editions of a site; nothing is stored, and nothing fetched but ``links``."""
    site = runtime.site
    places = Places(site.root)
    editions = list(_editions(runtime, places))
    problems = _once([*lint_sources(site, places), *(problem for one in editions for problem in one.problems)])
    problems += lint_site_templates(site) if has_templates(site) else []
    return problems + (_dead(runtime, editions, places) if links else [])


def _once(problems: list[Problem]) -> list[Problem]:
    """What a file and the mails made of it have in common is told once, as an error where it is one of the mails."""
    at_lines: dict[tuple[str, int, str], Problem] = {}
    for problem in problems:
        key = (problem.file, problem.line, problem.code)
        if key not in at_lines or problem.severity is Severity.ERROR:
            at_lines[key] = problem
    return [*at_lines.values(), *(problem for problem in problems if not problem.line)]


def findings(runtime: Runtime, content: Content) -> list[Problem]:
    """What the lint says of an edition's mails, for a proof."""
    site = runtime.site
    return list(lint_edition(site, content, Places(site.root), files_of(site), {}).problems)


def _editions(runtime: Runtime, places: Places) -> Iterator[Linted]:
    site, files = runtime.site, files_of(runtime.site)
    slots = {name: _slot(newsletter, site, runtime.clock()) for name, newsletter in site.newsletters.items()}
    try:
        with scratch(runtime) as copy:
            made: list[tuple[Content, Linted]] = []
            for name, slot in sorted(slots.items(), key=lambda pair: pair[1].at):
                content, before = _composed(copy, site, site.newsletters[name], slot, runtime.clock())
                if content and (content.entries or content.intro_html):
                    made.append((content, lint_edition(site, content, places, files, before)))
    except SendbriefError:
        return  # a store that can't be read is no fault of the files; other commands name it
    yield from (linted for _, linted in made)
    known = {(problem.code, problem.message) for _, linted in made for problem in linted.problems}
    for two in pairs(site, [content for content, _ in made]):
        both = lint_edition(site, together(*two), places, files, {})
        yield Linted(tuple(problem for problem in both.problems if (problem.code, problem.message) not in known))


def _slot(newsletter: Newsletter, site: Site, now: datetime) -> Slot:
    """The slot that comes next; of a schedule that has ended the last one, of a triggered newsletter this moment."""
    schedule, zone = newsletter.schedule, site.time_zone
    slot = (next_slot(schedule, zone, now) or latest_slot(schedule, zone, now)) if schedule else None
    return slot or Slot(now, f"{now.astimezone(zone):%Y-%m-%d}")


def _composed(
    copy: Runtime, site: Site, newsletter: Newsletter, slot: Slot, now: datetime
) -> tuple[Content | None, Localized]:
    """What the edition of a slot says if nothing comes any more, and the subject of the one before it."""
    local = replace(site, sources=tuple(s for s in site.sources if "://" not in s.location))
    collect(local, copy.table, fetcher(site.root, ""), slot.at, force=True)
    composer: Composer = copy.composer
    composer.started(newsletter.name, min(now, slot.at))
    if newsletter.schedule is None:
        return _triggered(copy, newsletter, slot), {}
    earlier = (e for e in composer.editions.of(newsletter.name, newest_first=True) if e.slot < slot.name)
    before = next(earlier, None)
    return composer.draft(newsletter, slot, slot.at).content, before.subject if before else {}


def _triggered(copy: Runtime, newsletter: Newsletter, slot: Slot) -> Content | None:
    """The newest entry alone, as the newsletter would send it."""
    wanted = set(newsletter.trigger_topics)
    entries = [entry for entry in EntryStore(copy.table).since(slot.at) if wanted & set(entry.topics)]
    if not entries:
        return None
    newest = max(entries, key=lambda entry: (entry.date, entry.id))
    section = EditionSection({}, (newest,))
    return Content(newsletter.name, slot.name, slot.at, 1, newsletter.template, (section,))


def _dead(runtime: Runtime, editions: list[Linted], places: Places) -> list[Problem]:
    site = runtime.site
    urls: dict[str, tuple[str, int]] = {url: ("content/site.yaml", 0) for one in editions for url in one.urls}
    found: Mapping[str, tuple[str, int]] = links_of(site, places)
    mine = f"{site.base_url.rstrip('/')}/"
    wanted = {url: found.get(url, place) for url, place in {**urls, **found}.items() if not f"{url}/".startswith(mine)}
    fetch = fetcher(site.root, site.base_url, deadline=SECONDS_EACH, allow=runtime.settings.fetch_allow)
    return dead_links(wanted, fetch)
