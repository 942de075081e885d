"""What editors look at before a mail goes out: simulate, draft --write, topics. None of them changes state."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.house import EDITION, MONDAY, THURSDAY, Command, small_site


@pytest.fixture
def news(bare: Command) -> Command:
    command = small_site(bare, readers=0)
    (command.site / "content" / "posts" / "2026-11-20-first.md").unlink()
    command.write("posts/2026-11-20-leak.md", "---\ntitle: A leak\ncategory: security\n---\nPatch *now*.\n")
    command.write("posts/2026-11-21-party.md", "---\ntitle: Party\n---\nCome all.\n")
    return command


def span(command: Command, *more: str, code: int = 0) -> Any:
    return command.run("simulate", "digest", "--from", "2026-11-16", "--to", "2026-12-06", *more, code=code)


def test_simulate_says_what_goes_out_and_what_is_skipped(news: Command) -> None:
    rows = span(news, "--json").json
    assert list(rows) == ["editions", "never_offered"]
    assert [(e["slot"], e["state"], e["why"]) for e in rows["editions"]] == [
        ("2026-11-19", "cancelled", "nothing new since the last edition"),
        ("2026-11-26", "sent", ""),
        ("2026-12-03", "cancelled", "nothing new since the last edition"),
    ]
    (leak, party) = sorted(rows["editions"][1]["entries"], key=lambda row: row["title"])
    assert {key: leak[key] for key in ("url", "title", "section", "topics", "languages", "age_days")} == {
        "url": "https://www.example.org/leak/", "title": "A leak", "section": "News",
        "topics": ["security", "news"], "languages": ["en"], "age_days": 6,
    }  # fmt: skip
    assert party["published"] == "2026-11-20T23:00:00+00:00"
    assert rows["editions"][1]["subject"] == "Digest, 26 November: Party"
    assert rows["editions"][2]["subject"] == ""
    assert rows["never_offered"] == []
    assert not news.data.exists(), "no state is made"


def test_simulate_for_people(news: Command) -> None:
    said = span(news).out
    assert "2026-11-26  No. 1  Digest, 26 November: Party" in said
    assert "News: A leak (security, news; en; 6 days old)" in said
    assert "2026-12-03  cancelled: nothing new" in said
    assert "1 edition with 2 entries, 2 skipped" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from", "yesterday", "--to", "2026-01-01"), "'yesterday' is no day"),
        (("--from", "2026-01-02", "--to", "2026-01-01"), "is no span"),
        (("--from", "1926-01-02", "--to", "2026-01-01"), "is no span"),
        (("--from", "2001-01-02", "--to", "2026-01-01"), "longer than 20 years"),
    ],
)
def test_a_span_that_is_none_is_refused(news: Command, arguments: tuple[str, ...], words: str) -> None:
    assert words in news.run("simulate", "digest", *arguments, code=2).err


def test_a_draft_becomes_a_file_that_is_the_edition(news: Command) -> None:
    before = news.run("draft", "digest", "--now", MONDAY, "--json").json
    said = news.run("draft", "digest", "--now", MONDAY, "--write").err
    path = note(news)
    assert "wrote" in said
    assert str(path) in said
    assert news.run("draft", "digest", "--now", MONDAY, "--json").json == before
    assert sorted(path.parent.iterdir()) == [path], "nothing half-written is left"
    text = path.read_text("utf-8")
    news.run("draft", "digest", "--now", MONDAY, "--write", code=2)
    assert path.read_text("utf-8") == text
    news.run("check")


def note(command: Command) -> Path:
    return command.site / "content" / "editions" / "digest" / "2026-11-26.md"


def test_the_file_decides_what_goes_out(news: Command) -> None:
    news.run("draft", "digest", "--now", MONDAY, "--write")
    lines = note(news).read_text("utf-8").splitlines()
    kept = [line for line in lines if "A leak" not in line] + ["  Bring **cake**."]
    note(news).write_text("\n".join(kept), "utf-8")
    news.run("subscribers", "add", "a@example.org", "--newsletter", "digest", "--basis", "consent")
    news.run("tick", "--now", THURSDAY)
    (mail,) = (news.data / "maildir" / "new").iterdir()
    assert b"Bring <strong>cake</strong>." in mail.read_bytes().replace(b"=\n", b"")
    assert b"A leak" not in mail.read_bytes()
    coming = news.run("draft", "digest", "--now", "2026-11-30T10:00", "--json").json
    assert [e["title"] for section in coming["sections"] for e in section["entries"]] == ["A leak"], "cut is not lost"


def test_a_line_that_means_nothing_is_an_error_with_its_line(news: Command) -> None:
    news.run("draft", "digest", "--now", MONDAY, "--write")
    text = note(news).read_text("utf-8")
    count = text.count("\n")
    note(news).write_text(text + "- `000000000000` gone\n" + text.splitlines()[-1] + "\n", "utf-8")
    rows = news.run("check", "--json", code=1).json
    found = [(row["line"], row["code"], row["severity"]) for row in rows]
    assert found == [(count + 1, "unknown-entry", "error"), (count + 2, "duplicate-entry", "error")]


def test_what_was_published_is_named_by_check_and_draft(news: Command) -> None:
    news.run("tick", "--now", MONDAY)
    news.run("tick", "--now", THURSDAY)
    assert news.run("status", "--json").json["editions"][0]["id"] == EDITION
    news.write("editions/digest/2026-12-03.md", "---\nhighlight: party\n---\nHello again.\n")
    (row,) = news.run("check", "--json").json
    assert (row["code"], row["line"]) == ("already-published", 2)
    assert "#1 (2026-11-26)" in row["message"]
    draft = news.run("draft", "digest", "--now", "2026-11-30T10:00", "--json").json
    assert (draft["published"], draft["unknown"]) == (["highlight: party, in #1 (2026-11-26)"], [])


def test_a_triggered_newsletter_has_nothing_to_arrange(news: Command) -> None:
    news.write("newsletters/alerts.yaml", "title: Alerts\ntrigger: {topics: [security]}\n")
    assert "is triggered" in news.run("draft", "alerts", "--now", MONDAY, "--write", code=2).err


def test_topics_are_counted_and_explained(news: Command) -> None:
    rows = {row["topic"]: (row["rules"], row["entries"]) for row in news.run("topics", "--json").json}
    assert rows == {"security": (1, 1), "news": (1, 2)}
    said = news.run("topics", "--explain", "leak").out
    assert "security: rule 1, {category: security} matches" in said
    assert "news: rule 1, {any: true} matches" in said
    reasons = news.run("topics", "--explain", "https://www.example.org/party", "--json").json
    assert reasons[0] == {"topic": "security", "has": False, "rule": None, "why": ""}
    assert (reasons[1]["topic"], reasons[1]["has"], reasons[1]["rule"]) == ("news", True, 1)
    assert "Did you mean" in news.run("topics", "--explain", "2026-11-20-leek", code=2).err
    assert not news.data.exists()


def test_the_gap_report_stands_in_the_status(news: Command) -> None:
    sections = "sections: [{title: S, topics: [security]}]\n"
    news.write(
        "newsletters/digest.yaml", f"title: D\nschedule: {{rule: FREQ=WEEKLY;BYDAY=TH, at: '10:00'}}\n{sections}"
    )
    news.run("tick", "--now", "2026-11-19T10:00")
    news.run("tick", "--now", "2026-11-26T10:00")
    news.run("tick", "--now", "2026-12-31T10:00")
    (gap,) = news.run("status", "--now", "2026-12-31T10:00", "--json").json["never_offered"]
    assert (gap["title"], gap["why"]) == ("Party", "digest: no section takes it")
    said = news.run("status", "--now", "2026-12-31T10:00").out
    assert "One entry older than 30 days never stood in an edition" in said
