"""Rendering an edition: one variant of its frozen content as subject, HTML, text and preheader. Pure."""

import re
from dataclasses import replace

from chalicelib.compose.edition import Content
from chalicelib.content.values import Newsletter, Site
from chalicelib.errors import RenderError
from chalicelib.render.budget import ExhaustedError
from chalicelib.render.context import Edition, template_context
from chalicelib.render.personal import TOKEN, fill, mark, shown_length
from chalicelib.render.rendered import Rendered, archive_url
from chalicelib.render.templates import TemplateFaultError, Templates
from chalicelib.render.text import cut, header_text
from chalicelib.render.variants import Variant
from chalicelib.render.views import Density, GuestView

MAX_SUBJECT = 120
MAX_GUEST = 40
ROOMY = 80_000
"""Bytes of HTML: Gmail cuts off what is beyond about 102 KB, and personal values come on top."""
_SIGNATURE = "-- "
_BETWEEN = " · "


def render(site: Site, newsletter: Newsletter, content: Content, variant: Variant, *, templates: Templates) -> Rendered:
    """A variant with tokens for personal fields, for ``compile_letter``. Raises RenderError."""
    return _render(Edition(site, newsletter, content, variant), templates)


def render_public(
    site: Site, newsletter: Newsletter, content: Content, variant: Variant, *, templates: Templates
) -> Rendered:
    """A variant for the archive: fallbacks for personal fields, no unsubscribe link, a canonical link."""
    return _render(Edition(site, newsletter, content, variant, public=True), templates)


def render_subject(
    site: Site, newsletter: Newsletter, content: Content, variant: Variant, *, templates: Templates
) -> str:
    """The subject alone, as the archive shows it. Raises RenderError."""
    edition = Edition(site, newsletter, content, variant, public=True)
    catalogue = templates.catalogue(variant.language, site.fallback)
    return fill(_subject(edition, templates, template_context(edition, catalogue)), {})


def _render(edition: Edition, templates: Templates) -> Rendered:
    """As roomy as its size allows: a mail that Gmail would cut off is set more tightly, a page of the archive never."""
    for density in Density:
        try:
            rendered = _set(replace(edition, density=density), templates)
        except TemplateFaultError as error:
            if density is Density.TITLES or not isinstance(error.__cause__, ExhaustedError) or not _is_long(edition):
                raise
            continue
        if edition.public or len(rendered.html.encode()) <= ROOMY:
            break
    return rendered


def _is_long(edition: Edition) -> bool:
    """Whether it may be the content, and not the template, that is too much."""
    return sum(len(text.html) for entry in edition.entries for text in entry.texts.values()) > ROOMY


def _set(edition: Edition, templates: Templates) -> Rendered:
    catalogue = templates.catalogue(edition.variant.language, edition.site.fallback)
    context = template_context(edition, catalogue)
    subject = _subject(edition, templates, context)
    context["subject"] = fill(subject, {})
    folder = f"email/{edition.content.template}"
    html = templates.html(f"{folder}/body.mjml", context)
    text = tidy(templates.text(f"{folder}/body.txt", context))
    if isinstance(guest := context["guest"], GuestView) and not (guest.url in html and guest.url in text):
        raise RenderError(
            f"{edition.content.edition_id} holds {guest.title} too, and templates of this site don't show it.",
            "Print 'guest' as the built-in email/_parts/frame.mjml and text.txt do, or leave 'merge' out.",
        )
    return Rendered(fill(subject, {}) if edition.public else subject, html, text, str(context["preheader"]))


def _subject(edition: Edition, templates: Templates, context: dict[str, object]) -> str:
    """The editors' subject, else the template's: one line of at most 120 characters."""
    template = f"email/{edition.content.template}/subject.txt"
    written = header_text(edition.said(edition.content.subject))
    subject = mark(written) if written else _header_line(templates.text(template, context))
    if subject and edition.guest:
        return _with_guest(subject, header_text(edition.guest.title, MAX_GUEST))
    if not subject:
        raise RenderError(
            f"The subject of {edition.content.edition_id} is empty in {edition.variant.language}.",
            f"Give the edition a subject, or templates/{template} some text.",
        )
    return subject if shown_length(subject) <= MAX_SUBJECT else cut(fill(subject, {}), MAX_SUBJECT)


def _with_guest(subject: str, title: str) -> str:
    """A mail of two editions has the first one's subject and the second one's title."""
    room = MAX_SUBJECT - len(title) - len(_BETWEEN)
    fits = shown_length(subject) <= room
    return f"{subject if fits else cut(fill(subject, {}), room)}{_BETWEEN}{title}"


def _header_line(text: str) -> str:
    """Header text that keeps personal tokens: they are set aside while the rest is cleaned."""
    tokens = [match[0] for match in TOKEN.finditer(text)]
    line = header_text(TOKEN.sub("\ue000", text.replace("\ue000", "")))
    return re.sub("\ue000", lambda _: tokens.pop(0), line)


def tidy(text: str) -> str:
    """Text without blanks at line ends but the signature's, one empty line in a row and one newline at the end."""
    lines = (line if line == _SIGNATURE else line.rstrip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n") + "\n"


__all__ = ["Rendered", "archive_url", "render", "render_public", "render_subject"]
