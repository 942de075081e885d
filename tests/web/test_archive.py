"""Issues from before the newsletter was here, beside its own editions: listed by date, shown sanitised."""

from pathlib import Path

import pytest

from chalicelib.runtime import Runtime
from chalicelib.web import house
from tests.web.client import Client
from tests.web.site import AFTER, runtime_at, write_site

ISSUES = {
    "2019-05-02-old.md": (
        "---\ntitle: 'Old <b>news</b>'\nnumber: 41\nlanguage: en\nurl: https://old.example.org/41/\n---\n"
        "# First\n\n[A crane](crane.html) and <script>alert(1)</script> ![x](http://a.example.org/t.gif)\n\n"
        "### Second\n\n{% include x %}<style>body{}</style>\n"
    ),
    "2019-05-09.md": "---\ntitle: Alte Neuigkeiten\nlanguage: de\n---\nWorte.\n",
    "2019-05-16.md": "---\ntitle: No language\nnumber: 43\n---\n## Second rank\n\nWords.\n",
}
SHELF = "/archive/harbour-log"


@pytest.fixture
def old(fresh: Runtime, client: Client) -> Client:
    """A site with nothing sent and three imported issues."""
    folder = fresh.settings.site / "content" / "archive" / "harbour-log"
    folder.mkdir(parents=True)
    for name, text in ISSUES.items():
        (folder / name).write_text(text)
    return client


def test_issues_are_listed_the_newest_first(old: Client) -> None:
    for page in ("/archive", SHELF):
        html = old.get(page).text
        places = [html.index(text) for text in ("No language", "Alte Neuigkeiten", "Old &lt;b&gt;news&lt;/b&gt;")]
        assert places == sorted(places)
    assert f'href="{SHELF}/2019-05-09/de" lang="de" hreflang="de"' in html
    assert f'href="{SHELF}/2019-05-16/en">' in html
    assert html.count("No. ") == 2


def test_an_issue_is_shown_as_it_was_and_harmless(old: Client) -> None:
    html = old.get(f"{SHELF}/2019-05-02-old/en").text
    assert '<h1 lang="en">Old &lt;b&gt;news&lt;/b&gt;</h1>' in html
    assert '<a href="https://old.example.org/41/crane.html">A crane</a>' in html
    assert 'href="https://old.example.org/41/"' in html
    assert "<h2>First</h2>" in html
    assert "<h4>Second</h4>" in html
    article = html.split("<article")[1].split("</article>")[0]
    assert not [part for part in ("script", "style", "alert", "t.gif", "{%") if part in article]
    assert "<h2>Second rank</h2>" in old.get(f"{SHELF}/2019-05-16/en").text
    assert '<article class="text" lang="de">' in old.get(f"{SHELF}/2019-05-09/de", accept_language="en").text


@pytest.mark.parametrize(
    "path",
    [f"{SHELF}/2019-05-02-old/de", f"{SHELF}/2019-05-02/en", "/archive/storm-warnings/2019-05-02-old/en",
     f"{SHELF}/..%2F..%2Fsite/en", "/archive/none/2019-05-02-old/en"],
)  # fmt: skip
def test_other_issues_are_not_found(old: Client, path: str) -> None:
    assert old.get(path).status == 404


def test_a_page_after_the_other_holds_every_issue_once(tmp_path: Path, filled: Runtime, reading: Client) -> None:
    root = write_site(tmp_path / "site")
    folder = root / "content" / "archive" / "harbour-log"
    folder.mkdir(parents=True)
    for day in range(1, 29):
        for month in (1, 2):
            (folder / f"2019-0{month}-{day:02}.md").write_text(f"---\ntitle: Issue {month}-{day}\n---\nx\n")
    runtime = runtime_at(root, filled.settings.data, AFTER)  # the editions sent, and a longer past
    try:
        house.use(runtime)
        first = reading.get(SHELF).text
        second = reading.get(f"{SHELF}?before=2019-01-28").text
    finally:
        house.use(filled)
        runtime.close()
    assert first.index("A new crane at the pier") < first.index("Issue 2-28")
    assert f'href="{SHELF}?before=2019-01-28"' in first
    assert (first.count("<li><span"), second.count("<li><span")) == (30, 27)
    assert "Issue 1-28" in first
    assert "Issue 1-28" not in second
