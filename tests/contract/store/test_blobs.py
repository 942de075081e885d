"""The Blobs port."""

from collections.abc import Callable

import pytest

from chalicelib.errors import InvalidKeyError
from chalicelib.store import Blobs

NAMES = ["a", "a b+c&d=é?#%41", "a/b", "a/b/c.json", "aa/ü/🎈", "b", "ab", "｡", "🎈", "'\"<>"]


def test_put_get_delete(blobs: Blobs) -> None:
    content = bytes(range(256)) * 5000
    assert blobs.get("editions/x/letter.json") is None
    blobs.put("editions/x/letter.json", content)
    assert blobs.get("editions/x/letter.json") == content
    blobs.put("editions/x/letter.json", b"")
    assert blobs.get("editions/x/letter.json") == b""
    blobs.delete("editions/x/letter.json")
    blobs.delete("editions/x/letter.json")
    assert blobs.get("editions/x/letter.json") is None
    assert blobs.names("") == []


@pytest.mark.parametrize("prefix", ["", "a", "a/", "a/b", "aa", "none", "🎈", "\U0010ffff", "a b+"])
def test_names_by_prefix_are_sorted(blobs: Blobs, prefix: str) -> None:
    for name in NAMES:
        blobs.put(name, name.encode())
    assert blobs.names(prefix) == sorted(name for name in NAMES if name.startswith(prefix))
    assert all(blobs.get(name) == name.encode() for name in NAMES)


@pytest.mark.slow
def test_more_names_than_a_page_of_s3(blobs: Blobs) -> None:
    for n in range(1005):
        blobs.put(f"n/{n:04}", b"x")
    assert blobs.names("n/") == [f"n/{n:04}" for n in range(1005)]


@pytest.mark.parametrize(
    "name", ["", "/a", "a/", "a//b", "../a", "a/../b", ".", "a/.", "a\x00b", "a\nb", "\x7f", "x" * 901, "\ud800"]
)
def test_names_that_no_home_takes(blobs: Blobs, name: str) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: blobs.put(name, b""),
        lambda: blobs.get(name),
        lambda: blobs.delete(name),
    ]
    for attempt in attempts:
        with pytest.raises(InvalidKeyError):
            attempt()
    assert blobs.names("") == []
