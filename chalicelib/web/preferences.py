"""The page behind a mail's link to preferences, as a Blueprint: what one member gets of one newsletter."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import parse_qs

from chalice.app import Blueprint, Response

from chalicelib.audience.choices import ALL, CHOSEN, FormError, offered, read_wishes
from chalicelib.audience.subscriber import Membership, MemberState
from chalicelib.content.values import Newsletter
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
    """Shows what somebody gets, and changes nothing: scanners follow links."""
    runtime = house.runtime()
    sid, name = runtime.preferences.read(token, runtime.clock())
    member = runtime.audience.membership(name, sid)
    newsletter = runtime.site.newsletters.get(name)
    if newsletter is None or member is None or member.state is not MemberState.CONFIRMED:
        return _no_member(name)
    return _form(newsletter, member)


@preferences.route("/p/{token}", methods=["POST"], content_types=["*/*"])
@door
def choose(token: str) -> Response:
    """Keeps what somebody chose, and shows it; the token alone decides, as with unsubscribing."""
    runtime = house.runtime()
    now = runtime.clock()
    sid, name = runtime.preferences.read(token, now)
    body = request().raw_body
    if len(body) > MAX_FORM:
        return error_answer(413)
    newsletter, member = runtime.site.newsletters.get(name), runtime.audience.membership(name, sid)
    if newsletter is None or member is None or member.state is not MemberState.CONFIRMED:
        return _no_member(name)
    form = {**_fields(body), "newsletter": [name]}
    if len(form) == 1:
        return error_answer(400, "bad_form")
    try:
        wishes = read_wishes(form, runtime.site, {name: member}, now.date())
    except FormError as error:
        if error.code == "no_topics":
            return _form(newsletter, replace(member, topics=frozenset()), said="none", status=400)
        return error_answer(400, "bad_form")
    person = runtime.audience.arrange(sid, wishes, [name], now, HOW)
    return _form(newsletter, person.members[name], said="saved") if person else _no_member(name)


def _fields(body: bytes | str) -> Mapping[str, list[str]]:
    """The fields of an urlencoded form; of anything else none that mean something."""
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    try:
        return parse_qs(text, keep_blank_values=True, errors="replace", max_num_fields=MAX_FIELDS)
    except ValueError:
        return {}


def _no_member(newsletter: str) -> Response:
    shown = pages()
    return answer(shown.page("no_member", title=shown.title_of(newsletter)), 404)


def _form(newsletter: Newsletter, member: Membership, said: str = "", status: int = 200) -> Response:
    """The form with its current values ticked; ``said`` is '', ``saved`` or ``none`` (no topic was ticked)."""
    runtime, shown = house.runtime(), pages()
    site, offer = runtime.site, offered(runtime.site, newsletter)
    page = shown.page(
        "preferences",
        title=shown.title_of(newsletter.name),
        newsletter=newsletter.name,
        said=said,
        chosen=_ticked(member, choose_language(site.languages, member.language, "")),
        leave_url=f"{shown.prefix}/u/{runtime.tokens.make(member.sid, newsletter.name)}",
        offer=offer,
        topic_title=lambda topic: shown.said(topic.title) or topic.name,
    )
    return answer(page, status)


def _ticked(member: Membership, language: str) -> Mapping[str, object]:
    """What is ticked: a value for each field, and the names of the topics."""
    topics = member.topics or frozenset[str]()
    which = ALL if member.topics is None else CHOSEN
    return {"language": language, "cadence": member.cadence, "topics": which, "topic": topics}
