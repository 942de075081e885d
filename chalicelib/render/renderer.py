"""Rendering an edition: one variant of its frozen content as subject, HTML, text and preheader. Pure."""

import re
from dataclasses import dataclass
from urllib.parse import quote, urljoin

from chalicelib.compose.edition import Content
from chalicelib.content.values import Newsletter, Site, Theme, localize
from chalicelib.errors import RenderError
from chalicelib.render.excerpt import plain_text
from chalicelib.render.html import Look, mail_html
from chalicelib.render.personal import TOKEN, fill, mark, shown_length, token
from chalicelib.render.plain import LinkList, to_plain, wrap
from chalicelib.render.templates import Html, Templates, trusted
from chalicelib.render.text import ascii_url, clean, cut, direction, header_text, one_line
from chalicelib.render.variants import Variant
from chalicelib.render.views import HIGHLIGHT_WORDS, Wording, reading_minutes

MAX_SUBJECT = 120
MAX_PREHEADER = 140
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_FONT = re.compile(r"[A-Za-z0-9 ,.'\-]{1,200}")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered variant. Subject, html and text may hold personal tokens until a letter fills them."""

    subject: str
    html: str
    text: str
    preheader: str


def archive_url(site: Site, content: Content, language: str) -> str:
    """Where an edition stands on the web: ``<base_url>/archive/<newsletter>/<slot>/<language>``."""
    path = "/".join(quote(part, safe="") for part in (content.newsletter, content.slot, language))
    return ascii_url(f"{site.base_url.rstrip('/')}/archive/{path}")


def render(site: Site, newsletter: Newsletter, content: Content, variant: Variant, *, templates: Templates) -> Rendered:
    """A variant with tokens for personal fields, for ``compile_letter``. Raises RenderError."""
    return _render(site, newsletter, content, variant, templates, public=False)


def render_public(
    site: Site, newsletter: Newsletter, content: Content, variant: Variant, *, templates: Templates
) -> Rendered:
    """A variant for the archive: fallbacks for personal fields, no unsubscribe link, a canonical link."""
    rendered = _render(site, newsletter, content, variant, templates, public=True)
    return Rendered(fill(rendered.subject, {}), rendered.html, rendered.text, rendered.preheader)


def _render(
    site: Site,
    newsletter: Newsletter,
    content: Content,
    variant: Variant,
    templates: Templates,
    *,
    public: bool,
) -> Rendered:
    context = _context(site, newsletter, content, variant, templates, public=public)
    folder = f"email/{content.template}"
    subject = _subject(site, content, variant, templates, context)
    context["subject"] = fill(subject, {})
    html = templates.html(f"{folder}/body.mjml", context)
    text = templates.text(f"{folder}/body.txt", context)
    return Rendered(subject, html, _tidy(text), str(context["preheader"]))


def _subject(site: Site, content: Content, variant: Variant, templates: Templates, context: dict[str, object]) -> str:
    """The editors' subject, else the template's: one line of at most 120 characters."""
    written = localize(content.subject, variant.language, site.fallback)
    if written.strip():
        subject = mark(header_text(written))
    else:
        subject = _header_line(templates.text(f"email/{content.template}/subject.txt", context))
    if not subject:
        raise RenderError(
            f"The subject of {content.edition_id} is empty in {variant.language}.",
            f"Give the edition a subject, or templates/email/{content.template}/subject.txt some text.",
        )
    return subject if shown_length(subject) <= MAX_SUBJECT else cut(fill(subject, {}), MAX_SUBJECT)


def _header_line(text: str) -> str:
    """Header text that keeps personal tokens."""
    tokens = [match[0] for match in TOKEN.finditer(text)]
    line = header_text(TOKEN.sub("\ue000", text.replace("\ue000", "")))
    return re.sub("\ue000", lambda _: tokens.pop(0), line)


def _tidy(text: str) -> str:
    """No blanks at line ends, at most one empty line in a row, one newline at the end."""
    lines = (line.rstrip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n") + "\n"


def _context(
    site: Site,
    newsletter: Newsletter,
    content: Content,
    variant: Variant,
    templates: Templates,
    *,
    public: bool,
) -> dict[str, object]:
    """Everything a template may use; docs/templates.md lists it for authors."""
    catalogue = templates.catalogue(variant.language, site.fallback)
    wording = Wording(site, catalogue, variant.language, content.slot_at)
    shown = frozenset(variant.entry_ids)
    entries = [entry for entry in content.entries if entry.id in shown]
    intro = localize(content.intro_html, variant.language, site.fallback)
    first = content.highlight if content.highlight and content.highlight.id in shown else None
    highlight = wording.item(first, words=HIGHLIGHT_WORDS, level=3) if first else None
    sections = wording.sections(content, shown)
    titles = [item.title for section in sections for item in section.items + section.brief]
    titles = ([highlight.title] if highlight else []) + titles
    local = content.slot_at.astimezone(site.time_zone)
    links = LinkList()
    return {
        **_names(site, newsletter, variant.language),
        **_addresses(site, content, variant.language, public=public),
        "public": public,
        "language": variant.language,
        "direction": direction(variant.language),
        "number": content.number,
        "date": catalogue.date(local),
        "date_short": catalogue.date(local, year=False),
        "minutes": reading_minutes(sections, plain_text(intro), highlight.excerpt if highlight else ""),
        "inside": wording.inside(entries),
        "intro": Html(_intro(intro, wording.look, public=public)),
        "intro_text": lambda: _intro_text(intro, links, public=public),
        "highlight": highlight,
        "sections": sections,
        "titles": titles,
        "preheader": cut(fill(mark(plain_text(intro)), {}) or " · ".join(titles), MAX_PREHEADER),
        "theme": _theme(site),
        "t": catalogue,
        "links": links,
        "wrap": wrap,
        "plain": lambda item, width=72: to_plain(item.source_html, links, width),
    }


def _intro(html: str, look: Look, *, public: bool) -> str:
    written = mail_html(html, look, base_level=2, personal=True)
    return fill(written, {}, _escaped) if public else written


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _intro_text(html: str, links: LinkList, *, public: bool) -> str:
    marked = mark(to_plain(html, links))
    return fill(marked, {}) if public else marked


def _names(site: Site, newsletter: Newsletter, language: str) -> dict[str, object]:
    def said(texts: object) -> str:
        return one_line(localize(texts, language, site.fallback))  # type: ignore[arg-type]

    address = localize(site.postal_address, language, site.fallback)
    footer = clean(localize(site.footer, language, site.fallback))
    return {
        "site_name": said(site.name),
        "title": said(newsletter.title) or newsletter.name,
        "sender_name": said(site.sender.name) or said(site.name),
        "postal_address": [one_line(line) for line in address.splitlines() if line.strip()],
        "footer": [one_line(block) for block in re.split(r"\n\s*\n", footer) if block.strip()],
    }


def _addresses(site: Site, content: Content, language: str, *, public: bool) -> dict[str, object]:
    return {
        "archive_url": archive_url(site, content, language),
        "site_url": ascii_url(site.base_url),
        "imprint_url": ascii_url(site.imprint_url),
        "privacy_url": ascii_url(site.privacy_url),
        "unsubscribe_url": "" if public else token("unsubscribe_url"),
        "preferences_url": "" if public else token("preferences_url"),
    }


def _theme(site: Site) -> dict[str, object]:
    """The theme as MJML may read it. Raises RenderError where a colour or font is none."""
    theme: Theme = site.theme
    for name, value, shape in (
        ("accent", theme.accent, _COLOUR),
        ("accent_dark", theme.accent_dark, _COLOUR),
        ("title_font", theme.title_font, _FONT),
        ("text_font", theme.text_font, _FONT),
    ):
        if not shape.fullmatch(value):
            raise RenderError(
                f"theme.{name} can't be used in mails: {value!r}.", "Give a colour as #rrggbb, a font as a CSS stack."
            )
    logo = ascii_url(urljoin(site.base_url.rstrip("/") + "/", theme.logo)) if theme.logo else ""
    return {
        "accent": trusted(theme.accent),
        "accent_dark": trusted(theme.accent_dark),
        "title_font": trusted(theme.title_font),
        "text_font": trusted(theme.text_font),
        "logo": logo if logo.startswith("https://") else "",
        "logo_alt": one_line(theme.logo_alt),
        "logo_width": theme.logo_width or 160,
    }
