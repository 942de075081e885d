"""The lint of a mail: all that is wrong with a rendered variant, before anybody gets it. Pure.

Errors are few and certain, for they hold an edition: HTML that Gmail cuts off, marks of templates, no subject, links to
``javascript:`` or to machines of one's own network, an empty text part, no way to unsubscribe. All else is a warning.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chalicelib.collect.entry import Entry
from chalicelib.compose.edition import Content
from chalicelib.content.markup import plain_text
from chalicelib.content.values import Problem, Site
from chalicelib.lint.clients import client_findings
from chalicelib.lint.days import day_findings
from chalicelib.lint.document import Document, read_html
from chalicelib.lint.findings import ERROR, Finding, once
from chalicelib.lint.links import is_local, link_findings, own_hosts
from chalicelib.lint.marks import left_findings, template_findings, token_findings
from chalicelib.lint.page import page_findings
from chalicelib.lint.parity import parity_findings
from chalicelib.lint.size import MOST_BYTES, size_findings
from chalicelib.lint.words import LONG_SUBJECT, SHORT_PREHEADER, preheader_findings, spam_findings, subject_findings
from chalicelib.render.personal import TOKEN, fallback_of, token
from chalicelib.render.rendered import Rendered
from chalicelib.render.text import ascii_url, one_line
from chalicelib.render.variants import Variant

_SUSPICIOUS = re.compile(r"\{[{%#]|SLOT[0-9a-f]{2}|\*\|")
_ACTIVE = re.compile(r"""(?i)\b(?:href|src)\s*=\s*["']?\s*(?:javascript|data|vbscript|file):""")
_HOST = re.compile(r"""(?i)\b(?:href|src)\s*=\s*["']?\s*https?://(?:[^/"'@\s]*@)?([^/"'?#:\s>]+)""")
_UNSUBSCRIBE = token("unsubscribe_url")
_SAID_IN_CODE = frozenset({"markdown-link", "unresolved", "placeholder", "wrong-day"})
MAX_SUBJECT = 120
"""Characters that an automatic subject may have, which holds the whole of a title."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A rendered variant and what it was made of; ``before`` is the subject of the edition before it, or ''."""

    rendered: Rendered
    site: Site
    content: Content
    variant: Variant
    before: str = ""
    letter_bytes: int = 0

    @property
    def place(self) -> str:
        """Where a problem is that stands in no file: ``community-digest/2026-11-26 (en)``."""
        return f"{self.content.edition_id} ({self.variant.language})"

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries that this variant shows."""
        ids = frozenset(self.variant.entry_ids)
        parts = [part for part in (self.content, self.content.guest) if part]
        first = [part.highlight for part in parts if part.highlight]
        listed = [entry for part in parts for section in part.sections for entry in section.entries]
        return tuple(entry for entry in (*first, *listed) if entry.id in ids)


def lint_mail(
    rendered: Rendered, *, site: Site, content: Content, variant: Variant, before: str = "", letter_bytes: int = 0
) -> list[Problem]:
    """All that is wrong with a rendered variant, its tokens still in it, at ``newsletter/slot (language)``."""
    mail = Mail(rendered, site, content, variant, before, letter_bytes)
    return sorted({finding.at(mail.place) for finding in mail_findings(mail)})


def holding(rendered: Rendered, *, site: Site, content: Content, variant: Variant) -> list[Problem]:
    """The errors alone: what an edition is held for. Quick where there are none."""
    mail = Mail(rendered, site, content, variant)
    if not _suspicious(mail):
        return []
    return sorted({found.at(mail.place) for found in mail_findings(mail) if found.severity is ERROR})


def mail_findings(mail: Mail) -> list[Finding]:
    """All that is wrong with a mail, each once."""
    document = read_html(_filled(mail, mail.rendered.html))
    found = once([*_of_words(mail), *_of_html(mail, document), *_of_text(mail, document)])
    if not any(finding.needle and finding.code in _SAID_IN_CODE for finding in found):
        return found
    codes = " ".join(" ".join(_codes(mail)).split())
    return [f for f in found if f.code not in _SAID_IN_CODE or f.severity is ERROR or f.needle not in codes]


def _suspicious(mail: Mail) -> bool:
    """Whether anything may be an error: each test is at least as wide as that of the finding itself."""
    rendered, own = mail.rendered, _own(mail.site)
    html, text = rendered.html, rendered.text
    everything = f"{rendered.subject}\n{html}\n{text}"
    if not rendered.subject.strip() or not text.strip() or len(html.encode("utf-8", "replace")) >= MOST_BYTES:
        return True
    if _UNSUBSCRIBE not in html or _UNSUBSCRIBE not in text:
        return True
    if _SUSPICIOUS.search(everything) or _ACTIVE.search(html) or any(token_findings(everything)):
        return True
    return any(is_local(host) and host not in own for host in {found.lower() for found in _HOST.findall(html)})


def _own(site: Site) -> frozenset[str]:
    return own_hosts(site.base_url, *(source.url for source in site.sources))


def _filled(mail: Mail, text: str) -> str:
    """As a reader without a name gets it, with addresses of their own that are no secret."""
    base = mail.site.base_url.rstrip("/")

    def value(match: re.Match[str]) -> str:
        return f"{base}/{match[1]}" if match[1].endswith("_url") else fallback_of(match[2])

    return TOKEN.sub(value, text)


def _of_words(mail: Mail) -> Iterator[Finding]:
    rendered = mail.rendered
    subject = _filled(mail, rendered.subject)
    yield from subject_findings(subject, mail.before, most=LONG_SUBJECT if mail.content.subject else MAX_SUBJECT)
    yield from template_findings(subject, _said(mail))
    yield from left_findings(subject)
    least = SHORT_PREHEADER if any(mail.content.intro_html.values()) else 0
    yield from preheader_findings(_filled(mail, rendered.preheader), subject, least)
    for text in (rendered.subject, rendered.html, rendered.text):
        yield from token_findings(text)


def _of_html(mail: Mail, document: Document) -> Iterator[Finding]:
    site, content = mail.site, mail.content
    yield from size_findings(_filled(mail, mail.rendered.html), _names(mail), mail.letter_bytes)
    if _UNSUBSCRIBE not in mail.rendered.html:
        yield Finding(
            "lost-unsubscribe", ERROR, "the HTML has no link to unsubscribe; put {{ unsubscribe_url }} into it"
        )
    yield from link_findings(document, _own(site))
    day = content.slot_at.astimezone(site.time_zone).date()
    for block in document.blocks:
        yield from template_findings(block, _said(mail))
        yield from left_findings(block)
        yield from day_findings(block, day)
    yield from page_findings(document)
    yield from spam_findings(document, mail.rendered.subject)
    yield from client_findings(document)


def _of_text(mail: Mail, document: Document) -> Iterator[Finding]:
    text = _filled(mail, mail.rendered.text)
    yield from parity_findings(document, text, [title for title, _ in _names(mail)])
    if text.strip() and _UNSUBSCRIBE not in mail.rendered.text:
        words = "the text part has no link to unsubscribe; put {{ unsubscribe_url }} into it"
        yield Finding("lost-unsubscribe", ERROR, words)
    codes = " ".join(document.codes)
    for found in template_findings(text, [*_said(mail), codes]):
        if found.severity is ERROR:  # what an entry says was told of the HTML
            yield found


def _codes(mail: Mail) -> Iterator[str]:
    """The code in entries: an excerpt shows it as plain words, and yet it is not judged."""
    for text in (text for entry in mail.content.entries for text in entry.texts.values()):
        if "<code" in text.html or "<pre" in text.html:
            yield from read_html(text.html).codes


def _names(mail: Mail) -> list[tuple[str, str]]:
    """Title and address of each entry as this variant shows it; of a long title as much as every list holds."""
    texts = [(entry, entry.text(mail.variant.language, mail.site.fallback)[1]) for entry in mail.entries]
    return [((one_line(text.title) or entry.slug)[:100].rstrip(), ascii_url(text.url)) for entry, text in texts]


def _said(mail: Mail) -> Iterator[str]:
    """What entries say, where braces may be meant."""
    for entry in mail.content.entries:
        for text in entry.texts.values():
            yield from (text.title, text.summary, plain_text(text.html), entry.place)
    guest = mail.content.guest.remarks if mail.content.guest else {}
    for remark in (*mail.content.remarks.values(), *guest.values()):
        yield from map(plain_text, remark.values())


def problems_of(findings: Sequence[Finding], place: str) -> list[Problem]:
    """Findings at one place, sorted."""
    return sorted({finding.at(place) for finding in findings})
