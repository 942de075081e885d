"""The newest public edition of newsletters, for a welcome to lead to."""

from collections.abc import Iterable

from chalicelib.compose.edition import State
from chalicelib.compose.editions import EditionStore
from chalicelib.content.values import Site
from chalicelib.render.notices import Latest
from chalicelib.render.rendered import archive_url
from chalicelib.render.renderer import render_subject
from chalicelib.render.templates import templates_for
from chalicelib.render.variants import variant_for

PUBLIC = frozenset({State.SENDING, State.SENT})


def latest_issues(
    site: Site, editions: EditionStore, newsletters: Iterable[str], language: str
) -> tuple[tuple[str, Latest], ...]:
    """By newsletter, the newest edition that anybody may read; newsletters without one are left out."""
    found = []
    for name in newsletters:
        public = (e for e in editions.of(name, newest_first=True) if e.state in PUBLIC and not e.gathering)
        edition, newsletter = next(public, None), site.newsletters.get(name)
        if edition is None or newsletter is None:
            continue
        content = editions.content(edition)
        variant = variant_for(content, site.languages, site.fallback, language, None)
        if variant:
            subject = render_subject(site, newsletter, content, variant, templates=templates_for(site.root))
            found.append((name, Latest(subject, archive_url(site, content, language))))
    return tuple(found)
