"""Two real years replayed: every post offered once, in the first edition due; every advisory on its day."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.collect.identity import canonical_url
from tests.corpus import CORPUS, POSTS, make_site, needs_corpus

pytestmark = [needs_corpus, pytest.mark.slow, pytest.mark.timeout(600)]
START, END = date(2022, 1, 1), date(2023, 12, 31)
SLOTS = [date(2022, 1, 6) + timedelta(weeks=2 * number) for number in range(53)]
NAME = re.compile(r"(\d{4}-\d{2}-\d{2})-(.+)\.md")
DATED = re.compile(r"(?<=scs\.community)(?:/[a-z]+)?(/20\d{2}/\d{2}/\d{2}/[^/?#]+)")
ADVISORY = re.compile(r"(?i)\b(advisory|CVE-\d{4}-\d+)\b")
DEADLINE = """\
---
title: "{event}"
starts: 2024-12-01 09:00
deadline: {{title: "Call for papers: {event}", at: {at}}}
---
"""


def simulate(root: Path, newsletter: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "chalicelib.cli.main", "--site", str(root), "simulate", newsletter]
    done = subprocess.run(
        [*command, "--from", str(START), "--to", str(END), "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real posts under their real addresses, and the real calls for papers as events with deadlines."""
    root = make_site(tmp_path_factory.mktemp("replay"))
    file = root / "content" / "site.yaml"
    events = "  calls:\n    folder: calls\n    kind: event\n    pattern: '{slug}.md'\n"
    file.write_text(file.read_text().replace("https://posts.example.org", "https://scs.community") + events)
    digest = root / "content" / "newsletters" / "digest.yaml"
    digest.write_text(digest.read_text() + "  - {title: Calls, kind: deadline, within: 60d}\n")
    (root / "content" / "calls").mkdir()
    for call in calls():
        text = DEADLINE.format(event=call["event"], at=call["deadline"][:10])
        (root / "content" / "calls" / f"{call['id']}.md").write_text(text)
    return root


def calls() -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads((CORPUS / "scs/cfp_2022_2023.json").read_text())
    return found


@pytest.fixture(scope="module")
def digests(root: Path) -> dict[str, Any]:
    return simulate(root, "digest")


@pytest.fixture(scope="module")
def advisories(root: Path) -> dict[str, Any]:
    return simulate(root, "advisories")


def posts() -> dict[str, tuple[date, str]]:
    """Each post's address, its date and all its languages' text, from the names of the files alone."""
    found: dict[str, tuple[date, str]] = {}
    for path in sorted(POSTS.rglob("*.md")):
        match = NAME.fullmatch(path.name)
        assert match
        day, slug = date.fromisoformat(match[1]), match[2]
        url = f"scs.community/{day:%Y/%m/%d}/{slug}"
        found[url] = (day, found.get(url, (day, ""))[1] + path.read_text("utf-8"))
    return found


def due(day: date) -> str:
    """The first slot at or after a post's date: it appears at midnight, the edition goes out at ten."""
    return next(str(slot) for slot in SLOTS if slot >= day)


def offered(simulation: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(address, slot, title) of every post of every edition."""
    for edition in simulation["editions"]:
        for entry in edition["entries"]:
            if entry["kind"] == "post":
                yield canonical_url(entry["url"]), edition["slot"], entry["title"]


def test_every_post_is_offered_once_in_the_first_edition_due_after_it_appeared(digests: dict[str, Any]) -> None:
    stood = {url: slot for url, slot, _ in offered(digests)}
    expected = {url: due(day) for url, (day, _) in posts().items() if START <= day <= SLOTS[51]}
    assert len(expected) > 60
    assert {url: stood.get(url) for url in expected} == expected
    assert set(Counter(url for url, _, _ in offered(digests)).values()) == {1}
    assert digests["never_offered"] == []


def test_each_advisory_is_mailed_the_day_it_appeared_once(advisories: dict[str, Any]) -> None:
    mailed = [(url, slot[:10]) for url, slot, _ in offered(advisories)]
    expected = []
    for url, (day, text) in posts().items():
        head = text.split("\n---", 1)[0]
        title = "".join(re.findall(r"^title:(.*)$", head, re.MULTILINE))
        security = re.search(r"^\s*- +security\s*$|^categor.*\bsecurity\b", head, re.MULTILINE | re.IGNORECASE)
        if START <= day <= END and (security or ADVISORY.search(title)):
            expected.append((url, str(day)))
    assert len(expected) >= 6
    assert sorted(mailed) == sorted(expected)
    assert advisories["never_offered"] == []


def test_the_links_of_the_real_digests_to_posts_are_found_again(digests: dict[str, Any]) -> None:
    ours = {url for url, _, _ in offered(digests)}
    known = posts()
    rows = json.loads((CORPUS / "scs/digest_links_2022_2023.json").read_text())
    found = [DATED.search(row["link"]) for row in rows]  # some stand below a category, like /tech/2022/04/07/...
    links = {f"scs.community{match[1]}" for match in found if match}
    linked = {link for link in links if link in known and START <= known[link][0] <= END}
    assert len(linked) >= 29
    assert linked - ours == set()


def test_no_call_for_papers_after_its_deadline_and_a_reminder_before(digests: dict[str, Any]) -> None:
    for call in calls():
        last = date.fromisoformat(call["deadline"][:10])
        title = f"Call for papers: {call['event']}"
        stood = [
            (date.fromisoformat(edition["slot"]), entry["reminder"])
            for edition in digests["editions"]
            for entry in edition["entries"]
            if entry["title"] == title
        ]
        assert stood, title
        assert all(slot <= last for slot, _ in stood), title
        assert [again for _, again in stood] in ([False], [False, True]), title
        if len(stood) == 2:
            assert stood[1][0] + timedelta(weeks=2) > last, "the reminder stands in the last edition before"


def test_a_second_run_says_the_same_and_neither_leaves_a_trace(root: Path, digests: dict[str, Any]) -> None:
    before = sorted(path for path in root.rglob("*"))
    assert simulate(root, "digest") == digests
    assert sorted(path for path in root.rglob("*")) == before


def test_ages_and_slots_are_told(digests: dict[str, Any]) -> None:
    for number, edition in enumerate(digests["editions"]):
        at = datetime.fromisoformat(edition["slot_at"])
        assert edition["slot"] == f"{at:%Y-%m-%d}"
        assert (edition["state"], bool(edition["subject"])) in {("sent", True), ("cancelled", False)}
        for entry in edition["entries"]:
            if entry["kind"] == "post":
                assert 0 <= entry["age_days"] <= (14 if number else 19), entry
