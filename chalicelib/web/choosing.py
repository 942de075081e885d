"""The newsletters of a site as a form shows them: each with its cadences and topics, ticked as the form has it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from chalicelib.audience.choices import ALL, CHOSEN, EVERY, Form, first_of, offered
from chalicelib.audience.subscriber import Membership, MemberState
from chalicelib.compose.editions import EditionStore
from chalicelib.content.values import Newsletter
from chalicelib.web import house
from chalicelib.web.archive import EditionLink, shelf
from chalicelib.web.forms import first
from chalicelib.web.languages import choose_language
from chalicelib.web.pages import Pages


@dataclass(frozen=True, slots=True)
class Option:
    """One thing to tick. ``language`` is that of its text, where it may not be the page's."""

    value: str
    text: str
    ticked: bool
    language: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A newsletter in a form. ``cadences``, ``topics`` are empty where there is nothing to choose; ``all``: of topics.
    ``cadence`` says how often it comes where that can't be chosen.

    ``problem`` says in words what has to be mended in this part, or ''.
    """

    name: str
    title: str
    description: str
    ticked: bool
    cadence: str
    cadences: tuple[Option, ...]
    all: bool
    topics: tuple[Option, ...]
    latest: EditionLink | None
    problem: str


def parts(pages: Pages, form: Form, problem: tuple[str, str] = ("", "")) -> list[Part]:
    """All newsletters of the site, in its order. ``problem`` is a newsletter's name and what is wrong there."""
    runtime = house.runtime()
    editions = EditionStore(runtime.table, runtime.blobs)
    ticked = set(form.get("newsletter", ()))
    found = []
    for newsletter in pages.site.newsletters.values():
        name, offer = newsletter.name, offered(pages.site, newsletter)
        latest = shelf(pages, editions, name, most=1).editions
        found.append(
            Part(
                name=name,
                title=pages.title_of(name),
                description=pages.said(newsletter.description),
                ticked=name in ticked,
                cadence="" if offer.cadences else pages.say(f"web.choose.cadences.{newsletter.cadences[0]}"),
                cadences=tuple(_cadences(pages, offer.cadences, first(form, f"cadence.{name}"))),
                all=_is_all(form, name),
                topics=tuple(_topics(pages, newsletter, form)),
                latest=latest[0] if latest else None,
                problem=problem[1] if problem[0] == name else "",
            )
        )
    return found


def languages(pages: Pages, form: Form) -> list[Option]:
    """The languages to choose from, none where the site has one: the form's ticked, else the page's."""
    tags = pages.site.languages
    chosen = choose_language(tags, first(form, "language") or pages.language, "")
    return [Option(tag, pages.own_name(tag), tag == chosen, tag) for tag in tags] if len(tags) > 1 else []


def form_of(members: Mapping[str, Membership], language: str, today: date) -> Form:
    """What somebody gets, as the form that would lead there. What they left has its choices, and is not ticked.

    The name is not in it: a page shows none to whoever holds a forwarded mail.
    """
    confirmed = [name for name, one in members.items() if one.state is MemberState.CONFIRMED]
    form: dict[str, list[str]] = {"newsletter": confirmed, "language": [language]}
    form["zone"] = [first_of(members, "zone")]
    for name, one in members.items():
        form[f"cadence.{name}"] = [one.cadence]
        form[f"topics.{name}"] = [ALL if one.topics is None else CHOSEN]
        form[f"topic.{name}"] = sorted(one.topics or ())
    pauses = (members[name].paused_until for name in confirmed)
    form["pause"] = [until for until in pauses if until > today.isoformat()][:1]
    return form


def consent(pages: Pages) -> tuple[str, ...]:
    """The words above the button, line by line: who sends what, how one leaves, where it says what is kept."""
    say, site = pages.say, pages.site
    titles = [pages.title_of(name) for name in site.newsletters]
    what = [
        f"{title}: {pages.said(one.description)}" for title, one in zip(titles, site.newsletters.values(), strict=True)
    ]
    return (*what, say("web.subscribe.consent", sender=pages.said(site.sender.name)), site.privacy_url)


def _cadences(pages: Pages, offer: Sequence[str], chosen: str) -> Iterator[Option]:
    known = chosen if chosen in offer else EVERY if EVERY in offer else next(iter(offer), "")
    for cadence in offer:
        yield Option(cadence, pages.say(f"web.choose.cadences.{cadence}"), cadence == known)


def _is_all(form: Form, name: str) -> bool:
    """A link to the form may name topics alone: then they are what is meant."""
    return first(form, f"topics.{name}") != CHOSEN if f"topics.{name}" in form else not form.get(f"topic.{name}")


def _topics(pages: Pages, newsletter: Newsletter, form: Form) -> Iterator[Option]:
    ticked = set(form.get(f"topic.{newsletter.name}", ()))
    for topic in offered(pages.site, newsletter).topics:
        yield Option(topic.name, pages.said(topic.title) or topic.name, topic.name in ticked)
