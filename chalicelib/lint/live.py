"""Dead links: whether what a site links to is there. The only lint that asks the network, by the guarded fetch."""

import re
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait

from chalicelib.collect.fetch import Fetch, Validators
from chalicelib.collect.found import SourceError
from chalicelib.content.values import Problem
from chalicelib.lint.findings import WARNING, shown

MOST_URLS = 200
SECONDS = 60.0
SECONDS_EACH = 8.0
_DEAD = re.compile(
    r"\Aanswered (?:404|410|5\d\d)\b|host name|connection|certificate|TLS|refused|took too long|not fetched"
)
_ASKERS = 8


def dead_links(urls: Mapping[str, tuple[str, int]], fetch: Fetch, seconds: float = SECONDS) -> list[Problem]:
    """A warning for each address that does not answer; ``urls`` maps an address to the file and line it stands in.

    Each is asked once, 200 at most. A refusal (401, 403, 429) may be meant for programs alone and says nothing.
    """
    asked = [url for url in urls if re.match(r"(?i)https?://", url)][:MOST_URLS]
    pool = ThreadPoolExecutor(_ASKERS)
    try:
        answers: dict[Future[str], str] = {pool.submit(_trouble, url, fetch): url for url in asked}
        done, late = wait(answers, timeout=seconds)
        found = [(answers[answer], answer.result()) for answer in done]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    problems = [_problem(url, words, urls[url]) for url, words in found if words]
    problems += [_left(len(late), seconds)] if late else []
    problems += [_beyond(len(urls))] if len(urls) > MOST_URLS else []
    return sorted(set(problems))


def _trouble(url: str, fetch: Fetch) -> str:
    """Why an address is dead, '' where it is not."""
    try:
        fetch(url.partition("#")[0], Validators())
    except SourceError as error:
        return str(error) if _DEAD.search(str(error)) else ""
    except Exception:  # noqa: BLE001 (a server's surprise is no proof that a page is gone)
        return ""
    return ""


def _problem(url: str, words: str, place: tuple[str, int]) -> Problem:
    return Problem(*place, "dead-link", WARNING, f"{shown(url)} {words}; mend the link, or take it out")


def _left(count: int, seconds: float) -> Problem:
    words = f"{count} addresses did not answer within {seconds:g} seconds altogether, and were left"
    return Problem("content/site.yaml", 0, "dead-link", WARNING, words)


def _beyond(count: int) -> Problem:
    words = f"the site links to {count} addresses, of which the first {MOST_URLS} were asked"
    return Problem("content/site.yaml", 0, "dead-link", WARNING, words)
