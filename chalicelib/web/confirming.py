"""The page behind the button of the mail that asks to confirm a subscription, as a Blueprint."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chalice.app import Blueprint, Response

from chalicelib.audience.people import Person
from chalicelib.compose.editions import EditionStore
from chalicelib.compose.schedule import next_slot
from chalicelib.deliver.notices import Task, ask
from chalicelib.render.notices import Kind
from chalicelib.web import house
from chalicelib.web.answers import answer, door, pages
from chalicelib.web.archive import EditionLink, shelf
from chalicelib.web.forms import ANY_TYPE, READ, WRITE, is_stale, nonce, read_form
from chalicelib.web.nonces import NONCE_FIELD
from chalicelib.web.pages import Pages

confirming = Blueprint(__name__)

PURPOSE = "confirm"


@dataclass(frozen=True, slots=True)
class Coming:
    """What somebody is going to get of a newsletter: ``following`` is the day of the next issue, or ''."""

    title: str
    cadence: str
    following: str
    latest: EditionLink | None


@confirming.route("/c/{token}", methods=READ, content_types=ANY_TYPE)
@door
def confirm_page(token: str) -> Response:
    """Asks, with one button. Scanners follow every link of a mail, so reading confirms nothing."""
    runtime, now = house.runtime(), house.runtime().clock()
    sid, _ = runtime.confirmations.read(token, now)
    return _question(sid, token, now)


@confirming.route("/c/{token}", methods=WRITE, content_types=ANY_TYPE)
@door
def confirm(token: str) -> Response:
    """Makes somebody a member of what they asked for, and leaves a task to welcome them."""
    runtime, now = house.runtime(), house.runtime().clock()
    sid, _ = runtime.confirmations.read(token, now)
    if is_stale(read_form(), PURPOSE, token, now):
        return _question(sid, token, now, said="again")
    pending = runtime.signups.pending(sid)
    confirmed = runtime.signups.confirm(sid, now)
    if confirmed is None:
        return _nothing()
    if confirmed.added:
        language = pending.language if pending else pages().language
        ask(runtime.notice_queue, Task(Kind.WELCOME, confirmed.person.sid, language, confirmed.added))
    return _welcome(confirmed.person, now)


def _question(sid: str, token: str, now: datetime, said: str = "") -> Response:
    """The button; for whoever pressed it before, what came of it; else what to do, the same for a stranger."""
    runtime, shown = house.runtime(), pages()
    pending = runtime.signups.pending(sid)
    if pending is None:
        person = runtime.audience.person(sid)
        return _welcome(person, now) if person.confirmed and not person.stopped else _nothing()
    titles = [shown.title_of(name) for name in pending.newsletters if name in runtime.site.newsletters]
    page = shown.page("confirm", said=said, titles=titles, nonce=nonce(PURPOSE, token, now), nonce_field=NONCE_FIELD)
    return answer(page, 400 if said else 200)


def _nothing() -> Response:
    shown = pages()
    return answer(shown.page("nothing", about="confirm", reply_to=reply_to(shown)), 410)


def _welcome(person: Person, now: datetime) -> Response:
    runtime, shown = house.runtime(), pages()
    names = [name for name in runtime.site.newsletters if name in person.confirmed]
    page = shown.page(
        "welcome",
        coming=coming(shown, person, names, now),
        preferences_url=preferences_url(shown, person.sid, names, now),
    )
    return answer(page)


def coming(shown: Pages, person: Person, names: Sequence[str], now: datetime) -> list[Coming]:
    """What a person gets of some newsletters, when it comes next, and the newest issue there is."""
    runtime, found = house.runtime(), []
    editions = EditionStore(runtime.table, runtime.blobs)
    for name in names:
        newsletter, cadence = shown.site.newsletters[name], person.confirmed[name].cadence
        zone = shown.site.time_zone
        slot = next_slot(newsletter.schedule, zone, now) if newsletter.schedule and cadence == "every" else None
        latest = shelf(shown, editions, name, most=1).editions
        found.append(
            Coming(
                title=shown.title_of(name),
                cadence=shown.say(f"web.choose.cadences.{cadence}"),
                following=shown.say.date(slot.dated.astimezone(zone)) if slot else "",
                latest=latest[0] if latest else None,
            )
        )
    return found


def preferences_url(shown: Pages, sid: str, names: Sequence[str], now: datetime) -> str:
    """A link to the preferences page of whoever has just shown that they are the one."""
    newsletter = next(iter(names), next(iter(shown.site.newsletters), ""))
    return f"{shown.prefix}/p/{house.runtime().preferences.make(sid, newsletter, now)}"


def reply_to(shown: Pages) -> str:
    """Where a person answers who is written to."""
    return shown.site.sender.reply_to or shown.site.sender.address
