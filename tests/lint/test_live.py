"""Dead links: each address asked once, within a number and a time; a refusal is no death."""

import time

from chalicelib.collect.fetch import Fetched, GoneError, Validators
from chalicelib.collect.found import SourceError
from chalicelib.lint.live import MOST_URLS, dead_links

ANSWERS = {
    "https://a.example/404": SourceError("answered 404 Not Found"),
    "https://a.example/410": GoneError("answered 410 Gone: it has ended"),
    "https://a.example/503": SourceError("answered 503 Service Unavailable"),
    "https://a.example/403": SourceError("answered 403 Forbidden"),
    "https://a.example/429": SourceError("answered 429 Too Many Requests"),
    "https://gone.example/": SourceError("can't be found: the host name gone.example can't be resolved"),
    "https://a.example/odd": RuntimeError("a surprise"),
}


class Asked:
    def __init__(self, seconds: float = 0.0) -> None:
        self.urls: list[str] = []
        self.seconds = seconds

    def __call__(self, location: str, known: Validators) -> Fetched:
        self.urls.append(location)
        time.sleep(self.seconds)
        if location in ANSWERS:
            raise ANSWERS[location]
        return Fetched(b"", location)


def test_the_dead_are_named_where_they_stand() -> None:
    urls = {url: ("content/posts/a.md", number) for number, url in enumerate([*ANSWERS, "https://a.example/"], 1)}
    asked = Asked()
    found = dead_links({**urls, "https://a.example/404#part": ("x", 9), "mailto:a@b.example": ("x", 1)}, asked)
    assert sorted(asked.urls) == sorted([*ANSWERS, "https://a.example/", "https://a.example/404"])
    assert [(p.file, p.line) for p in found if p.file != "x"] == [("content/posts/a.md", n) for n in (1, 2, 3, 6)]
    assert {problem.code for problem in found} == {"dead-link"}
    assert "answered 404 Not Found" in found[0].message


def test_no_more_than_so_many_are_asked() -> None:
    asked = Asked()
    found = dead_links({f"https://a.example/{n}": ("x", n) for n in range(MOST_URLS + 5)}, asked)
    assert len(asked.urls) == MOST_URLS
    assert [problem.message for problem in found] == [
        "the site links to 205 addresses, of which the first 200 were asked"
    ]


def test_it_ends_in_time() -> None:
    start = time.perf_counter()
    found = dead_links({f"https://a.example/{n}": ("x", n) for n in range(30)}, Asked(0.4), seconds=0.2)
    assert time.perf_counter() - start < 10  # one after the other they would take twelve
    assert "30 addresses did not answer within 0.2 seconds" in found[0].message
