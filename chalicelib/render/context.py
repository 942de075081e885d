"""The context of a template: every name an author of templates may use."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from jinja2.runtime import Macro
from markupsafe import escape

from chalicelib.collect.entry import Entry
from chalicelib.compose.edition import Content
from chalicelib.content.values import ANY_LANGUAGE, Localized, Newsletter, Site, localize
from chalicelib.errors import RenderError
from chalicelib.render.excerpt import plain_text
from chalicelib.render.frame import frame_context
from chalicelib.render.html import mail_html, worded_alerts
from chalicelib.render.messages import Catalogue
from chalicelib.render.personal import fill, mark, token
from chalicelib.render.plain import LinkList, to_plain
from chalicelib.render.rendered import archive_url
from chalicelib.render.templates import Html
from chalicelib.render.text import cut, direction, one_line
from chalicelib.render.variants import Variant
from chalicelib.render.views import Density, GuestView, ItemView, SectionView, minutes
from chalicelib.render.wording import HIGHLIGHT_WORDS, Wording

MAX_PREHEADER = 140


@dataclass(frozen=True, slots=True)
class Edition:
    """What is rendered, and for whom; ``public`` is the archive's page, without anything personal."""

    site: Site
    newsletter: Newsletter
    content: Content
    variant: Variant
    public: bool = False
    density: Density = Density.USUAL

    def said(self, texts: Localized) -> str:
        """Text in the variant's language, or what there is."""
        return localize(texts, self.variant.language, self.site.fallback)

    @property
    def title(self) -> str:
        """What the newsletter is called."""
        return one_line(self.said(self.newsletter.title)) or self.newsletter.name

    @property
    def guest(self) -> "Edition | None":
        """The edition below it in the same mail."""
        content = self.content.guest
        return replace(self, newsletter=self.site.newsletters[content.newsletter], content=content) if content else None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The variant's entries. Raises RenderError where the content lacks one."""
        shown = frozenset(self.variant.entry_ids)
        found = tuple(entry for entry in self.content.entries if entry.id in shown)
        if missing := shown - {entry.id for entry in found}:
            raise RenderError(
                f"{self.content.edition_id} has no entry {min(missing)}, which variant {self.variant.key} shows.",
                "Plan the edition again: its content has changed since.",
            )
        return found


def template_context(edition: Edition, catalogue: Catalogue) -> dict[str, object]:
    """All names of a template. Raises RenderError where the theme or the variant can't be used."""
    wording = _wording(edition, catalogue)
    title = edition.title
    frame = frame_context(edition.site, edition.variant.language, catalogue)
    why = "mail.why_public" if edition.public else "mail.why"
    links = frame["links"]
    assert isinstance(links, LinkList)  # noqa: S101 - the frame's own
    guest = _guest(edition, wording, links)
    titles = wording.enumeration([title, guest.title] if guest else [title])
    return {
        **frame,
        **_masthead(edition, catalogue),
        **_body(edition, wording, guest.items if guest else ()),
        "guest": guest,
        "title": title,
        "why": catalogue(why, sender=str(frame["sender_name"]), title=titles),
        "archive_url": archive_url(edition.site, edition.content, edition.variant.language),
        "unsubscribe_url": "" if edition.public else token("unsubscribe_url"),
        "preferences_url": "" if edition.public else token("preferences_url"),
        "public": edition.public,
        "whole": edition.density is Density.USUAL,
        "once": lambda macro, item: _once(edition, wording, macro, item),
        "intro_text": lambda: _intro_text(edition, wording, links),
        "plain": lambda item, width=72: to_plain(worded_alerts(item.source_html, wording.look), links, width),
        "remark_text": lambda item: to_plain(worded_alerts(item.remark_source, wording.look), links),
    }


def _once(edition: Edition, wording: Wording, macro: Macro, item: ItemView) -> str:
    """What a macro makes of an item, made once for all variants of an edition in one language."""
    key = (id(macro._environment), macro.name, edition.density, edition.public, id(item))
    if key not in wording.made:
        wording.made[key] = macro(item)
    return wording.made[key]


_KEPT: OrderedDict[tuple[int, int, str], Wording] = OrderedDict()
_MOST_KEPT = 8


def _wording(edition: Edition, catalogue: Catalogue) -> Wording:
    """The variants of one edition share what they say of each entry."""
    site, content, language = edition.site, edition.content, edition.variant.language
    key = (id(site), id(content), language)
    kept = _KEPT.get(key)
    if kept and kept.site is site and kept.content is content and kept.say is catalogue:
        return kept
    made = _KEPT[key] = Wording(site, catalogue, language, content.slot_at, content)
    while len(_KEPT) > _MOST_KEPT:
        _KEPT.popitem(last=False)
    return made


