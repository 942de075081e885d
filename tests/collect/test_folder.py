"""A folder of Markdown: languages of one post, dates, images, deadlines, and files that can't be used."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chalicelib.collect.entry import Entry, entry_from_json, entry_to_json
from chalicelib.collect.folder import read_folder
from chalicelib.collect.found import Found, SourceError
from chalicelib.content.values import Kind
from tests.sites import FOLDER, NOW, SITE, make_site, post

PNG = b"\x89PNG\r\n\x1a\n"


def read(root: Path, files: dict[str, str | bytes], sources: str = FOLDER, now: datetime = NOW) -> Found:
    site = make_site(root, {"posts/en/.keep": "", **files}, site=SITE + sources)
    return read_folder(site, site.sources[0], now)


def named(found: Found) -> list[tuple[str, int, str, str]]:
    return [(p.file.removeprefix("content/posts/"), p.line, p.code, str(p.severity)) for p in found.problems]


def slugs(found: Found) -> list[str]:
    return [entry.slug for entry in found.entries]


def one(found: Found) -> Entry:
    (entry,) = found.entries
    return entry


def test_a_post_in_two_languages_is_one_entry(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {
            "posts/en/2026-11-20-a.md": post("Hello", "Words", tags="[Security, x]", author="Ada", description="Short"),
            "posts/de/2026-11-20-a.md": post("Hallo", "Wörter", tags="[Security, y]"),
        },
    )
    entry = one(found)
    assert found.problems == ()
    assert found.complete
    assert {tag: (t.title, t.url, t.html) for tag, t in entry.texts.items()} == {
        "en": ("Hello", "https://posts.example.org/en/a/", "<p>Words</p>"),
        "de": ("Hallo", "https://posts.example.org/de/a/", "<p>Wörter</p>"),
    }
    assert (entry.slug, entry.authors, entry.categories) == ("2026-11-20-a", ("Ada",), ("Security", "x", "y"))
    assert entry.published == datetime(2026, 11, 19, 23, tzinfo=UTC)
    assert entry.texts["en"].summary == "Short"


WORDS = {
    "en": "The fifth release upgrades a running cloud in place, and nobody has to work at night any more.",
    "de": "Die fünfte Ausgabe erneuert eine laufende Cloud an Ort und Stelle, und niemand muss mehr nachts arbeiten.",
}


def languages(found: Found) -> dict[str, str]:
    return {tag: text.title for tag, text in one(found).texts.items()}


@pytest.mark.parametrize(
    ("en", "de", "expected"),
    [
        (("A", "en"), ("B", "de"), {"en": "A", "de": "B"}),
        (("A", "en"), ("B", "en"), {"en": "A"}),
        (("A", "de"), ("B", "de"), {"de": "B"}),
        (("A", "de"), ("B", "en"), {"en": "B", "de": "A"}),
        (None, ("B", "en"), {"en": "B"}),
        (None, ("B", "de"), {"de": "B"}),
        (("A", "de"), None, {"de": "A"}),
    ],
)
def test_a_text_counts_in_the_language_it_is_in(
    tmp_path: Path, en: tuple[str, str] | None, de: tuple[str, str] | None, expected: dict[str, str]
) -> None:
    files: dict[str, str | bytes] = {
        f"posts/{tag}/2026-11-20-a.md": post(file[0], WORDS[file[1]] + f"\n\nMore: {tag}")
        for tag, file in (("en", en), ("de", de))
        if file
    }
    found = read(tmp_path, files)
    assert languages(found) == expected
    assert {f"url:posts.example.org/{tag}/a" for tag, file in (("en", en), ("de", de)) if file} <= set(
        one(found).identities
    )


def test_what_is_rightly_filed_wins_over_what_is_not(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "posts/en/2026-11-20-a.md": post(
            "A", WORDS["de"] + " Hier steht noch etwas anderes, das niemand übersetzt hat."
        ),
        "posts/de/2026-11-20-a.md": post("B", WORDS["de"]),
    }
    assert languages(read(tmp_path, files)) == {"de": "B"}


def test_front_matter_has_the_last_word_on_a_language(tmp_path: Path) -> None:
    said = {"posts/de/2026-11-20-a.md": post("B", WORDS["en"], language="de")}
    assert languages(read(tmp_path, dict(said))) == {"de": "B"}
    both = {**said, "posts/en/2026-11-20-a.md": post("A", WORDS["en"])}
    assert languages(read(tmp_path, dict(both))) == {"en": "A"}  # but a copy is no translation
    copied = {f"posts/{tag}/2026-11-20-a.md": post(tag, WORDS["de"], language=tag) for tag in ("en", "de")}
    assert languages(read(tmp_path, dict(copied))) == {"de": "de"}


def test_files_that_say_no_language_are_judged_by_their_text(tmp_path: Path) -> None:
    sources = "sources: {posts: {folder: posts, pattern: '{slug}.md'}}\n"
    files: dict[str, str | bytes] = {f"posts/{tag}.md": post(tag, text) for tag, text in WORDS.items()}
    found = read(tmp_path, {**files, "posts/short.md": post("short", "Gut.")}, sources)
    assert [list(entry.texts) for entry in found.entries] == [["de"], ["en"], ["en"]]
    named_so = sources.replace("pattern:", "language: de, pattern:")
    assert [list(e.texts) for e in read(tmp_path, files, named_so).entries] == [["de"], ["de"], ["de"]]


@pytest.mark.parametrize("tag", ["en", "de"])
def test_a_deadline_that_only_one_language_has_is_kept(tmp_path: Path, tag: str) -> None:
    files: dict[str, str | bytes] = {
        f"posts/{other}/2026-11-20-a.md": post(
            other, WORDS[other], **({"deadline": "{title: Apply, at: 2028-12-01}"} if other == tag else {})
        )
        for other in WORDS
    }
    _, deadline = read(tmp_path, files).entries
    assert deadline.kind is Kind.DEADLINE
    assert {lang: (text.title, text.url, text.summary) for lang, text in deadline.texts.items()} == {
        tag: ("Apply", f"https://posts.example.org/{tag}/a/", tag)
    }


def test_broken_letters_of_titles_are_put_right(tmp_path: Path) -> None:
    entry = one(read(tmp_path, {"posts/en/2026-11-20-a.md": post("MÃ¼nchen", summary="GrÃ¼ÃŸe")}))
    assert (entry.texts["en"].title, entry.texts["en"].summary) == ("München", "Grüße")


def test_a_copy_of_the_text_is_no_translation(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "posts/en/2026-11-20-a.md": post("Hello", "The same"),
        "posts/de/2026-11-20-a.md": post("Hallo", "The same\n\n"),
        "posts/en/2026-11-20-b.md": post("Hello", "b"),
    }
    read(tmp_path, files)
    (tmp_path / "content/posts/de/2026-11-20-b.md").symlink_to("../en/2026-11-20-b.md")
    assert [list(entry.texts) for entry in read(tmp_path, files).entries] == [["en"], ["en"]]


@pytest.mark.parametrize(
    ("pattern", "file", "slug"),
    [
        ("{slug}.md", "a.md", "a"),
        ("{slug}/index.md", "a/index.md", "a"),
        ("{slug}/{language}.md", "a/de.md", "a"),
        ("{slug}.{language}.md", "a.de.md", "a"),
        ("{date}-{slug}.md", "2026-11-20-a.md", "2026-11-20-a"),
        ("{section}/{date}/{slug}.md", "x/2026-11-20/a.md", "2026-11-20-a"),
    ],
)
def test_patterns_name_posts_by_their_slug(tmp_path: Path, pattern: str, file: str, slug: str) -> None:
    sources = f"sources: {{posts: {{folder: posts, pattern: '{pattern}'}}}}\n"
    other = file.replace("a.", "b.").replace("a/", "b/")
    found = read(tmp_path, {f"posts/{file}": post(), f"posts/{other}": post()}, sources)
    assert slugs(found) == [slug, slug[:-1] + "b"]
    assert len({entry.id for entry in found.entries}) == 2


def test_a_slug_in_the_front_matter_counts(tmp_path: Path) -> None:
    assert slugs(read(tmp_path, {"posts/en/2026-11-20-a.md": post(slug="own")})) == ["2026-11-20-own"]
    entry = one(read(tmp_path, {"posts/en/2026-11-20-a.md": post(slug="2026-11-20-own")}))
    assert (entry.slug, entry.texts["en"].url) == ("2026-11-20-own", "https://posts.example.org/en/2026-11-20-own/")


GOOD = {"posts/en/2026-11-01-good.md": post("Good")}


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        (b"---\ntitle: [\n---\n", 2, "bad-yaml"),
        (b"---\ntitle: T\n", 1, "unclosed-front-matter"),
        (b"no fences", 1, "no-front-matter"),
        (b"\xff\xfe", 1, "not-utf8"),
        (b"---\ndate: 2026-11-20\n---\n", 2, "missing-key"),
        (b"---\ntitle: ''\n---\n", 2, "missing-key"),
        (b"---\n---\n", 1, "missing-key"),
        (b"---\ntitle: {en: T}\n---\n", 2, "wrong-type"),
        (b"---\ntitle: T\ndate: soon\n---\n", 3, "bad-date"),
        (b"---\ntitle: T\nlang: fr\n---\n", 3, "unknown-language"),
        (b"---\ntitle: T\n\ntopics: [secruity]\n---\n", 4, "unknown-topic"),
        (b"---\ntitle: T\ntitle: U\n---\n", 3, "duplicate-key"),
        (b"---\ntitle: T\nautor: A\n---\n", 3, "unknown-key"),
        (b"---\ntitle: T\nDate: 2026-11-20\n---\n", 3, "unknown-key"),
        (b"---\ntitle: T\ndraft: perhaps\n---\n", 3, "wrong-type"),
        (b"---\ntitle: T\nurl: example.org\n---\n", 3, "bad-value"),
        (b"---\ntitle: T\nimage: {alt: x}\n---\n", 3, "missing-key"),
        (b"---\ntitle: T\ndeadline: {title: D}\n---\n", 3, "missing-key"),
        (b"---\ntitle: T\ndeadline: {title: D, at: never}\n---\n", 3, "bad-date"),
        (b"---\ntitle: T\nstarts: 2026-12-02\nends: 2026-12-01\n---\n", 4, "bad-date"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_broken_post_is_named_and_stops_no_other(tmp_path: Path, text: bytes, line: int, code: str) -> None:
    found = read(tmp_path, {**GOOD, "posts/en/2026-11-20-bad.md": text})
    assert slugs(found) == ["2026-11-01-good"]
    assert named(found) == [("en/2026-11-20-bad.md", line, code, "error")]
    windows = b"\xef\xbb\xbf\r\n" + text.replace(b"\n", b"\r\n")
    if code not in {"not-utf8"}:
        found = read(tmp_path, {**GOOD, "posts/en/2026-11-20-bad.md": windows})
        assert named(found) == [("en/2026-11-20-bad.md", line + 1, code, "error")]


def test_an_unknown_key_that_is_no_misspelling_leaves_nothing_out(tmp_path: Path) -> None:
    text = post(zzz="1", layout="post", translationKey="x")
    found = read(tmp_path, {"posts/en/2026-11-20-a.md": text})
    assert slugs(found) == ["2026-11-20-a"]
    assert named(found) == [("en/2026-11-20-a.md", 3, "unknown-key", "error")]
    ignoring = FOLDER.replace("pattern:", "ignore_keys: [zzz], pattern:")
    assert named(read(tmp_path, {"posts/en/2026-11-20-a.md": text}, ignoring)) == []


def test_drafts_are_left_alone(tmp_path: Path) -> None:
    files = {"posts/en/2026-11-20-a.md": post(draft="true"), "posts/en/2026-11-20-b.md": post(published="no")}
    found = read(tmp_path, dict(files))
    assert (found.entries, found.problems) == ((), ())


def test_two_files_with_one_slug(tmp_path: Path) -> None:
    files = {"posts/en/2026-11-20-a.md": post(), "posts/en/2026-11-20-b.md": post(slug="a"), **GOOD}
    found = read(tmp_path, dict(files))
    assert named(found) == [("en/2026-11-20-b.md", 3, "duplicate-slug", "error")]
    assert slugs(found) == ["2026-11-01-good", "2026-11-20-a"]


def test_two_posts_with_one_address(tmp_path: Path) -> None:
    found = read(tmp_path, {"posts/en/2026-11-20-a.md": post(), "posts/en/2026-11-21-a.md": post()})
    assert named(found) == [("en/2026-11-21-a.md", 0, "duplicate-url", "error")]
    assert slugs(found) == ["2026-11-20-a"]


def test_a_file_outside_the_pattern_is_named(tmp_path: Path) -> None:
    found = read(tmp_path, {"posts/en/README.md": "x", "posts/en/a.md": "x", "posts/2026-11-20-b.md": "x"})
    assert {(file, code) for file, _, code, _ in named(found)} == {
        ("en/a.md", "not-in-pattern"),
        ("2026-11-20-b.md", "not-in-pattern"),
    }


def test_all_endings_of_markdown_are_read(tmp_path: Path) -> None:
    tab = "import Tabs from '@theme/Tabs';\n\n<Tabs>Words</Tabs>\n"
    files = {"posts/en/2026-11-20-a.mdx": post() + tab, "posts/en/2026-11-20-b.markdown": post(), **GOOD}
    found = read(tmp_path, dict(files))
    assert (slugs(found), found.problems) == (["2026-11-01-good", "2026-11-20-a", "2026-11-20-b"], ())
    assert all("import" not in text.html for entry in found.entries for text in entry.texts.values())
    found = read(tmp_path, {"posts/en/2026-11-20-a.md": post(), "posts/en/c.mdx": "x"})
    assert named(found) == [
        ("en/2026-11-20-a.mdx", 0, "duplicate-slug", "error"),
        ("en/c.mdx", 0, "not-in-pattern", "warning"),
    ]


def test_a_file_name_of_no_characters_is_named(tmp_path: Path) -> None:
    read(tmp_path, {})
    (tmp_path / "content/posts/en" / b"2026-11-20-\xff.md".decode("utf-8", "surrogateescape")).write_text(post())
    found = read(tmp_path, dict(GOOD))
    assert [code for _, _, code, _ in named(found)] == ["bad-name"]
    assert all(p.file.isprintable() and p.file.encode() for p in found.problems)
    assert slugs(found) == ["2026-11-01-good"]


@pytest.mark.parametrize("hours", [1, 24 * 400])
def test_a_post_of_the_future_waits_with_its_deadline(tmp_path: Path, hours: int) -> None:
    date = f"{NOW + timedelta(hours=hours):%Y-%m-%d %H:%M} Z"
    text = post(date=date, deadline="{title: Apply, at: 2028-12-01}")
    files: dict[str, str | bytes] = {"posts/en/2026-11-20-a.md": text}
    assert read(tmp_path, files).entries == ()
    later = read(tmp_path, files, now=NOW + timedelta(hours=hours)).entries
    assert [(entry.kind, entry.slug) for entry in later] == [
        (Kind.POST, "2026-11-20-a"),
        (Kind.DEADLINE, "2026-11-20-a-deadline"),
    ]
    assert later[1].starts == datetime(2028, 11, 30, 23, tzinfo=UTC)


def test_an_event_does_not_wait_for_the_date_in_its_name(tmp_path: Path) -> None:
    sources = "sources: {events: {folder: posts, kind: event, pattern: '{language}/{date}-{slug}.md'}}\n"
    files: dict[str, str | bytes] = {"posts/en/2027-01-20-a.md": post(starts="2027-01-20 18:00", place="Berlin")}
    entry = one(read(tmp_path, files, sources))
    assert (entry.kind, entry.starts, entry.published) == (Kind.EVENT, datetime(2027, 1, 20, 17, tzinfo=UTC), None)
    found = read(tmp_path, {"posts/en/2027-01-20-a.md": post()}, sources)
    assert named(found) == [("en/2027-01-20-a.md", 2, "missing-key", "error")]


@pytest.mark.parametrize(
    "shared", [{"place": "https://meet.example.org/room"}, {"url": "https://www.example.org/calls"}]
)
def test_events_in_one_room_or_on_one_page_are_different_events(tmp_path: Path, shared: dict[str, str]) -> None:
    sources = "sources: {events: {folder: posts, kind: event, pattern: '{language}/{date}-{slug}.md'}}\n"
    files: dict[str, str | bytes] = {
        f"posts/en/2027-0{month}-20-call.md": post(starts=f"2027-0{month}-20 18:00", **shared) for month in (1, 2)
    }
    found = read(tmp_path, files, sources)
    assert found.problems == ()
    assert len({entry.id for entry in found.entries}) == 2


@pytest.mark.parametrize(
    ("image", "code", "kept"),
    [
        ("images/x.png", "missing-alt", True),
        ("{src: images/x.png, alt: A ship}", None, True),
        ("/images/y.png", "missing-image", False),
        ("../content/images/x.png", "missing-image", False),
        ("http://a.example.org/x.png", "image-not-https", False),
        ("https://a.example.org/x.png", None, True),
    ],
)
def test_images(tmp_path: Path, image: str, code: str | None, kept: bool) -> None:
    found = read(tmp_path, {"posts/en/2026-11-20-a.md": post(image=image), "images/x.png": PNG})
    assert named(found) == ([("en/2026-11-20-a.md", 3, code, "warning")] if code else [])
    assert (one(found).image is not None) is kept


def test_titles_and_names_are_one_clean_line(tmp_path: Path) -> None:
    text = '---\ntitle: "A\\u202e\\0\\nB"\nauthors: ["x\\ty"]\nplace: "a\\nb"\nsummary: |\n  one\n  two\n---\n'
    entry = one(read(tmp_path, {"posts/en/2026-11-20-a.md": text}))
    assert (entry.texts["en"].title, entry.authors, entry.place) == ("A B", ("x y",), "a b")
    assert entry.texts["en"].summary == "one two"


def test_no_folder(tmp_path: Path) -> None:
    site = make_site(tmp_path, site=SITE + FOLDER)
    with pytest.raises(SourceError, match="no folder content/posts"):
        read_folder(site, site.sources[0], NOW)


def test_pictures_in_a_text_that_are_not_there(tmp_path: Path) -> None:
    lines = [
        "One",
        "",
        "![x](images/x.png) ![y](/images/y.png)",
        "![z](<no%20z.png>) ![w](https://a.example.org/w.png)",
    ]
    body = "\n".join([*lines, "", "![x](../content/images/x.png)"])
    sources = "sources: {posts: {folder: posts, pattern: '{language}/{slug}.md'}}\n"
    files: dict[str, str | bytes] = {"posts/en/a.md": post(body=body), "images/x.png": PNG}
    found = read(tmp_path, files, sources)
    assert named(found) == [("en/a.md", line, "missing-image", "warning") for line in (7, 8, 10)]
    assert "src" in one(found).texts["en"].html
    # where the post has a page of its own, its pictures are that page's
    elsewhere = sources.replace("pattern:", "url: 'https://posts.example.org/{slug}/', pattern:")
    assert named(read(tmp_path, files, elsewhere)) == []


def test_a_picture_is_described_in_each_language(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "images/x.png": PNG,
        "posts/en/2026-11-20-a.md": post(image="{src: images/x.png, alt: A ship}"),
        "posts/de/2026-11-20-a.md": post(body="Worte.", image="{src: images/x.png, alt: Ein Schiff}"),
    }
    entry = one(read(tmp_path, files))
    assert {tag: text.image_alt for tag, text in entry.texts.items()} == {"en": "A ship", "de": "Ein Schiff"}
    assert entry_from_json(entry_to_json(entry)) == entry


def test_a_picture_is_missed_in_a_broken_post_too(tmp_path: Path) -> None:
    found = read(tmp_path, {"posts/en/2026-11-20-a.md": "---\nauthor: A\nimage: images/none.png\n---\n"})
    assert named(found) == [
        ("en/2026-11-20-a.md", 2, "missing-key", "error"),
        ("en/2026-11-20-a.md", 3, "missing-image", "warning"),
    ]


def test_what_was_read_is_remembered_only_until_a_file_changes(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "posts/en/2026-11-20-a.md": post("One", image="pictures/a.png"),
        "posts/en/2026-11-20-b.md": post("Two"),
    }
    site = make_site(tmp_path, files, site=SITE + FOLDER)
    folder = tmp_path / "content" / "posts" / "en"

    def titles() -> set[str]:
        return {entry.texts["en"].title for entry in read_folder(site, site.sources[0], NOW).entries}

    def codes() -> list[str]:
        return [problem.code for problem in read_folder(site, site.sources[0], NOW).problems]

    assert (titles(), codes()) == ({"One", "Two"}, ["missing-image"])
    assert (titles(), codes()) == ({"One", "Two"}, ["missing-image"])
    (folder / "2026-11-20-b.md").write_text(post("Deux"))
    assert titles() == {"One", "Deux"}
    (folder / "2026-11-20-c.md").write_text(post("Three"))
    assert titles() == {"One", "Deux", "Three"}
    (folder / "2026-11-20-b.md").unlink()
    assert titles() == {"One", "Three"}
    (tmp_path / "content" / "pictures").mkdir()
    (tmp_path / "content" / "pictures" / "a.png").write_bytes(PNG)
    assert codes() == ["missing-alt"]


def test_what_is_remembered_is_as_new_and_of_its_own_site(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"posts/en/2026-11-20-a.md": post("One", category="security")}
    site = make_site(tmp_path, files, site=SITE + FOLDER)
    first, later = (read_folder(site, site.sources[0], now) for now in (NOW, NOW + timedelta(days=1)))
    assert (one(first).first_seen, one(later).first_seen) == (NOW, NOW + timedelta(days=1))
    elsewhere = make_site(tmp_path, {}, site=(SITE + FOLDER).replace("posts.example.org", "www.example.org"))
    assert one(read_folder(elsewhere, elsewhere.sources[0], NOW)).texts["en"].url.startswith("https://www.")


def test_a_post_whose_time_has_run_out_is_gone(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"posts/en/2026-11-20-a.md": post("One", expiryDate="2026-11-23")}
    site = make_site(tmp_path, files, site=SITE + FOLDER)
    moments = (NOW, datetime(2026, 11, 22, 22, 59, tzinfo=UTC), datetime(2026, 11, 22, 23, 0, tzinfo=UTC))
    assert [len(read_folder(site, site.sources[0], now).entries) for now in moments] == [1, 1, 0]
