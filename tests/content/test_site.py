"""site.yaml, newsletters and notes: each mistake is named in one run, with its line; a broken site is not used."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.content.load import load_site
from chalicelib.errors import ConfigurationError
from tests.sites import SITE, WEEKLY, make_site, write_site


def named(root: Path) -> list[tuple[str, int, str]]:
    return [(p.file.removeprefix("content/"), p.line, p.code) for p in load_site(root).problems]


@pytest.mark.parametrize(
    ("extra", "line", "code", "words"),
    [
        ("langauges: [en]\n", 10, "unknown-key", "did you mean 'languages'?"),
        ("name: Twice\n", 10, "duplicate-key", "first in line 1"),
        ("editors: {a: b}\n", 10, "wrong-type", "editors"),
        ("editors: [nobody]\n", 10, "bad-address", "nobody"),
        ("imprint_url: imprint.html\n", 10, "bad-value", "begin with https://"),
        ("imprint_url: 'http://['\n", 10, "bad-value", "imprint_url"),
        ("footer: {fr: Texte}\n", 10, "unknown-language", "'fr'"),
        ("footer: [a]\n", 10, "wrong-type", "footer"),
        ("theme:\n  accent: red\n", 11, "bad-value", "theme.accent"),
        ("theme:\n  logo_width: wide\n", 11, "bad-value", "pixels"),
        ("theme:\n  title_font: 'x;}'\n", 11, "bad-value", "fonts"),
        ("theme:\n  acent: '#000000'\n", 11, "unknown-key", "theme.acent"),
        ("theme: blue\n", 10, "wrong-type", "theme"),
        ("sources:\n  a: {}\n", 11, "bad-source", "exactly one of"),
        ("sources:\n  a: {feed: x.xml, folder: posts}\n", 11, "bad-source", "exactly one of"),
        ("sources:\n  a:\n    feed: x.xml\n    lang: en\n", 13, "unknown-key", "did you mean 'language'?"),
        ("sources:\n  a:\n    feed: x.xml\n    language: fr\n", 13, "unknown-language", "fr"),
        ("sources:\n  a:\n    feed: x.xml\n    topics: [secruity]\n", 13, "unknown-topic", "did you mean 'security'?"),
        ("sources:\n  a:\n    feed: x.xml\n    backlog: long\n", 13, "bad-value", "no span"),
        ("sources:\n  a:\n    feed: ftp://feeds.example.org/x\n", 12, "bad-value", "begin with https://"),
        ("sources:\n  a:\n    folder: https://example.org/x\n", 12, "bad-value", "below content/"),
        ("sources:\n  a:\n    folder: /etc\n", 12, "bad-value", "below content/"),
        ("sources:\n  a:\n    folder: ../../x\n", 12, "bad-value", "below content/"),
        ("sources:\n  a:\n    folder: x\n    pattern: '{date}.md'\n", 13, "bad-value", "needs {slug}"),
        ("sources:\n  a:\n    folder: x\n    pattern: '{1}{slug}.md'\n", 13, "bad-value", "no word"),
        ("sources:\n  a:\n    folder: x\n    url: /posts/{slug}\n", 13, "bad-value", "web address"),
        ("sources:\n  Big Name: {feed: x.xml}\n", 11, "bad-name", "small letters"),
        ("sources: [a]\n", 10, "wrong-type", "sources"),
    ],
)
def test_a_mistake_in_site_yaml_is_named(tmp_path: Path, extra: str, line: int, code: str, words: str) -> None:
    loaded = load_site(write_site(tmp_path, {}, site=SITE + extra))
    assert [(p.file, p.line, p.code, str(p.severity)) for p in loaded.problems] == [
        ("content/site.yaml", line, code, "error")
    ]
    assert words in loaded.problems[0].message
    assert loaded.site is None
    with pytest.raises(ConfigurationError, match=f"content/site.yaml:{line}"):
        loaded.require()


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("name", None, "missing-key"),
        ("name", "''", "missing-key"),
        ("name", "{}", "missing-key"),
        ("name", "{en: ''}", "missing-key"),
        ("base_url", None, "missing-key"),
        ("base_url", "news.example.org", "bad-value"),
        ("languages", None, "missing-key"),
        ("languages", "[]", "bad-value"),
        ("languages", "[en, en]", "bad-value"),
        ("languages", "[English, de]", "unknown-language"),
        ("time_zone", "CEST", "bad-value"),
        ("time_zone", "../../etc/passwd", "bad-value"),
        ("sender", None, "missing-key"),
        ("sender", "{name: T}", "missing-key"),
        ("sender", "{name: T, address: a@b}", "bad-address"),
        ("sender", "{name: T, address: 'a@example.org, b@example.org'}", "bad-address"),
        ("postal_address", None, "missing-key"),
        ("topics", "{a: {title: A, match: [{tilte: x}]}}", "bad-rule"),
        ("topics", "{a: {title: A, match: [{}]}}", "bad-rule"),
        ("topics", "{a: {title: A, match: [{title: '('}]}}", "bad-value"),
        ("topics", "{a: {title: A, match: [{category: }]}}", "missing-key"),
        ("topics", "{a: {title: A, match: [{kind: party}]}}", "unknown-value"),
        ("topics", "{a: {title: A, match: [{any: maybe}]}}", "wrong-type"),
        ("topics", "{a: {match: [{any: true}]}}", "missing-key"),
        ("topics", "{A: {title: A}}", "bad-name"),
    ],
)
def test_a_wrong_or_missing_value_is_named(tmp_path: Path, key: str, value: str | None, code: str) -> None:
    lines = [line for line in SITE.replace("\n  ", "\n ").splitlines() if not line.startswith((f"{key}:", " "))]
    lines = [line for line in lines if not line.startswith("topics:")]
    lines += [f"{key}: {value}"] if value is not None else []
    loaded = load_site(write_site(tmp_path, {}, site="\n".join(lines) + "\n"))
    assert code in [p.code for p in loaded.problems]
    assert loaded.site is None


def test_no_site_says_what_to_do(tmp_path: Path) -> None:
    assert named(tmp_path) == [("site.yaml", 0, "no-site")]


def test_all_files_are_checked_in_one_run(tmp_path: Path) -> None:
    files = {
        "newsletters/a.yaml": WEEKLY + "templte: x\n",
        "newsletters/b.yaml": "title: [\n",
        "editions/a/2026-11-26.md": "---\nsubjekt: x\n---\n",
        "editions/b/2026-11-26.md": "---\nhighlight: [x]\n---\n",
        "editions/c/2026-11-26.md": "---\n---\n",
    }
    write_site(tmp_path, files, site=SITE + "footr: x\n")
    assert load_site(tmp_path).site is None
    assert named(tmp_path) == [
        ("editions/a/2026-11-26.md", 2, "unknown-key"),
        ("editions/b/2026-11-26.md", 2, "wrong-type"),
        ("editions/c/2026-11-26.md", 0, "unknown-newsletter"),
        ("newsletters/a.yaml", 4, "unknown-key"),
        ("newsletters/b.yaml", 1, "bad-yaml"),
        ("site.yaml", 10, "unknown-key"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        ("schedule: {rule: FREQ=WEEKLY}\n", 1, "missing-key"),
        ("title: T\n", 1, "bad-schedule"),
        ("title: T\nschedule: {rule: FREQ=WEEKLY}\ntrigger: {topics: [news]}\n", 1, "bad-schedule"),
        ("title: T\nschedule:\n  at: '10:00'\n", 2, "missing-key"),
        ("title: T\nschedule:\n  rule: every week\n", 3, "bad-value"),
        ("title: T\nschedule:\n  rule: FREQ=HOURLY\n", 3, "bad-value"),
        ("title: T\nschedule:\n  rule: FREQ=DAILY;BYHOUR=9\n", 3, "bad-value"),
        ("title: T\nschedule:\n  rule: FREQ=DAILY;INTERVAL=0\n  starts: 2026-01-01\n", 3, "bad-value"),
        ("title: T\nschedule:\n  rule: FREQ=DAILY;COUNT=-1\n", 3, "bad-value"),
        ("title: T\nschedule:\n  rule: FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30\n", 3, "bad-value"),
        ("title: T\nschedule:\n  rule: FREQ=WEEKLY;BYDAY=XX\n", 3, "bad-value"),
        ('title: T\nschedule:\n  rule: "DTSTART:20260101\\nRRULE:FREQ=DAILY"\n', 3, "bad-value"),
        ("title: T\nschedule:\n  rule: FREQ=WEEKLY;INTERVAL=2\n", 3, "missing-key"),
        ("title: T\nschedule:\n  rule: FREQ=WEEKLY\n  at: 25:00\n", 4, "bad-value"),
        ("title: T\nschedule:\n  rule: FREQ=WEEKLY\n  starts: soon\n", 4, "bad-date"),
        ("title: T\ntrigger: {topics: [nws]}\n", 2, "unknown-topic"),
        (WEEKLY + "topics: [nothing]\n", 4, "unknown-topic"),
        (WEEKLY + "template: dijest\n", 4, "unknown-value"),
        (WEEKLY + "approval: maybe\n", 4, "unknown-value"),
        (WEEKLY + "cadences: [weekly]\n", 4, "unknown-value"),
        (WEEKLY + "draft_before: soon\n", 4, "bad-value"),
        (WEEKLY + "calendar: invte\n", 4, "unknown-value"),
        (WEEKLY + "titel: x\n", 4, "unknown-key"),
        ("title: T\nschedule: {rule: FREQ=WEEKLY}\nsections:\n  - {title: A}\n", 4, "empty-section"),
        ("title: T\nschedule: {rule: FREQ=WEEKLY}\nsections:\n  - A\n", 4, "wrong-type"),
    ],
)
def test_a_mistake_in_a_newsletter_is_named(tmp_path: Path, text: str, line: int, code: str) -> None:
    write_site(tmp_path, {"newsletters/n.yaml": text})
    assert ("newsletters/n.yaml", line, code) in named(tmp_path)
    assert load_site(tmp_path).site is None


RULES = [
    "freq=weekly;byday=th", "RRULE:FREQ=MONTHLY;BYDAY=-1FR", "FREQ=WEEKLY;UNTIL=20261231", "FREQ=DAILY;COUNT=3",
    "FREQ=DAILY;UNTIL=20261231T100000Z", "UNTIL=20261231;FREQ=DAILY", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_rules_are_read_in_all_their_spellings(tmp_path: Path, rule: str) -> None:
    site = make_site(tmp_path, {"newsletters/n.yaml": f"title: T\nschedule: {{rule: '{rule}'}}\n"})
    schedule = site.newsletters["n"].schedule
    assert schedule
    assert schedule.rule == rule.upper().removeprefix("RRULE:")


def test_a_span_of_nothing_is_one(tmp_path: Path) -> None:
    text = WEEKLY + "draft_before: 0h\nhold_if_late: 0m\n"
    newsletter = make_site(tmp_path, {"newsletters/n.yaml": text}).newsletters["n"]
    assert not newsletter.draft_before
    assert not newsletter.hold_if_late


@pytest.mark.parametrize(
    ("lines", "use"),
    [("", "none"), ("calendar: publish\n", "publish"), ("calendar: none\n", "none"), ("template: event\n", "publish"),
     ("template: event\ncalendar: none\n", "none"), ("template: event\ncalendar: invite\n", "invite")],
)  # fmt: skip
def test_whether_mails_carry_their_events(tmp_path: Path, lines: str, use: str) -> None:
    write_site(tmp_path, {"newsletters/n.yaml": "title: N\ntrigger: {topics: [news]}\n" + lines})
    for file in ("subject.txt", "body.mjml", "body.txt"):
        path = tmp_path / "templates" / "email" / "event" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    assert named(tmp_path) == []
    assert str(load_site(tmp_path).require().newsletters["n"].calendar) == use


def test_merge_that_can_do_nothing_is_a_warning(tmp_path: Path) -> None:
    write_site(tmp_path, {"newsletters/n.yaml": WEEKLY + "merge: true\n"})
    assert named(tmp_path) == []
    assert load_site(tmp_path).require().newsletters["n"].merge
    write_site(tmp_path, {"newsletters/n.yaml": WEEKLY + "merge: true\ncalendar: publish\n"})
    assert named(tmp_path) == [("newsletters/n.yaml", 4, "never-merged")]
    write_site(tmp_path, {"newsletters/n.yaml": "title: N\ntrigger: {topics: [news]}\nmerge: true\n"})
    assert named(tmp_path) == [("newsletters/n.yaml", 3, "never-merged")]


def test_an_invitation_by_a_newsletter_of_many_events_is_a_warning(tmp_path: Path) -> None:
    write_site(tmp_path, {"newsletters/n.yaml": WEEKLY + "calendar: invite\n"})
    assert named(tmp_path) == [("newsletters/n.yaml", 4, "invite-several")]
    assert load_site(tmp_path).require().newsletters["n"].calendar == "invite"


def test_two_files_of_one_newsletter(tmp_path: Path) -> None:
    write_site(tmp_path, {"newsletters/n.yaml": WEEKLY, "newsletters/n.yml": WEEKLY})
    assert named(tmp_path) == [("newsletters/n.yml", 0, "duplicate-name")]
    assert load_site(tmp_path).site is None


@pytest.mark.parametrize(
    "name", ["today", "2026-13-01", "2026-02-30", "0001-01-01", "9999-12-31", "2026-11-26 x", "26-11-26"]
)
def test_a_note_with_a_name_that_is_no_slot(tmp_path: Path, name: str) -> None:
    write_site(tmp_path, {"newsletters/n.yaml": WEEKLY, f"editions/n/{name}.md": "---\n---\n"})
    assert named(tmp_path) == [(f"editions/n/{name}.md", 0, "bad-name")]
    assert load_site(tmp_path).require().notes == {}


def test_a_broken_note_is_left_out_and_stops_nothing(tmp_path: Path) -> None:
    files = {
        "newsletters/n.yaml": WEEKLY,
        "editions/n/2026-11-26.md": "---\nhighlight: a\n",
        "editions/n/2026-12-03.md": "---\nhighlight: a\n---\n",
        "editions/n/2026-12-03.fr.md": "---\nhighlight: a\n---\n",
    }
    site = make_site(tmp_path, files)
    assert list(site.notes) == [("n", "2026-12-03")]
    assert [code for _, _, code in named(tmp_path)] == ["unclosed-front-matter", "unknown-language"]


def test_the_notes_of_several_languages_are_one(tmp_path: Path) -> None:
    files = {
        "newsletters/n.yaml": WEEKLY,
        "editions/n/2026-11-26.md": "---\nsubject: News\nhighlight: a\n---\nHello",
        "editions/n/2026-11-26.de.md": "---\nsubject: Neues\nhighlight: b\nexclude: [c]\n---\nHallo",
    }
    note = make_site(tmp_path, files).notes["n", "2026-11-26"]
    assert note.subject == {"*": "News", "de": "Neues"}
    assert note.intro == {"en": "Hello", "de": "Hallo"}
    assert (note.highlight, note.exclude, note.file) == ("a", ("c",), "content/editions/n/2026-11-26.md")


def test_a_site_in_order(tmp_path: Path) -> None:
    site = make_site(tmp_path, {"newsletters/n.yaml": WEEKLY})
    assert load_site(tmp_path).problems == ()
    assert (site.fallback, site.base_url, list(site.newsletters)) == ("en", "https://news.example.org", ["n"])


LINES = [
    *SITE.splitlines(), "theme: {accent: x}", "sources: {a: {feed: x}}", "- a", "topics:", "  a: [b]", "sender: x",
    "languages: {a: b}", "name: [a]", "editors: [{}]",
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=12))
def test_any_lines_are_a_site_or_problems(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    root = write_site(tmp_path_factory.getbasetemp() / "any", {}, site="\n".join(lines))
    loaded = load_site(root)
    assert (loaded.site is None) is any(p.severity == "error" for p in loaded.problems)
