"""Reading content/newsletters/*.yaml."""

import re
from dataclasses import replace
from datetime import datetime, time, timedelta

from dateutil.rrule import rrulestr

from chalicelib.content.fields import Fields
from chalicelib.content.frontmatter import read_text
from chalicelib.content.moments import parse_moment, parse_time
from chalicelib.content.problems import Problems, did_you_mean
from chalicelib.content.segment_reading import read_segment
from chalicelib.content.values import (
    Approval,
    CalendarUse,
    Kind,
    Layout,
    Newsletter,
    Schedule,
    Section,
    Shape,
    Show,
    Site,
)
from chalicelib.content.yamldoc import parse_yaml

_NAME = re.compile(r"^[a-z0-9][a-z0-9-]{0,63}$")
_RULE = re.compile(r"[A-Z]+=[A-Z0-9,+-]+(?:;[A-Z]+=[A-Z0-9,+-]+)*\Z")
_CADENCES = ("every", "monthly")
_USUAL_TIME = time(10)


def read_newsletters(site: Site, problems: Problems, templates: tuple[str, ...]) -> tuple[dict[str, Newsletter], bool]:
    """All newsletters by name, as far as they can be read, and whether all of them may be used."""
    found = Problems()
    newsletters: dict[str, Newsletter] = {}
    folder = site.root / "content" / "newsletters"
    for path in sorted(folder.glob("*.y*ml")) if folder.is_dir() else []:
        file = f"content/newsletters/{path.name}"
        text = read_text(path, file, found)
        node = parse_yaml(text, file, found) if text is not None else None
        if not _NAME.match(path.stem):
            found.error(file, 0, "bad-name", "a newsletter's file name is small letters, digits and hyphens")
        if path.stem in newsletters:
            found.error(file, 0, "duplicate-name", f"same name as {newsletters[path.stem].file}; rename one of them")
        elif node:
            newsletters[path.stem] = _newsletter(path.stem, Fields(node, file, found), site, templates)
    problems.extend(found.sorted())
    return newsletters, not found.errors


def _newsletter(name: str, fields: Fields, site: Site, templates: tuple[str, ...]) -> Newsletter:
    topics = tuple(topic.name for topic in site.topics)
    schedule, trigger = _schedule(fields, site), _trigger(fields, topics)
    if (schedule is None) == (not trigger):
        fields.problems.error(
            fields.file, fields.line, "bad-schedule", "a newsletter needs either 'schedule' or 'trigger'"
        )
    chosen = fields.text("topics", "all") if _is_text(fields, "topics") else fields.texts("topics")
    template = fields.choice("template", templates, "alert" if trigger else "digest")
    newsletter = Newsletter(
        name=name,
        title=fields.localized("title", required=True, languages=site.languages),
        schedule=schedule,
        trigger_topics=trigger,
        sections=tuple(_section(section, site, topics) for section in fields.each("sections")),
        topics=None if chosen == "all" else _known(fields, "topics", chosen, topics),
        template=template,
        approval=Approval(fields.choice("approval", [str(a) for a in Approval], "none")),
        draft_before=_span(fields, "draft_before", timedelta(hours=48)),
        hold_if_late=_span(fields, "hold_if_late", timedelta(hours=6)),
        skip_if_empty=fields.choice("if_empty", ["skip", "send"], "skip") == "skip",
        cadences=_cadences(fields),
        highlight=fields.parsed("highlight", _highlight, ""),
        description=fields.localized("description", languages=site.languages),
        calendar=_calendar(fields, template, scheduled=schedule is not None),
        segment=read_segment(fields, "segment", site),
        quiet=fields.flag("quiet", default=True),
        merge=fields.flag("merge"),
        merge_line=fields.line_of("merge"),
        file=fields.file,
    )
    _look_at_merging(newsletter, fields)
    fields.finish(("schedule", "trigger"))
    return newsletter if newsletter.sections else replace(newsletter, sections=(Section({}, rest=True),))


def _calendar(fields: Fields, template: str, *, scheduled: bool) -> CalendarUse:
    usual = CalendarUse.PUBLISH if template == "event" else CalendarUse.NONE
    use = CalendarUse(fields.choice("calendar", [str(use) for use in CalendarUse], usual))
    if use is CalendarUse.INVITE and scheduled:
        message = "an invitation is for one event: an edition that holds several offers them to be added instead"
        fields.problems.warning(fields.file, fields.line_of("calendar"), "invite-several", message)
    return use


def _look_at_merging(newsletter: Newsletter, fields: Fields) -> None:
    if not newsletter.merge or (newsletter.schedule and newsletter.calendar is CalendarUse.NONE):
        return
    if not (newsletter.schedule or newsletter.trigger_topics):
        return  # that is named
    why = "a mail with a calendar file" if newsletter.schedule else "what goes out at once"
    message = f"{why} is never merged with another newsletter's; leave 'merge' out"
    fields.problems.warning(fields.file, fields.line_of("merge"), "never-merged", message)


def _span(fields: Fields, key: str, default: timedelta) -> timedelta:
    span = fields.span(key)
    return default if span is None else span


def _is_text(fields: Fields, key: str) -> bool:
    node = fields.node(key)
    return node is None or isinstance(node.value, str)


