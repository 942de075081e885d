"""The page behind a mail's link to preferences, as a Blueprint: all that one person gets, their address, their data."""

from datetime import date, datetime

from chalice.app import Blueprint, Response

from chalicelib.audience.address import parse_address
from chalicelib.audience.choices import LONGEST_PAUSE, Form, FormError, read_wishes
from chalicelib.audience.limits import PER_ADDRESS, PER_NETWORK, Bucket, network_prefix
from chalicelib.audience.people import Person
from chalicelib.audience.suppression import WAY_BACK
from chalicelib.deliver.notices import Task, ask
from chalicelib.errors import AddressError
from chalicelib.render.notices import Kind
from chalicelib.web import house
from chalicelib.web.address_words import address_message
from chalicelib.web.answers import RefusedError, answer, door, error_answer, pages, request
from chalicelib.web.choosing import form_of, languages, parts
from chalicelib.web.client_address import client_address
from chalicelib.web.confirming import reply_to
from chalicelib.web.forms import (
    ANY_TYPE,
    READ,
    WRITE,
    come_later,
    first,
    is_stale,
    nonce,
    read_form,
    take,
    words,
)
from chalicelib.web.languages import choose_language
from chalicelib.web.nonces import NONCE_FIELD
from chalicelib.web.pages import Page
from chalicelib.web.zones import zone_choice

preferences = Blueprint(__name__)

PURPOSE = "preferences"
HOW = "the preferences page"
LONGEST_SHOWN = 320


@preferences.route("/p/{token}", methods=READ, content_types=ANY_TYPE)
@door
def preferences_page(token: str) -> Response:
    """Shows what somebody gets, and changes nothing: scanners follow links."""
    now = house.runtime().clock()
    person, gone = _whose(token, now)
    return gone or _Shown(token, person, now).answer(_kept(person, now))


@preferences.route("/p/{token}", methods=WRITE, content_types=ANY_TYPE)
@door
def choose(token: str) -> Response:
    """Keeps what somebody chose, or leaves a task: a mail to a new address, or one with a link to their data."""
    now = house.runtime().clock()
    person, gone = _whose(token, now)
    if gone:
        return gone
    form, shown = read_form(), _Shown(token, person, now)
    act = first(form, "act")
    if is_stale(form, PURPOSE, token, now):
        typed = form if act in {"", "save"} else _kept(person, now)
        return shown.answer(typed, "again", 400, typed=first(form, "address"))
    if act == "address":
        return _move(shown, first(form, "address"))
    if act == "data":
        return _send_data(shown)
    return _save(shown, form)


def _whose(token: str, now: datetime) -> tuple[Person, Response | None]:
    """The person of a link, also of one from before a change of address; and the answer where there is no choosing."""
    runtime, shown = house.runtime(), pages()
    sid, newsletter = runtime.preferences.read(token, now)
    person = runtime.audience.person(sid)
    if person.profile is None:
        return person, answer(shown.page("no_member", title=shown.title_of(newsletter)), 404)
    stopped = runtime.suppressions.of(person.sid, person.profile.address)
    if stopped:
        back = stopped.reason in WAY_BACK
        return person, answer(shown.page("stopped", can_come_back=back, reply_to=reply_to(shown)), 403)
    return person, None


def _kept(person: Person, now: datetime) -> Form:
    language = person.profile.language if person.profile else ""
    first_language = next((one.language for one in person.confirmed.values()), language)
    return form_of(person.members, first_language or language, _today(now))


def _today(now: datetime) -> date:
    return now.astimezone(house.runtime().site.time_zone).date()


