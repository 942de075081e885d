"""The lint of what editors write: posts, events, notes and the texts of site.yaml and newsletters, with file and line.

Texts are judged as readers get them, rendered; where the words stand in the file is looked up after. All are warnings:
what would hold an edition is an error of that edition.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime

from chalicelib.collect.folder import Written, written
from chalicelib.content.markup import markdown_to_html
from chalicelib.content.pieces import Part, Pieces
from chalicelib.content.posts import Post
from chalicelib.content.values import EditionNote, Localized, Newsletter, Problem, Site, SourceKind
from chalicelib.lint.days import day_findings
from chalicelib.lint.document import read_html
from chalicelib.lint.findings import WARNING, Finding, shown
from chalicelib.lint.links import judge, link_findings, own_hosts
from chalicelib.lint.marks import left_findings
from chalicelib.lint.places import Places
from chalicelib.lint.words import is_shouted, subject_findings
from chalicelib.render.personal import fill, mark

SITE_FILE = "content/site.yaml"
_NO_ALT = re.compile(r"!\[[ \t]*\]\([^)\n]{0,500}\)?")
_IMG = re.compile(r"<img\b[^<>]{0,1000}>", re.IGNORECASE)
_ACTIVE = re.compile(
    r"""(?i)(?:\]\([ \t]{0,9}<?|\bhref[ \t]{0,9}=[ \t]{0,9}["']?)[ \t]{0,9}"""
    r"""(?:javascript|vbscript|data):[^)"'>\s]{0,80}"""
)
_EMPTY = re.compile(r"""(?i)(?<!!)\[[ \t]{0,9}\]\([^)\s]{1,300}|<a\b[^<>]{0,500}>[ \t]{0,9}</a>""")
_GENERATED = {Part.TAG, Part.OUTPUT, Part.HUGO}
_HAS_ALT = re.compile(r"(?i)\balt\s*=")


def lint_sources(site: Site, places: Places | None = None) -> list[Problem]:
    """All that an editor can mend in the site's own files. Reads the folders, which are remembered, and no network."""
    places = places or Places(site.root)
    own = own_hosts(site.base_url, *(source.url for source in site.sources))
    found: set[Problem] = set()
    for post in folders(site):
        found.update(_of_written(post, site, own, places))
    for note in site.notes.values():
        found.update(_of_note(note, site, own, places))
    for newsletter in site.newsletters.values():
        found.update(_of_newsletter(newsletter, places))
    found.update(_of_site(site, places))
    return sorted(found)


def folders(site: Site) -> Iterator[Written]:
    """What lies in all folders of a site."""
    for source in site.sources:
        if source.kind is SourceKind.FOLDER and source.location:
            yield from written(site, source)


def files_of(site: Site) -> dict[str, tuple[str, ...]]:
    """The files that each entry of a folder was made of, by its id."""
    return {entry.id: tuple(post.file for post in one.posts) for one in folders(site) for entry in one.entries}


def links_of(site: Site, places: Places) -> dict[str, tuple[str, int]]:
    """The addresses that posts and events link to, the newest first, each with its file and line."""
    ordered = sorted(folders(site), key=lambda one: _day(one.posts, site) or date.min, reverse=True)
    found: dict[str, tuple[str, int]] = {}
    for one in ordered:
        files = [post.file for post in one.posts]
        for html in (text.html for entry in one.entries for text in entry.texts.values()):
            for href in (link.attrs["href"] for link in read_html(html).links):
                if href not in found:
                    found[href] = places.find(files, href) or (files[0], one.posts[0].body_line)
    return found


def _of_written(one: Written, site: Site, own: frozenset[str], places: Places) -> Iterator[Problem]:
    day = _day(one.posts, site)
    files = [post.file for post in one.posts]
    for html in dict.fromkeys(text.html for entry in one.entries for text in entry.texts.values()):
        for finding in _of_html(html, day, own):
            yield _placed(finding, files, places, one.posts[0].body_line)
    for post in one.posts:
        for finding in _of_front_matter(post, day):
            line = post.lines.get("url" if finding.needle == post.url else "title", 1)
            yield _warning(finding, post.file, places.line(post.file, finding.needle) or line)
        yield from _pictures(post.file, places)
        yield from _links(post.file, places)
        yield from _left_out(post, places)


def _links(file: str, places: Places) -> Iterator[Problem]:
    """What the sanitiser takes out without a word: links that run something, and links without words."""
    for number, line in enumerate(places.text(file).split("\n"), 1):
        for match in _ACTIVE.finditer(line):
            words = f"a link that no mail program follows, so that it is left out: {shown(match[0])}"
            yield Problem(file, number, "bad-link", WARNING, words)
        for match in _EMPTY.finditer(line):
            words = f"a link without words, which nobody can hear or see: {shown(match[0])}"
            yield Problem(file, number, "empty-link", WARNING, words)


def _left_out(post: Post, places: Places) -> Iterator[Problem]:
    """Marks of a generator that nothing here understands; their like is told once a file."""
    marks = (piece.written.strip() for piece in Pieces(post.body) if piece.part in _GENERATED)
    for mark_ in dict.fromkeys(marks):
        if line := places.line(post.file, mark_):
            words = f"'{shown(mark_)}' is left out, as only your generator knows what it means; write it as text"
            yield Problem(post.file, line, "shortcode", WARNING, words)


def _day(posts: tuple[Post, ...], site: Site) -> date | None:
    moment = next((moment for post in posts if (moment := post.date or post.starts)), None)
    return moment.astimezone(site.time_zone).date() if moment else None


def _of_html(html: str, day: date | None, own: frozenset[str], *, personal: bool = False) -> Iterator[Finding]:
    document = read_html(html)
    # the same words for two pages are judged in a mail, where most of a post does not stand
    yield from (found for found in link_findings(document, own) if found.code not in {"ambiguous-link", "empty-link"})
    for block in document.blocks:
        yield from left_findings(fill(mark(block), {}) if personal else block)
        yield from day_findings(block, day) if day else ()


def _of_front_matter(post: Post, day: date | None) -> Iterator[Finding]:
    if is_shouted(post.title):
        yield Finding("shouted-title", WARNING, f"the title is all in capitals: {shown(post.title)}", post.title)
    for text in (post.title, post.summary, post.deadline_title):
        yield from left_findings(text)
        yield from day_findings(text, day) if day else ()
    for url in (post.url, post.image, post.place):
        if "://" in url:
            yield from judge(url)


def _pictures(file: str, places: Places) -> Iterator[Problem]:
    for number, line in enumerate(places.text(file).split("\n"), 1):
        silent = [match[0] for match in _NO_ALT.finditer(line)]
        silent += [match[0] for match in _IMG.finditer(line) if not _HAS_ALT.search(match[0])]
        for picture in silent:
            words = f"a picture without a text: {shown(picture)}; say what it shows, ![like this](…)"
            yield Problem(file, number, "missing-alt", WARNING, words)


def _of_note(note: EditionNote, site: Site, own: frozenset[str], places: Places) -> Iterator[Problem]:
    files, day = _files_of_note(note, site), datetime.fromisoformat(note.slot[:10]).date()
    texts: list[Localized] = [note.intro, *(e.remark for section in note.sections or () for e in section.entries)]
    for text in dict.fromkeys(text for by_language in texts for text in by_language.values()):
        for finding in _of_html(markdown_to_html(text, f"{site.base_url}/"), day, own, personal=True):
            yield _placed(finding, files, places, 1)
    for subject in dict.fromkeys(note.subject.values()):
        if subject:
            line = note.lines.get("subject", 1)
            for finding in (*subject_findings(fill(mark(subject), {})), *left_findings(fill(mark(subject), {}))):
                yield _placed(replace(finding, needle=subject), files, places, line)
    for file in files:
        yield from _pictures(file, places)
        yield from _links(file, places)
        yield from _braces(file, places)


def _files_of_note(note: EditionNote, site: Site) -> list[str]:
    folder = site.root / "content" / "editions" / note.newsletter
    found = [folder / f"{note.slot}.md", *sorted(folder.glob(f"{note.slot}.*.md"))]
    return [path.relative_to(site.root).as_posix() for path in found if path.is_file()] or [note.file]


def _braces(file: str, places: Places) -> Iterator[Problem]:
    """A field written as in other programs is taken out of a note as a shortcode: nobody would see that it is gone."""
    line = 1
    for piece in Pieces(places.text(file)):
        if piece.part is Part.OUTPUT:
            words = f"'{shown(piece.written)}' is taken out; a reader's name is {{name}}, code stands in backticks"
            yield Problem(file, line, "unresolved", WARNING, words)
        line += piece.written.count("\n")


def _of_newsletter(newsletter: Newsletter, places: Places) -> Iterator[Problem]:
    for texts in (newsletter.title, newsletter.description):
        for finding in (found for text in texts.values() for found in left_findings(text)):
            yield _placed(finding, [newsletter.file], places, 1)


def _of_site(site: Site, places: Places) -> Iterator[Problem]:
    for texts in (site.name, site.footer, site.postal_address, site.sender.name):
        for finding in (found for text in texts.values() for found in left_findings(text)):
            yield _placed(finding, [SITE_FILE], places, 1)
    for url in (site.base_url, site.imprint_url, site.privacy_url, site.theme.logo):
        for finding in judge(url) if "://" in url else ():
            yield _placed(finding, [SITE_FILE], places, 1)
    for source in site.sources:
        for finding in judge(source.url):
            line = places.line(SITE_FILE, source.url) or source.line
            yield _warning(finding, SITE_FILE, line)


def _placed(finding: Finding, files: list[str], places: Places, line: int) -> Problem:
    """At the first of the files that holds it, else at ``line`` of the first."""
    file, found = places.find(files, finding.needle) or (files[0], line)
    return _warning(finding, file, found)


def _warning(finding: Finding, file: str, line: int) -> Problem:
    return replace(finding, severity=WARNING).at(file, line)