def _known(fields: Fields, key: str, chosen: str | tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    names = (chosen,) if isinstance(chosen, str) else chosen
    for topic in names:
        if topic not in known:
            fields.wrong(key, f"topic '{topic}' is unknown; {did_you_mean(topic, known)}", "unknown-topic")
    return names


def _cadences(fields: Fields) -> tuple[str, ...]:
    cadences = fields.texts("cadences") or ("every",)
    for cadence in cadences:
        if cadence not in _CADENCES:
            fields.wrong("cadences", f"'{cadence}' is unknown; {did_you_mean(cadence, _CADENCES)}", "unknown-value")
    return cadences


def _highlight(text: str) -> str:
    """The rule of a highlight. Raises ValueError."""
    words = text.split()
    if words[:1] != ["latest"] or len(words) > 2:
        raise ValueError(f"'{text}' is no rule; write 'latest', or 'latest release' with a topic or category")
    return " ".join(words)


def _layout(fields: Fields) -> Layout:
    shape = fields.choice("shape", [str(shape) for shape in Shape if shape], "") if "shape" in fields else ""
    return Layout(
        show=Show(fields.choice("show", [str(show) for show in Show], str(Show.SUMMARY))),
        words=fields.parsed("words", _words, 0),
        pictures=fields.flag("pictures"),
        shape=Shape(shape),
    )


def _words(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,2}", text):
        raise ValueError(f"'{text}' is no number of words; write one from 1 to 999")
    return int(text)


def _schedule(fields: Fields, site: Site) -> Schedule | None:
    sub = fields.sub("schedule")
    if sub is None:
        return None
    rule = sub.parsed("rule", _rule, "", required=True)
    at, reader = sub.parsed("at", _at, (_USUAL_TIME, False))
    text = sub.text("starts")
    starts = datetime(2000, 1, 1)  # noqa: DTZ001 (a local date, given its zone with each slot)
    if text:
        try:
            starts = parse_moment(text, site.time_zone)[0].astimezone(site.time_zone).replace(tzinfo=None)
        except ValueError as error:
            sub.wrong("starts", str(error), "bad-date")
    elif "INTERVAL" in rule:
        sub.wrong("rule", "a rule with INTERVAL needs 'starts: 2026-01-08' to count from", "missing-key")
    sub.finish()
    return Schedule(rule, at, starts, reader) if rule else None


def _at(text: str) -> tuple[time, bool]:
    """A local time of day, and whether it counts in each reader's own zone. Raises ValueError."""
    word, _, rest = text.partition(" ")
    if word != "reader":
        return parse_time(text), False
    return parse_time(rest) if rest else _USUAL_TIME, True


def _rule(text: str) -> str:
    """A rule of dates in capitals, checked to be one that comes to an end of its search. Raises ValueError."""
    rule = text.strip().upper().removeprefix("RRULE:").strip(";")
    if not _RULE.match(rule) or not re.search(r"\bFREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(;|\Z)", rule):
        raise ValueError(f"'{text}' is no rule like FREQ=WEEKLY;BYDAY=TH; FREQ is DAILY, WEEKLY, MONTHLY or YEARLY")
    if re.search(r"\bBY(HOUR|MINUTE|SECOND)=", rule):
        raise ValueError(f"'{text}' holds a time of day; write it as 'at: 10:00' instead")
    if re.search(r"\bINTERVAL=[+-]?0*(;|\Z)", rule) or re.search(r"\b(INTERVAL|COUNT)=-", rule):
        raise ValueError(f"'{text}' has an INTERVAL or COUNT below 1")
    try:
        dates = rrulestr(re.sub(r"(\A|;)UNTIL=[^;]*", "", rule).strip(";"), dtstart=datetime(2000, 1, 1))  # noqa: DTZ001
        first = next(iter(dates), None)
        rrulestr(re.sub(r"(UNTIL=\d{8})T\d{6}Z", r"\1T000000", rule), dtstart=datetime(2000, 1, 1))  # noqa: DTZ001
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise ValueError(f"'{text}' is no RFC 5545 rule: {error}") from None
    if first is None:
        raise ValueError(f"'{text}' gives no date at all")
    return rule


def _trigger(fields: Fields, topics: tuple[str, ...]) -> tuple[str, ...]:
    sub = fields.sub("trigger")
    if sub is None:
        return ()
    sub.node("topics", required=True)
    chosen = _known(sub, "topics", sub.texts("topics"), topics)
    sub.finish()
    return chosen


def _section(fields: Fields, site: Site, topics: tuple[str, ...]) -> Section:
    kind = fields.choice("kind", [str(kind) for kind in Kind], "post") if "kind" in fields else None
    section = Section(
        title=fields.localized("title", languages=site.languages),
        topics=_known(fields, "topics", fields.texts("topics"), topics),
        kind=Kind(kind) if kind else None,
        within=fields.span("within"),
        rest=fields.flag("rest"),
        remind=fields.flag("remind", default=kind == Kind.DEADLINE),
        layout=_layout(fields),
    )
    if not (section.topics or section.kind or section.rest):
        message = "a section needs topics, kind or 'rest: true', else nothing can stand in it"
        fields.problems.error(fields.file, fields.line, "empty-section", message)
    fields.finish(("kind", "shape"))
    return section
