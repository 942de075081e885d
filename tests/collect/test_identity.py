"""What makes two finds one entry."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.collect.identity import canonical_url, identities, slugify, without_tracking

SAME = [
    "https://example.org/a/b",
    "http://example.org/a/b",
    "https://www.example.org/a/b/",
    "https://EXAMPLE.org:443/a/b#top",
    "http://example.org:80/a/b/index.html",
    "https://example.org/a/b?utm_source=x&utm_medium=y&fbclid=z",
    " https://example.org/a/b// ",
    "https://user@example.org/a/b",
]


@pytest.mark.parametrize("url", SAME)
def test_one_page_has_one_name(url: str) -> None:
    assert canonical_url(url) == "example.org/a/b"


@pytest.mark.parametrize(
    "url",
    ["https://example.org/a", "https://example.com/a/b", "https://example.org:8080/a/b", "https://example.org/A/b",
     "https://example.org/a/b?page=2", "https://wwwexample.org/a/b", "https://example.org/a/b/index.htmls"],
)  # fmt: skip
def test_other_pages_have_other_names(url: str) -> None:
    assert canonical_url(url) != "example.org/a/b"


PARTS = st.sampled_from(
    ["https://", "http://", "//", "www.", "example.org", "/", "index.html", "?", "a=b", "&", "utm_source=x", "#",
     "[::1]",     ":8080", ":x", "[", "%20", "%ff", "ä", "@", "\\", "..", " ", "://", "=", ";", "+"]
)  # fmt: skip


@settings(max_examples=400)
@given(st.one_of(st.text(), st.lists(PARTS, max_size=9).map(lambda parts: "https://" + "".join(parts))))
def test_a_canonical_url_is_its_own(url: str) -> None:
    once = canonical_url(url)
    assert canonical_url(once) == once
    without_tracking(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/?a=1&utm_source=x&b=%20", "https://example.org/?a=1&b=%20"),
        ("https://example.org/?utm_source=x", "https://example.org/"),
        ("https://example.org/a?ref=x#y", "https://example.org/a?ref=x#y"),
        ("https://[bad/?utm_source=x", "https://[bad/?utm_source=x"),
    ],
)
def test_tracking_is_taken_out_and_nothing_else(url: str, expected: str) -> None:
    assert without_tracking(url) == expected


def test_names() -> None:
    assert identities("s", guid="g", urls=("https://a.example.org/", "http://www.a.example.org"), slug="x") == (
        "url:a.example.org",
        "guid:s:g",
        "slug:s:x",
    )
    assert identities("s", urls=("mailto:a@example.org", "")) == ()


@pytest.mark.parametrize(
    ("title", "slug"),
    [("Größe & Maß!", "grosse-mass"), ("日本", ""), ("a" * 90, "a" * 60), ("--x--", "x"), ("ﬁne", "fine")],
)
def test_slugs(title: str, slug: str) -> None:
    assert slugify(title) == slug
