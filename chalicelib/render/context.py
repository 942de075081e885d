"""The context of a template: every name an author of templates may use."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin

from markupsafe import escape

from chalicelib.collect.entry import Entry
from chalicelib.compose.edition import Content
from chalicelib.content.values import ANY_LANGUAGE, Localized, Newsletter, Site, localize
from chalicelib.errors import RenderError
from chalicelib.render.excerpt import plain_text
from chalicelib.render.html import mail_html
from chalicelib.render.messages import Catalogue
from chalicelib.render.personal import fill, mark, token
from chalicelib.render.plain import LinkList, to_plain, wrap
from chalicelib.render.rendered import archive_url
from chalicelib.render.templates import Html, trusted
from chalicelib.render.text import ascii_url, clean, cut, direction, one_line
from chalicelib.render.variants import Variant
from chalicelib.render.views import HIGHLIGHT_WORDS, ItemView, Wording, minutes

MAX_PREHEADER = 140
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_FONT = re.compile(r"[A-Za-z0-9 ,.'\-]{1,200}")
_SHAPES = {"accent": _COLOUR, "accent_dark": _COLOUR, "title_font": _FONT, "text_font": _FONT}


@dataclass(frozen=True, slots=True)
class Edition:
    """What is rendered, and for whom; ``public`` is the archive's page, without anything personal."""

    site: Site
    newsletter: Newsletter
    content: Content
    variant: Variant
    public: bool = False

    def said(self, texts: Localized) -> str:
        """Text in the variant's language, or what there is."""
        return localize(texts, self.variant.language, self.site.fallback)

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
    links = LinkList()
    return {
        **_names(edition),
        **_addresses(edition),
        **_masthead(edition, catalogue),
        **_body(edition, _wording(edition, catalogue)),
        "public": edition.public,
        "theme": _theme(edition.site),
        "t": catalogue,
        "links": links,
        "wrap": wrap,
        "intro_text": lambda: _intro_text(edition, links),
        "plain": lambda item, width=72: to_plain(item.source_html, links, width),
        "remark_text": lambda item: to_plain(item.remark_source, links),
    }


def _wording(edition: Edition, catalogue: Catalogue) -> Wording:
    content = edition.content
    return Wording(edition.site, catalogue, edition.variant.language, content.slot_at, content)


def _names(edition: Edition) -> dict[str, object]:
    site = edition.site
    name = one_line(edition.said(site.name))
    footer = clean(edition.said(site.footer))
    return {
        "site_name": name,
        "title": one_line(edition.said(edition.newsletter.title)) or edition.newsletter.name,
        "sender_name": one_line(edition.said(site.sender.name)) or name,
        "postal_address": [line for part in edition.said(site.postal_address).splitlines() if (line := one_line(part))],
        "footer": [line for block in re.split(r"\n\s*\n", footer) if (line := one_line(block))],
    }


def _addresses(edition: Edition) -> dict[str, object]:
    site = edition.site
    return {
        "archive_url": archive_url(site, edition.content, edition.variant.language),
        "site_url": ascii_url(site.base_url),
        "imprint_url": ascii_url(site.imprint_url),
        "privacy_url": ascii_url(site.privacy_url),
        "unsubscribe_url": "" if edition.public else token("unsubscribe_url"),
    }


def _masthead(edition: Edition, catalogue: Catalogue) -> dict[str, object]:
    local = edition.content.slot_at.astimezone(edition.site.time_zone)
    return {
        "language": edition.variant.language,
        "direction": direction(edition.variant.language),
        "number": edition.content.number,
        "numbered": catalogue(
            "mail.number_monthly" if edition.content.gathering else "mail.number", number=edition.content.number
        ),
        "date": catalogue.date(local),
        "date_short": catalogue.date(local, year=False),
    }


def _body(edition: Edition, wording: Wording) -> dict[str, object]:
    """What the edition says. ``minutes`` counts what a digest shows, ``minutes_full`` whole entries.

    ``titles`` may stand alone, as in a subject: those of cancelled events are the last, and say so.
    """
    entries = edition.entries
    shown = frozenset(entry.id for entry in entries)
    intro = plain_text(edition.said(edition.content.intro_html))
    first = edition.content.highlight
    highlight = wording.item(first, words=HIGHLIGHT_WORDS, level=3) if first and first.id in shown else None
    sections = wording.sections(edition.content, shown, public=edition.public)
    items: list[ItemView] = [highlight] if highlight else []
    items += [item for section in sections for item in section.items + section.brief]
    titles = [item.title for item in items if not item.cancelled]
    titles += [wording.say("mail.cancelled_title", title=item.title) for item in items if item.cancelled]
    return {
        "minutes": minutes(intro, *titles, *(item.excerpt for item in items)),
        "minutes_full": minutes(intro, *titles, *(plain_text(item.source_html) for item in items)),
        "inside": wording.inside(entries),
        "intro": _intro(edition, wording),
        "highlight": highlight,
        "sections": sections,
        "titles": titles,
        "preheader": cut(fill(mark(intro), {}) or " · ".join(titles), MAX_PREHEADER),
    }


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


def _intro_text(edition: Edition, links: LinkList) -> str:
    text = to_plain(edition.said(edition.content.intro_html), links, personal=True)
    return fill(text, {}) if edition.public else text


def _theme(site: Site) -> Mapping[str, object]:
    """The theme as MJML may read it. Raises RenderError where a colour or font is none."""
    theme: dict[str, object] = {}
    for name, shape in _SHAPES.items():
        value = getattr(site.theme, name)
        if not shape.fullmatch(value):
            raise RenderError(
                f"theme.{name} can't be used in mails: {value!r}.",
                "Give a colour as #rrggbb, a font as a CSS stack without quotation marks other than '.",
            )
        theme[name] = trusted(value)
    logo = ascii_url(urljoin(site.base_url.rstrip("/") + "/", site.theme.logo)) if site.theme.logo else ""
    return theme | {
        "logo": logo if logo.startswith("https://") else "",
        "logo_alt": one_line(site.theme.logo_alt),
        "logo_width": site.theme.logo_width or 160,
    }
