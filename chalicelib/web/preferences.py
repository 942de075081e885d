"""The page behind a mail's link to preferences, as a Blueprint: what one member gets of one newsletter."""

from collections.abc import Mapping
from urllib.parse import parse_qs

from chalice.app import Blueprint, Response

from chalicelib.audience.choices import ALL, CHOSEN, Choices, offered, read_choices
from chalicelib.audience.subscriber import Membership, MemberState
from chalicelib.content.values import Newsletter
from chalicelib.errors import NotFoundError
from chalicelib.web import house
from chalicelib.web.answers import answer, door, error_answer, pages, request
from chalicelib.web.languages import choose_language

preferences = Blueprint(__name__)

MAX_FORM = 16_384
"""Bytes of a form: some 200 topics with long names."""
MAX_FIELDS = 500
HOW = "the preferences page"


@preferences.route("/p/{token}", methods=["GET", "HEAD"], content_types=["*/*"])
@door
def preferences_page(token: str) -> Response:
    """Shows what somebody gets. Looks up the membership alone and changes nothing: scanners follow links."""
    try:
        sid, name = house.runtime().preferences.read(token)
    except NotFoundError:
        return error_answer(404, "bad_link")
    runtime = house.runtime()
    newsletter, member = runtime.site.newsletters.get(name), runtime.audience.membership(name, sid)
    if newsletter is None or member is None or member.state is not MemberState.CONFIRMED:
        return _no_member(name)
    return _form(newsletter, member, _choices_of(member))


@preferences.route("/p/{token}", methods=["POST"], content_types=["*/*"])
@door
def choose(token: str) -> Response:
    """Keeps what somebody chose, and shows it; the token alone decides, as with unsubscribing."""
    try:
        sid, name = house.runtime().preferences.read(token)
    except NotFoundError:
        return error_answer(404, "bad_link")
    runtime = house.runtime()
    newsletter, member = runtime.site.newsletters.get(name), runtime.audience.membership(name, sid)
    if newsletter is None or member is None or member.state is not MemberState.CONFIRMED:
        return _no_member(name)
    body = request().raw_body
    if len(body) > MAX_FORM:
        return error_answer(413)
    choices = read_choices(_fields(body), offered(runtime.site, newsletter), member)
    if choices is None:
        return error_answer(400, "bad_form")
    if choices.topics is not None and not choices.topics:
        return _form(newsletter, member, choices, said="none", status=400)
    now = runtime.audience.choose(sid, name, choices, runtime.clock(), HOW)
    return _form(newsletter, now, _choices_of(now), said="saved") if now else _no_member(name)


def _fields(body: bytes | str) -> Mapping[str, list[str]]:
    """The fields of an urlencoded form; of anything else none that mean something."""
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    try:
        return parse_qs(text, max_num_fields=MAX_FIELDS)
    except ValueError:
        return {}


def _choices_of(member: Membership) -> Choices:
    return Choices(member.language, member.cadence, member.topics)


def _no_member(newsletter: str) -> Response:
    """The same for whoever left, never came or was removed."""
    shown = pages()
    return answer(shown.page("no_member", title=shown.title_of(newsletter)))


def _form(
    newsletter: Newsletter, member: Membership, choices: Choices, *, said: str = "", status: int = 200
) -> Response:
    """The form with its current values ticked; ``said`` is '', ``saved`` or ``none`` (no topic was ticked)."""
    runtime, shown = house.runtime(), pages()
    site, offer = runtime.site, offered(runtime.site, newsletter)
    page = shown.page(
        "preferences",
        title=shown.title_of(newsletter.name),
        said=said,
        chosen=_ticked(choices, choose_language(site.languages, choices.language, "")),
        leave_url=f"{shown.prefix}/u/{runtime.tokens.make(member.sid, newsletter.name)}",
        offer=offer,
        topic_title=lambda topic: shown.said(topic.title) or topic.name,
    )
    return answer(page, status)


def _ticked(choices: Choices, language: str) -> Mapping[str, object]:
    """What is ticked: a value for each field, and the names of the topics."""
    topics = choices.topics or frozenset[str]()
    which = ALL if choices.topics is None else CHOSEN
    return {"language": language, "cadence": choices.cadence, "topics": which, "topic": topics}
