"""The public routes, as a Blueprint: front page, archive, pictures. GET and HEAD change nothing."""

from functools import cache

from chalice.app import Blueprint, Response

from chalicelib.compose.editions import EditionStore
from chalicelib.content.archives import issue_of
from chalicelib.web import house
from chalicelib.web.answers import HTML, answer, door, file_answer, pages, query
from chalicelib.web.doors import Doors
from chalicelib.web.pages import Pages
from chalicelib.web.reading import archive_page, edition_page, front_page, newsletter_page, old_issue_page

public = Blueprint(__name__)

READ = ["GET", "HEAD"]
ANY_TYPE = ["*/*"]  # what a reader says of a body that nobody reads is no reason to refuse
INDEX_CACHE, EDITION_CACHE, PICTURE_CACHE = "public, max-age=300", "public, max-age=600", "public, max-age=86400"
EDITION_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' https: data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""Mails style every element by itself; a hash can't cover that. Their content is sanitised all the same."""


@public.route("/", methods=READ, content_types=ANY_TYPE)
@door
def front() -> Response:
    """The site's name, its newsletters, the newest edition of each."""
    return answer(front_page(pages(), _editions()), cache=INDEX_CACHE)


@public.route("/archive", methods=READ, content_types=ANY_TYPE)
@door
def archive() -> Response:
    """All newsletters with their newest editions."""
    return answer(archive_page(pages(), _editions()), cache=INDEX_CACHE)


@public.route("/archive/{newsletter}", methods=READ, content_types=ANY_TYPE)
@door
def newsletter_archive(newsletter: str) -> Response:
    """One newsletter's editions; ``?before=<slot>`` goes on."""
    return answer(newsletter_page(pages(), _editions(), newsletter, query("before")), cache=INDEX_CACHE)


@public.route("/archive/{newsletter}/{slot}/{language}", methods=READ, content_types=ANY_TYPE)
@door
def edition(newsletter: str, slot: str, language: str) -> Response:
    """One edition, once it is being sent, or an imported issue. Answers 304 where the reader has it already."""
    shown, editions = pages(), _editions()
    if issue_of(shown.site, newsletter, slot) and editions.get(newsletter, slot) is None:
        return answer(old_issue_page(shown, editions, newsletter, slot, language), cache=EDITION_CACHE)
    html = edition_page(Pages(shown.site, language), editions, newsletter, slot)
    bears = {"Content-Security-Policy": EDITION_POLICY, "Content-Language": language}
    return file_answer(html.encode("utf-8", "replace"), HTML, cache=EDITION_CACHE, **bears)


def picture(**parts: str) -> Response:
    """A picture below content/, however deep."""
    from chalicelib.web.media import read_picture

    found = read_picture(house.runtime().site.root, [parts[name] for name in sorted(parts)])
    return Response(found.content, {"Content-Type": found.media_type, "Cache-Control": PICTURE_CACHE})


def _register_pictures(deepest: int) -> None:
    """One route for each depth: Chalice's own test client and swagger know no greedy path variables."""
    view = door(picture)
    for depth in range(1, deepest + 1):
        path = "/".join(f"{{part{number}}}" for number in range(1, depth + 1))
        public.route(f"/media/{path}", methods=READ, content_types=ANY_TYPE, name=f"picture{depth}")(view)


_register_pictures(6)


def _editions() -> EditionStore:
    runtime = house.runtime()
    return EditionStore(runtime.table, runtime.blobs)


@cache
def application() -> Doors:
    """The Chalice app with all public routes. A Blueprint can be used once only."""
    return Doors().open_all()
