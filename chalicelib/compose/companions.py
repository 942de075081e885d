"""Which newsletters may share a mail (`merge: true`), and which of their editions would. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import takewhile

from chalicelib.compose.edition import Content
from chalicelib.compose.schedule import Slot, slots_from
from chalicelib.content.problems import Problems
from chalicelib.content.values import CalendarUse, Newsletter, Site

AHEAD = timedelta(days=2 * 366)
"""How far it is looked for a slot of two newsletters: a rule of a month and one of a week meet within months."""


def merges(newsletter: Newsletter | None) -> bool:
    """Whether a newsletter's editions may share a mail: what has a calendar file or goes out at once may not."""
    return newsletter is not None and (
        newsletter.merge and newsletter.schedule is not None and newsletter.calendar is CalendarUse.NONE
    )


def merging(site: Site) -> list[Newsletter]:
    """The newsletters of a site that may share a mail, by name."""
    return [site.newsletters[name] for name in sorted(site.newsletters) if merges(site.newsletters[name])]


def pairs(site: Site, contents: Iterable[Content]) -> list[tuple[Content, Content]]:
    """Of editions that go out at their slots those that share a mail, each pair with the host first.

    At one time the newsletter whose name comes first hosts; of three the third goes by itself. What goes out late, or
    is held, may be paired otherwise (deliver/pairing.py).
    """
    together: dict[tuple[datetime, bool], list[Content]] = defaultdict(list)
    for content in contents:
        newsletter = site.newsletters.get(content.newsletter)
        if newsletter and newsletter.schedule and merges(newsletter) and not content.gathering:
            together[content.slot_at, newsletter.schedule.reader].append(content)
    ordered = (sorted(group, key=lambda one: one.newsletter) for group in together.values())
    return [(group[place - 1], group[place]) for group in ordered for place in range(1, len(group), 2)]


def check_merging(site: Site, now: datetime, problems: Problems) -> None:
    """Warn of a newsletter that says `merge: true` and can't share a mail with any other."""
    if not all(one.schedule or one.trigger_topics for one in site.newsletters.values()):
        return  # a file is broken, which is named there: it may be the other one's
    known = merging(site)
    for one in known:
        others = [other for other in known if other is not one]
        if not others:
            message = (
                "no other newsletter that can be merged has 'merge: true', so this one never shares a mail: write it "
                "in the other one's file too, or leave it out"
            )
            problems.warning(one.file, one.merge_line, "merge-alone", message)
        elif not any(_meet(one, other, site, now) for other in others):
            problems.warning(one.file, one.merge_line, "merge-apart", _apart(one, others, site, now))


def _apart(one: Newsletter, others: list[Newsletter], site: Site, now: datetime) -> str:
    names = " or ".join(f"'{other.name}'" for other in others)
    message = f"in two years no edition goes out at the same time as one of {names}, so this one never shares a mail"
    near = next((other for other in others if _meet(one, other, site, now, days=True)), None)
    if near and near.schedule and one.schedule:
        mine, theirs = (_at(newsletter) for newsletter in (one, near))
        return f"{message}; '{near.name}' has days of it at '{theirs}', not '{mine}': write the same 'at' in both"
    return f"{message}: give their rules a day that both have, or leave 'merge' out"


def _at(newsletter: Newsletter) -> str:
    """When it goes out, as the file says it."""
    schedule = newsletter.schedule
    return f"{'reader ' if schedule.reader else ''}{schedule.at:%H:%M}" if schedule else ""


def _meet(one: Newsletter, other: Newsletter, site: Site, now: datetime, *, days: bool = False) -> bool:
    """Whether two newsletters have a slot of one moment, or at least (``days``) of one local day."""
    mine, theirs = (_slots(newsletter, site, now) for newsletter in (one, other))
    if days:
        names = {slot.name for slot in mine}
        return any(slot.name in names for slot in theirs)
    moments = {(slot.at, slot.read) for slot in mine}
    return any((slot.at, slot.read) in moments for slot in theirs)


def _slots(newsletter: Newsletter, site: Site, now: datetime) -> Iterator[Slot]:
    if newsletter.schedule is None:
        return iter(())
    slots = slots_from(newsletter.schedule, site.time_zone, now)
    return takewhile(lambda slot: slot.at <= now + AHEAD, slots)
