"""``webhooks`` of site.yaml: what is read, and what is wrong by file and line."""

from pathlib import Path

import pytest

from chalicelib.content.load import load_site
from chalicelib.content.webhooks import Happening
from tests.web.site import SITE, write_site

ELEVEN = ", ".join(f"{{url: 'https://a{n}.example/'}}" for n in range(11))


def problems(folder: Path, lines: str) -> list[tuple[int, str, str]]:
    root = write_site(folder / "site")
    (root / "content" / "site.yaml").write_text(f"{SITE}{lines}\n", "utf-8")
    first = SITE.count("\n")
    return [(one.line - first, one.code, one.message) for one in load_site(root).problems]


def test_they_are_read_with_all_events_where_none_is_named(tmp_path: Path) -> None:
    root = write_site(tmp_path / "site")
    more = """\
webhooks:
  - url: https://crm.example.org/hook?key=1
  - {url: 'http://127.0.0.1:9000/x', events: [confirmed, edition-sent]}
"""
    (root / "content" / "site.yaml").write_text(SITE + more, "utf-8")
    first, second = load_site(root).require().webhooks
    assert (first.url, first.events) == ("https://crm.example.org/hook?key=1", frozenset(Happening))
    assert second.events == {Happening.CONFIRMED, Happening.EDITION_SENT}
    assert load_site(write_site(tmp_path / "other")).require().webhooks == ()


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("webhooks: [{url: 'http://crm.example.org/'}]", "bad-value", "begin with https://"),
        ("webhooks: [{url: 'https://me:secret@crm.example.org/'}]", "bad-value", "leave it out"),
        ("webhooks: [{url: 'https://crm.example.org/#x'}]", "bad-value", "leave out"),
        ("webhooks: [{url: 'ftp://crm.example.org/'}]", "bad-value", "no web address"),
        (f"webhooks: [{{url: 'https://crm.example.org/{'x' * 1000}'}}]", "bad-value", "1000 characters"),
        ("webhooks: [{events: [confirmed]}]", "missing-key", "'webhooks[0].url' is missing"),
        ("webhooks: [{url: 'https://a.example/', events: [comfirmed]}]", "unknown-value", "did you mean 'confirmed'?"),
        ("webhooks: [{url: 'https://a.example/', event: confirmed}]", "unknown-key", "did you mean 'events'?"),
        ("webhooks: [{url: 'https://a.example/'}, {url: 'https://a.example/'}]", "bad-value", "stands twice"),
        ("webhooks: https://a.example/", "wrong-type", "expected a list"),
        (f"webhooks: [{ELEVEN}]", "bad-value", "10 at most"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, line: str, code: str, words: str) -> None:
    ((at, found, message),) = problems(tmp_path, line)
    assert (at, found) == (1, code)
    assert words in message
    assert "secret" not in message or "signed" in message
