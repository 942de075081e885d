"""The page behind the button of the mail that asks to confirm a new address, as a Blueprint."""

from datetime import datetime

from chalice.app import Blueprint, Response

from chalicelib.web import house
from chalicelib.web.answers import answer, door, pages
from chalicelib.web.confirming import preferences_url, reply_to
from chalicelib.web.forms import ANY_TYPE, READ, WRITE, is_stale, nonce, read_form
from chalicelib.web.nonces import NONCE_FIELD

moving = Blueprint(__name__)

PURPOSE = "change-address"


@moving.route("/a/{token}", methods=READ, content_types=ANY_TYPE)
@door
def move_page(token: str) -> Response:
    """Asks, with one button, and changes nothing."""
    runtime, now = house.runtime(), house.runtime().clock()
    return _question(*runtime.changes.read(token, now), token, now)


@moving.route("/a/{token}", methods=WRITE, content_types=ANY_TYPE)
@door
def move(token: str) -> Response:
    """Moves a person to the address that this link was sent to."""
    runtime, now = house.runtime(), house.runtime().clock()
    old, new = runtime.changes.read(token, now)
    if is_stale(read_form(), PURPOSE, token, now):
        return _question(old, new, token, now, said="again")
    runtime.moves.confirm(old, new, now)
    return _done(new, now) if _has_moved(old, new) else _nothing()


def _question(old: str, new: str, token: str, now: datetime, said: str = "") -> Response:
    asked = house.runtime().moves.asked(old)
    if asked is None or asked[0] != new:
        return _done(new, now) if _has_moved(old, new) else _nothing()
    page = pages().page("move", said=said, nonce=nonce(PURPOSE, token, now), nonce_field=NONCE_FIELD)
    return answer(page, 400 if said else 200)


def _has_moved(old: str, new: str) -> bool:
    person = house.runtime().audience.person(old)
    return person.sid == new and person.profile is not None


def _done(sid: str, now: datetime) -> Response:
    shown, person = pages(), house.runtime().audience.person(sid)
    return answer(shown.page("moved", preferences_url=preferences_url(shown, sid, list(person.confirmed), now)))


def _nothing() -> Response:
    shown = pages()
    return answer(shown.page("nothing", about="move", reply_to=reply_to(shown)), 410)
