"""What templates see of an edition: entries in one language, worded and cut for a mail. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from chalicelib.collect.entry import Change, Entry, EntryText
from chalicelib.compose.edition import Content
from chalicelib.content.values import Kind, Site, localize
from chalicelib.render.excerpt import excerpt, plain_text
from chalicelib.render.html import Look, mail_html
from chalicelib.render.messages import Catalogue
from chalicelib.render.templates import Html
from chalicelib.render.text import ascii_url, cut, direction, one_line

FULL_ITEMS = 12
"""Articles beyond this many are listed by title only, so that a long edition stays quick to scan."""
EXCERPT_WORDS = 40
HIGHLIGHT_WORDS = 70
WORDS_PER_MINUTE = 220
MAX_TITLE = 200


@dataclass(frozen=True, slots=True)
class ItemView:
    """One entry as shown. Texts are plain and clean; ``url`` is ASCII or ''; ``body`` is styled HTML.

    ``mark`` says the language where the text is a fallback, and is '' otherwise. ``day`` and ``month``
    make the date block of events and deadlines, ``left`` says how long a deadline still is, that an event does not take
    place (``cancelled``) or that it does after all (``again``); of one that was moved, ``when`` says from when to when.
    ``remark`` is what the editors say about it, as HTML, ``remark_source`` the same as it was written.
    """

    kind: str
    title: str
    url: str
    language: str
    direction: str
    mark: str
    meta: str
    excerpt: str
    body: Html
    source_html: str
    image_src: str
    image_alt: str
    day: str
    month: str
    when: str
    place: str
    left: str
    cancelled: bool
    again: bool
    remark: Html
    remark_source: str


@dataclass(frozen=True, slots=True)
class SectionView:
    """A titled part: ``items`` in full, ``brief`` ones by title only, then how many ``more`` the page lists."""

    title: str
    items: tuple[ItemView, ...]
    brief: tuple[ItemView, ...]
    more: int = 0


class Wording:
    """Puts entries into the words of one language."""

    def __init__(
        self, site: Site, catalogue: Catalogue, language: str, slot_at: datetime, content: Content | None = None
    ) -> None:
        self.site = site
        self.reminders = frozenset(content.reminders if content else ())
        self.remarks = content.remarks if content else {}
        self.say = catalogue
        self.language = language
        self.zone: ZoneInfo = site.time_zone
        self.slot_at = slot_at
        self.look = Look(site.theme.accent, site.theme.title_font)

    def item(self, entry: Entry, *, words: int = EXCERPT_WORDS, level: int = 4) -> ItemView:
        """An entry in the reader's language, or in the one it has, marked."""
        tag, text = entry.text(self.language, self.site.fallback)
        foreign = tag.split("-")[0] != self.language.split("-")[0]
        image = entry.image if entry.image and ascii_url(entry.image.src).startswith("https://") else None
        local = entry.starts.astimezone(self.zone) if entry.starts else None
        remark = localize(self.remarks.get(entry.id, {}), self.language, self.site.fallback)
        return ItemView(
            kind=str(entry.kind),
            title=cut(one_line(text.title) or entry.slug, MAX_TITLE),
            url=ascii_url(text.url),
            language=tag,
            direction=direction(tag),
            mark=self.say("mail.in_language", language=self.say.language_name(tag)) if foreign else "",
            meta=self._meta(entry, text),
            excerpt=excerpt(one_line(text.summary) or plain_text(text.html), words),
            body=Html(mail_html(text.html, self.look, base_level=level)),
            source_html=text.html,
            image_src=ascii_url(image.src) if image else "",
            image_alt=one_line(text.image_alt or image.alt) if image else "",
            day=str(local.day) if local else "",
            month=self.say.month(local) if local else "",
            when=self._when(entry),
            place=one_line(entry.place),
            left=self._left(entry),
            cancelled=entry.change is Change.CANCELLED,
            again=entry.change is Change.AGAIN,
            remark=Html(mail_html(remark, self.look, base_level=level)),
            remark_source=remark,
        )

    def _meta(self, entry: Entry, text: EntryText) -> str:
        host = urlsplit(ascii_url(text.url)).hostname or ""
        said = [] if host and host in entry.place else [host.removeprefix("www.")]
        if entry.kind is Kind.POST:
            authors = [cut(one_line(author), 60) for author in entry.authors[:3]]
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

    def sections(self, content: Content, shown: frozenset[str], *, public: bool = False) -> tuple[SectionView, ...]:
        """The sections that hold anything for this reader; only the ``public`` page lists what lies beyond limits."""
        views: list[SectionView] = []
        left = FULL_ITEMS
        for section in content.sections:
            entries = [entry for entry in section.entries if entry.id in shown]
            more = [entry for entry in section.more if entry.id in shown]
            if entries or more:
                dated = bool(entries) and entries[0].kind is not Kind.POST
                full = len(entries) if dated else min(left, len(entries))
                left -= 0 if dated else full
                items = tuple(self.item(entry) for entry in [*entries, *(more if public else ())])
                title = one_line(localize(section.title, self.language, self.site.fallback))
                views.append(SectionView(title, items[:full], items[full:], 0 if public else len(more)))
        return tuple(views)


def minutes(*texts: str) -> int:
    """Minutes to read texts, at least one."""
    return max(1, round(sum(len(text.split()) for text in texts) / WORDS_PER_MINUTE))
