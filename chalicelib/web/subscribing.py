"""The form to subscribe, as a Blueprint: the same answer, after the same writes, for known and unknown addresses."""

from datetime import datetime
from typing import NoReturn

from chalice.app import Blueprint, Response

from chalicelib.audience.address import parse_address
from chalicelib.audience.choices import Form, FormError, Wishes, read_wishes
from chalicelib.audience.limits import Limits, Taken
from chalicelib.audience.mx import MailServers
from chalicelib.audience.signup import Request, keep_text
from chalicelib.content.subscribing import WorkUse
from chalicelib.deliver.notices import Task, ask
from chalicelib.errors import AddressError
from chalicelib.render.notices import Kind
from chalicelib.web import house
from chalicelib.web.address_words import address_message, finding_message, hint
from chalicelib.web.admission import Asked, admit
from chalicelib.web.answers import RefusedError, answer, door, pages, request
from chalicelib.web.choosing import consent, languages, parts
from chalicelib.web.client_address import client_address
from chalicelib.web.forms import (
    ANY_TYPE,
    READ,
    WRITE,
    come_later,
    first,
    nonce_again,
    nonce_state,
    query_form,
    read_form,
    words,
)
from chalicelib.web.nonces import NONCE_FIELD, SOONEST, TRAP_FIELD, NonceState, is_trapped
from chalicelib.web.proof_of_work import ANSWER_FIELD, CHALLENGE_FIELD, ProofOfWork
from chalicelib.web.zones import zone_choice

subscribing = Blueprint(__name__)

FORM = "subscribe/2"
"""The version of the form, for the evidence: another number whenever its fields or their meaning change."""
PURPOSE = "subscribe"
LONGEST_SHOWN = 320
"""Characters of a field that are shown again."""


class _ShowAgainError(Exception):
    """The form is shown once more, filled as it was. ``said`` is what stands above it, ``part`` a newsletter in it.

    ``address`` are words beside that field, ``anyway`` the address that is taken if it is sent again as it is; where
    ``busy``, the browser has to work before it is.
    """

    def __init__(
        self, said: str, status: int = 400, *, address: str = "", part: str = "", anyway: str = "", busy: bool = False
    ) -> None:
        super().__init__(said)
        self.said, self.status, self.address, self.part = said, status, address, part
        self.anyway, self.busy = anyway, busy


@subscribing.route("/subscribe", methods=READ, content_types=ANY_TYPE)
@door
def subscribe_page() -> Response:
    """The form; ``?newsletter=a&topic.a=x`` fills it in. Changes nothing."""
    form, newsletters = query_form(), list(house.runtime().site.newsletters)
    if len(newsletters) == 1:
        form.setdefault("newsletter", newsletters)
    return _page(form, house.runtime().clock())


@subscribing.route("/subscribe", methods=WRITE, content_types=ANY_TYPE)
@door
def subscribe() -> Response:
    """Keeps what somebody asks for until they confirm it by mail, and leaves a task to write that mail."""
    form, now = read_form(), house.runtime().clock()
    try:
        return _asked(form, now)
    except _ShowAgainError as again:
        return _page(form, now, again)


def _asked(form: Form, now: datetime) -> Response:
    runtime = house.runtime()
    if nonce_state(form, PURPOSE, "", now, SOONEST) is not NonceState.OK:
        # Without a nonce it comes from a form on somebody's own site: nothing is wrong with that.
        raise _ShowAgainError("check", 400 if NONCE_FIELD in form else 200)
    if is_trapped(form):
        return _sent()
    address, wishes = _address(form), _wishes(form, now)
    flags = _screened(address, form, now)
    sid = runtime.audience.sid(address)
    taken = _admitted(sid, form, now)
    if taken.ok:
        _keep(sid, address, wishes, flags, now)
    elif taken.name != "address":
        return come_later(taken.retry_after_seconds)
    return _sent()