class _Shown:
    """The page of one person's link at one moment."""

    def __init__(self, token: str, person: Person, now: datetime) -> None:
        self.token, self.person, self.now = token, person, now

    def answer(self, form: Form, said: str = "", status: int = 200, **more: str) -> Response:
        """The page with a form's values. ``said`` names what stands above it: ``saved``, or what has to be mended."""
        return answer(self._page(form, said, **more), status)

    def _page(self, form: Form, said: str, *, part: str = "", address: str = "", typed: str = "") -> Page:
        shown, today = pages(), _today(self.now)
        profile = self.person.profile
        return shown.page(
            "preferences",
            said=said,
            had=form.get("had") or list(self.person.confirmed),
            parts=parts(shown, form, (part, shown.say("web.choose.no_topics"))),
            language_options=languages(shown, form),
            zone_options=zone_choice(shown, form),
            has_name=bool(profile and profile.name),
            name=words(first(form, "name"), LONGEST_SHOWN),
            pause=words(first(form, "pause"), 10),
            pause_first=date.fromordinal(today.toordinal() + 1).isoformat(),
            pause_last=(today + LONGEST_PAUSE).isoformat(),
            pause_problem=said == "pause",
            masked=_masked(profile.address) if profile else "",
            new_address=words(typed, LONGEST_SHOWN),
            address_problem=address,
            leave_url=self._leave_url(),
            nonce=nonce(PURPOSE, self.token, self.now),
            nonce_field=NONCE_FIELD,
        )

    def _leave_url(self) -> str:
        newsletter = next(iter(self.person.confirmed), "")
        if not newsletter:
            return ""
        return f"{pages().prefix}/u/{house.runtime().tokens.make(self.person.sid, newsletter)}"


def _save(shown: _Shown, form: Form) -> Response:
    runtime, person = house.runtime(), shown.person
    try:
        wishes = read_wishes(_with_name(form), runtime.site, person.members, _today(shown.now))
    except FormError as error:
        if error.code == "foreign":
            raise RefusedError(400, "bad_form") from None
        return shown.answer(form, error.code, 400, part=error.newsletter)
    arranged = runtime.audience.arrange(person.sid, wishes, list(runtime.site.newsletters), shown.now, HOW)
    if arranged is None:
        return _whose(shown.token, shown.now)[1] or error_answer(404)
    said = "saved" if arranged.confirmed else "left"
    return _Shown(shown.token, arranged, shown.now).answer(_kept(arranged, shown.now), said)


def _with_name(form: Form) -> Form:
    """The page shows no name, so an empty field means the one that is kept; a box says that it should go."""
    rest = {field: values for field, values in form.items() if field != "name"}
    if first(form, "forget_name"):
        return {**rest, "name": [""]}
    return form if first(form, "name").strip() else rest


def _move(shown: _Shown, typed: str) -> Response:
    """Keeps a wish for another address. The answer is the same whether that address is known here, or is theirs."""
    runtime, person, kept = house.runtime(), shown.person, _kept(shown.person, shown.now)
    try:
        address = parse_address(typed)
    except AddressError as error:
        return shown.answer(kept, "address", 400, address=address_message(pages().say, error), typed=typed)
    new = runtime.audience.sid(address)
    taken = take(Bucket("address", new, PER_ADDRESS), Bucket("mover", person.sid, PER_ADDRESS), _network(),
                 now=shown.now)  # fmt: skip
    if taken.name == "network":
        return come_later(taken.retry_after_seconds)
    if taken.ok and new != person.sid:
        runtime.moves.ask(person.sid, new, address, shown.now)
        for kind in (Kind.CHANGE, Kind.MOVING):
            ask(runtime.notice_queue, Task(kind, person.sid, _language(person)))
    return answer(pages().page("check_mail", about="move"))


def _send_data(shown: _Shown) -> Response:
    """Asks for a mail with a link to all that is known: this page may be open to whoever got a forwarded mail."""
    taken = take(_network(), now=shown.now)
    if not taken.ok:
        return come_later(taken.retry_after_seconds)
    ask(house.runtime().notice_queue, Task(Kind.DATA, shown.person.sid, _language(shown.person)))
    return answer(pages().page("check_mail", about="data"))


def _network() -> Bucket:
    return Bucket("network", network_prefix(client_address(request())), PER_NETWORK)


def _language(person: Person) -> str:
    """What somebody is written to in: the language of their mails."""
    kept = next((one.language for one in person.confirmed.values()), person.profile.language if person.profile else "")
    return choose_language(house.runtime().site.languages, kept, pages().language)


def _masked(address: str) -> str:
    """Enough to know one's own address by, too little to learn somebody else's."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"
