"""The mail of two newsletters (`merge: true`) in a preview: with which edition it is shared, and how many get it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from chalicelib.audience.audience import Audience
from chalicelib.audience.segments import admission
from chalicelib.audience.subscriber import Membership, MemberState
from chalicelib.audience.tokens import Secrets
from chalicelib.cli.context import scratch
from chalicelib.cli.draft_commands import coming_slot, next_draft
from chalicelib.cli.preview_sheets import Wanted
from chalicelib.compose.companions import merges, merging, pairs
from chalicelib.compose.edition import Content, State
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.compose.together import together
from chalicelib.content.segment_reading import filters_for
from chalicelib.content.values import Newsletter
from chalicelib.deliver.freezing import Guest, Plan
from chalicelib.errors import UsageError
from chalicelib.render.variants import Variant, variant_for, variant_with_guest
from chalicelib.runtime import Runtime

Two = tuple[Content, Content]
"""A host and its guest."""
_OPEN = frozenset({State.DRAFT, State.APPROVED})


@contextmanager
def audience_of(runtime: Runtime) -> Iterator[Audience]:
    """Who reads what, to be counted: of a copy of the store where there can be one, on AWS of the store itself."""
    if runtime.settings.store == "aws":
        yield Audience(runtime.table, Secrets(("counting takes no key",)))  # so that no pipeline must have it
        return
    with scratch(runtime) as copy:
        yield copy.audience


def shared(runtime: Runtime, what: str, content: Content) -> Two | None:
    """The two editions of which one is previewed, where readers of both get them in one mail.

    ``what`` names a newsletter, whose next edition ``content`` is, or an edition.
    """
    site = runtime.site
    if "/" in what:
        editions = runtime.dispatcher.editions
        edition = editions.find(what)
        if other := edition.guest or edition.host:
            beside = editions.content(editions.find(other))
            return (content, beside) if edition.guest else (beside, content)
        others = list(_stored(runtime, editions, edition))
    else:
        others = list(_coming(runtime, site.newsletters[what]))
    return next((two for two in pairs(site, [content, *others]) if content in two), None)


def _stored(runtime: Runtime, editions: EditionStore, edition: Edition) -> Iterator[Content]:
    """Of one that is still to go out: what the other newsletters have for its slot."""
    for newsletter in merging(runtime.site) if edition.state in _OPEN else ():
        other = editions.get(newsletter.name, edition.slot)
        if other and other.state in _OPEN and newsletter.name != edition.newsletter:
            yield editions.content(other)


def _coming(runtime: Runtime, newsletter: Newsletter) -> Iterator[Content]:
    """The other newsletters' next editions, where they have the same slot and are not empty."""
    now = runtime.clock()
    for other in merging(runtime.site) if merges(newsletter) else ():
        if other.name == newsletter.name:
            continue
        try:
            meets = coming_slot(other, runtime, now) == coming_slot(newsletter, runtime, now)
        except UsageError:  # its rule has ended
            continue
        made = next_draft(runtime, other.name).content if meets else None
        if made and (made.entries or made.intro_html):
            yield made


def wanted_pair(runtime: Runtime, two: Two, shown: Content) -> tuple[list[Wanted], int]:
    """Both in one mail in each language, for readers of all topics of either; how many get both, whatever of it."""
    site, (host, guest), both = runtime.site, two, together(*two)
    readers, other = _readers(runtime, two, both), guest if shown is host else host
    wanted = []
    for language in site.languages:
        whole = [variant_for(one, site.languages, site.fallback, language, None) for one in two]
        if whole[0] and whole[1]:
            variant = variant_with_guest(both, whole[0], whole[1])
            name = f"{language}+{other.newsletter}"
            wanted.append(Wanted(name, variant, None, readers[variant], f"in one mail with {other.edition_id}"))
    return wanted, readers.total()


def _readers(runtime: Runtime, two: Two, both: Content) -> Counter[Variant]:
    """How many get which variant of both, as planning decides it."""
    plans = [_plan(runtime, content) for content in two]
    with audience_of(runtime) as audience:
        members = [audience.members(content.newsletter) for content in two]
        return _counted(plans[0], Guest(plans[1], both), members[0], {one.sid: one for one in members[1]})


def _counted(host: Plan, guest: Guest, hosts: Iterable[Membership], guests: dict[str, Membership]) -> Counter[Variant]:
    found = Counter[Variant]()
    for member in hosts:
        if member.state is MemberState.CONFIRMED and host.takes(member):
            own = host.variant(member)
            if own and not host.skipped(member, own) and (variant := guest.variant(guests.get(member.sid), own)):
                found[variant] += 1
    return found


def _plan(runtime: Runtime, content: Content) -> Plan:
    site = runtime.site
    note = site.notes.get((content.newsletter, content.slot))
    filters = filters_for(site.newsletters[content.newsletter], note)
    return Plan(site, content, admission(filters, site, content.slot_at), lambda _zone: None)
