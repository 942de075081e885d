"""Entries in the words of one language: what a template shows of each. Pure."""

import re
from collections.abc import Hashable, Sequence
from dataclasses import replace
from datetime import datetime
from html import unescape
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from chalicelib.collect.entry import Change, Entry, EntryText
from chalicelib.compose.edition import Content, EditionSection
from chalicelib.content.values import Kind, Layout, Shape, Show, Site, localize
from chalicelib.render.excerpt import excerpt, plain_text
from chalicelib.render.html import mail_html
from chalicelib.render.look import ALERTS, Look
from chalicelib.render.messages import Catalogue
from chalicelib.render.rendered import event_url
from chalicelib.render.templates import Html
from chalicelib.render.text import ascii_url, cut, direction, one_line
from chalicelib.render.views import DatesView, Density, ItemView, SectionView

FULL_ITEMS = 12
"""Articles beyond this many are listed by title only, so that a long edition stays quick to scan."""
EXCERPT_WORDS = 40
HIGHLIGHT_WORDS = 70
MAX_TITLE = 200
MAX_ANSWERS = 8
MAX_FACTS = 20
MAX_WORDS = 300
"""Characters of what is said at a glance: a fact, a place, what a picture shows."""
MAX_WHOLE = 120_000
"""Characters of HTML. No mail holds more, and what is longer is a summary everywhere."""
_LIST = re.compile(r"<[uo]l\b")
_ANSWER = re.compile(r'<li[^<>]*>\s*(?:<p[^<>]*>)?<a href="([^"<>]*)"[^<>]*>([^<>]+)</a>')


