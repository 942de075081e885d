"""Whether the public pages are where mails say: by the one guarded fetch."""

from collections.abc import Iterator
from html import escape

from chalicelib.collect.fetch import Fetch, Validators
from chalicelib.collect.found import SourceError
from chalicelib.content.values import Site
from chalicelib.doctor.findings import About, Finding, Topic

WEB = About(Topic.WEB)
_SETTING = "base_url in site.yaml"


def check_pages(site: Site, fetch: Fetch, endpoint: str = "") -> Iterator[Finding]:
    """``endpoint`` is the stage's own address, '' where there is none."""
    if not site.base_url.startswith("https://"):
        yield WEB.error(
            f"{site.base_url} is not https: programs offer no one click to unsubscribe (RFC 8058).",
            f"Let {_SETTING} begin with https://.",
        )
    found = list(_front(site, fetch, site.base_url, "base_url"))
    yield from found
    if endpoint and endpoint.rstrip("/") != site.base_url and any(one.do for one in found):
        yield from _front(site, fetch, endpoint.rstrip("/"), "the stage's EndpointURL")
    for called, url in (("The imprint", site.imprint_url), ("The privacy notice", site.privacy_url)):
        if url:
            yield from _there(called, url, fetch)


def _front(site: Site, fetch: Fetch, url: str, called: str) -> Iterator[Finding]:
    try:
        body = (fetch(f"{url}/", Validators()).body or b"").decode("utf-8", "replace")
    except SourceError as error:
        yield WEB.error(
            f"{called} {url}: {error}. Links of mails lead there.",
            f"Let it lead to where 'sendbrief serve' or the stage answers, or correct {_SETTING}.",
        )
        return
    if any(name in body or escape(name) in body for name in site.name.values()):
        yield WEB.ok(f"{called} {url} answers, and is this site.")
    else:
        yield WEB.error(
            f"{called} {url} answers, but is not this site: links to unsubscribe lead nowhere.",
            f"Let it lead to where 'sendbrief serve' or the stage answers, or correct {_SETTING}.",
        )


def _there(called: str, url: str, fetch: Fetch) -> Iterator[Finding]:
    try:
        fetch(url, Validators())
        yield WEB.ok(f"{called} is there.", url)
    except SourceError as error:
        yield WEB.warn(f"{called} {url}: {error}.", "Correct its address in site.yaml: it stands in every mail.")
