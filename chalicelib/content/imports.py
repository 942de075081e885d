"""An old newsletter's issues, as Jekyll, Pelican or a folder of digests has them, become issues of our archive."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from chalicelib.content.archives import issue_number
from chalicelib.content.fields import LANGUAGE_TAG, Fields, web_address
from chalicelib.content.filling import filled, known_of
from chalicelib.content.frontmatter import ENDINGS, MAX_FILE_BYTES, MarkdownFile, read_markdown
from chalicelib.content.generators import Named, address, address_in, spelled, withheld
from chalicelib.content.markup import one_line
from chalicelib.content.moments import parse_moment
from chalicelib.content.problems import Problems
from chalicelib.content.shortcodes import one_line_without_shortcodes, without_shortcodes
from chalicelib.content.stories import said, stories
from chalicelib.content.values import Source, SourceKind

NO_ISSUES = frozenset({"readme", "index", "_index", "contributing", "license", "changelog", "draft", "template"})
MAX_FILES = 10_000
_DATED = re.compile(r"(\d{4})[-_.]?(\d{2})[-_.]?(\d{2})(?!\d)[-_.]?(.*)\Z", re.DOTALL)
_NUMBERED = re.compile(r"(?:\D{0,40}?[-_ #])?#?(\d{1,6})\Z")
_IN_TITLE = re.compile(r"(?:#|\b(?:issue|no\.?|nr\.?|ausgabe|edition|digest|week)\s*+#?)\s*+(\d{1,5})\b", re.IGNORECASE)
_WORDS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class ImportRules:
    """How old issues are read. ``url`` is where they stand, like a source's; ``lists`` takes front matter's stories."""

    title: str
    zone: ZoneInfo
    language: str = ""
    url: str = ""
    lists: bool = False


@dataclass(frozen=True, slots=True)
class OldIssue:
    """An issue ready to be written: the name of its file without ending, and what is to stand in it."""

    name: str
    text: str


def old_files(folder: Path) -> Iterator[Path]:
    """The Markdown files below a folder that may be issues, in their order."""
    count = 0
    for path in sorted(folder.rglob("*"), key=_in_order):
        inside = path.relative_to(folder).parts
        hidden = any(part.startswith(".") or part in {"_drafts", "drafts", "node_modules"} for part in inside)
        if path.suffix.lower() in ENDINGS and path.stem.lower() not in NO_ISSUES and not hidden and count < MAX_FILES:
            count += 1
            yield path


def _in_order(path: Path) -> tuple[int, str, str]:
    """9.md stands before 10.md."""
    digits = re.match(r"\d*", path.stem)
    number = digits[0] if digits else ""
    return len(number), number, str(path)


def read_old(path: Path, file: str, rules: ImportRules, problems: Problems) -> OldIssue | None:
    """One old issue; None for a draft, or after reporting why it can't be read."""
    found = Problems()
    markdown = read_markdown(path, file, found)
    issue = _made(markdown, path, rules) if markdown and not found.errors else None
    problems.extend(found.sorted())
    return None if found.errors else issue


def _made(markdown: MarkdownFile, path: Path, rules: ImportRules) -> OldIssue | None:
    fields = markdown.fields
    if withheld(fields):
        fields.problems.warning(fields.file, fields.line, "draft", "is a draft, so it is left out")
        return None
    dated = _DATED.match(path.stem)
    day = _day(fields, dated, rules.zone)
    if day is None:
        return None
    words = _slug(fields.text("slug")) or _slug(dated[4] if dated else path.stem)
    slug = (_DATED.match(words) or ["", "", "", "", words])[4].strip("-")
    title = one_line_without_shortcodes(one_line(said(fields.node("title"), rules.language)))
    number = _number(fields, "" if dated else path.stem, title)
    slug = "" if slug in {str(number), f"{number:02}", f"{number:03}"} else slug
    source = Source("import", SourceKind.FOLDER, "", url=rules.url)
    own = Named(words, rules.language, day, {"number": str(number or "")})
    url = _url(fields, source, own)
    body = without_shortcodes(filled(markdown.body, known_of(fields, source, own, url)))
    if rules.lists:
        body = "\n\n".join(part for part in (body.strip(), stories(fields, rules.language)) if part)
    if not body.strip():
        fields.problems.error(fields.file, markdown.body_line, "empty-issue", "holds no text and no stories")
        return None
    title = title or " ".join(part for part in (rules.title, str(number or day)) if part)
    head = {"title": title, "date": day, "number": number, "language": _language(fields, rules.language), "url": url}
    return _written(fields, f"{day}-{slug}" if slug else f"{day}", head, body)


def _written(fields: Fields, name: str, head: dict[str, object], body: str) -> OldIssue | None:
    lines = [f"{key}: {_quoted(value) if key in {'title', 'url'} else value}" for key, value in head.items() if value]
    text = "\n".join(["---", *lines, "---", "", body.strip("\n"), ""])
    if len(text.encode("utf-8", "replace")) > MAX_FILE_BYTES:
        fields.problems.error(fields.file, 0, "file-too-large", "would be larger than 2 MB; split it")
        return None
    return OldIssue(name, text)


def _quoted(value: object) -> str:
    """YAML takes JSON's texts."""
    return json.dumps(str(value), ensure_ascii=False)


def _day(fields: Fields, dated: re.Match[str] | None, zone: ZoneInfo) -> date | None:
    key = next((key for key in ("date", "published", "publishdate", "pubdate") if spelled(fields, key)), "")
    written = fields.text(spelled(fields, key)) if key else ""
    if written and written.lower() not in {"true", "false"}:
        try:
            return parse_moment(written, zone)[0].astimezone(zone).date()
        except ValueError as error:
            if dated is None:
                fields.wrong(spelled(fields, key), str(error), "bad-date")
                return None
    try:
        if dated:
            return date(int(dated[1]), int(dated[2]), int(dated[3]))
    except ValueError:
        pass
    message = "has no date; add 'date: 2023-01-26' to its front matter, or to the file's name"
    fields.problems.error(fields.file, fields.line, "missing-key", message)
    return None


def _number(fields: Fields, stem: str, title: str) -> int:
    """The number as written, else of the file's name or the title; 0 where there is none."""
    for key in ("number", "issue", "edition", "nr"):
        node = fields.node(spelled(fields, key)) if spelled(fields, key) else None
        if node and isinstance(node.value, str) and re.fullmatch(r"#?\d{1,6}", node.value.strip()):
            return issue_number(node.value)
    match = _NUMBERED.match(stem[-60:]) or _IN_TITLE.search(title)
    return int(match[1]) if match else 0


def _url(fields: Fields, source: Source, own: Named) -> str:
    for key in ("canonical_url", "canonicalurl", "canonical", "original_url"):
        node = fields.node(spelled(fields, key)) if spelled(fields, key) else None
        if node and isinstance(node.value, str) and _is_web(node.value.strip()):
            return node.value.strip()
    return address(fields, source) or address_in(source, own)


def _is_web(text: str) -> bool:
    try:
        return bool(web_address(text))
    except ValueError:
        return False


def _language(fields: Fields, chosen: str) -> str:
    written = next((fields.text(key) for key in ("language", "lang", "locale") if key in fields), "")
    language = written.replace("_", "-").split("-")[0].lower() or chosen
    return language if LANGUAGE_TAG.match(language) else ""


def _slug(text: str) -> str:
    return _WORDS.sub("-", text.lower()).strip("-")[:80].strip("-")
