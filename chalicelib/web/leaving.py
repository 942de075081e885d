"""The page behind the link to unsubscribe, and the one click of mail programs (RFC 8058), as a Blueprint."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from chalice.app import Blueprint, Response

from chalicelib.audience.tokens import names_of
from chalicelib.web import house
from chalicelib.web.answers import answer, door, pages, request
from chalicelib.web.forms import ANY_TYPE, MAX_FORM, READ, WRITE, fields_of, first, words

if TYPE_CHECKING:
    from chalicelib.web.pages import Pages

leaving = Blueprint(__name__)

REASONS = ("too-many", "not-for-me", "never-asked", "other")
"""What may be said of why, as words of the record; their texts are ``web.leave.reasons.<reason>``."""
MAX_REASON = 500
_ONE_CLICK = re.compile(rb"List-Unsubscribe(?:=|\"[^&=]{1,200}?)One-Click", re.IGNORECASE)
"""Urlencoded, or as a part of a multipart form, whose headers may stand between."""


@leaving.route("/u/{token}", methods=READ, content_types=ANY_TYPE)
@door
def leave_page(token: str) -> Response:
    """Asks, with a button. Looks nothing up: scanners follow every link of a mail."""
    _, word = house.runtime().tokens.read(token)
    shown, names = pages(), names_of(word)
    single = [(name, shown.title_of(name)) for name in names] if len(names) > 1 else []
    many = len(shown.site.newsletters) > len(names)
    title = _titles(shown, names)
    return answer(shown.page("leave", title=title, single=single, many=many, reasons=REASONS, most=MAX_REASON))


@leaving.route("/u/{token}", methods=WRITE, content_types=ANY_TYPE)
@door
def leave(token: str) -> Response:
    """Leaves one newsletter, or all, by a button or by a mail program: the token alone decides.

    Of a mail that holds two, a mail program's one click leaves both: it is to stop this mail.
    Whatever the body is, it never keeps anybody: what can't be read is a press of the first button.
    """
    runtime = house.runtime()
    sid, word = runtime.tokens.read(token)
    raw, now, names = _body(), runtime.clock(), names_of(word)
    if _ONE_CLICK.search(raw):
        for newsletter in names:
            runtime.audience.leave(sid, newsletter, now, "one-click from a mail program")
        return _left(names)
    form = fields_of(raw) or {}
    how, why = "the unsubscribe page", _why(first(form, "why"), first(form, "words"))
    if first(form, "act") == "all":
        runtime.audience.leave_all(sid, now, how, why)
        return _left(())
    single = [newsletter for newsletter in names if newsletter == first(form, "act").removeprefix("only:")]
    for newsletter in single or names:
        runtime.audience.leave(sid, newsletter, now, how, why)
    return _left(single or names)


def _titles(shown: "Pages", names: Sequence[str]) -> str:
    titles = [shown.title_of(name) for name in names]
    return shown.say("web.leave.two", first=titles[0], second=titles[1]) if len(titles) > 1 else "".join(titles)


def _left(names: Sequence[str]) -> Response:
    """The same for whoever has left before, and for whoever is unknown here.

    It leads to the form to subscribe, not to preferences: a link to leave never expires and may lie with others.
    """
    shown = pages()
    back = f"{shown.prefix}/subscribe" + (f"?{urlencode({'newsletter': names[0]})}" if len(names) == 1 else "")
    return answer(shown.page("left", title=_titles(shown, names), back_url=back))


def _why(reason: str, said: str) -> str:
    typed = words(said, MAX_REASON)
    return ": ".join(part for part in (reason if reason in REASONS else "", typed) if part)


def _body() -> bytes:
    """The first bytes of the body: any form of ours fits in, more is not looked at."""
    raw = request().raw_body
    return (raw if isinstance(raw, bytes) else raw.encode("utf-8", "replace"))[:MAX_FORM]