class Wording:
    """Puts entries into the words of one language."""

    def __init__(
        self, site: Site, catalogue: Catalogue, language: str, slot_at: datetime, content: Content | None = None
    ) -> None:
        self.site = site
        self.content = content
        self.made: dict[Hashable, str] = {}
        """What templates made of its items; those live as long as this does, so that their ids are theirs alone."""
        self._items: dict[tuple[str, int, Layout | None, bool], ItemView] = {}
        parts = [part for part in (content.guest, content) if part] if content else []
        self.reminders = frozenset(name for part in parts for name in part.reminders)
        self.remarks = {name: said for part in parts for name, said in part.remarks.items()}
        self.say = catalogue
        self.language = language
        self.zone: ZoneInfo = site.time_zone
        self.slot_at = slot_at
        self.look = Look(site.theme, tuple((kind, catalogue(f"mail.alerts.{kind}")) for kind in ALERTS))

    def item(self, entry: Entry, *, words: int = 0, layout: Layout | None = None, full: bool = False) -> ItemView:
        """An entry in the reader's language, or in the one it has, marked. Each is worded once."""
        key = (entry.id, words, layout, full)
        if key not in self._items:
            self._items[key] = self._worded(entry, words, layout or Layout(), full=full)
        return self._items[key]

    def _worded(self, entry: Entry, words: int, layout: Layout, *, full: bool) -> ItemView:
        tag, text = entry.text(self.language, self.site.fallback)
        whole, summary = len(text.html) <= MAX_WHOLE, one_line(text.summary[:MAX_WHOLE])
        shape = entry.shape or layout.shape
        html, answers = _poll(text.html[:MAX_WHOLE]) if shape is Shape.POLL else (text.html[:MAX_WHOLE], ())
        image = entry.image if entry.image and ascii_url(entry.image.src).startswith("https://") else None
        remark = localize(self.remarks.get(entry.id, {}), self.language, self.site.fallback)
        return ItemView(
            kind=str(entry.kind),
            shape=str(shape),
            title=_short(text.title, MAX_TITLE) or cut(entry.slug, MAX_TITLE),
            url=ascii_url(text.url),
            language=tag,
            direction=direction(tag),
            mark=self._mark(tag),
            meta=self._meta(entry, text),
            excerpt=excerpt(summary or plain_text(html), words or layout.words or EXCERPT_WORDS),
            source_html=html if whole else "",
            full=full,
            picture=layout.pictures and image is not None,
            image_src=ascii_url(image.src) if image else "",
            image_alt=_short(text.image_alt or image.alt) if image else "",
            facts=tuple((_short(label), _short(fact)) for label, fact in text.facts[:MAX_FACTS]),
            answers=answers,
            dates=self._dates(entry),
            remark_source=remark,
            styled=lambda html, rank: Html(mail_html(html, self.look, base_level=rank)),
        )

    def _mark(self, tag: str) -> str:
        foreign = tag.split("-")[0] != self.language.split("-")[0]
        return self.say("mail.in_language", language=self.say.language_name(tag)) if foreign else ""

    def _dates(self, entry: Entry) -> DatesView:
        local = entry.starts.astimezone(self.zone) if entry.starts else None
        return DatesView(
            day=str(local.day) if local else "",
            month=self.say.month(local) if local else "",
            when=self._when(entry),
            place=_short(entry.place),
            left=self._left(entry),
            calendar_url=event_url(self.site, entry) if local and entry.change is not Change.CANCELLED else "",
            cancelled=entry.change is Change.CANCELLED,
            again=entry.change is Change.AGAIN,
        )

    def _meta(self, entry: Entry, text: EntryText) -> str:
        host = urlsplit(ascii_url(text.url)).hostname or ""
        said = [] if host and host in entry.place else [host.removeprefix("www.")]
        if entry.kind is Kind.POST:
            authors = [_short(author, 60) for author in entry.authors[:3]]
            said.append(self.enumeration(authors))
            said.append(self.say.date(entry.date.astimezone(self.zone), year=self._old(entry)))
        return " · ".join(filter(None, said))

    def _old(self, entry: Entry) -> bool:
        return entry.date.astimezone(self.zone).year != self.slot_at.astimezone(self.zone).year

    def _when(self, entry: Entry) -> str:
        if not entry.starts:
            return ""
        if entry.kind is not Kind.DEADLINE:
            return self._when_it_is(entry, entry.starts)
        when = self.say.span(entry.starts, None, self.zone, all_day=entry.all_day)
        return self.say("mail.until", when=when)

    def _when_it_is(self, entry: Entry, starts: datetime) -> str:
        """When an event takes place; that it was moved interests nobody once its old time is over."""
        when = self.say.span(starts, entry.ends, self.zone, all_day=entry.all_day)
        told = entry.change in {Change.MOVED, Change.AGAIN}
        if told and entry.moved_from and entry.moved_from > self.slot_at:
            old = self.say.planned(entry.moved_from, self.zone, all_day=entry.all_day)
            return self.say("mail.moved", old=old, new=when)
        if entry.change in {Change.CANCELLED, Change.AGAIN} and entry.whole_series:
            return self.say("mail.from_then", when=self.say.planned(starts, self.zone, all_day=entry.all_day))
        return when

    def _left(self, entry: Entry) -> str:
        """Days from the slot to the due moment, both as dates in the site's zone; of an event, what became of it."""
        if entry.change in {Change.CANCELLED, Change.AGAIN}:
            return self.say(f"mail.{entry.change}")
        if entry.kind is not Kind.DEADLINE or not entry.starts:
            return ""
        days = (entry.starts.astimezone(self.zone).date() - self.slot_at.astimezone(self.zone).date()).days
        overdue = days < 0 or (entry.starts <= self.slot_at and not entry.all_day)
        left = self.say("mail.overdue") if overdue else self.say.count("mail.days_left", days)
        return f"{self.say('mail.reminder')} · {left}" if entry.id in self.reminders else left

    def enumeration(self, items: Sequence[str]) -> str:
        """``a, b and c``."""
        if len(items) < 2:
            return "".join(items)
        return self.say("list.and", items=", ".join(items[:-1]), last=items[-1])

    def inside(self, entries: Sequence[Entry]) -> str:
        """One sentence on what an edition holds, '' where it holds nothing."""
        counts = [
            self.say.count(f"mail.{kind}s", number)
            for kind in Kind
            if (number := sum(entry.kind is kind for entry in entries))
        ]
        return self.say("mail.inside", items=self.enumeration(counts)) if counts else ""

    def sections(
        self, content: Content, shown: frozenset[str], density: Density = Density.USUAL, *, public: bool = False
    ) -> tuple[SectionView, ...]:
        """The sections that hold anything for this reader; only the ``public`` page lists what lies beyond limits."""
        views: list[SectionView] = []
        left = FULL_ITEMS if density < Density.TITLES else 0
        for section in content.sections:
            entries = [entry for entry in section.entries if entry.id in shown]
            more = [entry for entry in section.more if entry.id in shown]
            if entries or more:
                views.append(self._section(section, entries, more if public else [], left, density))
                left = max(0, left - sum(entry.kind is Kind.POST for entry in entries))
                if not public:
                    views[-1] = replace(views[-1], more=len(more))
        return tuple(views)

    def _section(
        self, section: EditionSection, entries: list[Entry], more: list[Entry], left: int, density: Density
    ) -> SectionView:
        """The first articles as they are, as long as ``left`` lasts, the others by title; events as they are."""
        layout = section.layout
        full = layout.show is Show.FULL and density is Density.USUAL
        room = left
        if entries and entries[0].kind is not Kind.POST:
            room = len(entries) if density < Density.TITLES else FULL_ITEMS
        elif layout.show is Show.TITLES:
            room = 0
        room = min(room, len(entries))
        items = tuple(self.item(entry, layout=layout, full=full) for entry in [*entries, *more])
        title = one_line(localize(section.title, self.language, self.site.fallback))
        return SectionView(title, items[:room], items[room:])


def _short(text: str, most: int = MAX_WORDS) -> str:
    """One clean line of a text that may be of any length."""
    return cut(one_line(text[: 10 * most]), most)


def _poll(html: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A poll's text above its list, and the answers that the list's links are."""
    found = _LIST.search(html)
    if not found:
        return html, ()
    links = _ANSWER.findall(html[found.start() :])
    answers = [(_short(unescape(text)), ascii_url(unescape(url))) for url, text in links]
    kept = tuple((text, url) for text, url in answers if text and url)[:MAX_ANSWERS]
    return (html[: found.start()], kept) if kept else (html, ())