def _masthead(edition: Edition, catalogue: Catalogue) -> dict[str, object]:
    local = edition.content.slot_at.astimezone(edition.site.time_zone)
    return {
        "number": edition.content.number,
        "numbered": catalogue(
            "mail.number_monthly" if edition.content.gathering else "mail.number", number=edition.content.number
        ),
        "date": catalogue.date(local),
        "date_short": catalogue.date(local, year=False),
    }


def _guest(edition: Edition, wording: Wording, links: LinkList) -> GuestView | None:
    """The edition below this one; its highlight is the first entry of it."""
    guest = edition.guest
    if guest is None:
        return None
    shown, first = frozenset(edition.variant.entry_ids), guest.content.highlight
    sections = wording.sections(guest.content, shown, edition.density, public=edition.public)
    if first and first.id in shown:
        sections = (SectionView("", (wording.item(first, words=HIGHLIGHT_WORDS),), ()), *sections)
    return GuestView(
        title=guest.title,
        numbered=wording.say("mail.number", number=guest.content.number),
        url=archive_url(edition.site, guest.content, edition.variant.language),
        intro=_intro(guest, wording),
        intro_text=lambda: _intro_text(guest, wording, links),
        sections=sections,
    )


def _body(edition: Edition, wording: Wording, below: Sequence[ItemView]) -> dict[str, object]:
    """What the edition says. ``minutes`` counts what a digest shows, ``minutes_full`` whole entries; both, ``below``.

    ``titles`` may stand alone, as in a subject: those of cancelled events are the last, and say so.
    """
    entries = edition.entries
    shown = frozenset(entry.id for entry in entries)
    intro = plain_text(edition.said(edition.content.intro_html))
    first = edition.content.highlight
    shows = first is not None and first.id in shown
    highlight = wording.item(first, words=HIGHLIGHT_WORDS) if first and shows else None
    sections = wording.sections(edition.content, shown, edition.density, public=edition.public)
    items: list[ItemView] = [highlight] if highlight else []
    items += [item for section in sections for item in section.items + section.brief]
    titles = [item.title for item in items if not item.cancelled]
    titles += [wording.say("mail.cancelled_title", title=item.title) for item in items if item.cancelled]
    return {
        "minutes": minutes(intro, *titles, *(item.excerpt for item in (*items, *below))),
        "minutes_full": minutes(intro, *titles, *(plain_text(item.source_html) for item in (*items, *below))),
        "inside": wording.inside(entries),
        "intro": _intro(edition, wording),
        "highlight": highlight,
        "sections": sections,
        "items": items,
        "sections_without": lambda item: _without(sections, item),
        "titles": titles,
        "preheader": cut(fill(mark(intro), {}) or _preheader(edition, items, titles), MAX_PREHEADER),
    }


def _preheader(edition: Edition, items: list[ItemView], titles: list[str]) -> str:
    """What a list of mails shows beside the subject, without repeating it: further titles, else what the entry says."""
    further = titles if edition.content.subject else titles[1:]
    if further or not items:
        return " · ".join(further)
    return " · ".join([*(text for _, text in items[0].facts), items[0].excerpt])


def _without(sections: tuple[SectionView, ...], item: ItemView | None) -> tuple[SectionView, ...]:
    """The sections without one entry, and without those that held it alone."""
    left = (
        replace(
            section,
            items=tuple(one for one in section.items if one is not item),
            brief=tuple(one for one in section.brief if one is not item),
        )
        for section in sections
    )
    return tuple(section for section in left if section.items or section.brief or section.more)


def _intro(edition: Edition, wording: Wording) -> Html:
    html = mail_html(edition.said(edition.content.intro_html), wording.look, base_level=2, personal=True)
    html = fill(html, {}, lambda text: str(escape(text))) if edition.public else html
    tag = _foreign(edition.content.intro_html, edition)
    return Html(f'<div lang="{escape(tag)}" dir="{direction(tag)}">{html}</div>' if tag and html else html)


def _foreign(texts: Localized, edition: Edition) -> str:
    """The language of a text where it isn't the variant's, else ''."""
    if edition.variant.language in texts or ANY_LANGUAGE in texts or not texts:
        return ""
    return edition.site.fallback if edition.site.fallback in texts else next(iter(texts))


def _intro_text(edition: Edition, wording: Wording, links: LinkList) -> str:
    html = worded_alerts(edition.said(edition.content.intro_html), wording.look)
    text = to_plain(html, links, personal=True)
    return fill(text, {}) if edition.public else text
