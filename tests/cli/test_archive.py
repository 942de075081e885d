"""The archive as files, by the command, on the example site; and what the page about publishing says of it."""

import re
from pathlib import Path

import pytest

from chalicelib.content.problems import Problems
from chalicelib.content.yamldoc import mapping_of, parse_yaml
from tests.e2e.house import ROOT, House
from tests.web.crawling import crawl, serving


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """The example, played once."""
    made = House(ROOT, tmp_path_factory.mktemp("archive") / "data")
    made.run("demo", "--no-serve")
    return made


@pytest.mark.slow
def test_the_example_is_exported_and_a_second_run_changes_nothing(house: House, tmp_path: Path) -> None:
    out = tmp_path / "public"
    first = house.run("archive", "--out", str(out), "--base-url", "https://example.org/news")
    count = re.search(r": (\d+) files, (\d+) of them written, 0 removed\.", first)
    assert count
    assert count[1] == count[2] == str(sum(path.is_file() for path in out.rglob("*")) - 1)
    assert f"{count[1]} files, 0 of them written, 0 removed." in house.run(
        "archive", "--out", str(out), "--base-url", "https://example.org/news"
    )
    with serving(tmp_path) as port:
        seen = crawl(port, "/public/")
    assert {path for path in seen if path.endswith(".ics")} >= {"/public/calendar.ics", "/public/calendar.de.ics"}
    assert sum(bool(html) for html in seen.values()) == len(list(out.rglob("index.html")))
    advisories = (out / "archive" / "security-advisories" / "feed.atom").read_text()
    assert "&lt;h2&gt;What to do&lt;/h2&gt;" in advisories, "what stands alone has its whole text"
    page = (out / "archive" / "community-digest" / "2026-11-19" / "de" / "index.html").read_text()
    assert '<link rel="canonical" href="https://example.org/news/archive/community-digest/2026-11-19/de/"' in page


@pytest.mark.parametrize(
    "address",
    [
        "news",
        *(pytest.param(f"{url}", marks=pytest.mark.slow) for url in ("ftp://example.org/", "https://example.org/?x")),
        pytest.param("https://example.org/'>", marks=pytest.mark.slow),
    ],
)
def test_an_address_that_is_none_is_refused(house: House, tmp_path: Path, address: str) -> None:
    house.run("archive", "--out", str(tmp_path / "out"), "--base-url", address, code=2)
    assert not (tmp_path / "out").exists()


def test_a_folder_of_somebody_else_is_refused(house: House, tmp_path: Path) -> None:
    (tmp_path / "thesis.odt").write_text("years of work")
    house.run("archive", "--out", str(tmp_path), code=2)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.odt"]


def test_the_workflow_that_is_shown_is_one() -> None:
    text = (ROOT / "docs" / "publishing.md").read_text("utf-8")
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    problems = Problems()
    node = parse_yaml(block, "archive.yml", problems)
    assert node is not None
    assert problems.sorted() == []
    job = mapping_of(mapping_of(mapping_of(node)["jobs"])["archive"])
    steps = job["steps"].value
    assert isinstance(steps, list)
    runs = [str(mapping_of(step)["run"].value) for step in steps if "run" in mapping_of(step)]
    assert runs[-1] == "sendbrief archive --out public --base-url https://example.github.io/news"
    assert list(mapping_of(node)) == ["name", "on", "permissions", "concurrency", "jobs"]