def _keep(sid: str, address: str, wishes: Wishes, flags: tuple[str, ...], now: datetime) -> None:
    """The writes: the words of the form, the request, the task. Reads nothing of whoever has the address."""
    runtime, shown = house.runtime(), pages()
    language = wishes.language or shown.language
    text = keep_text(runtime.table, "\n".join(consent(shown)), now)
    asked = Request(address, wishes.name, language, wishes.newsletters, FORM, text, now, flags, wishes.zone)
    runtime.signups.ask(sid, asked, now)
    ask(runtime.notice_queue, Task(Kind.CONFIRM, sid, language))


def _admitted(sid: str, form: Form, now: datetime) -> Taken:
    """Whether there is room for one more request. Raises _ShowAgainError where the site wants work first."""
    runtime = house.runtime()
    asked = Asked(sid, client_address(request()), first(form, CHALLENGE_FIELD), first(form, ANSWER_FIELD))
    limits, use = Limits(runtime.table, runtime.secrets.sid_key), runtime.site.subscribing.proof_of_work
    admission = admit(asked, use, limits, _work(), now)
    if admission.wants_work:
        raise _ShowAgainError("work", 400 if use is WorkUse.ALWAYS else 429, busy=True)
    return admission.taken


def _work() -> ProofOfWork:
    runtime = house.runtime()
    return ProofOfWork(runtime.table, runtime.secrets)


def _address(form: Form) -> str:
    try:
        return parse_address(first(form, "address"))
    except AddressError as error:
        raise _ShowAgainError("address", address=address_message(pages().say, error)) from None


def _screened(address: str, form: Form, now: datetime) -> tuple[str, ...]:
    """What a second look at the address found, by its codes. Raises _ShowAgainError where that refuses it, or where
    it is worth a word before the address is taken as it is.
    """
    from chalicelib.audience.screening import screen  # here, for only a form that was sent needs its lists

    site, table = house.runtime().site, house.runtime().table
    resolver = (lambda domain: MailServers(table).takes_mail(domain, now)) if site.subscribing.check_mx else None
    findings = screen(address, refuse_disposable=site.subscribing.refuse_disposable, resolver=resolver)
    say = pages().say
    for finding in findings:
        if finding.refuses:
            raise _ShowAgainError("address", address=finding_message(say, finding))
    words_beside = hint(say, findings)
    if words_beside and first(form, "anyway") != address:
        raise _ShowAgainError("hint", address=words_beside, anyway=address)
    return tuple(finding.code for finding in findings)


def _wishes(form: Form, now: datetime) -> Wishes:
    site = house.runtime().site
    asked = {name: values for name, values in form.items() if name != "pause"}
    try:
        wishes = read_wishes(asked, site, {}, now.astimezone(site.time_zone).date())
    except FormError as error:
        _not_kept(error)
    if not wishes.newsletters:
        raise _ShowAgainError("newsletters")
    return wishes


def _not_kept(error: FormError) -> NoReturn:
    if error.code == "no_topics":
        raise _ShowAgainError("topics", part=error.newsletter) from None
    raise RefusedError(400, "bad_form") from None


def _page(form: Form, now: datetime, again: _ShowAgainError | None = None) -> Response:
    shown, use = pages(), house.runtime().site.subscribing.proof_of_work
    works = use is WorkUse.ALWAYS or (again is not None and again.busy)
    part = (again.part, shown.say("web.choose.no_topics")) if again else ("", "")
    page = shown.page(
        "subscribe",
        said=again.said if again else "",
        parts=parts(shown, form, part),
        language_options=languages(shown, form),
        zone_options=zone_choice(shown, form),
        address=words(first(form, "address"), LONGEST_SHOWN),
        address_problem=again.address if again else "",
        anyway=again.anyway if again else "",
        name=words(first(form, "name"), LONGEST_SHOWN),
        consent=shown.say("web.subscribe.consent", sender=shown.said(shown.site.sender.name)),
        nonce=nonce_again(form, PURPOSE, "", now),
        nonce_field=NONCE_FIELD,
        trap_field=TRAP_FIELD,
        work=_work().make(now) if works else None,
        help_address=shown.site.sender.reply_to or shown.site.sender.address,
    )
    return answer(page, again.status if again else 200)


def _sent() -> Response:
    """The same bytes for everybody."""
    return answer(pages().page("check_mail", about="subscribe"))
