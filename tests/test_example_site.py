"""The example site as the demo plays it: checked, collected, composed and delivered into files."""

import csv
import email.policy
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from html import unescape
from pathlib import Path

import pytest

from chalicelib.cli import demonstration
from chalicelib.collect.collector import read_sources
from chalicelib.collect.entry import Change, Entry
from chalicelib.collect.fetch import fetcher
from chalicelib.compose.select import Window, eligible
from chalicelib.content.load import load_site
from chalicelib.content.values import Kind, Site
from chalicelib.runtime import Runtime
from chalicelib.settings import load_settings

ROOT = Path(__file__).resolve().parents[1]
DIGEST, ALERT = "community-digest/2026-11-19", "security-advisories/2026-11-19-hcsa-2026-004"
CLIP_BYTES = 102 * 1024
LINK = re.compile(r"""<a\b[^>]*?\bhref="([^"]*)\"""")
IMAGE = re.compile(r"<img\b[^>]*>")


def run(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a person runs it, without settings of the person's own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SENDBRIEF_")}
    command = [sys.executable, "-m", "chalicelib.cli.main", "--site", str(ROOT), "--data", str(data), *arguments]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which the demo was played once."""
    data = tmp_path_factory.mktemp("demo")
    done = run(data, "demo", "--no-serve")
    assert done.returncode == 0, done.stderr
    assert "23 mails were delivered" in done.stdout
    return data


@pytest.fixture(scope="module")
def mails(played: Path) -> list[EmailMessage]:
    parser = BytesParser(policy=email.policy.default)
    return [parser.parsebytes(path.read_bytes()) for path in (played / "maildir" / "new").iterdir()]


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(ROOT).require()


@pytest.fixture(scope="module")
def entries(site: Site) -> list[Entry]:
    now = datetime(2026, 11, 19, 9, tzinfo=UTC)
    found = [found for _, found, error in read_sources(site, fetcher(ROOT, ""), now) if not error]
    assert len(found) == len(site.sources)
    return [entry for one in found if one for entry in one.entries]


def part(mail: EmailMessage, subtype: str) -> str:
    body = mail.get_body((subtype,))
    assert body is not None
    return str(body.get_content())


def to(mails: list[EmailMessage], address: str, *, alert: bool = False) -> EmailMessage:
    (found,) = [m for m in mails if address in str(m["To"]) and str(m["Subject"]).startswith("HCSA-") == alert]
    return found


def test_check_finds_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, "check", "--json")
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, [], "")


def test_the_books_balance_and_everybody_is_accounted_for(played: Path) -> None:
    status = json.loads(run(played, "status", "--json").stdout)
    books = {row["id"]: (row["state"], row["planned"], row["sent"], row["skipped"]) for row in status["editions"]}
    assert books == {DIGEST: ("sent", 12, 12, 0), ALERT: ("sent", 12, 9, 3)}
    assert {row["state"] for row in status["sources"]} == {"well"}


def test_a_second_run_sends_nothing_and_says_so(played: Path, mails: list[EmailMessage]) -> None:
    again = run(played, "demo", "--no-serve")
    assert again.returncode == 0
    assert "Nothing was sent: everybody has these editions already." in again.stdout
    assert len(list((played / "maildir" / "new").iterdir())) == len(mails)


@pytest.mark.parametrize("today", [datetime(2026, 3, 1, tzinfo=UTC), datetime(2031, 7, 1, tzinfo=UTC)])
def test_the_demo_plays_the_same_moments_on_any_day(
    today: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Today(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return today

    monkeypatch.setattr(demonstration, "datetime", Today)
    runtime = Runtime(load_settings({}, site=ROOT, data=tmp_path))
    slot = datetime(2026, 11, 19, 9, tzinfo=UTC)
    assert demonstration.moments(runtime) == [slot - timedelta(hours=48) + timedelta(minutes=1), slot]


def test_each_reader_gets_one_digest_in_their_language(mails: list[EmailMessage]) -> None:
    with (ROOT / demonstration.SUBSCRIBERS).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    for row in rows:
        language = row["language"][:2] or "en"
        assert f'lang="{language}"' in part(to(mails, row["email"]), "html")


def test_names_arrive_as_they_were_written(mails: list[EmailMessage]) -> None:
    names = {mail["To"].addresses[0].addr_spec: mail["To"].addresses[0].display_name for mail in mails}
    assert names["luke.obrien@example.com"] == 'Łukasz "Luke" O\'Brien, Jr.'
    assert names["xiaolong@example.com"] == "李小龍"
    assert names["zoe.brandt@example.org"] == "Zoë Brandt 🚀"
    assert names["maryam.haddad@example.com"] == "مريم حداد"
    assert "Hello everyone," in part(to(mails, "anonymous@example.org"), "plain")
    assert "Guten Tag Hannelore Müller-Lüdenscheidt," in part(to(mails, "luedenscheidt@example.org"), "plain")


def test_who_chose_security_gets_nothing_else(mails: list[EmailMessage]) -> None:
    text = part(to(mails, "ops-team@example.org"), "plain")
    assert "Inside: 2 articles." in text
    assert "HCSA-2026-004" in text
    assert "HCSA-2026-003" in text
    assert "/blog/2026/11/16/release-rathenow/" not in text
    assert "/blog/2026/11/19/hcsa-2026-004/" in part(to(mails, "ops-team@example.org", alert=True), "plain")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("mira.okafor@example.org", ["No. 1", "24 days left", "in German", "COMING UP", "Hello Mira Okafor,"]),
        ("pawel@example.org", ["Nr. 1", "noch 24 Tage", "auf Englisch", "TERMINE", "Guten Tag Paweł Wiśniewski,"]),
    ],
)
def test_the_digest_holds_all_it_can(mails: list[EmailMessage], address: str, words: list[str]) -> None:
    text = part(to(mails, address), "plain")
    assert [word for word in words if word not in text] == []
    for host in ("lab.example.com", "verein.example.org", "meet.example.org/havelcloud"):  # feeds and the calendar
        assert host in text


def test_every_link_of_the_html_stands_in_the_text(mails: list[EmailMessage]) -> None:
    for mail in mails:
        links = {unescape(link) for link in LINK.findall(part(mail, "html"))}
        text = re.sub(r"\s+", " ", part(mail, "plain"))
        assert links
        assert sorted(link for link in links if link.removeprefix("mailto:") not in text) == []


def test_mails_are_small_and_their_pictures_described(mails: list[EmailMessage]) -> None:
    for mail in mails:
        html = part(mail, "html")
        assert len(html.encode()) < CLIP_BYTES
        for image in IMAGE.findall(html):
            assert re.search(r'src="https://[^"]+"', image)
            assert re.search(r'alt="[^"]+', image)


def test_every_reader_can_leave_with_one_click(mails: list[EmailMessage]) -> None:
    readers = [mail for mail in mails if not str(mail["Subject"]).startswith("[Proof]")]
    assert len(readers) == 21
    assert {mail["List-Unsubscribe-Post"] for mail in readers} == {"List-Unsubscribe=One-Click"}
    assert len({mail["List-Unsubscribe"] for mail in readers}) == len(readers)
    assert len({mail["Message-ID"] for mail in mails}) == len(mails)


def test_the_calendar_says_what_is_off(entries: list[Entry]) -> None:
    calls = [entry for entry in entries if entry.source == "calls" and entry.slug.endswith("community-call")]
    days = {f"{entry.starts:%Y-%m-%d}": entry.change for entry in calls if entry.starts}
    assert "2026-11-25" not in days  # EXDATE
    assert days["2026-12-02"] is Change.CANCELLED
    assert days["2026-12-09"] is days["2026-12-16"] is Change.NONE


def test_an_entry_of_a_feed_in_another_language_is_in_that_language(entries: list[Entry]) -> None:
    languages = {entry.slug: list(entry.texts) for entry in entries if entry.source in {"planet", "verein"}}
    assert languages["bericht-vom-terraform-abend"] == ["de"]
    assert languages["gpu-nodes-without-tears"] == ["en"]
    assert languages["mitgliederversammlung-protokoll-und-beschlusse"] == ["de"]


def test_days_count_to_their_end(site: Site, entries: list[Entry]) -> None:
    (summit,) = [e for e in entries if e.kind is Kind.EVENT and e.slug.endswith("summit")]
    assert summit.starts
    assert summit.ends
    local = (summit.starts.astimezone(site.time_zone), summit.ends.astimezone(site.time_zone))
    assert [f"{moment:%m-%d %H:%M}" for moment in local] == ["05-18 00:00", "05-21 00:00"]


@pytest.mark.parametrize(("hour", "open_still"), [(9, True), (22, True), (23, False)])
def test_a_deadline_without_a_time_lasts_its_whole_day(hour: int, open_still: bool, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "content", tmp_path / "content")
    for file in tmp_path.rglob("2027-05-18-summit.md"):
        file.write_text(file.read_text("utf-8").replace("at: 2026-12-13 23:59", "at: 2026-12-13"), "utf-8")
    site = load_site(tmp_path).require()
    now = datetime(2026, 12, 13, hour, tzinfo=UTC)  # 23 h UTC is midnight in Berlin
    found = [found for _, found, _ in read_sources(site, fetcher(tmp_path, ""), now) if found]
    (deadline,) = [entry for one in found for entry in one.entries if entry.kind is Kind.DEADLINE]
    window = Window(now, now, site.time_zone)
    assert deadline.all_day
    newsletter = site.newsletters["community-digest"]
    assert eligible([deadline], newsletter, site, window) == ([deadline] if open_still else [])


def own_files() -> Iterator[Path]:
    return (path for path in (ROOT / "content").rglob("*") if path.is_file())


def test_every_address_and_host_is_an_example(site: Site) -> None:
    hosts = re.compile(r"(?:https?://|@)([A-Za-z0-9.-]+\.[A-Za-z]{2,})")
    allowed = ("example.org", "example.com", "jsonfeed.org", "www.w3.org")
    found = {
        (path.name, host)
        for path in own_files()
        if path.suffix != ".png"
        for host in hosts.findall(path.read_text("utf-8"))
        if not host.endswith(allowed)
    }
    assert found == set()


def test_pictures_are_small() -> None:
    assert {path.name: path.stat().st_size for path in own_files() if path.stat().st_size > 60_000} == {}
