"""Mails that are no edition: the one that asks to confirm an address, and the welcome. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from chalicelib.content.values import Newsletter, Site, localize
from chalicelib.render.frame import frame_context
from chalicelib.render.messages import Catalogue
from chalicelib.render.personal import token
from chalicelib.render.rendered import Rendered
from chalicelib.render.renderer import tidy
from chalicelib.render.templates import Templates
from chalicelib.render.text import ascii_url, cut, header_text, one_line

CONFIRM_DAYS = 7
"""How long a link to confirm works, unless the caller says otherwise."""
MAX_SUBJECT = 120


class Kind(StrEnum):
    """Which mail: also the name of its words below ``mail:`` in templates/messages/."""

    CONFIRM = "confirm"
    CHANGE = "change"
    """As ``confirm``, of a new address."""
    MOVING = "moving"
    """To the old address, that somebody asked to write to another one: it has no button."""
    DATA = "data"
    """A link to all that is known of a person."""
    WELCOME = "welcome"


FOLDERS = {Kind.CHANGE: "confirm", Kind.MOVING: "confirm", Kind.DATA: "confirm"}
"""Folders below templates/email/ that are not called like their kind."""


@dataclass(frozen=True, slots=True)
class Latest:
    """A newsletter's newest edition as the archive has it."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What is said to one person about newsletters, in one language. ``latest`` is by newsletter name; ``days`` how
    long the link to confirm works.
    """

    kind: Kind
    newsletters: Sequence[Newsletter]
    language: str
    latest: tuple[tuple[str, Latest], ...] = ()
    days: int = CONFIRM_DAYS


def render_notice(site: Site, notice: Notice, *, templates: Templates) -> Rendered:
    """A notice with tokens for the reader's name and links. Raises RenderError."""
    catalogue = templates.catalogue(notice.language, site.fallback)
    context = _context(site, notice, catalogue)
    folder = f"email/{FOLDERS.get(notice.kind, notice.kind)}"
    subject = cut(header_text(templates.text(f"{folder}/subject.txt", context)), MAX_SUBJECT)
    context |= {"subject": subject, "preheader": str(context["why"])}
    html = templates.html(f"{folder}/body.mjml", context)
    return Rendered(subject, html, tidy(templates.text(f"{folder}/body.txt", context)), str(context["preheader"]))


def _context(site: Site, notice: Notice, catalogue: Catalogue) -> dict[str, object]:
    """The names of both templates; those of editions that the frame asks for are empty."""
    frame = frame_context(site, notice.language, catalogue)
    titles = [_title(site, newsletter, notice.language) for newsletter in notice.newsletters]
    title = titles[0] if len(titles) == 1 else str(frame["site_name"])
    confirming = notice.kind is not Kind.WELCOME
    has_button = confirming and notice.kind is not Kind.MOVING
    why = f"mail.why_{notice.kind}" if confirming else "mail.why"
    said = f"mail.{notice.kind}"
    return {
        **frame,
        "said": said,
        "title": title,
        "titles": titles,
        "why": catalogue(why, sender=str(frame["sender_name"]), title=title),
        "greeting": catalogue("mail.welcome.greeting", reader=token("name", catalogue("mail.welcome.reader"))),
        "newsletters": [_newsletter(site, one, notice) for one in notice.newsletters],
        "days": notice.days if has_button else 0,
        "public": False,
        "archive_url": "",
        "confirm_url": token("confirm_url") if has_button else "",
        "unsubscribe_url": "" if confirming else token("unsubscribe_url"),
        "preferences_url": "" if confirming else token("preferences_url"),
    }


def _title(site: Site, newsletter: Newsletter, language: str) -> str:
    return one_line(localize(newsletter.title, language, site.fallback)) or newsletter.name


def _newsletter(site: Site, newsletter: Newsletter, notice: Notice) -> dict[str, str]:
    latest = dict(notice.latest).get(newsletter.name)
    return {
        "title": _title(site, newsletter, notice.language),
        "description": one_line(localize(newsletter.description, notice.language, site.fallback)),
        "latest_title": one_line(latest.title) if latest else "",
        "latest_url": ascii_url(latest.url) if latest else "",
    }
